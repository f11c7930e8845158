//! The plugin files: what serves from each, and why newer bytes do not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tokio::time::Instant;

use super::snapshot::{PluginStatus, RefusalStatus, Snapshot};
use crate::plugin::artifact::{Artifact, Sha, Stamp};
use crate::plugin::generation::now_ms;
use crate::plugin::load::{Loaded, Refusal};

/// All plugin files that are, or were, in the folder.
#[derive(Default)]
pub struct PluginFiles {
    files: BTreeMap<PathBuf, PluginFile>,
}

#[derive(Default)]
struct PluginFile {
    serving: Option<Loaded>,
    refused: Option<RefusalStatus>,
    /// Bytes that were looked at last, served or refused: not tried again
    /// until they change.
    seen: Option<Sha>,
    stamp: Option<Stamp>,
    /// What stood against it may be gone: to be looked at again without a
    /// change of the file.
    again: bool,
    /// Since when the file is gone.
    missing: Option<Instant>,
    /// Generations of this file so far.
    generations: u32,
    /// Which reading of the file is the newest: an older candidate that
    /// finishes late is dropped.
    reading: u64,
}

/// A candidate to load.
pub struct Candidate {
    /// The file.
    pub path: PathBuf,
    /// Its bytes.
    pub artifact: Artifact,
    /// Number of the generation it would be.
    pub number: u32,
    /// Which reading of the file it is.
    pub reading: u64,
}

/// Whether a file name is a plugin's.
pub fn is_plugin(path: &Path) -> bool {
    let hidden = path
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with('.'));
    !hidden
        && path
            .extension()
            .is_some_and(|extension| extension == "wasm")
}

impl PluginFiles {
    /// Looks which files there are, reads those that `changed` names, and
    /// returns what has to be loaded. The others are left alone: somebody may
    /// be writing them. Nothing is touched that serves; what is missing is noted.
    pub fn scan(
        &mut self,
        dir: &Path,
        most: usize,
        changed: impl Fn(&Path) -> bool,
    ) -> std::io::Result<Vec<Candidate>> {
        let mut present = Vec::new();
        let entries = match std::fs::read_dir(dir) {
            Ok(entries) => Some(entries),
            // A folder that is being replaced comes back; until then nothing
            // is known, and what serves goes on.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        for entry in entries.into_iter().flatten() {
            let path = entry?.path();
            if is_plugin(&path) && path.is_file() {
                present.push(path);
            }
        }
        let now = Instant::now();
        for (path, file) in &mut self.files {
            let gone = !present.contains(path);
            file.missing = gone.then(|| file.missing.unwrap_or(now));
        }
        self.files
            .retain(|_, file| file.missing.is_none() || file.serving.is_some());
        let forgotten = |path: &Path| self.files.get(path).is_some_and(|file| file.again);
        present.retain(|path| changed(path) || forgotten(path));
        present.sort();
        Ok(present
            .into_iter()
            .filter_map(|path| self.candidate(path, most))
            .collect())
    }

    fn candidate(&mut self, path: PathBuf, most: usize) -> Option<Candidate> {
        let file = self.files.entry(path.clone()).or_default();
        file.again = false;
        let stamp = Stamp::of(&path).ok();
        if stamp.is_some() && stamp == file.stamp {
            return None;
        }
        file.reading += 1;
        match Artifact::read(&path, most) {
            Ok((artifact, stamp)) => {
                file.stamp = Some(stamp);
                if file.seen == Some(artifact.sha256) {
                    return None;
                }
                file.seen = Some(artifact.sha256);
                // The old bytes are back: nothing to load, nothing refused.
                if file
                    .serving
                    .as_ref()
                    .is_some_and(|serving| serving.identity().sha256 == artifact.sha256)
                {
                    file.refused = None;
                    return None;
                }
                Some(Candidate {
                    number: file.generations + 1,
                    reading: file.reading,
                    path,
                    artifact,
                })
            }
            Err(error) => {
                file.stamp = None;
                file.seen = None;
                let why = Refusal::from(error);
                tracing::warn!(file = %path.display(), step = why.step(), reason = %why, "plugin refused; what serves goes on");
                file.refused = Some(refusal(&why, None));
                None
            }
        }
    }

    /// Whether a candidate is still the newest reading of its file.
    pub fn is_current(&self, path: &Path, reading: u64) -> bool {
        self.files
            .get(path)
            .is_some_and(|file| file.reading == reading)
    }

    /// What serves from a file.
    pub fn serving(&self, path: &Path) -> Option<&Loaded> {
        self.files.get(path)?.serving.as_ref()
    }

    /// The file that provides what this plugin would (an adapter's name, an
    /// engine's file extension), and whether it is missing.
    pub fn provider(&self, like: &Loaded) -> Option<(&Path, bool)> {
        self.files
            .iter()
            .find(|(_, file)| {
                file.serving
                    .as_ref()
                    .is_some_and(|serving| serving.provides() == like.provides())
            })
            .map(|(path, file)| (path.as_path(), file.missing.is_some()))
    }

    /// A candidate serves now.
    pub fn accept(&mut self, path: &Path, loaded: Loaded) {
        let file = self.files.entry(path.to_owned()).or_default();
        file.generations = loaded.identity().number;
        file.serving = Some(loaded);
        file.refused = None;
    }

    /// A candidate was refused.
    pub fn refuse(&mut self, path: &Path, why: &Refusal, sha: Sha) {
        let file = self.files.entry(path.to_owned()).or_default();
        file.refused = Some(refusal(why, Some(sha)));
    }

    /// Refused files get another try: what stood against them may be gone.
    pub fn forget_refusals(&mut self, step: &str) -> bool {
        let mut any = false;
        for file in self.files.values_mut() {
            if file
                .refused
                .as_ref()
                .is_some_and(|refused| refused.step == step)
            {
                file.seen = None;
                file.stamp = None;
                file.again = true;
                any = true;
            }
        }
        any
    }

    /// Takes a plugin whose file is gone out of service; `None` when there is
    /// no such plugin, `Some(false)` when its file is there.
    pub fn retire(&mut self, name: &str) -> Option<bool> {
        let (path, missing) = self.files.iter().find_map(|(path, file)| {
            let identity = file.serving.as_ref()?.identity();
            (identity.name == name).then(|| (path.clone(), file.missing.is_some()))
        })?;
        if missing {
            self.files.remove(&path);
        }
        Some(missing)
    }

    /// Names of plugins whose files are gone, and since when.
    pub fn missing(&self) -> Vec<(String, Instant)> {
        self.files
            .values()
            .filter_map(|file| {
                let name = file.serving.as_ref()?.identity().name.clone();
                Some((name, file.missing?))
            })
            .collect()
    }

    /// Takes a missing file's plugin over by another file of the same name.
    pub fn hand_over(&mut self, from: &Path) {
        self.files.remove(from);
    }

    /// What serves, by name and extension, over another snapshot's tenants.
    pub fn fill(&self, snapshot: &mut Snapshot) {
        snapshot.adapters.clear();
        snapshot.engines.clear();
        for file in self.files.values() {
            match &file.serving {
                Some(Loaded::Adapter(adapter)) => {
                    snapshot
                        .adapters
                        .insert(adapter.identity.name.clone(), adapter.clone());
                }
                Some(Loaded::Engine(engine)) => {
                    snapshot
                        .engines
                        .insert(engine.manifest.extension.clone(), engine.clone());
                }
                None => {}
            }
        }
    }

    /// For the interfaces.
    pub fn statuses(&self) -> Vec<PluginStatus> {
        self.files
            .iter()
            .map(|(path, file)| PluginStatus {
                file: path.clone(),
                serving: file
                    .serving
                    .as_ref()
                    .map(|loaded| loaded.identity().clone()),
                refused: file.refused.clone(),
                missing: file.missing.is_some(),
            })
            .collect()
    }
}

fn refusal(why: &Refusal, sha: Option<Sha>) -> RefusalStatus {
    RefusalStatus {
        step: why.step(),
        reason: why.to_string(),
        sha256: sha.map(|sha| sha.to_string()),
        at_ms: now_ms(),
    }
}
