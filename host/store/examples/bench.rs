//! What the store does in a second, beside what the disk and plain inserts do in
//! the same run: `cargo run --release -p crossdock-store --example bench -- [FOLDER]`.
//! With `quick` after the folder, the backlog is left out.
//!
//! Figures of another run, machine or moment do not compare: a sync took 0.1 ms
//! and 4 ms on one disk within half an hour.

#[path = "bench/work.rs"]
mod work;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crossdock_store::{SqliteStore, Store};
use work::{Drain, T, accept, drain};

/// Rows of the backlog.
const BACKLOG: u64 = 1_000_000;
const BACKLOG_LANES: u64 = 10_000;

fn main() {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    let folder = words.first().map_or_else(std::env::temp_dir, PathBuf::from);
    let how = words.get(1).and_then(|word| word.to_str());
    if how == Some("look") {
        return look(&folder);
    }
    let folder = tempfile::tempdir_in(folder).expect("a folder for the files");
    let folder = folder.path();
    println!("fdatasync of 4 KiB          {:>10.3} ms", sync(folder));
    let one = plain(folder, 1, 10_000);
    let hundred = plain(folder, 100, 200_000);
    println!("plain, 1 row a commit       {one:>10.0} rows/s");
    println!("plain, 100 rows a commit    {hundred:>10.0} rows/s");
    let cases = [
        (1, 60_000, one, 100),
        (1, 60_000, one, 10_000),
        (100, 600_000, hundred, 100),
        (100, 600_000, hundred, 10_000),
    ];
    for (items, total, beside, lanes) in cases {
        let store = open(folder, &format!("accept-{items}-{lanes}"));
        let done = accept(&store, 64, items, total, lanes);
        println!(
            "accept, {items:>3} each, {lanes:>6} lanes {:>8.0} items/s  {:.2} of plain  p50 {:.1} ms  p99 {:.1} ms",
            done.rate,
            done.rate / beside,
            ms(done.p50),
            ms(done.p99)
        );
    }
    for (name, intents) in [("repeatable", false), ("with intents", true)] {
        for batch in [50, 1] {
            let store = open(folder, &format!("drain-{intents}-{batch}"));
            let total = if batch == 1 { 30_000 } else { 200_000 };
            accept(&store, 64, 100, total, 64);
            let rate = drain(
                &store,
                Drain {
                    threads: 64,
                    batch,
                    intents,
                },
            );
            println!("drain, {batch:>2} a batch, {name:<12} {rate:>8.0} items/s");
        }
    }
    if how != Some("quick") {
        backlog(folder);
    }
}

fn open(folder: &Path, name: &str) -> SqliteStore {
    SqliteStore::open(&folder.join(name)).expect("a store")
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// What one sync takes.
fn sync(folder: &Path) -> f64 {
    let mut file = File::create(folder.join("sync")).expect("a file");
    let began = Instant::now();
    for _ in 0..200 {
        file.write_all(&[7; 4_096]).expect("a write");
        file.sync_data().expect("a sync");
    }
    ms(began.elapsed()) / 200.0
}

/// Rows with one index, as little as a queue can have, from one thread.
fn plain(folder: &Path, batch: u64, total: u64) -> f64 {
    let path = folder.join(format!("plain-{batch}.db"));
    let db = rusqlite::Connection::open(path).expect("a database");
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000;
         CREATE TABLE item(id INTEGER PRIMARY KEY, lane INTEGER NOT NULL, state INTEGER NOT NULL,
             due INTEGER NOT NULL, input BLOB NOT NULL) STRICT;
         CREATE INDEX item_due ON item(lane, due, id) WHERE state = 0;",
    )
    .expect("a schema");
    let input = [b'x'; 120];
    let mut insert = db
        .prepare("INSERT INTO item(lane, state, due, input) VALUES (?1, 0, ?2, ?3)")
        .expect("a statement");
    let began = Instant::now();
    for first in (0..total).step_by(batch as usize) {
        db.execute_batch("BEGIN IMMEDIATE").expect("a transaction");
        for n in first..first + batch {
            insert.execute((n % 100, T + n, input)).expect("a row");
        }
        db.execute_batch("COMMIT").expect("a commit");
    }
    total as f64 / began.elapsed().as_secs_f64()
}

/// What a backlog costs: a quarter of it in one lane, the rest in many.
fn backlog(folder: &Path) {
    let name = "backlog";
    let began = Instant::now();
    let store = open(folder, name);
    accept(&store, 8, 1_000, BACKLOG / 4, 1);
    accept(&store, 8, 75, BACKLOG / 4 * 3, BACKLOG_LANES);
    println!(
        "backlog of {BACKLOG}: filled in {:.1} s",
        began.elapsed().as_secs_f64()
    );
    drop(store);
    // In a process of its own, so that memory is that of the backlog.
    let program = std::env::current_exe().expect("this program");
    let path = folder.join(name);
    let mut look = std::process::Command::new(program);
    let status = look.arg(path).arg("look").status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "it looks at the backlog"
    );
}

/// Opens a backlog and looks at it in the ways that have to be quick.
fn look(folder: &Path) {
    let before = resident();
    let began = Instant::now();
    let store = SqliteStore::open(folder).expect("a store");
    println!(
        "  open                      {:>10.1} ms",
        ms(began.elapsed())
    );
    let opened = resident();
    let now = T + 100 * BACKLOG;
    for round in ["first", "again"] {
        let began = Instant::now();
        let (mut lanes, mut after) = (0, None);
        loop {
            let due = store.due_lanes(now, after, 1_000).expect("lanes");
            lanes += due.len();
            after = due.last().map(|due| due.lane);
            if after.is_none() {
                break;
            }
        }
        println!(
            "  {lanes} due lanes, {round}   {:>10.1} ms",
            ms(began.elapsed())
        );
    }
    let mut took = Vec::new();
    for n in 0..2_000 {
        let lane = crossdock_store::LaneId(n * 7 % BACKLOG_LANES + 1);
        let began = Instant::now();
        store.claim(lane, now, 50).expect("a claim");
        took.push(began.elapsed());
    }
    took.sort_unstable();
    let (p50, p99) = (took[took.len() / 2], took[took.len() * 99 / 100]);
    println!(
        "  claim of 50               p50 {:.0} µs, p99 {:.0} µs",
        ms(p50) * 1e3,
        ms(p99) * 1e3
    );
    let claimed = resident();
    println!("  memory                    {before} MiB empty, {opened} open, {claimed} claimed");
    let began = Instant::now();
    let copy = folder.join("copy.db");
    store.backup(&copy).expect("a copy");
    let size = copy.metadata().map_or(0, |meta| meta.len()) >> 20;
    println!(
        "  backup of {size} MiB         {:>10.2} s",
        began.elapsed().as_secs_f64()
    );
    let began = Instant::now();
    let found = store.check().expect("a check");
    println!(
        "  check, {} findings         {:>10.2} s",
        found.len(),
        began.elapsed().as_secs_f64()
    );
}

/// Memory of this process, in MiB; 0 where the system does not tell.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse::<u64>().ok())
        .unwrap_or(0)
        / 1_024
}
