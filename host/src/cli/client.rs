//! Questions to a running host.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use axum::body::Bytes;
use clap::Args;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;

use super::Global;
use super::failure::Failure;

/// Where a token is looked for.
pub(super) const TOKEN_VARIABLE: &str = "CROSSDOCK_TOKEN";

/// Which host a command asks, and with which token.
#[derive(Debug, Args)]
pub(super) struct Reach {
    /// The host; without it the one at the configured address
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The environment variable that holds the token
    #[arg(long, value_name = "VARIABLE", default_value = TOKEN_VARIABLE)]
    pub token_env: String,
}

impl Reach {
    /// Where the host is.
    ///
    /// # Errors
    /// If no URL was given, and the configuration cannot be read.
    pub fn url(&self, global: &Global) -> Result<String, Failure> {
        Ok(match &self.url {
            Some(url) => url.clone(),
            None => here(global.config()?.listen),
        })
    }

    /// The token, if there is one.
    pub fn token(&self) -> Option<String> {
        token(&self.token_env)
    }
}

/// The token in an environment variable; none if it is empty.
pub(super) fn token(variable: &str) -> Option<String> {
    let token = std::env::var(variable).ok();
    token.filter(|token| !token.is_empty())
}

/// What to do where a host lets nobody in with the token in this environment
/// variable, or without one. `wanted` is the token that it wants.
pub(super) fn not_let_in(url: &str, given: bool, wanted: &str, variable: &str) -> String {
    match given {
        true => format!(
            "the host at {url} does not accept the token in the environment variable {variable}; it wants {wanted}"
        ),
        false => format!(
            "the host at {url} wants {wanted}; put one into the environment variable {variable}"
        ),
    }
}

/// How long a host on the network may take to say what it knows.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long it may take to do something, and one that is starting to answer at
/// all.
pub(super) const LONG_PATIENCE: Duration = Duration::from_secs(60);

/// How long nothing of a long answer may come.
const PAUSE: Duration = Duration::from_secs(30);

/// Largest answer that is read at once.
const MOST_BYTES: usize = 64 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    /// Nobody is there, or does not speak HTTP.
    #[error("nothing answers at {url}")]
    Nobody {
        /// What was asked.
        url: String,
    },
    /// Somebody is there and has not answered.
    #[error(
        "{url} took the question and has not answered within {seconds} s; a host that is starting, or that has much to do, answers later: ask again in a moment"
    )]
    Late {
        /// What was asked.
        url: String,
        /// How long it had.
        seconds: u64,
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

/// As much of a problem as is shown.
#[derive(Debug, Deserialize)]
pub(super) struct Told {
    /// Its code.
    pub code: String,
    /// One sentence.
    pub detail: String,
}

/// Asks `base` for `path`, with a bearer token if there is one.
pub(super) async fn get(base: &str, path: &str, token: Option<&str>) -> Result<Answer, NoAnswer> {
    let request = request(Method::GET, base, path, token, None)?;
    whole(request, PATIENCE).await
}

/// The same of a host that may be starting, which answers when everything is
/// loaded. `waiting` is called once it takes longer than others do.
pub(super) async fn get_from_slow(
    base: &str,
    path: &str,
    token: Option<&str>,
    most: Duration,
    waiting: impl FnOnce(),
) -> Result<Answer, NoAnswer> {
    let request = request(Method::GET, base, path, token, None)?;
    let mut answer = std::pin::pin!(whole(request, most));
    match tokio::time::timeout(PATIENCE, &mut answer).await {
        Ok(answer) => answer,
        Err(_) => {
            waiting();
            answer.await
        }
    }
}

/// Has `base` do something, which may take longer.
pub(super) async fn post(
    base: &str,
    path: &str,
    token: Option<&str>,
    body: Option<Bytes>,
) -> Result<Answer, NoAnswer> {
    let request = request(Method::POST, base, path, token, body)?;
    whole(request, LONG_PATIENCE).await
}

/// Has `base` forget something.
pub(super) async fn delete(
    base: &str,
    path: &str,
    token: Option<&str>,
) -> Result<Answer, NoAnswer> {
    let request = request(Method::DELETE, base, path, token, None)?;
    whole(request, LONG_PATIENCE).await
}

/// Copies a long answer as it comes. One that is no success is returned instead.
pub(super) async fn copy(
    base: &str,
    path: &str,
    token: Option<&str>,
    to: &mut (dyn Write + Send),
) -> Result<Option<Answer>, NoAnswer> {
    let request = request(Method::GET, base, path, token, None)?;
    let url = request.uri().to_string();
    let late = |_| NoAnswer::Late {
        url: url.clone(),
        seconds: LONG_PATIENCE.as_secs(),
    };
    let response = tokio::time::timeout(LONG_PATIENCE, send(request)).await;
    let response = response.map_err(late)??;
    if !response.status().is_success() {
        return Ok(Some(collect(response, &url).await?));
    }
    let mut body = response.into_body();
    let broken = || {
        NoAnswer::Request(format!(
            "the answer of {url} ended before it was whole; what was written so far is a part; try again"
        ))
    };
    loop {
        let frame = tokio::time::timeout(PAUSE, body.frame()).await;
        let Some(frame) = frame.map_err(|_| broken())? else {
            return Ok(None);
        };
        let frame = frame.map_err(|_| broken())?;
        if let Some(data) = frame.data_ref() {
            to.write_all(data).map_err(|error| {
                let why = crate::file_failure::sentence(&error);
                NoAnswer::Request(format!("what the host says cannot be written: {why}"))
            })?;
        }
    }
}

fn request(
    method: Method,
    base: &str,
    path: &str,
    token: Option<&str>,
    body: Option<Bytes>,
) -> Result<Request<Full<Bytes>>, NoAnswer> {
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
    let mut request = Request::builder().method(method).uri(uri);
    if body.is_some() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    let mut request = request
        .body(Full::new(body.unwrap_or_default()))
        .map_err(|error| NoAnswer::Request(format!("`{url}` cannot be asked: {error}")))?;
    if let Some(token) = token {
        let mut value = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| NoAnswer::Request("the token has characters no token has".into()))?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    Ok(request)
}

async fn send(request: Request<Full<Bytes>>) -> Result<Response<Incoming>, NoAnswer> {
    let url = request.uri().to_string();
    let mut sockets = HttpConnector::new();
    // What takes longer to be reached is not there.
    sockets.set_connect_timeout(Some(PATIENCE));
    sockets.enforce_http(false);
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
        .map_err(|error| NoAnswer::Request(format!("TLS cannot be used: {error}")))?
        .https_or_http()
        .enable_http1()
        .wrap_connector(sockets);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let sent = client.request(request).await;
    sent.map_err(|_| NoAnswer::Nobody { url })
}

async fn collect(response: Response<Incoming>, url: &str) -> Result<Answer, NoAnswer> {
    let status = response.status();
    let body = Limited::new(response.into_body(), MOST_BYTES);
    let body = body.collect().await.map_err(|_| NoAnswer::Nobody {
        url: url.to_owned(),
    })?;
    Ok(Answer {
        status,
        body: body.to_bytes(),
    })
}

async fn whole(request: Request<Full<Bytes>>, patience: Duration) -> Result<Answer, NoAnswer> {
    let url = request.uri().to_string();
    let asked = tokio::time::timeout(patience, async {
        let response = send(request).await?;
        collect(response, &url).await
    });
    let seconds = patience.as_secs();
    asked.await.unwrap_or(Err(NoAnswer::Late { url, seconds }))
}

/// The URL at which a host that listens on `listen` can be asked on this machine.
pub(super) fn here(listen: SocketAddr) -> String {
    format!("http://{}", reachable(listen))
}

/// An address at which a host that listens on `listen` can be asked.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_on_every_address_is_asked_on_this_machine() {
        for (listen, asked) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("192.0.2.1:80", "192.0.2.1:80"),
        ] {
            let listen = listen.parse().unwrap();
            assert_eq!(reachable(listen).to_string(), asked);
        }
    }
}
