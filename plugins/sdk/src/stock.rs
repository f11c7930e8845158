//! The stock record that every platform takes: one core, and a platform's own
//! fields beside it.
//!
//! The core's JSON Schema is `stock.schema.json` beside this file; every
//! adapter with `stock.update` repeats it in its manifest with the platform's
//! own titles, and checks with `testing::share_the_stock_core` that
//! it still is the same.
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
use std::fmt;
use std::marker::PhantomData;

/// The core's JSON Schema without titles.
#[cfg(not(target_arch = "wasm32"))]
pub const CORE_SCHEMA: &str = include_str!("stock.schema.json");

/// One record of stock.
#[derive(Debug)]
pub struct StockRecord<'a, Own> {
    /// What the stock is of.
    pub sku: Text<'a>,
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
    /// The quantity as a new total, as its digits: at least 0.
    ///
    /// # Errors
    /// [`Fault::InvalidInput`] at `/quantity`.
    pub fn total(&self) -> Result<&'a str, Fault> {
        let digits = self.quantity()?;
        if digits.starts_with('-') && digits.bytes().any(|digit| matches!(digit, b'1'..=b'9')) {
            return Err(Fault::invalid_input(
                "/quantity",
                "a total cannot be less than 0: for a change, send `mode` adjust",
            ));
        }
        Ok(digits.strip_prefix('-').unwrap_or(digits))
    }

    /// The quantity, as its digits, with `-` if it is less than 0.
    ///
    /// # Errors
    /// [`Fault::InvalidInput`] at `/quantity`.
    pub fn quantity(&self) -> Result<&'a str, Fault> {
        json::integer(self.quantity).ok_or_else(|| {
            Fault::invalid_input("/quantity", "quantity has to be an integer in plain digits")
        })
    }

    /// The quantity as it was written, for platforms whose stock is a decimal:
    /// `155.0` stays `155.0`.
    ///
    /// # Errors
    /// [`Fault::InvalidInput`] at `/quantity`.
    pub fn quantity_as_written(&self) -> Result<&'a str, Fault> {
        self.quantity().map(|_| self.quantity.get())
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
                "sku" => sku = Some(members.next_value()?),
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
            sku: sku.ok_or_else(|| A::Error::missing_field("sku"))?,
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
        assert_eq!(&*record.sku, "白\"1");
        assert_eq!(record.mode, Mode::Set);
        assert_eq!(record.location_kind, LocationKind::Store);
        assert!(record.location.is_none() && record.idempotency_key.is_none());
    }

    #[test]
    fn a_total_is_not_negative_and_keeps_every_digit() {
        let total = |quantity: &str| {
            let document = format!(r#"{{"sku":"1","quantity":{quantity}}}"#);
            let record = read(&document).expect("a record");
            record.total().map(str::to_owned)
        };
        assert_eq!(
            total("12345678901234567890123").as_deref(),
            Ok("12345678901234567890123")
        );
        assert_eq!(total("-0").as_deref(), Ok("0"));
        for wrong in ["-1", "1.5", "1e2", "\"1\""] {
            let Err(Fault::InvalidInput(detail)) = total(wrong) else {
                panic!("{wrong} was taken");
            };
            assert_eq!(detail.pointer, "/quantity", "{wrong}");
        }
    }

    #[test]
    fn a_quantity_can_stay_as_it_was_written() {
        let quantity = |document| {
            let record = read(document).expect("a record");
            record.quantity_as_written().ok()
        };
        assert_eq!(quantity(r#"{"sku":"1","quantity":155.0}"#), Some("155.0"));
        assert_eq!(quantity(r#"{"sku":"1","quantity":-5}"#), Some("-5"));
        assert_eq!(quantity(r#"{"sku":"1","quantity":1.5}"#), None);
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
        for (document, missing) in [(r#"{"quantity":1}"#, "sku"), (r#"{"sku":"1"}"#, "quantity")] {
            let error = read(document).expect_err(missing).to_string();
            assert!(error.contains(missing), "{error}");
        }
    }
}
