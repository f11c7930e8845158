//! JSON text → JavaScript values.
//!
//! What a number cannot hold becomes something else, never a rounded number;
//! what it cannot show again is remembered in [`Literals`].

use crate::keys::Keys;
use crate::number;
use crate::numbers::Numbers;
use crate::realm::Realm;
use crossdock_script_engine::read::{self, Build, Malformed, Text};
use rquickjs::object::Property;
use rquickjs::{Array, Atom, BigInt, Ctx, Error, Object, String as JsString, Value};
use std::fmt;
use std::ops::Range;

/// The largest integer that stands for itself alone: 2^53 − 1.
const MAX_SAFE: i64 = (1 << 53) - 1;

/// Why a document could not be read.
pub enum Unreadable {
    /// It is no JSON.
    Malformed(Malformed),
    /// QuickJS could not make its values.
    Js(Error),
}

impl From<Malformed> for Unreadable {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl From<Error> for Unreadable {
    fn from(error: Error) -> Self {
        Self::Js(error)
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(malformed) => malformed.fmt(f),
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

    /// Every number's bits and its text in the document.
    pub fn all<'a>(&'a self, document: &'a str) -> impl Iterator<Item = (u64, &'a str)> {
        let all = self.all.iter();
        all.filter_map(|(bits, range)| Some((*bits, document.get(range.clone())?)))
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
    let mut values = Values {
        text,
        setting,
        keys,
        literals: Literals::default(),
    };
    let value = read::document(text.as_bytes(), &mut values)?;
    Ok((value, values.literals))
}

type Result<T, E = Unreadable> = std::result::Result<T, E>;

/// Makes QuickJS's values.
struct Values<'a, 'js> {
    text: &'a str,
    setting: &'a Setting<'a, 'js>,
    keys: &'a mut Keys<'js, Box<str>>,
    literals: Literals,
}

impl<'js> Build for Values<'_, 'js> {
    type Value = Value<'js>;
    type Key = Atom<'js>;
    /// With the number of its elements.
    type Array = (Array<'js>, usize);
    type Object = Object<'js>;
    type Error = Unreadable;

    #[inline]
    fn null(&mut self) -> Value<'js> {
        Value::new_null(self.ctx())
    }

    #[inline]
    fn bool(&mut self, truth: bool) -> Value<'js> {
        Value::new_bool(self.ctx(), truth)
    }

    #[inline]
    fn number(&mut self, written: Range<usize>, integer: bool) -> Result<Value<'js>> {
        match integer {
            true => self.integer(written),
            false => self.decimal(written),
        }
    }

    #[inline]
    fn string(&mut self, text: Text) -> Result<Value<'js>> {
        Ok(JsString::from_str(self.ctx(), &text.of(self.text))?.into_value())
    }

    #[inline]
    fn key(&mut self, text: Text) -> Result<Atom<'js>> {
        Ok(self.keys.atom(self.setting.ctx, &text.of(self.text))?)
    }

    #[inline]
    fn array(&mut self) -> Result<Self::Array> {
        Ok((Array::new(self.ctx())?, 0))
    }

    #[inline]
    fn push(&mut self, (array, length): &mut Self::Array, value: Value<'js>) -> Result<()> {
        array.set(*length, value)?;
        *length += 1;
        Ok(())
    }

    #[inline]
    fn end_array(&mut self, (array, _): Self::Array) -> Value<'js> {
        array.into_value()
    }

    #[inline]
    fn object(&mut self) -> Result<Object<'js>> {
        Ok(Object::new(self.ctx())?)
    }

    #[inline]
    fn insert(
        &mut self,
        object: &mut Object<'js>,
        key: Atom<'js>,
        value: Value<'js>,
    ) -> Result<()> {
        // Defined, not assigned: `__proto__` is a field like any other.
        let field = Property::from(value).writable().enumerable().configurable();
        Ok(object.prop(key, field)?)
    }

    #[inline]
    fn end_object(&mut self, object: Object<'js>) -> Value<'js> {
        object.into_value()
    }
}

impl<'js> Values<'_, 'js> {
    fn ctx(&self) -> Ctx<'js> {
        self.setting.ctx.clone()
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
