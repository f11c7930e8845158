//! JSON text → JavaScript values.
//!
//! Strict RFC 8259. What a number cannot hold becomes something else, never a
//! rounded number; what it cannot show again is remembered in [`Literals`].

use crate::keys::Keys;
use crate::module::Numbers;
use crate::number;
use crate::realm::Realm;
use rquickjs::object::Property;
use rquickjs::{Array, BigInt, Ctx, Error, Object, String as JsString, Value};
use std::fmt;
use std::ops::Range;

/// Deeper documents are refused: reading, comparing and writing them is
/// recursive, and the stack of a sandbox is small.
const MAX_DEPTH: usize = 256;

/// The largest integer that stands for itself alone: 2^53 − 1.
const MAX_SAFE: i64 = (1 << 53) - 1;

/// Why a document could not be read.
pub enum Unreadable {
    /// It is no JSON.
    Malformed {
        /// What is wrong.
        what: &'static str,
        /// Where.
        byte: usize,
    },
    /// QuickJS could not make its values.
    Js(Error),
}

impl From<Error> for Unreadable {
    fn from(error: Error) -> Self {
        Self::Js(error)
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { what, byte } => write!(f, "{what} at byte {byte}"),
            Self::Js(error) => error.fmt(f),
        }
    }
}

/// The numbers of a document that QuickJS holds as floats, and where they are
/// written in it.
#[derive(Default)]
pub struct Literals {
    all: Vec<(u64, Range<usize>)>,
    sorted: bool,
}

impl Literals {
    fn add(&mut self, number: f64, range: Range<usize>) {
        self.all.push((number.to_bits(), range));
    }

    /// The text of a number in its document; nothing if it is not in there, or
    /// is written there in several ways.
    pub fn text<'a>(&mut self, document: &'a str, number: f64) -> Option<&'a str> {
        if !self.sorted {
            self.all.sort_unstable_by_key(|(bits, _)| *bits);
            self.sorted = true;
        }
        let bits = number.to_bits();
        let first = self.all.partition_point(|(known, _)| *known < bits);
        let mut texts = self.all[first..]
            .iter()
            .take_while(|(known, _)| *known == bits)
            .map(|(_, range)| &document[range.clone()]);
        let text = texts.next()?;
        texts.all(|other| other == text).then_some(text)
    }
}

/// What documents are read with.
pub struct Setting<'a, 'js> {
    /// Where the values are made.
    pub ctx: &'a Ctx<'js>,
    /// Makes what is no plain value.
    pub realm: &'a Realm<'js>,
    /// How numbers arrive.
    pub numbers: Numbers,
}

/// Reads one document.
pub fn document<'js>(
    text: &str,
    setting: &Setting<'_, 'js>,
    keys: &mut Keys<'js, Box<str>>,
) -> Result<(Value<'js>, Literals)> {
    keys.rewind();
    let mut reader = Reader {
        text,
        bytes: text.as_bytes(),
        setting,
        keys,
        literals: Literals::default(),
        at: 0,
        depth: 0,
    };
    let value = reader.value()?;
    reader.space();
    match reader.peek() {
        None => Ok((value, reader.literals)),
        Some(_) => Err(reader.malformed("something follows the document")),
    }
}

struct Reader<'a, 'js> {
    text: &'a str,
    bytes: &'a [u8],
    setting: &'a Setting<'a, 'js>,
    keys: &'a mut Keys<'js, Box<str>>,
    literals: Literals,
    at: usize,
    depth: usize,
}

type Result<T, E = Unreadable> = std::result::Result<T, E>;

impl<'js> Reader<'_, 'js> {
    fn malformed(&self, what: &'static str) -> Unreadable {
        Unreadable::Malformed {
            what,
            byte: self.at,
        }
    }

    fn ctx(&self) -> Ctx<'js> {
        self.setting.ctx.clone()
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Result<Value<'js>> {
        self.space();
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                let text = self.string()?;
                Ok(JsString::from_str(self.ctx(), text.as_str(self.text))?.into_value())
            }
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::new_bool(self.ctx(), true)),
            Some(b'f') => self.word("false", Value::new_bool(self.ctx(), false)),
            Some(b'n') => self.word("null", Value::new_null(self.ctx())),
            Some(_) => Err(self.malformed("a value is expected")),
            None => Err(self.malformed("the text ends where a value is expected")),
        }
    }

    fn word(&mut self, word: &str, value: Value<'js>) -> Result<Value<'js>> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(self.malformed("a value is expected"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Value<'js>>) -> Result<Value<'js>> {
        if self.depth == MAX_DEPTH {
            return Err(self.malformed("the document is nested deeper than 256 levels"));
        }
        self.depth += 1;
        self.at += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn array(&mut self) -> Result<Value<'js>> {
        let array = Array::new(self.ctx())?;
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(array.into_value());
        }
        for position in 0.. {
            let value = self.value()?;
            array.set(position, value)?;
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.malformed("a comma or `]` is expected")),
            }
        }
        self.at += 1;
        Ok(array.into_value())
    }

    fn object(&mut self) -> Result<Value<'js>> {
        let object = Object::new(self.ctx())?;
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(object.into_value());
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.malformed("a key in quotes is expected"));
            }
            self.at += 1;
            let key = self.string()?;
            let key = self.keys.atom(self.setting.ctx, key.as_str(self.text))?;
            self.space();
            if self.peek() != Some(b':') {
                return Err(self.malformed("a colon is expected"));
            }
            self.at += 1;
            let value = self.value()?;
            // Defined, not assigned: `__proto__` is a field like any other.
            let field = Property::from(value).writable().enumerable().configurable();
            object.prop(key, field)?;
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.malformed("a comma or `}` is expected")),
            }
        }
        self.at += 1;
        Ok(object.into_value())
    }

    /// A string whose opening quote has been read.
    fn string(&mut self) -> Result<Text> {
        let start = self.at;
        match self.plain()? {
            b'"' => {
                let range = start..self.at;
                self.at += 1;
                Ok(Text::Plain(range))
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

    fn escaped(&mut self, start: usize) -> Result<Text> {
        let mut text = self.text[start..self.at].to_owned();
        loop {
            let start = self.at;
            let end = self.plain()?;
            text.push_str(&self.text[start..self.at]);
            self.at += 1;
            if end == b'"' {
                return Ok(Text::Escaped(text));
            }
            text.push(self.escape()?);
        }
    }

    /// An escape whose backslash has been read.
    fn escape(&mut self) -> Result<char> {
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

    fn number(&mut self) -> Result<Value<'js>> {
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
        match integer {
            true => self.integer(start..self.at),
            false => self.decimal(start..self.at),
        }
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

    fn integer(&mut self, range: Range<usize>) -> Result<Value<'js>> {
        let text = &self.text[range.clone()];
        let number: Option<i64> = text.parse().ok();
        if let Some(number) = number
            && number.unsigned_abs() <= MAX_SAFE.unsigned_abs()
            && text != "-0"
        {
            if let Ok(small) = i32::try_from(number) {
                return Ok(Value::new_int(self.ctx(), small));
            }
            return self.float(number as f64, range);
        }
        if text == "-0" {
            return self.float(-0.0, range);
        }
        if self.setting.numbers.integers_as_text {
            return Ok(JsString::from_str(self.ctx(), text)?.into_value());
        }
        match number {
            Some(number) => Ok(BigInt::from_i64(self.ctx(), number)?.into_value()),
            None => Ok(self.setting.realm.big_int(text)?),
        }
    }

    fn decimal(&mut self, range: Range<usize>) -> Result<Value<'js>> {
        let text = &self.text[range.clone()];
        if self.setting.numbers.decimals_as_text {
            return Ok(JsString::from_str(self.ctx(), text)?.into_value());
        }
        match number::exact(text) {
            Some(number) => self.float(number, range),
            None => Ok(self.setting.realm.decimal(text)?),
        }
    }

    /// A number that QuickJS keeps apart from its integers even if it is whole,
    /// so that it is recognised when it is written.
    fn float(&mut self, number: f64, range: Range<usize>) -> Result<Value<'js>> {
        self.literals.add(number, range.clone());
        let value = Value::new_float(self.ctx(), number);
        if value.is_float() {
            return Ok(value);
        }
        // It has become an integer; QuickJS's own reader does not do that.
        Ok(self.ctx().json_parse(&self.text[range])?)
    }
}

/// A string of the document.
enum Text {
    /// As it is in there.
    Plain(Range<usize>),
    /// With its escapes resolved.
    Escaped(String),
}

impl Text {
    fn as_str<'a>(&'a self, document: &'a str) -> &'a str {
        match self {
            Self::Plain(range) => &document[range.clone()],
            Self::Escaped(text) => text,
        }
    }
}
