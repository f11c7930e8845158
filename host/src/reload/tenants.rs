//! The tenant folders: what serves from each, and why newer files do not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::snapshot::{TenantGeneration, TenantStatus};
use super::watch::Change;
use crate::config::{TenantConfig, TenantFile, load_tenant, tenant_dirs};
use crate::problem::Problem;

/// How often a folder that keeps changing is read. Whatever changes it further
/// is a change of its own, which comes later.
const READINGS: usize = 4;

/// Folders that are worth several threads.
const MANY: usize = 64;

/// All tenant folders that are, or were, there.
#[derive(Default)]
pub struct TenantFolders {
    folders: BTreeMap<PathBuf, Folder>,
}

struct Folder {
    name: Arc<str>,
    file: PathBuf,
    /// What was read for it from outside of its folder.
    outside: Vec<PathBuf>,
    fingerprint: [u8; 32],
    serving: Option<Arc<TenantGeneration>>,
    /// Values that are fine by themselves but not under today's plugins.
    waiting: Option<TenantConfig>,
    problems: Vec<Problem>,
    generations: u32,
    missing: bool,
}

/// Values to build a generation from.
pub struct TenantCandidate {
    /// The folder.
    pub dir: PathBuf,
    /// Its checked values.
    pub config: TenantConfig,
    /// Number of the generation it would be.
    pub number: u32,
    /// What serves now.
    pub previous: Option<Arc<TenantGeneration>>,
}

/// What a look at the folders found.
#[derive(Default)]
pub struct Scan {
    /// To build.
    pub candidates: Vec<TenantCandidate>,
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

impl TenantFolders {
    /// Reads the folders under `root` that a change touched, or all of them.
    pub fn scan(&mut self, root: &Path, change: Option<&Change>) -> std::io::Result<Scan> {
        let mut dirs: BTreeSet<PathBuf> = match tenant_dirs(root) {
            Ok(dirs) => dirs.into_iter().collect(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeSet::new(),
            Err(error) => return Err(error),
        };
        dirs.extend(self.folders.keys().cloned());
        if let Some(change) = change {
            dirs.retain(|dir| self.is_touched(dir, change));
        }
        let (there, gone): (Vec<PathBuf>, Vec<PathBuf>) = dirs
            .into_iter()
            .partition(|dir| dir.join("tenant.toml").is_file());
        let mut scan = Scan::default();
        for (dir, file) in self.read_all(there) {
            scan.candidates.extend(self.take(&dir, file));
        }
        for dir in gone {
            if let Some(folder) = self.folders.get_mut(&dir) {
                folder.missing = true;
                scan.gone.push(dir);
            }
        }
        Ok(scan)
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

    /// What was read of a folder, if that is news.
    fn take(&mut self, dir: &Path, read: TenantFile) -> Option<TenantCandidate> {
        let TenantFile {
            name,
            file,
            files,
            fingerprint,
            result,
        } = read;
        let folder = self
            .folders
            .entry(dir.to_owned())
            .or_insert_with(|| Folder {
                name: name.into(),
                file: file.clone(),
                outside: Vec::new(),
                fingerprint: [0; 32],
                serving: None,
                waiting: None,
                problems: Vec::new(),
                generations: 0,
                missing: false,
            });
        folder.missing = false;
        folder.outside = files;
        folder.outside.retain(|file| !file.starts_with(dir));
        if folder.fingerprint == fingerprint {
            return None;
        }
        folder.fingerprint = fingerprint;
        match result {
            Ok(config) => {
                folder.waiting = Some(config.clone());
                Some(TenantCandidate {
                    dir: dir.to_owned(),
                    config,
                    number: folder.generations + 1,
                    previous: folder.serving.clone(),
                })
            }
            Err(problems) => {
                folder.waiting = None;
                log_refused(&problems);
                folder.problems = problems;
                None
            }
        }
    }

    /// Candidates that were refused under other plugins.
    pub fn waiting(&self) -> Vec<TenantCandidate> {
        self.folders
            .iter()
            .filter(|(_, folder)| !folder.missing)
            .filter_map(|(dir, folder)| {
                Some(TenantCandidate {
                    dir: dir.clone(),
                    config: folder.waiting.clone()?,
                    number: folder.generations + 1,
                    previous: folder.serving.clone(),
                })
            })
            .collect()
    }

    /// A generation serves now.
    pub fn accept(&mut self, dir: &Path, generation: Arc<TenantGeneration>) {
        if let Some(folder) = self.folders.get_mut(dir) {
            folder.generations = generation.number;
            folder.serving = Some(generation);
            folder.waiting = None;
            folder.problems.clear();
        }
    }

    /// A candidate was refused; what serves goes on.
    pub fn refuse(&mut self, dir: &Path, problems: Vec<Problem>) {
        log_refused(&problems);
        if let Some(folder) = self.folders.get_mut(dir) {
            folder.problems = problems;
        }
    }

    /// Takes a folder that is still gone out of service, and returns its tenant.
    pub fn remove_if_gone(&mut self, dir: &Path) -> Option<Arc<str>> {
        let folder = self.folders.get(dir)?;
        if !folder.missing || dir.join("tenant.toml").is_file() {
            return None;
        }
        self.folders.remove(dir).map(|folder| folder.name)
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
        self.folders
            .values()
            .map(|folder| TenantStatus {
                name: folder.name.to_string(),
                file: folder.file.clone(),
                generation: folder.serving.as_ref().map(|serving| serving.number),
                connections: folder
                    .serving
                    .iter()
                    .flat_map(|serving| &serving.config.connections)
                    .map(|(name, connection)| (name.clone(), connection.adapter.clone()))
                    .collect(),
                problems: folder.problems.clone(),
                loaded_at_ms: folder.serving.as_ref().map(|serving| serving.loaded_at_ms),
            })
            .collect()
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

/// Says what stands against a tenant's newest files.
fn log_refused(problems: &[Problem]) {
    for problem in problems {
        tracing::warn!(%problem, "tenant refused; what serves goes on");
    }
}
