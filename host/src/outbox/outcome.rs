//! An item's report to where the item goes from here.

use crossdock_store::{Blame, Claimed, Hold, ItemId, Next, OpenItem, Outcome, State, limits};
use rand::RngExt;

use super::blame;
use super::keyring::OVERHEAD;
use crate::clock::millis;
use crate::config::{ConnectionOutbox, HostLimits};
use crate::problem;
use crate::report::{Generations, ItemReport, ItemStatus};
use crate::serving::connection::ConnectionGeneration;
use crate::serving::pace::Stance;

/// What is set about going again.
pub(super) struct Again<'a> {
    /// The connection, if it serves.
    pub connection: Option<&'a ConnectionGeneration>,
    /// The host's limits.
    pub host: &'a HostLimits,
    /// Unix milliseconds.
    pub now: u64,
}

impl Again<'_> {
    fn settings(&self) -> ConnectionOutbox {
        let connection = self.connection;
        connection.map_or_else(ConnectionOutbox::default, |connection| {
            connection.config.outbox.clone()
        })
    }

    /// Whether an item that fails is not tried again. Time in which its connection
    /// was stopped does not count.
    fn is_too_old(&self, item: &Claimed) -> bool {
        let longest = self.settings().give_up;
        let longest = millis(longest.unwrap_or(self.host.outbox_attempts));
        let age = self.now.saturating_sub(item.accepted);
        if age <= longest {
            return false;
        }
        let stopped = self.connection.map_or(0, |connection| {
            connection.channel.stopped_between(item.accepted, self.now)
        });
        age.saturating_sub(stopped) > longest
    }

    /// Whether the connection waits for other credentials.
    fn is_stopped(&self) -> bool {
        let stance = self
            .connection
            .map(|connection| connection.channel.stance());
        stance == Some(Stance::Stopped)
    }

    /// Milliseconds until the next attempt: a random part of a pause that doubles,
    /// and at least what the platform asked for.
    fn pause(&self, attempts: u32, report: &ItemReport) -> u64 {
        if report.blame == Some(problem::Blame::Host) && self.is_stopped() {
            // The connection itself waits.
            return 0;
        }
        let settings = self.settings();
        let longest = settings
            .first_pause
            .saturating_mul(1 << attempts.min(16))
            .min(settings.longest_pause);
        let chosen = longest.mul_f64(rand::rng().random_range(0.1..1.0));
        millis(chosen).max(report.retry_after_ms.map_or(0, u64::from))
    }
}

/// What becomes of a queued item after an attempt.
pub(super) fn of_claimed(
    item: &Claimed,
    report: &ItemReport,
    generations: &Generations,
    again: &Again<'_>,
) -> Outcome {
    let next = match (end(report), hold(report, generations)) {
        // Whatever became of it so far, another attempt does no harm.
        _ if report.goes_again && !again.is_too_old(item) => None,
        (Some(end), _) => Some(end),
        (None, Some(hold)) => Some(Next::Held(hold)),
        // The host's fault is not for ever.
        (None, None) if report.blame == Some(problem::Blame::Host) && !again.is_too_old(item) => {
            None
        }
        (None, None) => Some(Next::End(State::Failed)),
    };
    let next = next.unwrap_or_else(|| Next::Again {
        due: again.now.saturating_add(again.pause(item.attempts, report)),
    });
    outcome(item.item, report, next)
}

/// What became of an item whose caller waited.
pub(super) fn of_call(item: ItemId, report: &ItemReport) -> Outcome {
    let next = end(report).unwrap_or(Next::End(State::Failed));
    outcome(item, report, next)
}

/// What became of an item whose request was under way when the host ended, as its
/// platform says. One that was certainly not applied goes again, unless a caller
/// waited for it: only the caller can tell whether it still should be.
pub(super) fn of_read_back(item: &OpenItem, report: &ItemReport, now: u64) -> Outcome {
    let next = match end(report) {
        Some(end) => end,
        None if report.goes_again && !item.call => Next::Again {
            due: now.saturating_add(report.retry_after_ms.map_or(0, u64::from)),
        },
        None => Next::End(State::Failed),
    };
    outcome(item.item, report, next)
}

fn outcome(item: ItemId, report: &ItemReport, next: Next) -> Outcome {
    // Nobody is told about an item that goes on.
    let ends = !matches!(next, Next::Again { .. });
    Outcome {
        result: if ends { result(report) } else { Vec::new() },
        item,
        next,
        // A request of which nothing is known, though it may be repeated.
        uncertain: report.status == ItemStatus::Unknown,
        blame: report.blame.map(blame::kept),
        code: report.code.as_deref().map(str::to_owned),
        message: report.message.clone(),
    }
}

/// The end of an item that has one, whatever the attempts.
fn end(report: &ItemReport) -> Option<Next> {
    Some(Next::End(match report.status {
        ItemStatus::Accepted => State::Accepted,
        ItemStatus::Duplicate => State::Duplicate,
        ItemStatus::Skipped => State::Skipped,
        ItemStatus::Rejected => State::Rejected,
        // What comes behind it is another record, which does not build on it.
        ItemStatus::Unknown => return Some(Next::Unknown { holds_key: false }),
        ItemStatus::Failed | ItemStatus::Partial | ItemStatus::Queued => return None,
    }))
}

/// What an item waits for that would fail in the same way again: a changed
/// script, or another adapter.
fn hold(report: &ItemReport, generations: &Generations) -> Option<Hold> {
    let (blame, generation) = match report.blame? {
        problem::Blame::Script => (Blame::Script, generations.script.as_deref().unwrap_or("")),
        problem::Blame::Adapter => (Blame::Adapter, &*generations.adapter),
        _ => return None,
    };
    Some(Hold {
        blame,
        generation: generation.to_owned(),
    })
}

/// What the caller is told about it later.
fn result(report: &ItemReport) -> Vec<u8> {
    let written = serde_json::to_vec(report).unwrap_or_default();
    if written.len() <= limits::RESULT - OVERHEAD {
        return written;
    }
    let mut short = report.clone();
    short.shorten();
    serde_json::to_vec(&short).unwrap_or_default()
}
