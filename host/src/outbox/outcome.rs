//! An item's report to where the item goes from here.

use std::time::Duration;

use crossdock_store::{Blame, Claimed, Hold, ItemId, Next, Outcome, State, limits};
use rand::RngExt;

use crate::clock::millis;
use crate::problem;
use crate::report::{Generations, ItemReport, ItemStatus};

/// The pause after the first attempt; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Longest pause the host chooses by itself.
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// What becomes of a queued item after an attempt. It is tried again for at most
/// `longest` after it was accepted.
pub(super) fn of_claimed(
    item: &Claimed,
    report: &ItemReport,
    generations: &Generations,
    longest: Duration,
    now: u64,
) -> Outcome {
    let again = Next::Again {
        due: now.saturating_add(pause(item.attempts, report)),
    };
    let too_old = now.saturating_sub(item.accepted) > millis(longest);
    let next = match (end(report), hold(report, generations)) {
        // Whatever became of it so far, another attempt does no harm.
        _ if report.goes_again && !too_old => again,
        (Some(end), _) => end,
        (None, Some(hold)) => Next::Held(hold),
        // The host's fault is not for ever.
        (None, None) if report.blame == Some(problem::Blame::Host) && !too_old => again,
        (None, None) => Next::End(State::Failed),
    };
    outcome(item.item, report, next)
}

/// What became of an item whose caller waited.
pub(super) fn of_call(item: ItemId, report: &ItemReport) -> Outcome {
    let next = end(report).unwrap_or(Next::End(State::Failed));
    outcome(item, report, next)
}

fn outcome(item: ItemId, report: &ItemReport, next: Next) -> Outcome {
    Outcome {
        item,
        next,
        blame: report.blame.map(blame),
        code: report.code.as_deref().map(str::to_owned),
        message: report.message.clone(),
        result: result(report),
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

/// Milliseconds until the next attempt: a random part of a pause that doubles,
/// and at least what the platform asked for.
fn pause(attempts: u32, report: &ItemReport) -> u64 {
    let longest = FIRST_PAUSE
        .saturating_mul(1 << attempts.min(16))
        .min(LONGEST_PAUSE);
    let chosen = longest.mul_f64(rand::rng().random_range(0.1..1.0));
    millis(chosen).max(report.retry_after_ms.map_or(0, u64::from))
}

/// What the caller is told about it later.
fn result(report: &ItemReport) -> Vec<u8> {
    let written = serde_json::to_vec(report).unwrap_or_default();
    if written.len() <= limits::RESULT {
        return written;
    }
    let mut short = report.clone();
    short.shorten();
    serde_json::to_vec(&short).unwrap_or_default()
}

fn blame(blame: problem::Blame) -> Blame {
    match blame {
        problem::Blame::Caller => Blame::Caller,
        problem::Blame::Script => Blame::Script,
        problem::Blame::Adapter => Blame::Adapter,
        problem::Blame::Platform => Blame::Platform,
        problem::Blame::Host => Blame::Host,
    }
}
