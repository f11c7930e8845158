//! Flows over restarts, and a process that is killed while a flow runs.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{T, clean, open, open_when_free};
use crossdock_store::{
    Begun, DeliveryId, FlowId, FlowStore, NewPage, NewParked, NewReceived, PageDelivery, PageState,
    RunCounts, RunId, RunState, RunUpdate, SentPage, SqliteStore, StageTimes, SteppedPage, Store,
};

/// How often the process is killed.
const KILLS: u64 = 20;

/// Tells the process that it is the one to be killed, and its folder.
const FOLDER: &str = "CROSSDOCK_STORE_FLOWS_FOLDER";

/// Records of a page, and pages of a run.
const RECORDS: u64 = 5;
const PAGES: u32 = 3;

fn flow(store: &SqliteStore) -> FlowId {
    store.flow_put("acme", "stock", T).unwrap().id
}

fn counts(incoming: u64) -> RunCounts {
    RunCounts {
        incoming,
        ..RunCounts::default()
    }
}

/// The number in a cursor: the next record.
fn position(cursor: Option<&[u8]>) -> u64 {
    let text = cursor.map(|cursor| str::from_utf8(cursor).unwrap());
    text.map_or(0, |text| text.parse().unwrap())
}

#[test]
fn a_flow_goes_on_after_a_restart_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let flow = flow(&store);
    let Begun::New(run) = store.flow_begin(flow, Some(T), "tick", T).unwrap() else {
        panic!("it is new");
    };
    let page = NewPage {
        number: 0,
        records: b"[1,2]".into(),
        count: 2,
        cursor: Some(b"2".into()),
        last: false,
        origin: b"".into(),
        taken: vec![],
        again: vec![],
        counts: counts(2),
    };
    store.page_put(run, page, T).unwrap();
    let body = NewReceived {
        key: Some(b"1".into()),
        body: b"x".into(),
    };
    store.receive(flow, vec![body.clone()], T).unwrap();
    let parked = NewParked {
        target: None,
        record: b"p".into(),
        problem: b"why".into(),
        generation: "1".into(),
    };
    store.park(flow, vec![parked], T).unwrap();
    let before = store.flows().unwrap();
    drop(store);

    let store = open(folder.path());
    clean(&store);
    assert_eq!(store.flows().unwrap(), before);
    let runs = store.open_runs().unwrap();
    assert_eq!(
        (runs.len(), runs[0].id, runs[0].counts.incoming),
        (1, run, 2)
    );
    assert_eq!(store.page(run, 0).unwrap().unwrap().records, b"[1,2]");
    let again = store.flow_begin(flow, Some(T), "tick", T).unwrap();
    assert_eq!(again, Begun::Known(run));
    assert_eq!(store.receive(flow, vec![body], T).unwrap(), [false]);
    assert_eq!(store.parked(flow, None, 9).unwrap().len(), 1);
    // A copy has all of it.
    let copy = folder.path().join("copy.db");
    store.backup(&copy).unwrap();
    assert_eq!(SqliteStore::check_file(&copy).unwrap(), [""; 0]);
    let db = rusqlite::Connection::open(&copy).unwrap();
    let pages = "SELECT count(*) FROM flow_page";
    let pages: u64 = db.query_row(pages, [], |row| row.get(0)).unwrap();
    assert_eq!(pages, 1);
}

#[test]
fn what_does_not_hold_in_a_flow_is_found() {
    for (damage, found) in [
        ("UPDATE flow SET parked = 7", "counters of what it holds"),
        ("UPDATE flow SET last_tick = 5", "a run's tick is above"),
        (
            "UPDATE flow_run SET open_pages = 7",
            "counter of open pages",
        ),
        ("UPDATE flow_run SET open = 0", "closed with something"),
        (
            "UPDATE flow_run SET state = 2, ended = 1",
            "pages that are not sent",
        ),
        ("DELETE FROM flow_bytes", "has no records"),
        ("DELETE FROM flow_page", "bytes belong to no page"),
        ("UPDATE flow_run SET flow = 9", "a run belongs to no flow"),
        ("UPDATE flow_page SET run = 9", "a page belongs to no run"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let flow = flow(&store);
        let begun = store.flow_begin(flow, Some(T), "tick", T).unwrap();
        let Begun::New(run) = begun else {
            panic!("it is new");
        };
        put(&store, run, 0, 0);
        clean(&store);
        drop(store);
        let file = folder.path().join("outbox.db");
        let db = rusqlite::Connection::open(&file).unwrap();
        db.execute_batch(damage).unwrap();
        drop(db);
        let told = SqliteStore::check_of(folder.path()).unwrap();
        assert!(
            told.iter().any(|told| told.contains(found)),
            "{damage}: {told:?}"
        );
    }
}

/// Puts a page of the records from a position on.
fn put(store: &SqliteStore, run: RunId, number: u32, from: u64) {
    let records: Vec<String> = (from..from + RECORDS).map(|n| n.to_string()).collect();
    let page = NewPage {
        number,
        records: records.join(" ").into(),
        count: RECORDS as u32,
        cursor: Some((from + RECORDS).to_string().into()),
        last: number + 1 == PAGES,
        origin: vec![],
        taken: vec![],
        again: vec![],
        counts: counts(RECORDS),
    };
    store.page_put(run, page, T).unwrap();
}

/// Does nothing unless the test below runs it in a process of its own: a flow
/// that reads, steps, sends and ends, as a host's engine does.
#[test]
fn the_process_that_is_killed() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let store = open_when_free(Path::new(&folder));
    let flow = flow(&store);
    loop {
        step(&store, flow);
    }
}

/// What is to be done next, by nothing but the store.
fn step(store: &SqliteStore, flow: FlowId) {
    let runs = store.open_runs().unwrap();
    let Some(run) = runs.iter().find(|run| run.state == RunState::Running) else {
        for run in runs {
            for page in store.open_pages(run.id).unwrap() {
                let accepted = RunCounts {
                    accepted: RECORDS,
                    ..RunCounts::default()
                };
                let stages = StageTimes::default();
                let done = store.page_done(run.id, page.number, accepted, stages, T);
                done.unwrap();
            }
            let done = RunUpdate::to(RunState::Done);
            store.run_state(run.id, done, T).unwrap();
        }
        let last = store.flow_put("acme", "stock", T).unwrap().last_tick;
        let tick = last.map_or(T, |last| last + 1);
        store.flow_begin(flow, Some(tick), "tick", T).unwrap();
        return;
    };
    let pages = store.open_pages(run.id).unwrap();
    let Some(page) = pages.iter().find(|page| page.state < PageState::Sent) else {
        if run.pages == PAGES {
            let waiting = RunUpdate::to(RunState::Waiting);
            store.run_state(run.id, waiting, T).unwrap();
        } else {
            let row = store.flow_put("acme", "stock", T).unwrap();
            put(store, run.id, run.pages, position(row.cursor.as_deref()));
        }
        return;
    };
    let records = store.page(run.id, page.number).unwrap().unwrap().records;
    if page.state == PageState::New {
        let stepped = SteppedPage {
            records,
            ..SteppedPage::default()
        };
        store.page_stepped(run.id, page.number, stepped, T).unwrap();
        return;
    }
    let delivery = PageDelivery {
        target: "shop".into(),
        delivery: DeliveryId::from_bytes([7; 16]),
    };
    let sent = SentPage {
        deliveries: vec![delivery],
        // What was sent, kept for whoever looks.
        plan: records,
        counts: RunCounts {
            sent: RECORDS,
            ..RunCounts::default()
        },
        ..SentPage::default()
    };
    store.page_sent(run.id, page.number, sent, T).unwrap();
}

fn start(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "flows::the_process_that_is_killed",
            "--nocapture",
        ])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// How far a flow is, as another process sees it.
fn progress(folder: &Path) -> u64 {
    let db = rusqlite::Connection::open(folder.join("outbox.db"));
    let commits = db.and_then(|db| db.query_row("SELECT commits FROM meta", [], |row| row.get(0)));
    commits.unwrap_or(0)
}

#[test]
fn no_record_of_a_flow_is_lost_or_sent_twice_when_the_process_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    drop(open(folder));
    for kill in 0..KILLS {
        let before = progress(folder);
        let mut child = start(folder);
        let enough = before + 3 + kill * 7 % 40;
        let patience = Instant::now();
        while progress(folder) < enough {
            assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
            let patient = patience.elapsed() < Duration::from_secs(60);
            assert!(patient, "it does not go on");
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();

        let store = open_when_free(folder);
        clean(&store);
        let flow = flow(&store);
        let row = store.flow_put("acme", "stock", T).unwrap();
        let mut runs = store.runs(flow, None, 1_000).unwrap();
        runs.reverse();
        // Each tick has one run, and the records of all pages that are sent follow
        // each other up to the cursor.
        let mut ticks: BTreeMap<u64, u32> = BTreeMap::new();
        let (mut sent, mut counted) = (0, 0);
        for run in &runs {
            *ticks.entry(run.tick.unwrap()).or_default() += 1;
            counted += run.counts.sent;
            for page in store.pages(run.id, None, 1_000).unwrap() {
                if page.state >= PageState::Sent {
                    sent += RECORDS;
                    assert_eq!(position(page.cursor.as_deref()), sent);
                }
            }
        }
        assert_eq!(position(row.cursor.as_deref()), sent);
        assert_eq!(counted, sent, "each page is counted once");
        assert!(ticks.values().all(|runs| *runs == 1));
        assert_eq!(ticks.keys().last().copied(), row.last_tick);
    }
    let store = open_when_free(folder);
    let sent = position(
        store
            .flow_put("acme", "stock", T)
            .unwrap()
            .cursor
            .as_deref(),
    );
    assert!(sent > 100, "only {sent} records were sent");
    println!("{KILLS} kills, {sent} records");
}
