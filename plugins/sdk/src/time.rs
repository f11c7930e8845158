//! Times as platforms write them, from the context's.

/// `yyyy-MM-dd HH:mm:ss` of a Unix time in milliseconds, at `hours` east of
/// Greenwich (8 for Chinese platforms).
pub fn date_time(unix_ms: u64, hours: i8) -> String {
    // A u64 of milliseconds fits an i64 of seconds.
    let seconds = (unix_ms / 1000) as i64 + i64::from(hours) * 3600;
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
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
    use super::date_time;

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
}
