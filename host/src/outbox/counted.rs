//! What the outbox counts about claimed items.

use std::time::Duration;

use crossdock_store::{Claimed, Next, Outcome, State};

use crate::report::{ItemReport, ItemStatus};
use crate::telemetry::observed::Observed;

/// How long items had waited for their first attempt when it began.
pub(super) fn waited<'c>(
    observed: &Observed,
    claimed: impl Iterator<Item = &'c Claimed>,
    now: u64,
) {
    for item in claimed.filter(|item| item.attempts == 0) {
        let waited = now.saturating_sub(item.accepted);
        observed
            .connection
            .queued_for(Duration::from_millis(waited));
    }
}

/// Where an attempt took its items.
pub(super) fn attempted(observed: &Observed, reports: &[ItemReport], outcomes: &[Option<Outcome>]) {
    for (report, outcome) in reports.iter().zip(outcomes) {
        // It did not get its turn.
        let Some(outcome) = outcome else { continue };
        let operation = &observed.operation;
        match outcome.next {
            Next::Again { .. } => operation.postponed(false, report.blame),
            Next::Held(_) => operation.postponed(true, report.blame),
            Next::End(state) => operation.item(ended(state), report.blame),
            Next::Unknown { .. } => operation.item(ItemStatus::Unknown, report.blame),
        }
    }
}

fn ended(state: State) -> ItemStatus {
    match state {
        State::Accepted => ItemStatus::Accepted,
        State::Duplicate => ItemStatus::Duplicate,
        State::Skipped => ItemStatus::Skipped,
        State::Rejected => ItemStatus::Rejected,
        State::Unknown => ItemStatus::Unknown,
        _ => ItemStatus::Failed,
    }
}
