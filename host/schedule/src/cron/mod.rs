//! A pattern of five fields in a time zone.
//!
//! | file | what is in it |
//! |---|---|
//! | `field` | one field: which values it allows |
//! | `days` | the days of a pattern, and the moments of a day in a zone |

mod days;
mod field;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use self::days::Moments;
use self::field::{Field, Kind};
use crate::{ScheduleError, zone};

/// Days that are looked at for a tick: a 29th of February comes within eight years.
const DAYS: usize = 3_660;

/// Characters of a pattern.
const LONGEST: usize = 256;

/// A pattern of minute, hour, day of the month, month and day of the week, as
/// cron knows it, in a time zone.
///
/// Where days of the month and of the week are both restricted, a day counts that
/// is either. Where clocks are set forward, a time that does not exist counts as
/// the first moment after the gap, once; a pattern for every hour just goes on.
/// Where they are set back, a time that is there twice counts the first time; in a
/// pattern for every hour, or with a `*` among its minutes, both times.
#[derive(Debug, Clone)]
pub struct Cron {
    text: Arc<str>,
    zone_name: Arc<str>,
    zone: TimeZone,
    minutes: Field,
    hours: Field,
    days: Field,
    months: Field,
    weekdays: Field,
}

impl Cron {
    /// A pattern in a zone, which is UTC if none is named.
    ///
    /// # Errors
    /// If the pattern is none, its day never comes, or there is no such zone.
    pub fn parse(text: &str, zone: Option<&str>) -> Result<Self, ScheduleError> {
        let zone_name = zone.unwrap_or("UTC");
        let zone = zone::named(zone_name)?;
        if text.len() > LONGEST {
            return Err(wrong(format!(
                "the pattern has {} bytes, and at most {LONGEST} are taken; write several flows instead",
                text.len()
            )));
        }
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(wrong(count(text, fields.len())));
        };
        let cron = Self {
            text: text.into(),
            zone_name: zone_name.into(),
            zone,
            minutes: Field::parse(minute, Kind::Minute).map_err(wrong)?,
            hours: Field::parse(hour, Kind::Hour).map_err(wrong)?,
            days: Field::parse(day, Kind::Day).map_err(wrong)?,
            months: Field::parse(month, Kind::Month).map_err(wrong)?,
            weekdays: Field::parse(weekday, Kind::Weekday).map_err(wrong)?,
        };
        if !cron.comes() {
            return Err(wrong(format!(
                "the day `{day}` never comes in the month `{month}`; change one of them"
            )));
        }
        Ok(cron)
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its zone's name as it was written.
    pub fn zone(&self) -> &str {
        &self.zone_name
    }

    /// The first tick after a time.
    pub(crate) fn next(&self, after: u64) -> Option<u64> {
        let first = self.day_of(after)?.yesterday().ok()?;
        let mut day = first;
        for _ in 0..DAYS {
            let found = self.moments_of(day).into_iter().find(|tick| *tick > after);
            if found.is_some() {
                return found;
            }
            day = day.tomorrow().ok()?;
        }
        None
    }

    /// The newest ticks after a time and not after another, in order.
    pub(crate) fn between(&self, after: u64, until: u64, most: usize) -> Vec<u64> {
        let mut found = Vec::new();
        // A moment may be on the day after that of its time, behind a gap.
        let day = self.day_of(until).and_then(|day| day.tomorrow().ok());
        let (Some(mut day), true) = (day, after < until) else {
            return found;
        };
        let Some(first) = self.day_of(after).and_then(|day| day.yesterday().ok()) else {
            return found;
        };
        for _ in 0..DAYS {
            let moments = self.moments_of(day).into_iter();
            found.extend(moments.filter(|tick| (after + 1..=until).contains(tick)));
            // Days may share a moment, so that one more is looked for.
            if day < first || found.len() > most.saturating_mul(2).saturating_add(2) {
                break;
            }
            let Ok(before) = day.yesterday() else {
                break;
            };
            day = before;
        }
        found.sort_unstable();
        found.dedup();
        found.split_off(found.len().saturating_sub(most))
    }

    /// The day on which a time is in the zone.
    fn day_of(&self, ms: u64) -> Option<Date> {
        let time = Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok()?;
        Some(self.zone.to_datetime(time).date())
    }

    /// The ticks of a day's times, in order.
    fn moments_of(&self, day: Date) -> Vec<u64> {
        if !self.is_day(day) {
            return Vec::new();
        }
        let moments = Moments {
            zone: &self.zone,
            hours: &self.hours,
            minutes: &self.minutes,
        };
        moments.of(day)
    }
}

impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, &self.zone_name) == (&other.text, &other.zone_name)
    }
}

impl Eq for Cron {}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text, self.zone_name)
    }
}

fn wrong(why: String) -> ScheduleError {
    ScheduleError::Pattern(why)
}

/// What is said of a pattern that has not five fields.
fn count(text: &str, fields: usize) -> String {
    let five = "minute, hour, day of the month, month and day of the week";
    let hint = match fields {
        0 => "write for instance \"*/5 8-22 * * *\"",
        1 if text.trim().starts_with('@') => "write the fields instead of a name",
        6 => "leave out the seconds, which are its first field elsewhere",
        7.. => "leave out seconds and year",
        _ => "write `*` for those that do not matter",
    };
    let many = match fields {
        1 => "1 field".to_owned(),
        fields => format!("{fields} fields"),
    };
    format!("the pattern `{text}` has {many}, and five are needed ({five}); {hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cron(text: &str, zone: &str) -> Cron {
        Cron::parse(text, Some(zone)).unwrap()
    }

    fn ms(time: &str) -> u64 {
        let time: Timestamp = time.parse().unwrap();
        u64::try_from(time.as_millisecond()).unwrap()
    }

    /// The next ticks after a time, as times in UTC without their seconds.
    fn next(cron: &Cron, after: &str, count: usize) -> Vec<String> {
        let mut after = ms(after);
        let mut found = Vec::new();
        for _ in 0..count {
            after = cron.next(after).unwrap();
            let time = Timestamp::from_millisecond(after as i64).unwrap();
            found.push(time.to_string().trim_end_matches(":00Z").to_owned());
        }
        // Looking back finds the same.
        let back = cron.between(ms_of(&found[0]) - 1, after, 1_000);
        assert_eq!(
            back,
            found.iter().map(|time| ms_of(time)).collect::<Vec<_>>()
        );
        found
    }

    fn ms_of(time: &str) -> u64 {
        ms(&format!("{time}:00Z"))
    }

    #[test]
    fn a_pattern_runs_by_the_clock_of_its_zone() {
        let day = cron("*/5 8-22 * * *", "Asia/Shanghai");
        assert_eq!(
            next(&day, "2026-11-27T14:50:00Z", 3),
            ["2026-11-27T14:55", "2026-11-28T00:00", "2026-11-28T00:05"]
        );
        let utc = Cron::parse("30 6 * * MON-FRI", None).unwrap();
        assert_eq!(
            next(&utc, "2026-11-27T06:30:00Z", 2),
            ["2026-11-30T06:30", "2026-12-01T06:30"]
        );
        assert_eq!(utc.to_string(), "30 6 * * MON-FRI (UTC)");
    }

    #[test]
    fn days_of_the_month_and_of_the_week_count_alternatively_where_both_are_given() {
        let either = cron("0 0 13 * FRI", "UTC");
        assert_eq!(
            next(&either, "2026-11-27T00:00:00Z", 4),
            [
                "2026-12-04T00:00",
                "2026-12-11T00:00",
                "2026-12-13T00:00",
                "2026-12-18T00:00"
            ]
        );
        let both = cron("0 0 * 12 FRI", "UTC");
        assert_eq!(next(&both, "2026-12-26T00:00:00Z", 1), ["2027-12-03T00:00"]);
        let leap = cron("0 0 29 2 *", "UTC");
        assert_eq!(
            next(&leap, "2096-03-01T00:00:00Z", 1),
            ["2104-02-29T00:00"],
            "2100 is no leap year"
        );
    }

    // Berlin: on 29 March 2026 at 2:00 the clock goes to 3:00, 01:00 in UTC.
    const SPRING: &str = "2026-03-29T00:00:00Z";

    #[test]
    fn a_time_that_does_not_exist_runs_once_at_the_first_moment_after_the_gap() {
        let fixed = cron("30 2 * * *", "Europe/Berlin");
        assert_eq!(
            next(&fixed, "2026-03-28T01:30:00Z", 2),
            ["2026-03-29T01:00", "2026-03-30T00:30"]
        );
        let many = cron("*/5 2 * * *", "Europe/Berlin");
        assert_eq!(
            next(&many, SPRING, 2),
            ["2026-03-29T01:00", "2026-03-30T00:00"]
        );
        let beginning = cron("0 2 * * *", "Europe/Berlin");
        assert_eq!(next(&beginning, SPRING, 1), ["2026-03-29T01:00"]);
        // It shares that moment with the time that is meant to be there.
        let both = cron("0 2,3 * * *", "Europe/Berlin");
        assert_eq!(
            next(&both, SPRING, 2),
            ["2026-03-29T01:00", "2026-03-30T00:00"]
        );
    }

    #[test]
    fn a_pattern_for_every_hour_just_goes_on_over_a_gap() {
        let hourly = cron("30 * * * *", "Europe/Berlin");
        assert_eq!(
            next(&hourly, SPRING, 3),
            ["2026-03-29T00:30", "2026-03-29T01:30", "2026-03-29T02:30"]
        );
    }

    // On 25 October 2026 at 3:00 it goes back to 2:00, 01:00 in UTC.
    const AUTUMN: &str = "2026-10-24T23:50:00Z";

    #[test]
    fn a_fixed_time_that_is_there_twice_runs_the_first_time() {
        let fixed = cron("30 2 * * *", "Europe/Berlin");
        assert_eq!(
            next(&fixed, AUTUMN, 2),
            ["2026-10-25T00:30", "2026-10-26T01:30"]
        );
        let list = cron("0,30 2-3 * * *", "Europe/Berlin");
        assert_eq!(
            next(&list, AUTUMN, 5),
            [
                "2026-10-25T00:00",
                "2026-10-25T00:30",
                "2026-10-25T02:00",
                "2026-10-25T02:30",
                "2026-10-26T01:00"
            ]
        );
    }

    #[test]
    fn steps_of_minutes_and_every_hour_run_in_both_hours() {
        let minutes = cron("*/30 2 * * *", "Europe/Berlin");
        assert_eq!(
            next(&minutes, AUTUMN, 5),
            [
                "2026-10-25T00:00",
                "2026-10-25T00:30",
                "2026-10-25T01:00",
                "2026-10-25T01:30",
                "2026-10-26T01:00"
            ]
        );
        let hourly = cron("15 * * * *", "Europe/Berlin");
        assert_eq!(
            next(&hourly, AUTUMN, 3),
            ["2026-10-25T00:15", "2026-10-25T01:15", "2026-10-25T02:15"]
        );
    }

    #[test]
    fn a_gap_of_half_an_hour_or_of_a_whole_day_is_a_gap() {
        // Lord Howe sets its clock by 30 minutes, at 2:00 on 4 October 2026.
        let half = cron("15 2 * * *", "Australia/Lord_Howe");
        assert_eq!(next(&half, "2026-10-03T12:00:00Z", 1), ["2026-10-03T15:30"]);
        // Samoa had no 30 December 2011.
        let day = cron("0 12 * * *", "Pacific/Apia");
        assert_eq!(
            next(&day, "2011-12-29T22:00:00Z", 3),
            ["2011-12-30T10:00", "2011-12-30T22:00", "2011-12-31T22:00"]
        );
    }

    #[test]
    fn of_many_ticks_the_newest_are_given_and_none_where_the_clock_jumped_back() {
        let minutes = cron("* * * * *", "UTC");
        let (after, until) = (ms("2020-01-01T00:00:00Z"), ms("2026-01-01T00:00:30Z"));
        assert_eq!(
            minutes.between(after, until, 2),
            [ms("2025-12-31T23:59:00Z"), ms("2026-01-01T00:00:00Z")]
        );
        assert_eq!(minutes.between(after, until, 100).len(), 100);
        assert_eq!(minutes.between(after, until, 5_000).len(), 5_000);
        assert_eq!(minutes.between(until, after, 9), [0; 0]);
        assert_eq!(minutes.between(after, after, 9), [0; 0]);
        assert_eq!(minutes.between(after, until, 0), [0; 0]);
        let yearly = cron("0 0 1 1 *", "UTC");
        assert_eq!(yearly.between(after, until, 99).len(), 6);
        assert_eq!(minutes.next(u64::MAX), None);
    }

    #[test]
    fn what_is_no_pattern_is_refused_in_words() {
        for (text, expected) in [
            ("", "the pattern `` has 0 fields, and five are needed"),
            ("@daily", "write the fields instead of a name"),
            (
                "* * *",
                "has 3 fields, and five are needed (minute, hour, day of the month, month and day of the week); write `*`",
            ),
            ("0 * * * * *", "leave out the seconds"),
            ("0 * * * * * 2026", "leave out seconds and year"),
            ("61 * * * *", "the minute `61` is not 0 to 59"),
            ("* * 30 2 *", "the day `30` never comes in the month `2`"),
            ("* * 31 2,4,6,9,11 *", "the day `31` never comes"),
        ] {
            let error = Cron::parse(text, None).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert!(
            Cron::parse("* * 30 2 MON", None).is_ok(),
            "each Monday in February"
        );
        let long = "1,".repeat(5_000);
        let error = Cron::parse(&long, None).unwrap_err().to_string();
        assert!(error.len() < 200, "{error}");
        let zone = Cron::parse("* * * * *", Some("Mars/Olympus")).unwrap_err();
        assert!(matches!(zone, ScheduleError::Zone(_)), "{zone}");
    }
}
