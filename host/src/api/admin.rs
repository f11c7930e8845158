//! What is loaded, why something is not, and retiring an adapter.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use serde::Serialize;

use super::calls::fresh;
use super::problem::{Refused, names};
use super::{App, Service};
use crate::plugin::verify::{CONTRACTS, Contract};
use crate::reload::current::Gaps;
use crate::reload::status::{PluginStatus, TenantStatus};

/// The answer of `GET /v1/plugins`.
#[derive(Serialize)]
pub(crate) struct Plugins<'a> {
    pub plugins: &'a [PluginStatus],
    /// What plugins may be built against.
    pub contracts: &'a [Contract],
    #[serde(flatten)]
    pub following: Gaps,
}

/// The answer of `GET /v1/tenants`.
#[derive(Serialize)]
struct Tenants<'a> {
    tenants: &'a [TenantStatus],
    #[serde(flatten)]
    following: Gaps,
}

#[derive(Serialize)]
struct Retired {
    retired: String,
}

fn admit<S: Service>(app: &App<S>, uri: &Uri, headers: &HeaderMap) -> Result<(), Refused> {
    app.access
        .admin(uri, headers, || app.service.any_tenant_has_tokens())
}

pub(super) async fn plugins<S: Service>(
    State(app): State<Arc<App<S>>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    admit(&app, &uri, &headers)?;
    fresh(&Plugins {
        plugins: &app.service.plugins(),
        contracts: &CONTRACTS,
        following: app.service.following().plugins,
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
        following: app.service.following().tenants,
    })
}

pub(super) async fn retire<S: Service>(
    State(app): State<Arc<App<S>>>,
    name: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    admit(&app, &uri, &headers)?;
    let name = names(name)?;
    app.service.retire(&name).await?;
    tracing::info!(plugin = name, "retired by an operator");
    fresh(&Retired { retired: name })
}
