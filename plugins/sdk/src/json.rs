//! Reading documents and writing bodies.
//!
//! Derive [`serde::Deserialize`] for the fields that an operation knows, with
//! [`Text`] for strings and [`RawValue`] for numbers: nothing is copied, and
//! numbers keep every digit that the caller wrote. Building a tree of
//! [`serde_json::Value`] costs several times as much.

mod number;

pub use number::{Code, code, decimal, digits, integer, is_digits, number, plain};
pub use serde_json::value::RawValue;

use crate::types::Fault;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

/// A string of a document, borrowed from it unless it holds escapes. Unlike
/// `Cow<str>`, it also borrows inside `Option` and `Vec`, and half a surrogate
/// pair, which some platforms leave where they cut a message, costs the one
/// character (U+FFFD) instead of the whole text.
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

            fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
                Ok(match std::str::from_utf8(bytes) {
                    Ok(text) => Text(Cow::Borrowed(text)),
                    Err(_) => Text(Cow::Owned(mended(bytes))),
                })
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(mended(bytes))))
            }
        }
        // As bytes, because as a string serde_json refuses half a surrogate pair.
        deserializer.deserialize_bytes(Borrow)
    }
}

/// UTF-8 from what serde_json makes of a string's bytes: half a surrogate pair is
/// three bytes of the form `ED A0..BF 80..BF`, and becomes U+FFFD, three bytes too.
fn mended(bytes: &[u8]) -> String {
    let mut bytes = bytes.to_vec();
    let mut at = 0;
    while let Some(three) = bytes.get_mut(at..at + 3) {
        if three[0] == 0xED && three[1] >= 0xA0 {
            three.copy_from_slice("\u{fffd}".as_bytes());
        }
        at += 1;
    }
    match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
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
// The SDK of script engines has one too, in `plugins/script-sdk/src/write.rs`.
// They are not one: each SDK stands alone in its guest, and that one writes
// `\b` and `\f` short, as the languages do. What this one writes is signed.
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

/// The text of a member that may be missing, such as a code or a message; empty
/// where it has none.
pub fn text(raw: Option<&RawValue>) -> Cow<'_, str> {
    raw.and_then(scalar).unwrap_or_default()
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
        assert_eq!(text(Some(&raw("7"))), "7");
        assert_eq!(text(Some(&raw("[]"))), "");
        assert_eq!(text(None), "");
    }

    #[test]
    fn text_without_escapes_is_borrowed_inside_an_option() {
        let text: Option<Text> = serde_json::from_str("\"白色\"").expect("text");
        assert!(matches!(text, Some(Text(Cow::Borrowed("白色")))));
    }

    #[test]
    fn half_a_surrogate_pair_costs_one_character() {
        for (text, expected) in [
            (r#""库存不足\ud83d""#, "库存不足\u{fffd}"),
            (r#""\ude00库存""#, "\u{fffd}库存"),
            (r#""a\ud83d\n\ud83db""#, "a\u{fffd}\n\u{fffd}b"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
            (r#""\ud83d\u5e93""#, "\u{fffd}库"),
            (r#""\\ud83d""#, "\\ud83d"),
            (r#""\ud7ff\ue000""#, "\u{d7ff}\u{e000}"),
        ] {
            let read: Text = serde_json::from_str(text).expect(text);
            assert_eq!(&*read, expected, "{text}");
            assert_eq!(scalar(&raw(text)).as_deref(), Some(expected), "{text}");
        }
        let members: Members =
            serde_json::from_str(r#"{"a\ud83d":1,"a\udfff":2}"#).expect("an object");
        assert_eq!(members.0.len(), 1);
    }

    #[test]
    fn what_is_no_string_is_no_text() {
        for text in ["[\"a\"]", "1", "null", "true", "{}"] {
            assert!(serde_json::from_str::<Text>(text).is_err(), "{text}");
        }
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
