//! A server that answers with what it got: for tests of the host itself, where
//! a platform's rules would be in the way.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The running server. Dropping it stops it.
pub struct Echo {
    address: SocketAddr,
    served: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Echo {
    /// Starts on a free port of the loopback address.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let served = Arc::new(AtomicUsize::new(0));
        let app = Router::new().fallback(answer).with_state(served.clone());
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                eprintln!("echo server: {error}");
            }
        });
        Ok(Self {
            address,
            served,
            task,
        })
    }

    /// The base URL.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests answered so far.
    pub fn served(&self) -> usize {
        self.served.load(Ordering::Relaxed)
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// `{"map": …, "sign": …, "sent": …}`: the generation headers and the body.
async fn answer(
    State(served): State<Arc<AtomicUsize>>,
    headers: HeaderMap,
    body: String,
) -> String {
    served.fetch_add(1, Ordering::Relaxed);
    let label = |name| {
        headers
            .get(name)
            .and_then(|v| v.to_str().ok())
            .unwrap_or("")
    };
    let sent = if body.is_empty() { "null" } else { &body };
    format!(
        r#"{{"map":"{}","sign":"{}","sent":{sent}}}"#,
        label("x-generation-map"),
        label("x-generation-sign"),
    )
}
