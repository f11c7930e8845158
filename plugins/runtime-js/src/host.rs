//! What the component imports; natively, for tests, a stand-in of it.

/// The file that this instance runs: name and text.
#[cfg(target_arch = "wasm32")]
pub fn read() -> (String, String) {
    let file = crate::bindings::crossdock::source::file::read();
    (file.name, file.text)
}

/// A line for the plugin's log.
#[cfg(target_arch = "wasm32")]
pub fn log(level: &str, line: &str) {
    use crate::bindings::crossdock::adapter0_1_0::log::{Level, write};
    let level = match level {
        "debug" => Level::Debug,
        "warn" => Level::Warn,
        "error" => Level::Error,
        _ => Level::Info,
    };
    write(level, line);
}

#[cfg(target_arch = "wasm32")]
pub use crate::bindings::crossdock::adapter0_1_0::keys::{hash, hmac};

/// Whether somebody knows a secret.
#[cfg(target_arch = "wasm32")]
pub use crate::bindings::crossdock::adapter0_1_1::verify;

#[cfg(not(target_arch = "wasm32"))]
pub use native::{hash, hmac, log, verify};

/// What the host computes, computed here, with one secret.
#[cfg(not(target_arch = "wasm32"))]
pub mod native {
    use crate::contract::{Chunk, Digest, KeyError};
    use crate::digest;
    use std::cell::RefCell;

    thread_local! {
        static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }

    /// Keeps a line.
    pub fn log(level: &str, line: &str) {
        LINES.with_borrow_mut(|lines| lines.push(format!("{level}: {line}")));
    }

    /// What was logged since the last time.
    #[cfg(test)]
    pub fn lines() -> Vec<String> {
        LINES.take()
    }

    fn known(message: &[Chunk]) -> Result<Vec<Chunk>, KeyError> {
        let known = message.iter().map(|chunk| match chunk {
            Chunk::Secret(name) if name == "key" => Ok(Chunk::Text("Jefe".into())),
            Chunk::Secret(name) => Err(KeyError::NotFound(format!(
                "secret `{name}` is not declared in the manifest"
            ))),
            other => Ok(other.clone()),
        });
        known.collect()
    }

    /// What the host compares, compared here.
    pub mod verify {
        use crate::contract::{Chunk, Digest, KeyError};
        use crate::digest;

        /// With the secret `key`, `Jefe`.
        pub fn hash(alg: Digest, message: &[Chunk], given: &[u8]) -> Result<bool, KeyError> {
            Ok(super::hash(alg, message)? == given)
        }

        /// With the secret `key`, `Jefe`.
        pub fn hmac(
            alg: Digest,
            key: &[Chunk],
            messages: &[Vec<Chunk>],
            given: &[u8],
        ) -> Result<bool, KeyError> {
            Ok(super::hmac(alg, key, messages)? == given)
        }

        /// With the secret `key`, `Jefe`.
        pub fn secret(name: &str, given: &[u8]) -> Result<bool, KeyError> {
            let secret = super::known(&[Chunk::Secret(name.to_owned())])?;
            Ok(digest::hash(Digest::Sha256, &secret)
                == digest::hash(Digest::Sha256, &[Chunk::Bytes(given.to_vec())]))
        }
    }

    /// With the secret `key`, `Jefe`.
    pub fn hash(alg: Digest, message: &[Chunk]) -> Result<Vec<u8>, KeyError> {
        Ok(digest::hash(alg, &known(message)?))
    }

    /// With the secret `key`, `Jefe`.
    pub fn hmac(alg: Digest, key: &[Chunk], messages: &[Vec<Chunk>]) -> Result<Vec<u8>, KeyError> {
        let messages: Result<Vec<_>, _> = messages.iter().map(|message| known(message)).collect();
        Ok(digest::hmac(alg, &known(key)?, &messages?))
    }
}
