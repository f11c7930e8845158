//! `verify`: whether somebody knows a secret. The comparison is the host's: an
//! adapter that compared byte by byte would tell a stranger, by the time that takes,
//! how much of a guess is right.

use subtle::ConstantTimeEq;

use super::bindings::adapter::crossdock::adapter::keys::{Chunk, Digest, KeyError};
use super::bindings::inbound::crossdock::adapter0_1_1::verify::Host;
use super::keys::KeyScope;
use super::state::GuestState;

/// Questions that one `receive` may ask: an old secret beside a new one, two ways
/// to write a message. More of them is guessing.
const MOST_QUESTIONS: usize = 16;

/// Shortest secret that proves anything, and shortest signature.
const LEAST_BYTES: usize = 8;

impl KeyScope {
    /// Begins a question, where the call is one that may ask.
    fn ask(&mut self) -> Result<(), KeyError> {
        let verifies = self.verifies.as_mut().ok_or(KeyError::NotPermitted)?;
        verifies.asked += 1;
        if verifies.asked > MOST_QUESTIONS {
            return Err(KeyError::Other(format!(
                "more than {MOST_QUESTIONS} questions to `verify` in one `receive`"
            )));
        }
        Ok(())
    }

    /// Notes what came of a question.
    fn answer(&mut self, expected: &[u8], given: &[u8]) -> bool {
        let same = bool::from(expected.ct_eq(given)) && given.len() >= LEAST_BYTES;
        if let Some(verifies) = self.verifies.as_mut() {
            verifies.known |= same;
        }
        same
    }

    fn is_hash(&mut self, alg: Digest, message: &[Chunk], given: &[u8]) -> Result<bool, KeyError> {
        self.ask()?;
        let expected = self.hashed(alg, message)?;
        Ok(self.answer(&expected, given))
    }

    fn is_hmac(
        &mut self,
        alg: Digest,
        key: &[Chunk],
        messages: &[Vec<Chunk>],
        given: &[u8],
    ) -> Result<bool, KeyError> {
        self.ask()?;
        let expected = self.maced(alg, key, messages)?;
        Ok(self.answer(&expected, given))
    }

    fn is_secret(&mut self, name: &str, given: &[u8]) -> Result<bool, KeyError> {
        self.ask()?;
        let expected = self.secret(name)?.clone();
        Ok(self.answer(expected.expose().as_bytes(), given))
    }
}

impl Host for GuestState {
    fn hash(
        &mut self,
        alg: Digest,
        message: Vec<Chunk>,
        given: Vec<u8>,
    ) -> wasmtime::Result<Result<bool, KeyError>> {
        Ok(match &mut self.keys {
            Some(scope) => scope.is_hash(alg, &message, &given),
            None => Err(self.no_keys()),
        })
    }

    fn hmac(
        &mut self,
        alg: Digest,
        key: Vec<Chunk>,
        messages: Vec<Vec<Chunk>>,
        given: Vec<u8>,
    ) -> wasmtime::Result<Result<bool, KeyError>> {
        Ok(match &mut self.keys {
            Some(scope) => scope.is_hmac(alg, &key, &messages, &given),
            None => Err(self.no_keys()),
        })
    }

    fn secret(&mut self, name: String, given: Vec<u8>) -> wasmtime::Result<Result<bool, KeyError>> {
        Ok(match &mut self.keys {
            Some(scope) => scope.is_secret(&name, &given),
            None => Err(self.no_keys()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;

    use super::*;
    use crate::config::Secret;

    fn scope() -> KeyScope {
        let secrets = BTreeMap::from([
            ("key".to_owned(), Secret::new("Jefe".into())),
            (
                "token".to_owned(),
                Secret::new("a-token-of-the-shop".into()),
            ),
        ]);
        let declared = BTreeSet::from(["key".to_owned(), "token".to_owned()]);
        KeyScope::new(Arc::new(secrets), Arc::new(declared))
    }

    fn message() -> [Vec<Chunk>; 1] {
        [vec![Chunk::Text("what do ya want for nothing?".into())]]
    }

    fn key() -> [Chunk; 1] {
        [Chunk::Secret("key".into())]
    }

    /// RFC 4231, case 2.
    fn mac() -> Vec<u8> {
        hex::decode("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843").unwrap()
    }

    #[test]
    fn who_knows_the_secret_is_known_and_no_result_is_given_out() {
        let mut scope = scope().verifying();
        let wrong = [&mac()[..31], &[0]].concat();
        for given in [&wrong[..], &mac()[..31], b"", &[]] {
            let said = scope.is_hmac(Digest::Sha256, &key(), &message(), given);
            assert!(!said.unwrap() && !scope.verified());
        }
        let said = scope.is_hmac(Digest::Sha256, &key(), &message(), &mac());
        assert!(said.unwrap() && scope.verified());
        assert!(scope.derived.is_empty());
        // What is wrong afterwards does not take it back: an adapter may try two ways.
        assert!(!scope.is_secret("token", b"a-token").unwrap());
        assert!(scope.is_secret("token", b"a-token-of-the-shop").unwrap());
        assert!(scope.verified());
    }

    #[test]
    fn nothing_proves_anything_that_anybody_knows() {
        let mut scope = scope().verifying();
        // Without a secret in it, everybody can compute it.
        let open = [Chunk::Text("open".into())];
        assert!(scope.is_hash(Digest::Md5, &open, &[0; 16]).is_err());
        // Four bytes are guessed.
        assert!(!scope.is_secret("key", b"Jefe").unwrap());
        assert!(scope.is_secret("other", b"x").is_err());
        assert!(!scope.verified());
    }

    #[test]
    fn questions_are_bounded_and_belong_to_receive() {
        let mut sign = scope();
        let said = sign.is_secret("token", b"a-token-of-the-shop");
        assert!(matches!(said, Err(KeyError::NotPermitted)));
        let mut scope = scope().verifying();
        for _ in 0..MOST_QUESTIONS {
            assert!(!scope.is_secret("token", b"guess").unwrap());
        }
        assert!(scope.is_secret("token", b"a-token-of-the-shop").is_err());
        assert!(!scope.verified());
    }
}
