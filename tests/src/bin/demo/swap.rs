//! Script and adapter replaced while clients call.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::ensure;
use crossdock_tests::client::Client;
use serde_json::Value;

use crate::script::show_stock;
use crate::show::{heading, text};
use crate::stage::{BOUND, Stage, served_by};

const CALL: &str = "/v1/acme/mini-shop/stock.update";

/// Clients that call while files are replaced.
const CLIENTS: usize = 4;

/// Edits the script and replaces the adapter while clients call.
pub async fn show(stage: &Stage, next_adapter: &Path) -> anyhow::Result<()> {
    heading(&format!(
        "While {CLIENTS} clients keep calling: the script is edited, the adapter replaced"
    ));
    let records = stage.read("stock.json")?;
    let load = Load::start(&stage.client, &records);
    let first = stage.client.post(CALL, &records).await?;
    println!("serving      {}", served_by(&first));

    let script = stage.folder.join("tenants/acme/mini-shop-stock.jq");
    let edited = std::fs::read_to_string(&script)?
        .replace(".on_hand - .reserved", ".on_hand - .reserved + 100");
    let saved = Instant::now();
    std::fs::write(&script, edited)?;
    let before = text(&first["generations"]["script"]);
    let next = until(stage, &records, |report| {
        text(&report["generations"]["script"]) != before
    })
    .await?;
    println!(
        "new script   {}\n             {} ms after the file was saved",
        served_by(&next),
        saved.elapsed().as_millis()
    );

    let adapter = stage.folder.join("plugins/lingzhi.wasm");
    let beside = stage.folder.join("lingzhi.wasm.new");
    std::fs::copy(next_adapter, &beside)?;
    let saved = Instant::now();
    std::fs::rename(&beside, &adapter)?;
    let before = text(&next["generations"]["adapter"]);
    let next = until(stage, &records, |report| {
        text(&report["generations"]["adapter"]) != before
    })
    .await?;
    println!(
        "new adapter  {}\n             {} ms after the file was renamed into place",
        served_by(&next),
        saved.elapsed().as_millis()
    );

    let (calls, failed) = load.stop().await;
    println!("\n{calls} calls meanwhile, {failed} failed");
    println!("\nthe platform's stock now, 100 more of each by the edited script:");
    show_stock(stage);
    ensure!(failed == 0, "{failed} calls failed");
    Ok(())
}

/// Calls until an answer is as wanted.
async fn until(
    stage: &Stage,
    records: &str,
    wanted: impl Fn(&Value) -> bool,
) -> anyhow::Result<Value> {
    let started = Instant::now();
    loop {
        let report = stage.client.post(CALL, records).await?;
        ensure!(report["status"] == "accepted", "a call failed: {report}");
        if wanted(&report) {
            return Ok(report);
        }
        ensure!(
            started.elapsed() < BOUND,
            "no new generation within {BOUND:?}"
        );
    }
}

/// Clients that call without pause.
struct Load {
    stop: Arc<AtomicBool>,
    calls: Arc<AtomicUsize>,
    clients: Vec<tokio::task::JoinHandle<usize>>,
}

impl Load {
    fn start(client: &Client, records: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let calls = Arc::new(AtomicUsize::new(0));
        let clients = (0..CLIENTS)
            .map(|_| {
                let (client, records) = (client.clone(), records.to_owned());
                let (stop, calls) = (stop.clone(), calls.clone());
                tokio::spawn(async move {
                    let mut failed = 0;
                    while !stop.load(Ordering::Relaxed) {
                        calls.fetch_add(1, Ordering::Relaxed);
                        match client.post(CALL, &records).await {
                            Ok(report) if report["status"] == "accepted" => {}
                            Ok(report) => {
                                failed += 1;
                                eprintln!("failed: {report}");
                            }
                            Err(error) => {
                                failed += 1;
                                eprintln!("failed: {error:#}");
                            }
                        }
                    }
                    failed
                })
            })
            .collect();
        Self {
            stop,
            calls,
            clients,
        }
    }

    async fn stop(self) -> (usize, usize) {
        self.stop.store(true, Ordering::Relaxed);
        let mut failed = 0;
        for client in self.clients {
            failed += client.await.unwrap_or(1);
        }
        (self.calls.load(Ordering::Relaxed), failed)
    }
}
