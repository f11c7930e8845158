//! What jaq computes with: its own values, of which some stand for tables.
//!
//! Everything is jaq's but what is asked of a table: a row is looked up, and what
//! wants more than rows gets all of them or an error.

use crate::tables;
use jaq_core::box_iter::BoxIter;
use jaq_core::path::Opt;
use jaq_core::val::Range;
use jaq_core::{Exn, ValR, ValX};
use jaq_json::{Error, Val};
use std::cell::RefCell;
use std::cmp::Ordering;
use std::fmt;
use std::ops::{Add, Div, Mul, Neg, Rem, Sub};

/// A value.
#[derive(Clone, Debug, Default)]
pub struct Value(pub Val);

/// An error about such values.
pub type ValueError = jaq_core::Error<Value>;

/// jaq's error as one about these.
pub fn error(error: Error) -> ValueError {
    ValueError::new(Value(error.into_val()))
}

/// jaq's result as one of these.
pub fn lift(result: Result<Val, Error>) -> ValR<Value> {
    result.map(Value).map_err(error)
}

impl Value {
    /// Without a table in the place of its rows.
    ///
    /// # Errors
    /// If it is a table that is too large to be had as a whole.
    pub fn whole(self) -> Result<Val, ValueError> {
        match tables::place(&self.0) {
            None => Ok(self.0),
            Some(place) => tables::whole(place).map_err(ValueError::str),
        }
    }

    /// To be compared: a table that is too large is only itself.
    fn compared(&self) -> std::borrow::Cow<'_, Val> {
        let place = tables::place(&self.0);
        match place.and_then(|place| tables::whole(place).ok()) {
            Some(whole) => std::borrow::Cow::Owned(whole),
            None => std::borrow::Cow::Borrowed(&self.0),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match tables::place(&self.0) {
            None => self.0.fmt(f),
            Some(place) => write!(f, "a table of {} rows", tables::rows(place)),
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.compared() == other.compared()
    }
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        self.compared().cmp(&other.compared())
    }
}

macro_rules! from {
    ($($type:ty),*) => {
        $(impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self(value.into())
            }
        })*
    };
}

from!(bool, isize, usize, f64, String);

impl From<Range<Self>> for Value {
    fn from(range: Range<Self>) -> Self {
        let plain = |bound: Option<Self>| bound.map(|bound| bound.0);
        Self(Val::from(plain(range.start)..plain(range.end)))
    }
}

impl FromIterator<Self> for Value {
    fn from_iter<T: IntoIterator<Item = Self>>(values: T) -> Self {
        Self(values.into_iter().map(|value| value.0).collect())
    }
}

macro_rules! operators {
    ($($operator:ident $name:ident),*) => {
        $(impl $operator for Value {
            type Output = ValR<Self>;

            fn $name(self, other: Self) -> ValR<Self> {
                lift($operator::$name(self.whole()?, other.whole()?))
            }
        })*
    };
}

operators!(Add add, Sub sub, Mul mul, Div div, Rem rem);

impl Neg for Value {
    type Output = ValR<Self>;

    fn neg(self) -> ValR<Self> {
        let value = self.whole()?;
        lift(-value)
    }
}

/// Lets jaq change a value, with a function over these. Its exceptions pass jaq by
/// beside it, whose own are of another type.
macro_rules! changed {
    ($f:ident, $change:expr) => {{
        let passed = RefCell::new(None);
        let beside = &passed;
        let f = |value: Val| {
            $f(Value(value)).map(move |result| match result {
                Ok(Value(value)) => Ok(value),
                Err(exception) => {
                    beside.borrow_mut().get_or_insert(exception);
                    Err(Exn::from(Error::new(Val::Null)))
                }
            })
        };
        let result = $change(f);
        finished(result, passed.into_inner())
    }};
}

fn finished<'a>(result: ValX<'a, Val>, passed: Option<Exn<'a, Value>>) -> ValX<'a, Value> {
    match (result, passed) {
        (Ok(value), _) => Ok(Value(value)),
        (Err(_), Some(exception)) => Err(exception),
        (Err(exception), None) => Err(Exn::from(match exception.get_err() {
            Ok(wrong) => error(wrong),
            Err(_) => ValueError::str("the script stopped without a result"),
        })),
    }
}

impl jaq_core::ValT for Value {
    fn from_num(number: &str) -> ValR<Self> {
        lift(Val::from_num(number))
    }

    fn from_map<I: IntoIterator<Item = (Self, Self)>>(entries: I) -> ValR<Self> {
        let entries = entries.into_iter().map(|(key, value)| (key.0, value.0));
        lift(Val::from_map(entries))
    }

    fn key_values(self) -> BoxIter<'static, Result<(Self, Self), ValueError>> {
        match self.whole() {
            Ok(value) => Box::new(value.key_values().map(|entry| match entry {
                Ok((key, value)) => Ok((Self(key), Self(value))),
                Err(wrong) => Err(error(wrong)),
            })),
            Err(wrong) => Box::new(std::iter::once(Err(wrong))),
        }
    }

    fn values(self) -> Box<dyn Iterator<Item = ValR<Self>>> {
        match self.whole() {
            Ok(value) => Box::new(value.values().map(lift)),
            Err(wrong) => Box::new(std::iter::once(Err(wrong))),
        }
    }

    #[inline]
    fn index(self, index: &Self) -> ValR<Self> {
        match tables::place(&self.0) {
            None => lift(self.0.index(&index.0)),
            Some(place) => match tables::row(place, &index.0) {
                Ok(row) => Ok(Self(row.unwrap_or_default())),
                Err(wrong) => Err(ValueError::str(wrong)),
            },
        }
    }

    fn range(self, range: Range<&Self>) -> ValR<Self> {
        let plain = |bound: Option<&'_ Self>| bound.map(|bound| bound.0.clone());
        let (from, to) = (plain(range.start), plain(range.end));
        lift(self.whole()?.range(from.as_ref()..to.as_ref()))
    }

    fn map_values<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        let value = self.whole()?;
        changed!(f, |f| value.map_values(opt, f))
    }

    fn map_index<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        index: &Self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        let value = self.whole()?;
        changed!(f, |f| value.map_index(&index.0, opt, f))
    }

    fn map_range<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        range: Range<&Self>,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        let value = self.whole()?;
        let plain = |bound: Option<&'_ Self>| bound.map(|bound| bound.0.clone());
        let (from, to) = (plain(range.start), plain(range.end));
        changed!(f, |f| value.map_range(from.as_ref()..to.as_ref(), opt, f))
    }

    fn as_bool(&self) -> bool {
        self.0.as_bool()
    }

    fn into_string(self) -> Self {
        match tables::place(&self.0) {
            None => Self(self.0.into_string()),
            Some(_) => Self::from(self.to_string()),
        }
    }
}

impl jaq_std::ValT for Value {
    fn into_seq<S: FromIterator<Self>>(self) -> Result<S, Self> {
        let values: Result<Vec<Val>, Val> = self.0.into_seq();
        match values {
            Ok(values) => Ok(values.into_iter().map(Self).collect()),
            Err(other) => Err(Self(other)),
        }
    }

    fn is_int(&self) -> bool {
        self.0.is_int()
    }

    fn as_isize(&self) -> Option<isize> {
        jaq_std::ValT::as_isize(&self.0)
    }

    fn as_f64(&self) -> Option<f64> {
        jaq_std::ValT::as_f64(&self.0)
    }

    fn is_utf8_str(&self) -> bool {
        self.0.is_utf8_str()
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        self.0.as_bytes()
    }

    fn as_sub_str(&self, part: &[u8]) -> Self {
        Self(self.0.as_sub_str(part))
    }

    fn from_utf8_bytes(bytes: impl AsRef<[u8]> + Send + 'static) -> Self {
        Self(Val::from_utf8_bytes(bytes))
    }
}
