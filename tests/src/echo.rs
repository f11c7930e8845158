//! A server that answers with what it got: for tests of the host itself, where
//! a platform's rules would be in the way.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// The running server. Dropping it stops it.
pub struct Echo {
    address: SocketAddr,
    seen: Arc<Seen>,
    _running: oneshot::Sender<()>,
}

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    requests: AtomicUsize,
    key: Mutex<String>,
}

impl Echo {
    /// Starts on a free port of the loopback address.
    pub async fn start() -> std::io::Result<Self> {
        let (echo, serving) = Self::new()?;
        tokio::spawn(serving);
        Ok(echo)
    }

    /// The same on a thread of its own, so that it is not slowed by what keeps
    /// the threads of the host busy.
    pub fn start_apart() -> std::io::Result<Self> {
        let (echo, serving) = Self::new()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        std::thread::Builder::new()
            .name("echo".into())
            .spawn(move || runtime.block_on(serving))?;
        Ok(echo)
    }

    fn new() -> std::io::Result<(Self, impl Future<Output = ()> + Send)> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let seen = Arc::new(Seen::default());
        let (running, ended) = oneshot::channel();
        let serving = serve(listener, seen.clone(), ended);
        let echo = Self {
            address,
            seen,
            _running: running,
        };
        Ok((echo, serving))
    }

    /// The base URL.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests answered so far.
    pub fn served(&self) -> usize {
        self.seen.requests.load(Ordering::Relaxed)
    }

    /// TCP connections accepted so far.
    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::Relaxed)
    }

    /// The header `x-key` of the newest request. It is not in the answer: the
    /// host would take a secret out of that.
    pub fn key(&self) -> String {
        let key = self.seen.key.lock();
        key.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn serve(listener: std::net::TcpListener, seen: Arc<Seen>, ended: oneshot::Receiver<()>) {
    let app = Router::new().fallback(answer).with_state(seen.clone());
    let serving = async {
        let listener = TcpListener::from_std(listener)?.tap_io(move |_| {
            seen.connections.fetch_add(1, Ordering::Relaxed);
        });
        axum::serve(listener, app).await
    };
    tokio::select! {
        result = serving => if let Err(error) = result {
            eprintln!("echo server: {error}");
        },
        _ = ended => {}
    }
}

/// `{"map": …, "sign": …, "sent": …}`: the generation headers and the body.
async fn answer(State(seen): State<Arc<Seen>>, headers: HeaderMap, body: String) -> String {
    seen.requests.fetch_add(1, Ordering::Relaxed);
    let label = |name| {
        headers
            .get(name)
            .and_then(|v| v.to_str().ok())
            .unwrap_or("")
    };
    *seen.key.lock().unwrap_or_else(PoisonError::into_inner) = label("x-key").to_owned();
    let sent = if body.is_empty() { "null" } else { &body };
    format!(
        r#"{{"map":"{}","sign":"{}","sent":{sent}}}"#,
        label("x-generation-map"),
        label("x-generation-sign"),
    )
}
