//! A server that answers with what it got: for tests of the host itself, where
//! a platform's rules would be in the way.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
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
    requests: AtomicUsize,
    key: Mutex<String>,
    peers: Mutex<Peers>,
}

/// The other ends of the TCP connections that brought requests.
#[derive(Default)]
struct Peers {
    all: BTreeSet<SocketAddr>,
    newest: Option<SocketAddr>,
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

    /// The other ends of the connections that have brought requests so far.
    pub fn peers(&self) -> BTreeSet<SocketAddr> {
        self.seen.peers().all.clone()
    }

    /// The other end of the connection that brought the newest request.
    pub fn newest_peer(&self) -> Option<SocketAddr> {
        self.seen.peers().newest
    }

    /// The header `x-key` of the newest request. It is not in the answer: the
    /// host would take a secret out of that.
    pub fn key(&self) -> String {
        let key = self.seen.key.lock();
        key.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Seen {
    fn peers(&self) -> MutexGuard<'_, Peers> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn serve(listener: std::net::TcpListener, seen: Arc<Seen>, ended: oneshot::Receiver<()>) {
    let app = Router::new()
        .fallback(answer)
        .with_state(seen)
        .into_make_service_with_connect_info::<SocketAddr>();
    let serving = async { axum::serve(TcpListener::from_std(listener)?, app).await };
    tokio::select! {
        result = serving => if let Err(error) = result {
            eprintln!("echo server: {error}");
        },
        _ = ended => {}
    }
}

/// `{"map": …, "sign": …, "sent": …}`: the generation headers and the body.
async fn answer(
    State(seen): State<Arc<Seen>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: String,
) -> String {
    seen.requests.fetch_add(1, Ordering::Relaxed);
    {
        let mut peers = seen.peers();
        peers.all.insert(peer);
        peers.newest = Some(peer);
    }
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
