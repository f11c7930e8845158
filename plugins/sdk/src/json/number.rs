//! Numbers, digit for digit: JSON spells one number in many ways, and none of
//! them may cost a digit.

use crate::types::Fault;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Zeros that an exponent may add. Writers of JSON use exponents for numbers
/// far beyond any stock, price or code; this keeps `1e999999999` short.
const MOST_ZEROS: usize = 40;

/// The text of a JSON number exactly as it was written.
pub fn number(raw: &RawValue) -> Option<&str> {
    let text = raw.get();
    text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
        .then_some(text)
}

/// A JSON number in plain digits: as it was written, `12.3400` and all, unless
/// that has an exponent: `1.5e1` is `15`, `2E-3` is `0.002`. `None` for what is
/// no number, and for an exponent that adds more than 40 zeros.
pub fn plain(raw: &RawValue) -> Option<Cow<'_, str>> {
    plain_text(number(raw)?)
}

/// The digits of a JSON integer of any size in any of JSON's spellings: `20`,
/// `-3`, and `20` for `20.0` and `2e1`, which JSON Schema calls integers too.
/// `None` for anything else.
pub fn integer(raw: &RawValue) -> Option<Cow<'_, str>> {
    integral(plain(raw)?)
}

fn integral(plain: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let whole = match plain.split_once('.') {
        None => plain.len(),
        Some((whole, fraction)) if fraction.bytes().all(|digit| digit == b'0') => whole.len(),
        Some(_) => return None,
    };
    Some(match plain {
        Cow::Borrowed(text) => Cow::Borrowed(&text[..whole]),
        Cow::Owned(mut text) => {
            text.truncate(whole);
            Cow::Owned(text)
        }
    })
}

/// A text by the grammar of JSON's numbers, without its exponent.
fn plain_text(text: &str) -> Option<Cow<'_, str>> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        None => (text, None),
        Some(at) => (&text[..at], Some(&text[at + 1..])),
    };
    let (sign, unsigned) = match mantissa.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", mantissa),
    };
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (unsigned, ""),
    };
    if !is_digits(whole) || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let Some(exponent) = exponent else {
        return Some(Cow::Borrowed(text));
    };
    let digits = format!("{whole}{fraction}");
    if digits.bytes().all(|digit| digit == b'0') {
        return exponent_of(exponent)
            .is_some()
            .then(|| format!("{sign}0").into());
    }
    // Where the point stands in `digits` after it has moved.
    let moved = exponent_of(exponent)??;
    let point = i64::try_from(whole.len()).ok()?.checked_add(moved)?;
    let zeros = |count: u64| {
        let count = usize::try_from(count).ok()?;
        (count <= MOST_ZEROS).then(|| "0".repeat(count))
    };
    let (whole, fraction) = match usize::try_from(point) {
        Ok(point) if point <= digits.len() => {
            let (whole, fraction) = digits.split_at(point);
            (whole.to_owned(), fraction.to_owned())
        }
        Ok(point) => {
            let added = zeros((point - digits.len()) as u64)?;
            (digits + &added, String::new())
        }
        Err(_) => (String::new(), zeros(point.unsigned_abs())? + &digits),
    };
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    Some(if fraction.is_empty() {
        format!("{sign}{whole}").into()
    } else {
        format!("{sign}{whole}.{fraction}").into()
    })
}

/// How far an exponent moves the point: `None` if it is none by JSON's grammar,
/// `Some(None)` if it is one of more digits than any use has.
fn exponent_of(text: &str) -> Option<Option<i64>> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let moved = digits.parse::<i32>().ok().map(i64::from);
    Some(moved.map(|moved| if negative { -moved } else { moved }))
}

/// The digits of an identifier that is a number to the platform, from a JSON
/// integer or a text of digits; callers whose language loses digits beyond the
/// fifteenth send the text. `None` for anything else: signs, leading zeros.
pub fn digits(raw: &RawValue) -> Option<&str> {
    let text = unquoted(raw);
    is_digits(text).then_some(text)
}

/// Whether a text can stand in JSON as a whole number of at least 0.
pub fn is_digits(text: &str) -> bool {
    let canonical = text == "0" || !text.starts_with('0');
    canonical && !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit())
}

/// The digits of a decimal number with at most `whole` digits before and
/// `fraction` after the point, from a JSON number or a text that is one. Written
/// as it stands, exponents excluded: `12.3400` stays `12.3400`.
pub fn decimal(raw: &RawValue, whole: usize, fraction: usize) -> Option<&str> {
    let text = unquoted(raw);
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (before, after) = match unsigned.split_once('.') {
        Some((before, after)) if !after.is_empty() => (before, after),
        Some(_) => return None,
        None => (unsigned, ""),
    };
    let digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    let canonical = before == "0" || !before.starts_with('0');
    let fits = (1..=whole).contains(&before.len()) && after.len() <= fraction;
    (canonical && fits && digits(before) && digits(after)).then_some(text)
}

fn unquoted(raw: &RawValue) -> &str {
    let text = raw.get();
    text.strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text)
}

/// What the code of an answer's envelope says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code<'a> {
    /// The number that means success.
    Success,
    /// Another one, in plain digits.
    Failure(Cow<'a, str>),
}

/// Reads the code of an envelope whose document says that it is a whole number
/// and which one, in plain digits, is `success`.
///
/// | code | read as |
/// |---|---|
/// | `0`, `-0`, `0.0`, `0e0` where `success` is `0` | success |
/// | `7`, `7.0`, `70e-1`, `"7"` | failure `7` |
/// | `"0"`, `"0.0"` where `success` is `0` | unreadable: not what the document calls a success, and no failure |
/// | `0.5`, `true`, `null`, `""`, `"ok"`, lists and objects | unreadable |
///
/// # Errors
/// [`Fault::InvalidReply`] at `pointer` for what is unreadable.
pub fn code<'a>(raw: &'a RawValue, pointer: &str, success: &str) -> Result<Code<'a>, Fault> {
    let wrong = |what: &str| Fault::invalid_reply(pointer, format!("the answer's code {what}"));
    let text = raw.get();
    let quoted = text.starts_with('"');
    if !quoted && number(raw).is_none() {
        return Err(wrong("is no number"));
    }
    let digits = plain_text(unquoted(raw))
        .and_then(integral)
        .ok_or_else(|| wrong("is no whole number"))?;
    let digits = match &*digits {
        "-0" => Cow::Borrowed("0"),
        _ => digits,
    };
    match (digits == success, quoted) {
        (true, false) => Ok(Code::Success),
        (true, true) => Err(wrong(&format!(
            "is the text {text}, not the number {success}"
        ))),
        (false, _) => Ok(Code::Failure(digits)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.into()).expect("JSON")
    }

    #[test]
    fn an_integer_keeps_every_digit_in_every_spelling() {
        let big = "12345678901234567890123456789";
        for (text, expected) in [
            (big, Some(big)),
            ("-0", Some("-0")),
            ("20.0", Some("20")),
            ("2e1", Some("20")),
            ("2.50E+2", Some("250")),
            ("2500e-2", Some("25")),
            ("0e0", Some("0")),
            ("0.000e999999999999", Some("0")),
            ("-0.0e-5", Some("-0")),
            ("1e40", Some(&*format!("1{}", "0".repeat(40)))),
            ("1e41", None),
            ("1e99999999999", None),
            ("20.5", None),
            ("25e-1", None),
            ("1e-99", None),
            ("\"20\"", None),
            ("null", None),
            ("[1]", None),
        ] {
            assert_eq!(integer(&raw(text)).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_number_without_its_exponent_is_the_same_number() {
        for (text, expected) in [
            ("12.3400", Some("12.3400")),
            ("-1.5e0", Some("-1.5")),
            ("1.5e1", Some("15")),
            ("1.25e1", Some("12.5")),
            ("1.50e1", Some("15.0")),
            ("2E-3", Some("0.002")),
            ("12e-1", Some("1.2")),
            ("0.05e1", Some("0.5")),
            ("1e-40", Some(&*format!("0.{}1", "0".repeat(39)))),
            ("1e-42", None),
            ("\"1\"", None),
        ] {
            assert_eq!(plain(&raw(text)).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_number_passes_as_it_was_written() {
        assert_eq!(number(&raw("12.3400")), Some("12.3400"));
        assert_eq!(number(&raw("\"12\"")), None);
    }

    #[test]
    fn an_identifier_is_digits_with_or_without_quotes() {
        for (text, expected) in [
            ("3539925204033339668", Some("3539925204033339668")),
            ("\"0\"", Some("0")),
            ("\"71\"", Some("71")),
            ("\"071\"", None),
            ("-1", None),
            ("1.0", None),
            ("\"\"", None),
            ("\"a1\"", None),
            ("null", None),
        ] {
            assert_eq!(digits(&raw(text)), expected, "{text}");
        }
    }

    #[test]
    fn a_decimal_keeps_its_digits_and_stays_in_its_bounds() {
        for (text, expected) in [
            ("12.3400", Some("12.3400")),
            ("\"12.3400\"", Some("12.3400")),
            ("-0.5", Some("-0.5")),
            ("123456789012345.1234", Some("123456789012345.1234")),
            ("1234567890123456", None),
            ("0.12345", None),
            ("1e2", None),
            ("\"1.\"", None),
            ("\".5\"", None),
            ("\"007\"", None),
            ("\"\"", None),
            ("\"-\"", None),
            ("true", None),
            ("[1]", None),
        ] {
            assert_eq!(decimal(&raw(text), 15, 4), expected, "{text}");
        }
    }

    #[test]
    fn a_code_is_a_whole_number_in_any_spelling_and_nothing_else_is_a_success() {
        let read = |text: &str, success: &str| match code(&raw(text), "/code", success) {
            Ok(Code::Success) => "success".to_owned(),
            Ok(Code::Failure(code)) => code.into_owned(),
            Err(Fault::InvalidReply(detail)) => detail.message,
            Err(other) => panic!("{other:?}"),
        };
        for text in ["0", "-0", "0.0", "0e0", "0.00E-7", "0e+99"] {
            assert_eq!(read(text, "0"), "success", "{text}");
        }
        for text in ["10000", "10000.0", "1e4", "1.0E+4", "1000000e-2"] {
            assert_eq!(read(text, "10000"), "success", "{text}");
            assert_eq!(read(text, "0"), "10000", "{text}");
        }
        for (text, expected) in [
            ("-1", "-1"),
            ("\"7\"", "7"),
            ("\"-7.0\"", "-7"),
            (
                "\"0\"",
                "the answer's code is the text \"0\", not the number 0",
            ),
            (
                "\"0.0\"",
                "the answer's code is the text \"0.0\", not the number 0",
            ),
            ("0.5", "the answer's code is no whole number"),
            ("5e-1", "the answer's code is no whole number"),
            ("\"\"", "the answer's code is no whole number"),
            ("\" 0\"", "the answer's code is no whole number"),
            ("\"ok\"", "the answer's code is no whole number"),
            ("\"0x0\"", "the answer's code is no whole number"),
            ("true", "the answer's code is no number"),
            ("false", "the answer's code is no number"),
            ("null", "the answer's code is no number"),
            ("[0]", "the answer's code is no number"),
            ("{}", "the answer's code is no number"),
        ] {
            assert_eq!(read(text, "0"), expected, "{text}");
        }
    }
}
