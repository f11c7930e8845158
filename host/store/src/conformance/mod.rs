//! The suite that every store has to pass. It panics where a promise is broken.
//!
//! | file | promises about |
//! |---|---|
//! | `accepting` | deliveries, ids, idempotency, limits |
//! | `order` | keys, folding, barriers |
//! | `attempts` | intents, outcomes, recovery |
//! | `people` | retry, edit, discard, release |
//! | `reading` | lists, counts, changes, retention |
//! | `model` | a store in memory, as simple as can be |
//! | `random` | many random operations on a store and the model |
//! | `flows` | flows, their runs and pages, what they hold for later |
//! | `grants` | what platforms granted, and a host that stops while it renews |

mod accepting;
mod attempts;
mod flows;
mod grants;
mod model;
mod order;
mod people;
mod random;
mod reading;

use crate::{
    Accepted, AttemptEnd, AttemptId, Claimed, Effect, ItemId, Lane, LaneId, NewDelivery, NewItem,
    Next, Order, Origin, Outcome, Repeat, Settlement, State, Store,
};

/// Makes an empty store.
pub type Fresh<'f> = &'f dyn Fn() -> Box<dyn Store>;

/// Holds a store to everything that stores promise.
pub fn run(fresh: Fresh<'_>) {
    let chapters = [
        accepting::PROMISES,
        order::PROMISES,
        attempts::PROMISES,
        people::PROMISES,
        reading::PROMISES,
    ];
    for promise in chapters.into_iter().flatten() {
        let store = fresh();
        promise(&*store);
        clean(&*store);
    }
    for seed in 0..random::SEEDS {
        let store = fresh();
        random::run(&*store, seed);
        clean(&*store);
    }
}

pub use flows::run as run_flows;
pub use grants::run as run_grants;

/// One thing that holds for every store.
type Promise = fn(&dyn Store);

/// A time to begin with.
const T: u64 = 1_700_000_000_000;

fn clean(store: &dyn Store) {
    assert_eq!(store.check().unwrap(), [""; 0]);
}

fn lane() -> Lane {
    Lane::new("acme", "shop", "stock.update")
}

fn key(key: &str, effect: Effect) -> Order {
    Order::Key {
        bytes: key.into(),
        effect,
    }
}

fn total(of: &str) -> Order {
    key(of, Effect::Absolute)
}

fn change(of: &str) -> Order {
    key(of, Effect::Relative)
}

fn item(order: Order, input: &str) -> NewItem {
    NewItem {
        order,
        label: input.into(),
        input: input.into(),
    }
}

fn delivery(items: Vec<NewItem>) -> NewDelivery {
    NewDelivery {
        lane: lane(),
        origin: Origin::Queued,
        idempotency: None,
        items,
    }
}

/// Queues one item of [`lane`].
fn queue(store: &dyn Store, order: Order, input: &str, now: u64) -> ItemId {
    let accepted = store.accept(delivery(vec![item(order, input)]), now);
    only(&accepted.unwrap())
}

fn only(accepted: &Accepted) -> ItemId {
    let items: Vec<ItemId> = accepted.items().collect();
    assert_eq!(items.len(), 1, "{accepted:?}");
    items[0]
}

/// The only lane that has something due.
fn due_lane(store: &dyn Store, now: u64) -> LaneId {
    let due = store.due_lanes(now, None, 9).unwrap();
    assert_eq!(due.len(), 1, "{due:?}");
    due[0].lane
}

/// Claims whatever is due in the lanes.
fn claim(store: &dyn Store, now: u64) -> Vec<Claimed> {
    let mut claimed = Vec::new();
    for due in store.due_lanes(now, None, 100).unwrap() {
        claimed.extend(store.claim(due.lane, now, 100).unwrap());
    }
    claimed
}

fn inputs(claimed: &[Claimed]) -> Vec<&str> {
    let texts = claimed.iter().map(|claimed| &claimed.input[..]);
    texts.map(|text| str::from_utf8(text).unwrap()).collect()
}

/// Claims whatever is due, which has to be these inputs.
fn claim_these(store: &dyn Store, now: u64, expected: &[&str]) -> Vec<ItemId> {
    let claimed = claim(store, now);
    assert_eq!(inputs(&claimed), expected);
    claimed.into_iter().map(|claimed| claimed.item).collect()
}

fn end(attempt: Option<AttemptId>, items: Vec<Outcome>, now: u64) -> AttemptEnd {
    AttemptEnd {
        generations: "adapter 1, script a".into(),
        status: Some(200),
        request: b"POST".into(),
        answer: b"ok".into(),
        ..AttemptEnd::new(attempt, Repeat::Safe, now, now, items)
    }
}

fn settlement(attempt: Option<AttemptId>, items: Vec<Outcome>, now: u64) -> Settlement {
    Settlement {
        attempts: vec![end(attempt, items, now)],
        connection: None,
    }
}

/// Settles an item that was claimed and has no intent.
fn settle(store: &dyn Store, item: ItemId, next: Next, now: u64) {
    let settled = store.settle(settlement(None, vec![Outcome::new(item, next)], now), now);
    assert_eq!(settled.unwrap().ignored, []);
}

fn accept(store: &dyn Store, item: ItemId, now: u64) {
    settle(store, item, Next::End(State::Accepted), now);
}

fn state(store: &dyn Store, item: ItemId) -> State {
    store.item(item).unwrap().unwrap().summary.state
}

fn states(store: &dyn Store, items: &[ItemId]) -> Vec<State> {
    items.iter().map(|item| state(store, *item)).collect()
}
