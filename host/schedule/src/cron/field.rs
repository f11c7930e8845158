//! One field of a pattern: which values it allows.

/// Which field it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Minute,
    Hour,
    Day,
    Month,
    Weekday,
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day of the month",
            Self::Month => "month",
            Self::Weekday => "day of the week",
        }
    }

    /// The least and the greatest number.
    fn range(self) -> (u8, u8) {
        match self {
            Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::Day => (1, 31),
            Self::Month => (1, 12),
            // Sunday is 0 and 7.
            Self::Weekday => (0, 7),
        }
    }

    /// What may be written, for people.
    fn allowed(self) -> &'static str {
        match self {
            Self::Minute => "0 to 59",
            Self::Hour => "0 to 23",
            Self::Day => "1 to 31",
            Self::Month => "1 to 12, or JAN to DEC",
            Self::Weekday => "0 to 7 (0 and 7 are Sunday), or SUN to SAT",
        }
    }

    fn named(self, name: &str) -> Option<u8> {
        let (names, first): (&[&str], u8) = match self {
            Self::Month => (&MONTHS, 1),
            Self::Weekday => (&WEEKDAYS, 0),
            _ => return None,
        };
        let mut numbered = names.iter().zip(first..);
        let found = numbered.find(|(one, _)| one.eq_ignore_ascii_case(name));
        found.map(|(_, number)| number)
    }
}

/// The values that a field allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    bits: u64,
    kind: Kind,
    /// Whether a part of it begins with `*`.
    pub starred: bool,
}

impl Field {
    /// Reads a field: `*`, `5`, `1-5`, `*/15`, `8-20/2`, and lists of these.
    pub fn parse(text: &str, kind: Kind) -> Result<Self, String> {
        let mut field = Self {
            bits: 0,
            kind,
            starred: false,
        };
        for part in text.split(',') {
            field.add(part, text)?;
        }
        Ok(field)
    }

    fn add(&mut self, part: &str, text: &str) -> Result<(), String> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(self.step(step, text)?)),
            None => (part, None),
        };
        let (least, greatest) = self.kind.range();
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => {
                self.starred = true;
                (least, greatest)
            }
            Some((from, to)) => (self.number(from, text)?, self.number(to, text)?),
            None => {
                let number = self.number(range, text)?;
                // As elsewhere, `5/10` is from 5 on.
                (number, if step.is_some() { greatest } else { number })
            }
        };
        if from > to {
            return Err(format!(
                "the {} `{part}` goes from {from} down to {to}; write the smaller one first, or two ranges",
                self.kind.name()
            ));
        }
        for value in (from..=to).step_by(usize::from(step.unwrap_or(1))) {
            let weekday = self.kind == Kind::Weekday && value == 7;
            self.bits |= 1 << if weekday { 0 } else { value };
        }
        Ok(())
    }

    fn number(&self, text: &str, field: &str) -> Result<u8, String> {
        if let Some(number) = self.kind.named(text) {
            return Ok(number);
        }
        let (least, greatest) = self.kind.range();
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = if digits { text.parse().ok() } else { None };
        let in_range = |number: &u8| (least..=greatest).contains(number);
        number.filter(in_range).ok_or_else(|| {
            let place = match text == field {
                true => String::new(),
                false => format!(" in `{field}`"),
            };
            format!(
                "the {} `{text}`{place} is not {}; write a number, a range `1-5`, a step `*/15`, or several with commas",
                self.kind.name(),
                self.kind.allowed()
            )
        })
    }

    fn step(&self, text: &str, field: &str) -> Result<u8, String> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let step = if digits { text.parse().ok() } else { None };
        let (_, greatest) = self.kind.range();
        let in_range = |step: &u8| (1..=greatest).contains(step);
        step.filter(in_range).ok_or_else(|| {
            format!(
                "the step `{text}` of the {} `{field}` is not from 1 to {greatest}; write for instance `*/5`",
                self.kind.name()
            )
        })
    }

    /// Whether a value is allowed.
    pub fn has(&self, value: i8) -> bool {
        u32::try_from(value).is_ok_and(|value| self.bits.checked_shr(value).unwrap_or(0) & 1 == 1)
    }

    /// The allowed values in order.
    pub fn values(&self) -> impl Iterator<Item = i8> + '_ {
        (0..60).filter(|value| self.has(*value))
    }

    /// Whether every value is allowed.
    pub fn is_whole(&self) -> bool {
        let (least, greatest) = self.kind.range();
        let greatest = if self.kind == Kind::Weekday {
            6
        } else {
            greatest
        };
        (least..=greatest).all(|value| self.bits >> value & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str, kind: Kind) -> Vec<i8> {
        Field::parse(text, kind).unwrap().values().collect()
    }

    #[test]
    fn a_field_is_numbers_ranges_steps_and_lists() {
        assert_eq!(values("5", Kind::Minute), [5]);
        assert_eq!(values("*/20", Kind::Minute), [0, 20, 40]);
        assert_eq!(values("50/5", Kind::Minute), [50, 55]);
        assert_eq!(values("8-10,22", Kind::Hour), [8, 9, 10, 22]);
        assert_eq!(values("8-14/3", Kind::Hour), [8, 11, 14]);
        assert_eq!(values("JAN,dec", Kind::Month), [1, 12]);
        assert_eq!(values("5-7", Kind::Weekday), [0, 5, 6]);
        assert_eq!(values("mon-FRI", Kind::Weekday), [1, 2, 3, 4, 5]);
        assert!(Field::parse("*", Kind::Day).unwrap().is_whole());
        assert!(Field::parse("0-6", Kind::Weekday).unwrap().is_whole());
        assert!(!Field::parse("*/2", Kind::Hour).unwrap().is_whole());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_field() {
        for (text, kind, expected) in [
            ("61", Kind::Minute, "the minute `61` is not 0 to 59"),
            ("24", Kind::Hour, "the hour `24` is not 0 to 23"),
            ("0", Kind::Day, "the day of the month `0` is not 1 to 31"),
            ("L", Kind::Day, "the day of the month `L` is not 1 to 31"),
            (
                "13",
                Kind::Month,
                "the month `13` is not 1 to 12, or JAN to DEC",
            ),
            (
                "1,MUN",
                Kind::Weekday,
                "the day of the week `MUN` in `1,MUN` is not 0 to 7",
            ),
            ("5-", Kind::Minute, "the minute `` in `5-` is not 0 to 59"),
            ("+5", Kind::Minute, "the minute `+5` is not"),
            ("300", Kind::Minute, "the minute `300` is not"),
            ("9-8", Kind::Hour, "the hour `9-8` goes from 9 down to 8"),
            (
                "*/0",
                Kind::Minute,
                "the step `0` of the minute `*/0` is not from 1 to 59",
            ),
            ("*/", Kind::Minute, "the step `` of the minute `*/` is not"),
            ("", Kind::Minute, "the minute `` is not"),
        ] {
            let error = Field::parse(text, kind).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
