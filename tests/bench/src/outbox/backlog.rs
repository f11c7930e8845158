//! What a million rows cost that wait for a slow platform: memory, the start, and
//! what another tenant's single call and single row feel of it.

use std::time::{Duration, Instant};

use anyhow::ensure;
use crossdock_tests::bed::Bed;
use crossdock_tests::process::Serving;

use super::Scale;
use super::setting::{
    Platform, ROWS, bed, fill, pool, put_tenant, queue, queue_url, resident, serve, total,
};
use crate::calls::call;
use crate::figures::{Figures, Goal};

/// Rows that wait.
const WAITING: u64 = 1_000_000;

/// How long their platform takes for a request.
const TAKES: Duration = Duration::from_millis(100);

/// Calls, and queued rows, of the other tenant.
const CALLS: u64 = 1_000;

/// Longest a queued row may take to arrive before the measurement fails.
const BOUND: Duration = Duration::from_secs(60);

/// The other tenant.
const OTHER: &str = "other";

pub async fn measure(figures: &mut Figures, scale: Scale) -> anyhow::Result<()> {
    let waiting = scale.rows(WAITING);
    figures.section(&format!(
        "Outbox: a backlog of {waiting} rows, whose platform takes {} ms for {ROWS} of them",
        TAKES.as_millis()
    ));
    let calls = scale.rows(CALLS);
    let none = one(figures, "without it", 0, calls).await?;
    let some = one(figures, "beside it", waiting, calls).await?;
    let start = some.start.as_secs_f64();
    figures.goal(
        "outbox, start with the backlog (s)",
        start,
        Goal::AtMost(2.0),
    );
    for (what, with, without) in [
        ("call", some.call, none.call),
        ("queued row arrives", some.row, none.row),
    ] {
        let name = format!("outbox, {what}, p99 beside / without the backlog");
        let ratio = figures.ratio(&name, with, without);
        figures.goal(&name, ratio, Goal::AtMost(2.0));
    }
    Ok(())
}

/// What was measured: p99 in milliseconds.
struct Felt {
    start: Duration,
    call: f64,
    row: f64,
}

async fn one(figures: &mut Figures, which: &str, waiting: u64, calls: u64) -> anyhow::Result<Felt> {
    let slow = Platform::start(TAKES).await?;
    let quick = Platform::start(Duration::ZERO).await?;
    let more = format!("settings = {{ batch_size = {ROWS} }}");
    let bed: Bed = bed(1, &slow, &more);
    put_tenant(&bed, OTHER, &quick, &more);
    // Compiles the adapter, which later starts find.
    serve(&bed).await?.0.kill().await;
    if waiting > 0 {
        let began = Instant::now();
        fill(&bed, &[super::setting::tenant(0)], waiting)?;
        let filled = began.elapsed().as_secs_f64();
        figures.add("outbox, filling the backlog", filled, "s");
    }
    let (host, start) = serve(&bed).await?;
    figures.add(format!("outbox, start, {which}"), start.as_secs_f64(), "s");
    let memory = resident(host.id(), "VmRSS:")?;
    figures.add(format!("outbox, resident, {which}"), memory, "MiB");
    let call = called(figures, &host, which, calls).await?;
    // Each waits for company before it leaves, so that many take minutes.
    let row = arrived(figures, &host, &quick, which, calls / 5).await?;
    ensure!(
        waiting == 0 || slow.rows() > 0,
        "the backlog is not being delivered"
    );
    let peak = resident(host.id(), "VmHWM:")?;
    figures.add(format!("outbox, most resident, {which}"), peak, "MiB");
    host.kill().await;
    Ok(Felt { start, call, row })
}

/// Calls whose caller waits.
async fn called(
    figures: &mut Figures,
    host: &Serving,
    which: &str,
    calls: u64,
) -> anyhow::Result<f64> {
    let (pool, url) = (
        pool(),
        format!("{}/v1/{OTHER}/shop/stock.update", host.base_url),
    );
    let mut took = Vec::new();
    for n in 0..calls + calls / 10 {
        let began = Instant::now();
        call(&pool, &url).await?;
        // The first ones make connections and instances.
        if n >= calls / 10 {
            took.push(began.elapsed());
        }
    }
    Ok(tell(figures, &format!("outbox, call, {which}"), &mut took))
}

/// Queued rows, from the request to their arrival at the platform.
async fn arrived(
    figures: &mut Figures,
    host: &Serving,
    platform: &Platform,
    which: &str,
    rows: u64,
) -> anyhow::Result<f64> {
    let (pool, url) = (pool(), queue_url(host, OTHER));
    let mut took = Vec::new();
    for n in 0..rows {
        let before = platform.rows();
        let began = Instant::now();
        queue(&pool, &url, total(n, n)).await?;
        while platform.rows() == before {
            ensure!(began.elapsed() < BOUND, "a queued row does not arrive");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        took.push(began.elapsed());
    }
    let name = format!("outbox, queued row arrives, {which}");
    Ok(tell(figures, &name, &mut took))
}

fn tell(figures: &mut Figures, what: &str, took: &mut [Duration]) -> f64 {
    took.sort();
    let at = |part: usize| took[(took.len() - 1) * part / 100].as_secs_f64() * 1e3;
    figures.add(format!("{what}, median"), at(50), "ms");
    figures.add(format!("{what}, p99"), at(99), "ms")
}
