//! What is loaded, as everybody but the manager sees it.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use super::passing::Unwatched;
use super::status::{PluginStatus, TenantStatus};
use crate::problem::Problem;
use crate::serving::snapshot::Snapshot;

/// Everything at one moment: what serves, and what is said of it. One pointer,
/// so that nobody sees a status of something that does not serve yet.
#[derive(Default)]
pub(super) struct View {
    pub snapshot: Arc<Snapshot>,
    pub plugins: Arc<Vec<PluginStatus>>,
    pub tenants: Arc<Vec<TenantStatus>>,
    pub unreadable: Arc<Unreadable>,
}

/// Folders and files that cannot be read, by what is in them.
#[derive(Default)]
pub(super) struct Unreadable {
    pub plugins: Vec<Unwatched>,
    pub tenants: Vec<Unwatched>,
}

/// What is not followed as it should be, by what is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Following {
    /// Of the plugins.
    pub plugins: Gaps,
    /// Of the tenants.
    pub tenants: Gaps,
}

/// What is not followed as it should be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Gaps {
    /// What is scanned in an interval, because the system does not tell of
    /// changes in it.
    pub scanned: Vec<Unwatched>,
    /// What is there and cannot be read; what was loaded from it serves.
    pub unreadable: Vec<Unwatched>,
}

/// What the watcher scans, as it shows it.
pub(super) type Scanned = Arc<ArcSwap<Vec<Unwatched>>>;

/// What is loaded, as everybody else sees it.
pub struct Current {
    view: ArcSwap<View>,
    scanned: Scanned,
    plugins_dir: PathBuf,
}

impl Current {
    pub(super) fn new(scanned: Scanned, plugins_dir: PathBuf) -> Self {
        Self {
            view: ArcSwap::default(),
            scanned,
            plugins_dir,
        }
    }

    /// What serves now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.view.load().snapshot.clone()
    }

    /// Every plugin file.
    pub fn plugins(&self) -> Arc<Vec<PluginStatus>> {
        self.view.load().plugins.clone()
    }

    /// Every tenant folder.
    pub fn tenants(&self) -> Arc<Vec<TenantStatus>> {
        self.view.load().tenants.clone()
    }

    /// What is not followed as it should be.
    pub fn following(&self) -> Following {
        let unreadable = self.view.load().unreadable.clone();
        let scanned = self.scanned.load();
        let (plugins, tenants) = scanned
            .iter()
            .cloned()
            .partition(|folder| folder.path.starts_with(&self.plugins_dir));
        Following {
            plugins: Gaps {
                scanned: plugins,
                unreadable: unreadable.plugins.clone(),
            },
            tenants: Gaps {
                scanned: tenants,
                unreadable: unreadable.tenants.clone(),
            },
        }
    }

    /// Swaps the one pointer that calls read.
    pub(super) fn publish(&self, view: View) {
        self.view.store(Arc::new(view));
    }
}

/// Something only the manager can do.
pub(super) enum Command {
    /// Look at every file, whatever was noticed.
    Rescan,
    Retire {
        plugin: String,
        done: oneshot::Sender<Result<(), Problem>>,
    },
}

/// The way to the manager. Dropping the last one ends it.
#[derive(Clone)]
pub struct Handle {
    /// What is loaded.
    pub current: Arc<Current>,
    pub(super) commands: mpsc::Sender<Command>,
    /// The manager's task; nothing where files are not watched.
    pub(super) task: Option<AbortHandle>,
}

impl Handle {
    /// Whether changed files are still loaded, if they ever were.
    pub fn is_alive(&self) -> bool {
        self.task.as_ref().is_none_or(|task| !task.is_finished())
    }

    /// Has every file looked at, whatever was noticed of it. Returns before
    /// that has happened.
    pub async fn rescan(&self) {
        // Where nobody listens, nobody loads: that shows elsewhere.
        let _ = self.commands.send(Command::Rescan).await;
    }

    /// Takes a plugin whose file is gone out of service.
    pub async fn retire(&self, plugin: &str) -> Result<(), Problem> {
        let (done, answer) = oneshot::channel();
        let command = Command::Retire {
            plugin: plugin.to_owned(),
            done,
        };
        let gone = || Problem::host("shutting-down", "the host is shutting down");
        self.commands.send(command).await.map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}
