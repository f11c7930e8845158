//! Listens, serves within bounds, and ends in good order.
//!
//! HTTP/1.1 only, without TLS: what speaks HTTP/2 or TLS to the outside is the
//! proxy in front, and every bound here is one of HTTP/1.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::auth::{Access, TokenMode};
use super::stall::Stalling;
use super::{App, Service, router};
use crate::problem::Problem;

/// Connections open at once. Further ones wait in the kernel's queue. Below
/// the 1024 open files that many systems allow a process, which platforms'
/// connections and files need a part of.
const MOST_CONNECTIONS: usize = 768;

/// How long a connection may be idle, or take to send a request's head. Longer
/// than the 60 s for which common proxies keep idle connections, so that it is
/// the proxy that ends them and no request meets a closing connection.
const HEAD_TIME: Duration = Duration::from_secs(75);

/// Bytes of a request's head, and of what is read of a body at once.
const HEAD_BYTES: usize = 64 << 10;

/// Fields of a request's head.
const MOST_HEADERS: usize = 64;

/// How long answers that are ready may take to leave at the end.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// How long a client may read nothing of an answer that is ready.
const READ_TIME: Duration = Duration::from_secs(30);

/// Pause after the system refused to accept, most likely because the process
/// has too many files open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Opens the port. Done before anything is loaded, because an address that is
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
            format!("cannot listen on {address}: {error}{advice}"),
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
    address: SocketAddr,
    app: Arc<App<S>>,
}

impl<S: Service> Server<S> {
    /// Refuses a host that strangers could reach without any token.
    pub fn new(listener: TcpListener, service: S) -> Result<Self, Problem> {
        let address = listener
            .local_addr()
            .map_err(|error| Problem::host("listen", format!("the port is gone: {error}")))?;
        let any = service.any_tenant_has_tokens();
        let access = Access::new(address, service.config(), any)?;
        let app = App {
            service,
            access,
            calls: TaskTracker::new(),
        };
        Ok(Self {
            listener,
            address,
            app: Arc::new(app),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How callers prove who they are.
    pub fn token_mode(&self) -> TokenMode {
        let any = self.app.service.any_tenant_has_tokens();
        self.app.access.mode(any)
    }

    /// Serves until `stop`, and then until the calls in flight have ended, at
    /// most for `[limits] shutdown_ms` and not beyond `cut`. Meanwhile the port
    /// stays open, so that `/readyz` can say 503 and new calls are told to go
    /// elsewhere. Returns how many calls were cut off.
    pub async fn run(self, stop: CancellationToken, cut: CancellationToken) -> usize {
        let Self { listener, app, .. } = self;
        let connections = Connections::new(router(app.clone()));
        let bound = app.service.config().limits.shutdown;
        let calls = &app.calls;
        let mut ending = pin!(async {
            stop.cancelled().await;
            calls.close();
            let in_flight = calls.len();
            tracing::info!(in_flight, "shutting down");
            let deadline = Instant::now() + bound;
            tokio::select! {
                _ = timeout_at(deadline, calls.wait()) => {}
                () = cut.cancelled() => {}
            }
        });
        loop {
            tokio::select! {
                () = &mut ending => break,
                () = connections.accept(&listener) => {}
            }
        }
        drop(listener);
        let cut_off = calls.len();
        connections.end().await;
        cut_off
    }
}

/// The open connections.
struct Connections {
    service: TowerToHyperService<axum::Router>,
    protocol: http1::Builder,
    slots: Arc<Semaphore>,
    graceful: GracefulShutdown,
    /// One task per connection.
    tasks: Mutex<JoinSet<()>>,
}

impl Connections {
    fn new(router: axum::Router) -> Self {
        let mut protocol = http1::Builder::new();
        protocol
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME)
            .max_buf_size(HEAD_BYTES)
            .max_headers(MOST_HEADERS);
        Self {
            service: TowerToHyperService::new(router),
            protocol,
            slots: Arc::new(Semaphore::new(MOST_CONNECTIONS)),
            graceful: GracefulShutdown::new(),
            tasks: Mutex::default(),
        }
    }

    /// Takes one more connection, as soon as one more may be open.
    async fn accept(&self, listener: &TcpListener) {
        let Ok(slot) = self.slots.clone().acquire_owned().await else {
            return;
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                if !is_one_connections(&error) {
                    tracing::warn!(%error, "cannot accept connections");
                    sleep(ACCEPT_PAUSE).await;
                }
                return;
            }
        };
        let connection = self.graceful.watch(self.connection(stream));
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
            drop(slot);
        });
    }

    fn connection(
        &self,
        stream: TcpStream,
    ) -> http1::Connection<TokioIo<Stalling<TcpStream>>, TowerToHyperService<axum::Router>> {
        // An answer is written whole; waiting for more to send only delays it.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was refused");
        }
        self.protocol.serve_connection(
            TokioIo::new(Stalling::new(stream, READ_TIME)),
            self.service.clone(),
        )
    }

    /// Lets the answers that are ready leave, then closes everything.
    async fn end(self) {
        let Self {
            graceful, tasks, ..
        } = self;
        if timeout(LAST_ANSWERS, graceful.shutdown()).await.is_err() {
            tracing::debug!("connections were closed before they ended");
        }
        // Dropping the set ends what did not end by itself.
        drop(tasks);
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
