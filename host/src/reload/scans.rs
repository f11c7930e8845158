//! Folders that cannot be watched: they are looked at in an interval instead.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use notify::ErrorKind;

use super::passing::Unwatched;
use super::stamp::{Outside, Stamp};
use crate::clock::now_ms;

/// The shortest interval.
const INTERVAL: Duration = Duration::from_secs(1);

/// Looking takes at most one part in so many of the time.
const SHARE: u32 = 10;

/// Most names that are looked at in one folder.
const MOST_NAMES: usize = 10_000;

/// The folders that are looked at.
#[derive(Default)]
pub(super) struct Scans {
    folders: BTreeMap<PathBuf, Folder>,
    next: Option<Instant>,
    /// They are others than before, or for other reasons.
    pub news: bool,
}

struct Folder {
    reason: String,
    since_ms: u64,
    /// What was in it at the last look; nothing where somebody else looks.
    names: Option<BTreeMap<PathBuf, Outside>>,
}

/// What a look at one folder found.
#[derive(Default)]
pub(super) struct Found {
    /// What changed, came or went and is no longer changing.
    pub changed: Vec<PathBuf>,
    /// Folders, and links to such, that came.
    pub folders: Vec<PathBuf>,
    /// What went.
    pub gone: Vec<PathBuf>,
}

impl Scans {
    /// Looks at a folder from now on, because of `reason`.
    pub fn add(&mut self, path: &Path, reason: String) {
        if !self.is_known(path, &reason) {
            let names = list(path).unwrap_or_default();
            let known = |name: PathBuf| {
                let stamp = Stamp::of(&name);
                (name, Outside::new(stamp))
            };
            let names = names.into_iter().map(known).collect();
            self.insert(path, reason, Some(names));
            self.next.get_or_insert_with(|| Instant::now() + INTERVAL);
        }
    }

    /// Only shows a folder, because of `reason`: somebody else looks at it.
    pub fn show(&mut self, path: &Path, reason: String) {
        self.remove(path);
        self.insert(path, reason, None);
    }

    /// Whether a folder is among these, for whatever reason so far.
    fn is_known(&mut self, path: &Path, reason: &str) -> bool {
        let known = self.folders.get_mut(path);
        if let Some(known) = known.filter(|known| known.reason != reason) {
            reason.clone_into(&mut known.reason);
            self.news = true;
        }
        self.folders.contains_key(path)
    }

    fn insert(&mut self, path: &Path, reason: String, names: Option<BTreeMap<PathBuf, Outside>>) {
        let folder = Folder {
            reason,
            since_ms: now_ms(),
            names,
        };
        self.folders.insert(path.to_owned(), folder);
        self.news = true;
    }

    /// It is watched, or gone.
    pub fn remove(&mut self, path: &Path) {
        self.news |= self.folders.remove(path).is_some();
    }

    /// The folder and all below are gone.
    pub fn remove_below(&mut self, path: &Path) {
        let before = self.folders.len();
        self.folders.retain(|folder, _| !folder.starts_with(path));
        self.news |= self.folders.len() != before;
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.folders.is_empty()
    }

    /// The folders to look at now, if it is time to.
    pub fn due(&self, now: Instant) -> Vec<PathBuf> {
        match self.next {
            Some(next) if next <= now => self.looked_at().cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// A look that began at `began` is over.
    pub fn looked(&mut self, began: Instant) {
        let pause = INTERVAL.max(began.elapsed() * SHARE);
        let any = self.looked_at().next().is_some();
        self.next = any.then(|| Instant::now() + pause);
    }

    fn looked_at(&self) -> impl Iterator<Item = &PathBuf> {
        let folders = self.folders.iter();
        let folders = folders.filter(|(_, folder)| folder.names.is_some());
        folders.map(|(path, _)| path)
    }

    /// Looks at one of them.
    pub fn look(&mut self, path: &Path) -> Found {
        let mut found = Found::default();
        // Of one that cannot be listed nothing is known.
        let known = self.folders.get_mut(path);
        let known = known.and_then(|folder| folder.names.as_mut());
        let (Some(known), Ok(names)) = (known, list(path)) else {
            return found;
        };
        for name in &names {
            let stamp = Stamp::of(name);
            let is_folder = stamp.is_some_and(|stamp| stamp.is_folder());
            let is_new = !known.contains_key(name);
            let outside = known
                .entry(name.clone())
                .or_insert_with(|| Outside::new(None));
            if is_new && is_folder {
                outside.stamp = stamp;
                found.folders.push(name.clone());
                found.changed.push(name.clone());
            } else if outside.has_changed(stamp) {
                found.changed.push(name.clone());
            }
        }
        let gone: Vec<PathBuf> = known
            .keys()
            .filter(|name| !names.contains(*name))
            .cloned()
            .collect();
        for name in gone {
            known.remove(&name);
            found.changed.push(name.clone());
            found.gone.push(name);
        }
        found
    }

    /// For the interfaces, under the names that `named` gives.
    pub fn shown(&self, named: impl Fn(&Path) -> PathBuf) -> Vec<Unwatched> {
        self.folders
            .iter()
            .map(|(path, folder)| Unwatched {
                path: named(path),
                reason: folder.reason.clone(),
                since_ms: folder.since_ms,
            })
            .collect()
    }
}

/// Why a folder is scanned that the system does not watch.
pub(super) fn reason(error: &notify::Error) -> String {
    match &error.kind {
        ErrorKind::MaxFilesWatch => {
            "the system's watches are used up; raise fs.inotify.max_user_watches".into()
        }
        _ => format!("it cannot be watched ({error})"),
    }
}

fn list(path: &Path) -> std::io::Result<BTreeSet<PathBuf>> {
    let entries = path.read_dir()?.take(MOST_NAMES);
    entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_changes_comes_or_goes_is_found_once_it_stays_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("a"), "old").unwrap();
        fs::write(path("b"), "old").unwrap();
        let mut scans = Scans::default();
        scans.add(dir.path(), "no watches".into());
        assert!(scans.look(dir.path()).changed.is_empty());

        fs::write(path("a"), "new").unwrap();
        fs::write(path("c"), "new").unwrap();
        fs::remove_file(path("b")).unwrap();
        let found = scans.look(dir.path());
        assert_eq!(
            (found.changed, found.gone),
            (vec![path("b")], vec![path("b")])
        );
        assert_eq!(scans.look(dir.path()).changed, [path("a"), path("c")]);
        assert!(scans.look(dir.path()).changed.is_empty());

        fs::create_dir(path("d")).unwrap();
        let found = scans.look(dir.path());
        assert_eq!(
            (found.changed, found.folders),
            (vec![path("d")], vec![path("d")])
        );
        assert!(scans.look(dir.path()).changed.is_empty());
    }

    #[test]
    fn a_file_with_the_size_and_time_of_the_old_one_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "old").unwrap();
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        let mut scans = Scans::default();
        scans.add(dir.path(), "no watches".into());
        fs::write(&path, "new").unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(modified).unwrap();
        drop(file);
        scans.look(dir.path());
        assert_eq!(scans.look(dir.path()).changed, [path]);
    }
}
