//! The stock of a Doudian shop, which doudian and fengchao both change.
//!
//! Both documents describe the same rules: a full update sets the number, an
//! incremental one adds to it, never below zero, and is known by its id.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use serde_json::{Value, json};

/// Which stock a request means. Written as text, most general part first:
/// `product_id:353…/sku_id:173…/warehouse:dy123`, `code:sk100`, `code:a/store:12345`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Target {
    pub product_id: Option<String>,
    pub out_product_id: Option<String>,
    pub sku_id: Option<String>,
    pub out_sku_id: Option<String>,
    pub code: Option<String>,
    pub out_warehouse_id: Option<String>,
    pub store_id: Option<String>,
}

impl Target {
    /// Whether anything says which sku is meant: the sku itself, or 主品id+门店id,
    /// which mean the product's skus at a store.
    pub fn names_a_sku(&self) -> bool {
        let product = self.product_id.is_some() || self.out_product_id.is_some();
        self.sku_id.is_some()
            || self.out_sku_id.is_some()
            || self.code.is_some()
            || (product && self.store_id.is_some())
    }

    /// The key of the stock that is meant.
    pub fn key(&self) -> String {
        let parts = [
            ("product_id", &self.product_id),
            ("out_product_id", &self.out_product_id),
            ("sku_id", &self.sku_id),
            ("out_sku_id", &self.out_sku_id),
            ("code", &self.code),
            ("warehouse", &self.out_warehouse_id),
            ("store", &self.store_id),
        ];
        let parts: Vec<String> = parts
            .iter()
            .filter_map(|(name, value)| value.as_ref().map(|value| format!("{name}:{value}")))
            .collect();
        parts.join("/")
    }
}

/// A checked request.
#[derive(Debug, Clone)]
pub struct Change {
    pub target: Target,
    pub incremental: bool,
    pub idempotent_id: Option<String>,
    pub stock_num: i64,
    pub step_stock_num: Option<i64>,
}

/// One stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stock {
    pub stock: i64,
    /// 阶梯库存, where it has been set.
    pub step_stock: Option<i64>,
    /// How often it has been changed.
    pub writes: u64,
}

/// A change that was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    pub incremental: bool,
    pub stock_num: i64,
}

/// Changes of one stock that are remembered.
pub const HISTORY: usize = 10_000;

/// What became of an idempotency id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IdUse {
    /// Requests that carried it and were in order.
    pub seen: u64,
    /// Of these, the ones that changed a stock: never more than one, unless
    /// the options say that a repeat is applied again.
    pub applied: u64,
    /// Unix second of the first change.
    first_applied_at: i64,
}

/// What happens to a request for a sku nobody has set before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownSku {
    /// It exists from now on, with a stock of zero: what tests usually want.
    #[default]
    Create,
    /// It is refused, as the platform does.
    Refuse,
}

/// What a change met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Met {
    Done,
    /// The stock would fall below zero.
    Insufficient,
    /// The id was used before, within the window.
    Repeated,
    /// Nobody has set this sku.
    UnknownSku,
}

/// The shop.
#[derive(Debug, Default)]
pub struct ShopStock {
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    stock: BTreeMap<String, Stock>,
    history: BTreeMap<String, Vec<Applied>>,
    ids: HashMap<String, IdUse>,
}

impl ShopStock {
    /// The stock under a [`Target::key`].
    pub fn stock(&self, key: &str) -> Option<Stock> {
        self.tables().stock.get(key).copied()
    }

    /// The last [`HISTORY`] changes of a stock that were carried out, oldest first.
    pub fn history(&self, key: &str) -> Vec<Applied> {
        self.tables().history.get(key).cloned().unwrap_or_default()
    }

    /// Sets a stock as the shop's owner would.
    pub fn set_stock(&self, key: impl Into<String>, stock: i64) {
        self.tables().stock.entry(key.into()).or_default().stock = stock;
    }

    /// What became of an idempotency id.
    pub fn id(&self, idempotent_id: &str) -> Option<IdUse> {
        self.tables().ids.get(idempotent_id).copied()
    }

    /// Carries a change out. `window` is how many seconds an id is
    /// remembered, for ever if absent; `repeats_apply` lets a repeat through.
    pub fn change(
        &self,
        change: &Change,
        unknown: UnknownSku,
        now: i64,
        window: Option<i64>,
        repeats_apply: bool,
    ) -> Met {
        let mut tables = self.tables();
        let key = change.target.key();
        let known = tables.stock.get(&key).copied();
        if known.is_none() && unknown == UnknownSku::Refuse {
            return Met::UnknownSku;
        }
        // The documents speak of the id for incremental updates only.
        let id = change.idempotent_id.as_ref().filter(|_| change.incremental);
        if let Some(id) = id {
            let used = tables.ids.entry(id.clone()).or_default();
            used.seen += 1;
            let remembered = used.applied > 0
                && window.is_none_or(|window| now - used.first_applied_at < window);
            if remembered && !repeats_apply {
                return Met::Repeated;
            }
        }
        let mut stock = known.unwrap_or_default();
        let add = |before: i64, number: i64| {
            if change.incremental {
                before.saturating_add(number)
            } else {
                number
            }
        };
        stock.stock = add(stock.stock, change.stock_num);
        if let Some(step) = change.step_stock_num {
            stock.step_stock = Some(add(stock.step_stock.unwrap_or_default(), step));
        }
        if stock.stock < 0 || stock.step_stock.is_some_and(i64::is_negative) {
            return Met::Insufficient;
        }
        stock.writes += 1;
        let history = tables.history.entry(key.clone()).or_default();
        if history.len() >= HISTORY {
            history.remove(0);
        }
        history.push(Applied {
            incremental: change.incremental,
            stock_num: change.stock_num,
        });
        tables.stock.insert(key, stock);
        if let Some(used) = id.and_then(|id| tables.ids.get_mut(id)) {
            if used.applied == 0 {
                used.first_applied_at = now;
            }
            used.applied += 1;
        }
        Met::Done
    }

    pub fn state(&self) -> Value {
        let tables = self.tables();
        let stock: Vec<Value> = tables
            .stock
            .iter()
            .map(|(key, stock)| {
                json!({"sku": key, "stock_num": stock.stock, "step_stock_num": stock.step_stock, "writes": stock.writes})
            })
            .collect();
        let mut ids: Vec<_> = tables.ids.iter().collect();
        ids.sort_by_key(|(id, _)| *id);
        let ids: Vec<Value> = ids
            .into_iter()
            .map(|(id, used)| json!({"idempotent_id": id, "seen": used.seen, "applied": used.applied}))
            .collect();
        json!({"stock": stock, "idempotent_ids": ids})
    }

    pub fn reset(&self) {
        *self.tables() = Tables::default();
    }

    fn tables(&self) -> std::sync::MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(incremental: bool, stock_num: i64, id: Option<&str>) -> Change {
        let target = Target {
            code: Some("a".to_owned()),
            ..Target::default()
        };
        Change {
            target,
            incremental,
            idempotent_id: id.map(str::to_owned),
            stock_num,
            step_stock_num: None,
        }
    }

    fn meet(shop: &ShopStock, change: &Change, now: i64, window: Option<i64>) -> Met {
        shop.change(change, UnknownSku::Create, now, window, false)
    }

    #[test]
    fn the_documents_arithmetic_holds() {
        let shop = ShopStock::default();
        shop.set_stock("code:a", 10);
        assert_eq!(meet(&shop, &change(true, 5, Some("1")), 0, None), Met::Done);
        assert_eq!(shop.stock("code:a").map(|stock| stock.stock), Some(15));
        assert_eq!(
            meet(&shop, &change(true, -10, Some("2")), 0, None),
            Met::Done
        );
        assert_eq!(
            meet(&shop, &change(true, -6, Some("3")), 0, None),
            Met::Insufficient
        );
        assert_eq!(shop.stock("code:a").map(|stock| stock.stock), Some(5));
        assert_eq!(meet(&shop, &change(false, 0, None), 0, None), Met::Done);
        assert_eq!(shop.stock("code:a").map(|stock| stock.stock), Some(0));
    }

    #[test]
    fn an_id_counts_once_within_its_window() {
        let shop = ShopStock::default();
        let add = change(true, 1, Some("1"));
        assert_eq!(meet(&shop, &add, 0, Some(60)), Met::Done);
        assert_eq!(meet(&shop, &add, 59, Some(60)), Met::Repeated);
        assert_eq!(meet(&shop, &add, 60, Some(60)), Met::Done);
        let used = shop.id("1").unwrap_or_default();
        assert_eq!((used.seen, used.applied), (3, 2));
    }

    #[test]
    fn a_refused_change_does_not_use_its_id_up() {
        let shop = ShopStock::default();
        assert_eq!(
            meet(&shop, &change(true, -1, Some("1")), 0, None),
            Met::Insufficient
        );
        assert_eq!(meet(&shop, &change(true, 1, Some("1")), 0, None), Met::Done);
    }
}
