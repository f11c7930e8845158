//! `keys`: cryptography whose keys stay in the host.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest as _, Md5};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use zeroize::Zeroizing;

use super::bindings::adapter::crossdock::adapter::keys::{Chunk, Digest, Host, KeyError};
use super::state::GuestState;
use crate::config::Secret;

/// Keys derived one from the other in one `hmac` call. AWS SigV4 needs five.
const MOST_MESSAGES: usize = 16;

/// Results one `sign` may ask for.
const MOST_RESULTS: usize = 64;

/// Bytes one `sign` may have hashed: the host computes them on a thread that
/// serves, and that time is not the guest's.
const MOST_BYTES: usize = 32 << 20;

/// What `keys` may use while one `sign` runs.
pub struct KeyScope {
    /// The connection's secrets by name.
    pub secrets: Arc<BTreeMap<String, Secret>>,
    /// The names in the adapter's manifest.
    pub declared: Arc<BTreeSet<String>>,
    /// Every result given out, for the redaction of this delivery.
    pub derived: Vec<Vec<u8>>,
    /// The first secret asked for that is not in the manifest: the adapter's
    /// fault, unlike one that the connection does not set.
    pub undeclared: OnceLock<String>,
    /// The first one that is declared and that the connection does not set.
    pub unset: OnceLock<String>,
    /// Bytes hashed so far.
    processed: usize,
    /// Of a call that verifies what somebody sent.
    pub(super) verifies: Option<Verifies>,
}

/// What was found out about who sent something, while one `receive` runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verifies {
    /// Whether somebody knew a secret.
    pub known: bool,
    /// How often the adapter asked.
    pub(super) asked: usize,
}

impl KeyScope {
    /// A scope that has given out nothing.
    pub fn new(secrets: Arc<BTreeMap<String, Secret>>, declared: Arc<BTreeSet<String>>) -> Self {
        Self {
            secrets,
            declared,
            derived: Vec::new(),
            undeclared: OnceLock::new(),
            unset: OnceLock::new(),
            processed: 0,
            verifies: None,
        }
    }

    /// The same for a call that verifies what somebody sent.
    pub fn verifying(mut self) -> Self {
        self.verifies = Some(Verifies::default());
        self
    }

    /// Whether somebody knew a secret.
    pub fn verified(&self) -> bool {
        self.verifies.is_some_and(|verifies| verifies.known)
    }

    pub(super) fn secret(&self, name: &str) -> Result<&Secret, KeyError> {
        if !self.declared.contains(name) {
            // The first one is enough.
            let _ = self.undeclared.set(name.to_owned());
            return Err(KeyError::NotFound(format!(
                "secret `{name}` is not declared in the manifest"
            )));
        }
        self.secrets.get(name).ok_or_else(|| {
            let _ = self.unset.set(name.to_owned());
            KeyError::NotFound(format!("secret `{name}` is not set for this connection"))
        })
    }

    /// Checks a message before anything is computed of it: every secret is there,
    /// and there is room for it. Returns its bytes, and whether a secret is in it.
    fn measure(&self, chunks: &[Chunk]) -> Result<(usize, bool), KeyError> {
        let mut size = 0_usize;
        let mut with_secret = false;
        for chunk in chunks {
            size = size.saturating_add(match chunk {
                Chunk::Text(text) => text.len(),
                Chunk::Bytes(bytes) => bytes.len(),
                Chunk::Secret(name) => {
                    with_secret = true;
                    self.secret(name)?.expose().len()
                }
            });
        }
        Ok((size, with_secret))
    }

    /// Takes the bytes of one call from what this `sign` may still process. A
    /// name is short and a secret is long: what a guest handed over bounds
    /// nothing.
    pub(super) fn reserve(&mut self, bytes: usize) -> Result<(), KeyError> {
        if self.derived.len() >= MOST_RESULTS {
            return Err(KeyError::Other(format!(
                "more than {MOST_RESULTS} results in one `sign`"
            )));
        }
        let processed = self.processed.saturating_add(bytes);
        if processed > MOST_BYTES {
            return Err(KeyError::Other(format!(
                "more than {} MiB of messages in one `sign`",
                MOST_BYTES >> 20
            )));
        }
        self.processed = processed;
        Ok(())
    }

    /// The chunks as one message of `size` bytes.
    fn join(&self, chunks: &[Chunk], size: usize) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        // The whole size first: a vector that grows leaves copies of a secret behind.
        let mut message = Zeroizing::new(Vec::with_capacity(size));
        for chunk in chunks {
            message.extend_from_slice(match chunk {
                Chunk::Text(text) => text.as_bytes(),
                Chunk::Bytes(bytes) => bytes,
                Chunk::Secret(name) => self.secret(name)?.expose().as_bytes(),
            });
        }
        Ok(message)
    }

    fn give(&mut self, result: Vec<u8>) -> Vec<u8> {
        self.derived.push(result.clone());
        result
    }

    fn hash(&mut self, alg: Digest, message: &[Chunk]) -> Result<Vec<u8>, KeyError> {
        let result = self.hashed(alg, message)?;
        Ok(self.give(result))
    }

    /// A hash that is not given out.
    pub(super) fn hashed(&mut self, alg: Digest, message: &[Chunk]) -> Result<Vec<u8>, KeyError> {
        let (size, with_secret) = self.measure(message)?;
        if !with_secret {
            return Err(KeyError::Other(
                "a message without a secret needs no `keys`: hash it in the adapter".into(),
            ));
        }
        self.reserve(size)?;
        let message = self.join(message, size)?;
        Ok(digest(alg, &message))
    }

    fn hmac(
        &mut self,
        alg: Digest,
        key: &[Chunk],
        messages: &[Vec<Chunk>],
    ) -> Result<Vec<u8>, KeyError> {
        let result = self.maced(alg, key, messages)?;
        Ok(self.give(result))
    }

    /// An HMAC that is not given out.
    pub(super) fn maced(
        &mut self,
        alg: Digest,
        key: &[Chunk],
        messages: &[Vec<Chunk>],
    ) -> Result<Vec<u8>, KeyError> {
        if messages.is_empty() || messages.len() > MOST_MESSAGES {
            return Err(KeyError::Other(format!(
                "`hmac` takes 1 to {MOST_MESSAGES} messages"
            )));
        }
        let (key_size, mut with_secret) = self.measure(key)?;
        let mut total = key_size;
        let mut sizes = Vec::with_capacity(messages.len());
        for message in messages {
            let (size, secret_inside) = self.measure(message)?;
            with_secret |= secret_inside;
            total = total.saturating_add(size);
            sizes.push(size);
        }
        if !with_secret {
            return Err(KeyError::Other(
                "neither the key nor a message names a secret: compute it in the adapter".into(),
            ));
        }
        self.reserve(total)?;
        let mut key = self.join(key, key_size)?;
        for (message, size) in messages.iter().zip(sizes) {
            let message = self.join(message, size)?;
            key = Zeroizing::new(mac(alg, &key, &message));
        }
        Ok(std::mem::take(&mut *key))
    }
}

fn digest(alg: Digest, message: &[u8]) -> Vec<u8> {
    match alg {
        Digest::Md5 => Md5::digest(message).to_vec(),
        Digest::Sha1 => Sha1::digest(message).to_vec(),
        Digest::Sha256 => Sha256::digest(message).to_vec(),
        Digest::Sha512 => Sha512::digest(message).to_vec(),
    }
}

fn mac(alg: Digest, key: &[u8], message: &[u8]) -> Vec<u8> {
    // HMAC takes keys of every length (RFC 2104), so the error cannot occur.
    macro_rules! compute {
        ($hash:ty) => {
            Hmac::<$hash>::new_from_slice(key)
                .map(|mac| mac.chain_update(message).finalize().into_bytes().to_vec())
                .unwrap_or_default()
        };
    }
    match alg {
        Digest::Md5 => compute!(Md5),
        Digest::Sha1 => compute!(Sha1),
        Digest::Sha256 => compute!(Sha256),
        Digest::Sha512 => compute!(Sha512),
    }
}

impl Host for GuestState {
    fn hash(
        &mut self,
        alg: Digest,
        message: Vec<Chunk>,
    ) -> wasmtime::Result<Result<Vec<u8>, KeyError>> {
        Ok(match &mut self.keys {
            Some(scope) => scope.hash(alg, &message),
            None => Err(self.no_keys()),
        })
    }

    fn hmac(
        &mut self,
        alg: Digest,
        key: Vec<Chunk>,
        messages: Vec<Vec<Chunk>>,
    ) -> wasmtime::Result<Result<Vec<u8>, KeyError>> {
        Ok(match &mut self.keys {
            Some(scope) => scope.hmac(alg, &key, &messages),
            None => Err(self.no_keys()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> KeyScope {
        let secrets = BTreeMap::from([("key".to_owned(), Secret::new("Jefe".into()))]);
        let declared = BTreeSet::from(["key".to_owned(), "unset".to_owned()]);
        KeyScope::new(Arc::new(secrets), Arc::new(declared))
    }

    fn secret() -> Chunk {
        Chunk::Secret("key".into())
    }

    fn text(text: &str) -> Chunk {
        Chunk::Text(text.into())
    }

    #[test]
    fn hmac_agrees_with_rfc_4231_case_2() {
        let mut scope = scope();
        let mac = scope
            .hmac(
                Digest::Sha256,
                &[secret()],
                &[vec![text("what do ya want "), text("for nothing?")]],
            )
            .unwrap();
        assert_eq!(
            hex::encode(&mac),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(scope.derived, [mac]);
    }

    #[test]
    fn a_hash_needs_a_secret() {
        assert!(matches!(
            scope().hash(Digest::Md5, &[text("open")]),
            Err(KeyError::Other(_))
        ));
        assert!(matches!(
            scope().hmac(Digest::Md5, &[text("open")], &[vec![text("too")]]),
            Err(KeyError::Other(_))
        ));
    }

    #[test]
    fn what_is_refused_is_not_computed() {
        let mut scope = scope();
        let long = || Chunk::Bytes(vec![0; 1 << 20]);
        assert!(scope.hash(Digest::Sha512, &[long()]).is_err());
        let open = [vec![long()], vec![long()]];
        assert!(scope.hmac(Digest::Sha512, &[long()], &open).is_err());
        // The last message names a secret that is not there.
        let unset = [vec![long()], vec![Chunk::Secret("unset".into())]];
        assert!(scope.hmac(Digest::Sha512, &[secret()], &unset).is_err());
        assert_eq!((scope.processed, scope.derived.len()), (0, 0));
    }

    #[test]
    fn a_name_repeated_does_not_make_a_message_without_bound() {
        let long = Secret::new("s".repeat(1 << 16));
        let secrets = BTreeMap::from([("key".to_owned(), long)]);
        let declared = BTreeSet::from(["key".to_owned()]);
        let mut scope = KeyScope::new(Arc::new(secrets), Arc::new(declared));
        let many: Vec<Chunk> = (0..100_000).map(|_| secret()).collect();
        assert!(matches!(
            scope.hash(Digest::Md5, &many),
            Err(KeyError::Other(message)) if message.contains("32 MiB")
        ));
        assert!(scope.hmac(Digest::Md5, &many, &[vec![text("x")]]).is_err());
        // Nor do many calls of one `sign`.
        let some: Vec<Chunk> = (0..200).map(|_| secret()).collect();
        assert!(scope.hash(Digest::Md5, &some).is_ok());
        assert!(scope.hash(Digest::Md5, &some).is_ok());
        assert!(scope.hash(Digest::Md5, &some).is_err());
    }

    #[test]
    fn undeclared_and_unset_secrets_are_told_apart() {
        let mut scope = scope();
        for (name, why) in [("other", "not declared"), ("unset", "not set")] {
            let Err(KeyError::NotFound(message)) =
                scope.hash(Digest::Md5, &[Chunk::Secret(name.into())])
            else {
                panic!("`{name}` was found");
            };
            assert!(message.contains(why), "{message}");
        }
    }

    #[test]
    fn results_per_sign_are_bounded() {
        let mut scope = scope();
        for _ in 0..MOST_RESULTS {
            scope.hash(Digest::Md5, &[secret()]).unwrap();
        }
        assert!(scope.hash(Digest::Md5, &[secret()]).is_err());
        assert!(scope.hmac(Digest::Md5, &[secret()], &[]).is_err());
    }
}
