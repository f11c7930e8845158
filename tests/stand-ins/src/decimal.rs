//! Exact arithmetic with the decimals of quantities and prices.

use std::fmt;

/// Digits after the point that are kept; more than any document asks for.
const FRACTION_DIGITS: u32 = 9;
const ONE: i128 = 1_000_000_000;

/// A number of billionths. Sums and differences are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Decimal(i128);

impl Decimal {
    pub const ZERO: Self = Self(0);

    /// Reads `-?digits[.digits]` with at most 27 digits before the point and 9
    /// after it. Exponents are refused: no document uses them.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
        let numeric =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !numeric(whole)
            || !numeric(part)
            || whole.len() > 27
            || part.len() > FRACTION_DIGITS as usize
        {
            return None;
        }
        let part: i128 = format!("{part:0<9}").parse().ok()?;
        let value = whole.parse::<i128>().ok()? * ONE + part;
        Some(Self(if negative { -value } else { value }))
    }

    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    pub fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    pub fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// As a JSON number, with at least one digit after the point.
    pub fn to_number(self) -> serde_json::Value {
        // The text is a JSON number by construction; null would show a mistake.
        serde_json::from_str(&self.to_string()).unwrap_or_default()
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let magnitude = self.0.unsigned_abs();
        let one = ONE.unsigned_abs();
        let part = format!("{:09}", magnitude % one);
        let part = part.trim_end_matches('0');
        write!(
            f,
            "{sign}{}.{}",
            magnitude / one,
            if part.is_empty() { "0" } else { part }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact_and_written_with_a_point() {
        let sum = |a: &str, b: &str| Some(Decimal::parse(a)?.plus(Decimal::parse(b)?).to_string());
        assert_eq!(sum("0.1", "0.2").as_deref(), Some("0.3"));
        assert_eq!(sum("155.0", "-12").as_deref(), Some("143.0"));
        assert_eq!(
            sum("999999999999999.9999", "0.0001").as_deref(),
            Some("1000000000000000.0")
        );
        assert_eq!(sum("1", "-1.5").as_deref(), Some("-0.5"));
    }

    #[test]
    fn exponents_and_halves_of_numbers_are_refused() {
        for text in ["1e3", "", "-", ".5", "1.", "1.0000000001", "0x1", "+1"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }
}
