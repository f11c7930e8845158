//! Which formats of cells are dates, times and codes.

/// What a cell's number stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Format {
    /// A number.
    #[default]
    Number,
    /// A whole number with zeros before it, so many digits.
    Zeros(u8),
    /// A day, with its time of day where there is one.
    Date,
    /// A time of day.
    Time,
    /// How long something takes.
    Duration,
}

impl Format {
    /// A format that every workbook has.
    pub(super) fn of_number(number: u32) -> Format {
        match number {
            14..=17 | 22 | 27..=31 | 36 | 50..=58 => Format::Date,
            18..=21 | 32..=35 | 45 | 47 => Format::Time,
            46 => Format::Duration,
            _ => Format::Number,
        }
    }

    /// A format that is written out.
    pub(super) fn of_code(code: &str) -> Format {
        let mut plain = String::new();
        let mut duration = false;
        let mut letters = code.chars();
        while let Some(letter) = letters.next() {
            match letter {
                // Only what is for positive numbers.
                ';' => break,
                '"' => {
                    letters.by_ref().find(|end| *end == '"');
                }
                '\\' | '_' | '*' => {
                    letters.next();
                }
                '[' => {
                    let within: String = letters.by_ref().take_while(|end| *end != ']').collect();
                    let within = within.to_ascii_lowercase();
                    let unit = |unit: char| !within.is_empty() && within.chars().all(|c| c == unit);
                    duration |= unit('h') || unit('m') || unit('s');
                }
                other => plain.extend(other.to_lowercase()),
            }
        }
        if duration {
            return Format::Duration;
        }
        if plain.trim() == "general" {
            return Format::Number;
        }
        let has = |letter| plain.contains(letter);
        if has('y') || has('d') {
            return Format::Date;
        }
        if has('h') || has('s') {
            return Format::Time;
        }
        if has('m') {
            return Format::Date;
        }
        let digits = plain.trim();
        if digits.len() > 1 && digits.len() <= 64 && digits.bytes().all(|byte| byte == b'0') {
            return Format::Zeros(digits.len() as u8);
        }
        Format::Number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_times_and_codes_are_known_by_their_format() {
        for (code, format) in [
            ("General", Format::Number),
            ("0.00", Format::Number),
            ("0", Format::Number),
            ("#,##0.00_ ;[Red]\\-#,##0.00\\ ", Format::Number),
            ("\"day\" 0", Format::Number),
            ("0.00E+00", Format::Number),
            ("@", Format::Number),
            ("000000", Format::Zeros(6)),
            ("yyyy-mm-dd", Format::Date),
            ("yyyy\"年\"m\"月\"d\"日\";@", Format::Date),
            ("[$-804]yyyy/m/d h:mm", Format::Date),
            ("mmm", Format::Date),
            ("h:mm AM/PM", Format::Time),
            ("mm:ss", Format::Time),
            ("[h]:mm:ss", Format::Duration),
            ("[mm]:ss", Format::Duration),
        ] {
            assert_eq!(Format::of_code(code), format, "{code}");
        }
    }
}
