//! Compiled code on disk, so that a restart does not compile.
//!
//! An entry is named by the plugin's hash and by the engine's settings, and
//! holds its own hash in front: a torn or altered entry is compiled again.
//! Entries are written beside and renamed into place, never overwritten, and
//! read as a whole, never mapped. What a writer left behind that was killed goes
//! at the next start. The folder belongs to the host: whoever can
//! write there can run code in it, as with the host's own binary.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::artifact::Sha;
use crate::files::{self, Links, Refused};

/// Entries kept; those unused for longest go first.
const MOST_ENTRIES: usize = 256;

/// Bytes of all entries where nobody says otherwise.
const MOST_BYTES: u64 = 1 << 30;

/// Bytes of the hash in front of an entry.
const SEAL: usize = 32;

/// The folder of compiled code.
#[derive(Debug, Clone)]
pub struct CodeCache {
    dir: PathBuf,
    most_bytes: u64,
}

impl CodeCache {
    /// A cache in `dir`, which is made when the first entry is written.
    pub fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            most_bytes: MOST_BYTES,
        }
    }

    /// The same that keeps at most so many bytes.
    pub fn bounded(mut self, bytes: u64) -> Self {
        self.most_bytes = bytes;
        self
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    fn entry(&self, engine: &Engine, sha: Sha) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        self.dir
            .join(format!("{sha}-{:016x}.cwasm", hasher.finish()))
    }

    /// The compiled component, if there is an intact entry of this engine's.
    pub fn get(&self, engine: &Engine, sha: Sha) -> Option<Component> {
        let path = self.entry(engine, sha);
        let most = self.most_bytes.saturating_add(SEAL as u64);
        let bytes = match files::read(&path, most, Links::Refuse) {
            Ok(bytes) => bytes,
            Err(Refused::NotAFile) => {
                tracing::warn!(path = %path.display(), "this is not a regular file, so it holds no compiled code; compiling again");
                return None;
            }
            Err(_) => return None,
        };
        let (seal, code) = bytes.split_at_checked(SEAL)?;
        if Sha256::digest(code)[..] != *seal {
            tracing::warn!(path = %path.display(), "compiled code is damaged, compiling again");
            self.remove(&path);
            return None;
        }
        // SAFETY: the bytes were written by `put` from `Component::serialize`
        // and are intact (checked above); the name ties them to the plugin's
        // bytes and to this engine's settings, and wasmtime checks version and
        // settings again. The folder is the host's own, as documented above.
        match unsafe { Component::deserialize(engine, code) } {
            Ok(component) => {
                used_now(&path);
                Some(component)
            }
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "compiled code is not usable, compiling again");
                self.remove(&path);
                None
            }
        }
    }

    /// Keeps compiled code. A failure costs the next start a compilation,
    /// nothing else.
    pub fn put(&self, engine: &Engine, sha: Sha, code: &[u8]) {
        if code.len() as u64 > self.most_bytes {
            return;
        }
        let path = self.entry(engine, sha);
        if let Err(error) = self.write(&path, code) {
            tracing::warn!(path = %path.display(), %error, "compiled code was not kept");
        }
        self.prune();
    }

    fn write(&self, path: &Path, code: &[u8]) -> std::io::Result<()> {
        files::private_folder(&self.dir)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.dir)?;
        // Held until it is in its place, so that nobody takes it for one that was
        // left behind. Where files cannot be locked, its age has to do.
        let _ = file.as_file().try_lock();
        file.write_all(&Sha256::digest(code))?;
        file.write_all(code)?;
        file.persist(path)?;
        Ok(())
    }

    fn remove(&self, path: &Path) {
        if let Err(error) = fs::remove_file(path) {
            tracing::warn!(path = %path.display(), %error, "damaged compiled code was not removed");
        }
    }

    fn prune(&self) {
        let Ok(entries) = fs::read_dir(&self.dir) else {
            return;
        };
        let mut entries: Vec<_> = entries
            .flatten()
            .filter(|entry| entry.path().extension().is_some_and(|ext| ext == "cwasm"))
            .filter_map(|entry| {
                let meta = entry.metadata().ok()?;
                let used = meta.modified().ok()?;
                meta.is_file().then(|| (used, meta.len(), entry.path()))
            })
            .collect();
        entries.sort();
        let mut count = entries.len();
        let mut bytes: u64 = entries.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, size, path) in entries {
            if count <= MOST_ENTRIES && bytes <= self.most_bytes {
                return;
            }
            if fs::remove_file(&path).is_ok() {
                count -= 1;
                bytes -= size;
            }
        }
    }
}

/// An entry's time is that of its last use. Where it cannot be set, that of its
/// making has to do.
fn used_now(path: &Path) {
    let set = fs::File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
    if let Err(error) = set {
        tracing::debug!(path = %path.display(), %error, "the last use of compiled code was not noted");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::HostLimits;
    use crate::plugin::sandbox::Sandbox;

    fn setup() -> (Sandbox, tempfile::TempDir, CodeCache, Vec<u8>, Sha) {
        let sandbox = Sandbox::new(&HostLimits::default()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let cache = CodeCache::new(dir.path().join("code"));
        // The smallest component: the preamble alone.
        let bytes = b"\0asm\x0d\0\x01\0";
        let code = sandbox.engine().precompile_component(bytes).unwrap();
        (sandbox, dir, cache, code, Sha::of(bytes))
    }

    #[test]
    fn what_was_put_is_found() {
        let (sandbox, _dir, cache, component, sha) = setup();
        assert!(cache.get(sandbox.engine(), sha).is_none());
        cache.put(sandbox.engine(), sha, &component);
        assert!(cache.get(sandbox.engine(), sha).is_some());
    }

    #[test]
    fn bytes_are_bounded_and_what_was_used_last_stays() {
        let (sandbox, _dir, cache, code, _) = setup();
        let engine = sandbox.engine();
        let entry = (code.len() + SEAL) as u64;
        let cache = cache.bounded(3 * entry);
        let shas: Vec<Sha> = (0..4_u8).map(|n| Sha::of(&[n])).collect();
        let hour = |n: u64| SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(n * 3600);
        for (n, sha) in shas[..3].iter().enumerate() {
            cache.put(engine, *sha, &code);
            let file = fs::File::open(cache.entry(engine, *sha)).unwrap();
            file.set_modified(hour(n as u64)).unwrap();
        }
        // The one that was made first is used.
        assert!(cache.get(engine, shas[0]).is_some());
        cache.put(engine, shas[3], &code);
        let kept: Vec<bool> = shas
            .iter()
            .map(|sha| cache.entry(engine, *sha).exists())
            .collect();
        assert_eq!(kept, [true, false, true, true]);
        // What is larger than everything is not kept, and takes nothing's place.
        let small = cache.clone().bounded(code.len() as u64 - 1);
        small.put(engine, Sha::of(b"large"), &code);
        assert!(cache.get(engine, Sha::of(b"large")).is_none());
    }

    #[cfg(unix)]
    #[test]
    fn the_folder_is_for_its_owner_and_what_is_no_file_is_not_read() {
        use std::os::unix::fs::PermissionsExt;

        let (sandbox, dir, cache, code, sha) = setup();
        let engine = sandbox.engine();
        cache.put(engine, sha, &code);
        let mode = fs::metadata(dir.path().join("code")).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o700);
        let path = cache.entry(engine, sha);
        let elsewhere = dir.path().join("elsewhere");
        fs::rename(&path, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        assert!(cache.get(engine, sha).is_none());
        fs::remove_file(&path).unwrap();
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        // Without the check this would wait for ever.
        assert!(cache.get(engine, sha).is_none());
        cache.put(engine, sha, &code);
        assert!(cache.get(engine, sha).is_some());
    }

    #[test]
    fn a_damaged_entry_is_removed_and_not_used() {
        let (sandbox, _dir, cache, component, sha) = setup();
        cache.put(sandbox.engine(), sha, &component);
        let path = cache.entry(sandbox.engine(), sha);
        let whole = fs::read(&path).unwrap();
        for damaged in [&whole[..whole.len() / 2], &whole[..10], &[][..]] {
            fs::write(&path, damaged).unwrap();
            assert!(cache.get(sandbox.engine(), sha).is_none());
        }
        let mut flipped = whole.clone();
        *flipped.last_mut().unwrap() ^= 1;
        fs::write(&path, &flipped).unwrap();
        assert!(cache.get(sandbox.engine(), sha).is_none());
        assert!(!path.exists());
        cache.put(sandbox.engine(), sha, &component);
        assert!(cache.get(sandbox.engine(), sha).is_some());
    }
}
