//! JSON text → values.
//!
//! Strings without escapes share the document's memory; a number that is no
//! plain integer is kept as its text until somebody computes with it, an integer
//! as exactly what it is.

use bytes::Bytes;
use crossdock_script_engine::read::{self, Build, Malformed, Text};
use jaq_json::{Map, Num, Val};
use std::ops::Range;

/// Reads one document.
pub fn document(text: String) -> Result<Val, Malformed> {
    let shared = Bytes::from(text);
    read::document(&shared, &mut Values(&shared))
}

/// Makes jaq's values; they share the document's bytes, which are UTF-8.
struct Values<'a>(&'a Bytes);

impl Build for Values<'_> {
    type Value = Val;
    type Key = Val;
    type Array = Vec<Val>;
    type Object = Map;
    type Error = Malformed;

    #[inline]
    fn null(&mut self) -> Val {
        Val::Null
    }

    #[inline]
    fn bool(&mut self, truth: bool) -> Val {
        Val::Bool(truth)
    }

    #[inline]
    fn number(&mut self, written: Range<usize>, integer: bool) -> Result<Val, Malformed> {
        let text = &self.0[written.clone()];
        Ok(Val::Num(match small(text) {
            Some(number) if integer => Num::Int(number),
            _ => large(text, integer).ok_or(Malformed {
                what: "a number is expected",
                byte: written.end,
            })?,
        }))
    }

    #[inline]
    fn string(&mut self, text: Text) -> Result<Val, Malformed> {
        Ok(match text {
            Text::Plain(range) => Val::utf8_str(self.0.slice(range)),
            Text::Escaped(text) => Val::utf8_str(text),
        })
    }

    #[inline]
    fn key(&mut self, text: Text) -> Result<Val, Malformed> {
        self.string(text)
    }

    #[inline]
    fn array(&mut self) -> Result<Vec<Val>, Malformed> {
        Ok(Vec::new())
    }

    #[inline]
    fn push(&mut self, array: &mut Vec<Val>, value: Val) -> Result<(), Malformed> {
        array.push(value);
        Ok(())
    }

    #[inline]
    fn end_array(&mut self, array: Vec<Val>) -> Val {
        Val::Arr(array.into())
    }

    #[inline]
    fn object(&mut self) -> Result<Map, Malformed> {
        Ok(Map::default())
    }

    #[inline]
    fn insert(&mut self, map: &mut Map, key: Val, value: Val) -> Result<(), Malformed> {
        if map.is_empty() {
            // Most rows have few fields: one allocation instead of three.
            *map = Map::with_capacity_and_hasher(8, Default::default());
        }
        map.insert(key, value);
        Ok(())
    }

    #[inline]
    fn end_object(&mut self, map: Map) -> Val {
        Val::obj(map)
    }
}

/// An integer of at most nine digits, which is most of them. Not `-0`, which
/// is no integer like 0.
fn small(text: &[u8]) -> Option<isize> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.len() > 9 {
        return None;
    }
    let mut number = 0;
    for digit in digits {
        number = number * 10 + isize::from(digit.checked_sub(b'0')?);
    }
    match (negative, number) {
        (true, 0) => None,
        (true, _) => Some(-number),
        (false, _) => Some(number),
    }
}

fn large(text: &[u8], integer: bool) -> Option<Num> {
    let text = std::str::from_utf8(text).ok()?;
    if integer && text != "-0" {
        return Num::from_str_radix(text, 10);
    }
    Some(Num::Dec(text.to_owned().into()))
}

#[cfg(test)]
mod tests {
    use super::document;
    use crate::write;

    /// Reads and writes again.
    fn pass(text: &str) -> String {
        match document(text.to_owned()) {
            Ok(value) => write::document(&value, 0).unwrap_or_else(|what| what),
            Err(malformed) => malformed.to_string(),
        }
    }

    #[test]
    fn numbers_pass_byte_for_byte() {
        for number in [
            "0",
            "-0",
            "-7",
            "123456789",
            "1234567890",
            "-9223372036854775808",
            "3539925204033339668",
            "123456789012345678901234567890",
            "12.3400",
            "0.1000000000000000055",
            "1e3",
            "-1.50E-7",
            "1E400",
        ] {
            assert_eq!(pass(number), number);
        }
    }

    #[test]
    fn text_passes_with_no_more_escapes_than_needed() {
        for text in [
            r#""""#,
            r#""8Gú 白色 ^^^""#,
            r#""a\"\\\n\t\r\u0001/""#,
            "\"\u{1f600}\u{7f}\"",
        ] {
            assert_eq!(pass(text), text);
        }
        assert_eq!(
            pass(r#""\u767d\/\ud83d\ude00\b\f""#),
            "\"白/\u{1f600}\\b\\f\""
        );
        assert_eq!(pass(r#""\ud83dx""#), "\"\u{fffd}x\"");
    }

    #[test]
    fn objects_keep_the_order_of_their_keys() {
        let text = r#"{"z":1,"a":[true,false,null,{}],"m":{"b":[],"a":2}}"#;
        assert_eq!(pass(text), text);
        assert_eq!(pass(" { \"z\" : [ 1 , 2 ] }\n"), r#"{"z":[1,2]}"#);
        assert_eq!(pass(r#"{"a":1,"b":2,"a":3}"#), r#"{"a":3,"b":2}"#);
    }

    #[test]
    fn what_is_no_json_says_where() {
        for (text, message) in [
            ("", "the text ends where a value is expected at byte 0"),
            ("[1,]", "a value is expected at byte 3"),
            ("{a:1}", "a key in quotes is expected at byte 1"),
            ("{\"a\" 1}", "a colon is expected at byte 5"),
            ("[1 2]", "a comma or `]` is expected at byte 3"),
            ("01", "something follows the document at byte 1"),
            ("1.", "a digit is expected at byte 2"),
            ("-", "a digit is expected at byte 1"),
            ("\"a", "the text ends in a string at byte 2"),
            ("\"a\nb\"", "a string holds a control character at byte 2"),
            (r#""\x""#, "a string holds an unknown escape at byte 2"),
            (
                r#""\u12g4""#,
                "four hexadecimal digits are expected at byte 5",
            ),
            ("nul", "a value is expected at byte 0"),
            ("1 # comment", "something follows the document at byte 2"),
        ] {
            assert_eq!(pass(text), message, "{text}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert_eq!(pass(&nested(256)), nested(256));
        assert!(pass(&nested(257)).contains("nested deeper than 256 levels"));
    }
}
