//! What lies on disk of a recorded item: encrypted, unless a setting says
//! otherwise.

use std::path::Path;

use crate::config::RecordingConfig;
use crate::problem::Problem;
use crate::seal::Cipher;

/// Encrypts and decrypts records, or passes them on.
pub(super) struct Seal {
    cipher: Option<Cipher>,
}

impl Seal {
    /// As the configuration wants it.
    pub fn new(config: &RecordingConfig, data_dir: &Path) -> Result<Self, Problem> {
        let cipher = match config.encrypt {
            true => Some(Cipher::load(&config.key, data_dir).map_err(|why| unusable(&why))?),
            false => None,
        };
        Ok(Self { cipher })
    }

    /// The first bytes of a file of such records.
    pub fn header(&self) -> &'static [u8; 8] {
        match self.cipher {
            Some(_) => b"CDREC1E\n",
            None => b"CDREC1P\n",
        }
    }

    /// A record as it is written; `whose` binds it to its connection.
    pub fn close(&self, whose: &[u8], record: &[u8]) -> Option<Vec<u8>> {
        match &self.cipher {
            Some(cipher) => cipher.seal(whose, record),
            None => Some(record.to_vec()),
        }
    }

    /// A record as it was; nothing where the key or the connection is another.
    pub fn open(&self, whose: &[u8], written: &[u8]) -> Option<Vec<u8>> {
        match &self.cipher {
            Some(cipher) => cipher.open(whose, written),
            None => Some(written.to_vec()),
        }
    }
}

fn unusable(why: &str) -> Problem {
    Problem::host(
        "recording-key",
        format!("items cannot be recorded: {why}; set `[recording] enabled = false` to do without"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RecordingKey;

    #[test]
    fn a_key_that_cannot_be_had_is_told_with_what_to_do() {
        let config = RecordingConfig {
            key: RecordingKey::Environment("CROSSDOCK_NO_SUCH_VARIABLE".into()),
            ..RecordingConfig::default()
        };
        let problem = Seal::new(&config, Path::new("")).err().unwrap();
        assert_eq!(problem.code, "recording-key");
        assert!(problem.detail.contains("is not set; set"), "{problem}");
    }

    #[test]
    fn what_is_not_to_be_encrypted_is_passed_on() {
        let config = RecordingConfig {
            encrypt: false,
            ..RecordingConfig::default()
        };
        let seal = Seal::new(&config, Path::new("")).unwrap();
        assert_eq!(seal.close(b"a", b"text").unwrap(), b"text");
        assert_eq!(seal.open(b"a", b"text").unwrap(), b"text");
        assert_eq!(seal.header(), b"CDREC1P\n");
    }
}
