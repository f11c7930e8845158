//! A listener to server-sent events.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// Longest a test waits for one event.
pub const BOUND: Duration = Duration::from_secs(60);

/// One event of a stream.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Told {
    /// `event`; empty without one.
    pub name: String,
    /// `id`.
    pub id: Option<String>,
    /// `data`, which is JSON.
    pub data: Option<Value>,
}

/// A listener.
pub struct Stream {
    body: Body,
    text: String,
    /// The newest id.
    pub last: Option<String>,
}

impl Stream {
    /// Listens, perhaps after an event; the host has to agree.
    ///
    /// # Panics
    /// When it does not.
    pub async fn open(base: &str, path: &str, after: Option<&str>) -> Self {
        match Self::ask(base, path, after).await {
            Ok(stream) => stream,
            Err((status, told)) => panic!("{status}: {told}"),
        }
    }

    /// The same, or what the host says instead.
    ///
    /// # Errors
    /// What the host says instead.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn ask(
        base: &str,
        path: &str,
        after: Option<&str>,
    ) -> Result<Self, (StatusCode, Value)> {
        Self::ask_with(base, path, after, None).await
    }

    /// The same with a token.
    ///
    /// # Errors
    /// What the host says instead.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn ask_with(
        base: &str,
        path: &str,
        after: Option<&str>,
        token: Option<&str>,
    ) -> Result<Self, (StatusCode, Value)> {
        let mut request = Request::get(format!("{base}{path}"));
        if let Some(id) = after {
            request = request.header("last-event-id", id);
        }
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Empty::<Bytes>::new()).expect("a request");
        // A connection of its own, which ends with it.
        let pool = Pool::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build_http();
        let answer = pool.request(request).await.expect("an answer");
        let status = answer.status();
        if status != StatusCode::OK {
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            return Err((status, serde_json::from_slice(&body).unwrap()));
        }
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Ok(Self {
            body: Body::new(answer.into_body()),
            text: String::new(),
            last: after.map(str::to_owned),
        })
    }

    /// The next event with a name or data; nothing at the stream's end.
    ///
    /// # Panics
    /// When none comes in a minute.
    pub async fn next(&mut self) -> Option<Told> {
        let next = async {
            loop {
                while let Some((event, rest)) = self.text.split_once("\n\n") {
                    let (event, rest) = (event.to_owned(), rest.to_owned());
                    self.text = rest;
                    let told = read(&event);
                    if let Some(id) = &told.id {
                        self.last = Some(id.clone());
                    }
                    if told.data.is_some() {
                        return Some(told);
                    }
                }
                let frame = self.body.frame().await?.ok()?;
                let data = frame.into_data().ok()?;
                self.text.push_str(std::str::from_utf8(&data).unwrap());
            }
        };
        tokio::time::timeout(BOUND, next)
            .await
            .unwrap_or_else(|_| panic!("no event within {BOUND:?}"))
    }

    /// The next so many deliveries' ids.
    ///
    /// # Panics
    /// When an event is about something else.
    pub async fn deliveries(&mut self, count: usize) -> Vec<String> {
        let mut deliveries = Vec::new();
        while deliveries.len() < count {
            let told = self.next().await.expect("an event");
            let data = told.data.unwrap();
            deliveries.push(data["delivery"].as_str().expect("a delivery").to_owned());
        }
        deliveries
    }
}

fn read(event: &str) -> Told {
    let mut told = Told::default();
    for line in event.lines() {
        match line.split_once(": ") {
            Some(("event", name)) => told.name = name.to_owned(),
            Some(("id", id)) => told.id = Some(id.to_owned()),
            Some(("data", data)) => told.data = Some(serde_json::from_str(data).unwrap()),
            _ => {}
        }
    }
    told
}
