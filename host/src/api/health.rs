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
use crate::log;
use crate::reload::current::Gaps;
use crate::reload::passing::Unwatched;
use crate::vital::Trouble;

/// Kept by hand; a test compares its paths with the router's.
pub(super) const OPENAPI: &str = include_str!("openapi.json");

/// The answer of `GET /readyz`.
#[derive(Serialize)]
struct Readiness {
    status: &'static str,
    plugins: Counts,
    tenants: Counts,
    log: log::Health,
    /// What does not work as it should; absent while everything does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_working: Vec<Trouble>,
}

/// Whether a path is one of those a probe asks.
pub(super) fn is_health(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz")
}

#[derive(Serialize, Default)]
struct Counts {
    /// How many serve, whatever their newest files are like.
    serving: usize,
    /// Of how many the newest files are refused.
    refused: usize,
    /// Of how many the newest files are still being checked. What is nothing
    /// out of the ordinary is left out, this and all below.
    #[serde(skip_serializing_if = "is_none")]
    checking: usize,
    /// How many files and folders are there and cannot be read; what was loaded
    /// from them serves.
    #[serde(skip_serializing_if = "is_none")]
    unreadable: usize,
    /// Since when, Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable_since_ms: Option<u64>,
    /// How many folders are scanned in an interval, because changes in them are
    /// not told.
    #[serde(skip_serializing_if = "is_none")]
    scanned: usize,
    /// Since when, Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    scanned_since_ms: Option<u64>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_none(count: &usize) -> bool {
    *count == 0
}

impl Counts {
    /// Which ones these are, is for the operator: see `/v1/plugins`, `/v1/tenants`.
    fn follow(&mut self, gaps: &Gaps) {
        let since = |gaps: &[Unwatched]| gaps.iter().map(|gap| gap.since_ms).min();
        self.unreadable = gaps.unreadable.len();
        self.unreadable_since_ms = since(&gaps.unreadable);
        self.scanned = gaps.scanned.len();
        self.scanned_since_ms = since(&gaps.scanned);
    }
}

/// The process answers: nothing more is said.
pub(super) async fn alive() -> Response {
    ([(CONTENT_TYPE, "application/json")], r#"{"status":"ok"}"#).into_response()
}

/// 200 from the first load until shutdown begins. A refused plugin or tenant
/// does not make the host unready: the others are served, and taking the host
/// out of a load balancer would take them along. Neither does what calls can do
/// without; what they cannot do without does.
pub(super) async fn ready<S: Service>(State(app): State<Arc<App<S>>>) -> Result<Response, Refused> {
    let mut plugins = Counts::default();
    for plugin in app.service.plugins() {
        plugins.serving += usize::from(plugin.serving.is_some());
        plugins.refused += usize::from(plugin.refused.is_some());
        plugins.checking += usize::from(plugin.checking);
    }
    let mut tenants = Counts::default();
    for tenant in app.service.tenants() {
        tenants.serving += usize::from(tenant.generation.is_some());
        tenants.refused += usize::from(!tenant.problems.is_empty());
        tenants.checking += usize::from(tenant.checking);
    }
    let following = app.service.following();
    plugins.follow(&following.plugins);
    tenants.follow(&following.tenants);
    let going_down = app.calls.is_closed();
    let not_working = app.service.troubles();
    let failing = not_working.iter().any(|trouble| trouble.serious);
    let mut response = json(&Readiness {
        status: match (going_down, failing) {
            (true, _) => "shutting-down",
            (false, true) => "failing",
            (false, false) => "ready",
        },
        plugins,
        tenants,
        log: log::health(),
        not_working,
    })?;
    if failing {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
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
