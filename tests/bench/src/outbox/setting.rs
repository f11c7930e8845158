//! A platform that only counts, a host as a process, and clients.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::serve::ListenerExt;
use crossdock_store::{Effect, Lane, NewDelivery, NewItem, Order, Origin, SqliteStore, Store};
use crossdock_tests::bed::{Bed, connection};
use crossdock_tests::process::Serving;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;

/// Clients that queue at the same time.
pub const CLIENTS: usize = 64;

/// Rows that the platform takes in one request.
pub const ROWS: usize = 50;

/// Longest that anything here may take before it counts as stuck.
const BOUND: Duration = Duration::from_secs(600);

/// Bytes that begin a row in a request's body.
const ROW: &[u8] = b"\"key\"";

/// What arrived.
#[derive(Default)]
pub struct Arrived {
    requests: AtomicU64,
    rows: AtomicU64,
    /// Nanoseconds from the start to the newest request's end.
    newest: AtomicU64,
    /// The same to the first request.
    first: AtomicU64,
}

/// A platform that says yes after a while and counts.
pub struct Platform {
    pub base_url: String,
    arrived: Arc<Arrived>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Clone)]
struct Counting {
    arrived: Arc<Arrived>,
    takes: Duration,
    began: Instant,
}

impl Platform {
    /// Answers each request after this time.
    pub async fn start(takes: Duration) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let base_url = format!("http://{}", listener.local_addr()?);
        let arrived = Arc::new(Arrived::default());
        let counting = Counting {
            arrived: arrived.clone(),
            takes,
            began: Instant::now(),
        };
        let app = Router::new().fallback(count).with_state(counting);
        let listener = listener.tap_io(|socket| {
            let _ = socket.set_nodelay(true);
        });
        let task = tokio::spawn(async move {
            // It has no end but that of the measurement.
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self {
            base_url,
            arrived,
            task,
        })
    }

    pub fn requests(&self) -> u64 {
        self.arrived.requests.load(Ordering::Relaxed)
    }

    pub fn rows(&self) -> u64 {
        self.arrived.rows.load(Ordering::Relaxed)
    }

    /// From the first request to the newest.
    pub fn busy(&self) -> Duration {
        let of = |moment: &AtomicU64| Duration::from_nanos(moment.load(Ordering::Relaxed));
        of(&self.arrived.newest).saturating_sub(of(&self.arrived.first))
    }

    /// Waits until so many rows have come.
    pub async fn until_rows(&self, rows: u64) -> anyhow::Result<()> {
        let began = Instant::now();
        while self.rows() < rows {
            ensure!(
                began.elapsed() < BOUND,
                "{} of {rows} rows came",
                self.rows()
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// Waits until nothing has come for a second, and gives what has.
    pub async fn until_quiet(&self) -> u64 {
        let (mut rows, mut since) = (self.rows(), Instant::now());
        while since.elapsed() < Duration::from_secs(1) {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let now = self.rows();
            if now != rows {
                (rows, since) = (now, Instant::now());
            }
        }
        rows
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn count(
    State(counting): State<Counting>,
    body: Bytes,
) -> ([(http::HeaderName, &'static str); 1], &'static str) {
    let now = || counting.began.elapsed().as_nanos() as u64;
    let arrived = &counting.arrived;
    let first = &arrived.first;
    let _ = first.compare_exchange(0, now(), Ordering::Relaxed, Ordering::Relaxed);
    let rows = body.windows(ROW.len()).filter(|part| *part == ROW).count();
    if !counting.takes.is_zero() {
        tokio::time::sleep(counting.takes).await;
    }
    arrived.requests.fetch_add(1, Ordering::Relaxed);
    arrived.rows.fetch_add(rows as u64, Ordering::Relaxed);
    arrived.newest.fetch_max(now(), Ordering::Relaxed);
    (
        [(CONTENT_TYPE, "application/json")],
        r#"{"code":0,"data":[],"msg":""}"#,
    )
}

/// A tenant's name.
pub fn tenant(number: usize) -> String {
    format!("t{number}")
}

/// A folder with tenants that have a connection `shop` to the platform; `more`
/// are further keys of each connection.
pub fn bed(tenants: usize, platform: &Platform, more: &str) -> Bed {
    let bed = Bed::with_plugins(&["lingzhi"]);
    bed.configure("");
    for number in 0..tenants {
        put_tenant(&bed, &tenant(number), platform, more);
    }
    bed
}

/// One more tenant.
pub fn put_tenant(bed: &Bed, name: &str, platform: &Platform, more: &str) {
    let text = connection("shop", "lingzhi", &platform.base_url, more);
    bed.put_tenant(name, "tenant.toml", &text);
}

/// The host beside this program, which was built in the same profile, and how
/// long it took until it listened.
pub async fn serve(bed: &Bed) -> anyhow::Result<(Serving, Duration)> {
    let name = format!("crossdock{}", std::env::consts::EXE_SUFFIX);
    let binary: PathBuf = std::env::current_exe()?.with_file_name(name);
    ensure!(binary.exists(), "{} is not there", binary.display());
    let began = Instant::now();
    let serving = Serving::start_at(&binary, &bed.path("")).await;
    Ok((serving, began.elapsed()))
}

/// Memory of a process in MiB: `VmRSS:` is that of now, `VmHWM:` the most so far.
pub fn resident(process: u32, which: &str) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(which));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    Ok(kib.context("the system does not say how much memory is resident")? / 1024.0)
}

pub type Pool = Client<HttpConnector, Full<Bytes>>;

pub fn pool() -> Pool {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(CLIENTS)
        .build(connector)
}

/// Queues a body; it has to be taken in.
pub async fn queue(pool: &Pool, url: &str, body: String) -> anyhow::Result<()> {
    let request = Request::post(url)
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body)))?;
    let answer = pool.request(request).await?;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    let said = String::from_utf8_lossy(&body);
    ensure!(status == StatusCode::ACCEPTED, "{status}: {said}");
    Ok(())
}

/// Where a tenant's totals are queued.
pub fn queue_url(host: &Serving, tenant: &str) -> String {
    format!("{}/v1/{tenant}/shop/stock.update?queue=true", host.base_url)
}

/// A total of an article.
pub fn total(sku: u64, quantity: u64) -> String {
    format!(r#"{{"sku":"{sku}","quantity":{quantity},"location":"aaa","type":"normal"}}"#)
}

/// A number that is spread evenly, and is the same in each run.
pub fn spread(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// Puts totals of different articles straight into the outbox of a host that does
/// not run: each tenant in turn gets a delivery, of 100 rows.
pub fn fill(bed: &Bed, tenants: &[String], rows: u64) -> anyhow::Result<()> {
    /// Rows of one delivery, and threads that write.
    const EACH: u64 = 100;
    const THREADS: u64 = 8;
    let folder: &Path = &bed.path("data/outbox");
    let store = SqliteStore::open(folder)?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let now = u64::try_from(now.as_millis())?;
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let fill = || {
            loop {
                let first = next.fetch_add(EACH, Ordering::Relaxed);
                if first >= rows {
                    return anyhow::Ok(());
                }
                let turn = (first / EACH) as usize % tenants.len();
                let delivery = NewDelivery {
                    lane: Lane::new(&*tenants[turn], "shop", "stock.update"),
                    origin: Origin::Queued,
                    idempotency: None,
                    items: (first..rows.min(first + EACH)).map(item).collect(),
                };
                store.accept(delivery, now)?;
            }
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(fill)).collect();
        for thread in threads {
            thread
                .join()
                .map_err(|_| anyhow::anyhow!("it panicked"))??;
        }
        Ok(())
    })
}

fn item(number: u64) -> NewItem {
    let key = format!("{number} aaa");
    NewItem {
        order: Order::Key {
            bytes: key.clone().into_bytes(),
            effect: Effect::Absolute,
        },
        label: key,
        input: total(number, number).into_bytes(),
    }
}
