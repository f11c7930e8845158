//! The tenant folders: what serves from each, and why newer files do not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use tokio::time::Instant;

use super::folder::{Folder, log_refused};
use super::passing::{Backoff, Presence, Unreadable, Unwatched, is_gone};
use super::status::TenantStatus;
use super::watch::Change;
use crate::config::{TenantConfig, TenantFile, load_tenant, tenant_dirs};
use crate::problem::Problem;
use crate::serving::snapshot::TenantGeneration;
use crate::telemetry::metrics::Reloads;

/// How often a folder that keeps changing is read. Whatever changes it further
/// is a change of its own, which comes later.
const READINGS: usize = 4;

/// Folders that are worth several threads.
const MANY: usize = 64;

/// All tenant folders that are, or were, there.
#[derive(Default)]
pub struct TenantFolders {
    folders: BTreeMap<PathBuf, Folder>,
    /// The folder of them all, while it cannot be read.
    root: Option<Unreadable>,
    /// Folders of which nothing was ever known, because they cannot be read.
    strangers: BTreeMap<PathBuf, Unreadable>,
    /// Versions so far, of all folders: none is ever used twice, so that an old
    /// candidate never passes as current.
    versions: u64,
    reloads: Arc<Reloads>,
}

/// A tenant as a check takes it: what serves, and what could.
#[derive(Clone)]
pub struct TenantCandidate {
    /// The folder.
    pub dir: PathBuf,
    /// Which state of it this is.
    pub version: u64,
    /// Its newest values, if they do not serve.
    pub waiting: Option<Arc<TenantConfig>>,
    /// What serves now.
    pub serving: Option<Arc<TenantGeneration>>,
}

/// What a look at the folders found.
#[derive(Default)]
pub struct Scan {
    /// Folders with new values to check.
    pub changed: Vec<PathBuf>,
    /// Folders that are gone.
    pub gone: Vec<PathBuf>,
}

/// Reads a folder whose files belong together. One that is replaced in between,
/// as Kubernetes does it, would be read half old and half new: what is not
/// known yet is read again until it stays the same.
fn read_steadily(dir: &Path, known: Option<[u8; 32]>) -> TenantFile {
    let mut read = load_tenant(dir);
    for _ in 1..READINGS {
        if known == Some(read.fingerprint) {
            break;
        }
        let again = load_tenant(dir);
        let steady = again.fingerprint == read.fingerprint;
        read = again;
        if steady {
            break;
        }
    }
    read
}

fn tenant_file(dir: &Path) -> PathBuf {
    dir.join("tenant.toml")
}

impl TenantFolders {
    /// None yet; what becomes of changed ones is counted here.
    pub fn counting(reloads: Arc<Reloads>) -> Self {
        Self {
            reloads,
            ..Self::default()
        }
    }

    /// Reads the folders under `root` that a change touched, or all of them.
    /// What cannot be read is noted; nothing is touched that serves.
    pub fn scan(&mut self, root: &Path, change: Option<&Change>) -> Scan {
        let listed = self.list(root);
        let is_listed = listed.is_some();
        let mut dirs = listed.unwrap_or_default();
        self.strangers
            .retain(|dir, _| dirs.contains(dir) || !is_listed);
        dirs.extend(self.folders.keys().chain(self.strangers.keys()).cloned());
        if let Some(change) = change {
            dirs.retain(|dir| self.is_touched(dir, change));
        }
        let mut scan = Scan::default();
        let mut there = Vec::new();
        for dir in dirs {
            match Presence::of(&tenant_file(&dir)) {
                Presence::There => there.push(dir),
                // With the folder of all of them gone, nothing is known of one.
                Presence::Gone if is_listed => {
                    self.strangers.remove(&dir);
                    if let Some(folder) = self.folders.get_mut(&dir) {
                        folder.missing = true;
                        folder.unreadable = None;
                        scan.gone.push(dir);
                    }
                }
                Presence::Gone => {
                    self.cannot_read(&dir, format!("{} cannot be reached", dir.display()));
                }
                Presence::Unknown(error) => {
                    self.cannot_read(&dir, format!("{} cannot be read ({error})", dir.display()));
                }
            }
        }
        for (dir, file) in self.read_all(there) {
            if self.take(&dir, file) {
                scan.changed.push(dir);
            }
        }
        scan
    }

    /// The folders that there are; nothing where that cannot be told.
    fn list(&mut self, root: &Path) -> Option<BTreeSet<PathBuf>> {
        let error = match tenant_dirs(root) {
            Ok(dirs) => {
                if self.root.take().is_some() {
                    tracing::info!(dir = %root.display(), "the tenants folder can be read again");
                }
                return Some(dirs.into_iter().collect());
            }
            Err(error) => error,
        };
        // Without tenants, it was never there.
        if is_gone(&error) && self.folders.is_empty() {
            self.root = None;
            return Some(BTreeSet::new());
        }
        if self.root.is_none() {
            tracing::error!(dir = %root.display(), %error, "the tenants folder cannot be read; what is loaded goes on serving");
        }
        let reason = format!("the tenants folder cannot be read ({error})");
        self.root = Some(Unreadable::again(self.root.as_ref(), reason));
        None
    }

    /// A folder that is there and cannot be read: what serves goes on.
    fn cannot_read(&mut self, dir: &Path, reason: String) {
        let Some(folder) = self.folders.get_mut(dir) else {
            let before = self.strangers.get(dir);
            if before.is_none() {
                tracing::warn!(dir = %dir.display(), reason, "this folder cannot be read; it is looked at again by itself");
            }
            let unreadable = Unreadable::again(before, reason);
            self.strangers.insert(dir.to_owned(), unreadable);
            return;
        };
        let problem = Problem::host(
            "config-unreadable",
            format!("{reason}; what serves goes on."),
        );
        folder.cannot_read(reason, vec![problem]);
    }

    /// Reads folders; many of them on several threads.
    fn read_all(&self, dirs: Vec<PathBuf>) -> Vec<(PathBuf, TenantFile)> {
        let read = |dir: PathBuf| {
            let known = self.folders.get(&dir).map(|folder| folder.fingerprint);
            let file = read_steadily(&dir, known);
            (dir, file)
        };
        if dirs.len() < MANY {
            dirs.into_iter().map(read).collect()
        } else {
            dirs.into_par_iter().map(read).collect()
        }
    }

    /// A folder is touched with everything in it, and with the files outside
    /// of it that were read for it: secrets, CA certificates.
    fn is_touched(&self, dir: &Path, change: &Change) -> bool {
        change.touches(dir)
            || self
                .folders
                .get(dir)
                .is_some_and(|folder| folder.outside.iter().any(|file| change.touches(file)))
    }

    /// Takes what was read of a folder; true if it is to be checked.
    fn take(&mut self, dir: &Path, read: TenantFile) -> bool {
        let TenantFile {
            name,
            file,
            files,
            fingerprint,
            unreadable,
            result,
        } = read;
        self.strangers.remove(dir);
        self.versions += 1;
        let version = self.versions;
        let folder = self
            .folders
            .entry(dir.to_owned())
            .or_insert_with(|| Folder::new(&name, file, version));
        folder.missing = false;
        folder.outside = files;
        folder.outside.retain(|file| !file.starts_with(dir));
        if let Some(reason) = unreadable {
            let problems = match &result {
                Ok(config) => &config.faults,
                Err(problems) => problems,
            };
            folder.cannot_read(reason, problems.clone());
            return false;
        }
        if folder.unreadable.take().is_some() {
            tracing::info!(tenant = &*folder.name, "its files can be read again");
        }
        if folder.fingerprint == fingerprint {
            return false;
        }
        folder.fingerprint = fingerprint;
        folder.version = version;
        folder.retry = None;
        folder.waits_with = None;
        match result {
            Ok(mut config) => {
                let serving = folder.serving.as_ref().map(|serving| &serving.config);
                folder.tables = config.keep_tables(serving);
                folder.waiting = Some(Arc::new(config));
                true
            }
            Err(problems) => {
                folder.waiting = None;
                log_refused(&problems);
                self.reloads.refused.one();
                folder.problems = problems;
                false
            }
        }
    }

    /// A folder as a check takes it.
    pub fn candidate(&self, dir: &Path) -> Option<TenantCandidate> {
        let folder = self.folders.get(dir)?;
        Some(TenantCandidate {
            dir: dir.to_owned(),
            version: folder.version,
            waiting: folder.waiting.clone(),
            serving: folder.serving.clone(),
        })
    }

    /// Folders whose newest values, or what serves of them, `uses` says yes to.
    pub fn using(&self, uses: impl Fn(&TenantConfig) -> bool) -> Vec<TenantCandidate> {
        let dirs = self.folders.iter().filter(|(_, folder)| {
            let serving = folder.serving.as_ref().map(|serving| &serving.config);
            let waiting = folder.waiting.as_deref();
            serving.into_iter().chain(waiting).any(&uses)
        });
        dirs.filter_map(|(dir, _)| self.candidate(dir)).collect()
    }

    /// Values that wait, of a folder.
    pub fn waiting(&self, dir: &Path) -> Option<&TenantConfig> {
        self.folders.get(dir)?.waiting.as_deref()
    }

    /// It is checked when something else comes, and not by the clock.
    pub fn postpone(&mut self, dir: &Path) {
        if let Some(folder) = self.folders.get_mut(dir) {
            folder.retry = None;
        }
    }

    /// Begins a check of a folder's newest values, unless one is under way.
    pub fn begin(&mut self, dir: &Path) -> Option<TenantCandidate> {
        let folder = self.folders.get_mut(dir)?;
        if folder.waiting.is_none() {
            folder.retry = None;
            return None;
        }
        if folder.checking.is_some() {
            return None;
        }
        folder.checking = Some(folder.version);
        self.candidate(dir)
    }

    /// Ends the check of a version; true if that is still the newest.
    pub fn end(&mut self, dir: &Path, version: u64) -> bool {
        let Some(folder) = self.folders.get_mut(dir) else {
            return false;
        };
        if folder.checking == Some(version) {
            folder.checking = None;
        }
        self.is_current(dir, version)
    }

    /// Whether a version is the newest of its folder.
    pub fn is_current(&self, dir: &Path, version: u64) -> bool {
        self.folders
            .get(dir)
            .is_some_and(|folder| folder.version == version)
    }

    /// What was checked of these folders no longer holds: a plugin that they
    /// use was replaced.
    pub fn outdate(&mut self, dirs: impl IntoIterator<Item = PathBuf>) {
        for dir in dirs {
            if let Some(folder) = self.folders.get_mut(&dir) {
                self.versions += 1;
                folder.version = self.versions;
            }
        }
    }

    /// The number of a folder's next generation.
    pub fn next_number(&self, dir: &Path) -> u32 {
        let folder = self.folders.get(dir);
        folder.map_or(0, |folder| folder.generations) + 1
    }

    /// A generation serves now.
    pub fn accept(&mut self, dir: &Path, generation: Arc<TenantGeneration>) {
        self.reloads.accepted.one();
        if let Some(folder) = self.folders.get_mut(dir) {
            self.versions += 1;
            folder.version = self.versions;
            folder.generations = generation.number;
            folder.serving = Some(generation);
            folder.waiting = None;
            log_refused(&folder.tables);
            folder.problems = std::mem::take(&mut folder.tables);
            folder.retry = None;
            folder.waits_with = None;
        }
    }

    /// A candidate was refused; what serves goes on. A reason that is `passing`
    /// has it tried again by itself.
    pub fn refuse(&mut self, dir: &Path, problems: Vec<Problem>, passing: bool) {
        log_refused(&problems);
        self.reloads.refused.one();
        if let Some(folder) = self.folders.get_mut(dir) {
            folder.problems = problems;
            folder.problems.extend(folder.tables.iter().cloned());
            folder.retry = passing.then(|| Backoff::after(folder.retry));
        }
    }

    /// Its newest values are right for a plugin that waits for other tenants.
    pub fn waits_with(&mut self, dir: &Path, plugin: &Path) {
        if let Some(folder) = self.folders.get_mut(dir) {
            folder.waits_with = Some(plugin.to_owned());
        }
    }

    /// Whether a folder is gone and its tenant still serves.
    pub fn is_missing(&self, dir: &Path) -> bool {
        self.folders.get(dir).is_some_and(|folder| folder.missing)
    }

    /// Takes a folder that is still gone out of service, and returns its tenant.
    pub fn remove_if_gone(&mut self, root: &Path, dir: &Path) -> Option<Arc<str>> {
        let folder = self.folders.get(dir)?;
        let is_gone = || matches!(Presence::of(&tenant_file(dir)), Presence::Gone);
        // Nothing is known of a folder in one that cannot be read.
        if !folder.missing || !is_gone() || std::fs::read_dir(root).is_err() {
            return None;
        }
        self.folders.remove(dir).map(|folder| folder.name)
    }

    /// The next moment at which something is tried again by itself.
    pub fn next_retry(&self) -> Option<Instant> {
        let folders = self.folders.values().flat_map(|folder| {
            let unreadable = folder.unreadable.as_ref();
            let unreadable = unreadable.map(|(unreadable, _)| unreadable.retry);
            [unreadable, folder.due_retry()]
        });
        let strangers = self.strangers.values().chain(&self.root);
        let strangers = strangers.map(|unreadable| Some(unreadable.retry));
        let all = folders.chain(strangers).flatten();
        all.map(|backoff| backoff.at).min()
    }

    /// What is due: folders to read again as a change, nothing where all of
    /// them are, and folders to check again.
    pub fn due(&self, now: Instant) -> (Option<Change>, Vec<PathBuf>) {
        let is_due = |unreadable: &Unreadable| unreadable.retry.at <= now;
        let mut change = Change {
            rescan: self.root.as_ref().is_some_and(is_due),
            ..Change::default()
        };
        let mut check = Vec::new();
        for (dir, folder) in &self.folders {
            let unreadable = folder.unreadable.as_ref();
            if unreadable.is_some_and(|(unreadable, _)| is_due(unreadable)) {
                change.paths.insert(dir.clone());
            }
            if folder.due_retry().is_some_and(|retry| retry.at <= now) {
                check.push(dir.clone());
            }
        }
        let strangers = self
            .strangers
            .iter()
            .filter(|(_, stranger)| is_due(stranger));
        change.paths.extend(strangers.map(|(dir, _)| dir.clone()));
        let any = change.rescan || !change.paths.is_empty();
        (any.then_some(change), check)
    }

    /// What serves.
    pub fn serving(&self) -> BTreeMap<Arc<str>, Arc<TenantGeneration>> {
        self.folders
            .values()
            .filter_map(|folder| Some((folder.name.clone(), folder.serving.clone()?)))
            .collect()
    }

    /// For the interfaces.
    pub fn statuses(&self) -> Vec<TenantStatus> {
        self.folders.values().map(Folder::status).collect()
    }

    /// What cannot be read, for the interfaces.
    pub fn unreadable(&self, root: &Path) -> Vec<Unwatched> {
        let root = self.root.iter().map(|unreadable| unreadable.shown(root));
        let strangers = self.strangers.iter();
        let strangers = strangers.map(|(dir, unreadable)| unreadable.shown(dir));
        let folders = self.folders.iter().filter_map(|(dir, folder)| {
            let (unreadable, _) = folder.unreadable.as_ref()?;
            Some(unreadable.shown(dir))
        });
        root.chain(strangers).chain(folders).collect()
    }

    /// Every file outside of the tenants' folders that was read, or would have
    /// been.
    pub fn files_outside(&self) -> BTreeSet<PathBuf> {
        self.folders
            .values()
            .flat_map(|folder| &folder.outside)
            .cloned()
            .collect()
    }
}

#[cfg(test)]
#[path = "tenants_tests.rs"]
mod tests;
