//! Bearer tokens: random text for the caller, a hash for the file.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::Rng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// What every token starts with, so that people and secret scanners recognise
/// one where it does not belong.
const PREFIX: &str = "cd_";

/// A new bearer token. It is shown once and not kept; the text is zeroed when
/// dropped, and `Debug` prints a placeholder.
pub struct Token(Zeroizing<String>);

impl Token {
    /// `cd_` and 32 random bytes in base64url without padding.
    pub fn generate() -> Self {
        let mut random = Zeroizing::new([0u8; 32]);
        rand::rng().fill_bytes(&mut *random);
        // 32 bytes are 43 characters: room for all of it, so that the text is
        // never copied to a larger buffer.
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + 44));
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(random.as_slice(), &mut text);
        Self(text)
    }

    /// The text. Whoever calls this shows it to its owner and nowhere else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("«token»")
    }
}

/// The stored form of a token: its SHA-256.
///
/// A plain hash is enough because a token carries 256 random bits. Slow,
/// salted hashes protect passwords that somebody could guess; nobody guesses
/// these.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of a token's text.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// Whether this is the hash of `token`, in a time that does not depend on
    /// how much of it is right.
    pub fn verify(&self, token: &str) -> bool {
        self.0.ct_eq(&Self::of(token).0).into()
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}…", hex::encode(&self.0[..4]))
    }
}

/// `sha256:` and 64 lower-case hex digits, as it is written in a file.
impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex::encode(self.0))
    }
}

/// Why a text is not the hash of a token. The text itself is not repeated: it
/// may be a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenHashError {
    /// It is a token.
    #[error("is a token itself; write the line that starts with `sha256:`, which belongs to it")]
    Token,
    /// It is something else.
    #[error("must be `sha256:` and 64 hex digits, as `crossdock token new` prints it")]
    Format,
}

impl FromStr for TokenHash {
    type Err = TokenHashError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with(PREFIX) {
            return Err(TokenHashError::Token);
        }
        let digits = text.strip_prefix("sha256:").ok_or(TokenHashError::Format)?;
        let mut hash = [0; 32];
        hex::decode_to_slice(digits, &mut hash).map_err(|_| TokenHashError::Format)?;
        Ok(Self(hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_verified_by_its_hash_and_by_no_other() {
        let token = Token::generate();
        let hash = TokenHash::of(token.expose());
        assert!(hash.verify(token.expose()));
        assert!(!hash.verify(Token::generate().expose()));
        assert!(!hash.verify(""));
        let stored: TokenHash = hash.to_string().parse().unwrap();
        assert!(stored.verify(token.expose()));
    }

    #[test]
    fn a_token_has_256_random_bits_behind_its_prefix() {
        let token = Token::generate();
        let random = token.expose().strip_prefix("cd_").unwrap();
        assert_eq!(URL_SAFE_NO_PAD.decode(random).unwrap().len(), 32);
        assert_ne!(token.expose(), Token::generate().expose());
    }

    #[test]
    fn a_token_is_not_printed() {
        assert_eq!(format!("{:?}", Token::generate()), "«token»");
    }

    #[test]
    fn the_hash_is_plain_sha_256_in_hex() {
        // FIPS 180-2, the message "abc".
        assert_eq!(
            TokenHash::of("abc").to_string(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn a_token_typed_in_place_of_its_hash_is_told_apart() {
        let token = Token::generate();
        let error = token.expose().parse::<TokenHash>().unwrap_err();
        assert_eq!(error, TokenHashError::Token);
        for text in ["", "sha256:", "sha256:00", "md5:00", "SHA256:zz"] {
            assert_eq!(text.parse::<TokenHash>(), Err(TokenHashError::Format));
        }
    }
}
