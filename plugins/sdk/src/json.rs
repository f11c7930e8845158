//! Reading documents and writing bodies.
//!
//! Derive [`serde::Deserialize`] for the fields that an operation knows, with
//! [`Text`] for strings and [`RawValue`] for numbers: nothing is copied, and
//! numbers keep every digit that the caller wrote. Building a tree of
//! [`serde_json::Value`] costs several times as much.

pub use serde_json::value::RawValue;

use crate::types::Fault;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

/// A string of a document, borrowed from it unless it holds escapes. Unlike
/// `Cow<str>`, it also borrows inside `Option` and `Vec`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Text<'a>(pub Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrow;
        impl<'de> Visitor<'de> for Borrow {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text)))
            }
        }
        deserializer.deserialize_str(Borrow)
    }
}

/// Writes a value as compact JSON, text as UTF-8 without needless escapes.
///
/// # Errors
/// [`Fault::Other`] if the type's own `Serialize` refuses.
pub fn write<T: Serialize + ?Sized>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| Fault::Other(error.to_string()))
}

/// Appends `text` as a JSON string: quotes, backslashes and control characters
/// escaped, all other characters as they are.
pub fn push_string(out: &mut String, text: &str) {
    out.push('"');
    let mut copied = 0;
    for (position, byte) in text.bytes().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[copied..position]);
        copied = position + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => {
                out.push_str("\\u00");
                crate::encode::push_hex_lower(out, control);
            }
        }
    }
    out.push_str(&text[copied..]);
    out.push('"');
}

/// The digits of a JSON integer of any size, as platforms write them: `20`,
/// `-3`, and `20` for `20.0`, which JSON Schema calls an integer too. `None`
/// for anything else, exponents included.
pub fn integer(raw: &RawValue) -> Option<&str> {
    let text = raw.get();
    let whole = match text.split_once('.') {
        None => text,
        Some((whole, fraction)) if fraction.bytes().all(|digit| digit == b'0') => whole,
        Some(_) => return None,
    };
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let valid = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    valid.then_some(whole)
}

/// The digits of an identifier that is a number to the platform, from a JSON
/// integer or a text of digits; callers whose language loses digits beyond the
/// fifteenth send the text. `None` for anything else: signs, leading zeros.
pub fn digits(raw: &RawValue) -> Option<&str> {
    let text = raw.get();
    let text = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text);
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
    let text = raw.get();
    let text = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text);
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

/// The members of an object in their order, their values as they were written.
/// A name that comes twice has the value that came last, as in the host's check
/// against the schema.
#[derive(Debug, Default)]
pub struct Members<'a>(pub Vec<(Text<'a>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: Vec<(Text, &RawValue)> =
                    Vec::with_capacity(map.size_hint().unwrap_or(8));
                while let Some((name, value)) = map.next_entry::<Text, &RawValue>()? {
                    match members.iter_mut().find(|(known, _)| *known == name) {
                        Some(known) => known.1 = value,
                        None => members.push((name, value)),
                    }
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// The text of a JSON number exactly as it was written.
pub fn number(raw: &RawValue) -> Option<&str> {
    let text = raw.get();
    text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
        .then_some(text)
}

/// What a scalar says as text: a string's characters, a number's digits,
/// `true` or `false`. `None` for `null`, arrays and objects.
pub fn scalar(raw: &RawValue) -> Option<Cow<'_, str>> {
    let text = raw.get();
    match text.as_bytes().first()? {
        b'"' => serde_json::from_str::<Text>(text).ok().map(|text| text.0),
        b'[' | b'{' | b'n' => None,
        _ => Some(Cow::Borrowed(text)),
    }
}

/// An RFC 6901 pointer from its unescaped parts: `["rows", "0", "a/b"]` →
/// `/rows/0/a~1b`.
pub fn pointer<P: AsRef<str>>(parts: &[P]) -> String {
    let mut pointer = String::new();
    for part in parts {
        pointer.push('/');
        for character in part.as_ref().chars() {
            match character {
                '~' => pointer.push_str("~0"),
                '/' => pointer.push_str("~1"),
                other => pointer.push(other),
            }
        }
    }
    pointer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.into()).expect("JSON")
    }

    #[test]
    fn an_integer_keeps_every_digit() {
        let big = "12345678901234567890123456789";
        assert_eq!(integer(&raw(big)), Some(big));
        assert_eq!(integer(&raw("-0")), Some("-0"));
        assert_eq!(integer(&raw("20.0")), Some("20"));
        for other in ["20.5", "2e1", "\"20\"", "null", "[1]"] {
            assert_eq!(integer(&raw(other)), None, "{other}");
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
    fn members_keep_order_and_digits() {
        let members: Members = serde_json::from_str(r#"{"b":1.50,"a":{"c":[]}}"#).expect("object");
        let texts: Vec<_> = members
            .0
            .iter()
            .map(|(name, value)| (&**name, value.get()))
            .collect();
        assert_eq!(texts, [("b", "1.50"), ("a", r#"{"c":[]}"#)]);
    }

    #[test]
    fn a_name_that_comes_twice_has_its_last_value() {
        let members: Members =
            serde_json::from_str(r#"{"a":1,"b":2,"\u0061":3}"#).expect("an object");
        let texts: Vec<_> = members
            .0
            .iter()
            .map(|(name, value)| (&**name, value.get()))
            .collect();
        assert_eq!(texts, [("a", "3"), ("b", "2")]);
    }

    #[test]
    fn scalars_have_a_text() {
        assert_eq!(scalar(&raw("\"a\\nb\"")).as_deref(), Some("a\nb"));
        assert_eq!(scalar(&raw("1.50")).as_deref(), Some("1.50"));
        assert_eq!(scalar(&raw("null")), None);
    }

    #[test]
    fn text_without_escapes_is_borrowed_inside_an_option() {
        let text: Option<Text> = serde_json::from_str("\"白色\"").expect("text");
        assert!(matches!(text, Some(Text(Cow::Borrowed("白色")))));
    }

    #[test]
    fn a_string_is_escaped_no_more_than_needed() {
        let text = "a\"b\\c\n\u{1}/门^^^é\u{7f}";
        let mut out = String::new();
        push_string(&mut out, text);
        assert_eq!(out, "\"a\\\"b\\\\c\\n\\u0001/门^^^é\u{7f}\"");
        assert_eq!(
            serde_json::from_str::<String>(&out).ok().as_deref(),
            Some(text)
        );
    }

    #[test]
    fn pointers_escape_their_parts() {
        assert_eq!(pointer(&["rows", "0", "a/b~c"]), "/rows/0/a~1b~0c");
        assert_eq!(pointer::<&str>(&[]), "");
    }
}
