//! Compiled code on disk, so that a restart does not compile.
//!
//! An entry is named by the plugin's hash and by the engine's settings, and
//! holds its own hash in front: a torn or altered entry is compiled again.
//! Entries are written beside and renamed into place, never overwritten, and
//! read as a whole, never mapped. The folder belongs to the host: whoever can
//! write there can run code in it, as with the host's own binary.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::artifact::Sha;

/// Entries kept; the oldest go first.
const MOST_ENTRIES: usize = 256;

/// Bytes of the hash in front of an entry.
const SEAL: usize = 32;

/// The folder of compiled code.
#[derive(Debug, Clone)]
pub struct CodeCache {
    dir: PathBuf,
}

impl CodeCache {
    /// A cache in `dir`, which is made when the first entry is written.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
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
        let bytes = fs::read(&path).ok()?;
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
            Ok(component) => Some(component),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "compiled code is not usable, compiling again");
                self.remove(&path);
                None
            }
        }
    }

    /// Keeps compiled code. A failure costs the next start a compilation,
    /// nothing else.
    pub fn put(&self, engine: &Engine, sha: Sha, component: &Component) {
        let path = self.entry(engine, sha);
        if let Err(error) = self.write(&path, component) {
            tracing::warn!(path = %path.display(), %error, "compiled code was not kept");
        }
        self.prune();
    }

    fn write(&self, path: &Path, component: &Component) -> anyhow::Result<()> {
        let code = component
            .serialize()
            .map_err(|e| anyhow::anyhow!("{e:#}"))?;
        fs::create_dir_all(&self.dir)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.dir)?;
        file.write_all(&Sha256::digest(&code))?;
        file.write_all(&code)?;
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
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        if entries.len() <= MOST_ENTRIES {
            return;
        }
        entries.sort();
        for (_, path) in &entries[..entries.len() - MOST_ENTRIES] {
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::HostLimits;
    use crate::plugin::sandbox::Sandbox;

    fn setup() -> (Sandbox, tempfile::TempDir, CodeCache, Component, Sha) {
        let sandbox = Sandbox::new(&HostLimits::default()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let cache = CodeCache::new(dir.path().join("code"));
        // The smallest component: the preamble alone.
        let bytes = b"\0asm\x0d\0\x01\0";
        let component = Component::new(sandbox.engine(), bytes).unwrap();
        (sandbox, dir, cache, component, Sha::of(bytes))
    }

    #[test]
    fn what_was_put_is_found() {
        let (sandbox, _dir, cache, component, sha) = setup();
        assert!(cache.get(sandbox.engine(), sha).is_none());
        cache.put(sandbox.engine(), sha, &component);
        assert!(cache.get(sandbox.engine(), sha).is_some());
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
