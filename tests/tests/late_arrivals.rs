//! A request that timed out on our side may still arrive at the platform. Until
//! the platform itself says what became of this very request, nothing is sent
//! again and nothing is called accepted.

use crossdock::report::ItemStatus;
use crossdock_stand_ins::decimal::Decimal;
use crossdock_stand_ins::platforms::dingliyun::{Inventory, Lock, Order, OrderState, Place};
use crossdock_stand_ins::{Misbehaviour, Options, Plan, StandIns};
use crossdock_tests::platforms::{Connection, Platforms, code};

const LOCK: &str = "/orderstockservice/lock";
const SHIP: &str = "/orderstockservice/ship";
const UNLOCK: &str = "/orderstockservice/unlock";

/// What is sent about the order `o-1`, and the path that misbehaves.
struct Change {
    operation: &'static str,
    record: &'static str,
    only: &'static str,
    /// Available and held afterwards, of 10 of which an order may hold 4.
    applied: (&'static str, &'static str),
}

const CHANGES: [Change; 4] = [
    Change {
        operation: "order.lock",
        record: r#"{"order_id":"o-1","store_id":"S1","request_id":"r-1","items":[{"sku_id":"sk-1","qty":4}]}"#,
        only: LOCK,
        applied: ("6.0", "4.0"),
    },
    Change {
        operation: "order.ship",
        record: r#"{"order_id":"o-1"}"#,
        only: SHIP,
        applied: ("6.0", "0.0"),
    },
    Change {
        operation: "order.unlock",
        record: r#"{"order_id":"o-1"}"#,
        only: UNLOCK,
        applied: ("10.0", "0.0"),
    },
    Change {
        operation: "order.unlock",
        record: r#"{"order_id":"o-1","request_id":"r-0"}"#,
        only: UNLOCK,
        applied: ("10.0", "0.0"),
    },
];

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).expect("a decimal")
}

/// 10 of the article, of which the order holds 4 unless it is to be locked.
fn prepare(stand_ins: &StandIns, held: bool) {
    stand_ins.reset("dingliyun");
    let (available, stock_qty) = if held { ("6", "4") } else { ("10", "0") };
    stand_ins.dingliyun().change(|state| {
        let stock = Inventory {
            available: decimal(available),
            stock_qty: decimal(stock_qty),
            ..Inventory::default()
        };
        let place = Place::Store("S1".into());
        state.inventories.insert((place, "sk-1".into()), stock);
        if held {
            let lock = Lock {
                lock_id: "lock-0".into(),
                request_id: "r-0".into(),
                lock_type: "lock".into(),
                items: vec![("sk-1".into(), decimal("4"), decimal("4"))],
            };
            let order = Order {
                store_id: "S1".into(),
                state: OrderState::Locked,
                locks: vec![lock],
                lock_requests: 1,
                ..Order::default()
            };
            state.orders.insert("o-1".into(), order);
        }
    });
}

/// Available and held.
fn stock(stand_ins: &StandIns) -> (String, String) {
    let state = stand_ins.dingliyun().snapshot();
    let stock = state.store_inventory("S1", "sk-1").expect("the stock");
    (stock.available.to_string(), stock.stock_qty.to_string())
}

/// How often the platform was asked to change something.
fn changes_sent(stand_ins: &StandIns) -> usize {
    let requests = stand_ins.requests("dingliyun");
    requests
        .iter()
        .filter(|request| request.method != "GET")
        .count()
}

async fn platforms() -> Platforms {
    // Long for a stand-in that answers at once, however busy the machine is.
    let connection = Connection::to("dingliyun")
        .limit("attempts", 3)
        .limit("timeout_ms", 1000);
    Platforms::start(Options::default(), &[connection]).await
}

/// Sends it into the misbehaviour; the item has to stay unknown.
async fn stays_unknown(platforms: &Platforms, change: &Change, misbehaviour: Misbehaviour) {
    let plan = Plan::new(misbehaviour).only(change.only);
    platforms.stand_ins.misbehave_as("dingliyun", plan);
    let report = platforms
        .deliver_text("dingliyun", change.operation, change.record)
        .await;
    let item = &report.items[0];
    assert_eq!(
        (item.status, code(item)),
        (ItemStatus::Unknown, "not-confirmed"),
        "{}: {item:?}",
        change.record
    );
    // What was read back is shown to whoever has to decide.
    assert!(item.details[0].message.contains("lock_result"), "{item:?}");
    assert_eq!(changes_sent(&platforms.stand_ins), 1, "{}", change.record);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_arrives_after_our_time_out_counts_once() {
    let platforms = platforms().await;
    for change in &CHANGES {
        prepare(&platforms.stand_ins, change.operation != "order.lock");
        // The read-back is answered first, and sees nothing of it.
        stays_unknown(&platforms, change, Misbehaviour::ApplyLate { answers: 1 }).await;
        let (available, held) = stock(&platforms.stand_ins);
        assert_eq!(
            (&*available, &*held),
            change.applied,
            "{} {}",
            change.operation,
            change.record
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_was_applied_and_not_answered_is_neither_repeated_nor_rejected() {
    let platforms = platforms().await;
    for change in &CHANGES {
        prepare(&platforms.stand_ins, change.operation != "order.lock");
        stays_unknown(&platforms, change, Misbehaviour::ResetAfterApplying).await;
        let (available, held) = stock(&platforms.stand_ins);
        assert_eq!(
            (&*available, &*held),
            change.applied,
            "{} {}",
            change.operation,
            change.record
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_that_another_request_made_is_no_evidence_of_this_one() {
    let platforms = platforms().await;
    let stand_ins = &platforms.stand_ins;
    // An older lock of the same order, and a second one that never arrives.
    prepare(stand_ins, true);
    stays_unknown(&platforms, &CHANGES[0], Misbehaviour::ResetBeforeApplying).await;
    assert_eq!(stock(stand_ins), ("6.0".into(), "4.0".into()));
    let state = stand_ins.dingliyun().snapshot();
    assert_eq!(state.orders["o-1"].lock_requests, 1);
    // An order that was shipped, or released, by somebody else before.
    for (change, before) in [
        (&CHANGES[1], OrderState::Shipped),
        (&CHANGES[2], OrderState::Aborted),
    ] {
        prepare(stand_ins, true);
        stand_ins.dingliyun().change(|state| {
            if let Some(order) = state.orders.get_mut("o-1") {
                order.state = before;
            }
        });
        stays_unknown(&platforms, change, Misbehaviour::ResetBeforeApplying).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_never_left_is_sent_again() {
    // Nobody listens on this port any more.
    let stand_ins = StandIns::start(Options::default())
        .await
        .expect("the stand-ins");
    let base_url = stand_ins.base_url("dingliyun");
    stand_ins.stop().await;
    let bed = crossdock_tests::bed::Bed::with_plugins(&["dingliyun"]);
    let more = "settings = { tenant_id = \"demo\" }\nlimits = { attempts = 2 }\n";
    let tenant = crossdock_tests::bed::connection("erp", "dingliyun", &base_url, more);
    bed.put_tenant("acme", "tenant.toml", &tenant);
    let host = bed.host_unwatched().await;
    for change in &CHANGES {
        let call = crossdock_tests::bed::call("acme", "erp", change.operation, change.record);
        let report = crossdock_tests::bed::deliver(&host, call).await;
        let item = &report.items[0];
        assert_eq!(
            (item.status, code(item)),
            (ItemStatus::Failed, "connect-failed"),
            "{item:?}"
        );
        assert_eq!(report.requests.len(), 2, "{}", change.operation);
    }
}
