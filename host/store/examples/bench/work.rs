//! Many threads at a store.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossdock_store::{
    AttemptEnd, Effect, Intent, ItemId, Lane, LaneId, NewDelivery, NewItem, Next, Order, Origin,
    Outcome, Repeat, Settlement, State, Store,
};

/// A time to begin with.
pub const T: u64 = 1_700_000_000_000;

/// Keys of a lane.
const KEYS: u64 = 1_000_000;

/// How fast it went.
pub struct Done {
    /// Items a second.
    pub rate: f64,
    /// Half of the requests took no longer.
    pub p50: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
}

/// A number that is spread evenly, and is the same in each run.
fn spread(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// Accepts totals with keys, with everything that belongs to it: delivery, place
/// in the order, folding. Each request is for a lane by turns.
pub fn accept(store: &dyn Store, threads: u64, items: u64, total: u64, lanes: u64) -> Done {
    let (next, times) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    let (next, times) = (&next, &times);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(move || {
                let mut took = Vec::new();
                loop {
                    let first = next.fetch_add(items, Ordering::Relaxed);
                    if first >= total {
                        break;
                    }
                    let given = delivery(first / items % lanes, first..first + items);
                    let sent = Instant::now();
                    store.accept(given, T + first).expect("it is accepted");
                    took.push(sent.elapsed());
                }
                times.lock().expect("no thread panicked").append(&mut took);
            });
        }
    });
    let rate = total as f64 / began.elapsed().as_secs_f64();
    let mut times = times.lock().expect("no thread panicked");
    times.sort_unstable();
    Done {
        rate,
        p50: times[times.len() / 2],
        p99: times[times.len() * 99 / 100],
    }
}

fn delivery(lane: u64, items: std::ops::Range<u64>) -> NewDelivery {
    let item = |n: u64| {
        let key = format!("[\"{}\",\"2001\"]", spread(n) % KEYS);
        NewItem {
            order: Order::Key {
                bytes: key.clone().into_bytes(),
                effect: Effect::Absolute,
            },
            label: key,
            input: vec![b'x'; 120],
        }
    };
    NewDelivery {
        lane: Lane::new(format!("tenant-{lane}"), "shop", "stock.update"),
        origin: Origin::Queued,
        idempotency: None,
        items: items.map(item).collect(),
    }
}

/// How a backlog is delivered.
#[derive(Clone, Copy)]
pub struct Drain {
    /// Threads, each with lanes of its own.
    pub threads: u64,
    /// Items of a request.
    pub batch: usize,
    /// Whether each request is written down before it leaves.
    pub intents: bool,
}

/// Delivers everything, as fast as a platform that answers at once would allow.
/// Returns items a second.
pub fn drain(store: &dyn Store, how: Drain) -> f64 {
    let now = T + 1_000_000_000;
    let done = &AtomicU64::new(0);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..how.threads {
            scope.spawn(move || {
                loop {
                    let claimed = store
                        .claim(LaneId(thread + 1), now, how.batch)
                        .expect("a claim");
                    if claimed.is_empty() {
                        break;
                    }
                    let items: Vec<ItemId> = claimed.iter().map(|claimed| claimed.item).collect();
                    done.fetch_add(items.len() as u64, Ordering::Relaxed);
                    deliver(store, items, how.intents, now);
                }
            });
        }
    });
    done.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64()
}

fn deliver(store: &dyn Store, items: Vec<ItemId>, intents: bool, now: u64) {
    let request = b"POST https://platform.example/stock".to_vec();
    let attempt = intents.then(|| {
        let intent = Intent {
            items: items.clone(),
            repeat: Repeat::Never,
            began: now,
            request: request.clone(),
        };
        store.intend(vec![intent], now).expect("an intent")[0]
    });
    let accepted = |item| Outcome::new(item, Next::End(State::Accepted));
    let items = items.into_iter().map(accepted).collect();
    let end = AttemptEnd {
        generations: "adapter lingzhi 0.1.0, script 34e4e11c34ed".into(),
        status: Some(200),
        request,
        answer: b"{\"code\":200}".to_vec(),
        ..AttemptEnd::new(attempt, Repeat::Safe, now, now, items)
    };
    let settlement = Settlement {
        attempts: vec![end],
        connection: None,
    };
    store.settle(settlement, now).expect("an outcome");
}
