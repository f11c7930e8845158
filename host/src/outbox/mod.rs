//! Records that were accepted and wait for their platform: on disk before their
//! caller hears of it, delivered by the same path as a call.
//!
//! | part | what it does |
//! |---|---|
//! | `accept` | a call's items to a delivery in the store |
//! | `keys` | what an item is about, so that order and folding hold |
//! | `drain` | which lane goes next: each in its turn, within its connection's limits |
//! | `batch` | claimed items through the path, and what became of them |
//! | `outcome` | an item's report to where the item goes from here |
//! | `journal` | what is about to leave and must not be repeated, written before |
//! | `recovery` | what a host that was killed left open |
//! | `upkeep` | what is done by the clock: a failing disk looked at, old deliveries removed |
//! | [`people`] | what a person sees and does: list, show, retry, discard |
//!
//! Time is Unix milliseconds throughout.

mod accept;
mod batch;
mod drain;
mod journal;
mod keys;
mod outcome;
pub mod people;
mod recovery;
mod upkeep;

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crossdock_store::{Settlement, SqliteStore, Store, StoreError};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::budget::Budget;
use crate::config::HostConfig;
use crate::problem::{Blame, Problem};
use crate::serving::snapshot::Snapshot;

pub use accept::Queued;
pub use journal::CallJournal;

/// The folder below the data folder.
const FOLDER: &str = "outbox";

/// The pause after the host itself failed.
const HOST_PAUSE: Duration = Duration::from_secs(1);

/// What serves now.
pub type Serving = Arc<dyn Fn() -> Arc<Snapshot> + Send + Sync>;

/// The outbox of a host that serves. Cloning gives the same one.
#[derive(Clone)]
pub struct Outbox {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<dyn Store>,
    config: Arc<HostConfig>,
    serving: Serving,
    /// What everything that is being worked on may hold together.
    memory: Budget,
    /// Something may leave that could not before.
    news: Notify,
    closing: CancellationToken,
    batches: TaskTracker,
    /// The task that delivers, once it was started.
    drain: OnceLock<AbortHandle>,
}

impl Outbox {
    /// Opens it, and says of everything that was under way when it was closed
    /// what is known of it. Nothing leaves before [`start`](Self::start).
    ///
    /// # Errors
    /// If the folder cannot be used, another host uses it, or a file in it is
    /// damaged.
    pub async fn open(
        config: Arc<HostConfig>,
        serving: Serving,
        memory: Budget,
    ) -> Result<Self, Problem> {
        let folder = folder(&config.data_dir);
        let store = tokio::task::spawn_blocking(move || SqliteStore::open(&folder))
            .await
            .map_err(|_| ended())?
            .map_err(|error| refused(&error))?;
        let shared = Shared {
            store: Arc::new(store),
            config,
            serving,
            memory,
            news: Notify::new(),
            closing: CancellationToken::new(),
            batches: TaskTracker::new(),
            drain: OnceLock::new(),
        };
        let outbox = Self {
            shared: Arc::new(shared),
        };
        outbox.shared.recover().await?;
        Ok(outbox)
    }

    /// Delivers what waits, until [`close`](Self::close).
    pub fn start(&self) {
        let shared = self.shared.clone();
        self.shared.batches.spawn(upkeep::run(shared.clone()));
        let drain = self.shared.batches.spawn(drain::run(shared));
        // A second start would be a second task, which finds nothing to do.
        let _ = self.shared.drain.set(drain.abort_handle());
    }

    /// Whether what was taken in is being delivered.
    pub fn is_alive(&self) -> bool {
        let drain = self.shared.drain.get();
        drain.is_some_and(|drain| !drain.is_finished())
    }

    /// Takes nothing new to deliver and waits for what is under way, at most so
    /// long. What is not through by then is found at the next start.
    pub async fn close(&self, patience: Duration) {
        self.shared.closing.cancel();
        self.shared.batches.close();
        let ended = tokio::time::timeout(patience, self.shared.batches.wait()).await;
        if ended.is_err() {
            tracing::warn!(
                "deliveries are under way; what became of them is looked for at the next start"
            );
        }
    }

    /// Has what is due looked at now.
    fn wake(&self) {
        self.shared.news.notify_one();
    }
}

impl Shared {
    /// Writes down what became of requests. What is known is never given up for a
    /// disk that cannot take it now: this waits until it can, or the host closes.
    async fn settle(&self, settlement: Settlement) {
        let mut told = false;
        loop {
            let again = settlement.clone();
            let settled = self.with(move |store| store.settle(again, now()));
            let Err(problem) = settled.await else { return };
            if !std::mem::replace(&mut told, true) {
                tracing::error!(%problem, "what became of records cannot be written down; it is tried again");
            }
            tokio::select! {
                () = self.closing.cancelled() => return,
                () = tokio::time::sleep(HOST_PAUSE) => {}
            }
        }
    }

    /// Work with the store, off the threads that serve.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Problem> {
        let store = self.store.clone();
        let done = tokio::task::spawn_blocking(move || work(&*store)).await;
        done.map_err(|_| ended())?.map_err(|error| refused(&error))
    }
}

/// Unix milliseconds, as the store takes them.
fn now() -> u64 {
    crate::clock::now_ms()
}

fn ended() -> Problem {
    Problem::host(
        "internal-error",
        "the host failed on its outbox, and has written why to its log",
    )
}

/// Why the store did not do what it was asked.
fn refused(error: &StoreError) -> Problem {
    let (blame, code) = match error {
        StoreError::Full { .. } => (Blame::Host, "outbox-full"),
        StoreError::Io { .. } => (Blame::Host, "outbox-unwritable"),
        StoreError::InUse { .. } => (Blame::Host, "outbox-in-use"),
        StoreError::TooLarge { .. } | StoreError::Invalid(_) => (Blame::Caller, "outbox-refused"),
        StoreError::NotOpen(_) => (Blame::Caller, "not-open"),
        StoreError::Closed => (Blame::Host, "shutting-down"),
        _ => (Blame::Host, "outbox-damaged"),
    };
    Problem::new(blame, code, format!("{error}."))
}

/// Where the outbox is, below the data folder.
pub fn folder(data_dir: &Path) -> std::path::PathBuf {
    data_dir.join(FOLDER)
}
