//! Inbound HTTP: `/v1/…`, health and readiness.
//!
//! | part | what it does |
//! |---|---|
//! | `serve` | listens, ends in good order |
//! | `connections` | which connections are open, and which makes room for another |
//! | `wire` | a client's socket, with bounds on how slow the client may be |
//! | `answering` | what every answer has in common |
//! | `query`, `body` | what a call asks for, and its items |
//! | `calls` | `POST /v1/{tenant}/{connection}/{operation}` |
//! | `bulk` | the same with one item a line, taken in piece by piece |
//! | `inbound` | what others send by themselves: a platform's pushes, a flow's webhook |
//! | `deliveries` | `/v1/{tenant}/deliveries` and `/v1/deliveries`: what was accepted, what became of it, what a person does about it |
//! | `events` | `/v1/{tenant}/deliveries/events`: what became of items, as it becomes known |
//! | `listen` | streams of events: who listens, within which bounds, from where on |
//! | `flows` | `/v1/{tenant}/flows`: which there are, what became of their runs, what a person does about them |
//! | `pace` | `/v1/{tenant}/connections`: whether queued records leave |
//! | `admin` | what is loaded, and retiring an adapter |
//! | `health` | `/healthz`, `/readyz`, `/openapi.json` |
//! | `metrics` | `/metrics` |
//! | `auth` | who may ask what |
//! | `problem` | every error as RFC 9457 `application/problem+json` |

mod admin;
mod answering;
mod auth;
mod body;
mod bulk;
mod calls;
mod clock;
mod connections;
mod deliveries;
mod events;
mod finish;
mod flows;
mod health;
mod inbound;
mod listen;
mod metrics;
mod pace;
mod problem;
mod query;
mod serve;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::budget::Budget;
use crate::config::{HostConfig, TokenHash, WebhookSource};
use crate::flows::Flows;
use crate::host::{Call, Host};
use crate::inbound::{Record, Refusal, TakenIn};
use crate::outbox::{Outbox, Queued};
use crate::plugin::inbound::{Answer, Push};
use crate::problem::Problem;
use crate::reload::current::Following;
use crate::reload::status::{PluginStatus, TenantStatus};
use crate::report::{DryRun, Report};
use crate::telemetry::Telemetry;
use crate::vital::Trouble;

pub use auth::TokenMode;
pub use serve::{Control, Server, bind, token_mode};

pub(crate) use admin::Plugins;
pub(crate) use deliveries::query::LEAST_MS;
pub(crate) use serve::LAST_ANSWERS;

use auth::Access;
use problem::Refused;

/// Calls being worked on at once. A caller beyond that is told to come back
/// later, which costs less than waiting for a time-out.
const MOST_CALLS: usize = 1024;

/// What inbound HTTP needs from the host.
pub trait Service: Send + Sync + 'static {
    /// The configuration the host was started with.
    fn config(&self) -> &HostConfig;

    /// Hashes of the tokens that may call for a tenant; nothing for a tenant
    /// that does not serve.
    fn tokens_of(&self, tenant: &str) -> Option<Vec<TokenHash>>;

    /// Whether any tenant that serves has a token.
    fn any_tenant_has_tokens(&self) -> bool;

    /// Whether a tenant is being checked of which nothing has served yet, so that
    /// its tokens are not known.
    fn is_loading(&self) -> bool;

    /// Every plugin file.
    fn plugins(&self) -> Vec<PluginStatus>;

    /// Every tenant folder.
    fn tenants(&self) -> Vec<TenantStatus>;

    /// What is not followed as it should be.
    fn following(&self) -> Following;

    /// What does not work as it should.
    fn troubles(&self) -> Vec<Trouble>;

    /// What everything that is being received or worked on may hold together.
    fn memory(&self) -> &Budget;

    /// One delivery, now.
    fn call(&self, call: Call) -> impl Future<Output = Result<Report, Problem>> + Send;

    /// Whether a call is queued that does not say otherwise.
    fn queues(&self, call: &Call) -> bool;

    /// Takes a call's items in, to be delivered as soon as that can be done.
    fn queue(&self, call: Call) -> impl Future<Output = Result<Queued, Problem>> + Send;

    /// Has the adapter of a connection verify and split what a platform pushed. Its
    /// answer is given when everything is on disk.
    fn push(
        &self,
        tenant: &str,
        connection: &str,
        push: Push,
    ) -> impl Future<Output = Result<Answer, Refusal>> + Send;

    /// What a flow takes from whoever posts to it; nothing if it is no such flow.
    fn webhook(&self, tenant: &str, flow: &str) -> Option<WebhookSource>;

    /// Keeps records for a flow. They are on disk when this returns.
    fn keep(
        &self,
        tenant: &str,
        flow: &str,
        records: Vec<Record>,
    ) -> impl Future<Output = Result<TakenIn, Problem>> + Send;

    /// Where items are that were taken in.
    ///
    /// # Errors
    /// Nothing is taken in here.
    fn outbox(&self) -> Result<&Outbox, Problem>;

    /// The flows of its tenants.
    ///
    /// # Errors
    /// None are run here.
    fn flows(&self) -> Result<&Flows, Problem>;

    /// What is counted and traced.
    fn telemetry(&self) -> &Telemetry;

    /// Everything that is counted, as Prometheus reads it.
    fn metrics(&self) -> impl Future<Output = Result<String, Problem>> + Send;

    /// What a call would send.
    fn dry_run(&self, call: Call) -> impl Future<Output = Result<DryRun, Problem>> + Send;

    /// Confirms that an adapter whose file vanished may be retired.
    fn retire(&self, plugin: &str) -> impl Future<Output = Result<(), Problem>> + Send;
}

impl Service for Host {
    fn config(&self) -> &HostConfig {
        Host::config(self)
    }

    fn tokens_of(&self, tenant: &str) -> Option<Vec<TokenHash>> {
        let snapshot = self.snapshot();
        let tenant = snapshot.tenants.get(tenant)?;
        Some(tenant.config.tokens.clone())
    }

    fn any_tenant_has_tokens(&self) -> bool {
        self.snapshot()
            .tenants
            .values()
            .any(|tenant| !tenant.config.tokens.is_empty())
    }

    fn is_loading(&self) -> bool {
        Host::is_loading(self)
    }

    fn plugins(&self) -> Vec<PluginStatus> {
        Host::plugins(self)
    }

    fn tenants(&self) -> Vec<TenantStatus> {
        Host::tenants(self)
    }

    fn following(&self) -> Following {
        Host::following(self)
    }

    fn troubles(&self) -> Vec<Trouble> {
        Host::troubles(self)
    }

    fn memory(&self) -> &Budget {
        Host::memory(self)
    }

    async fn call(&self, call: Call) -> Result<Report, Problem> {
        Host::call(self, call).await
    }

    fn queues(&self, call: &Call) -> bool {
        Host::queues(self, call)
    }

    async fn queue(&self, call: Call) -> Result<Queued, Problem> {
        Host::queue(self, call).await
    }

    async fn push(&self, tenant: &str, connection: &str, push: Push) -> Result<Answer, Refusal> {
        Host::push(self, tenant, connection, push).await
    }

    fn webhook(&self, tenant: &str, flow: &str) -> Option<WebhookSource> {
        Host::webhook(self, tenant, flow)
    }

    async fn keep(
        &self,
        tenant: &str,
        flow: &str,
        records: Vec<Record>,
    ) -> Result<TakenIn, Problem> {
        Host::keep(self, tenant, flow, records).await
    }

    fn outbox(&self) -> Result<&Outbox, Problem> {
        Host::outbox(self)
    }

    fn flows(&self) -> Result<&Flows, Problem> {
        Host::flows(self)
    }

    fn telemetry(&self) -> &Telemetry {
        Host::telemetry(self)
    }

    async fn metrics(&self) -> Result<String, Problem> {
        Host::metrics(self).await
    }

    async fn dry_run(&self, call: Call) -> Result<DryRun, Problem> {
        Host::dry_run(self, call).await
    }

    async fn retire(&self, plugin: &str) -> Result<(), Problem> {
        Host::retire(self, plugin).await
    }
}

/// What the handlers share.
struct App<S> {
    service: S,
    access: Access,
    /// One token per call being worked on; closed when the host is going down.
    calls: TaskTracker,
    /// Who listens to what becomes of items.
    listeners: listen::Listeners,
    /// Who is read before it is known who it is.
    strangers: inbound::Strangers,
    /// Cancelled when the host is going down: what has no end of its own ends.
    ending: CancellationToken,
}

impl<S: Service> App<S> {
    /// Counts a call in, unless the host is going down or is full.
    fn begin(&self) -> Result<TaskTrackerToken, Refused> {
        let token = self.calls.token();
        // In this order: whoever closes the tracker waits for every token that
        // was taken before.
        if self.calls.is_closed() {
            return Err(Refused::shutting_down());
        }
        if self.calls.len() > MOST_CALLS {
            return Err(Refused::busy(format!(
                "{MOST_CALLS} calls are being worked on; nothing was sent, try again later"
            )));
        }
        Ok(token)
    }

    /// Longest a call may take before its caller is answered anyway. The host
    /// keeps its own bound; this one only catches what the host's missed.
    fn patience(&self) -> Duration {
        const MARGIN: Duration = Duration::from_secs(4);
        self.service.config().limits.call_timeout + MARGIN
    }
}

/// Every route, as `(method, path)`, the way `openapi.json` writes them.
#[cfg(test)]
const ROUTES: [(&str, &str); 48] = [
    ("post", "/v1/{tenant}/{connection}/{operation}"),
    ("get", "/v1/{tenant}/{connection}/inbound"),
    ("post", "/v1/{tenant}/{connection}/inbound"),
    ("get", "/v1/{tenant}/{connection}/inbound/{rest}"),
    ("post", "/v1/{tenant}/{connection}/inbound/{rest}"),
    ("post", "/v1/{tenant}/flows/{flow}"),
    ("get", "/v1/{tenant}/deliveries"),
    ("get", "/v1/{tenant}/deliveries/events"),
    ("get", "/v1/deliveries/events"),
    ("get", "/v1/{tenant}/deliveries/export"),
    ("post", "/v1/{tenant}/deliveries/retry"),
    ("post", "/v1/{tenant}/deliveries/discard"),
    ("get", "/v1/{tenant}/deliveries/{id}"),
    ("post", "/v1/{tenant}/deliveries/{id}/retry"),
    ("post", "/v1/{tenant}/deliveries/{id}/discard"),
    ("get", "/v1/{tenant}/deliveries/{id}/items/{index}"),
    ("post", "/v1/{tenant}/deliveries/{id}/items/{index}/retry"),
    ("post", "/v1/{tenant}/deliveries/{id}/items/{index}/discard"),
    ("post", "/v1/{tenant}/deliveries/{id}/items/{index}/edit"),
    ("get", "/v1/deliveries"),
    ("get", "/v1/deliveries/export"),
    ("post", "/v1/deliveries/retry"),
    ("post", "/v1/deliveries/discard"),
    ("get", "/v1/deliveries/{id}"),
    ("post", "/v1/deliveries/{id}/retry"),
    ("post", "/v1/deliveries/{id}/discard"),
    ("get", "/v1/deliveries/{id}/items/{index}"),
    ("post", "/v1/deliveries/{id}/items/{index}/retry"),
    ("post", "/v1/deliveries/{id}/items/{index}/discard"),
    ("post", "/v1/deliveries/{id}/items/{index}/edit"),
    ("get", "/v1/{tenant}/connections"),
    ("post", "/v1/{tenant}/connections/{connection}/resume"),
    ("get", "/v1/{tenant}/flows"),
    ("get", "/v1/{tenant}/flows/events"),
    ("get", "/v1/{tenant}/flows/{flow}"),
    ("get", "/v1/{tenant}/flows/{flow}/runs"),
    ("get", "/v1/{tenant}/flows/{flow}/runs/{run}"),
    ("post", "/v1/{tenant}/flows/{flow}/run"),
    ("post", "/v1/{tenant}/flows/{flow}/pause"),
    ("post", "/v1/{tenant}/flows/{flow}/resume"),
    ("post", "/v1/{tenant}/flows/{flow}/resync"),
    ("get", "/v1/plugins"),
    ("post", "/v1/plugins/{name}/retire"),
    ("get", "/v1/tenants"),
    ("get", "/healthz"),
    ("get", "/readyz"),
    ("get", "/metrics"),
    ("get", "/openapi.json"),
];

fn router<S: Service>(app: Arc<App<S>>) -> Router {
    Router::new()
        .route(
            "/v1/{tenant}/{connection}/{operation}",
            post(calls::call::<S>),
        )
        .route(
            "/v1/{tenant}/{connection}/inbound",
            get(inbound::push::<S>).post(inbound::push::<S>),
        )
        .route(
            "/v1/{tenant}/{connection}/inbound/{*rest}",
            get(inbound::push_below::<S>).post(inbound::push_below::<S>),
        )
        .route("/v1/{tenant}/flows/{flow}", post(inbound::webhook::<S>))
        .merge(deliveries::routes::<S>())
        .merge(flows::routes::<S>())
        .route(
            "/v1/{tenant}/deliveries/events",
            get(events::of_tenant::<S>),
        )
        .route("/v1/deliveries/events", get(events::of_all::<S>))
        .route("/v1/{tenant}/connections", get(pace::list::<S>))
        .route(
            "/v1/{tenant}/connections/{connection}/resume",
            post(pace::resume::<S>),
        )
        .route("/v1/plugins", get(admin::plugins::<S>))
        .route("/v1/plugins/{name}/retire", post(admin::retire::<S>))
        .route("/v1/tenants", get(admin::tenants::<S>))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready::<S>))
        .route("/metrics", get(metrics::read::<S>))
        .route("/openapi.json", get(health::openapi))
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .with_state(app)
}

/// What the health listener answers.
fn health_router<S: Service>(app: Arc<App<S>>) -> Router {
    let router = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready::<S>));
    let router = match app.service.config().telemetry.on_health {
        true => router.route("/metrics", get(metrics::read_by_anybody::<S>)),
        false => router,
    };
    router
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .with_state(app)
}
