//! Times as platforms write them, from the context's.

/// `yyyy-MM-dd HH:mm:ss` of a Unix time in milliseconds, at `hours` east of
/// Greenwich (8 for Chinese platforms).
pub fn date_time(unix_ms: u64, hours: i8) -> String {
    format(unix_ms, "yyyy-MM-dd HH:mm:ss", i16::from(hours) * 60)
}

/// A Unix time in milliseconds, at `minutes` east of Greenwich, by a pattern of
/// `yyyy`, `MM`, `dd`, `HH`, `mm`, `ss`, `SSS`, `Z` (`+0800`) and `XXX`
/// (`+08:00`); what stands between apostrophes stays as it is.
///
/// ```
/// use crossdock_adapter::time::format;
/// let zoned = format(1_620_350_439_683, "yyyy-MM-dd HH:mm:ss.SSSZ", 8 * 60);
/// assert_eq!(zoned, "2021-05-07 09:20:39.683+0800");
/// assert_eq!(format(0, "yyyyMMdd'T'HHmmss'Z'", 0), "19700101T000000Z");
/// ```
pub fn format(unix_ms: u64, pattern: &str, minutes: i16) -> String {
    // A u64 of milliseconds fits an i64 of seconds.
    let seconds = (unix_ms / 1000) as i64 + i64::from(minutes) * 60;
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let zone = |colon: &str| {
        let sign = if minutes < 0 { '-' } else { '+' };
        let (hours, minutes) = (minutes.abs() / 60, minutes.abs() % 60);
        format!("{sign}{hours:02}{colon}{minutes:02}")
    };
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        if let Some(quoted) = rest.strip_prefix('\'') {
            let (kept, after) = quoted.split_once('\'').unwrap_or((quoted, ""));
            out.push_str(kept);
            rest = after;
            continue;
        }
        let run = rest.len() - rest.trim_start_matches(first).len();
        let (field, after) = rest.split_at(run);
        match field {
            "yyyy" => out.push_str(&format!("{year:04}")),
            "MM" => out.push_str(&format!("{month:02}")),
            "dd" => out.push_str(&format!("{day:02}")),
            "HH" => out.push_str(&format!("{:02}", second / 3600)),
            "mm" => out.push_str(&format!("{:02}", second / 60 % 60)),
            "ss" => out.push_str(&format!("{:02}", second % 60)),
            "SSS" => out.push_str(&format!("{:03}", unix_ms % 1000)),
            "Z" => out.push_str(&zone("")),
            "XXX" => out.push_str(&zone(":")),
            other => out.push_str(other),
        }
        rest = after;
    }
    out
}

/// Year, month and day of a number of days after 1970-01-01 in the Gregorian
/// calendar. Counts in years from March, whose leap day is the last one.
fn civil(days: i64) -> (i64, i64, i64) {
    const DAYS_OF_400_YEARS: i64 = 146_097;
    let days = days + 719_468;
    let (era, day) = (
        days.div_euclid(DAYS_OF_400_YEARS),
        days.rem_euclid(DAYS_OF_400_YEARS),
    );
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (next_year, month) = match month {
        0..=9 => (0, month + 3),
        _ => (1, month - 9),
    };
    (era * 400 + year + next_year, month, day)
}

#[cfg(test)]
mod tests {
    use super::{date_time, format};

    #[test]
    fn a_time_is_written_at_its_offset() {
        for (unix_ms, hours, text) in [
            (0, 0, "1970-01-01 00:00:00"),
            (1_735_758_245_999, 8, "2025-01-02 03:04:05"),
            (1_709_164_799_000, 0, "2024-02-28 23:59:59"),
            (1_709_164_800_000, 0, "2024-02-29 00:00:00"),
            (1_709_251_200_000, 0, "2024-03-01 00:00:00"),
            (951_782_400_000, 8, "2000-02-29 08:00:00"),
            (4_107_542_400_000, 0, "2100-03-01 00:00:00"),
            (0, -1, "1969-12-31 23:00:00"),
        ] {
            assert_eq!(date_time(unix_ms, hours), text);
        }
    }

    #[test]
    fn a_pattern_says_what_is_written() {
        for (pattern, minutes, text) in [
            ("yyyyMMddHHmmssSSS", 0, "20250102030405007"),
            ("yyyy-MM-dd'T'HH:mm:ssXXX", 330, "2025-01-02T08:34:05+05:30"),
            ("HH:mm Z", -90, "01:34 -0130"),
            ("'yyyy' yyyy'", 0, "yyyy 2025"),
            ("", 0, ""),
        ] {
            assert_eq!(
                format(1_735_787_045_007, pattern, minutes),
                text,
                "{pattern}"
            );
        }
    }
}
