//! One GET to a running host.

use std::time::Duration;

use axum::body::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

/// How long a host on the network may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Largest answer that is read.
const MOST_BYTES: usize = 16 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    /// Nobody is there, or does not speak HTTP.
    #[error("nothing answers at {url}")]
    Nobody {
        /// What was asked.
        url: String,
    },
    /// What was asked for cannot be asked for.
    #[error("{0}")]
    Request(String),
}

/// An answer.
pub(super) struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// The body.
    pub body: Bytes,
}

/// Asks `base` for `path`, with a bearer token if there is one.
pub(super) async fn get(base: &str, path: &str, token: Option<&str>) -> Result<Answer, NoAnswer> {
    let url = format!("{}{path}", base.trim_end_matches('/'));
    let uri: Uri = url.parse().map_err(|_| {
        NoAnswer::Request(format!(
            "`{url}` is not a URL; it looks like http://127.0.0.1:8080"
        ))
    })?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() {
        return Err(NoAnswer::Request(format!(
            "`{base}` must look like http://127.0.0.1:8080"
        )));
    }
    let mut request = Request::get(uri)
        .body(Empty::<Bytes>::new())
        .map_err(|error| NoAnswer::Request(format!("`{url}` cannot be asked: {error}")))?;
    if let Some(token) = token {
        let mut value = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| NoAnswer::Request("the token has characters no token has".into()))?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
        .map_err(|error| NoAnswer::Request(format!("TLS cannot be used: {error}")))?
        .https_or_http()
        .enable_http1()
        .build();
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let asked = tokio::time::timeout(PATIENCE, async {
        let response = client.request(request).await.ok()?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MOST_BYTES);
        let body = body.collect().await.ok()?.to_bytes();
        Some(Answer { status, body })
    });
    match asked.await {
        Ok(Some(answer)) => Ok(answer),
        Ok(None) | Err(_) => Err(NoAnswer::Nobody { url }),
    }
}
