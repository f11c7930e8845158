//! 订单占货服务: an order holds stock of a store until it is shipped or released.
//!
//! A lock takes what is available, item by item; whether the platform does so
//! or refuses items that are short is not documented, only that lock_part exists.

use serde_json::{Map, Value, json};

use super::inventory::number;
use super::route::Request;
use super::state::{Inventory, Lock, OrderState, Place, State};
use super::{Dingliyun, LockRepeat, rows, text};
use crate::decimal::Decimal;
use crate::exchange::Answer;
use crate::platforms::Outcome;

/// The example's message.
const NOT_LOCKED: &str = "占货失败";

/// 1.6.1. 订单占货
pub fn lock(dingliyun: &Dingliyun, mut request: Request) -> Outcome {
    let items = rows(&mut request.body, "items");
    let Value::Object(order) = request.body else {
        return Outcome::refused(dingliyun.failure(NOT_LOCKED));
    };
    let (order_id, request_id, store_id) = (
        text(&order, "order_id"),
        text(&order, "request_id"),
        text(&order, "store_id"),
    );
    let stamp = dingliyun.stamp();
    let mut state = dingliyun.state();
    if let Some(refused) = dingliyun.all_or_nothing(&state, &items, "sku_id") {
        return refused;
    }
    let same = |lock: &&Lock| !request_id.is_empty() && lock.request_id == request_id;
    if dingliyun.options.lock_repeat == LockRepeat::SameAnswer
        && let Some(known) = state
            .orders
            .get(&order_id)
            .and_then(|order| order.locks.iter().find(same))
    {
        return Outcome::refused(dingliyun.lock_answer(known, OrderState::Locked, &store_id));
    }
    state.locks_made += 1;
    let mut lock = Lock {
        lock_id: format!("lock-{}", state.locks_made),
        request_id,
        lock_type: text(&order, "lock_type"),
        items: Vec::new(),
    };
    for item in items {
        let sku_id = text(&item, "sku_id");
        let asked = number(&item, "qty").unwrap_or_default();
        let held = hold(&mut state, &store_id, &sku_id, asked, &stamp);
        lock.items.push((sku_id, asked, held));
    }
    let entry = state.orders.entry(order_id).or_default();
    remember(entry, &order);
    entry.lock_requests += 1;
    if lock.result() == "none" {
        return Outcome::refused(dingliyun.lock_answer(&lock, entry.state, &store_id));
    }
    entry.state = OrderState::Locked;
    let answer = dingliyun.lock_answer(&lock, OrderState::Locked, &store_id);
    entry.locks.push(lock);
    Outcome::applied(answer)
}

fn remember(entry: &mut super::state::Order, order: &Map<String, Value>) {
    entry.platform_id = text(order, "platform_id");
    entry.shop_id = text(order, "shop_id");
    entry.store_id = text(order, "store_id");
}

/// Moves stock from available to held, as far as there is some.
fn hold(state: &mut State, store_id: &str, sku_id: &str, asked: Decimal, stamp: &str) -> Decimal {
    let key = (Place::Store(store_id.to_owned()), sku_id.to_owned());
    let Some(inventory) = state.inventories.get_mut(&key) else {
        return Decimal::ZERO;
    };
    let held = asked.min(inventory.available).max(Decimal::ZERO);
    inventory.available = inventory.available.minus(held);
    inventory.stock_qty = inventory.stock_qty.plus(held);
    stamp.clone_into(&mut inventory.change_time);
    held
}

impl Dingliyun {
    /// 2.16 LockStockResult.
    fn lock_answer(&self, lock: &Lock, state: OrderState, store_id: &str) -> Answer {
        let result = lock.result();
        let success = match result {
            "lock_all" => true,
            "lock_part" => self.options.success_of_partial_lock,
            _ => false,
        };
        Answer::json(&json!({
            "success": success,
            "message": if success { "" } else { NOT_LOCKED },
            "stock_state": state.name(),
            "lock_result": result,
            "lock_id": lock.lock_id,
            "store_id": store_id,
        }))
    }
}

/// 1.6.2. 查询订单占货. What an unknown order is answered is not documented;
/// here it is the document's word for 未占货.
pub fn lock_result(dingliyun: &Dingliyun, request: Request) -> Outcome {
    let state = dingliyun.state();
    let order = state
        .orders
        .get(request.query("order_id").unwrap_or_default());
    let lock_id = order
        .and_then(|order| order.locks.last())
        .map_or("", |lock| lock.lock_id.as_str());
    Outcome::applied(Answer::json(&json!({
        "success": true,
        "message": "",
        "stock_state": order.map_or("initial", |order| order.state.name()),
        "lock_result": order.map_or("none", |order| order.result()),
        "lock_id": lock_id,
        "store_id": order.map_or("", |order| order.store_id.as_str()),
    })))
}

/// 1.6.3. 获取指定货号平台商家占用门店库存记录. `stock_qty` is what the orders of
/// this platform and shop hold in the store.
pub fn stocks(dingliyun: &Dingliyun, request: Request) -> Outcome {
    let shops = request.query_all("shop_id");
    let platform_id = request.query("platform_id");
    let shop_id = shops.first().copied();
    let store_id = request.query("store_id").or(shops.get(1).copied());
    let wanted = request.query_all("sku_ids");
    let state = dingliyun.state();
    let mut held: std::collections::BTreeMap<(String, String), Decimal> = Default::default();
    for order in state.orders.values() {
        let fits = platform_id.is_none_or(|id| id == order.platform_id)
            && shop_id.is_none_or(|id| id == order.shop_id)
            && store_id.is_none_or(|id| id == order.store_id)
            && order.state == OrderState::Locked;
        for (sku_id, _, quantity) in order
            .locks
            .iter()
            .filter(|_| fits)
            .flat_map(|lock| &lock.items)
        {
            if wanted.is_empty() || wanted.contains(&sku_id.as_str()) {
                let sum = held
                    .entry((order.store_id.clone(), sku_id.clone()))
                    .or_default();
                *sum = sum.plus(*quantity);
            }
        }
    }
    let skus: Vec<Value> = held
        .into_iter()
        .map(|((store, sku_id), quantity)| {
            let inventory = state
                .store_inventory(&store, &sku_id)
                .cloned()
                .unwrap_or_default();
            Inventory {
                stock_qty: quantity,
                ..inventory
            }
            .to_json(&sku_id)
        })
        .collect();
    Outcome::applied(Answer::json(&json!({
        "operator": "",
        "skus": skus,
        "business_type": "order",
        "business_key": "",
    })))
}

/// 1.6.4. 订单占货发货|出库
pub fn ship(dingliyun: &Dingliyun, request: Request) -> Outcome {
    let stamp = dingliyun.stamp();
    let mut state = dingliyun.state();
    let Some(order) = state
        .orders
        .get_mut(request.id(0))
        .filter(|order| order.state == OrderState::Locked)
    else {
        return Outcome::refused(
            dingliyun.failure("stand-in, text not documented: the order holds nothing"),
        );
    };
    order.state = OrderState::Shipped;
    let (store_id, locks) = (order.store_id.clone(), order.locks.clone());
    for (sku_id, _, held) in locks.iter().flat_map(|lock| &lock.items) {
        release(&mut state, &store_id, sku_id, *held, false, &stamp);
    }
    Outcome::applied(dingliyun.success())
}

/// 1.6.5. 取消占货: one request's lock, or the whole order's.
pub fn unlock(dingliyun: &Dingliyun, request: Request) -> Outcome {
    let stamp = dingliyun.stamp();
    let order_id = request.query("order_id").unwrap_or_default();
    let request_id = request.query("request_id").filter(|id| !id.is_empty());
    let mut state = dingliyun.state();
    let Some(order) = state
        .orders
        .get_mut(order_id)
        .filter(|order| order.state == OrderState::Locked)
    else {
        return Outcome::refused(
            dingliyun.failure("stand-in, text not documented: the order holds nothing"),
        );
    };
    let (released, kept): (Vec<Lock>, Vec<Lock>) = order
        .locks
        .drain(..)
        .partition(|lock| request_id.is_none_or(|id| id == lock.request_id));
    order.locks = kept;
    if released.is_empty() {
        return Outcome::refused(
            dingliyun.failure("stand-in, text not documented: no such request"),
        );
    }
    if order.locks.is_empty() {
        order.state = OrderState::Aborted;
    }
    let store_id = order.store_id.clone();
    for (sku_id, _, held) in released.iter().flat_map(|lock| &lock.items) {
        release(&mut state, &store_id, sku_id, *held, true, &stamp);
    }
    Outcome::applied(dingliyun.success())
}

/// Ends a hold; the goods come back unless they have been shipped.
fn release(
    state: &mut State,
    store_id: &str,
    sku_id: &str,
    held: Decimal,
    back: bool,
    stamp: &str,
) {
    let key = (Place::Store(store_id.to_owned()), sku_id.to_owned());
    if let Some(inventory) = state.inventories.get_mut(&key) {
        inventory.stock_qty = inventory.stock_qty.minus(held);
        if back {
            inventory.available = inventory.available.plus(held);
        }
        stamp.clone_into(&mut inventory.change_time);
    }
}
