//! Numbers of cells to the texts that people mean.

use super::format::Format;

/// Digits that a spreadsheet keeps of a number.
const DIGITS: usize = 15;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// The last day that spreadsheets know, 9999-12-31.
const LAST: f64 = 2_958_466.0;

/// A number's text. The error says what was lost before it came here.
pub(super) fn text(number: &str, format: Format, since_1904: bool) -> Result<String, String> {
    let number = number.trim();
    let value: f64 = number
        .parse()
        .ok()
        .filter(|value: &f64| value.is_finite())
        .ok_or_else(|| format!("{number:?} is no number"))?;
    match format {
        Format::Number => plain(number, value),
        Format::Zeros(digits) => {
            let text = plain(number, value)?;
            let whole = text.bytes().all(|byte| byte.is_ascii_digit());
            Ok(match whole {
                true => format!("{text:0>width$}", width = usize::from(digits)),
                false => text,
            })
        }
        Format::Date => date(value, since_1904),
        Format::Time if (0.0..1.0).contains(&value) => Ok(clock(milliseconds(value) % DAY)),
        Format::Time => date(value, since_1904),
        Format::Duration if (0.0..LAST).contains(&value) => Ok(clock(milliseconds(value))),
        Format::Duration => plain(number, value),
    }
}

/// A number without an exponent.
fn plain(number: &str, value: f64) -> Result<String, String> {
    let digits = number.strip_prefix('-').unwrap_or(number);
    let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole {
        let trimmed = digits.trim_start_matches('0');
        let kept = trimmed.trim_end_matches('0').len();
        // More digits than a spreadsheet keeps: another program wrote them all.
        if trimmed.len() <= DIGITS || kept > DIGITS + 2 {
            return Ok(match (trimmed, number.starts_with('-')) {
                ("", _) => "0".into(),
                (trimmed, true) => format!("-{trimmed}"),
                (trimmed, false) => trimmed.to_owned(),
            });
        }
    }
    if value.abs() >= 1e15 {
        return Err(format!(
            "{number} has more digits than the {DIGITS} that a spreadsheet keeps of a number, so its last ones may be wrong: format the column as text before values come into it"
        ));
    }
    if value.fract() == 0.0 {
        return Ok(format!("{}", value as i64));
    }
    // As it is shown: 0.30000000000000004 is 0.3.
    let shown = format!("{value:.*e}", DIGITS - 1);
    let rounded: f64 = shown.parse().unwrap_or(value);
    Ok(format!("{rounded}"))
}

fn milliseconds(days: f64) -> i64 {
    (days * DAY as f64).round() as i64
}

fn clock(milliseconds: i64) -> String {
    let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000);
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let mut text = format!("{hours:02}:{minutes:02}:{:02}", seconds % 60);
    if rest > 0 {
        text.push_str(&format!(".{rest:03}"));
    }
    text
}

/// A day's number to ISO 8601.
fn date(value: f64, since_1904: bool) -> Result<String, String> {
    if !(0.0..LAST).contains(&value) {
        return Err(format!("{value} is no date"));
    }
    let all = milliseconds(value);
    let (day, rest) = (all / DAY, all % DAY);
    let since_1970 = match (since_1904, day) {
        (true, day) => day - 24_107,
        // Spreadsheets know a day that 1900 didn't have.
        (false, 60) => return Err("29 February 1900 was no day".into()),
        (false, ..60) => day - 25_568,
        (false, day) => day - 25_569,
    };
    let (year, month, day) = civil(since_1970);
    let mut text = format!("{year:04}-{month:02}-{day:02}");
    if rest > 0 {
        text.push('T');
        text.push_str(&clock(rest));
    }
    Ok(text)
}

/// The day of the calendar that is so many days after 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Result<String, String> {
        super::text(text, Format::Number, false)
    }

    #[test]
    fn a_number_is_the_text_that_a_person_sees() {
        for (written, seen) in [
            ("0", "0"),
            ("-0", "0"),
            ("7", "7"),
            ("-12", "-12"),
            ("1E3", "1000"),
            ("1.50", "1.5"),
            ("0.30000000000000004", "0.3"),
            ("59.969999999999999", "59.97"),
            ("1E-7", "0.0000001"),
            ("123456789012345", "123456789012345"),
            // All digits are there: no spreadsheet wrote this.
            ("6912345678901234567", "6912345678901234567"),
        ] {
            assert_eq!(number(written).as_deref(), Ok(seen), "{written}");
        }
    }

    #[test]
    fn digits_that_a_spreadsheet_lost_are_told() {
        for ruined in [
            "6912345678901230000",
            "6.9123456789012296E+18",
            "1234567890123450",
            "1e300",
        ] {
            assert!(
                number(ruined)
                    .unwrap_err()
                    .contains("format the column as text"),
                "{ruined}"
            );
        }
        assert!(number("x").is_err());
        assert!(number("inf").is_err());
    }

    #[test]
    fn zeros_before_a_number_are_kept_where_the_format_says_so() {
        let of = |text: &str| super::text(text, Format::Zeros(6), false).unwrap();
        assert_eq!(
            [of("123"), of("1234567"), of("1.5")],
            ["000123", "1234567", "1.5"]
        );
    }

    #[test]
    fn days_and_times_are_iso_texts() {
        let of = |value: &str, format| super::text(value, format, false);
        for (value, format, seen) in [
            ("46082", Format::Date, "2026-03-01"),
            ("46082.5", Format::Date, "2026-03-01T12:00:00"),
            ("46082.000011574", Format::Date, "2026-03-01T00:00:01"),
            ("1", Format::Date, "1900-01-01"),
            ("59", Format::Date, "1900-02-28"),
            ("61", Format::Date, "1900-03-01"),
            ("2958465", Format::Date, "9999-12-31"),
            ("0.354166666666667", Format::Time, "08:30:00"),
            ("1.10416666666667", Format::Duration, "26:30:00"),
        ] {
            assert_eq!(of(value, format).as_deref(), Ok(seen), "{value}");
        }
        assert_eq!(
            super::text("44620", Format::Date, true).as_deref(),
            Ok("2026-03-01")
        );
        for wrong in ["60", "-1", "9999999"] {
            assert!(of(wrong, Format::Date).is_err(), "{wrong}");
        }
    }
}
