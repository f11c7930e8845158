//! The days of a pattern, and the moments of a day in a zone.

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::Cron;
use super::field::Field;

impl Cron {
    /// Whether the pattern has a time on a day.
    pub(super) fn is_day(&self, day: Date) -> bool {
        let of_month = self.days.has(day.day());
        let of_week = self.weekdays.has(day.weekday().to_sunday_zero_offset());
        let is_day = match (self.days.starred, self.weekdays.starred) {
            (false, false) => of_month || of_week,
            _ => of_month && of_week,
        };
        is_day && self.months.has(day.month())
    }

    /// Whether there is such a day at all.
    pub(super) fn comes(&self) -> bool {
        let most = |month: i8| match month {
            2 => 29,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let least = self.days.values().next().unwrap_or(31);
        let in_month = self.months.values().any(|month| least <= most(month));
        // A day of the week that counts by itself comes in every month.
        in_month || !self.days.starred && !self.weekdays.starred
    }
}

/// The times of a day.
pub(super) struct Moments<'a> {
    pub zone: &'a TimeZone,
    pub hours: &'a Field,
    pub minutes: &'a Field,
}

impl Moments<'_> {
    /// When they are, in order, each moment once.
    pub fn of(&self, day: Date) -> Vec<u64> {
        let every_hour = self.hours.is_whole();
        let twice = every_hour || self.minutes.starred;
        let mut found = Vec::new();
        for hour in self.hours.values() {
            for minute in self.minutes.values() {
                self.add(day.at(hour, minute, 0, 0), every_hour, twice, &mut found);
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    fn add(&self, time: DateTime, every_hour: bool, twice: bool, found: &mut Vec<u64>) {
        let mut push = |at: Option<Timestamp>| {
            found.extend(at.and_then(|at| u64::try_from(at.as_millisecond()).ok()));
        };
        let at = self.zone.to_ambiguous_timestamp(time);
        match at.offset() {
            AmbiguousOffset::Unambiguous { .. } => push(at.compatible().ok()),
            AmbiguousOffset::Gap { .. } if every_hour => {}
            AmbiguousOffset::Gap { .. } => push(at.later().ok().and_then(|at| self.gap_end(at))),
            AmbiguousOffset::Fold { .. } => {
                push(at.earlier().ok());
                if twice {
                    push(at.later().ok());
                }
            }
        }
    }

    /// The moment at which the clock was set forward, at a time or before it.
    fn gap_end(&self, at: Timestamp) -> Option<Timestamp> {
        let just_after = at.checked_add(SignedDuration::from_nanos(1)).ok()?;
        let set = self.zone.preceding(just_after).next()?;
        Some(set.timestamp())
    }
}
