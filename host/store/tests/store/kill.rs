//! A process that is killed at any moment loses nothing that it acknowledged.
//!
//! This shows what the store makes of a process that ends anywhere. It does not
//! show a loss of power: what the system has taken, it keeps when a process dies.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::common::{T, change, clean, delivery, item, lane, open_when_free, settlement};
use crossdock_store::{
    Effect, Intent, ItemId, LaneId, Next, Order, Outcome, Phase, Repeat, SqliteStore, State, Store,
};

/// How often the process is killed.
const KILLS: u64 = 25;

/// Threads of the process that accept, and that deliver.
const ACCEPT: u64 = 4;
const DELIVER: u64 = 2;

const LANES: u64 = 3;

/// Tells the process that it is the one to be killed, and its folder.
const FOLDER: &str = "CROSSDOCK_STORE_KILL_FOLDER";

/// Lines about what the store has acknowledged. A line that is written survives
/// the process.
struct Acknowledged(Mutex<File>);

impl Acknowledged {
    fn note(&self, what: &str, item: ItemId) {
        let line = format!("{what} {}\n", item.0);
        let mut file = self.0.lock().unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
}

/// Does nothing unless the test below runs it in a process of its own.
#[test]
fn the_process_that_is_killed() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let folder = Path::new(&folder);
    let store = &open_when_free(folder);
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(folder.join("acknowledged"))
        .unwrap();
    let said = &Acknowledged(Mutex::new(file));
    said.note("open", ItemId(0));
    std::thread::scope(|scope| {
        for thread in 0..ACCEPT {
            scope.spawn(move || accept(store, said, thread));
        }
        for thread in 0..DELIVER {
            scope.spawn(move || deliver(store, said, thread));
        }
    });
}

fn accept(store: &SqliteStore, said: &Acknowledged, thread: u64) {
    for round in 0_u64.. {
        let key = |n: u64| (n % 7).to_string();
        let order = match (round + thread) % 17 {
            0 => Order::Barrier,
            n if n % 2 == 0 => change(&key(round)),
            _ => Order::Key {
                bytes: key(round).into_bytes(),
                effect: Effect::Absolute,
            },
        };
        let items = (0..=round % 4).map(|_| item(order.clone(), "x")).collect();
        let given = delivery(lane(round % LANES), items);
        let accepted = store.accept(given, T + round).unwrap();
        for item in accepted.items() {
            said.note("accepted", item);
        }
    }
}

fn deliver(store: &SqliteStore, said: &Acknowledged, thread: u64) {
    for round in 0_u64.. {
        let lane = LaneId((round + thread) % LANES + 1);
        let now = T + 1_000_000;
        let claimed = store.claim(lane, now, 20).unwrap();
        if claimed.is_empty() {
            std::thread::yield_now();
            continue;
        }
        let items: Vec<ItemId> = claimed.iter().map(|claimed| claimed.item).collect();
        let intent = Intent {
            items: items.clone(),
            repeat: Repeat::Never,
            began: now,
            request: b"POST".into(),
        };
        let attempt = match round % 3 {
            0 => None,
            _ => Some(store.intend(vec![intent], now).unwrap()[0]),
        };
        let next = |item: &ItemId| match item.0 % 10 {
            0 => Next::Again { due: now },
            1 => Next::Unknown { holds_key: false },
            2 => Next::End(State::Failed),
            _ => Next::End(State::Accepted),
        };
        let outcomes = items.iter().map(|item| Outcome::new(*item, next(item)));
        let mut settlement = settlement(outcomes.collect(), now);
        settlement.attempts[0].attempt = attempt;
        let settled = store.settle(settlement, now).unwrap();
        assert_eq!(settled.ignored, []);
        for item in items.iter().filter(|item| item.0 % 10 != 0) {
            said.note("ended", *item);
        }
    }
}

fn start(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::the_process_that_is_killed", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn lines(folder: &Path) -> Vec<(String, ItemId)> {
    let text = std::fs::read_to_string(folder.join("acknowledged")).unwrap_or_default();
    // The last line may have been cut.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let line = |line: &str| {
        let (what, item) = line.split_once(' ').unwrap();
        (what.to_owned(), ItemId(item.parse().unwrap()))
    };
    whole.lines().map(line).collect()
}

#[test]
fn nothing_that_was_acknowledged_is_lost_when_the_process_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (mut checked, mut recovered) = (0, 0);
    for kill in 0..KILLS {
        let mut child = start(folder);
        let before = lines(folder).len();
        // Another moment each time: after so many more lines, or right away.
        let enough = before + 1 + (kill * 97 % 1_500) as usize;
        let patience = Instant::now();
        while lines(folder).len() < enough {
            assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
            assert!(
                patience.elapsed() < Duration::from_secs(60),
                "it does not go on"
            );
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();

        let store = open_when_free(folder);
        clean(&store);
        let lines = lines(folder);
        for (what, item) in lines.iter().skip(checked) {
            if what == "open" {
                continue;
            }
            let view = store.item(*item).unwrap();
            let view = view.unwrap_or_else(|| panic!("item {} is lost", item.0));
            assert_eq!(view.input, b"x");
            let open = view.summary.state.phase() == Phase::Open;
            assert!(what == "accepted" || !open, "item {} goes again", item.0);
            let delivery = store.delivery(view.summary.delivery).unwrap();
            assert!(delivery.is_some_and(|delivery| !delivery.items.is_empty()));
        }
        checked = lines.len();
        // What was under way is known, and is settled as a host would.
        for attempt in store.recover().unwrap().attempts {
            recovered += 1;
            let unknown = |item: ItemId| Outcome::new(item, Next::Unknown { holds_key: false });
            let outcomes = attempt
                .items
                .iter()
                .map(|open| unknown(open.item))
                .collect();
            let mut settlement = settlement(outcomes, T);
            settlement.attempts[0].attempt = Some(attempt.attempt);
            store.settle(settlement, T).unwrap();
        }
        assert_eq!(store.recover().unwrap().attempts, []);
        clean(&store);
    }
    assert!(checked > 1_000, "only {checked} lines were written");
    println!("{KILLS} kills, {checked} acknowledged, {recovered} attempts were under way");
}
