//! Plugins that took the compiling process down, by the hash of their bytes: the
//! same bytes are not compiled again by themselves. One that may have taken the
//! whole host down is noted before it is compiled.
//!
//! What makes them be tried again: other bytes, a limit that was raised, another
//! version of the host, or a person's command.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{CompileLimits, Down};
use crate::clock::{millis, now_ms};
use crate::files::{self, Links};
use crate::plugin::artifact::Sha;

/// Bytes of an entry.
const ENTRY_BYTES: u64 = 4096;

/// Entries kept; the oldest go first.
const MOST_ENTRIES: usize = 256;

/// How often the host may end while it compiles a plugin before that is taken
/// for the plugin's doing. Once is a restart at a bad moment.
const MOST_HOSTS: u32 = 2;

/// What ends an entry's name.
const SUFFIX: &str = "down";

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    down: Down,
    /// For [`Down::Host`]: how often.
    times: u32,
    memory_mb: usize,
    timeout_ms: u64,
    version: String,
    at_ms: u64,
}

/// The entries, in the folder of compiled code.
#[derive(Debug, Clone)]
pub(in crate::plugin) struct Remembered {
    dir: PathBuf,
}

impl Remembered {
    pub fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
        }
    }

    fn path(&self, sha: Sha) -> PathBuf {
        self.dir.join(format!("{sha}.{SUFFIX}"))
    }

    /// What stands against compiling these bytes within these limits.
    pub fn against(&self, sha: Sha, limits: CompileLimits) -> Option<Down> {
        let entry = self.read(sha)?;
        let stands = match entry.down {
            Down::Memory => limits.mib() <= entry.memory_mb,
            Down::Time => millis(limits.timeout) <= entry.timeout_ms,
            Down::Crash => true,
            // Less may be what it takes to compile it beside everything else.
            Down::Host => entry.times >= MOST_HOSTS && limits.mib() == entry.memory_mb,
        };
        stands.then_some(entry.down)
    }

    /// Compiling begins. The note is taken away when what is returned is
    /// dropped: it stays only if this process ends before.
    pub fn begin(&self, sha: Sha, limits: CompileLimits) -> Begun {
        let before = self.read(sha).filter(|entry| entry.down == Down::Host);
        let times = before.map_or(0, |entry| entry.times);
        self.write(sha, Down::Host, times.saturating_add(1), limits);
        Begun {
            path: self.path(sha),
            stays: false,
        }
    }

    /// It took the process down.
    pub fn down(&self, sha: Sha, down: Down, limits: CompileLimits, mut begun: Begun) {
        begun.stays = self.write(sha, down, 1, limits);
        self.prune();
    }

    /// Of this version of the host only: another compiler may fare better.
    fn read(&self, sha: Sha) -> Option<Entry> {
        let text = files::read_text(&self.path(sha), ENTRY_BYTES, Links::Refuse).ok()?;
        let entry: Entry = serde_json::from_str(&text).ok()?;
        (entry.version == env!("CARGO_PKG_VERSION")).then_some(entry)
    }

    fn write(&self, sha: Sha, down: Down, times: u32, limits: CompileLimits) -> bool {
        let entry = Entry {
            down,
            times,
            memory_mb: limits.mib(),
            timeout_ms: millis(limits.timeout),
            version: env!("CARGO_PKG_VERSION").into(),
            at_ms: now_ms(),
        };
        let written = serde_json::to_vec(&entry)
            .map_err(std::io::Error::from)
            .and_then(|text| {
                files::private_folder(&self.dir)?;
                let mut file = tempfile::NamedTempFile::new_in(&self.dir)?;
                file.write_all(&text)?;
                file.persist(self.path(sha)).map_err(|error| error.error)
            });
        if let Err(error) = &written {
            tracing::warn!(dir = %self.dir.display(), %error, "what compiling a plugin takes cannot be remembered");
        }
        written.is_ok()
    }

    fn prune(&self) {
        let Ok(entries) = std::fs::read_dir(&self.dir) else {
            return;
        };
        let mut entries: Vec<_> = entries
            .flatten()
            .filter(|entry| entry.path().extension().is_some_and(|ext| ext == SUFFIX))
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        entries.sort();
        let surplus = entries.len().saturating_sub(MOST_ENTRIES);
        for (_, path) in entries.iter().take(surplus) {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// A plugin is being compiled.
pub(in crate::plugin) struct Begun {
    path: PathBuf,
    stays: bool,
}

impl Drop for Begun {
    fn drop(&mut self) {
        if !self.stays {
            // One that was never written cannot be removed.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn limits(mib: usize, ms: u64) -> CompileLimits {
        CompileLimits {
            memory: mib << 20,
            timeout: Duration::from_millis(ms),
        }
    }

    #[test]
    fn the_same_bytes_are_tried_again_only_under_a_higher_limit() {
        let dir = tempfile::tempdir().unwrap();
        let remembered = Remembered::new(&dir.path().join("code"));
        let (sha, other) = (Sha::of(b"one"), Sha::of(b"other"));
        let of = |mib, ms| remembered.against(sha, limits(mib, ms));
        assert_eq!(of(10, 10), None);
        for (down, raised) in [(Down::Memory, (11, 10)), (Down::Time, (10, 11))] {
            let begun = remembered.begin(sha, limits(10, 10));
            remembered.down(sha, down, limits(10, 10), begun);
            assert_eq!(of(10, 10), Some(down));
            assert_eq!(of(9, 9), Some(down));
            assert_eq!(of(raised.0, raised.1), None);
            assert_eq!(remembered.against(other, limits(10, 10)), None);
        }
        let begun = remembered.begin(sha, limits(10, 10));
        remembered.down(sha, Down::Crash, limits(10, 10), begun);
        assert_eq!(of(999, 999), Some(Down::Crash));
        // A person had it compiled, and it went well.
        drop(remembered.begin(sha, limits(10, 10)));
        assert_eq!(of(10, 10), None);
    }

    #[test]
    fn a_host_that_ends_twice_over_a_plugin_does_not_try_it_a_third_time() {
        let dir = tempfile::tempdir().unwrap();
        let remembered = Remembered::new(dir.path());
        let sha = Sha::of(b"one");
        let of = |mib| remembered.against(sha, limits(mib, 10));
        for expected in [None, Some(Down::Host)] {
            // As if the process ended here.
            std::mem::forget(remembered.begin(sha, limits(10, 10)));
            assert_eq!(of(10), expected);
        }
        assert_eq!(of(9), None);
        // A good end leaves nothing behind.
        drop(remembered.begin(sha, limits(9, 10)));
        assert_eq!(of(10), None);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn an_entry_that_is_none_stands_against_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let remembered = Remembered::new(dir.path());
        let sha = Sha::of(b"one");
        for text in ["", "{}", "null", &"x".repeat(9999)] {
            std::fs::write(remembered.path(sha), text).unwrap();
            assert_eq!(remembered.against(sha, limits(1, 1)), None);
        }
    }
}
