//! Whole synchronous calls per second: through the host's inbound HTTP, one
//! adapter, outbound HTTP, and back; against a native service of the same work
//! (axum in, hyper out, no plugins), both before the same platform.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use crossdock::host::Host;
use crossdock_stand_ins::{Options, StandIns};
use crossdock_tests::bed::Bed;
use http::{HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::figures::{Figures, Goal};

/// Clients that call without pause.
const CLIENTS: usize = 16;

/// One measurement; the two services take turns, so that a slower machine
/// slows both.
const TURN: Duration = Duration::from_millis(1500);
const TURNS: usize = 5;

const ROW: &str =
    r#"[{"sku":"1234567890123456789^^^8G","quantity":20,"location":"aaa","type":"normal"}]"#;

pub type Pool = Client<HttpConnector, Full<Bytes>>;

pub fn pool() -> Pool {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(CLIENTS)
        .build(connector)
}

pub fn measure(figures: &mut Figures) -> anyhow::Result<()> {
    figures.section(&format!("Whole calls: {CLIENTS} clients, one row each"));
    let options = Options {
        quiet: true,
        ..Options::default()
    };
    let platforms = StandIns::start_in_background(options, 1)?;
    let platform = platforms.base_url("lingzhi");
    // Clients, services and platform share the machine alike in both cases.
    let clients = runtime("clients", 1)?;
    let native_runtime = runtime("native", 2)?;
    let host_runtime = runtime("crossdock", 2)?;
    let bed = Bed::with_plugins(&["lingzhi"]);
    bed.put_tenant("acme", "tenant.toml", &shop(&platform));
    let native = native_runtime.block_on(native_service(&platform))?;
    let crossdock = host_runtime.block_on(crossdock_service(&bed))?;
    let crossdock = format!("{crossdock}/v1/acme/shop/stock.update");

    let (mut host, mut own) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        own.push(clients.block_on(calls_per_second(&native))?);
        host.push(clients.block_on(calls_per_second(&crossdock))?);
    }
    let ratios: Vec<f64> = host
        .iter()
        .zip(&own)
        .map(|(host, own)| host / own)
        .collect();
    let (host, own, ratio) = (median(host), median(own), median(ratios));
    figures.add("whole calls, native service", own, "calls/s");
    figures.add("whole calls, crossdock", host, "calls/s");
    figures.add("whole calls, crossdock / native", ratio, "ratio");
    figures.goal("whole calls, crossdock / native", ratio, Goal::AtLeast(0.7));
    Ok(())
}

/// A tenant's file with one connection to a platform.
pub fn shop(platform: &str) -> String {
    format!(
        "[connections.shop]\nadapter = \"lingzhi\"\nbase_url = \"{platform}\"\nallow_private = true\n[connections.shop.limits]\nconcurrency = {CLIENTS}\n"
    )
}

fn runtime(name: &str, threads: usize) -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .thread_name(name)
        .worker_threads(threads)
        .enable_all()
        .build()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

async fn crossdock_service(bed: &Bed) -> anyhow::Result<String> {
    let host = Host::start(bed.config(), false)
        .await
        .map_err(|problem| anyhow::anyhow!("{problem}"))?;
    ensure!(host.snapshot().tenants.len() == 1, "{:?}", host.tenants());
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let server = crossdock::api::Server::new(listener, host)?;
    tokio::spawn(server.run(CancellationToken::new(), CancellationToken::new()));
    Ok(format!("http://{address}"))
}

/// The native service's own shape of the platform's row.
#[derive(Serialize)]
struct Row<'a> {
    r#type: &'a str,
    key: &'a str,
    stock: &'a serde_json::value::RawValue,
    store_code: &'a str,
}

#[derive(Deserialize)]
struct Document<'a> {
    sku: &'a str,
    #[serde(borrow)]
    quantity: &'a serde_json::value::RawValue,
    location: &'a str,
    r#type: &'a str,
}

#[derive(Deserialize)]
struct Envelope {
    code: i64,
    msg: String,
}

#[derive(Clone)]
struct Native {
    pool: Pool,
    url: Arc<str>,
}

async fn native_service(platform: &str) -> anyhow::Result<String> {
    let state = Native {
        pool: pool(),
        url: format!("{platform}/gateway/api/erp/update_goods_stock").into(),
    };
    let app = Router::new()
        .route("/call", post(native_call))
        .with_state(state);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        if let Err(error) = axum::serve(
            axum::serve::ListenerExt::tap_io(listener, |socket| {
                let _ = socket.set_nodelay(true);
            }),
            app,
        )
        .await
        {
            eprintln!("native service: {error}");
        }
    });
    Ok(format!("http://{address}/call"))
}

async fn native_call(State(native): State<Native>, body: Bytes) -> Result<String, StatusCode> {
    let rows: Vec<Document> = serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
    let rows: Vec<Row> = rows
        .iter()
        .map(|row| Row {
            r#type: row.r#type,
            key: row.sku,
            stock: row.quantity,
            store_code: row.location,
        })
        .collect();
    let body = serde_json::to_vec(&rows).map_err(|_| StatusCode::BAD_REQUEST)?;
    let mut request = Request::post(&*native.url)
        .body(Full::new(Bytes::from(body)))
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    request
        .headers_mut()
        .insert("content-type", HeaderValue::from_static("application/json"));
    let sent = Instant::now();
    let exchange = async {
        let answer = native.pool.request(request).await.ok()?;
        let status = answer.status();
        Some((status, answer.into_body().collect().await.ok()?.to_bytes()))
    };
    let (status, answer) = tokio::time::timeout(Duration::from_secs(10), exchange)
        .await
        .ok()
        .flatten()
        .ok_or(StatusCode::BAD_GATEWAY)?;
    let envelope: Envelope =
        serde_json::from_slice(&answer).map_err(|_| StatusCode::BAD_GATEWAY)?;
    let items: Vec<_> = (0..rows.len())
        .map(|index| {
            serde_json::json!({
                "index": index,
                "status": if envelope.code == 0 { "accepted" } else { "rejected" },
                "code": envelope.code,
                "message": envelope.msg,
            })
        })
        .collect();
    Ok(serde_json::json!({
        "delivery": format!("{:032x}", rand::random::<u128>()),
        "status": "accepted",
        "items": items,
        "requests": [{
            "method": "POST",
            "url": &*native.url,
            "status": status.as_u16(),
            "ms": sent.elapsed().as_millis() as u64,
            "attempt": 1,
        }],
    })
    .to_string())
}

/// One call with one row, which has to be accepted.
pub async fn call(pool: &Pool, url: &str) -> anyhow::Result<()> {
    let request = Request::post(url)
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from_static(ROW.as_bytes())))?;
    let answer = pool.request(request).await?;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    ensure!(
        status == StatusCode::OK
            && body
                .windows(20)
                .any(|part| part == b"\"status\":\"accepted\",".as_slice()),
        "{status}: {}",
        String::from_utf8_lossy(&body)
    );
    Ok(())
}

/// Calls of all clients per second.
async fn calls_per_second(url: &str) -> anyhow::Result<f64> {
    let (stop, count) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let pool = pool();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (pool, url) = (pool.clone(), url.to_owned());
            let (stop, count) = (stop.clone(), count.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    call(&pool, &url).await?;
                    count.fetch_add(1, Ordering::Relaxed);
                }
                anyhow::Ok(())
            })
        })
        .collect();
    // Connections are made and caches warm before counting begins.
    tokio::time::sleep(TURN / 5).await;
    let (before, started) = (count.load(Ordering::Relaxed), Instant::now());
    tokio::time::sleep(TURN).await;
    let (after, elapsed) = (count.load(Ordering::Relaxed), started.elapsed());
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.context("a client ended early")??;
    }
    Ok((after - before) as f64 / elapsed.as_secs_f64())
}
