//! What is loaded, why something is not, and retiring an adapter.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::Response;
use serde::Serialize;

use super::calls::json;
use super::problem::Refused;
use super::{App, Service};
use crate::reload::snapshot::{PluginStatus, TenantStatus};

/// The answer of `GET /v1/plugins`.
#[derive(Serialize)]
pub(crate) struct Plugins<'a> {
    pub plugins: &'a [PluginStatus],
}

/// The answer of `GET /v1/tenants`.
#[derive(Serialize)]
struct Tenants<'a> {
    tenants: &'a [TenantStatus],
}

#[derive(Serialize)]
struct Retired {
    retired: String,
}

fn admit<S: Service>(app: &App<S>, uri: &Uri, headers: &HeaderMap) -> Result<(), Refused> {
    app.access
        .admin(uri, headers, || app.service.any_tenant_has_tokens())
}

/// What is loaded changes, and is nobody else's business.
fn fresh(document: &impl Serialize) -> Result<Response, Refused> {
    let mut response = json(document)?;
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

pub(super) async fn plugins<S: Service>(
    State(app): State<Arc<App<S>>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    admit(&app, &uri, &headers)?;
    fresh(&Plugins {
        plugins: &app.service.plugins(),
    })
}

pub(super) async fn tenants<S: Service>(
    State(app): State<Arc<App<S>>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    admit(&app, &uri, &headers)?;
    fresh(&Tenants {
        tenants: &app.service.tenants(),
    })
}

pub(super) async fn retire<S: Service>(
    State(app): State<Arc<App<S>>>,
    name: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    admit(&app, &uri, &headers)?;
    let Path(name) =
        name.map_err(|rejection| Refused::bad_request("invalid-path", rejection.body_text()))?;
    app.service.retire(&name).await?;
    tracing::info!(plugin = name, "retired by an operator");
    fresh(&Retired { retired: name })
}
