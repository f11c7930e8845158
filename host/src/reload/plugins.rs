//! The plugin files: what serves from each, and why newer bytes do not.

mod shown;
mod sources;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::time::Instant;

use super::passing::{Backoff, Presence, Unreadable, is_gone};
use super::status::RefusalStatus;
use crate::clock::now_ms;
use crate::plugin::artifact::{Artifact, ReadError, Sha, is_component};
use crate::plugin::language::RuntimeGeneration;
use crate::plugin::load::{Beside, Loaded, Refusal};
use crate::plugin::refusal::SIGNATURE;
use crate::serving::snapshot::Snapshot;
use crate::telemetry::metrics::Reloads;

pub use sources::is_plugin;
pub(super) use sources::is_touched;
use sources::plugins_in;

/// All plugin files that are, or were, in the folder.
#[derive(Default)]
pub struct PluginFiles {
    /// Whether source files are loaded.
    sources: bool,
    files: BTreeMap<PathBuf, PluginFile>,
    /// The folder, while it cannot be read.
    root: Option<Unreadable>,
    /// Readings so far, of all files: none is ever used twice, so that an old
    /// candidate never passes as current.
    readings: u64,
    reloads: Arc<Reloads>,
}

#[derive(Default)]
struct PluginFile {
    serving: Option<Loaded>,
    refused: Option<RefusalStatus>,
    /// Bytes that were looked at last, served or refused: not tried again
    /// until they change.
    seen: Option<Sha>,
    /// What loaded, and does not serve because of something else that is
    /// loaded: tried again when that changes.
    held: Option<Loaded>,
    /// The newest bytes are being loaded or checked.
    checking: bool,
    /// It is loaded again by itself.
    retry: Option<Backoff>,
    /// It is there and cannot be read.
    unreadable: Option<Unreadable>,
    /// It is a source file, and no language runtime that serves runs it. One
    /// that is being loaded may.
    awaits_runtime: bool,
    /// Since when the file is gone.
    missing: Option<Instant>,
    /// Generations of this file so far.
    generations: u32,
    /// Which reading of the file its newest bytes are of: an older candidate
    /// that finishes late is dropped.
    reading: u64,
}

/// A candidate to load.
pub struct Candidate {
    /// The file.
    pub path: PathBuf,
    /// Its bytes.
    pub artifact: Artifact,
    /// What runs it and what lies beside it, if it is a source file.
    pub source: Option<(Arc<RuntimeGeneration>, Beside)>,
    /// Number of the generation it would be.
    pub number: u32,
    /// Which reading of the file it is.
    pub reading: u64,
}

impl PluginFiles {
    /// None yet; what becomes of changed ones is counted here.
    pub fn counting(reloads: Arc<Reloads>, sources: bool) -> Self {
        Self {
            sources,
            reloads,
            ..Self::default()
        }
    }

    /// Looks which files there are, reads those that `changed` names, and
    /// returns what has to be loaded. The others are left alone: somebody may
    /// be writing them. Nothing is touched that serves; what is missing or
    /// cannot be read is noted.
    pub fn scan(
        &mut self,
        dir: &Path,
        most: usize,
        changed: impl Fn(&Path) -> bool,
    ) -> Vec<Candidate> {
        let now = Instant::now();
        let present = match plugins_in(dir, |path| self.takes(path)) {
            Ok(present) => {
                if self.root.take().is_some() {
                    tracing::info!(dir = %dir.display(), "the plugins folder can be read again");
                }
                present
            }
            Err(error) => {
                self.cannot_list(dir, &error, now);
                return Vec::new();
            }
        };
        for (path, file) in &mut self.files {
            let gone = !present.contains_key(path);
            file.missing = gone.then(|| file.missing.unwrap_or(now));
            if gone {
                file.unreadable = None;
                file.retry = None;
            }
        }
        self.files
            .retain(|_, file| file.missing.is_none() || file.serving.is_some());
        let mut candidates = Vec::new();
        for (path, presence) in present {
            let known = self.files.get(&path);
            if !changed(&path) && !known.is_some_and(|file| file.is_due(now)) {
                continue;
            }
            match presence {
                Presence::Unknown(error) => self.cannot_read(&path, error.into()),
                _ => candidates.extend(self.read(path, most)),
            }
        }
        candidates
    }

    /// The folder cannot be read. Where it is gone, so are its files; but one
    /// that is being replaced or mounted comes back.
    fn cannot_list(&mut self, dir: &Path, error: &std::io::Error, now: Instant) {
        if is_gone(error) {
            for file in self.files.values_mut() {
                file.missing.get_or_insert(now);
            }
            // Without plugins, it was never there.
            if self.files.is_empty() {
                self.root = None;
                return;
            }
        }
        if self.root.is_none() {
            tracing::error!(dir = %dir.display(), %error, "the plugins folder cannot be read; what is loaded goes on serving");
        }
        let reason = format!("the plugins folder cannot be read ({error})");
        self.root = Some(Unreadable::again(self.root.as_ref(), reason));
    }

    fn read(&mut self, path: PathBuf, most: usize) -> Option<Candidate> {
        // Its name says nothing of its bytes, nor do its size and times.
        let artifact = match Artifact::read_any(&path, most) {
            Ok(artifact) => artifact,
            Err(error) if error.is_passing() => {
                self.cannot_read(&path, error);
                return None;
            }
            Err(error) => {
                let why = Refusal::from(error);
                log_refused(&path, why.step(), &why.to_string());
                self.reloads.refused.one();
                let file = self.newer(&path);
                file.seen = None;
                file.refused = Some(refusal(why.step(), why.to_string(), None));
                return None;
            }
        };
        let source = match self.source(&path) {
            Ok(source) => source,
            Err(why) => {
                self.newer(&path).seen = None;
                self.refuse(&path, why.step(), why.to_string(), false);
                return None;
            }
        };
        // A source file with another runtime is another plugin.
        let sha = source
            .as_ref()
            .map_or(artifact.sha256, |(runtime, beside)| {
                beside.sha256_with(runtime.identity.sha256, artifact.sha256)
            });
        let file = self.files.entry(path.clone()).or_default();
        if file.unreadable.take().is_some() {
            tracing::info!(file = %path.display(), "this file can be read again");
        }
        // The same as before: what was begun with these bytes goes on. What stood
        // against its signature may be put right in another file.
        let unsigned = |refused: &RefusalStatus| refused.step == SIGNATURE;
        let unsigned = file.refused.as_ref().is_some_and(unsigned);
        if file.seen == Some(sha) && file.due_retry().is_none() && !unsigned {
            return None;
        }
        let before = file.retry;
        let same = file.seen == Some(sha);
        let sources = self.sources;
        let file = self.newer(&path);
        file.seen = Some(sha);
        file.retry = before.filter(|_| same);
        if !is_component(&path) {
            if !sources {
                let why = Refusal::SourcesOff;
                self.refuse(&path, why.step(), why.to_string(), false);
                return None;
            }
            if source.is_none() {
                file.awaits_runtime = true;
                file.checking = true;
                return None;
            }
        }
        // The old bytes are back: nothing to load, nothing refused.
        if file
            .serving
            .as_ref()
            .is_some_and(|serving| serving.identity().sha256 == sha)
        {
            file.refused = None;
            file.retry = None;
            return None;
        }
        file.checking = true;
        Some(Candidate {
            number: file.generations + 1,
            reading: file.reading,
            path,
            artifact,
            source,
        })
    }

    /// The file has newer bytes: whatever was begun with others is dropped.
    fn newer(&mut self, path: &Path) -> &mut PluginFile {
        self.readings += 1;
        let file = self.files.entry(path.to_owned()).or_default();
        file.reading = self.readings;
        file.checking = false;
        file.held = None;
        file.retry = None;
        file.unreadable = None;
        file.awaits_runtime = false;
        file
    }

    fn cannot_read(&mut self, path: &Path, error: ReadError) {
        let file = self.files.entry(path.to_owned()).or_default();
        let reason = error.to_string();
        if file.unreadable.is_none() {
            tracing::warn!(file = %path.display(), reason, "this file cannot be read; what serves goes on, and it is read again by itself");
        }
        file.unreadable = Some(Unreadable::again(file.unreadable.as_ref(), reason));
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

    /// What loaded from a file and waits for something else, with its reading.
    pub fn held(&self, path: &Path) -> Option<(&Loaded, u64)> {
        let file = self.files.get(path)?;
        Some((file.held.as_ref()?, file.reading))
    }

    /// What is held of the files that were refused at a step.
    pub fn held_at(&self, step: &str) -> Vec<(PathBuf, Loaded)> {
        let refused = self.files.iter().filter(|(_, file)| {
            let refused = file.refused.as_ref();
            refused.is_some_and(|refused| refused.step == step)
        });
        refused
            .filter_map(|(path, file)| Some((path.clone(), file.held.clone()?)))
            .collect()
    }

    /// How many files are gone.
    pub fn missing_count(&self) -> usize {
        let files = self.files.values();
        files.filter(|file| file.missing.is_some()).count()
    }

    /// The file that provides what this plugin would (an adapter's name, an
    /// engine's file extension, a runtime's language), and whether it is missing.
    pub fn provider(&self, like: &Loaded) -> Option<(&Path, bool)> {
        self.files
            .iter()
            .find(|(_, file)| {
                file.serving
                    .as_ref()
                    .is_some_and(|serving| serving.is_rival_of(like))
            })
            .map(|(path, file)| (path.as_path(), file.missing.is_some()))
    }

    /// A candidate loaded, and is to be checked against what else there is.
    pub fn hold(&mut self, path: &Path, loaded: Loaded) {
        let file = self.files.entry(path.to_owned()).or_default();
        file.held = Some(loaded);
    }

    /// What is held of a file is being checked, or is not any more.
    pub fn set_checking(&mut self, path: &Path, checking: bool) {
        if let Some(file) = self.files.get_mut(path) {
            file.checking = checking;
        }
    }

    /// A candidate serves now.
    pub fn accept(&mut self, path: &Path, loaded: Loaded) {
        self.reloads.accepted.one();
        let file = self.files.entry(path.to_owned()).or_default();
        file.generations = loaded.identity().number;
        file.serving = Some(loaded);
        file.held = None;
        file.refused = None;
        file.retry = None;
        file.checking = false;
    }

    /// A candidate was refused. A reason that is `passing` has it tried again
    /// by itself.
    pub fn refuse(&mut self, path: &Path, step: &'static str, reason: String, passing: bool) {
        log_refused(path, step, &reason);
        self.reloads.refused.one();
        if let Some(file) = self.files.get_mut(path) {
            file.refused = Some(refusal(step, reason, file.seen));
            file.retry = passing.then(|| Backoff::after(file.retry));
            file.checking = false;
        }
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

    /// Names of plugins whose files are gone, and since when. Where the folder
    /// cannot be read, nothing is known of any.
    pub fn missing(&self) -> Vec<(String, Instant)> {
        let known = self.root.is_none();
        self.files
            .values()
            .filter(|_| known)
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

    /// The next moment at which something is tried again by itself.
    pub fn next_retry(&self) -> Option<Instant> {
        // Until the folder can be read, none of its files can.
        if let Some(root) = &self.root {
            return Some(root.retry.at);
        }
        let files = self.files.values().flat_map(|file| {
            let unreadable = file.unreadable.as_ref();
            let unreadable = unreadable.map(|unreadable| unreadable.retry);
            [unreadable, file.due_retry()]
        });
        files.flatten().map(|backoff| backoff.at).min()
    }

    /// Whether the folder itself is due to be looked at again.
    pub fn is_root_due(&self, now: Instant) -> bool {
        self.root.as_ref().is_some_and(|root| root.retry.at <= now)
    }

    /// What serves, by name and extension, over another snapshot's tenants.
    pub fn fill(&self, snapshot: &mut Snapshot) {
        snapshot.adapters.clear();
        snapshot.engines.clear();
        for file in self.files.values() {
            if let Some(serving) = &file.serving {
                snapshot.put(serving);
            }
        }
    }
}

impl PluginFile {
    /// When its bytes are to be loaded again by themselves.
    fn due_retry(&self) -> Option<Backoff> {
        self.retry.filter(|_| !self.checking)
    }

    fn is_due(&self, now: Instant) -> bool {
        let unreadable = self.unreadable.as_ref().map(|unreadable| unreadable.retry);
        let mut all = [unreadable, self.due_retry()].into_iter().flatten();
        all.any(|retry| retry.at <= now)
    }
}

fn log_refused(path: &Path, step: &str, reason: &str) {
    tracing::warn!(file = %path.display(), step, reason, "plugin refused; what serves goes on");
}

fn refusal(step: &'static str, reason: String, sha: Option<Sha>) -> RefusalStatus {
    RefusalStatus {
        step,
        reason,
        sha256: sha.map(|sha| sha.to_string()),
        at_ms: now_ms(),
    }
}

#[cfg(test)]
#[path = "plugins_tests.rs"]
mod tests;
