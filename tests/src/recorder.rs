//! An HTTP server that keeps what it was sent and answers as it was told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Largest body it takes: more than any test sends.
const MOST_BODY: usize = 64 << 20;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// HTTP method.
    pub method: String,
    /// Path and query as they were on the wire.
    pub target: String,
    /// Names in lower case; bytes that are no UTF-8 become U+FFFD.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl Recorded {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let pair = self.headers.iter().find(|(known, _)| known == name);
        pair.map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// All of it as JSON, for platforms that repeat what they were sent.
    pub fn to_json(&self) -> Value {
        json!({
            "method": self.method,
            "target": self.target,
            "headers": self.headers,
            "body": self.text(),
        })
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers besides those of the body's length.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Bytes,
    /// How long the answer takes.
    pub delay: Duration,
}

impl Reply {
    /// 200 with JSON.
    pub fn json(body: impl Into<String>) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type", "application/json".into())],
            body: Bytes::from(body.into()),
            delay: Duration::ZERO,
        }
    }

    /// Any status, type and bytes.
    pub fn bytes(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![("content-type", content_type.to_owned())],
            body: body.into(),
            delay: Duration::ZERO,
        }
    }

    /// Any status with text.
    pub fn text(status: u16, body: impl Into<String>) -> Self {
        Self {
            status,
            headers: vec![("content-type", "text/plain".into())],
            body: Bytes::from(body.into()),
            delay: Duration::ZERO,
        }
    }

    /// The same, so much later.
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Adds a header.
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

type Answer = Box<dyn Fn(&Recorded) -> Reply + Send + Sync>;

struct Shared {
    answer: Answer,
    requests: Mutex<Vec<Recorded>>,
}

impl Shared {
    fn keep(&self, request: Recorded) {
        let requests = self.requests.lock();
        requests
            .unwrap_or_else(PoisonError::into_inner)
            .push(request);
    }
}

/// The running server; it ends when dropped.
pub struct Recorder {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Recorder {
    /// Answers everything with `{}`.
    pub async fn start() -> Self {
        Self::answering(|_| Reply::json("{}")).await
    }

    /// Answers as `answer` says.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn answering(answer: impl Fn(&Recorded) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared {
            answer: Box::new(answer),
            requests: Mutex::default(),
        });
        let router = Router::new().fallback(serve).with_state(shared.clone());
        let task = tokio::spawn(async move {
            // It has no end of its own but that of the test.
            let _ = axum::serve(listener, router).await;
        });
        Self {
            address,
            shared,
            task,
        }
    }

    /// What a connection's `base_url` has to be.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that arrived, oldest first.
    pub fn requests(&self) -> Vec<Recorded> {
        self.lock().clone()
    }

    /// How many requests arrived.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// The newest request.
    ///
    /// # Panics
    /// When none arrived.
    pub fn last(&self) -> Recorded {
        self.lock().last().cloned().expect("a request")
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Recorded>> {
        let requests = &self.shared.requests;
        requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MOST_BODY).await else {
        return answer(Reply::text(413, "too large for a test"));
    };
    let recorded = Recorded {
        method: head.method.to_string(),
        target: head.uri.to_string(),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.as_str().to_owned(), value)
            })
            .collect(),
        body,
    };
    let reply = (shared.answer)(&recorded);
    shared.keep(recorded);
    if !reply.delay.is_zero() {
        tokio::time::sleep(reply.delay).await;
    }
    answer(reply)
}

fn answer(reply: Reply) -> Response {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).expect("a status");
    for (name, value) in reply.headers {
        let value = value.parse().expect("a header's value");
        response.headers_mut().append(name, value);
    }
    response
}
