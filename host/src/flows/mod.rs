//! Flows: from where records come, step by step, to every place that wants them,
//! by a schedule or when they are asked for.
//!
//! | part | what it does |
//! |---|---|
//! | `table` | which flows there are now, each with its two tasks |
//! | `part` | one flow: what its tasks and people tell each other |
//! | `runner` | the first task: ticks to runs, one after the other |
//! | `clock` | which run begins when: due, missed, overlapping |
//! | `run` | one run: page after page, each of them on disk before it is worked on |
//! | `source`, `operation`, `inbox`, `folder`, `database` | where records come from |
//! | `parked` | records that go again, since something was changed or a person asked; or are given up |
//! | `steps` | records through calls whose results they go on with |
//! | `targets` | records to items: conditions, scripts, only what changed |
//! | `queue` | items to the outbox, exactly once |
//! | `written` | records to a file, once per run |
//! | `follow` | the second task: what became of items that were queued |
//! | `confirm` | the source is told of it |
//! | `page`, `json` | a page as it lies on disk; places in JSON |
//! | `scripts`, `call` | a flow's own scripts, and calls that it makes |
//! | `trouble` | what is tried again, and when |
//! | `turns` | how much is worked on side by side |
//! | `meters` | what whoever watches the host sees |
//! | [`events`] | what runs do, as they do it, for whoever listens |
//! | `people`, [`shown`], `dry_run` | what a person sees and does |
//!
//! A host may be killed between any two writes. The order of these is: the page, as
//! its source gave it; what it became, item by item; the items in the outbox, each
//! part under a name that is taken once; that all of them are there, together with
//! the source's cursor. So a page that is found half done is queued as it was meant
//! to be, and no cursor moves over records that are not safe.
//!
//! Time is Unix milliseconds throughout.

mod call;
mod clock;
mod confirm;
mod database;
mod dry_run;
pub mod events;
mod folder;
mod follow;
mod inbox;
mod json;
mod meters;
mod operation;
mod page;
mod parked;
mod part;
mod people;
mod queue;
mod run;
mod runner;
mod scripts;
pub mod shown;
mod source;
mod steps;
mod table;
mod targets;
mod trouble;
mod turns;
mod written;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossdock_store::{FlowStore, StoreError};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::budget::Budget;
use crate::config::HostConfig;
use crate::outbox::newest::Feed;
use crate::outbox::{Outbox, Serving};
use crate::problem::Problem;
use crate::serving::snapshot::{Snapshot, TenantGeneration};
use crate::serving::tenant_flow::FlowGeneration;
use crate::telemetry::metrics::Metrics;
use events::FlowEvent;
use meters::Meters;
use part::Part;
use turns::Turns;

pub use dry_run::{DRY, MOST_DRY};
pub use people::{MOST_RUNS, RUNS};

/// Flows by tenant and name.
type Parts = BTreeMap<(Arc<str>, Arc<str>), Arc<Part>>;

/// The flows of a host that serves. Cloning gives the same ones.
#[derive(Clone)]
pub struct Flows {
    shared: Arc<Shared>,
    /// The task that looks after all others.
    table: AbortHandle,
}

struct Shared {
    outbox: Outbox,
    serving: Serving,
    config: Arc<HostConfig>,
    /// What everything that is being worked on may hold together.
    memory: Budget,
    parts: Mutex<Parts>,
    turns: Turns,
    meters: Meters,
    /// Who listens to what runs do.
    feed: Arc<Feed<FlowEvent>>,
    /// Tells this process from every other: numbers of generations begin again.
    process: u64,
    /// Other files may serve.
    news: Notify,
    /// Flows were given their tasks.
    begun: Notify,
    closing: CancellationToken,
    tasks: TaskTracker,
}

/// What serves of a flow.
enum Found {
    Serves(Serves),
    /// Its tenant serves, and has no such flow.
    Gone,
    /// Its tenant does not serve now.
    Absent,
}

/// A flow and everything it needs, of one moment.
#[derive(Clone)]
struct Serves {
    snapshot: Arc<Snapshot>,
    tenant: Arc<TenantGeneration>,
    flow: Arc<FlowGeneration>,
}

impl Flows {
    /// Has flows run, until [`close`](Self::close). Runs that a host before had
    /// begun go on.
    pub fn start(
        outbox: Outbox,
        serving: Serving,
        config: Arc<HostConfig>,
        memory: Budget,
        metrics: Arc<Metrics>,
    ) -> Self {
        let shared = Arc::new(Shared {
            outbox,
            serving,
            config,
            memory,
            parts: Mutex::default(),
            turns: Turns::default(),
            meters: Meters::new(metrics),
            feed: Arc::new(Feed::new(now())),
            process: rand::random(),
            news: Notify::new(),
            begun: Notify::new(),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        let table = shared.tasks.spawn(table::run(shared.clone()));
        let table = table.abort_handle();
        Self { shared, table }
    }

    /// Has everything end from `stop` on, at once: what is under way is on disk and
    /// goes on at the next start.
    pub fn end_with(&self, stop: CancellationToken) {
        let shared = self.shared.clone();
        self.shared.tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => shared.closing.cancel(),
                () = shared.closing.cancelled() => {}
            }
        });
    }

    /// Whether flows are run, or were told to end.
    pub fn is_alive(&self) -> bool {
        self.shared.closing.is_cancelled() || !self.table.is_finished()
    }

    /// Ends everything, and waits for it, at most so long.
    pub async fn close(&self, patience: Duration) {
        self.shared.closing.cancel();
        self.shared.tasks.close();
        // What does not end is on disk as far as it came.
        let _ = tokio::time::timeout(patience, self.shared.tasks.wait()).await;
    }
}

impl Shared {
    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What serves of a flow now.
    fn find(&self, part: &Part) -> Found {
        let snapshot = (self.serving)();
        let Some(tenant) = snapshot.tenants.get(&part.tenant).cloned() else {
            return Found::Absent;
        };
        match tenant.flows.get(&*part.name).cloned() {
            None => Found::Gone,
            Some(flow) => Found::Serves(Serves {
                snapshot,
                tenant,
                flow,
            }),
        }
    }

    /// Work with the store, off the threads that serve.
    async fn store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn FlowStore) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Problem> {
        self.outbox.flows(work).await
    }
}

impl Serves {
    /// Under what records fail: with another one they may go. It is another one in
    /// each process, since generations are counted from 1 again.
    fn generation(&self, process: u64) -> String {
        let mut adapters: Vec<String> = Vec::new();
        for connection in self.tenant.connections.values() {
            let adapter = self.snapshot.adapters.get(&connection.config.adapter);
            adapters.extend(adapter.map(|adapter| adapter.label.to_string()));
        }
        adapters.sort_unstable();
        adapters.dedup();
        use sha2::{Digest, Sha256};
        let mut hash = Sha256::new();
        hash.update(process.to_be_bytes());
        hash.update(self.tenant.number.to_be_bytes());
        hash.update(adapters.join("\n"));
        let digits = hash.finalize();
        digits[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// Unix milliseconds.
fn now() -> u64 {
    crate::clock::now_ms()
}
