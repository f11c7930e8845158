//! Hashes and HMACs over secrets that stay in the host.
//!
//! A message is a list of chunks; a secret is named in it, never seen. All of
//! this works only during `sign`.
//!
//! ```
//! use crossdock_adapter::keys::{self, secret, text};
//! # crossdock_adapter::testing::with_secrets([("app-secret", "testsecret")], || {
//! let message = [secret("app-secret"), text("b1cb2c"), secret("app-secret")];
//! let sign = keys::md5(&message)?.hex();
//! assert_eq!(sign, "4176bfbb890d63280f137053be381691");
//! # Ok::<(), keys::KeyError>(()) }).unwrap();
//! ```

#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod native;

pub use crate::bindings::crossdock::adapter::keys::{Chunk, Digest, KeyError};

#[cfg(target_arch = "wasm32")]
use crate::bindings::crossdock::adapter::keys as host;
use crate::encode;
#[cfg(not(target_arch = "wasm32"))]
use native as host;
use std::fmt;

/// Text, as UTF-8.
pub fn text(text: impl Into<String>) -> Chunk {
    Chunk::Text(text.into())
}

/// Bytes.
pub fn bytes(bytes: impl Into<Vec<u8>>) -> Chunk {
    Chunk::Bytes(bytes.into())
}

/// The bytes of the secret with this name.
pub fn secret(name: impl Into<String>) -> Chunk {
    Chunk::Secret(name.into())
}

/// A hash or HMAC.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature(Vec<u8>);

impl Signature {
    /// Lower-case hexadecimal.
    pub fn hex(&self) -> String {
        encode::hex_lower(&self.0)
    }

    /// Upper-case hexadecimal.
    pub fn hex_upper(&self) -> String {
        encode::hex_upper(&self.0)
    }

    /// Base64 with padding.
    pub fn base64(&self) -> String {
        encode::base64(&self.0)
    }

    /// The bytes themselves.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(«not shown»)")
    }
}

/// Hash of the concatenated chunks, of which at least one is a secret.
///
/// # Errors
/// The secret is not declared or not set, or this is not `sign`.
pub fn hash(digest: Digest, message: &[Chunk]) -> Result<Signature, KeyError> {
    host::hash(digest, message).map(Signature)
}

/// MD5 of the concatenated chunks.
///
/// # Errors
/// As [`hash`].
pub fn md5(message: &[Chunk]) -> Result<Signature, KeyError> {
    hash(Digest::Md5, message)
}

/// SHA-1 of the concatenated chunks.
///
/// # Errors
/// As [`hash`].
pub fn sha1(message: &[Chunk]) -> Result<Signature, KeyError> {
    hash(Digest::Sha1, message)
}

/// SHA-256 of the concatenated chunks.
///
/// # Errors
/// As [`hash`].
pub fn sha256(message: &[Chunk]) -> Result<Signature, KeyError> {
    hash(Digest::Sha256, message)
}

/// SHA-512 of the concatenated chunks.
///
/// # Errors
/// As [`hash`].
pub fn sha512(message: &[Chunk]) -> Result<Signature, KeyError> {
    hash(Digest::Sha512, message)
}

/// HMAC of the concatenated chunks.
///
/// # Errors
/// As [`hash`].
pub fn hmac(digest: Digest, key: &[Chunk], message: Vec<Chunk>) -> Result<Signature, KeyError> {
    hmac_chain(digest, key, &[message])
}

/// HMACs in a row: each result is the key of the next message, and the last
/// result is given (AWS Signature Version 4, Tencent TC3).
///
/// # Errors
/// As [`hash`].
pub fn hmac_chain(
    digest: Digest,
    key: &[Chunk],
    messages: &[Vec<Chunk>],
) -> Result<Signature, KeyError> {
    host::hmac(digest, key, messages).map(Signature)
}
