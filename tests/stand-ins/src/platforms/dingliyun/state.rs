//! Everything the platform keeps for its tenant.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::decimal::Decimal;
use crate::misbehave::Refusal;

/// An entity of the item service or a store's row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Entity {
    /// The fields as they were last sent; fields that were not sent stay.
    pub fields: Map<String, Value>,
    /// How often it has been written.
    pub writes: u64,
    /// Time of the last write, `yyyy-MM-dd HH:mm:ss`.
    pub written_at: String,
}

/// Entities by their id.
pub type Entities = BTreeMap<String, Entity>;
/// A store's rows by (store id, sku id).
pub type StoreRows = BTreeMap<(String, String), Entity>;

/// Where stock lies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Warehouse(String),
    Store(String),
}

/// One sku's stock at one place.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Inventory {
    /// 可用库存数
    pub available: Decimal,
    /// 期初库存数
    pub fixed_qty: Decimal,
    /// 占用库存
    pub stock_qty: Decimal,
    pub change_time: String,
    pub task_id: String,
    /// How often a system has reported it.
    pub writes: u64,
    /// The last reported numbers of available stock, oldest first.
    pub history: Vec<Decimal>,
}

/// Reports of one stock that are remembered.
pub const HISTORY: usize = 10_000;

impl Inventory {
    /// 2.35 SkuQuantity.
    pub fn to_json(&self, sku_id: &str) -> Value {
        json!({
            "available": self.available.to_number(),
            "sku_id": sku_id,
            "fixed_qty": self.fixed_qty.to_number(),
            "stock_qty": self.stock_qty.to_number(),
            "change_time": self.change_time,
            "task_id": self.task_id,
        })
    }
}

/// 占货状态
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OrderState {
    /// 未占货
    #[default]
    Initial,
    /// 已占货
    Locked,
    /// 已发货
    Shipped,
    /// 已作废
    Aborted,
}

impl OrderState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::Locked => "locked",
            Self::Shipped => "shipped",
            Self::Aborted => "aborted",
        }
    }
}

/// One successful or partial lock of an order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lock {
    pub lock_id: String,
    pub request_id: String,
    pub lock_type: String,
    /// (sku id, asked for, held).
    pub items: Vec<(String, Decimal, Decimal)>,
}

impl Lock {
    /// 占货结果: none, lock_all or lock_part.
    pub fn result(&self) -> &'static str {
        result_of(self.items.iter())
    }
}

fn result_of<'a>(
    items: impl Iterator<Item = &'a (String, Decimal, Decimal)> + Clone,
) -> &'static str {
    if items.clone().all(|(_, _, held)| *held == Decimal::ZERO) {
        "none"
    } else if items.clone().all(|(_, asked, held)| asked == held) {
        "lock_all"
    } else {
        "lock_part"
    }
}

/// An order and what it holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Order {
    pub platform_id: String,
    pub shop_id: String,
    pub store_id: String,
    pub state: OrderState,
    /// Locks that have not been released.
    pub locks: Vec<Lock>,
    /// How many lock requests were carried out, repeats included.
    pub lock_requests: u64,
}

impl Order {
    /// The result over all locks.
    pub fn result(&self) -> &'static str {
        result_of(self.locks.iter().flat_map(|lock| &lock.items))
    }
}

/// The tenant's data.
#[derive(Debug, Clone, Default)]
pub struct State {
    pub brands: Entities,
    pub categories: Entities,
    pub products: Entities,
    pub skus: Entities,
    pub tags: Entities,
    pub images: Entities,
    pub inventories: BTreeMap<(Place, String), Inventory>,
    pub store_skus: StoreRows,
    /// 货架位列表; each write replaces it.
    pub shelves: BTreeMap<(String, String), Vec<String>>,
    pub prices: StoreRows,
    pub orders: BTreeMap<String, Order>,
    /// Rows that are to be refused, by their id.
    pub refused_rows: BTreeMap<String, Refusal>,
    /// For lock ids.
    pub locks_made: u64,
}

impl State {
    /// The stock of a sku in a store.
    pub fn store_inventory(&self, store_id: &str, sku_id: &str) -> Option<&Inventory> {
        self.inventories
            .get(&(Place::Store(store_id.to_owned()), sku_id.to_owned()))
    }

    /// The stock of a sku in a warehouse.
    pub fn warehouse_inventory(&self, wrh_id: &str, sku_id: &str) -> Option<&Inventory> {
        self.inventories
            .get(&(Place::Warehouse(wrh_id.to_owned()), sku_id.to_owned()))
    }

    pub fn to_json(&self) -> Value {
        let entities = |entities: &Entities| -> Value {
            entities
                .iter()
                .map(|(id, entity)| (id.clone(), Value::Object(entity.fields.clone())))
                .collect::<Map<_, _>>()
                .into()
        };
        let rows = |rows: &StoreRows| -> Value {
            rows.iter()
                .map(|((store, _), entity)| json!({"store_id": store, "row": entity.fields}))
                .collect()
        };
        let inventories = self.inventories.iter().map(|((place, sku_id), inventory)| {
            let (kind, id) = match place {
                Place::Warehouse(id) => ("wrh_id", id),
                Place::Store(id) => ("store_id", id),
            };
            let mut row = inventory.to_json(sku_id);
            row[kind] = json!(id);
            row
        });
        let shelves = self
            .shelves
            .iter()
            .map(|((store, sku), codes)| json!({"store_id": store, "sku_id": sku, "shelf_position_codes": codes}));
        let orders = self.orders.iter().map(|(order_id, order)| {
            json!({
                "order_id": order_id,
                "store_id": order.store_id,
                "stock_state": order.state.name(),
                "lock_result": order.result(),
                "lock_requests": order.lock_requests,
            })
        });
        json!({
            "brands": entities(&self.brands),
            "categories": entities(&self.categories),
            "products": entities(&self.products),
            "skus": entities(&self.skus),
            "tags": entities(&self.tags),
            "images": entities(&self.images),
            "inventories": inventories.collect::<Vec<_>>(),
            "store_skus": rows(&self.store_skus),
            "shelves": shelves.collect::<Vec<_>>(),
            "prices": rows(&self.prices),
            "orders": orders.collect::<Vec<_>>(),
        })
    }
}
