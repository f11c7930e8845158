//! Quantities by item and location, and what was answered under each key.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Value, json};

use super::ShopifyOptions;
use super::document::{Kind, Mutation};

/// Highest total, by `INVALID_QUANTITY_TOO_HIGH` of `inventorySetQuantities`.
const MOST_TOTAL: i64 = 1_000_000_000;
/// Highest quantity of `inventoryAdjustQuantities`.
const MOST_ADJUSTED: i64 = 2_000_000_000;

/// One item's stock at one location.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Level {
    pub quantity: i64,
    /// How often it was written.
    pub writes: u64,
}

/// A user error: code, position in the list, field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(pub &'static str, pub usize, pub &'static str);

/// Item and location, and how many there are.
type Change = ((u64, u64), i64);

pub struct Applied {
    pub payload: Value,
    pub applied: bool,
}

#[derive(Default)]
pub struct Stock {
    levels: BTreeMap<(u64, u64), Level>,
    /// What was asked and answered under each key.
    answers: HashMap<String, (Value, Value)>,
    groups: u64,
}

fn gid(value: &Value, kind: &str) -> Option<u64> {
    let text = value.as_str()?;
    let digits = text.strip_prefix("gid://shopify/")?.strip_prefix(kind)?;
    digits.strip_prefix('/')?.parse().ok()
}

impl Stock {
    pub fn level(&self, item: u64, location: u64) -> Option<Level> {
        self.levels.get(&(item, location)).copied()
    }

    pub fn put(&mut self, item: u64, location: u64, quantity: i64) {
        let level = Level {
            quantity,
            writes: 0,
        };
        self.levels.insert((item, location), level);
    }

    pub fn keys(&self) -> usize {
        self.answers.len()
    }

    pub fn state(&self) -> Value {
        let levels = self.levels.iter();
        levels
            .map(|((item, location), level)| {
                json!({"item": item, "location": location, "quantity": level.quantity, "writes": level.writes})
            })
            .collect()
    }

    /// All changes or none.
    pub fn apply(&mut self, options: &ShopifyOptions, mutation: &Mutation) -> Applied {
        let Mutation { kind, key, input } = mutation;
        if let Some((asked, answered)) = self.answers.get(key) {
            let payload = if asked == input {
                answered.clone()
            } else {
                failed(&[json!({
                    "code": "IDEMPOTENCY_KEY_PARAMETER_MISMATCH",
                    "field": null,
                    "message": "The same idempotency key cannot be used with different operation parameters.",
                })])
            };
            return Applied {
                payload,
                applied: false,
            };
        }
        let rows = input[kind.list()].as_array().cloned().unwrap_or_default();
        let (changes, refused) = self.check(options, *kind, &rows);
        let applied = refused.is_empty();
        let payload = if applied {
            for (place, quantity) in changes {
                let level = self.levels.entry(place).or_default();
                level.quantity = quantity;
                level.writes += 1;
            }
            self.groups += 1;
            let group = format!("gid://shopify/InventoryAdjustmentGroup/{}", self.groups);
            json!({"inventoryAdjustmentGroup": {"id": group}, "userErrors": []})
        } else {
            let refused: Vec<Value> = refused
                .into_iter()
                .map(|Refused(code, row, field)| {
                    json!({
                        "code": code,
                        "field": ["input", kind.list(), row.to_string(), field],
                        "message": format!("stand-in: {code}"),
                    })
                })
                .collect();
            failed(&refused)
        };
        let entry = (input.clone(), payload.clone());
        self.answers.insert(key.clone(), entry);
        Applied { payload, applied }
    }

    /// What the rows would change, and what is wrong with them.
    fn check(
        &self,
        options: &ShopifyOptions,
        kind: Kind,
        rows: &[Value],
    ) -> (Vec<Change>, Vec<Refused>) {
        let (mut changes, mut refused) = (Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        for (index, row) in rows.iter().enumerate() {
            let mut refuse = |code, field| refused.push(Refused(code, index, field));
            let item = gid(&row["inventoryItemId"], "InventoryItem")
                .filter(|item| !options.unknown_items.contains(item));
            let location = gid(&row["locationId"], "Location")
                .filter(|location| !options.unknown_locations.contains(location));
            let (Some(item), Some(location)) = (item, location) else {
                if item.is_none() {
                    refuse("INVALID_INVENTORY_ITEM", "inventoryItemId");
                }
                if location.is_none() {
                    refuse("INVALID_LOCATION", "locationId");
                }
                continue;
            };
            if !seen.insert((item, location)) {
                refuse(
                    "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR",
                    "inventoryItemId",
                );
                continue;
            }
            let now = self.level(item, location).map_or(0, |level| level.quantity);
            if row["changeFromQuantity"]
                .as_i64()
                .is_some_and(|it| it != now)
            {
                refuse("CHANGE_FROM_QUANTITY_STALE", "changeFromQuantity");
                continue;
            }
            let (quantity, field, most) = match kind {
                Kind::Set => (
                    row["quantity"].as_i64().unwrap_or(0),
                    "quantity",
                    MOST_TOTAL,
                ),
                Kind::Adjust => (
                    now + row["delta"].as_i64().unwrap_or(0),
                    "delta",
                    MOST_ADJUSTED,
                ),
            };
            if kind == Kind::Set && quantity < 0 {
                refuse("INVALID_QUANTITY_NEGATIVE", field);
            } else if quantity > most {
                refuse("INVALID_QUANTITY_TOO_HIGH", field);
            } else if quantity < -most {
                refuse("INVALID_QUANTITY_TOO_LOW", field);
            } else {
                changes.push(((item, location), quantity));
            }
        }
        (changes, refused)
    }
}

fn failed(errors: &[Value]) -> Value {
    json!({"inventoryAdjustmentGroup": null, "userErrors": errors})
}
