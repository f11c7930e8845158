//! JSON text → values.
//!
//! Strict RFC 8259. Strings without escapes share the document's memory; a
//! number that is no plain integer is kept as its text until somebody computes
//! with it, an integer as exactly what it is.

use bytes::Bytes;
use jaq_json::{Map, Num, Val};
use std::fmt;

/// Deeper documents are refused: reading, comparing and writing them is
/// recursive, and the stack of a sandbox is small.
const MAX_DEPTH: usize = 256;

/// What is wrong, and at which byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    what: &'static str,
    byte: usize,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.byte)
    }
}

/// Reads one document.
pub fn document(text: String) -> Result<Val, Malformed> {
    let shared = Bytes::from(text);
    let mut reader = Reader {
        bytes: &shared,
        shared: &shared,
        at: 0,
        depth: 0,
    };
    let value = reader.value()?;
    reader.space();
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(reader.malformed("something follows the document")),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    /// The same bytes, to be shared by the values. They are UTF-8.
    shared: &'a Bytes,
    at: usize,
    depth: usize,
}

type Result<T, E = Malformed> = std::result::Result<T, E>;

impl Reader<'_> {
    fn malformed(&self, what: &'static str) -> Malformed {
        Malformed {
            what,
            byte: self.at,
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Result<Val> {
        self.space();
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                self.string()
            }
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Val::Bool(true)),
            Some(b'f') => self.word("false", Val::Bool(false)),
            Some(b'n') => self.word("null", Val::Null),
            Some(_) => Err(self.malformed("a value is expected")),
            None => Err(self.malformed("the text ends where a value is expected")),
        }
    }

    fn word(&mut self, word: &str, value: Val) -> Result<Val> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(self.malformed("a value is expected"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Val>) -> Result<Val> {
        if self.depth == MAX_DEPTH {
            return Err(self.malformed("the document is nested deeper than 256 levels"));
        }
        self.depth += 1;
        self.at += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn array(&mut self) -> Result<Val> {
        let mut values = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Val::Arr(values.into()));
        }
        loop {
            values.push(self.value()?);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.malformed("a comma or `]` is expected")),
            }
        }
        self.at += 1;
        Ok(Val::Arr(values.into()))
    }

    fn object(&mut self) -> Result<Val> {
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Val::obj(Map::default()));
        }
        // Most rows have few fields: one allocation instead of three.
        let mut map = Map::with_capacity_and_hasher(8, Default::default());
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.malformed("a key in quotes is expected"));
            }
            self.at += 1;
            let key = self.string()?;
            self.space();
            if self.peek() != Some(b':') {
                return Err(self.malformed("a colon is expected"));
            }
            self.at += 1;
            let value = self.value()?;
            map.insert(key, value);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.malformed("a comma or `}` is expected")),
            }
        }
        self.at += 1;
        Ok(Val::obj(map))
    }

    /// A string whose opening quote has been read.
    fn string(&mut self) -> Result<Val> {
        let start = self.at;
        match self.plain()? {
            b'"' => {
                let text = self.shared.slice(start..self.at);
                self.at += 1;
                Ok(Val::utf8_str(text))
            }
            _ => self.escaped(start),
        }
    }

    /// Passes the characters that stand for themselves; gives the quote or
    /// backslash after them.
    fn plain(&mut self) -> Result<u8> {
        loop {
            match self.peek() {
                Some(end @ (b'"' | b'\\')) => return Ok(end),
                Some(..b' ') => return Err(self.malformed("a string holds a control character")),
                Some(_) => self.at += 1,
                None => return Err(self.malformed("the text ends in a string")),
            }
        }
    }

    fn escaped(&mut self, start: usize) -> Result<Val> {
        let mut text = self.bytes[start..self.at].to_vec();
        loop {
            let start = self.at;
            let end = self.plain()?;
            text.extend_from_slice(&self.bytes[start..self.at]);
            self.at += 1;
            if end == b'"' {
                return Ok(Val::utf8_str(text));
            }
            let character = self.escape()?;
            text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }

    /// An escape whose backslash has been read.
    fn escape(&mut self) -> Result<char> {
        let unknown = self.malformed("a string holds an unknown escape");
        let letter = self.peek().ok_or_else(|| unknown.clone())?;
        self.at += 1;
        Ok(match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => self.unicode()?,
            _ => return Err(unknown),
        })
    }

    /// `\u` and four digits, or two of these for a character outside the basic
    /// plane. Half a pair becomes U+FFFD, as in jq.
    fn unicode(&mut self) -> Result<char> {
        let first = self.four_digits()?;
        if (0xd800..0xdc00).contains(&first) && self.bytes[self.at..].starts_with(b"\\u") {
            let after = self.at;
            self.at += 2;
            let second = self.four_digits()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or('\u{fffd}'));
            }
            self.at = after;
        }
        Ok(char::from_u32(first).unwrap_or('\u{fffd}'))
    }

    fn four_digits(&mut self) -> Result<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|digit| char::from(digit).to_digit(16));
            let digit =
                digit.ok_or_else(|| self.malformed("four hexadecimal digits are expected"))?;
            code = code << 4 | digit;
            self.at += 1;
        }
        Ok(code)
    }

    fn number(&mut self) -> Result<Val> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        let mut integer = true;
        if self.peek() == Some(b'.') {
            integer = false;
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            integer = false;
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = &self.bytes[start..self.at];
        Ok(Val::Num(match small(text) {
            Some(number) if integer => Num::Int(number),
            _ => large(text, integer).ok_or_else(|| self.malformed("a number is expected"))?,
        }))
    }

    /// At least one digit.
    fn digits(&mut self) -> Result<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        match self.at == start {
            true => Err(self.malformed("a digit is expected")),
            false => Ok(()),
        }
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
