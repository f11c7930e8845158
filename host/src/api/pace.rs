//! `/v1/{tenant}/connections`: whether queued records leave, and letting them go on.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use super::calls::fresh;
use super::problem::{Refused, names};
use super::query::single;
use super::{App, Service, auth};
use crate::outbox::Outbox;

/// The outbox, for a caller who may see this tenant.
fn admit<'a, S: Service>(
    app: &'a App<S>,
    tenant: &str,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<&'a Outbox, Refused> {
    single(headers)?;
    auth::admit(app, tenant, uri, headers)?;
    Ok(app.service.outbox()?)
}

pub(super) async fn list<S: Service>(
    State(app): State<Arc<App<S>>>,
    tenant: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let tenant = names(tenant)?;
    let outbox = admit(&app, &tenant, &uri, &headers)?;
    fresh(&outbox.connections(&tenant).await?)
}

pub(super) async fn resume<S: Service>(
    State(app): State<Arc<App<S>>>,
    path: Result<Path<(String, String)>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let (tenant, connection) = names(path)?;
    let outbox = admit(&app, &tenant, &uri, &headers)?;
    fresh(&outbox.resume(&tenant, &connection)?)
}
