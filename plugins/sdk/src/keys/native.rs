//! What the host computes, computed here: for tests outside a sandbox.

use super::{Chunk, Digest, KeyError};
use hmac::{Hmac, KeyInit, Mac};
use std::cell::RefCell;
use std::collections::BTreeMap;

type Secrets = BTreeMap<String, String>;

thread_local! {
    /// Test secrets; `None` outside `sign`.
    static SECRETS: RefCell<Option<Secrets>> = const { RefCell::new(None) };
}

/// Runs `work` as if in `sign` of a connection with these secrets.
pub(crate) fn with_secrets<R>(secrets: Secrets, work: impl FnOnce() -> R) -> R {
    /// Puts the previous secrets back, also when `work` panics.
    struct Restore(Option<Secrets>);
    impl Drop for Restore {
        fn drop(&mut self) {
            SECRETS.with(|current| *current.borrow_mut() = self.0.take());
        }
    }
    let _restore = Restore(SECRETS.with(|current| current.replace(Some(secrets))));
    work()
}

pub(crate) fn hash(digest: Digest, message: &[Chunk]) -> Result<Vec<u8>, KeyError> {
    use sha1::Digest as _;
    if !has_secret(message) {
        return Err(KeyError::Other(
            "a hash needs a secret in its message".into(),
        ));
    }
    let message = resolve(message)?;
    Ok(match digest {
        Digest::Md5 => md5::Md5::digest(&message).to_vec(),
        Digest::Sha1 => sha1::Sha1::digest(&message).to_vec(),
        Digest::Sha256 => sha2::Sha256::digest(&message).to_vec(),
        Digest::Sha512 => sha2::Sha512::digest(&message).to_vec(),
    })
}

pub(crate) fn hmac(
    digest: Digest,
    key: &[Chunk],
    messages: &[Vec<Chunk>],
) -> Result<Vec<u8>, KeyError> {
    if !has_secret(key) && !messages.iter().any(|message| has_secret(message)) {
        return Err(KeyError::Other("an HMAC needs a secret".into()));
    }
    if messages.is_empty() {
        return Err(KeyError::Other("an HMAC needs a message".into()));
    }
    let mut key = resolve(key)?;
    for message in messages {
        let message = resolve(message)?;
        key = match digest {
            Digest::Md5 => mac::<Hmac<md5::Md5>>(&key, &message),
            Digest::Sha1 => mac::<Hmac<sha1::Sha1>>(&key, &message),
            Digest::Sha256 => mac::<Hmac<sha2::Sha256>>(&key, &message),
            Digest::Sha512 => mac::<Hmac<sha2::Sha512>>(&key, &message),
        }?;
    }
    Ok(key)
}

/// Whether `given` is the secret itself.
pub(crate) fn is_secret(name: &str, given: &[u8]) -> Result<bool, KeyError> {
    let secret = resolve(&[Chunk::Secret(name.to_owned())])?;
    Ok(secret == given)
}

fn mac<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Result<Vec<u8>, KeyError> {
    let mut mac =
        <M as KeyInit>::new_from_slice(key).map_err(|e| KeyError::Other(e.to_string()))?;
    mac.update(message);
    Ok(mac.finalize().into_bytes().to_vec())
}

fn has_secret(chunks: &[Chunk]) -> bool {
    chunks.iter().any(|chunk| matches!(chunk, Chunk::Secret(_)))
}

fn resolve(chunks: &[Chunk]) -> Result<Vec<u8>, KeyError> {
    SECRETS.with(|secrets| {
        let secrets = secrets.borrow();
        let secrets = secrets.as_ref().ok_or(KeyError::NotPermitted)?;
        let mut bytes = Vec::new();
        for chunk in chunks {
            match chunk {
                Chunk::Text(text) => bytes.extend_from_slice(text.as_bytes()),
                Chunk::Bytes(more) => bytes.extend_from_slice(more),
                Chunk::Secret(name) => {
                    let secret = secrets.get(name);
                    let secret = secret.ok_or_else(|| KeyError::NotFound(name.clone()))?;
                    bytes.extend_from_slice(secret.as_bytes());
                }
            }
        }
        Ok(bytes)
    })
}
