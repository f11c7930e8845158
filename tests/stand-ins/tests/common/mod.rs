//! A client of a few lines: every request on its own connection, every wait bounded.
#![allow(dead_code, reason = "each test file uses its part")]

use std::time::Duration;

use bytes::Bytes;
use crossdock_stand_ins::{Breach, Options, Recorded, StandIns};
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// No test waits longer than this for anything.
pub const LIMIT: Duration = Duration::from_secs(20);

pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }
}

pub type Failure = Box<dyn std::error::Error + Send + Sync>;

pub async fn start() -> StandIns {
    start_with(Options::default()).await
}

pub async fn start_with(options: Options) -> StandIns {
    StandIns::start(options)
        .await
        .expect("a free port on 127.0.0.1")
}

/// Sends one request to `path_and_query` below the platform's prefix.
pub async fn try_send(
    stand_ins: &StandIns,
    platform: &str,
    method: &str,
    path_and_query: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Result<Reply, Failure> {
    let target = format!("/{platform}{path_and_query}");
    try_send_to(stand_ins, method, &target, headers, body.into()).await
}

async fn try_send_to(
    stand_ins: &StandIns,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: Bytes,
) -> Result<Reply, Failure> {
    let exchange = async {
        let stream = TcpStream::connect(stand_ins.address()).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header("host", "stand-in.test");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = sender.send_request(request.body(Full::new(body))?).await?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        drop(sender);
        connection.await??;
        Ok(Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        })
    };
    tokio::time::timeout(LIMIT, exchange).await?
}

/// The same, for requests that must be answered.
pub async fn send(
    stand_ins: &StandIns,
    platform: &str,
    method: &str,
    path_and_query: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Reply {
    try_send(stand_ins, platform, method, path_and_query, headers, body)
        .await
        .expect("an answer")
}

/// A request to the controls.
pub async fn control(stand_ins: &StandIns, method: &str, path: &str, body: &str) -> Reply {
    let target = format!("/_control{path}");
    try_send_to(
        stand_ins,
        method,
        &target,
        &[],
        Bytes::copy_from_slice(body.as_bytes()),
    )
    .await
    .expect("an answer")
}

pub fn last(stand_ins: &StandIns, platform: &str) -> Recorded {
    stand_ins
        .requests(platform)
        .pop()
        .expect("a request in the log")
}

/// The kinds of findings of the last request, in their order.
pub fn breaches(stand_ins: &StandIns, platform: &str) -> Vec<Breach> {
    last(stand_ins, platform)
        .verdict
        .violations
        .iter()
        .map(|violation| violation.breach)
        .collect()
}

pub fn parse(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON in a test")
}
