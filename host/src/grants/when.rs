//! When a token is renewed, and when that a renewal fails is told.

use std::time::Duration;

use crate::clock::millis;

/// How long before its end a token is renewed at least, if it lives long enough.
const AHEAD: Duration = Duration::from_secs(5 * 60);

/// The first pause after a renewal that failed, and the longest.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(5 * 60);

/// The longest pause that a platform is granted.
const ASKED: Duration = Duration::from_secs(60 * 60);

/// Failures after which somebody is told, whatever is left.
const FAILURES: u32 = 3;

/// How long before its end a token is not used any more, at most: a request takes
/// its time.
const MARGIN: Duration = Duration::from_secs(5);

/// A token that is refused before half of its life is over, or in so much time
/// where nobody knows that, was not refused for its age.
const YOUNG: Duration = Duration::from_secs(10 * 60);

/// How long a token lives: Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Life {
    pub from: u64,
    pub until: Option<u64>,
}

impl Life {
    fn length(self) -> Option<u64> {
        self.until.map(|until| until.saturating_sub(self.from))
    }

    /// When it is to be renewed; nothing where nobody knows when it ends. A tenth
    /// of its life ahead and at least some minutes, but not in its first half; and
    /// a bit before that, by chance (0 to 1), so that not all come at once. Where a
    /// platform gives another one only near the end, not before that.
    pub fn renewal(self, only_within: Option<Duration>, chance: f64) -> Option<u64> {
        let (until, length) = (self.until?, self.length()?);
        let half = length / 2;
        let ahead = (length / 10).max(millis(AHEAD)).min(half);
        let early = Duration::from_millis(ahead / 10).mul_f64(chance);
        let due = until.saturating_sub(ahead + millis(early));
        let due = due.max(self.from + half);
        let Some(within) = only_within.map(millis) else {
            return Some(due);
        };
        // In the first half of that, so that there is time to try again.
        let late = Duration::from_millis(within / 2).mul_f64(chance);
        let earliest = until.saturating_sub(within) + millis(late);
        Some(due.max(earliest.min(until)))
    }

    /// From when on it is not used any more.
    pub fn over(self) -> Option<u64> {
        let margin = (self.length()? / 20).min(millis(MARGIN));
        self.until.map(|until| until.saturating_sub(margin))
    }

    fn is_young(self, now: u64) -> bool {
        let young = self.length().map_or(millis(YOUNG), |length| length / 2);
        now < self.from + young
    }
}

/// The pause after so many failures in a row; at least what the platform asks for.
pub(super) fn pause(failures: u32, asked: Option<Duration>, chance: f64) -> Duration {
    let doubled = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let chosen = doubled.min(LONGEST).mul_f64(0.5 + chance / 2.0);
    chosen.max(asked.unwrap_or_default().min(ASKED))
}

/// Whether somebody has to be told of failures: there are several, or half of the
/// time is over that was left when they began.
pub(super) fn is_alarming(failures: u32, since: u64, until: Option<u64>, now: u64) -> bool {
    let half = until.map(|until| since + until.saturating_sub(since) / 2);
    failures >= FAILURES || half.is_some_and(|half| now >= half)
}

/// Tokens that the platform refused though they were young: renewing them does not
/// help, and is not done over and over.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    in_a_row: u32,
    last: u64,
}

impl Refusals {
    /// Whether a token that is refused now is renewed.
    pub fn renews(&mut self, life: Life, now: u64) -> bool {
        if !life.is_young(now) {
            self.in_a_row = 0;
            return true;
        }
        if self.in_a_row > 0 && now < self.last + millis(pause(self.in_a_row + 3, None, 1.0)) {
            return false;
        }
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.last = now;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;
    const MINUTE: u64 = 60_000;

    fn life(length: u64) -> Life {
        Life {
            from: 1_000_000,
            until: Some(1_000_000 + length),
        }
    }

    #[test]
    fn a_token_is_renewed_a_tenth_of_its_life_ahead_but_not_in_its_first_half() {
        let due = |length, chance| life(length).renewal(None, chance).unwrap() - 1_000_000;
        assert_eq!(due(2 * HOUR, 0.0), 2 * HOUR - 12 * MINUTE);
        assert_eq!(due(2 * HOUR, 1.0), 2 * HOUR - 12 * MINUTE - 72_000);
        assert_eq!(due(30 * MINUTE, 0.0), 25 * MINUTE);
        assert_eq!(due(4 * MINUTE, 1.0), 2 * MINUTE);
        let week = 7 * 24 * HOUR;
        assert_eq!(due(week, 0.0), week - week / 10);
        let unknown = Life {
            from: 1,
            until: None,
        };
        assert_eq!((unknown.renewal(None, 0.5), unknown.over()), (None, None));
    }

    #[test]
    fn a_platform_that_gives_another_token_only_near_the_end_is_asked_then() {
        let hour = Some(Duration::from_secs(3_600));
        let due = |chance| life(7 * 24 * HOUR).renewal(hour, chance).unwrap() - 1_000_000;
        assert_eq!(due(0.0), 7 * 24 * HOUR - HOUR);
        assert_eq!(due(1.0), 7 * 24 * HOUR - HOUR / 2);
    }

    #[test]
    fn a_token_is_not_used_in_its_last_seconds() {
        assert_eq!(life(HOUR).over(), Some(1_000_000 + HOUR - 5_000));
        assert_eq!(life(2_000).over(), Some(1_000_000 + 1_900));
    }

    #[test]
    fn pauses_double_up_to_five_minutes_and_honour_what_is_asked() {
        let longest = |failures| pause(failures, None, 1.0).as_secs();
        assert_eq!([1, 2, 3, 9, 10, 99].map(longest), [1, 2, 4, 256, 300, 300]);
        assert_eq!(pause(1, None, 0.0), Duration::from_millis(500));
        let asked = |seconds| pause(1, Some(Duration::from_secs(seconds)), 0.0).as_secs();
        assert_eq!((asked(90), asked(1_000_000)), (90, 3_600));
    }

    #[test]
    fn it_is_told_at_the_third_failure_or_when_half_of_what_was_left_is_over() {
        let until = Some(1_000);
        assert!(!is_alarming(1, 0, until, 499));
        assert!(is_alarming(1, 0, until, 500));
        assert!(is_alarming(3, 0, until, 1));
        assert!(!is_alarming(2, 0, None, 1_000_000));
    }

    #[test]
    fn a_young_token_that_is_refused_is_renewed_once_and_then_ever_less_often() {
        let mut refusals = Refusals::default();
        let young = |now| Life {
            from: now,
            until: Some(now + 2 * HOUR),
        };
        let now = 1_000_000;
        assert!(refusals.renews(young(now), now));
        assert!(!refusals.renews(young(now), now + 1_000));
        assert!(refusals.renews(young(now), now + 8_000));
        assert!(!refusals.renews(young(now), now + 16_000));
        // One that is old is renewed each time.
        let old = young(now);
        assert!(refusals.renews(old, now + HOUR));
        assert!(refusals.renews(old, now + HOUR + 1));
    }
}
