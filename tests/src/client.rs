//! A small HTTP client for the demo and the tests of inbound HTTP.

use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// Longest one exchange may take.
const BOUND: Duration = Duration::from_secs(30);

/// Longest a body of many lines may take.
const LONG_BOUND: Duration = Duration::from_secs(300);

/// A client of one host.
#[derive(Clone)]
pub struct Client {
    pool: Pool<HttpConnector, Full<Bytes>>,
    base: String,
    token: Option<String>,
    header: Option<(&'static str, String)>,
    /// What its bodies are, and how long they may take.
    body: (&'static str, Duration),
}

impl Client {
    /// A client of the host at `base`, for instance `http://127.0.0.1:8080`.
    pub fn new(base: impl Into<String>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self {
            pool: Pool::builder(TokioExecutor::new()).build(connector),
            base: base.into(),
            token: None,
            header: None,
            body: ("application/json", BOUND),
        }
    }

    /// The same with a bearer token.
    pub fn with_token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// The same with one more header.
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.header = Some((name, value.into()));
        self
    }

    /// The same with bodies of one item a line.
    pub fn with_lines(mut self) -> Self {
        self.body = ("application/x-ndjson", LONG_BOUND);
        self
    }

    /// One exchange: status and JSON body.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&str>,
    ) -> anyhow::Result<(StatusCode, Value)> {
        let (status, _, body) = self.exchange(method, path, body).await?;
        let value = serde_json::from_slice(&body)
            .with_context(|| format!("{path} answered {status} without JSON"))?;
        Ok((status, value))
    }

    /// A question that has to succeed, of which the answer is lines of JSON.
    pub async fn lines(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let (status, _, text) = self.text(path).await?;
        ensure!(status.is_success(), "{path} answered {status}: {text}");
        let lines = text.lines().map(|line| Ok(serde_json::from_str(line)?));
        lines.collect()
    }

    /// What is there as text: status, content type, text.
    pub async fn text(&self, path: &str) -> anyhow::Result<(StatusCode, String, String)> {
        let (status, kind, body) = self.exchange(Method::GET, path, None).await?;
        Ok((status, kind, String::from_utf8(body.to_vec())?))
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<&str>,
    ) -> anyhow::Result<(StatusCode, String, Bytes)> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("content-type", self.body.0);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some((name, value)) = &self.header {
            request = request.header(*name, value);
        }
        let request = request.body(Full::new(Bytes::from(body.unwrap_or_default().to_owned())))?;
        let exchange = async {
            let answer = self.pool.request(request).await?;
            let status = answer.status();
            let kind = answer.headers().get("content-type").cloned();
            let body = answer.into_body().collect().await?.to_bytes();
            anyhow::Ok((status, kind, body))
        };
        let (status, kind, body) = tokio::time::timeout(self.body.1, exchange)
            .await
            .with_context(|| format!("no answer to {path} within {:?}", self.body.1))??;
        let kind = kind.and_then(|kind| kind.to_str().map(str::to_owned).ok());
        Ok((status, kind.unwrap_or_default(), body))
    }

    /// A call that has to succeed.
    pub async fn post(&self, path: &str, body: &str) -> anyhow::Result<Value> {
        let (status, value) = self.send(Method::POST, path, Some(body)).await?;
        ensure!(status.is_success(), "{path} answered {status}: {value}");
        Ok(value)
    }

    /// A question that has to succeed.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let (status, value) = self.send(Method::GET, path, None).await?;
        ensure!(status.is_success(), "{path} answered {status}: {value}");
        Ok(value)
    }
}
