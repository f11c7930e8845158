//! stub
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;
pub struct Watcher;
pub struct Change {
    pub paths: BTreeSet<PathBuf>,
    pub rescan: bool,
}
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct WatchError;
impl Watcher {
    pub fn start(
        _r: &[PathBuf],
        _p: Option<Duration>,
    ) -> Result<(Watcher, tokio::sync::mpsc::Receiver<Change>), WatchError> {
        Err(WatchError)
    }
}
