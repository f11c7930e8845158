//! Encryption of what lies on disk, and where its keys come from.

use std::io::Write;
use std::path::Path;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{Key, KeyInit, XChaCha20Poly1305, XNonce};
use rand::Rng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::config::RecordingKey;
use crate::file_failure::sentence;
use crate::files::{self, Links};

/// Bytes of a key.
pub const KEY: usize = 32;

/// Bytes of a nonce: long enough to be drawn at random for every record.
const NONCE: usize = 24;

/// Bytes by which a text grows: its nonce, and what proves that it is whole.
pub const GROWTH: usize = NONCE + 16;

/// Largest file that a key is looked for in.
const KEY_FILE_BYTES: u64 = 4096;

/// The outbox, below the data folder.
pub const OUTBOX: &str = "outbox";

/// The recorded items, below the data folder.
pub const RECORDINGS: &str = "recordings";

/// The generated key, in the data folder.
const KEY_FILE: &str = "recording.key";

/// Encrypts and decrypts with one key.
pub struct Cipher {
    cipher: XChaCha20Poly1305,
    id: [u8; 4],
}

impl Cipher {
    /// With this key.
    pub fn new(key: &[u8; KEY]) -> Self {
        let digest = Sha256::new_with_prefix("the name of a key of crossdock\n").chain_update(key);
        let [a, b, c, d, ..] = <[u8; 32]>::from(digest.finalize());
        Self {
            cipher: XChaCha20Poly1305::new(&Key::from(*key)),
            id: [a, b, c, d],
        }
    }

    /// With the key from where a configuration says. One that is generated is
    /// kept in the data folder, for its owner only.
    ///
    /// # Errors
    /// Why there is no key, as a part of a sentence.
    pub fn load(source: &RecordingKey, data_dir: &Path) -> Result<Self, String> {
        let key = match source {
            RecordingKey::Generated => generated(data_dir)?,
            RecordingKey::Environment(name) => {
                let text = std::env::var(name).map(Zeroizing::new);
                let text =
                    text.map_err(|_| format!("the environment variable {name} is not set"))?;
                parse(&text).ok_or_else(|| no_key(&format!("the environment variable {name}")))?
            }
            RecordingKey::File(path) => from_file(path, Links::Follow)?,
        };
        Ok(Self::new(&key))
    }

    /// With the key that was generated in a data folder, if there is one.
    ///
    /// # Errors
    /// Why it cannot be read, as a part of a sentence.
    pub fn load_generated(data_dir: &Path) -> Result<Option<Self>, String> {
        let path = data_dir.join(KEY_FILE);
        match path.exists() {
            true => Ok(Some(Self::new(&*from_file(&path, Links::Refuse)?))),
            false => Ok(None),
        }
    }

    /// Tells keys from each other, and tells nothing of them.
    pub fn id(&self) -> [u8; 4] {
        self.id
    }

    /// A text encrypted; `whose` binds it to what it belongs to. Nothing for one
    /// that is longer than any.
    pub fn seal(&self, whose: &[u8], text: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE];
        rand::rng().fill_bytes(&mut nonce);
        let payload = Payload {
            msg: text,
            aad: whose,
        };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload).ok()?;
        Some([&nonce[..], &sealed].concat())
    }

    /// A text as it was; nothing where the key or what it belongs to is another.
    pub fn open(&self, whose: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        let payload = Payload {
            msg: sealed,
            aad: whose,
        };
        self.cipher.decrypt(&XNonce::from(*nonce), payload).ok()
    }
}

fn generated(data_dir: &Path) -> Result<Zeroizing<[u8; KEY]>, String> {
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
        })
        // What is encrypted with it must not outlive its name.
        .and_then(|_| std::fs::File::open(data_dir)?.sync_all());
    match written {
        Ok(()) => {
            tell_of_others(data_dir, &path);
            Ok(key)
        }
        // Another process was first.
        Err(_) if path.exists() => from_file(&path, Links::Refuse),
        Err(error) => Err(format!(
            "{} cannot be written: {}",
            path.display(),
            sentence(&error)
        )),
    }
}

/// A key that is made where something was kept before is none for that.
fn tell_of_others(data_dir: &Path, path: &Path) {
    let kept = [OUTBOX, RECORDINGS].map(|name| data_dir.join(name));
    let has_files = |folder: &std::path::PathBuf| {
        std::fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some())
    };
    if kept.iter().any(has_files) {
        tracing::warn!(
            key = %path.display(),
            "this key was missing, and a new one was made: what is encrypted with the one before cannot be read; stop the host, put the old file back from your backup, and name the new key in `[recording] old_keys` if anything was written with it"
        );
    }
}

fn from_file(path: &Path, links: Links) -> Result<Zeroizing<[u8; KEY]>, String> {
    let text = files::read_text(path, KEY_FILE_BYTES, links).map(Zeroizing::new);
    let text = text.map_err(|refused| format!("{} cannot be read: {refused}", path.display()))?;
    parse(&text).ok_or_else(|| no_key(&path.display().to_string()))
}

fn parse(text: &str) -> Option<Zeroizing<[u8; KEY]>> {
    let mut key = Zeroizing::new([0; KEY]);
    hex::decode_to_slice(text.trim(), &mut *key).ok()?;
    Some(key)
}

fn no_key(what: &str) -> String {
    format!("{what} does not hold 64 hex digits, as `openssl rand -hex 32` prints them")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_opens_with_its_key_for_what_it_belongs_to_and_not_otherwise() {
        let dir = tempfile::tempdir().unwrap();
        let load = || Cipher::load(&RecordingKey::Generated, dir.path()).unwrap();
        let sealed = load().seal(b"a/b/c", b"the text").unwrap();
        assert_eq!(sealed.len(), b"the text".len() + GROWTH);
        assert!(!sealed.windows(4).any(|part| part == b"text"));
        assert_eq!(load().open(b"a/b/c", &sealed).unwrap(), b"the text");
        assert_eq!(load().open(b"a/b/d", &sealed), None);
        assert_eq!(load().open(b"a/b/c", b"short"), None);
        let other = tempfile::tempdir().unwrap();
        assert!(Cipher::load_generated(other.path()).unwrap().is_none());
        let other = Cipher::load(&RecordingKey::Generated, other.path()).unwrap();
        assert_eq!(other.open(b"a/b/c", &sealed), None);
        assert_ne!(other.id(), load().id());
        let same = Cipher::load_generated(dir.path()).unwrap().unwrap();
        assert_eq!(same.id(), load().id());
    }

    #[cfg(unix)]
    #[test]
    fn a_generated_key_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;

        let dir = tempfile::tempdir().unwrap();
        Cipher::load(&RecordingKey::Generated, dir.path()).unwrap();
        let meta = std::fs::metadata(dir.path().join(KEY_FILE)).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_key_that_is_none_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for text in ["", "abc", &"0".repeat(63)] {
            std::fs::write(file.path(), text).unwrap();
            let key = RecordingKey::File(file.path().to_owned());
            let why = Cipher::load(&key, Path::new("")).err().unwrap();
            assert!(why.contains("64 hex digits"), "{why}");
        }
        let key = RecordingKey::Environment("CROSSDOCK_NO_SUCH_VARIABLE".into());
        let why = Cipher::load(&key, Path::new("")).err().unwrap();
        assert!(why.contains("is not set"), "{why}");
    }
}
