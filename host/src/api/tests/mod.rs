//! The promises of inbound HTTP, over real sockets, with a host that only
//! pretends to deliver.

mod access;
mod calls;
mod connections;
mod contract;
mod shutdown;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::{Server, Service, bind};
use crate::budget::Budget;
use crate::config::{
    HostConfig, HostLimits, RecordingConfig, TelemetryConfig, TokenHash, TrustConfig,
};
use crate::flows::Flows;
use crate::host::Call;
use crate::outbox::{Outbox, Queued};
use crate::problem::{Place, Problem};
use crate::reload::current::{Following, Gaps};
use crate::reload::passing::{Retry, Unwatched};
use crate::reload::status::{PluginStatus, RefusalStatus, TenantStatus};
use crate::report::{
    DeliveryStatus, DryRequest, DryRun, Generations, ItemReport, ItemStatus, Report, RequestReport,
};
use crate::telemetry::Telemetry;
use crate::vital::Trouble;

/// Longest any test waits for anything.
const BOUND: Duration = Duration::from_secs(20);

/// A host that answers by the name of the connection it is asked for.
#[derive(Clone)]
pub struct Fake(Arc<Inner>);

struct Inner {
    config: HostConfig,
    tokens: BTreeMap<String, Vec<TokenHash>>,
    calls: Mutex<Vec<Call>>,
    memory: Budget,
    telemetry: Telemetry,
    troubles: Mutex<Vec<Trouble>>,
    /// Gets a permit when a call to `slow` has begun.
    began: Semaphore,
    /// A permit lets one call to `slow` end.
    release: Semaphore,
    /// Gets a permit when a call to `slow` has ended.
    ended: Semaphore,
}

/// What a test may choose.
#[derive(Default)]
pub struct Setup {
    pub limits: HostLimits,
    pub telemetry: TelemetryConfig,
    pub admin: Vec<TokenHash>,
    /// Tenants with the tokens of each.
    pub tenants: Vec<(&'static str, Vec<TokenHash>)>,
}

impl Fake {
    fn new(setup: Setup) -> Self {
        let config = HostConfig {
            listen: ([127, 0, 0, 1], 0).into(),
            health_listen: None,
            admin_tokens: setup.admin,
            plugins_dir: "plugins".into(),
            retire_missing: false,
            sources: true,
            trust: TrustConfig::default(),
            tenants_dir: "tenants".into(),
            data_dir: "data".into(),
            watch_poll: None,
            compile_program: None,
            recording: RecordingConfig::default(),
            telemetry: setup.telemetry,
            outbox: Default::default(),
            limits: setup.limits,
        };
        let tenants = setup.tenants.into_iter();
        let memory = Budget::new(config.limits.calls_memory);
        Self(Arc::new(Inner {
            config,
            memory,
            telemetry: Telemetry::default(),
            troubles: Mutex::default(),
            tokens: tenants.map(|(name, t)| (name.to_owned(), t)).collect(),
            calls: Mutex::default(),
            began: Semaphore::new(0),
            release: Semaphore::new(0),
            ended: Semaphore::new(0),
        }))
    }

    fn calls(&self) -> Vec<Call> {
        self.0.calls.lock().unwrap().clone()
    }

    async fn wait(gate: &Semaphore) {
        let permit = tokio::time::timeout(BOUND, gate.acquire()).await;
        permit.expect("in time").unwrap().forget();
    }

    async fn until_begun(&self) {
        Self::wait(&self.0.began).await;
    }

    async fn until_ended(&self) {
        Self::wait(&self.0.ended).await;
    }

    fn release(&self) {
        self.0.release.add_permits(1);
    }
}

fn generations() -> Generations {
    Generations {
        adapter: "1 3f2a9c".into(),
        script: None,
        reply: None,
        tenant: 1,
    }
}

fn report(statuses: &[ItemStatus]) -> Report {
    let items: Vec<ItemReport> = statuses
        .iter()
        .enumerate()
        .map(|(index, &status)| ItemReport::new(index, status))
        .collect();
    Report {
        delivery: "00112233445566778899aabbccddeeff".into(),
        status: DeliveryStatus::over(&items),
        items,
        requests: vec![RequestReport {
            method: "POST".into(),
            url: "https://platform.example/stock".into(),
            status: Some(200),
            ms: 3,
            attempt: 1,
            error: None,
            items: Vec::new(),
            answer: None,
        }],
        generations: generations(),
        log: Vec::new(),
    }
}

fn without_outbox() -> Problem {
    Problem::host("queue-not-available", "this host has no outbox")
}

impl Service for Fake {
    fn config(&self) -> &HostConfig {
        &self.0.config
    }

    fn tokens_of(&self, tenant: &str) -> Option<Vec<TokenHash>> {
        self.0.tokens.get(tenant).cloned()
    }

    fn any_tenant_has_tokens(&self) -> bool {
        self.0.tokens.values().any(|tokens| !tokens.is_empty())
    }

    fn plugins(&self) -> Vec<PluginStatus> {
        vec![PluginStatus {
            file: "plugins/bad.wasm".into(),
            serving: None,
            refused: Some(RefusalStatus {
                step: "imports",
                reason: "it imports `wasi:http/types@0.2.0`".into(),
                sha256: Some("ab".repeat(32)),
                at_ms: 1,
            }),
            missing: false,
            checking: true,
            unreadable_since_ms: Some(1),
            retry: Some(Retry {
                failures: 2,
                at_ms: 3,
            }),
        }]
    }

    fn tenants(&self) -> Vec<TenantStatus> {
        vec![TenantStatus {
            name: "acme".into(),
            file: "tenants/acme/tenant.toml".into(),
            generation: Some(2),
            connections: [("shop".to_owned(), "lingzhi".to_owned())].into(),
            problems: vec![
                Problem::host("config-bad-value", "no such adapter").place(Place {
                    file: "tenants/acme/tenant.toml".into(),
                    line: 3,
                    column: 1,
                    source: None,
                }),
            ],
            loaded_at_ms: Some(1),
            checking: true,
            unreadable_since_ms: Some(1),
            retry: Some(Retry {
                failures: 2,
                at_ms: 3,
            }),
            waits_with: Some("plugins/bad.wasm".into()),
        }]
    }

    fn flows(&self) -> Result<&Flows, Problem> {
        Err(Problem::host(
            "flows-not-available",
            "this host runs no flows",
        ))
    }

    fn telemetry(&self) -> &Telemetry {
        &self.0.telemetry
    }

    async fn metrics(&self) -> Result<String, Problem> {
        Ok("# nothing\n".into())
    }

    fn following(&self) -> Following {
        let gap = |path: &str, since_ms| Unwatched {
            path: path.into(),
            reason: "it cannot be watched".into(),
            since_ms,
        };
        Following {
            plugins: Gaps::default(),
            tenants: Gaps {
                scanned: vec![gap("tenants/acme", 7), gap("tenants/other", 5)],
                unreadable: vec![gap("tenants/lost+found", 6)],
            },
        }
    }

    fn troubles(&self) -> Vec<Trouble> {
        self.0.troubles.lock().unwrap().clone()
    }

    fn memory(&self) -> &Budget {
        &self.0.memory
    }

    async fn call(&self, call: Call) -> Result<Report, Problem> {
        self.0.calls.lock().unwrap().push(call.clone());
        match call.connection.as_str() {
            "shop" => Ok(report(&[ItemStatus::Accepted])),
            "refusing" => Ok(report(&[ItemStatus::Rejected])),
            "slow" => {
                self.0.began.add_permits(1);
                Self::wait(&self.0.release).await;
                self.0.ended.add_permits(1);
                Ok(report(&[ItemStatus::Accepted]))
            }
            "endless" => std::future::pending().await,
            "broken" => panic!("a bug of the host's"),
            "script" => Err(Problem::script("script-failed", "no such field")
                .item(1)
                .at("/sku")
                .place(Place {
                    file: "tenants/acme/stock.jq".into(),
                    line: 2,
                    column: 4,
                    source: Some(".a.b".into()),
                })),
            other => Err(Problem::caller(
                "unknown-connection",
                format!("tenant `{}` has no connection `{other}`", call.tenant),
            )),
        }
    }

    fn queues(&self, _: &Call) -> bool {
        false
    }

    async fn queue(&self, _: Call) -> Result<Queued, Problem> {
        Err(without_outbox())
    }

    fn outbox(&self) -> Result<&Outbox, Problem> {
        Err(without_outbox())
    }

    async fn dry_run(&self, _call: Call) -> Result<DryRun, Problem> {
        Ok(DryRun {
            dry_run: true,
            items: Vec::new(),
            requests: vec![DryRequest {
                method: "POST".into(),
                url: "https://platform.example/stock?sign=«signature»".into(),
                headers: vec![("content-type".into(), "application/json".into())],
                body: Some("{}".into()),
                body_base64: None,
                items: vec![0],
                repeatable: true,
            }],
            generations: generations(),
        })
    }

    async fn retire(&self, plugin: &str) -> Result<(), Problem> {
        match plugin {
            "lingzhi" => Ok(()),
            _ => Err(Problem::caller("unknown-plugin", "there is no such plugin")),
        }
    }
}

/// A server on a port of its own.
pub struct Running {
    fake: Fake,
    base: String,
    stop: CancellationToken,
    cut: CancellationToken,
    served: tokio::task::JoinHandle<usize>,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// An answer, read.
#[derive(Debug)]
pub struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// The code of a problem, after checking that it is one.
    fn problem(&self) -> String {
        let problem = self.json();
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(problem["status"], self.status.as_u16());
        let code = problem["code"].as_str().expect("a code");
        assert_eq!(problem["type"], format!("/problems/{code}"));
        for member in ["title", "detail", "blame"] {
            assert!(problem[member].is_string(), "{problem}");
        }
        code.to_owned()
    }

    fn is_problem(&self, status: u16, code: &str) {
        assert_eq!(
            (self.status.as_u16(), self.problem().as_str()),
            (status, code)
        );
    }
}

pub async fn start(setup: Setup) -> Running {
    let fake = Fake::new(setup);
    let listener = bind(fake.0.config.listen).await.unwrap();
    let server = Server::new(listener, fake.clone()).unwrap();
    let base = format!("http://{}", server.address());
    let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
    let served = tokio::spawn(server.run(stop.clone(), cut.clone()));
    Running {
        fake,
        base,
        stop,
        cut,
        served,
        client: Client::builder(TokioExecutor::new()).build_http(),
    }
}

/// A tenant without tokens, called from this machine.
pub async fn start_open() -> Running {
    start(Setup {
        tenants: vec![("acme", Vec::new())],
        ..Setup::default()
    })
    .await
}

impl Running {
    async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        let response = tokio::time::timeout(BOUND, self.client.request(request))
            .await
            .expect("an answer in time")
            .expect("an answer");
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.expect("a whole body").to_bytes(),
        }
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> axum::http::request::Builder {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        })
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let request = self.request("GET", path, headers);
        self.send(request.body(Full::default()).unwrap()).await
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        let request = self.request("POST", path, headers);
        self.send(request.body(Full::new(body.into())).unwrap())
            .await
    }
}

async fn connect(host: &Running) -> tokio::net::TcpStream {
    let address = host.base.strip_prefix("http://").unwrap();
    tokio::net::TcpStream::connect(address).await.unwrap()
}

/// Reads until the text is there or the connection ends.
async fn read_some(socket: &mut tokio::net::TcpStream, text: &str) -> String {
    let mut read = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&read).contains(text) {
            let mut part = [0; 4096];
            match socket.read(&mut part).await {
                Ok(0) | Err(_) => break,
                Ok(length) => read.extend_from_slice(&part[..length]),
            }
        }
    };
    tokio::time::timeout(BOUND, reading).await.expect("in time");
    String::from_utf8_lossy(&read).into_owned()
}
