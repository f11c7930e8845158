//! The plugin files as the interfaces show them.

use std::path::Path;

use super::super::passing::{Backoff, Unreadable, Unwatched};
use super::super::status::{PluginStatus, RefusalStatus};
use super::{PluginFile, PluginFiles};

impl PluginFiles {
    /// Each file.
    pub fn statuses(&self) -> Vec<PluginStatus> {
        self.files
            .iter()
            .map(|(path, file)| file.status(path))
            .collect()
    }

    /// The folder, while it cannot be read.
    pub fn unreadable(&self, dir: &Path) -> Vec<Unwatched> {
        let root = self.root.iter().map(|unreadable| unreadable.shown(dir));
        let files = self.files.iter().filter_map(|(path, file)| {
            let unreadable = file.unreadable.as_ref()?;
            Some(unreadable.shown(path))
        });
        root.chain(files).collect()
    }
}

impl PluginFile {
    fn status(&self, path: &Path) -> PluginStatus {
        let unreadable = self.unreadable.as_ref();
        // Why it cannot be read is news, whatever stood against older bytes.
        let refused = unreadable.map(|unreadable| RefusalStatus {
            step: "read",
            reason: unreadable.shown(path).reason,
            sha256: None,
            at_ms: unreadable.since_ms(),
        });
        let retry = unreadable.map(|unreadable| unreadable.retry);
        PluginStatus {
            file: path.to_owned(),
            serving: self
                .serving
                .as_ref()
                .map(|loaded| loaded.identity().clone()),
            refused: refused.or_else(|| self.refused.clone()),
            missing: self.missing.is_some(),
            checking: self.checking,
            unreadable_since_ms: unreadable.map(Unreadable::since_ms),
            retry: retry.or(self.due_retry()).map(Backoff::shown),
        }
    }
}
