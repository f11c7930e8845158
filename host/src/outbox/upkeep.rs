//! What the outbox does by the clock: looks whether a disk that failed works
//! again, writes down what connections know, and removes deliveries with which nothing is left to do.

use std::sync::Arc;
use std::time::Duration;

use crossdock_store::{FlowRetention, Health, Retention};

use super::{Shared, now};
use crate::clock::millis;
use crate::problem::Problem;

/// How often a store that fails is looked at.
const TICK: Duration = Duration::from_secs(1);

/// Ticks between two looks for what need not be kept.
const TICKS: u32 = 60;

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// How long runs of flows are kept that ended, and how many of one flow.
const RUNS: Duration = DAY.saturating_mul(30);
const RUNS_OF_A_FLOW: u64 = 1_000;

/// Of these, how many that found nothing: a folder that is looked at each second
/// has 86,400 of them a day, and people look for the others.
const EMPTY_RUNS_OF_A_FLOW: u64 = 100;

/// How long it is known that a record came in already.
const KEYS: Duration = DAY.saturating_mul(7);

/// Until the host closes.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut told = Health::Good;
    for tick in 0_u32.. {
        let store = shared.store.clone();
        let ticked = tokio::task::spawn_blocking(move || store.tick(now()));
        // A panic is in the log; the next tick is another one.
        let _ = ticked.await;
        told = tell(told, shared.store.health());
        shared.keep_what_changed(false).await;
        if tick.is_multiple_of(TICKS)
            && let Err(problem) = shared.remove_what_is_old().await
        {
            tracing::warn!(%problem, "old deliveries cannot be removed; it is tried again");
        }
        tokio::select! {
            () = shared.closing.cancelled() => return,
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

/// One line when the disk begins to refuse, and one when it takes again: each
/// caller is told by its answer.
fn tell(before: Health, now: Health) -> Health {
    match now {
        same if same == before => {}
        Health::Good => tracing::info!("the outbox can be written again, and takes records"),
        Health::Full => tracing::error!(
            "the outbox takes nothing new, for the disk is full: make room, and it goes on by itself"
        ),
        Health::Failing => tracing::error!(
            "the outbox takes nothing new, for the disk fails: look at the disk; it goes on by itself when the disk works"
        ),
        Health::Damaged => tracing::error!(
            "the outbox takes nothing new, for its file is damaged: stop the host, keep a copy of the file, and put a backup in its place"
        ),
    }
    now
}

impl Shared {
    async fn remove_what_is_old(&self) -> Result<(), Problem> {
        let limits = &self.config.limits;
        let oldest = now().saturating_sub(millis(limits.outbox_history));
        let retention = Retention {
            done_until: oldest,
            changes_until: oldest,
            most_bytes: limits.outbox_size,
        };
        // Slice by slice, so that what comes in meanwhile does not wait.
        while self
            .with(move |store| store.retain(retention, now()))
            .await?
            .more
        {
            if self.closing.is_cancelled() {
                return Ok(());
            }
        }
        self.remove_what_is_old_of_flows().await
    }

    async fn remove_what_is_old_of_flows(&self) -> Result<(), Problem> {
        let retention = FlowRetention {
            runs_until: now().saturating_sub(millis(RUNS)),
            runs_most: RUNS_OF_A_FLOW,
            empty_most: EMPTY_RUNS_OF_A_FLOW,
            keys_until: now().saturating_sub(millis(KEYS)),
        };
        loop {
            let flows = self.flows.clone();
            let retained = self.with(move |_| flows.flow_retain(retention, now()));
            if !retained.await?.more || self.closing.is_cancelled() {
                return Ok(());
            }
        }
    }
}
