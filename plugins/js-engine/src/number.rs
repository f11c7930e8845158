//! Which decimals a JavaScript number holds.

/// A decimal of no more digits than these is one number's shortest text, apart
/// from zeros at its ends, whatever its exponent.
const SURE_DIGITS: usize = 15;

/// The decimal point's place that is sure with as many digits: far inside of
/// what a 64-bit float reaches.
const SURE_POINT: u64 = 290;

/// The number that a JSON number's text stands for, if no digit is lost: the
/// number's own shortest text has the same digits, apart from zeros that do
/// not count. Nothing if it has to be rounded or is out of reach.
pub fn exact(text: &str) -> Option<f64> {
    let number: f64 = text.parse().ok()?;
    if !number.is_finite() {
        return None;
    }
    let wanted = Digits::of(text);
    let sure = wanted.digits.len() <= SURE_DIGITS && wanted.point.unsigned_abs() <= SURE_POINT;
    (sure || wanted == Digits::of(&format!("{number:e}"))).then_some(number)
}

/// 0.DIGITS × 10^point, without zeros at either end.
#[derive(Debug, PartialEq, Eq)]
struct Digits {
    digits: Vec<u8>,
    point: i64,
}

impl Digits {
    /// Of a JSON number, or of Rust's shortest form.
    fn of(text: &str) -> Self {
        let (number, exponent) = match text.split_once(['e', 'E']) {
            // An exponent beyond 64 bits is beyond any number's reach.
            Some((number, exponent)) => (number, exponent.parse().unwrap_or(i64::MAX / 2)),
            None => (text, 0),
        };
        let number = number.trim_start_matches('-');
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let all = || whole.bytes().chain(fraction.bytes());
        let leading = all().take_while(|digit| *digit == b'0').count();
        let mut digits: Vec<u8> = all().skip(leading).collect();
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        let place = |count: usize| i64::try_from(count).unwrap_or(i64::MAX / 4);
        let point = match digits.is_empty() {
            true => 0,
            false => exponent.saturating_add(place(whole.len()) - place(leading)),
        };
        Self { digits, point }
    }
}

#[cfg(test)]
mod tests {
    use super::exact;

    #[test]
    fn what_a_number_holds_is_exact() {
        for (text, number) in [
            ("12.3400", 12.34),
            ("0.00", 0.0),
            ("-1.50E-7", -1.5e-7),
            ("1e3", 1000.0),
            ("0.30000000000000004", 0.1 + 0.2),
            ("123456789012345.67", 123_456_789_012_345.67),
            ("0.1000000000000000000", 0.1),
            ("5e-324", 5e-324),
            ("1.7976931348623157e308", f64::MAX),
            ("0e999999999999999999999", 0.0),
        ] {
            assert_eq!(exact(text), Some(number), "{text}");
        }
    }

    #[test]
    fn what_would_be_rounded_is_not() {
        for text in [
            "0.1000000000000000055",
            "123456789012345.6789",
            "12345678901234567890.5",
            "1e400",
            "1e-400",
            "3e-324",
        ] {
            assert_eq!(exact(text), None, "{text}");
        }
    }
}
