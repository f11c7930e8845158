//! Which folders and files are watched, and what they are called.
//!
//! The operating system watches inodes, people name paths. Everything here is
//! about the difference: a root may be missing, be replaced or be a link; a
//! link below a root may lead to a folder or file outside; and a file that the
//! configuration names may be outside altogether. Folders are watched, each by
//! itself, so that one that cannot be is no reason to watch no other: that one
//! is [scanned](Scans). Single files outside are looked at on every
//! [`check`](Roots::check).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

use notify::{ErrorKind, RecursiveMode, Watcher};
use tracing::{debug, warn};

use super::passing::Unwatched;
use super::scans::{self, Scans};
use super::stamp::{Outside, Stamp};

/// Most links followed below the roots, and most links followed through one
/// another: far beyond what is of use, short of what would hurt.
const MOST_LINKS: usize = 10_000;
const LONGEST_CHAIN: usize = 8;

/// Deepest folder that is watched.
const DEEPEST: usize = 32;

const NO_WATCHER: &str = "the system gives no watcher; raise fs.inotify.max_user_instances";

/// What a check found out.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// A root went, came or was replaced: anything in it may have changed.
    pub root_changed: bool,
    /// Paths that changed and are no longer changing.
    pub paths: Vec<PathBuf>,
}

/// What is watched.
pub(super) struct Roots {
    /// Nothing where the system gives no watcher: then everything is scanned.
    notify: Option<Box<dyn Watcher + Send>>,
    /// The watcher scans, and follows links by itself.
    polling: bool,
    /// Every folder that is watched, where each is by itself.
    watched: BTreeSet<PathBuf>,
    /// Those that cannot be.
    scans: Scans,
    /// The system has no more watches; not asked again in this round.
    exhausted: bool,
    roots: Vec<Root>,
    /// Links out of the roots, by the path the system reports them under.
    links: BTreeMap<PathBuf, Link>,
    /// Files outside that the configuration names.
    files: BTreeMap<PathBuf, Outside>,
}

struct Root {
    /// As the operator wrote it, which is how changes are reported.
    given: PathBuf,
    /// Without links, which is how the system reports them; nothing while the
    /// root is not watched.
    real: Option<PathBuf>,
    stamp: Option<Stamp>,
}

struct Link {
    /// The folder it leads to, which is watched on its own.
    folder: Option<PathBuf>,
    outside: Outside,
}

impl Roots {
    /// Watches the roots that exist.
    pub fn new(notify: Option<Box<dyn Watcher + Send>>, polling: bool, given: &[PathBuf]) -> Self {
        let mut roots = Self {
            notify,
            polling,
            watched: BTreeSet::new(),
            scans: Scans::default(),
            exhausted: false,
            roots: Vec::new(),
            links: BTreeMap::new(),
            files: BTreeMap::new(),
        };
        for given in given {
            let mut root = Root {
                given: given.clone(),
                real: None,
                stamp: None,
            };
            let stamp = root.folder_stamp();
            if stamp.is_some() {
                roots.watch_root(&mut root, stamp);
            }
            roots.roots.push(root);
        }
        roots
    }

    /// What is scanned now, if that is news.
    pub fn scanned(&mut self) -> Option<Vec<Unwatched>> {
        if !std::mem::take(&mut self.scans.news) {
            return None;
        }
        let named = |real: &Path| {
            let names = self.names(real);
            names.into_iter().next().unwrap_or_else(|| real.to_owned())
        };
        Some(self.scans.shown(named))
    }

    /// What people call a path that the system reports: once for every root and
    /// link that leads to it.
    pub fn names(&self, reported: &Path) -> Vec<PathBuf> {
        let mut names = Vec::new();
        self.collect_names(reported, LONGEST_CHAIN, &mut names);
        names
    }

    /// Whether the system reports a root itself under this path.
    pub fn is_root(&self, reported: &Path) -> bool {
        self.roots
            .iter()
            .any(|root| root.real.as_deref() == Some(reported))
    }

    /// Something new is at a path: watches what a link leads to, and what the
    /// links in a new folder lead to.
    pub fn appeared(&mut self, reported: &Path) {
        if self.polling {
            return;
        }
        self.drop_links(reported);
        match reported.symlink_metadata() {
            Ok(metadata) if metadata.is_symlink() => self.add_link(reported),
            Ok(metadata) if metadata.is_dir() => self.cover(reported, 0),
            _ => {}
        }
    }

    /// Nothing is at a path any more.
    pub fn gone(&mut self, reported: &Path) {
        self.drop_links(reported);
        self.uncover(reported);
        for root in &mut self.roots {
            if root.real.as_deref() == Some(reported) {
                // Even if another folder has got its inode by now.
                root.stamp = None;
            }
        }
        for link in self.links.values_mut() {
            if link.folder.as_deref() == Some(reported) {
                link.outside.stamp = None;
            }
        }
    }

    /// The files to look at from now on, except for those that are watched
    /// under the same name.
    pub fn follow(&mut self, files: BTreeSet<PathBuf>) {
        let mut known = std::mem::take(&mut self.files);
        for file in files {
            if self.is_watched_as(&file) {
                continue;
            }
            // Whoever asks has read the file before, and it may have changed
            // since: a new one is reported once.
            let outside = known.remove(&file).unwrap_or_else(Outside::unseen);
            self.files.insert(file, outside);
        }
    }

    /// Looks whether the roots are still the same folders, and at everything
    /// that is not watched.
    pub fn check(&mut self) -> Findings {
        let mut findings = Findings::default();
        for index in 0..self.roots.len() {
            findings.root_changed |= self.check_root(index);
        }
        let mut changed = Vec::new();
        for (path, link) in &mut self.links {
            let stamp = Stamp::of(path);
            let is_folder = stamp.is_some_and(|stamp| stamp.is_folder());
            let leads_elsewhere =
                stamp != link.outside.stamp && (is_folder || link.folder.is_some());
            if leads_elsewhere || link.outside.has_changed(stamp) {
                changed.push(path.clone());
            }
        }
        for path in changed {
            self.appeared(&path);
            findings.paths.extend(self.names(&path));
        }
        for (path, file) in &mut self.files {
            if file.has_changed(Stamp::of(path)) {
                findings.paths.push(path.clone());
            }
        }
        self.scan(&mut findings);
        findings
    }

    /// Looks at what is not watched, and tries to watch it.
    fn scan(&mut self, findings: &mut Findings) {
        let began = Instant::now();
        let due = self.scans.due(began);
        if due.is_empty() {
            return;
        }
        self.exhausted = false;
        for folder in due {
            let found = self.scans.look(&folder);
            for gone in &found.gone {
                self.drop_links(gone);
                self.uncover(gone);
            }
            for path in &found.changed {
                findings.paths.extend(self.names(path));
            }
            for path in &found.folders {
                self.appeared(path);
            }
            if self.polling {
                findings.root_changed |= self.poll(&folder);
            } else if self.watch(&folder) {
                // Whatever came between the look and now.
                findings.paths.extend(self.names(&folder));
                self.cover(&folder, 0);
            }
        }
        self.scans.looked(began);
    }

    /// Watches everything again, after events were lost: a new folder may have
    /// been among them.
    pub fn watch_again(&mut self) {
        for root in &mut self.roots {
            root.stamp = None;
        }
    }

    /// True when the root is not the folder it was.
    fn check_root(&mut self, index: usize) -> bool {
        let root = &mut self.roots[index];
        let stamp = root.folder_stamp();
        if stamp == root.stamp && root.real.is_some() == stamp.is_some() {
            return false;
        }
        let was_watched = root.real.is_some();
        if let Some(real) = root.real.take() {
            self.uncover(&real);
            self.drop_links(&real);
        }
        let mut root = Root {
            given: self.roots[index].given.clone(),
            real: None,
            stamp: None,
        };
        if stamp.is_some() {
            self.watch_root(&mut root, stamp);
        }
        let is_watched = root.real.is_some();
        self.roots[index] = root;
        was_watched || is_watched
    }

    fn watch_root(&mut self, root: &mut Root, stamp: Option<Stamp>) {
        let Ok(real) = root.given.canonicalize() else {
            return;
        };
        root.real = Some(real.clone());
        root.stamp = stamp;
        self.exhausted = false;
        if self.polling {
            self.poll(&real);
        } else {
            self.cover(&real, 0);
        }
    }

    /// Has the watcher scan a root and everything below it. Until that can be
    /// done, the root itself is looked at, and this is tried again.
    fn poll(&mut self, root: &Path) -> bool {
        let polled = self.try_watch(root, RecursiveMode::Recursive);
        match &polled {
            Ok(()) => self.scans.show(root, "`[watch] poll_ms` is set".into()),
            Err(error) => self.scans.add(root, scans::reason(error)),
        }
        polled.is_ok()
    }

    /// Watches a folder and everything below it, and what links there lead to.
    fn cover(&mut self, folder: &Path, depth: usize) {
        if !self.watched.contains(folder) && !self.watch(folder) && !folder.is_dir() {
            return;
        }
        let Ok(entries) = folder.read_dir() else {
            return;
        };
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_symlink() => self.add_link(&entry.path()),
                Ok(kind) if kind.is_dir() && depth < DEEPEST => {
                    self.cover(&entry.path(), depth + 1);
                }
                _ => {}
            }
        }
    }

    /// Watches one folder; where that fails, it is scanned.
    fn watch(&mut self, folder: &Path) -> bool {
        let watched = if self.exhausted {
            Err(notify::Error::new(ErrorKind::MaxFilesWatch))
        } else {
            self.try_watch(folder, RecursiveMode::NonRecursive)
        };
        let error: notify::Error = match watched {
            Ok(()) => {
                self.watched.insert(folder.to_owned());
                self.scans.remove(folder);
                return true;
            }
            Err(error) => error,
        };
        self.exhausted |= matches!(error.kind, ErrorKind::MaxFilesWatch);
        if matches!(error.kind, ErrorKind::PathNotFound) {
            self.scans.remove(folder);
            return false;
        }
        let reason = scans::reason(&error);
        if self.scans.is_empty() {
            warn!(folder = %folder.display(), reason, "this folder cannot be watched, so it is scanned; further ones are shown by the interfaces");
        }
        self.scans.add(folder, reason);
        false
    }

    fn try_watch(&mut self, folder: &Path, mode: RecursiveMode) -> notify::Result<()> {
        match &mut self.notify {
            Some(notify) => notify.watch(folder, mode),
            None => Err(notify::Error::generic(NO_WATCHER)),
        }
    }

    /// Gives up watching a folder and everything below it.
    fn uncover(&mut self, folder: &Path) {
        self.scans.remove_below(folder);
        let mut below = self.watched.split_off(folder);
        let mut after = below.clone();
        below.retain(|path| path.starts_with(folder));
        after.retain(|path| !path.starts_with(folder));
        self.watched.append(&mut after);
        let Some(notify) = &mut self.notify else {
            return;
        };
        if self.polling {
            // Fails when the folder is not watched by itself, which is fine.
            let _ = notify.unwatch(folder);
        }
        for path in below {
            if let Err(error) = notify.unwatch(&path) {
                debug!(folder = %path.display(), %error, "was not watched any more");
            }
        }
    }

    fn add_link(&mut self, path: &Path) {
        if self.links.len() >= MOST_LINKS || self.links.contains_key(path) {
            return;
        }
        let stamp = Stamp::of(path);
        let real = path.canonicalize().ok();
        let is_folder = stamp.is_some_and(|stamp| stamp.is_folder());
        let within = |real: &PathBuf| path.parent().is_some_and(|parent| real.starts_with(parent));
        // Watched beside the link: whoever asks about the folder is told.
        if real.as_ref().is_some_and(within) {
            return;
        }
        // A folder around the link, or around a root, would be its own neighbour.
        let around = |real: &PathBuf| path.starts_with(real) || self.is_around_a_root(real);
        if is_folder && real.as_ref().is_some_and(around) {
            return;
        }
        let folder = real.filter(|_| is_folder);
        self.links.insert(
            path.to_owned(),
            Link {
                folder: folder.clone(),
                outside: Outside::new(stamp),
            },
        );
        if let Some(folder) = folder {
            self.cover(&folder, 0);
        }
    }

    /// Forgets the links at and below a path, and what only they lead to.
    fn drop_links(&mut self, path: &Path) {
        let dropped: Vec<PathBuf> = self
            .links
            .range(path.to_owned()..)
            .take_while(|(link, _)| link.starts_with(path))
            .map(|(link, _)| link.clone())
            .collect();
        for link in dropped {
            let Some(folder) = self.links.remove(&link).and_then(|link| link.folder) else {
                continue;
            };
            if !self.is_watched(&folder) {
                self.uncover(&folder);
                self.drop_links(&folder);
                self.watch_links_below(&folder);
            }
        }
    }

    /// Giving up a folder gave up those in it that other links lead to.
    fn watch_links_below(&mut self, folder: &Path) {
        let folders = self.links.values().filter_map(|link| link.folder.clone());
        let below: Vec<PathBuf> = folders.filter(|it| it.starts_with(folder)).collect();
        for folder in below {
            self.cover(&folder, 0);
        }
    }

    fn is_watched(&self, real: &Path) -> bool {
        let roots = self.roots.iter().filter_map(|root| root.real.as_deref());
        let folders = self
            .links
            .values()
            .filter_map(|link| link.folder.as_deref());
        roots
            .chain(folders)
            .any(|watched| real.starts_with(watched))
    }

    /// Whether events about the file come under the very name it is asked for.
    fn is_watched_as(&self, file: &Path) -> bool {
        let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
            return false;
        };
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        let real = folder.canonicalize().map(|real| real.join(name));
        real.is_ok_and(|real| self.names(&real).iter().any(|known| known == file))
    }

    fn is_around_a_root(&self, real: &Path) -> bool {
        let mut roots = self.roots.iter().filter_map(|root| root.real.as_deref());
        roots.any(|root| root.starts_with(real))
    }

    fn collect_names(&self, reported: &Path, chain: usize, names: &mut Vec<PathBuf>) {
        for root in &self.roots {
            let below = root.real.as_deref().map(|real| reported.strip_prefix(real));
            if let Some(Ok(below)) = below {
                names.push(joined(&root.given, below));
            }
        }
        if chain == 0 {
            return;
        }
        for (path, link) in &self.links {
            let below = link
                .folder
                .as_deref()
                .map(|real| reported.strip_prefix(real));
            if let Some(Ok(below)) = below {
                self.collect_names(&joined(path, below), chain - 1, names);
            }
        }
    }
}

/// In one sentence for an operator.
impl Root {
    fn folder_stamp(&self) -> Option<Stamp> {
        Stamp::of(&self.given).filter(Stamp::is_folder)
    }
}

/// Joining nothing would add a slash.
fn joined(folder: &Path, below: &Path) -> PathBuf {
    if below.as_os_str().is_empty() {
        folder.to_owned()
    } else {
        folder.join(below)
    }
}

#[cfg(test)]
#[path = "roots_tests.rs"]
mod tests;
