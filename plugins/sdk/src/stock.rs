//! The stock record that every platform takes: one core, and a platform's own
//! fields beside it.
//!
//! The core's JSON Schema is `stock.schema.json` beside this file; every
//! adapter with `stock.update` repeats it in its manifest with the platform's
//! own titles, and checks with `testing::share_the_stock_core` that
//! it still is the same, but for fields that its platform can do without.
//!
//! A quantity is a decimal. An adapter reads it as its platform takes it:
//! [`StockRecord::decimal`], or [`StockRecord::quantity`] and
//! [`StockRecord::total`] where the platform counts pieces: these refuse `1.5`
//! at `/quantity`, and take `3.0` for what it is, `3`.
//!
//! ```
//! # use crossdock_adapter::Item;
//! # use crossdock_adapter::json::Text;
//! # use crossdock_adapter::stock::{OwnFields, StockRecord};
//! # use serde::de::MapAccess;
//! #[derive(Default)]
//! struct Own<'a> {
//!     shelf: Option<Text<'a>>,
//! }
//!
//! impl<'a> OwnFields<'a> for Own<'a> {
//!     fn take<A: MapAccess<'a>>(&mut self, name: &str, values: &mut A) -> Result<bool, A::Error> {
//!         match name {
//!             "shelf" => self.shelf = values.next_value()?,
//!             _ => return Ok(false),
//!         }
//!         Ok(true)
//!     }
//! }
//!
//! # let item = Item { key: "k".into(), document: r#"{"sku":"a","shelf":"3","quantity":20.0}"#.into() };
//! let record: StockRecord<Own> = item.read()?;
//! assert_eq!(record.total()?, "20");
//! assert_eq!(record.own.shelf.as_deref(), Some("3"));
//! # Ok::<(), crossdock_adapter::Fault>(())
//! ```

use crate::json::{self, RawValue, Text};
use crate::types::{Fault, Item};
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// The core's JSON Schema without titles.
#[cfg(not(target_arch = "wasm32"))]
pub const CORE_SCHEMA: &str = include_str!("stock.schema.json");

/// One record of stock.
#[derive(Debug)]
pub struct StockRecord<'a, Own> {
    sku: Option<Text<'a>>,
    quantity: &'a RawValue,
    /// Whether `quantity` is a total or a change.
    pub mode: Mode,
    /// Where the stock is.
    pub location: Option<Text<'a>>,
    /// What `location` names.
    pub location_kind: LocationKind,
    /// The caller's own id of this update.
    pub idempotency_key: Option<Text<'a>>,
    /// The platform's own fields.
    pub own: Own,
}

/// Whether a quantity is a total or a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The new total.
    #[default]
    Set,
    /// What is added to the total; negative to take away.
    Adjust,
}

/// What a location is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LocationKind {
    /// 门店.
    #[default]
    Store,
    /// 仓库.
    Warehouse,
}

/// The fields that a platform has beside the core.
pub trait OwnFields<'a>: Default {
    /// Reads the value of a field; `false`, with the value not read, if the
    /// platform has no such field.
    ///
    /// # Errors
    /// Those of reading the value.
    fn take<A: MapAccess<'a>>(&mut self, name: &str, values: &mut A) -> Result<bool, A::Error>;
}

/// A platform without own fields.
impl<'a> OwnFields<'a> for () {
    fn take<A: MapAccess<'a>>(&mut self, _: &str, _: &mut A) -> Result<bool, A::Error> {
        Ok(false)
    }
}

impl<'a, Own> StockRecord<'a, Own> {
    /// What the stock is of.
    ///
    /// # Errors
    /// [`Fault::InvalidInput`] at `/sku`. Of adapters whose schema demands it, the
    /// host has checked that it is there.
    pub fn sku(&self) -> Result<Text<'a>, Fault> {
        self.optional_sku()
            .ok_or_else(|| Fault::invalid_input("/sku", "the document has no `sku`"))
    }

    /// The same where a platform has other ways to name an article.
    pub fn optional_sku(&self) -> Option<Text<'a>> {
        self.sku.clone()
    }

    /// The quantity as a new total in whole pieces, as its digits: at least 0.
    ///
    /// # Errors
    /// [`Fault::InvalidInput`] at `/quantity`.
    pub fn total(&self) -> Result<Cow<'a, str>, Fault> {
        let digits = self.quantity()?;
        if digits.starts_with('-') && digits.bytes().any(|digit| matches!(digit, b'1'..=b'9')) {
            return Err(Fault::invalid_input(
                "/quantity",
                "a total cannot be less than 0: for a change, send `mode` adjust",
            ));
        }
        Ok(match digits.strip_prefix('-') {
            Some(digits) => Cow::Owned(digits.to_owned()),
            None => digits,
        })
    }

    /// The quantity in whole pieces, as its digits, with `-` if it is less than 0:
    /// `3` also for `3.0` and `30e-1`.
    ///
    /// # Errors
    /// [`Fault::InvalidInput`] at `/quantity`.
    pub fn quantity(&self) -> Result<Cow<'a, str>, Fault> {
        let raw = self.quantity;
        if let Some(digits) = json::integer(raw) {
            return Ok(digits);
        }
        // No number, or one too long, is wrong for every platform.
        self.decimal()?;
        Err(Fault::invalid_input(
            "/quantity",
            "the platform takes whole numbers only (3 or 3.0, not 3.5): send a whole quantity, \
             rounded where it is made",
        ))
    }

    /// The quantity with its decimals, as it was written if that has no exponent:
    /// `155.0` stays `155.0`, and `15e-1` becomes `1.5`.
    ///
    /// # Errors
    /// [`Fault::InvalidInput`] at `/quantity`.
    pub fn decimal(&self) -> Result<Cow<'a, str>, Fault> {
        json::plain(self.quantity).ok_or_else(|| {
            let message = match json::number(self.quantity) {
                Some(_) => "the quantity's exponent is too large: write its digits",
                None => "the quantity has to be a number",
            };
            Fault::invalid_input("/quantity", message)
        })
    }

    /// The id by which a platform knows a repeated update: the caller's own or
    /// else the item's, which is the same over attempts and replays.
    pub fn idempotency_id(&self, item: &'a Item) -> Text<'a> {
        let own = self.idempotency_key.clone();
        own.unwrap_or_else(|| item.key.as_str().into())
    }
}

impl<'de: 'a, 'a, Own: OwnFields<'de>> Deserialize<'de> for StockRecord<'a, Own> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// Reads the core's members itself and offers the others to `Own`. (Serde's
/// `flatten` would copy them all and lose the digits of numbers.)
struct Members<Own>(PhantomData<Own>);

impl<'de, Own: OwnFields<'de>> Visitor<'de> for Members<Own> {
    type Value = StockRecord<'de, Own>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a stock record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let (mut sku, mut quantity) = (None, None);
        let (mut mode, mut location_kind) = (Mode::default(), LocationKind::default());
        let (mut location, mut idempotency_key) = (None, None);
        let mut own = Own::default();
        while let Some(name) = members.next_key::<Text>()? {
            match &*name {
                "sku" => sku = members.next_value()?,
                "quantity" => quantity = Some(members.next_value()?),
                "mode" => mode = members.next_value()?,
                "location" => location = members.next_value()?,
                "location_kind" => location_kind = members.next_value()?,
                "idempotency_key" => idempotency_key = members.next_value()?,
                other => {
                    if !own.take(other, &mut members)? {
                        members.next_value::<IgnoredAny>()?;
                    }
                }
            }
        }
        Ok(StockRecord {
            sku,
            quantity: quantity.ok_or_else(|| A::Error::missing_field("quantity"))?,
            mode,
            location,
            location_kind,
            idempotency_key,
            own,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(document: &str) -> Result<StockRecord<'_, ()>, serde_json::Error> {
        serde_json::from_str(document)
    }

    #[test]
    fn the_core_has_defaults_and_ignores_other_platforms_fields() {
        let record = read(r#"{"quantity":5,"type":{"a":[1]},"sku":"白\"1"}"#).expect("a record");
        assert_eq!(record.sku().as_deref(), Ok("白\"1"));
        assert_eq!(record.mode, Mode::Set);
        assert_eq!(record.location_kind, LocationKind::Store);
        assert!(record.location.is_none() && record.idempotency_key.is_none());
    }

    /// What one way to read a quantity makes of it, or what it says against it.
    fn quantity(
        written: &str,
        read_as: impl for<'a> Fn(&StockRecord<'a, ()>) -> Result<Cow<'a, str>, Fault>,
    ) -> Result<String, String> {
        let document = format!(r#"{{"sku":"1","quantity":{written}}}"#);
        let record = read(&document).expect("a record");
        match read_as(&record) {
            Ok(digits) => Ok(digits.into_owned()),
            Err(Fault::InvalidInput(detail)) => {
                assert_eq!(detail.pointer, "/quantity", "{written}");
                Err(detail.message)
            }
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_quantity_is_read_as_the_platform_takes_it_without_losing_a_digit() {
        const BIG: &str = "12345678901234567890123";
        for (written, decimal, whole, total) in [
            (BIG, Some(BIG), Some(BIG), Some(BIG)),
            ("155.0", Some("155.0"), Some("155"), Some("155")),
            ("3e0", Some("3"), Some("3"), Some("3")),
            ("1e2", Some("100"), Some("100"), Some("100")),
            ("-0", Some("-0"), Some("-0"), Some("0")),
            ("-5", Some("-5"), Some("-5"), None),
            ("1.5", Some("1.5"), None, None),
            ("15e-1", Some("1.5"), None, None),
            ("-0.250", Some("-0.250"), None, None),
            (
                "0.12345678901234567890123",
                Some("0.12345678901234567890123"),
                None,
                None,
            ),
            ("1e99", None, None, None),
            ("\"1\"", None, None, None),
            ("true", None, None, None),
        ] {
            let found = quantity(written, |record| record.decimal()).ok();
            assert_eq!(found.as_deref(), decimal, "{written} with decimals");
            let found = quantity(written, |record| record.quantity()).ok();
            assert_eq!(found.as_deref(), whole, "{written} in pieces");
            let found = quantity(written, |record| record.total()).ok();
            assert_eq!(found.as_deref(), total, "{written} as a total");
        }
    }

    #[test]
    fn a_quantity_that_is_refused_says_what_to_send() {
        for (written, part) in [
            ("1.5", "whole numbers only"),
            ("1e99", "exponent is too large"),
            ("\"1\"", "has to be a number"),
            ("-1", "for a change, send `mode` adjust"),
        ] {
            let why = quantity(written, |record| record.total()).expect_err(written);
            assert!(why.contains(part), "{written}: {why}");
        }
    }

    #[test]
    fn the_items_key_stands_in_for_a_missing_idempotency_key() {
        let item = Item {
            key: "item-key".into(),
            document: String::new(),
        };
        let without = read(r#"{"sku":"1","quantity":1}"#).expect("a record");
        assert_eq!(&*without.idempotency_id(&item), "item-key");
        let with = read(r#"{"sku":"1","quantity":1,"idempotency_key":"own"}"#).expect("a record");
        assert_eq!(&*with.idempotency_id(&item), "own");
    }

    #[test]
    fn a_record_without_core_fields_is_refused() {
        let error = read(r#"{"sku":"1"}"#).expect_err("no quantity");
        assert!(error.to_string().contains("quantity"), "{error}");
        let nameless = read(r#"{"quantity":1}"#).expect("a record");
        assert!(nameless.optional_sku().is_none());
        let Err(Fault::InvalidInput(detail)) = nameless.sku() else {
            panic!("a record without a sku has one");
        };
        assert_eq!(detail.pointer, "/sku");
    }
}
