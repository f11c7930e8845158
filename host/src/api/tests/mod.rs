//! The promises of inbound HTTP, over real sockets, with a host that only
//! pretends to deliver.

mod access;
mod answers;
mod bulk;
mod calls;
mod connections;
mod contract;
mod credentials;
mod inbound;
mod running;
mod shutdown;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
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
    HostConfig, HostLimits, RecordingConfig, Secret, TelemetryConfig, TokenHash, TrustConfig,
    WebhookGate, WebhookKey, WebhookSource,
};
use crate::flows::Flows;
use crate::grants::{Authorizing, CredentialsShown, Grants};
use crate::host::Call;
use crate::inbound::{Record, Refusal, TakenIn};
use crate::outbox::{Outbox, Queued};
use crate::plugin::inbound::Push;
use crate::problem::{Place, Problem};
use crate::reload::current::{Following, Gaps};
use crate::reload::passing::{Retry, Unwatched};
use crate::reload::status::{FlowStatus, PluginStatus, RefusalStatus, TenantStatus};
use crate::report::{DryRequest, DryRun, ItemStatus, Report};
use crate::telemetry::Telemetry;
use crate::vital::Trouble;

use answers::{generations, report, without_outbox};
use credentials::granting;
pub use running::{Running, connect, read_some, start, start_open};

/// Longest any test waits for anything.
const BOUND: Duration = Duration::from_secs(20);

/// A host that answers by the name of the connection it is asked for.
#[derive(Clone)]
pub struct Fake(Arc<Inner>);

struct Inner {
    config: HostConfig,
    tokens: BTreeMap<String, Vec<TokenHash>>,
    calls: Mutex<Vec<Call>>,
    pushes: Mutex<Vec<Push>>,
    kept: Mutex<Vec<Record>>,
    /// Codes that were brought back, with their states.
    codes: Mutex<Vec<(String, Option<String>)>>,
    memory: Budget,
    telemetry: Telemetry,
    troubles: Mutex<Vec<Trouble>>,
    loading: AtomicBool,
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
            public_url: None,
            admin_tokens: setup.admin,
            plugins_dir: "plugins".into(),
            retire_missing: false,
            sources: true,
            trust: TrustConfig::default(),
            network: crate::config::HostNetwork::default(),
            secrets: crate::secrets::SecretsConfig::default(),
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
            loading: AtomicBool::default(),
            tokens: tenants.map(|(name, t)| (name.to_owned(), t)).collect(),
            calls: Mutex::default(),
            pushes: Mutex::default(),
            kept: Mutex::default(),
            codes: Mutex::default(),
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

    fn is_loading(&self) -> bool {
        self.0.loading.load(Ordering::Relaxed)
    }

    fn of_tenant(&self, _: &str, problem: Problem) -> Problem {
        problem
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
            flows: [(
                "stock".to_owned(),
                FlowStatus {
                    source: "operation",
                    from: "stock.pending of erp".into(),
                    runs: "every 5m".into(),
                    targets: vec!["shop".into()],
                },
            )]
            .into(),
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

    fn grants(&self) -> Result<&Grants, Problem> {
        Err(Problem::host(
            "grants-not-available",
            "this host looks after no credentials",
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

    /// Only `outbox` has one: what came under a key before is known, `full` is, and
    /// an item `{"bad":…}` is refused.
    async fn queue(&self, call: Call) -> Result<Queued, Problem> {
        match call.connection.as_str() {
            "outbox" => {}
            "full" => return Err(Problem::host("outbox-full", "the disk is full")),
            _ => return Err(without_outbox()),
        }
        let items: Vec<Value> = serde_json::from_slice(&call.body).unwrap();
        if let Some(bad) = items.iter().position(|item| item.get("bad").is_some()) {
            return Err(Problem::caller("invalid-json", "this item is bad").item(bad));
        }
        let mut calls = self.0.calls.lock().unwrap();
        let same =
            |it: &&Call| it.idempotency_key.is_some() && it.idempotency_key == call.idempotency_key;
        let known = calls.iter().any(|it| same(&it));
        calls.push(call);
        Ok(Queued {
            delivery: format!("d-{}", calls.len()),
            items: items.len(),
            known,
            status: None,
        })
    }

    /// `shop` takes what says `x-sign: good`; of `lost` it cannot be kept.
    async fn push(
        &self,
        _tenant: &str,
        connection: &str,
        push: Push,
    ) -> Result<crate::plugin::inbound::Answer, Refusal> {
        let good = ("x-sign".to_owned(), "good".to_owned());
        if !push.headers.contains(&good) {
            return Err(Refusal::Stranger);
        }
        match connection {
            "shop" => {}
            "lost" => return Err(Problem::host("outbox-unwritable", "no disk").into()),
            _ => return Err(Refusal::Stranger),
        }
        self.0.pushes.lock().unwrap().push(push);
        Ok(crate::plugin::inbound::Answer {
            status: 201,
            headers: vec![("x-echo".into(), "1".into())],
            body: crate::plugin::contract::Body::Text("success".into()),
        })
    }

    fn webhook(&self, tenant: &str, flow: &str) -> Option<WebhookSource> {
        let gate = match (tenant, flow) {
            ("acme", "open") => WebhookGate::Bearer,
            ("acme", "signed") => WebhookGate::Token {
                secret: Secret::new("a-token-of-the-shop".into()),
                header: axum::http::HeaderName::from_static("x-token"),
                prefix: String::new(),
            },
            _ => return None,
        };
        Some(WebhookSource {
            gate,
            records: None,
            key: Some(WebhookKey::Pointer("/id".into())),
        })
    }

    async fn keep(&self, _: &str, _: &str, records: Vec<Record>) -> Result<TakenIn, Problem> {
        let mut kept = self.0.kept.lock().unwrap();
        let before = kept.len();
        for record in records.iter() {
            if !kept.contains(record) {
                kept.push(record.clone());
            }
        }
        Ok(TakenIn {
            records: records.len(),
            new: kept.len() - before,
        })
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

    async fn credentials(&self, _: &str, connection: &str) -> Result<CredentialsShown, Problem> {
        granting(connection)
    }

    async fn authorize(&self, _: &str, connection: &str) -> Result<Authorizing, Problem> {
        granting(connection)?;
        Ok(Authorizing {
            url: "https://platform.example/authorize?state=s1".into(),
            state: "s1".into(),
            expires_ms: 5,
        })
    }

    async fn grant_code(
        &self,
        _: &str,
        connection: &str,
        code: Secret,
        state: Option<String>,
    ) -> Result<CredentialsShown, Problem> {
        let shown = granting(connection)?;
        self.0
            .codes
            .lock()
            .unwrap()
            .push((code.expose().to_owned(), state));
        Ok(shown)
    }

    async fn grant_callback(
        &self,
        _: &str,
        connection: &str,
        code: Secret,
        state: String,
    ) -> Result<CredentialsShown, Problem> {
        credentials::taken_back(&self.0.codes, connection, code.expose(), &state)
    }

    async fn renew_credentials(
        &self,
        _: &str,
        connection: &str,
    ) -> Result<CredentialsShown, Problem> {
        granting(connection)
    }

    async fn revoke_credentials(
        &self,
        _: &str,
        connection: &str,
    ) -> Result<CredentialsShown, Problem> {
        granting(connection).map(credentials::revoked)
    }
}
