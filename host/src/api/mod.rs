//! Inbound HTTP: `/v1/…`, health and readiness.
//!
//! | part | what it does |
//! |---|---|
//! | `serve` | listens, ends in good order |
//! | `service` | what all of it needs from the host |
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
//! | `credentials` | `/v1/{tenant}/{connection}/credentials`: tokens that renew themselves, and the page that platforms send a person back to |
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
mod credentials;
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
mod service;
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

pub use auth::TokenMode;
pub use serve::{Control, Server, bind, token_mode};
pub use service::Service;

pub(crate) use admin::Plugins;
pub(crate) use deliveries::query::LEAST_MS;
pub(crate) use serve::LAST_ANSWERS;

use auth::Access;
use problem::Refused;

/// Calls being worked on at once. A caller beyond that is told to come back
/// later, which costs less than waiting for a time-out.
const MOST_CALLS: usize = 1024;

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
const ROUTES: [(&str, &str); 57] = [
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
    ("get", "/v1/{tenant}/connections/events"),
    ("post", "/v1/{tenant}/connections/{connection}/resume"),
    ("get", "/v1/{tenant}/{connection}/credentials"),
    ("delete", "/v1/{tenant}/{connection}/credentials"),
    ("post", "/v1/{tenant}/{connection}/credentials/authorize"),
    ("post", "/v1/{tenant}/{connection}/credentials/code"),
    ("post", "/v1/{tenant}/{connection}/credentials/renew"),
    ("get", "/v1/{tenant}/{connection}/oauth/callback"),
    ("get", "/v1/{tenant}/flows"),
    ("get", "/v1/{tenant}/flows/events"),
    ("get", "/v1/{tenant}/flows/{flow}"),
    ("get", "/v1/{tenant}/flows/{flow}/runs"),
    ("get", "/v1/{tenant}/flows/{flow}/runs/{run}"),
    ("post", "/v1/{tenant}/flows/{flow}/run"),
    ("post", "/v1/{tenant}/flows/{flow}/pause"),
    ("post", "/v1/{tenant}/flows/{flow}/resume"),
    ("post", "/v1/{tenant}/flows/{flow}/resync"),
    ("post", "/v1/{tenant}/flows/{flow}/parked/retry"),
    ("post", "/v1/{tenant}/flows/{flow}/parked/discard"),
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
        .merge(credentials::routes::<S>())
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
