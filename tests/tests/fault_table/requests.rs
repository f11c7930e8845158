//! The requests that meet the misbehaviours.

use std::time::Duration;

use crossdock::report::ItemStatus;
use crossdock_stand_ins::StandIns;
use crossdock_stand_ins::decimal::Decimal;
use crossdock_stand_ins::platforms::dingliyun::{Inventory, Lock, Order, OrderState, Place};
use crossdock_tests::platforms::{Connection, PLATFORMS};

/// What may happen to a request twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It sets or reads: twice is as once.
    Repeatable,
    /// It adds, and carries an id that the platform applies once.
    WithId,
    /// Twice would be wrong, and nothing tells whether it was applied.
    Once,
    /// Twice would be wrong, and the platform can be asked what became of it.
    ReadBack,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Repeatable, Self::WithId, Self::Once, Self::ReadBack];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Repeatable => "repeatable",
            Self::WithId => "with id",
            Self::Once => "not repeatable",
            Self::ReadBack => "read back",
        }
    }

    pub fn must_not_be_repeated(self) -> bool {
        matches!(self, Self::Once | Self::ReadBack)
    }
}

/// One request.
pub struct Tried {
    pub platform: &'static str,
    pub connection: &'static str,
    pub operation: &'static str,
    pub name: &'static str,
    pub kind: Kind,
    pub record: &'static str,
    /// Only requests whose path has this text misbehave.
    pub only: Option<&'static str>,
    pub prepare: fn(&StandIns),
    /// What is wrong with the platform's state afterwards, given the outcome
    /// and how often something was applied.
    pub wrong_state: fn(&StandIns, ItemStatus, usize) -> Option<String>,
}

const PLAIN: Tried = Tried {
    platform: "",
    connection: "",
    operation: "stock.update",
    name: "stock.update set",
    kind: Kind::Repeatable,
    record: r#"{"sku":"sk-1","quantity":15}"#,
    only: None,
    prepare: |_| {},
    wrong_state: |_, _, _| None,
};

pub static REQUESTS: &[Tried] = &[
    Tried {
        platform: "lingzhi",
        connection: "lingzhi",
        record: r#"{"sku":"1^^^8G","quantity":15,"location":"aaa"}"#,
        ..PLAIN
    },
    Tried {
        platform: "fengchao",
        connection: "fengchao",
        wrong_state: |stand_ins, _, applied| {
            let stock = stand_ins.fengchao().stock("code:sk-1");
            wrong_stock(stock.map(|stock| stock.stock), applied, None)
        },
        ..PLAIN
    },
    Tried {
        platform: "fengchao",
        connection: "fengchao",
        name: "stock.update adjust",
        kind: Kind::WithId,
        record: r#"{"sku":"sk-1","quantity":5,"mode":"adjust","idempotency_key":"id-1"}"#,
        prepare: |stand_ins| stand_ins.fengchao().set_stock("code:sk-1", 10),
        wrong_state: |stand_ins, _, applied| {
            let stock = stand_ins.fengchao().stock("code:sk-1");
            wrong_stock(stock.map(|stock| stock.stock), applied, Some(10))
        },
        ..PLAIN
    },
    Tried {
        platform: "doudian",
        connection: "doudian",
        wrong_state: |stand_ins, _, applied| {
            let stock = stand_ins.doudian().stock("code:sk-1");
            wrong_stock(stock.map(|stock| stock.stock), applied, None)
        },
        ..PLAIN
    },
    Tried {
        platform: "doudian",
        connection: "doudian",
        name: "stock.update adjust",
        kind: Kind::WithId,
        // Without an id of the caller's: the item's key is sent.
        record: r#"{"sku":"sk-1","quantity":5,"mode":"adjust"}"#,
        prepare: |stand_ins| stand_ins.doudian().set_stock("code:sk-1", 10),
        wrong_state: |stand_ins, _, applied| {
            let stock = stand_ins.doudian().stock("code:sk-1");
            wrong_stock(stock.map(|stock| stock.stock), applied, Some(10))
        },
        ..PLAIN
    },
    Tried {
        platform: "wangdian",
        connection: "wangdian",
        operation: "stock.calc",
        name: "stock.calc",
        record: r#"{"api_goods_id":2447}"#,
        ..PLAIN
    },
    Tried {
        platform: "wangdian",
        connection: "wangdian",
        operation: "goods.push",
        name: "goods.push",
        record: GOODS,
        ..PLAIN
    },
    Tried {
        platform: "wangdian",
        connection: "wangdian-once",
        operation: "goods.push",
        name: "goods.push, by setting",
        kind: Kind::Once,
        record: GOODS,
        ..PLAIN
    },
    Tried {
        platform: "wangdian",
        connection: "wangdian",
        operation: "stock.confirm",
        name: "stock.confirm",
        kind: Kind::Once,
        record: r#"{"api_goods_id":2447,"success":true,"syn_stock":1,"stock_change_count":2,
            "stock_syn_rule_id":-10000,"stock_syn_rule_no":"","stock_syn_warehouses":"6",
            "stock_syn_mask":0,"stock_syn_percent":100,"stock_syn_plus":1.0000,
            "stock_syn_min":1.0000,"stock_syn_max":550.0000,"is_auto_listing":1,
            "is_auto_delisting":1}"#,
        ..PLAIN
    },
    Tried {
        platform: "dingliyun",
        connection: "dingliyun",
        record: r#"{"sku":"sk-1","quantity":15,"location":"S1"}"#,
        ..PLAIN
    },
    Tried {
        platform: "dingliyun",
        connection: "dingliyun",
        operation: "order.lock",
        name: "order.lock",
        kind: Kind::ReadBack,
        record: r#"{"order_id":"o-1","store_id":"S1","items":[{"sku_id":"sk-1","qty":2}]}"#,
        only: Some("/orderstockservice/lock"),
        prepare: stocked,
        wrong_state: |stand_ins, status, applied| {
            order(stand_ins, status, applied, OrderState::Locked)
        },
    },
    Tried {
        platform: "dingliyun",
        connection: "dingliyun",
        operation: "order.ship",
        name: "order.ship",
        kind: Kind::ReadBack,
        record: r#"{"order_id":"o-1"}"#,
        only: Some("/orderstockservice/ship"),
        prepare: locked,
        wrong_state: |stand_ins, status, applied| {
            order(stand_ins, status, applied, OrderState::Shipped)
        },
    },
    Tried {
        platform: "dingliyun",
        connection: "dingliyun",
        operation: "order.unlock",
        name: "order.unlock",
        kind: Kind::ReadBack,
        record: r#"{"order_id":"o-1"}"#,
        only: Some("/orderstockservice/unlock"),
        prepare: locked,
        wrong_state: |stand_ins, status, applied| {
            order(stand_ins, status, applied, OrderState::Aborted)
        },
    },
];

const GOODS: &str = r#"{"goods_no":"G1","goods_name":"苹果","spec_list":[{"spec_no":"G1-1"}]}"#;

/// The connections of [`REQUESTS`]: two attempts, and pauses that end at once.
pub fn connections(timeout: Duration) -> Vec<Connection> {
    let limited = |connection: Connection| {
        connection
            .limit("attempts", 2)
            .limit("timeout_ms", timeout.as_millis())
            .limit("response_body_mb", 1)
    };
    let mut connections: Vec<Connection> = PLATFORMS
        .map(|platform| match platform {
            "doudian" | "wangdian" => Connection::to(platform).setting("rate_limit_pause_ms", "0"),
            _ => Connection::to(platform),
        })
        .map(limited)
        .into();
    let once = Connection::to("wangdian")
        .named("wangdian-once")
        .setting("rate_limit_pause_ms", "0")
        .setting("goods_push_repeatable", "false");
    connections.push(limited(once));
    connections
}

/// 15, whether set or reached by adding 5 once; `before` where nothing was applied.
fn wrong_stock(found: Option<i64>, applied: usize, before: Option<i64>) -> Option<String> {
    let wanted = if applied > 0 { Some(15) } else { before };
    (found != wanted).then(|| format!("the stock is {found:?}, not {wanted:?}"))
}

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).expect("a decimal")
}

fn stocked(stand_ins: &StandIns) {
    stand_ins.dingliyun().change(|state| {
        let stock = Inventory {
            available: decimal("10"),
            ..Inventory::default()
        };
        let place = Place::Store("S1".into());
        state.inventories.insert((place, "sk-1".into()), stock);
    });
}

/// An order that holds 2 of 10.
fn locked(stand_ins: &StandIns) {
    stocked(stand_ins);
    stand_ins.dingliyun().change(|state| {
        let lock = Lock {
            lock_id: "lock-0".into(),
            request_id: "r-0".into(),
            lock_type: "lock".into(),
            items: vec![("sk-1".into(), decimal("2"), decimal("2"))],
        };
        let order = Order {
            store_id: "S1".into(),
            state: OrderState::Locked,
            locks: vec![lock],
            lock_requests: 1,
            ..Order::default()
        };
        state.orders.insert("o-1".into(), order);
    });
}

/// The order is where the outcome says, and nothing was held twice.
fn order(
    stand_ins: &StandIns,
    status: ItemStatus,
    applied: usize,
    wanted: OrderState,
) -> Option<String> {
    let state = stand_ins.dingliyun().snapshot();
    let order = state.orders.get("o-1");
    let found = order.map_or(OrderState::Initial, |order| order.state);
    let locks = order.map_or(0, |order| order.lock_requests);
    if locks > 1 {
        return Some(format!("the order was locked {locks} times"));
    }
    if (found == wanted) != (applied == 1) {
        return Some(format!("the order is {found:?} with {applied} applied"));
    }
    (status == ItemStatus::Accepted && found != wanted)
        .then(|| format!("accepted, but the order is {found:?}"))
}
