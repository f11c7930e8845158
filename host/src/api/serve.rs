//! Listens, serves within bounds, and ends in good order.
//!
//! HTTP/1.1 only, without TLS: what speaks HTTP/2 or TLS to the outside is the
//! proxy in front, and every bound here is one of HTTP/1.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answering::Answering;
use super::auth::{Access, TokenMode};
use super::clock;
use super::connections::{Connections, Place};
use super::wire::{Patience, Wire};
use super::{App, Service, health_router, router};
use crate::config::TokenHash;
use crate::problem::Problem;

/// How long a connection may be idle. Longer than the 60 s for which common
/// proxies keep idle connections, so that it is the proxy that ends them and no
/// request meets a closing connection.
const IDLE_TIME: Duration = Duration::from_secs(75);

/// The same for a connection of the reserve, and on the health listener.
const SHORT_IDLE_TIME: Duration = Duration::from_secs(10);

/// Bytes of a request's head.
const HEAD_BYTES: usize = 64 << 10;

/// Bytes of a connection's buffers: a head, and what is read of a body at once.
const BUFFER_BYTES: usize = HEAD_BYTES + (8 << 10);

/// Fields of a request's head.
const MOST_HEADERS: usize = 64;

/// How slow a client may be.
const PATIENCE: Patience = Patience {
    head: Duration::from_secs(10),
    reading: Duration::from_secs(30),
};

/// Connections of the health listener.
const MOST_OF_HEALTH: usize = 32;

/// How long a connection that was asked to leave may take if it is idle.
const LEAVE_TIME: Duration = Duration::from_millis(500);

/// How long answers that are ready may take to leave at the end.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Pause after the system refused to accept, most likely because the process
/// has too many files open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Opens a port. Done before anything is loaded, because an address that is
/// taken is quickly said.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, Problem> {
    TcpListener::bind(address).await.map_err(|error| {
        let advice = match error.kind() {
            io::ErrorKind::AddrInUse => "; stop what uses it, or choose another with `--listen`",
            io::ErrorKind::PermissionDenied => {
                "; ports below 1024 need a privilege, choose another with `--listen`"
            }
            _ => "",
        };
        Problem::host(
            "listen",
            format!(
                "cannot listen on {address}: {}{advice}",
                crate::file_failure::sentence(&error)
            ),
        )
    })
}

/// How callers would prove who they are on `address`, or why a host must not
/// listen there.
pub fn token_mode<S: Service>(service: &S, address: SocketAddr) -> Result<TokenMode, Problem> {
    let any = service.any_tenant_has_tokens();
    Access::new(address, service.config(), any).map(|access| access.mode(any))
}

/// Inbound HTTP, ready to run.
pub struct Server<S> {
    listener: TcpListener,
    health: Option<TcpListener>,
    address: SocketAddr,
    app: Arc<App<S>>,
}

/// What can be changed of a server that runs.
pub struct Control<S>(Arc<App<S>>);

impl<S: Service> Control<S> {
    /// Replaces the admin tokens.
    pub fn set_admin_tokens(&self, tokens: Vec<TokenHash>) {
        self.0.access.set_admin(tokens);
    }
}

impl<S: Service> Server<S> {
    /// Refuses a host that strangers could reach without any token.
    pub fn new(listener: TcpListener, service: S) -> Result<Self, Problem> {
        let address = listener
            .local_addr()
            .map_err(|_| Problem::host("listen", "the port is gone; start the host again"))?;
        if !clock::can_be_written(SystemTime::now()) {
            return Err(Problem::host(
                "clock",
                "the machine's clock is not between 1970 and 9999, so no answer can be dated; set it",
            ));
        }
        let any = service.any_tenant_has_tokens();
        let access = Access::new(address, service.config(), any)?;
        let app = App {
            service,
            access,
            calls: TaskTracker::new(),
            listeners: Default::default(),
            strangers: Default::default(),
            ending: CancellationToken::new(),
        };
        Ok(Self {
            listener,
            health: None,
            address,
            app: Arc::new(app),
        })
    }

    /// Answers `/healthz` and `/readyz` on a listener of their own, too.
    pub fn with_health(mut self, listener: Option<TcpListener>) -> Self {
        self.health = listener;
        self
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it answers health checks besides.
    pub fn health_address(&self) -> Option<SocketAddr> {
        self.health.as_ref()?.local_addr().ok()
    }

    /// How callers prove who they are.
    pub fn token_mode(&self) -> TokenMode {
        let any = self.app.service.any_tenant_has_tokens();
        self.app.access.mode(any)
    }

    /// What can be changed while it runs.
    pub fn control(&self) -> Control<S> {
        Control(self.app.clone())
    }

    /// Serves until `stop`, and then until the calls in flight have ended, at
    /// most for `[limits] shutdown_ms` and not beyond `cut`. Meanwhile the port
    /// stays open, so that `/readyz` can say 503 and new calls are told to go
    /// elsewhere. Returns how many calls were cut off.
    pub async fn run(self, stop: CancellationToken, cut: CancellationToken) -> usize {
        let Self {
            listener,
            health,
            app,
            ..
        } = self;
        let limits = &app.service.config().limits;
        let main = Port {
            listener,
            router: router(app.clone()),
            connections: Connections::new(limits.connections, limits.connections_per_address),
            idle: IDLE_TIME,
            tasks: Mutex::default(),
        };
        let health = health.map(|listener| Port {
            listener,
            router: health_router(app.clone()),
            connections: Connections::new(MOST_OF_HEALTH, MOST_OF_HEALTH),
            idle: SHORT_IDLE_TIME,
            tasks: Mutex::default(),
        });
        let bound = limits.shutdown;
        let calls = &app.calls;
        let ending = pin!(async {
            stop.cancelled().await;
            calls.close();
            app.ending.cancel();
            let in_flight = calls.len();
            tracing::info!(in_flight, "shutting down");
            let deadline = Instant::now() + bound;
            tokio::select! {
                _ = timeout_at(deadline, calls.wait()) => {}
                () = cut.cancelled() => {}
            }
        });
        tokio::select! {
            () = ending => {}
            () = main.accept_all() => {}
            () = accept_all(health.as_ref()) => {}
        }
        let cut_off = calls.len();
        tokio::join!(main.end(), async {
            if let Some(health) = health {
                health.end().await;
            }
        });
        cut_off
    }
}

/// Accepts for ever, even where there is nothing to accept from.
async fn accept_all(port: Option<&Port>) {
    match port {
        Some(port) => port.accept_all().await,
        None => std::future::pending().await,
    }
}

/// A listener and its open connections.
struct Port {
    listener: TcpListener,
    router: axum::Router,
    connections: Arc<Connections>,
    idle: Duration,
    /// One task per connection.
    tasks: Mutex<JoinSet<()>>,
}

impl Port {
    async fn accept_all(&self) {
        loop {
            self.accept().await;
        }
    }

    /// Takes one more connection.
    async fn accept(&self) {
        let (stream, peer) = match self.listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                if !is_one_connections(&error) {
                    tracing::warn!(%error, "cannot accept connections");
                    self.connections.shed();
                    sleep(ACCEPT_PAUSE).await;
                }
                return;
            }
        };
        if !clock::can_be_written(SystemTime::now()) {
            tracing::error!(
                "a connection was closed: the machine's clock is not between 1970 and 9999, so no answer can be dated; set it"
            );
            sleep(ACCEPT_PAUSE).await;
            return;
        }
        let Some(place) = self.connections.admit(peer.ip()) else {
            tracing::debug!(%peer, "a connection was closed: there are too many");
            return;
        };
        let connection = self.connection(stream, &place);
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(serve(connection, place));
    }

    fn connection(&self, stream: TcpStream, place: &Place) -> Http {
        // An answer is written whole; waiting for more to send only delays it.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was refused");
        }
        let connection = place.connection();
        let idle = if connection.is_guest() {
            SHORT_IDLE_TIME
        } else {
            self.idle
        };
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(idle)
            .max_buf_size(BUFFER_BYTES)
            .max_header_size(HEAD_BYTES)
            .max_headers(MOST_HEADERS)
            .serve_connection(
                TokioIo::new(Wire::new(stream, connection.clone(), PATIENCE)),
                Answering::new(self.router.clone(), connection.clone()),
            )
    }

    /// Lets the answers that are ready leave, then closes everything.
    async fn end(self) {
        self.connections.end();
        drop(self.listener);
        let mut tasks = self
            .tasks
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let all = async { while tasks.join_next().await.is_some() {} };
        if timeout(LAST_ANSWERS, all).await.is_err() {
            tracing::debug!("connections were closed before they ended");
        }
        // Dropping the set ends what did not end by itself.
    }
}

type Http = http1::Connection<TokioIo<Wire<TcpStream>>, Answering>;

/// Serves one connection until its client, its time or its place is gone.
async fn serve(connection: Http, place: Place) {
    let mut connection = pin!(connection);
    let leave = place.connection().leave();
    tokio::select! {
        ended = connection.as_mut() => return log_end(ended),
        () = leave.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    loop {
        match timeout(LEAVE_TIME, connection.as_mut()).await {
            Ok(ended) => return log_end(ended),
            Err(_) if place.connection().is_idle() => return,
            // An answer is on its way.
            Err(_) => {}
        }
    }
}

fn log_end(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}

/// Whether an error of `accept` is about the connection that was accepted.
fn is_one_connections(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}
