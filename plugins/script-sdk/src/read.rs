//! JSON text → values.
//!
//! Strict RFC 8259. The reader finds the parts of a document; a [`Build`] makes
//! the language's values of them, so that nothing is made twice. It learns
//! where strings and numbers are written, to share the document's memory or to
//! write a number later with the digits it had.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// Deeper documents are refused: reading, comparing and writing them is
/// recursive, and the stack of a sandbox is small.
const MAX_DEPTH: usize = 256;

/// What is wrong, and at which byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// A sentence without its place.
    pub what: &'static str,
    /// Where, from 0.
    pub byte: usize,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.byte)
    }
}

/// A string or a key of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// As it is in there, between its quotes.
    Plain(Range<usize>),
    /// With its escapes resolved: UTF-8 if the document is.
    Escaped(Vec<u8>),
}

impl Text {
    /// The text, in the document that it was read from.
    pub fn of<'a>(&'a self, document: &'a str) -> Cow<'a, str> {
        match self {
            Self::Plain(range) => document[range.clone()].into(),
            Self::Escaped(text) => String::from_utf8_lossy(text),
        }
    }
}

/// Makes a language's values of a document's parts. An error ends the reading.
pub trait Build {
    /// A value.
    type Value;
    /// A field's name.
    type Key;
    /// An array that is not complete.
    type Array;
    /// An object that is not complete.
    type Object;
    /// Why there is no value; at least that the document is no JSON.
    type Error: From<Malformed>;

    /// `null`.
    fn null(&mut self) -> Self::Value;

    /// `true` or `false`.
    fn bool(&mut self, truth: bool) -> Self::Value;

    /// The number that is written there; `integer` if it has neither fraction
    /// nor exponent.
    fn number(&mut self, written: Range<usize>, integer: bool) -> Result<Self::Value, Self::Error>;

    /// A string.
    fn string(&mut self, text: Text) -> Result<Self::Value, Self::Error>;

    /// A field's name.
    fn key(&mut self, text: Text) -> Result<Self::Key, Self::Error>;

    /// An array begins.
    fn array(&mut self) -> Result<Self::Array, Self::Error>;

    /// Its next element.
    fn push(&mut self, array: &mut Self::Array, value: Self::Value) -> Result<(), Self::Error>;

    /// It is complete.
    fn end_array(&mut self, array: Self::Array) -> Self::Value;

    /// An object begins.
    fn object(&mut self) -> Result<Self::Object, Self::Error>;

    /// Its next field. A name may come again: the last one counts.
    fn insert(
        &mut self,
        object: &mut Self::Object,
        key: Self::Key,
        value: Self::Value,
    ) -> Result<(), Self::Error>;

    /// It is complete.
    fn end_object(&mut self, object: Self::Object) -> Self::Value;
}

/// Reads one document, which is UTF-8.
///
/// # Errors
/// [`Malformed`] if it is no JSON or nested deeper than 256 levels; what
/// `build` says.
pub fn document<B: Build>(text: &[u8], build: &mut B) -> Result<B::Value, B::Error> {
    let mut reader = Reader {
        text,
        build,
        at: 0,
        depth: 0,
    };
    let value = reader.value()?;
    reader.space();
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(reader.malformed("something follows the document").into()),
    }
}

struct Reader<'a, B> {
    text: &'a [u8],
    build: &'a mut B,
    at: usize,
    depth: usize,
}

impl<B: Build> Reader<'_, B> {
    fn malformed(&self, what: &'static str) -> Malformed {
        Malformed {
            what,
            byte: self.at,
        }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    #[inline]
    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Result<B::Value, B::Error> {
        self.space();
        match self.peek() {
            Some(b'"') => {
                let text = self.string()?;
                self.build.string(text)
            }
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => {
                self.word("true")?;
                Ok(self.build.bool(true))
            }
            Some(b'f') => {
                self.word("false")?;
                Ok(self.build.bool(false))
            }
            Some(b'n') => {
                self.word("null")?;
                Ok(self.build.null())
            }
            Some(_) => Err(self.malformed("a value is expected").into()),
            None => Err(self
                .malformed("the text ends where a value is expected")
                .into()),
        }
    }

    fn word(&mut self, word: &str) -> Result<(), Malformed> {
        if !self.text[self.at..].starts_with(word.as_bytes()) {
            return Err(self.malformed("a value is expected"));
        }
        self.at += word.len();
        Ok(())
    }

    fn nested(
        &mut self,
        read: fn(&mut Self) -> Result<B::Value, B::Error>,
    ) -> Result<B::Value, B::Error> {
        if self.depth == MAX_DEPTH {
            let what = "the document is nested deeper than 256 levels";
            return Err(self.malformed(what).into());
        }
        self.depth += 1;
        self.at += 1;
        let value = read(self)?;
        self.at += 1;
        self.depth -= 1;
        Ok(value)
    }

    /// An array up to its closing bracket.
    fn array(&mut self) -> Result<B::Value, B::Error> {
        let mut array = self.build.array()?;
        self.space();
        if self.peek() == Some(b']') {
            return Ok(self.build.end_array(array));
        }
        loop {
            let value = self.value()?;
            self.build.push(&mut array, value)?;
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => return Ok(self.build.end_array(array)),
                _ => return Err(self.malformed("a comma or `]` is expected").into()),
            }
        }
    }

    /// An object up to its closing brace.
    fn object(&mut self) -> Result<B::Value, B::Error> {
        let mut object = self.build.object()?;
        self.space();
        if self.peek() == Some(b'}') {
            return Ok(self.build.end_object(object));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.malformed("a key in quotes is expected").into());
            }
            let key = self.string()?;
            let key = self.build.key(key)?;
            self.space();
            if self.peek() != Some(b':') {
                return Err(self.malformed("a colon is expected").into());
            }
            self.at += 1;
            let value = self.value()?;
            self.build.insert(&mut object, key, value)?;
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => return Ok(self.build.end_object(object)),
                _ => return Err(self.malformed("a comma or `}` is expected").into()),
            }
        }
    }

    /// A string that begins here, with its quotes.
    fn string(&mut self) -> Result<Text, Malformed> {
        self.at += 1;
        let start = self.at;
        match self.plain()? {
            b'"' => {
                self.at += 1;
                Ok(Text::Plain(start..self.at - 1))
            }
            _ => self.escaped(start).map(Text::Escaped),
        }
    }

    /// Passes the characters that stand for themselves; gives the quote or
    /// backslash after them.
    fn plain(&mut self) -> Result<u8, Malformed> {
        loop {
            match self.peek() {
                Some(end @ (b'"' | b'\\')) => return Ok(end),
                Some(..b' ') => return Err(self.malformed("a string holds a control character")),
                Some(_) => self.at += 1,
                None => return Err(self.malformed("the text ends in a string")),
            }
        }
    }

    fn escaped(&mut self, start: usize) -> Result<Vec<u8>, Malformed> {
        let mut text = self.text[start..self.at].to_vec();
        loop {
            let start = self.at;
            let end = self.plain()?;
            text.extend_from_slice(&self.text[start..self.at]);
            self.at += 1;
            if end == b'"' {
                return Ok(text);
            }
            let character = self.escape()?;
            text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }

    /// An escape whose backslash has been read.
    fn escape(&mut self) -> Result<char, Malformed> {
        let Some(letter) = self.peek() else {
            return Err(self.malformed("the text ends in a string"));
        };
        let character = match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.at += 1;
                return self.unicode();
            }
            _ => return Err(self.malformed("a string holds an unknown escape")),
        };
        self.at += 1;
        Ok(character)
    }

    /// Four digits, or twice `\u` and four for a character outside the basic
    /// plane. Half a pair becomes U+FFFD, as in jq.
    fn unicode(&mut self) -> Result<char, Malformed> {
        let first = self.four_digits()?;
        if (0xd800..0xdc00).contains(&first) && self.text[self.at..].starts_with(b"\\u") {
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

    fn four_digits(&mut self) -> Result<u32, Malformed> {
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

    fn number(&mut self) -> Result<B::Value, B::Error> {
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
        self.build.number(start..self.at, integer)
    }

    /// At least one digit.
    fn digits(&mut self) -> Result<(), Malformed> {
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
