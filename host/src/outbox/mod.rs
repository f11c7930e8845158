//! Records that were accepted and wait for their platform: on disk before their
//! caller hears of it, delivered by the same path as a call.
//!
//! | part | what it does |
//! |---|---|
//! | `accept` | a call's items to a delivery in the store |
//! | `keys` | what an item is about, so that order and folding hold |
//! | `attempt` | what is kept of the requests of an attempt, and of their answers |
//! | `drain` | delivers what is due, each lane in its turn |
//! | `turns` | whose turn it is: tenant by tenant, connection by connection |
//! | `plan` | what the files that serve say about a lane |
//! | `news` | what may leave that could not before |
//! | `batch` | claimed items through the path, and what became of them |
//! | `counted` | what is counted about claimed items |
//! | `depth` | how much waits, for metrics |
//! | `outcome` | an item's report to where the item goes from here |
//! | `pages` | what flows queue |
//! | `journal` | what is about to leave and must not be repeated, written before |
//! | `blame`, `status` | whose fault it was, in both words; a delivery's status over its items |
//! | `recovery` | what a host that was killed left open |
//! | `told` | which scripts are known to fail |
//! | `limits` | what of connections' limits outlives the host |
//! | `quota` | what one tenant may keep here |
//! | [`connections`] | how a tenant's connections are getting on |
//! | `upkeep` | what is done by the clock: a failing disk looked at, old deliveries removed |
//! | `feed` | what ends, as it ends, for whoever listens |
//! | [`event`], [`listening`] | one event; listening page after page |
//! | [`newest`] | events of what is no record, in memory |
//! | `notify` | messages to where a tenant wants to hear of it |
//! | `sealed`, `keyring` | payloads encrypted on their way to the store; with which keys |
//! | [`people`] | what a person sees and does: list, show, retry, edit, discard, export |
//!
//! Time is Unix milliseconds throughout.

mod accept;
mod attempt;
mod batch;
mod blame;
pub mod connections;
mod counted;
mod depth;
mod drain;
pub mod event;
mod feed;
mod intent;
mod journal;
mod keyring;
mod keys;
mod limits;
pub mod listening;
pub mod newest;
mod news;
pub(crate) mod notify;
mod outcome;
pub(crate) mod pages;
pub mod people;
mod plan;
mod quota;
mod recovery;
mod sealed;
mod status;
mod told;
mod turns;
mod upkeep;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crossdock_store::{
    FlowStore, GrantStore, Health, OpenAttempt, Settlement, SqliteStore, Store, StoreError,
};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::budget::Budget;
use crate::config::HostConfig;
use crate::problem::{Blame, Problem};
use crate::serving::connection_limits::Channels;
use crate::serving::snapshot::Snapshot;
use news::News;
use quota::Quota;
use told::Told;

pub use accept::Queued;
pub use journal::CallJournal;
pub use keyring::missing as missing_key;
pub use status::Status;

/// The pause after the host itself failed.
const HOST_PAUSE: Duration = Duration::from_secs(1);

/// How long what is over may take to be written down at the end, though there is
/// no time left.
pub(crate) const LAST_OUTCOMES: Duration = Duration::from_secs(2);

pub(crate) use limits::LAST_LIMITS;

/// What serves now.
pub type Serving = Arc<dyn Fn() -> Arc<Snapshot> + Send + Sync>;

/// The outbox of a host that serves. Cloning gives the same one.
#[derive(Clone)]
pub struct Outbox {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<dyn Store>,
    /// The same one, as flows see it.
    flows: Arc<dyn FlowStore>,
    /// The same file. Who keeps something there encrypts it.
    grants: Arc<dyn GrantStore>,
    config: Arc<HostConfig>,
    serving: Serving,
    /// What everything that is being worked on may hold together.
    memory: Budget,
    /// What the generations of connections share.
    channels: Arc<Channels>,
    quota: Quota,
    told: Told,
    /// What was under way when the host before ended, and can be asked about.
    to_ask: Mutex<Vec<OpenAttempt>>,
    /// Something may leave that could not before.
    news: News,
    /// No request leaves that is not under way.
    ending: CancellationToken,
    /// Everything ends.
    closing: CancellationToken,
    batches: TaskTracker,
    /// Who listens to what ends.
    feed: feed::Feed,
    /// How tenants' receivers take messages.
    receivers: notify::Receivers,
    /// Places in the sequence of what ends, as listeners see them.
    places: event::Places,
    /// The task that delivers, once it was started.
    drain: OnceLock<AbortHandle>,
}

impl Outbox {
    /// Opens it, and says of everything that was under way when it was closed
    /// what is known of it. Nothing leaves before [`start`](Self::start).
    ///
    /// # Errors
    /// If the folder cannot be used, another host uses it, or a file in it is
    /// damaged; if there is no key to encrypt with, where that is wanted.
    pub async fn open(
        config: Arc<HostConfig>,
        serving: Serving,
        channels: Arc<Channels>,
        memory: Budget,
    ) -> Result<Self, Problem> {
        let keys = keyring::Keyring::new(&config)?;
        let folder = folder(&config.data_dir);
        let opened = tokio::task::spawn_blocking(move || {
            let file = Arc::new(SqliteStore::open(&folder)?);
            let grants: Arc<dyn GrantStore> = file.clone();
            let store = sealed::Sealed::new(file, keys);
            store.release(now())?;
            let key = event::own_key(&store, now())?;
            Ok::<_, StoreError>((store, grants, key))
        });
        let (store, grants, key) = opened
            .await
            .map_err(|_| ended())?
            .map_err(|error| refused(&error))?;
        let closing = CancellationToken::new();
        let store = Arc::new(store);
        let shared = Shared {
            flows: store.clone(),
            grants,
            store,
            feed: feed::Feed::default(),
            receivers: notify::Receivers::default(),
            places: event::Places::new(&key),
            config,
            serving,
            memory,
            channels,
            quota: Quota::default(),
            told: Told::default(),
            to_ask: Mutex::default(),
            news: News::default(),
            ending: closing.child_token(),
            closing,
            batches: TaskTracker::new(),
            drain: OnceLock::new(),
        };
        let outbox = Self {
            shared: Arc::new(shared),
        };
        outbox.shared.keep_limits().await?;
        outbox.shared.recover().await?;
        Ok(outbox)
    }

    /// Delivers what waits, until [`close`](Self::close).
    pub fn start(&self) {
        let shared = self.shared.clone();
        self.shared.batches.spawn(upkeep::run(shared.clone()));
        self.shared.batches.spawn(feed::run(shared.clone()));
        self.shared.batches.spawn(notify::run(shared.clone()));
        self.shared
            .batches
            .spawn(shared.clone().read_back_what_was_under_way());
        let drain = self.shared.batches.spawn(drain::run(shared));
        // A second start would be a second task, which finds nothing to do.
        let _ = self.shared.drain.set(drain.abort_handle());
    }

    /// What is kept of flows, in the same file. Every call of it blocks.
    pub fn flow_store(&self) -> Arc<dyn FlowStore> {
        self.shared.flows.clone()
    }

    /// What platforms granted, in the same file. Every call of it blocks, and what it
    /// is given is to be encrypted already.
    pub fn grant_store(&self) -> Arc<dyn GrantStore> {
        self.shared.grants.clone()
    }

    /// Lets nothing more leave from `stop` on: the host ends as soon as its callers
    /// have their answers, and what waits goes on at the next start.
    pub fn end_with(&self, stop: CancellationToken) {
        let shared = self.shared.clone();
        self.shared.batches.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => shared.ending.cancel(),
                () = shared.closing.cancelled() => {}
            }
        });
    }

    /// Whether what was taken in is being delivered.
    pub fn is_alive(&self) -> bool {
        let drain = self.shared.drain.get();
        drain.is_some_and(|drain| !drain.is_finished())
    }

    /// Takes nothing new to deliver and waits for what is under way: until then, or
    /// until `cut`, and for what is over already to be written down,
    /// `LAST_OUTCOMES`. What is not through by then is found at the next start.
    pub async fn close(&self, until: Instant, cut: &CancellationToken) {
        self.shared.closing.cancel();
        self.shared.batches.close();
        let least = Instant::now() + LAST_OUTCOMES;
        let patience = async {
            tokio::select! {
                () = tokio::time::sleep_until(until.into()) => {}
                () = cut.cancelled() => {}
            }
            tokio::time::sleep_until(least.into()).await;
        };
        tokio::select! {
            () = self.shared.batches.wait() => {}
            () = patience => tracing::warn!(
                "deliveries are under way; what became of them is looked for at the next start"
            ),
        }
        self.shared.keep_what_changed(true).await;
    }

    /// Has what is due looked at now.
    fn wake(&self) {
        self.shared.news.anywhere();
    }
}

impl Shared {
    fn to_ask(&self) -> MutexGuard<'_, Vec<OpenAttempt>> {
        self.to_ask.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down what became of requests. What is known is never given up for a
    /// disk that cannot take it now: this waits until it can, or the host closes.
    /// False if it could not be written.
    async fn settle(&self, settlement: Settlement) -> bool {
        let mut told = false;
        loop {
            let again = settlement.clone();
            let settled = self.with(move |store| store.settle(again, now()));
            let Err(problem) = settled.await else {
                self.feed.look();
                return true;
            };
            // Of a disk that refuses, one line is written for all.
            let refuses = self.store.health() != Health::Good;
            if !std::mem::replace(&mut told, true) && !refuses {
                tracing::error!(%problem, "what became of records cannot be written down; it is tried again");
            }
            tokio::select! {
                () = self.closing.cancelled() => return false,
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
pub(crate) fn refused(error: &StoreError) -> Problem {
    let (blame, code) = match error {
        StoreError::Full { .. } => (Blame::Host, "outbox-full"),
        StoreError::Io { .. } => (Blame::Host, "outbox-unwritable"),
        StoreError::InUse { .. } => (Blame::Host, "outbox-in-use"),
        StoreError::TooLarge { .. } | StoreError::Invalid(_) => (Blame::Caller, "outbox-refused"),
        StoreError::NotOpen(_) | StoreError::NotOpenPage { .. } => (Blame::Caller, "not-open"),
        StoreError::Unknown { .. } => (Blame::Caller, "unknown-flow"),
        StoreError::TooMany { .. } => (Blame::Host, "flow-full"),
        StoreError::Unreadable(_) => (Blame::Host, "record-unreadable"),
        StoreError::Closed => (Blame::Host, "shutting-down"),
        _ => (Blame::Host, "outbox-damaged"),
    };
    Problem::new(blame, code, format!("{error}."))
}

/// Where the outbox is, below the data folder.
pub fn folder(data_dir: &Path) -> std::path::PathBuf {
    data_dir.join(crate::seal::OUTBOX)
}
