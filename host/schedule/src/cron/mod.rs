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
