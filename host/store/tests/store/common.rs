//! What the tests of the store on a file share.

use std::path::Path;
use std::time::{Duration, Instant};

use crossdock_store::{
    AttemptEnd, Effect, Lane, NewDelivery, NewItem, Order, Origin, Outcome, Repeat, Settlement,
    SqliteStore, Store, StoreError,
};

/// A time to begin with.
pub const T: u64 = 1_700_000_000_000;

pub fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(folder).unwrap()
}

/// Opens the store of a folder that this process, or another test that is just
/// starting one, may hold for a moment longer.
pub fn open_when_free(folder: &Path) -> SqliteStore {
    let patience = Instant::now();
    loop {
        match SqliteStore::open(folder) {
            Err(StoreError::InUse { .. }) if patience.elapsed() < Duration::from_secs(20) => {
                std::thread::yield_now();
            }
            opened => return opened.unwrap(),
        }
    }
}

pub fn clean(store: &dyn Store) {
    assert_eq!(store.check().unwrap(), [""; 0]);
}

pub fn lane(number: u64) -> Lane {
    Lane::new("acme", format!("shop-{number}"), "stock.update")
}

pub fn item(order: Order, input: &str) -> NewItem {
    NewItem {
        order,
        label: input.into(),
        input: input.into(),
    }
}

pub fn change(of: &str) -> Order {
    Order::Key {
        bytes: of.into(),
        effect: Effect::Relative,
    }
}

pub fn delivery(lane: Lane, items: Vec<NewItem>) -> NewDelivery {
    NewDelivery {
        lane,
        origin: Origin::Queued,
        idempotency: None,
        items,
    }
}

pub fn settlement(outcomes: Vec<Outcome>, now: u64) -> Settlement {
    let end = AttemptEnd {
        status: Some(200),
        ..AttemptEnd::new(None, Repeat::Safe, now, now, outcomes)
    };
    Settlement {
        attempts: vec![end],
        connection: None,
    }
}
