//! Requests of a connection, evenly spaced: also over restarts, where somebody
//! keeps what was promised.
//!
//! What is kept is a time before which no request leaves after a restart. It is
//! ahead of the next turn, so that it is written once in a while and not with
//! each request: whoever would go beyond it has it written first.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How far ahead of the next turn the promise is. A host that was killed waits
/// so long at most for nothing.
pub(super) const AHEAD: Duration = Duration::from_secs(2);

/// The turns of one connection.
#[derive(Debug)]
pub(super) struct Rate {
    interval: Duration,
    turns: Mutex<Turns>,
}

#[derive(Debug)]
struct Turns {
    /// When the last request left, if one did.
    taken: Option<Instant>,
    /// When the next request may leave.
    next: Instant,
    /// What is kept: after a restart, nothing leaves before it.
    promised: Instant,
}

/// Whether a request may leave.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Now, and the turn is taken.
    Now,
    /// After so long.
    After(Duration),
    /// Now, as soon as the next turn is kept.
    Unkept,
}

impl Rate {
    /// Nothing leaves before `next`.
    pub fn new(per_minute: u32, next: Instant) -> Self {
        Self {
            interval: Duration::from_secs(60) / per_minute.max(1),
            turns: Mutex::new(Turns {
                taken: None,
                next,
                promised: next,
            }),
        }
    }

    /// The turns under another limit. A turn that was taken counts under it, too:
    /// the next one comes as long after it as the new limit says.
    pub fn under(&self, per_minute: u32) -> Self {
        let (taken, next) = {
            let turns = self.turns();
            (turns.taken, turns.next)
        };
        let mut rate = Self::new(per_minute, next);
        if let Some(taken) = taken {
            let next = taken + rate.interval;
            rate = Self::new(per_minute, next);
            rate.turns().taken = Some(taken);
        }
        rate
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the turn, if it has come. `kept` says whether somebody keeps what is
    /// promised.
    pub fn take(&self, now: Instant, kept: bool) -> Turn {
        let mut turns = self.turns();
        if turns.next > now {
            return Turn::After(turns.next - now);
        }
        let next = now + self.interval;
        if kept && next > turns.promised {
            return Turn::Unkept;
        }
        (turns.taken, turns.next) = (Some(now), next);
        Turn::Now
    }

    /// When the next request may leave.
    pub fn next(&self) -> Instant {
        self.turns().next
    }

    /// The time between two requests.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// What to promise now.
    pub fn ahead(&self, now: Instant) -> Instant {
        let turns = self.turns();
        (turns.next.max(now) + self.interval + AHEAD).max(turns.promised)
    }

    /// Whether more is promised than has to be, from now on.
    pub fn is_ahead(&self, now: Instant) -> bool {
        let turns = self.turns();
        turns.promised > now && turns.promised > turns.next
    }

    /// Promises nothing ahead from now on; gives what has to be kept.
    pub fn exact(&self) -> Instant {
        let mut turns = self.turns();
        turns.promised = turns.next;
        turns.next
    }

    /// This is kept from now on.
    pub fn promise(&self, until: Instant) {
        self.turns().promised = until;
    }

    /// What was kept before a restart. More than could have been promised is a
    /// clock that was put back.
    pub fn resume(&self, next: Instant, now: Instant) {
        let latest = now + self.interval + AHEAD;
        let mut turns = self.turns();
        turns.next = turns.next.max(next.min(latest));
        turns.promised = turns.promised.max(turns.next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_evenly_spaced_and_none_is_saved_up() {
        let start = Instant::now();
        let rate = Rate::new(60, start);
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(rate.take(at(0), false), Turn::Now);
        assert_eq!(
            rate.take(at(400), false),
            Turn::After(Duration::from_millis(600))
        );
        assert_eq!(rate.take(at(5_000), false), Turn::Now);
        assert_eq!(
            rate.take(at(5_000), false),
            Turn::After(Duration::from_secs(1))
        );
    }

    #[test]
    fn no_turn_is_taken_beyond_what_is_kept() {
        let start = Instant::now();
        let rate = Rate::new(60, start);
        let mut kept = start;
        let mut writes = 0;
        let mut taken = Vec::new();
        for ms in 0..20_000 {
            let now = start + Duration::from_millis(ms);
            if rate.take(now, true) == Turn::Unkept {
                kept = rate.ahead(now);
                rate.promise(kept);
                writes += 1;
                assert_eq!(rate.take(now, true), Turn::Now);
                taken.push(now);
            } else if rate.next() == now + rate.interval() {
                taken.push(now);
            }
            // A host that ends here goes on with what is kept, and so not before
            // the interval is over.
            let last = *taken.last().unwrap();
            let after = Rate::new(60, now);
            after.resume(kept, now);
            assert!(after.next() >= last + rate.interval(), "{ms}");
        }
        assert_eq!(taken.len(), 20);
        assert!(writes <= 10, "{writes}");
    }

    #[test]
    fn a_turn_that_was_taken_counts_under_another_limit_as_that_one_says() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let rate = Rate::new(6, start);
        assert_eq!(rate.take(start, false), Turn::Now);
        let raised = rate.under(60);
        assert_eq!(raised.take(start, false), Turn::After(second));
        assert_eq!(raised.take(start + second, false), Turn::Now);
        let lowered = raised.under(1);
        assert_eq!(
            lowered.take(start + second * 31, false),
            Turn::After(second * 30)
        );
        // Where none was taken, none counts.
        assert_eq!(Rate::new(1, start).under(60).take(start, false), Turn::Now);
    }

    #[test]
    fn a_clock_that_was_put_back_holds_nothing_for_long() {
        let now = Instant::now();
        let rate = Rate::new(60, now);
        rate.resume(now + Duration::from_secs(3600), now);
        assert!(rate.next() <= now + Duration::from_secs(1) + AHEAD);
    }
}
