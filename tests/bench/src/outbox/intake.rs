//! How fast records are taken in, beside what plain inserts of the same
//! durability do in the same run.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use crossdock_tests::process::Serving;

use super::Scale;
use super::setting::{
    CLIENTS, Platform, bed, pool, queue, queue_url, serve, spread, tenant, total,
};
use crate::figures::{Figures, Goal};

/// How long each figure is measured.
const TIME: Duration = Duration::from_secs(5);

/// How long clients call before anything is counted, at least.
const WARM: Duration = Duration::from_secs(1);

/// Lanes that are queued into.
const TENANTS: usize = 16;

/// Articles of which totals are queued.
const ARTICLES: u64 = 1_000_000;

/// Nothing of it leaves meanwhile, so that taking in is measured alone.
const CLOSED: &str = "limits = { requests_per_minute = 1 }";

pub async fn measure(figures: &mut Figures, scale: Scale) -> anyhow::Result<()> {
    figures.section(&format!(
        "Outbox: records taken in durably, {CLIENTS} clients over HTTP, {TENANTS} lanes"
    ));
    let time = scale.time(TIME);
    let folder = tempfile::tempdir()?;
    figures.add("outbox, fdatasync of 4 KiB", sync(folder.path())?, "ms");
    let one = plain(folder.path(), 1, time)?;
    let hundred = plain(folder.path(), 100, time)?;
    figures.add("outbox, plain SQLite, 1 row a commit", one, "rows/s");
    figures.add("outbox, plain SQLite, 100 rows a commit", hundred, "rows/s");
    for (items, plain) in [(1, one), (100, hundred)] {
        let platform = Platform::start(Duration::ZERO).await?;
        let bed = bed(TENANTS, &platform, CLOSED);
        let (host, _) = serve(&bed).await?;
        let rate = taken_in(&host, items, time).await?;
        let name = format!("outbox, taken in, {items} a request");
        figures.add(&name, rate, "items/s");
        let beside = figures.ratio(format!("{name} / plain"), rate, plain);
        match items {
            1 => figures.goal(&format!("{name} (items/s)"), rate, Goal::AtLeast(10_000.0)),
            _ => figures.goal(&format!("{name} / plain"), beside, Goal::AtLeast(0.8)),
        }
        host.kill().await;
    }
    Ok(())
}

/// Items that are taken in a second, so many in each request.
async fn taken_in(host: &Serving, items: u64, time: Duration) -> anyhow::Result<f64> {
    let (stop, count, next) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicU64::new(0)),
    );
    let pool = pool();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let url = queue_url(host, &tenant(client % TENANTS));
            let (pool, stop) = (pool.clone(), stop.clone());
            let (count, next) = (count.clone(), next.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let first = next.fetch_add(items, Ordering::Relaxed);
                    let rows = (first..first + items).map(|n| total(spread(n) % ARTICLES, n));
                    let body = rows.collect::<Vec<_>>().join(",");
                    queue(&pool, &url, format!("[{body}]")).await?;
                    count.fetch_add(items, Ordering::Relaxed);
                }
                anyhow::Ok(())
            })
        })
        .collect();
    // Connections are made and caches warm before counting begins.
    tokio::time::sleep(time / 5 + WARM).await;
    let (before, began) = (count.load(Ordering::Relaxed), Instant::now());
    tokio::time::sleep(time).await;
    let (after, elapsed) = (count.load(Ordering::Relaxed), began.elapsed());
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.context("a client ended early")??;
    }
    Ok((after - before) as f64 / elapsed.as_secs_f64())
}

/// What one sync takes, in milliseconds.
fn sync(folder: &Path) -> anyhow::Result<f64> {
    const SYNCS: u32 = 200;
    let mut file = File::create(folder.join("sync"))?;
    let began = Instant::now();
    for _ in 0..SYNCS {
        file.write_all(&[7; 4_096])?;
        file.sync_data()?;
    }
    Ok(began.elapsed().as_secs_f64() * 1e3 / f64::from(SYNCS))
}

/// Rows a second with one index, as little as a queue can have, from one thread.
fn plain(folder: &Path, batch: u64, time: Duration) -> anyhow::Result<f64> {
    let db = rusqlite::Connection::open(folder.join(format!("plain-{batch}.db")))?;
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000;
         CREATE TABLE item(id INTEGER PRIMARY KEY, lane INTEGER NOT NULL, state INTEGER NOT NULL,
             due INTEGER NOT NULL, input BLOB NOT NULL) STRICT;
         CREATE INDEX item_due ON item(lane, due, id) WHERE state = 0;",
    )?;
    let mut insert =
        db.prepare("INSERT INTO item(lane, state, due, input) VALUES (?1, 0, ?2, ?3)")?;
    let began = Instant::now();
    let mut rows = 0;
    while began.elapsed() < time {
        db.execute_batch("BEGIN IMMEDIATE")?;
        for n in rows..rows + batch {
            let input = total(spread(n) % ARTICLES, n);
            insert.execute((n % TENANTS as u64, n, input.as_bytes()))?;
        }
        db.execute_batch("COMMIT")?;
        rows += batch;
    }
    Ok(rows as f64 / began.elapsed().as_secs_f64())
}
