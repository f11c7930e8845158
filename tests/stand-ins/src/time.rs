//! A platform's clock and the times in its documents.

use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Seconds from UTC to China Standard Time, which all these platforms use.
pub const CHINA_OFFSET: i64 = 8 * 3600;

/// What a stand-in takes for the present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// The machine's clock plus so many seconds: a platform whose clock, or
    /// whose caller's clock, is wrong.
    Shifted(i64),
    /// Always this Unix second, for worked examples.
    Fixed(i64),
}

/// A clock that can be changed while requests come in.
#[derive(Debug, Default)]
pub struct PlatformClock(Mutex<Clock>);

impl PlatformClock {
    pub fn new(clock: Clock) -> Self {
        Self(Mutex::new(clock))
    }

    pub fn set(&self, clock: Clock) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = clock;
    }

    /// Unix seconds.
    pub fn now(&self) -> i64 {
        let clock = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match clock {
            Clock::System => system_seconds(),
            Clock::Shifted(seconds) => system_seconds() + seconds,
            Clock::Fixed(seconds) => seconds,
        }
    }
}

fn system_seconds() -> i64 {
    let elapsed = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
}

/// Reads `yyyy-MM-dd HH:mm:ss`, gives the seconds since 1970-01-01 00:00:00 of
/// the same time zone.
pub fn parse_local(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() != 19
        || bytes[4] != b'-'
        || bytes[7] != b'-'
        || bytes[10] != b' '
        || bytes[13] != b':'
        || bytes[16] != b':'
    {
        return None;
    }
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = text.get(from..to)?;
        digits
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| digits.parse().ok())?
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(days_since_epoch(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Reads `yyyy-MM-dd HH:mm:ss` in China Standard Time, gives Unix seconds.
pub fn parse_china(text: &str) -> Option<i64> {
    parse_local(text).map(|seconds| seconds - CHINA_OFFSET)
}

/// Writes Unix seconds as `yyyy-MM-dd HH:mm:ss` in China Standard Time.
pub fn format_china(unix: i64) -> String {
    let local = unix + CHINA_OFFSET;
    let (year, month, day) = date_of(local.div_euclid(86_400));
    let second = local.rem_euclid(86_400);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar. The year starts
/// in March, so that the leap day is its last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let before_month = (month * 153 + 2) / 5;
    year * 365 + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + before_month
        + day
        - 1
        - 719_468
}

fn date_of(days: i64) -> (i64, i64, i64) {
    let mut year = 1970 + days.div_euclid(366);
    while days_since_epoch(year + 1, 1, 1) <= days {
        year += 1;
    }
    let mut left = days - days_since_epoch(year, 1, 1);
    let mut month = 1;
    while left >= days_in_month(year, month) {
        left -= days_in_month(year, month);
        month += 1;
    }
    (year, month, left + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flagship_epoch_is_where_its_document_says() {
        assert_eq!(parse_china("2012-01-01 00:00:00"), Some(1_325_347_200));
        assert_eq!(parse_china("1970-01-01 08:00:00"), Some(0));
    }

    #[test]
    fn times_survive_the_round_trip() {
        for text in [
            "2000-02-29 23:59:59",
            "2025-01-02 03:04:05",
            "2026-12-31 00:00:00",
            "1970-01-01 08:00:00",
        ] {
            assert_eq!(parse_china(text).map(format_china).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "2019-02-29 00:00:00",
            "2019-13-01 00:00:00",
            "2019-01-01 24:00:00",
            "2019/01/01 00:00:00",
            "2019-1-1 0:0:0",
        ] {
            assert_eq!(parse_local(text), None, "{text}");
        }
    }
}
