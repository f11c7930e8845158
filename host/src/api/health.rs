//! `/healthz`, `/readyz` and `/openapi.json`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONNECTION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::calls::json;
use super::problem::Refused;
use super::{App, Service};

/// Kept by hand; a test compares its paths with the router's.
pub(super) const OPENAPI: &str = include_str!("openapi.json");

/// The answer of `GET /readyz`.
#[derive(Serialize)]
struct Readiness {
    status: &'static str,
    plugins: Counts,
    tenants: Counts,
}

#[derive(Serialize, Default)]
struct Counts {
    /// How many serve, whatever their newest files are like.
    serving: usize,
    /// Of how many the newest files are refused.
    refused: usize,
}

/// The process answers: nothing more is said.
pub(super) async fn alive() -> Response {
    ([(CONTENT_TYPE, "application/json")], r#"{"status":"ok"}"#).into_response()
}

/// 200 from the first load until shutdown begins. A refused plugin or tenant
/// does not make the host unready: the others are served, and taking the host
/// out of a load balancer would take them along.
pub(super) async fn ready<S: Service>(State(app): State<Arc<App<S>>>) -> Result<Response, Refused> {
    let mut plugins = Counts::default();
    for plugin in app.service.plugins() {
        plugins.serving += usize::from(plugin.serving.is_some());
        plugins.refused += usize::from(plugin.refused.is_some());
    }
    let mut tenants = Counts::default();
    for tenant in app.service.tenants() {
        tenants.serving += usize::from(tenant.generation.is_some());
        tenants.refused += usize::from(!tenant.problems.is_empty());
    }
    let going_down = app.calls.is_closed();
    let mut response = json(&Readiness {
        status: if going_down { "shutting-down" } else { "ready" },
        plugins,
        tenants,
    })?;
    if going_down {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        response
            .headers_mut()
            .insert(CONNECTION, axum::http::HeaderValue::from_static("close"));
    }
    Ok(response)
}

pub(super) async fn openapi() -> Response {
    ([(CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}
