//! `GET /metrics`, for Prometheus.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::Response;

use super::problem::Refused;
use super::{App, Service};
use crate::telemetry::page;

/// Its labels name tenants, and its numbers tell of their trade: an
/// administrator's view.
pub(super) async fn read<S: Service>(
    State(app): State<Arc<App<S>>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    app.access
        .admin(&uri, &headers, || app.service.any_tenant_has_tokens())?;
    page_of(&app.service).await
}

/// The same on the listener of health checks, where the operator has opened it.
pub(super) async fn read_by_anybody<S: Service>(
    State(app): State<Arc<App<S>>>,
) -> Result<Response, Refused> {
    page_of(&app.service).await
}

async fn page_of(service: &impl Service) -> Result<Response, Refused> {
    let mut response = Response::new(Body::from(service.metrics().await?));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(page::CONTENT_TYPE));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
