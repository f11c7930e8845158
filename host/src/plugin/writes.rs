//! Writing that goes on beside what needs no result of it. A process that ends
//! waits for it, within a bound: a write that is cut off leaves its temporary
//! file behind.

use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How `tempfile` names what is not in its place yet.
const TEMPORARY: &str = ".tmp";

/// A temporary file that was changed more recently may be one that its writer has
/// made and not locked yet.
const YOUNG: Duration = Duration::from_secs(60);

/// Where files cannot be locked, nobody writes that long.
const OLD: Duration = Duration::from_secs(24 * 3600);

/// Entries of a folder that are looked at.
const MOST_ENTRIES: usize = 10_000;

/// What this process writes beside its work.
static WRITES: Writes = Writes::new();

/// Writes that are going on.
struct Writes {
    going: Mutex<usize>,
    ended: Condvar,
}

impl Writes {
    const fn new() -> Self {
        Self {
            going: Mutex::new(0),
            ended: Condvar::new(),
        }
    }

    fn begin(&self) -> Write<'_> {
        *self.going() += 1;
        Write(self)
    }

    fn wait(&self, most: Duration) -> bool {
        let ends = Instant::now() + most;
        let mut going = self.going();
        while *going > 0 {
            let Some(left) = ends.checked_duration_since(Instant::now()) else {
                return false;
            };
            let woken = self.ended.wait_timeout(going, left);
            going = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn going(&self) -> MutexGuard<'_, usize> {
        self.going.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of them, until it is dropped.
pub(super) struct Write<'a>(&'a Writes);

impl Drop for Write<'_> {
    fn drop(&mut self) {
        let mut going = self.0.going();
        *going = going.saturating_sub(1);
        self.0.ended.notify_all();
    }
}

/// Writing begins: [`finish`] waits until what is returned is dropped.
pub(super) fn begin() -> Write<'static> {
    WRITES.begin()
}

/// Waits until nothing is being written any more, at most so long. Says whether
/// that came to be.
pub fn finish(most: Duration) -> bool {
    WRITES.wait(most)
}

/// Removes temporary files whose writer is gone. Whoever writes one holds a lock
/// on it, in whatever process; one that is young is left alone, too.
pub(super) fn sweep(dir: &Path) {
    let entries = std::fs::read_dir(dir).into_iter().flatten();
    for entry in entries.take(MOST_ENTRIES).flatten() {
        if !entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
            continue;
        }
        let path = entry.path();
        if is_abandoned(&path).unwrap_or(false)
            && let Err(error) = std::fs::remove_file(&path)
        {
            tracing::debug!(path = %path.display(), %error, "an old temporary file was not removed");
        }
    }
}

/// Whether nobody writes to it any more.
fn is_abandoned(path: &Path) -> std::io::Result<bool> {
    let Ok((file, meta)) = crate::files::open(path, crate::files::Links::Refuse) else {
        return Ok(false);
    };
    let age = SystemTime::now().duration_since(meta.modified()?);
    let age = age.unwrap_or_default();
    if age < YOUNG {
        return Ok(false);
    }
    Ok(match file.try_lock() {
        Ok(()) => true,
        Err(std::fs::TryLockError::WouldBlock) => false,
        Err(std::fs::TryLockError::Error(_)) => age >= OLD,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_ends_waits_for_what_is_being_written_and_not_for_ever() {
        let writes = Writes::new();
        assert!(writes.wait(Duration::ZERO));
        let (one, other) = (writes.begin(), writes.begin());
        drop(one);
        assert!(!writes.wait(Duration::from_millis(1)));
        std::thread::scope(|scope| {
            scope.spawn(|| drop(other));
            assert!(writes.wait(Duration::from_secs(60)));
        });
        assert!(writes.wait(Duration::ZERO));
    }

    #[test]
    fn old_temporary_files_go_and_those_of_whoever_writes_stay() {
        let dir = tempfile::tempdir().unwrap();
        let made = |name: &str, age: Duration| {
            let file = std::fs::File::create(dir.path().join(name)).unwrap();
            file.set_modified(SystemTime::now() - age).unwrap();
            file
        };
        let old = YOUNG * 2;
        drop(made(".tmpOld", old));
        drop(made(".tmpYoung", Duration::ZERO));
        drop(made("code.cwasm", old));
        // Another process would hold it likewise: a lock is the open file's.
        let writing = made(".tmpWritten", old);
        writing.lock().unwrap();
        std::fs::create_dir(dir.path().join(".tmpFolder")).unwrap();

        sweep(dir.path());
        let there = |name: &str| dir.path().join(name).exists();
        assert!(!there(".tmpOld"));
        for kept in [".tmpYoung", "code.cwasm", ".tmpWritten", ".tmpFolder"] {
            assert!(there(kept), "{kept}");
        }
        drop(writing);
        sweep(dir.path());
        assert!(!there(".tmpWritten"));
        // Before anything was kept, there is no folder.
        sweep(&dir.path().join("none"));
    }
}
