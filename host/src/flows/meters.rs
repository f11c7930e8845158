//! What flows show whoever watches the host: numbers, and lines of the log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossdock_store::{FlowId, RunId, RunRow, RunState};

use super::events::FlowEvent;
use super::part::Part;
use super::{Flows, Shared, now};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::page::FlowMoment;

/// Runs of which it is remembered that they were counted: both tasks of a flow may
/// see the end of one.
const REMEMBERED: usize = 10_000;

/// Counts runs when they end.
pub(super) struct Meters {
    metrics: Arc<Metrics>,
    counted: Mutex<BTreeSet<RunId>>,
}

impl Meters {
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            metrics,
            counted: Mutex::default(),
        }
    }

    /// A run as it is after something of it was written. One that has ended is
    /// counted, and told in the log, once. Whether this was it.
    pub fn see(&self, part: &Part, row: &RunRow) -> bool {
        let how = match row.state {
            RunState::Running | RunState::Waiting => return false,
            RunState::Done | RunState::Failed | RunState::Stopped => row.state.as_str(),
        };
        if !self.is_first(row.id) {
            return false;
        }
        let counts = &row.counts;
        let records = counts.named().map(|(_, count)| count);
        let at = row.ended.unwrap_or_else(now);
        let meter = self.metrics.flow(&part.tenant, &part.name);
        meter.ended(how, at, records);
        // A flow that looks for something each second would say nothing else.
        if row.state == RunState::Done && row.pages == 0 {
            tracing::debug!(
                target: "crossdock::flows",
                tenant = &*part.tenant,
                flow = &*part.name,
                run = row.id.0,
                "a run of a flow found nothing"
            );
            return true;
        }
        tracing::info!(
            target: "crossdock::flows",
            tenant = &*part.tenant,
            flow = &*part.name,
            run = row.id.0,
            state = how,
            incoming = counts.incoming,
            unchanged = counts.unchanged,
            sent = counts.sent,
            accepted = counts.accepted,
            refused = counts.refused,
            parked = counts.parked,
            unconfirmed = counts.unconfirmed,
            unreadable = counts.unreadable,
            ms = at.saturating_sub(row.began),
            "a run of a flow has ended"
        );
        true
    }

    fn is_first(&self, run: RunId) -> bool {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let first = counted.insert(run);
        if counted.len() > REMEMBERED {
            counted.pop_first();
        }
        first
    }
}

impl Shared {
    /// A run as it is after something of it was written: counted and told, once, if
    /// it has ended.
    pub(super) fn saw(&self, part: &Part, row: &RunRow) {
        if self.meters.see(part, row) {
            self.feed.tell(FlowEvent::of(part, row));
        }
    }
}

impl Flows {
    /// What of the flows that there are is looked at for `/metrics`; nothing where
    /// the outbox cannot be read now.
    pub async fn moment(&self) -> Vec<FlowMoment> {
        let read = self
            .shared
            .store(|store| Ok((store.flows()?, store.open_runs()?)));
        let Ok((flows, runs)) = read.await else {
            return Vec::new();
        };
        let mut oldest: BTreeMap<FlowId, u64> = BTreeMap::new();
        for run in runs {
            let began = oldest.entry(run.flow).or_insert(run.began);
            *began = run.began.min(*began);
        }
        let known: BTreeSet<FlowId> = self.shared.parts().values().map(|part| part.id).collect();
        let moment = now();
        let flows = flows.into_iter().filter(|flow| known.contains(&flow.id));
        let shown = flows.map(|flow| FlowMoment {
            oldest: oldest
                .get(&flow.id)
                .map(|began| Duration::from_millis(moment.saturating_sub(*began))),
            tenant: flow.tenant,
            flow: flow.name,
            parked: flow.parked,
            received: flow.received,
            skipped: flow.ticks_skipped,
        });
        shown.collect()
    }
}
