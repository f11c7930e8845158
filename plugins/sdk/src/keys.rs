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

/// The value of a signed pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// Text that the adapter knows.
    Text(&'a str),
    /// The secret with this name.
    Secret(&'a str),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

/// The message that many Chinese platforms sign: the pairs in the byte order of
/// their names, name and value joined without separators, and a secret in front
/// and behind. Pairs with empty values are in it.
pub fn wrapped(wrap: &str, pairs: Vec<(&str, Value)>) -> Vec<Chunk> {
    let mut chunks = vec![secret(wrap)];
    chunks.extend(sorted(pairs, "", ""));
    chunks.push(secret(wrap));
    chunks
}

/// The pairs in the byte order of their names, as a message's chunks: `equals`
/// between name and value, `between` after each pair but the last. Pairs that a
/// platform does not sign, such as empty ones, are left out before.
pub fn sorted(mut pairs: Vec<(&str, Value)>, equals: &str, between: &str) -> Vec<Chunk> {
    pairs.sort_unstable_by_key(|(name, _)| *name);
    let mut chunks = Vec::new();
    let mut stretch = String::new();
    for (position, (name, value)) in pairs.into_iter().enumerate() {
        if position > 0 {
            stretch.push_str(between);
        }
        stretch.push_str(name);
        stretch.push_str(equals);
        match value {
            Value::Text(text) => stretch.push_str(text),
            Value::Secret(name) => {
                chunks.push(Chunk::Text(std::mem::take(&mut stretch)));
                chunks.push(secret(name));
            }
        }
    }
    if !stretch.is_empty() {
        chunks.push(Chunk::Text(stretch));
    }
    chunks
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::with_secrets;

    /// The published tests of a Go client of 旺店通旗舰版 (third party).
    #[test]
    fn a_wrapped_message_sorts_names_and_holds_secrets() {
        let signed = |wrap: &'static str, pairs: &[(&'static str, Value<'static>)]| {
            let secrets = [("wrap", wrap), ("salt", "dd")];
            let sign = || md5(&wrapped("wrap", pairs.to_vec())).map(|sign| sign.hex());
            with_secrets(secrets, sign).expect("a signature")
        };
        let (one, two) = (Value::Text("1"), Value::Text("2"));
        assert_eq!(
            signed("s", &[("a", one)]),
            "585b98956d9738edec5cbd8443f7a228"
        );
        assert_eq!(
            signed("s", &[("b", two), ("a", one)]),
            "5ee29085af57d942f21f1c5ba3c2a90a"
        );
        assert_eq!(
            signed("testsecret", &[("c", "b2c".into()), ("b", one)]),
            "4176bfbb890d63280f137053be381691"
        );
        let pairs = [
            ("body", "[]".into()),
            ("key", "wdt_test".into()),
            ("method", "system.Core.now".into()),
            ("salt", Value::Secret("salt")),
            ("sid", "wdtapi3".into()),
            ("timestamp", "100".into()),
            ("v", "1.0".into()),
        ];
        assert_eq!(signed("aa", &pairs), "b5745bf1f4721a0d16e9a68cb7513032");
    }

    #[test]
    fn text_without_secrets_is_one_chunk() {
        let chunks = wrapped("wrap", vec![("b", "1".into()), ("a", "".into())]);
        assert_eq!(chunks.len(), 3);
        assert!(matches!(&chunks[1], Chunk::Text(text) if text == "ab1"));
        assert_eq!(wrapped("wrap", Vec::new()).len(), 2);
    }
}
