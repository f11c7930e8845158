//! The promises of inbound HTTP, over real sockets, with a host that only
//! pretends to deliver.

mod access;
mod calls;
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
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::{Server, Service, bind};
use crate::config::{HostConfig, HostLimits, RecordingConfig, TokenHash};
use crate::delivery::report::{
    DeliveryStatus, DryRequest, DryRun, Generations, ItemReport, ItemStatus, Report, RequestReport,
};
use crate::host::Call;
use crate::problem::{Place, Problem};
use crate::reload::snapshot::{PluginStatus, RefusalStatus, TenantStatus};

/// Longest any test waits for anything.
const BOUND: Duration = Duration::from_secs(20);

/// A host that answers by the name of the connection it is asked for.
#[derive(Clone)]
pub struct Fake(Arc<Inner>);

struct Inner {
    config: HostConfig,
    tokens: BTreeMap<String, Vec<TokenHash>>,
    calls: Mutex<Vec<Call>>,
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
    pub admin: Vec<TokenHash>,
    /// Tenants with the tokens of each.
    pub tenants: Vec<(&'static str, Vec<TokenHash>)>,
}

impl Fake {
    fn new(setup: Setup) -> Self {
        let config = HostConfig {
            listen: ([127, 0, 0, 1], 0).into(),
            admin_tokens: setup.admin,
            plugins_dir: "plugins".into(),
            retire_missing: false,
            tenants_dir: "tenants".into(),
            data_dir: "data".into(),
            watch_poll: None,
            recording: RecordingConfig::default(),
            limits: setup.limits,
        };
        let tenants = setup.tenants.into_iter();
        Self(Arc::new(Inner {
            config,
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
        }],
        generations: generations(),
        log: Vec::new(),
    }
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
        }]
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
