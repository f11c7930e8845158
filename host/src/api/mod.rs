//! Inbound HTTP: `/v1/…`, health and readiness.
//!
//! | part | what it does |
//! |---|---|
//! | `serve` | listens, bounds connections, ends in good order |
//! | `calls` | `POST /v1/{tenant}/{connection}/{operation}` |
//! | `admin` | what is loaded, and retiring an adapter |
//! | `health` | `/healthz`, `/readyz`, `/openapi.json` |
//! | `auth` | who may ask what |
//! | `problem` | every error as RFC 9457 `application/problem+json` |

mod admin;
mod auth;
mod calls;
mod finish;
mod health;
mod problem;
mod serve;
mod stall;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::config::{HostConfig, TokenHash};
use crate::delivery::report::{DryRun, Report};
use crate::host::{Call, Host};
use crate::problem::Problem;
use crate::reload::snapshot::{PluginStatus, TenantStatus};

pub use auth::TokenMode;
pub use serve::{Server, bind, token_mode};

pub(crate) use admin::Plugins;

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

    /// Every plugin file.
    fn plugins(&self) -> Vec<PluginStatus>;

    /// Every tenant folder.
    fn tenants(&self) -> Vec<TenantStatus>;

    /// One delivery, now.
    fn call(&self, call: Call) -> impl Future<Output = Result<Report, Problem>> + Send;

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

    fn plugins(&self) -> Vec<PluginStatus> {
        Host::plugins(self)
    }

    fn tenants(&self) -> Vec<TenantStatus> {
        Host::tenants(self)
    }

    async fn call(&self, call: Call) -> Result<Report, Problem> {
        Host::call(self, call).await
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
        const MARGIN: Duration = Duration::from_secs(2);
        self.service.config().limits.call_timeout + MARGIN
    }
}

/// Every route, as `(method, path)`, the way `openapi.json` writes them.
#[cfg(test)]
const ROUTES: [(&str, &str); 7] = [
    ("post", "/v1/{tenant}/{connection}/{operation}"),
    ("get", "/v1/plugins"),
    ("post", "/v1/plugins/{name}/retire"),
    ("get", "/v1/tenants"),
    ("get", "/healthz"),
    ("get", "/readyz"),
    ("get", "/openapi.json"),
];

fn router<S: Service>(app: Arc<App<S>>) -> Router {
    Router::new()
        .route(
            "/v1/{tenant}/{connection}/{operation}",
            post(calls::call::<S>),
        )
        .route("/v1/plugins", get(admin::plugins::<S>))
        .route("/v1/plugins/{name}/retire", post(admin::retire::<S>))
        .route("/v1/tenants", get(admin::tenants::<S>))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready::<S>))
        .route("/openapi.json", get(health::openapi))
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .with_state(app)
}
