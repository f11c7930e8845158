//! What folding and batching spare a platform: single updates of few articles,
//! queued one by one at full speed, to a platform that takes 10 ms to answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use crossdock_tests::process::Serving;

use super::Scale;
use super::setting::{
    CLIENTS, Platform, ROWS, bed, pool, queue, queue_url, serve, spread, tenant, total,
};
use crate::figures::Figures;

/// Updates, and the articles that they are about.
const UPDATES: u64 = 100_000;
const ARTICLES: u64 = 5_000;

/// How long the platform takes.
const TAKES: Duration = Duration::from_millis(10);

/// One way to do it.
struct Case {
    name: &'static str,
    /// Rows of a request.
    rows: usize,
    /// Whether several updates are about the same article.
    folds: bool,
}

const CASES: [Case; 3] = [
    Case {
        name: "folding and batching",
        rows: ROWS,
        folds: true,
    },
    Case {
        name: "batching alone (each its own article)",
        rows: ROWS,
        folds: false,
    },
    Case {
        name: "folding alone (1 row a request)",
        rows: 1,
        folds: true,
    },
];

pub async fn measure(figures: &mut Figures, scale: Scale) -> anyhow::Result<()> {
    let (updates, articles) = (scale.rows(UPDATES), scale.rows(ARTICLES));
    figures.section(&format!(
        "Outbox: {updates} single updates over {articles} articles; requests that left"
    ));
    let without = figures.add("outbox, requests, with neither", updates as f64, "requests");
    for case in CASES {
        let platform = Platform::start(TAKES).await?;
        let more = format!("settings = {{ batch_size = {} }}", case.rows);
        let bed = bed(1, &platform, &more);
        let (host, _) = serve(&bed).await?;
        let articles = match case.folds {
            true => articles,
            false => updates,
        };
        let began = Instant::now();
        give(&host, updates, articles).await?;
        let given = began.elapsed();
        if case.folds {
            platform.until_quiet().await;
        } else {
            platform.until_rows(updates).await?;
        }
        let name = format!("outbox, requests, {}", case.name);
        let requests = figures.add(&name, platform.requests() as f64, "requests");
        figures.ratio(format!("{name} / neither"), requests, without);
        figures.add(
            format!("outbox, given in, {}", case.name),
            given.as_secs_f64(),
            "s",
        );
        host.kill().await;
    }
    Ok(())
}

/// Queues updates one by one from all clients.
async fn give(host: &Serving, updates: u64, articles: u64) -> anyhow::Result<()> {
    let (pool, url) = (pool(), queue_url(host, &tenant(0)));
    let next = Arc::new(AtomicU64::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (pool, url, next) = (pool.clone(), url.clone(), next.clone());
            tokio::spawn(async move {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= updates {
                        return anyhow::Ok(());
                    }
                    // Each its own, or one of a few in any order.
                    let article = match articles == updates {
                        true => n,
                        false => spread(n) % articles,
                    };
                    queue(&pool, &url, total(article, n)).await?;
                }
            })
        })
        .collect();
    for client in clients {
        client.await.context("a client ended early")??;
    }
    Ok(())
}
