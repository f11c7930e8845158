//! A large file through a flow: what the host takes of memory does not grow with it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use axum::body::Bytes;
use crossdock_tests::bed::connection;
use crossdock_tests::guests::program;
use crossdock_tests::process::Serving;
use crossdock_tests::wait::until_async;
use http::Method;
use serde_json::Value;

use crate::setting::bed;

/// Rows of the file; `FLOW_ROWS` says another number, as for docs/performance.md.
const ROWS: usize = 20_000;

/// Memory that a host may take for it, in MiB.
const MOST: u64 = 300;

/// A shop that counts what it takes and keeps nothing.
async fn shop() -> (String, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let app = Router::new().fallback(move |body: Bytes| async move {
        let items: Vec<Value> = serde_json::from_slice(&body).expect("an array");
        counted.fetch_add(items.len(), Ordering::Relaxed);
        ([("content-type", "application/json")], "{}")
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    (format!("http://{address}"), count)
}

fn write(path: &Path, rows: usize) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).expect("a file"));
    writeln!(file, "sku,qty,barcode,name").expect("a row");
    for row in 0..rows {
        let barcode = 6_900_000_000_000_000_000 + row as u64;
        writeln!(
            file,
            "a{row:06},{},{barcode},\"库存 {row}, 红色\"",
            row % 1000
        )
        .expect("a row");
    }
    let file = file.into_inner().expect("it is written");
    let past = SystemTime::now() - Duration::from_secs(60);
    file.set_modified(past).expect("a time");
}

/// The host's binary; `CROSSDOCK_BINARY` names another one, from the repository's
/// folder on.
fn binary() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    match std::env::var_os("CROSSDOCK_BINARY") {
        Some(other) => root.join(other),
        None => program("crossdock"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_goes_through_a_flow_in_bounded_memory() {
    let rows = std::env::var("FLOW_ROWS").ok();
    let rows = rows.and_then(|rows| rows.parse().ok()).unwrap_or(ROWS);
    let (shop, arrived) = shop().await;
    let bed = bed();
    let folder = bed.path("tenants/acme/in");
    std::fs::create_dir(&folder).expect("a folder");
    write(&folder.join("stock.csv"), rows);
    bed.put_tenant(
        "acme",
        "row.jq",
        "{sku: .sku, quantity: (.qty | tonumber), barcode: .barcode, repeatable: true}",
    );
    let shop = connection("mini", "test-adapter", &shop, "");
    let flow = "[flows.stock]\nfrom = { folder = \"in\" }\nto = [ { connection = \"mini\", operation = \"keyed\", script = \"row.jq\" } ]\n";
    bed.put_tenant("acme", "tenant.toml", &format!("{shop}{flow}"));
    let host = Serving::start_at(&binary(), Path::new(&bed.path("")))
        .await
        .checked()
        .await;
    let client = host.client();
    until_async("the flow to be there", async || {
        client.get("/v1/acme/flows/stock").await.ok()
    })
    .await;
    let began = Instant::now();
    let asked = client.send(Method::POST, "/v1/acme/flows/stock/run", Some(""));
    let (_, begun) = asked.await.expect("an answer");
    let run = begun["run"].as_u64().unwrap_or_else(|| panic!("{begun}"));
    let patience = Duration::from_secs(60) + Duration::from_millis(rows as u64 * 20);
    let mut read = None;
    let shown: Value = loop {
        let path = format!("/v1/acme/flows/stock/runs/{run}");
        let (_, shown) = client
            .send(Method::GET, &path, None)
            .await
            .expect("an answer");
        if read.is_none() && folder.join("done/stock.csv").is_file() {
            read = Some(began.elapsed());
        }
        if shown["ended_ms"].is_u64() && shown["open_pages"] == 0 {
            break shown;
        }
        assert!(began.elapsed() < patience, "{shown}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let took = began.elapsed();
    let memory = host.peak_memory_mib();
    eprintln!(
        "{rows} rows: {:.0} rows/s to the shop, queued after {read:?} of {took:?}, at most {memory} MiB, {}",
        rows as f64 / took.as_secs_f64(),
        shown["stages"]
    );
    assert_eq!(shown["counts"]["in"], rows as u64, "{shown}");
    assert_eq!(shown["counts"]["accepted"], rows as u64, "{shown}");
    assert!(arrived.load(Ordering::Relaxed) >= rows);
    assert!(folder.join("done/stock.csv").is_file());
    assert!(memory <= MOST, "{memory} MiB");
}
