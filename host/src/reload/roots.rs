//! Which folders and files are watched, and what they are called.
//!
//! The operating system watches inodes, people name paths. Everything here is
//! about the difference: a root may be missing, be replaced or be a link; a
//! link below a root may lead to a folder or file outside; and a file that the
//! configuration names may be outside altogether. Folders are watched; single
//! files outside are looked at on every [`check`](Roots::check).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use notify::{RecursiveMode, Watcher};
use tracing::{debug, warn};

/// Most links followed below the roots, and most links followed through one
/// another: far beyond what is of use, short of what would hurt.
const MOST_LINKS: usize = 10_000;
const LONGEST_CHAIN: usize = 8;

/// Deepest folder in which links are looked for.
const DEEPEST: usize = 32;

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
    notify: Box<dyn Watcher + Send>,
    /// A scan follows links by itself.
    polling: bool,
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
    complained: bool,
}

struct Link {
    /// The folder it leads to, which is watched on its own.
    folder: Option<PathBuf>,
    outside: Outside,
}

/// Something that is looked at rather than watched.
struct Outside {
    stamp: Option<Stamp>,
    changing: bool,
}

/// Equal while nothing changed: for a folder which one it is, for a file also
/// its content as far as one can tell without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    identity: (u64, u64),
    content: Option<(u64, Option<SystemTime>)>,
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let metadata = path.metadata().ok()?;
        let content = (!metadata.is_dir()).then(|| (metadata.len(), metadata.modified().ok()));
        Some(Self {
            identity: identity(&metadata),
            content,
        })
    }

    fn is_folder(&self) -> bool {
        self.content.is_none()
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(metadata: &Metadata) -> (u64, u64) {
    let created = metadata.created().ok();
    let since = created.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    (since.map_or(0, |since| since.as_nanos() as u64), 0)
}

impl Outside {
    fn new(stamp: Option<Stamp>) -> Self {
        Self {
            stamp,
            changing: false,
        }
    }

    /// True once it has changed and then stayed the same from one look to the
    /// next.
    fn has_changed(&mut self, now: Option<Stamp>) -> bool {
        let differs = now != self.stamp;
        self.stamp = now;
        let done = self.changing && !differs;
        self.changing = differs;
        done
    }
}

impl Roots {
    /// Watches the roots that exist.
    pub fn new(
        notify: Box<dyn Watcher + Send>,
        polling: bool,
        given: &[PathBuf],
    ) -> Result<Self, (PathBuf, notify::Error)> {
        let mut roots = Self {
            notify,
            polling,
            roots: Vec::new(),
            links: BTreeMap::new(),
            files: BTreeMap::new(),
        };
        for given in given {
            let mut root = Root {
                given: given.clone(),
                real: None,
                stamp: None,
                complained: false,
            };
            let stamp = root.folder_stamp();
            let watched = stamp.is_some().then(|| roots.watch_root(&mut root, stamp));
            roots.roots.push(root);
            if let Some(Err(error)) = watched {
                return Err((given.clone(), error));
            }
        }
        Ok(roots)
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
            Ok(metadata) if metadata.is_dir() => self.find_links(reported, 0),
            _ => {}
        }
    }

    /// Nothing is at a path any more.
    pub fn gone(&mut self, reported: &Path) {
        self.drop_links(reported);
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
            let outside = known.remove(&file).unwrap_or_else(|| Outside::new(None));
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
        findings
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
            // Fails when the folder is gone, which is fine.
            let _ = self.notify.unwatch(&real);
            self.drop_links(&real);
        }
        let placeholder = Root {
            given: PathBuf::new(),
            real: None,
            stamp: None,
            complained: false,
        };
        let mut root = std::mem::replace(&mut self.roots[index], placeholder);
        root.stamp = None;
        if stamp.is_some() {
            match self.watch_root(&mut root, stamp) {
                Ok(()) => root.complained = false,
                Err(error) if !root.complained => {
                    root.complained = true;
                    warn!(
                        folder = %root.given.display(),
                        %error,
                        "cannot watch this folder; raise fs.inotify.max_user_watches or set `poll_ms` under [watch]"
                    );
                }
                Err(_) => {}
            }
        }
        let is_watched = root.real.is_some();
        self.roots[index] = root;
        was_watched || is_watched
    }

    fn watch_root(&mut self, root: &mut Root, stamp: Option<Stamp>) -> notify::Result<()> {
        let real = root.given.canonicalize().map_err(notify::Error::io)?;
        self.notify.watch(&real, RecursiveMode::Recursive)?;
        root.real = Some(real.clone());
        root.stamp = stamp;
        if !self.polling {
            self.find_links(&real, 0);
        }
        Ok(())
    }

    fn find_links(&mut self, folder: &Path, depth: usize) {
        let Ok(entries) = folder.read_dir() else {
            return;
        };
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_symlink() => self.add_link(&entry.path()),
                Ok(kind) if kind.is_dir() && depth < DEEPEST => {
                    self.find_links(&entry.path(), depth + 1);
                }
                _ => {}
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
            if let Err(error) = self.notify.watch(&folder, RecursiveMode::Recursive) {
                warn!(folder = %folder.display(), %error, "cannot watch where a link leads");
            }
            self.find_links(&folder, 0);
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
                if let Err(error) = self.notify.unwatch(&folder) {
                    debug!(folder = %folder.display(), %error, "was not watched any more");
                }
                self.drop_links(&folder);
                self.watch_links_below(&folder);
            }
        }
    }

    /// Giving up a folder gave up those in it that other links lead to.
    fn watch_links_below(&mut self, folder: &Path) {
        let folders = self
            .links
            .values()
            .filter_map(|link| link.folder.as_deref());
        for below in folders.filter(|below| below.starts_with(folder)) {
            if let Err(error) = self.notify.watch(below, RecursiveMode::Recursive) {
                warn!(folder = %below.display(), %error, "cannot watch where a link leads");
            }
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
