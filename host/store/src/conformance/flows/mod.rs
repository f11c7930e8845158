//! Promises about flows.
//!
//! | file | promises about |
//! |---|---|
//! | `runs` | flows, ticks, runs |
//! | `pages` | a page's way, and the cursor |
//! | `held` | records that are parked or came in, and what targets took last |
//! | `walk` | many random steps, with a host that stops between any two of them |

mod held;
mod pages;
mod runs;
mod walk;

use crate::{
    Begun, DeliveryId, FlowId, FlowRow, FlowStore, NewPage, NewParked, NewReceived, PageDelivery,
    RunCounts, RunId, SentPage, StageTimes, SteppedPage, Store,
};

/// Holds a store to everything that stores promise about flows.
pub fn run<S: Store + FlowStore>(fresh: &dyn Fn() -> S) {
    let chapters = [runs::PROMISES, pages::PROMISES, held::PROMISES];
    for promise in chapters.into_iter().flatten() {
        let store = fresh();
        promise(&store);
        assert_eq!(store.check().unwrap(), [""; 0]);
    }
    for seed in 0..walk::SEEDS {
        let store = fresh();
        walk::run(&store, seed);
        assert_eq!(store.check().unwrap(), [""; 0]);
    }
}

/// One thing that holds for every store.
type Promise = fn(&dyn FlowStore);

/// A time to begin with.
const T: u64 = 1_700_000_000_000;

fn flow(store: &dyn FlowStore) -> FlowId {
    store.flow_put("acme", "stock", T).unwrap().id
}

fn row(store: &dyn FlowStore, flow: FlowId) -> FlowRow {
    let flows = store.flows().unwrap();
    flows.into_iter().find(|row| row.id == flow).unwrap()
}

fn begin(store: &dyn FlowStore, flow: FlowId) -> RunId {
    match store.flow_begin(flow, None, "by hand", T).unwrap() {
        Begun::New(run) => run,
        other => panic!("{other:?}"),
    }
}

fn page(number: u32, records: &str) -> NewPage {
    NewPage {
        number,
        records: records.into(),
        count: records.len() as u32,
        cursor: Some(format!("after {number}").into()),
        last: false,
        origin: Vec::new(),
        taken: Vec::new(),
        again: Vec::new(),
        counts: RunCounts {
            incoming: records.len() as u64,
            ..RunCounts::default()
        },
    }
}

fn put(store: &dyn FlowStore, run: RunId, number: u32) {
    assert!(store.page_put(run, page(number, "abc"), T).unwrap());
}

fn stepped(records: &str) -> SteppedPage {
    SteppedPage {
        records: records.into(),
        ..SteppedPage::default()
    }
}

fn sent() -> SentPage {
    let delivery = PageDelivery {
        target: "shop".into(),
        delivery: DeliveryId::from_bytes([7; 16]),
    };
    SentPage {
        deliveries: vec![delivery],
        plan: b"plan".into(),
        keep_records: true,
        ..SentPage::default()
    }
}

fn send(store: &dyn FlowStore, run: RunId, number: u32) {
    store.page_sent(run, number, sent(), T).unwrap();
}

fn end(store: &dyn FlowStore, run: RunId, number: u32) {
    let counts = RunCounts::default();
    let stages = StageTimes::default();
    store.page_done(run, number, counts, stages, T).unwrap();
}

fn failed(record: &str) -> NewParked {
    NewParked {
        target: None,
        record: record.into(),
        problem: b"why".into(),
        generation: "1".into(),
    }
}

fn came(key: Option<&str>, body: &str) -> NewReceived {
    NewReceived {
        key: key.map(|key| key.as_bytes().into()),
        body: body.into(),
    }
}
