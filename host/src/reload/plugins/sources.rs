//! Plugins that are source files: which files they are, and what runs them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::passing::{Presence, is_gone};
use super::super::watch::Change;
use super::PluginFiles;
use crate::plugin::artifact::is_component;
use crate::plugin::language::RuntimeGeneration;
use crate::plugin::load::{Beside, Loaded, Refusal};
use crate::plugin::trust::signature_of;

/// Extensions of files that are plugins, if a language runtime runs them. Those
/// that a loaded one names come to these.
const SOURCES: [&str; 2] = ["js", "mjs"];

/// A file name's extension, if it may be a plugin's.
fn extension(path: &Path) -> Option<&str> {
    let name = path.file_name()?.to_string_lossy();
    path.extension()?
        .to_str()
        .filter(|_| !name.starts_with('.'))
}

/// Whether a file name may be a plugin's: a component's or a source file's.
pub fn is_plugin(path: &Path) -> bool {
    is_component(path) && extension(path).is_some() || is_source(path)
}

/// Whether a change in the folder is one of this plugin: of its file, of its
/// signature, or of the examples beside it.
pub(in crate::reload) fn is_touched(change: &Change, path: &Path) -> bool {
    change.touches(path)
        || change.touches(&signature_of(path))
        || (!is_component(path) && change.touches(&Beside::folder(path)))
}

/// Whether a file name is a source file's.
fn is_source(path: &Path) -> bool {
    extension(path).is_some_and(|extension| SOURCES.contains(&extension))
}

/// The plugins in a folder, and whether the system says what each is.
pub(super) fn plugins_in(
    dir: &Path,
    takes: impl Fn(&Path) -> bool,
) -> std::io::Result<BTreeMap<PathBuf, Presence>> {
    let mut present = BTreeMap::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if !takes(&path) {
            continue;
        }
        match path.metadata() {
            // Whatever else it is, it is refused and shown.
            Ok(metadata) if !metadata.is_dir() => {
                present.insert(path, Presence::There);
            }
            Ok(_) => {}
            Err(error) if is_gone(&error) => {}
            Err(error) => {
                present.insert(path, Presence::Unknown(error));
            }
        }
    }
    Ok(present)
}

impl PluginFiles {
    /// The language runtime that serves files like this one.
    fn runtime(&self, path: &Path) -> Option<Arc<RuntimeGeneration>> {
        let extension = extension(path)?;
        self.runtimes()
            .find(|runtime| runtime.manifest.serves(extension))
            .cloned()
    }

    /// What runs a file and what lies beside it, if it is a source file that
    /// something runs.
    pub(super) fn source(
        &self,
        path: &Path,
    ) -> Result<Option<(Arc<RuntimeGeneration>, Beside)>, Refusal> {
        let runtime = self.runtime(path).filter(|_| !is_component(path));
        match runtime.filter(|_| self.sources) {
            Some(runtime) => Ok(Some((runtime, Beside::read(path)?))),
            None => Ok(None),
        }
    }

    fn runtimes(&self) -> impl Iterator<Item = &Arc<RuntimeGeneration>> {
        self.files.values().filter_map(|file| match &file.serving {
            Some(Loaded::Runtime(runtime)) => Some(runtime),
            _ => None,
        })
    }

    /// Whether a file may be a plugin, with the languages that are known now.
    pub(super) fn takes(&self, path: &Path) -> bool {
        is_plugin(path) || self.runtime(path).is_some() || self.files.contains_key(path)
    }

    /// Nothing is being loaded any more: source files that still have no runtime
    /// are refused. Whether there were any.
    pub fn refuse_without_runtime(&mut self) -> bool {
        let waiting = self.files.iter().filter(|(_, file)| file.awaits_runtime);
        let waiting: Vec<PathBuf> = waiting.map(|(path, _)| path.clone()).collect();
        for path in &waiting {
            let extension = extension(path).unwrap_or_default().to_owned();
            let why = Refusal::NoRuntime { extension };
            self.refuse(path, why.step(), why.to_string(), false);
            if let Some(file) = self.files.get_mut(path) {
                file.awaits_runtime = false;
            }
        }
        !waiting.is_empty()
    }
}
