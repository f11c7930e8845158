//! An interval, counted from 1970.

use std::fmt;
use std::time::Duration;

use crate::ScheduleError;

/// The shortest and the longest interval, in milliseconds.
const SHORTEST: u64 = 1_000;
const LONGEST: u64 = 366 * 24 * 3_600_000;

/// An interval. Its ticks are the multiples of it since the beginning of 1970 in
/// UTC, whenever the host was started: those of `1h` are at each full hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Every {
    ms: u64,
}

impl Every {
    /// An interval of whole milliseconds from one second to 366 days.
    ///
    /// # Errors
    /// If it is shorter or longer.
    pub fn new(interval: Duration) -> Result<Self, ScheduleError> {
        let ms = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
        if !(SHORTEST..=LONGEST).contains(&ms) {
            return Err(ScheduleError::Every(format!(
                "an interval is from \"1s\" to \"366d\", and {} is not",
                in_words(interval)
            )));
        }
        Ok(Self { ms })
    }

    /// A number with its unit: `30s`, `5m`, `2h`, `1d`.
    ///
    /// # Errors
    /// If it is written otherwise, shorter than a second or longer than 366 days.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        let wrong = || {
            ScheduleError::Every(format!(
                "the interval `{text}` is not a number with its unit; write for instance \"30s\", \"5m\", \"2h\" or \"1d\""
            ))
        };
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let second = match &text[digits.len()..] {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return Err(wrong()),
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        // What does not fit is too long.
        let count: u64 = digits.parse().unwrap_or(u64::MAX);
        Self::new(Duration::from_secs(count.saturating_mul(second))).map_err(|_| {
            ScheduleError::Every(format!(
                "the interval `{text}` is not from \"1s\" to \"366d\""
            ))
        })
    }

    /// How long it is.
    pub fn interval(self) -> Duration {
        Duration::from_millis(self.ms)
    }

    /// The first tick after a time.
    pub(crate) fn next(self, after: u64) -> Option<u64> {
        (after / self.ms).checked_add(1)?.checked_mul(self.ms)
    }

    /// The newest ticks after a time and not after another, in order.
    pub(crate) fn between(self, after: u64, until: u64, most: usize) -> Vec<u64> {
        let (first, last) = (after / self.ms, until / self.ms);
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        let first = first.max(last.saturating_sub(most));
        (first..last).map(|tick| (tick + 1) * self.ms).collect()
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&in_words(self.interval()))
    }
}

/// In the largest unit of which it is a multiple.
fn in_words(interval: Duration) -> String {
    let (secs, ms) = (interval.as_secs(), interval.subsec_millis());
    let units = [("d", 86_400), ("h", 3_600), ("m", 60)];
    let whole = units
        .iter()
        .find(|(_, unit)| secs >= *unit && secs % unit == 0);
    match whole {
        _ if ms > 0 => format!("{}ms", interval.as_millis()),
        Some((name, unit)) => format!("{}{name}", secs / unit),
        None => format!("{secs}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_multiples_since_1970_whenever_one_asks() {
        let every = Every::parse("5m").unwrap();
        assert_eq!(every.next(0), Some(300_000));
        assert_eq!(every.next(299_999), Some(300_000));
        assert_eq!(every.next(300_000), Some(600_000));
        assert_eq!(every.between(300_000, 900_000, 9), [600_000, 900_000]);
        assert_eq!(every.between(300_000, 599_999, 9), [0; 0]);
    }

    #[test]
    fn of_many_ticks_the_newest_are_given() {
        let every = Every::parse("1s").unwrap();
        assert_eq!(every.between(0, 10_500, 2), [9_000, 10_000]);
        assert_eq!(every.between(0, u64::MAX / 2, 3).len(), 3);
        assert_eq!(every.between(0, 10_500, 0), [0; 0]);
    }

    #[test]
    fn a_clock_that_jumped_back_gives_no_ticks() {
        let every = Every::parse("1s").unwrap();
        assert_eq!(every.between(9_000, 5_000, 9), [0; 0]);
        assert_eq!(every.next(u64::MAX), None);
    }

    #[test]
    fn an_interval_is_a_number_with_its_unit() {
        for (text, secs) in [
            ("1s", 1),
            ("90s", 90),
            ("5m", 300),
            ("2h", 7_200),
            ("366d", 31_622_400),
        ] {
            let every = Every::parse(text).unwrap();
            assert_eq!(every.interval(), Duration::from_secs(secs), "{text}");
        }
        assert_eq!(Every::parse("90s").unwrap().to_string(), "90s");
        assert_eq!(Every::parse("120m").unwrap().to_string(), "2h");
        for text in [
            "", "5", "m", "5 m", "-5m", "5M", "5ms", "1.5h", "٥m", "5m5s",
        ] {
            let error = Every::parse(text).unwrap_err().to_string();
            assert!(
                error.contains(&format!("`{text}` is not a number with its unit")),
                "{error}"
            );
        }
        for text in ["0s", "367d", "99999999999999999999d"] {
            let error = Every::parse(text).unwrap_err().to_string();
            assert!(error.contains("is not from \"1s\" to \"366d\""), "{error}");
        }
    }
}
