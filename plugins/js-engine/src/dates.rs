//! Which texts `Date` reads as what they say.
//!
//! QuickJS also reads others, as it guesses: `05/03/2024` as the third of May,
//! `2024-02-30` as the first of March, `CST` as a zone of America.

/// What a text that QuickJS made a time of is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// A time in one of the known formats.
    Known,
    /// In such a format, but no day or no time of the calendar.
    NotInCalendar,
    /// In another format.
    Unknown,
}

const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

const WEEKDAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];

/// Looks at a text without white space around it.
pub fn spelling(text: &str) -> Spelling {
    let mut rest = Rest(text.as_bytes());
    let read = match text.as_bytes().first() {
        // A year, or the day that begins a date as in mails.
        Some(b'0'..=b'9') if text.as_bytes().get(3).is_some_and(u8::is_ascii_digit) => {
            rest.numbers()
        }
        _ => rest.names(),
    };
    match read {
        Some(true) => Spelling::Known,
        Some(false) => Spelling::NotInCalendar,
        None => Spelling::Unknown,
    }
}

/// What of the text is still to be read. Every part gives whether what it has
/// read can be, or nothing where it is not understood.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    /// `2024`, `2024-03`, `2024/3/5 8:30`, `2024-03-05T08:30:00.5+08:00`.
    fn numbers(&mut self) -> Option<bool> {
        let year = self.digits(4, 4)?;
        if self.ended() {
            return Some(true);
        }
        self.one_of(b"-/")?;
        let month = self.digits(1, 2)?;
        if self.ended() {
            return Some((1..=12).contains(&month));
        }
        self.one_of(b"-/")?;
        let day = self.digits(1, 2)?;
        let mut possible = is_day(year, month, day);
        if self.ended() {
            return Some(possible);
        }
        self.one_of(b"T ")?;
        possible &= self.time(true)?;
        if !self.ended() {
            self.take(b" ");
            if !(self.take(b"Z") || self.take(b"UTC") || self.take(b"GMT")) {
                possible &= self.offset()?;
            }
        }
        self.ended().then_some(possible)
    }

    /// `Tue, 05 Mar 2024 08:30:00 +0800`, and what `toString` of a date gives.
    fn names(&mut self) -> Option<bool> {
        if WEEKDAYS.iter().any(|name| self.take(name)) {
            self.take(b",");
            self.one_of(b" ")?;
        }
        let (month, day) = match self.0.first()?.is_ascii_digit() {
            true => {
                let day = self.digits(1, 2)?;
                self.one_of(b" ")?;
                (self.month()?, day)
            }
            false => {
                let month = self.month()?;
                self.one_of(b" ")?;
                (month, self.digits(1, 2)?)
            }
        };
        self.one_of(b" ")?;
        let mut possible = is_day(self.digits(4, 4)?, month, day);
        if self.ended() {
            return Some(possible);
        }
        self.one_of(b" ")?;
        possible &= self.time(false)?;
        if self.take(b" ") {
            let named = self.take(b"GMT") || self.take(b"UTC");
            if !named || self.0.first().is_some_and(|sign| b"+-".contains(sign)) {
                possible &= self.offset()?;
            }
        }
        // The zone's name, which says nothing more.
        if self.take(b" (") {
            let end = self.0.iter().position(|byte| *byte == b')')?;
            self.0 = self.0.get(end + 1..)?;
        }
        self.ended().then_some(possible)
    }

    fn time(&mut self, fraction: bool) -> Option<bool> {
        let hour = self.digits(1, 2)?;
        self.one_of(b":")?;
        let minute = self.digits(2, 2)?;
        let mut second = 0;
        if self.take(b":") {
            second = self.digits(2, 2)?;
            if fraction && self.one_of(b".,").is_some() {
                let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit());
                let count = digits.count();
                self.0 = self.0.get(count..)?;
                if count == 0 {
                    return None;
                }
            }
        }
        let midnight = hour == 24 && minute == 0 && second == 0;
        Some((hour < 24 || midnight) && minute < 60 && second < 60)
    }

    /// `+08:00`, `-0530`.
    fn offset(&mut self) -> Option<bool> {
        self.one_of(b"+-")?;
        let hours = self.digits(2, 2)?;
        self.take(b":");
        let minutes = self.digits(2, 2)?;
        Some(hours < 24 && minutes < 60)
    }

    fn month(&mut self) -> Option<u32> {
        let position = MONTHS.iter().position(|name| self.take(name))?;
        u32::try_from(position + 1).ok()
    }

    fn digits(&mut self, least: usize, most: usize) -> Option<u32> {
        let digits = self.0.iter().take(most);
        let count = digits.take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        let number = |number, digit: &u8| number * 10 + u32::from(digit - b'0');
        (count >= least).then(|| digits.iter().fold(0, number))
    }

    fn one_of(&mut self, bytes: &[u8]) -> Option<()> {
        let (first, rest) = self.0.split_first()?;
        self.0 = bytes.contains(first).then_some(rest)?;
        Some(())
    }

    fn take(&mut self, bytes: &[u8]) -> bool {
        let rest = self.0.strip_prefix(bytes);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn ended(&self) -> bool {
        self.0.is_empty()
    }
}

fn is_day(year: u32, month: u32, day: u32) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let last = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=last).contains(&day)
}
