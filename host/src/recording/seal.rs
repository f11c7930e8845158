//! What lies on disk of a recorded item: encrypted, unless a setting says
//! otherwise.

use std::io::Write;
use std::path::Path;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{Key, KeyInit, XChaCha20Poly1305, XNonce};
use rand::Rng;
use zeroize::Zeroizing;

use crate::config::{RecordingConfig, RecordingKey};
use crate::file_failure::sentence;
use crate::files::{self, Links};
use crate::problem::Problem;

/// Bytes of a key.
const KEY: usize = 32;

/// Bytes of a nonce: long enough to be drawn at random for every record.
const NONCE: usize = 24;

/// Largest file that a key is looked for in.
const KEY_FILE_BYTES: u64 = 4096;

/// The generated key, in the data folder.
const KEY_FILE: &str = "recording.key";

/// Encrypts and decrypts records, or passes them on.
pub(super) struct Seal {
    cipher: Option<XChaCha20Poly1305>,
}

impl Seal {
    /// As the configuration wants it. A key that is generated is kept in the
    /// data folder, for its owner only.
    pub fn new(config: &RecordingConfig, data_dir: &Path) -> Result<Self, Problem> {
        if !config.encrypt {
            return Ok(Self { cipher: None });
        }
        let key = match &config.key {
            RecordingKey::Generated => generated(data_dir)?,
            RecordingKey::Environment(name) => {
                let text = std::env::var(name).map(Zeroizing::new);
                let text = text.map_err(|_| {
                    unusable(&format!("the environment variable {name} is not set"))
                })?;
                parse(&text).ok_or_else(|| no_key(&format!("the environment variable {name}")))?
            }
            RecordingKey::File(path) => from_file(path, Links::Follow)?,
        };
        let cipher = XChaCha20Poly1305::new(&Key::from(*key));
        Ok(Self {
            cipher: Some(cipher),
        })
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
        let Some(cipher) = &self.cipher else {
            return Some(record.to_vec());
        };
        let mut nonce = [0; NONCE];
        rand::rng().fill_bytes(&mut nonce);
        let payload = Payload {
            msg: record,
            aad: whose,
        };
        let sealed = cipher.encrypt(&XNonce::from(nonce), payload).ok()?;
        Some([&nonce[..], &sealed].concat())
    }

    /// A record as it was; nothing where the key or the connection is another.
    pub fn open(&self, whose: &[u8], written: &[u8]) -> Option<Vec<u8>> {
        let Some(cipher) = &self.cipher else {
            return Some(written.to_vec());
        };
        let (nonce, sealed) = written.split_first_chunk::<NONCE>()?;
        let payload = Payload {
            msg: sealed,
            aad: whose,
        };
        cipher.decrypt(&XNonce::from(*nonce), payload).ok()
    }
}

fn generated(data_dir: &Path) -> Result<Zeroizing<[u8; KEY]>, Problem> {
    let path = data_dir.join(KEY_FILE);
    if path.exists() {
        return from_file(&path, Links::Refuse);
    }
    let mut key = Zeroizing::new([0; KEY]);
    rand::rng().fill_bytes(&mut *key);
    let text = Zeroizing::new(hex::encode(*key) + "\n");
    // Whole or not at all: another process may look for it at this moment. A
    // temporary file is for its owner only.
    let written = files::private_folder(data_dir)
        .and_then(|()| tempfile::NamedTempFile::new_in(data_dir))
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist_noclobber(&path).map_err(|error| error.error)
        });
    match written {
        Ok(_) => Ok(key),
        // Another process was first.
        Err(_) if path.exists() => from_file(&path, Links::Refuse),
        Err(error) => Err(unusable(&format!(
            "{} cannot be written: {}",
            path.display(),
            sentence(&error)
        ))),
    }
}

fn from_file(path: &Path, links: Links) -> Result<Zeroizing<[u8; KEY]>, Problem> {
    let text = files::read_text(path, KEY_FILE_BYTES, links).map(Zeroizing::new);
    let text =
        text.map_err(|refused| unusable(&format!("{} cannot be read: {refused}", path.display())))?;
    parse(&text).ok_or_else(|| no_key(&path.display().to_string()))
}

fn parse(text: &str) -> Option<Zeroizing<[u8; KEY]>> {
    let mut key = Zeroizing::new([0; KEY]);
    hex::decode_to_slice(text.trim(), &mut *key).ok()?;
    Some(key)
}

fn no_key(what: &str) -> Problem {
    unusable(&format!(
        "{what} does not hold 64 hex digits, as `openssl rand -hex 32` prints them"
    ))
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

    fn config(key: RecordingKey) -> RecordingConfig {
        RecordingConfig {
            key,
            ..RecordingConfig::default()
        }
    }

    #[test]
    fn a_record_opens_with_its_key_for_its_connection_only() {
        let dir = tempfile::tempdir().unwrap();
        let seal = || Seal::new(&config(RecordingKey::Generated), dir.path()).unwrap();
        let written = seal().close(b"a/b/c", b"record").unwrap();
        assert!(!written.windows(6).any(|window| window == b"record"));
        // The key was kept.
        assert_eq!(seal().open(b"a/b/c", &written).unwrap(), b"record");
        assert_eq!(seal().open(b"a/b/d", &written), None);
        assert_eq!(seal().open(b"a/b/c", &written[1..]), None);
        assert_eq!(seal().open(b"a/b/c", b"short"), None);
        let other = tempfile::tempdir().unwrap();
        let other = Seal::new(&config(RecordingKey::Generated), other.path()).unwrap();
        assert_eq!(other.open(b"a/b/c", &written), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_generated_key_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;

        let dir = tempfile::tempdir().unwrap();
        Seal::new(&config(RecordingKey::Generated), dir.path()).unwrap();
        let meta = std::fs::metadata(dir.path().join(KEY_FILE)).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_key_that_is_none_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for text in ["", "abc", &"0".repeat(63)] {
            std::fs::write(file.path(), text).unwrap();
            let key = RecordingKey::File(file.path().to_owned());
            let problem = Seal::new(&config(key), Path::new("")).err().unwrap();
            assert!(problem.detail.contains("64 hex digits"), "{problem}");
        }
        let key = RecordingKey::Environment("CROSSDOCK_NO_SUCH_VARIABLE".into());
        let problem = Seal::new(&config(key), Path::new("")).err().unwrap();
        assert!(problem.detail.contains("is not set"), "{problem}");
    }
}
