//! From a URL's host to a connection: name → checked addresses → TCP → TLS,
//! all within one deadline.
//!
//! The name is resolved once and the connection is made to exactly the
//! addresses that were checked, so that a name which answers differently the
//! second time (DNS rebinding) gains nothing. No proxy is used, whatever the
//! environment says.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::address::permitted;
use super::wire::{Stream, Transport, Wire};
use super::{SendErrorKind, net_failure, tls_failure};

/// How long one address may take before the next one is tried beside it; the
/// "connection attempt delay" RFC 8305 §5 recommends.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;

/// Makes connections for one client. Cheap to clone.
#[derive(Clone)]
pub(super) struct Connector {
    pub tls: Arc<ClientConfig>,
    pub timeout: Duration,
    pub allow_private: bool,
}

/// Why there is no connection. Nothing of a request has been sent.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct ConnectError {
    pub kind: SendErrorKind,
    pub message: String,
}

impl ConnectError {
    fn new(kind: SendErrorKind, message: String) -> Self {
        Self { kind, message }
    }
}

impl tower_service::Service<Uri> for Connector {
    type Response = Stream;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move { connector.establish(&uri).await })
    }
}

impl Connector {
    async fn establish(&self, uri: &Uri) -> Result<Stream, ConnectError> {
        let deadline = Instant::now() + self.timeout;
        let https = uri.scheme() == Some(&http::uri::Scheme::HTTPS);
        let host = uri.host().unwrap_or_default();
        // A URL writes an IPv6 address in brackets; nobody else does.
        let host = host
            .strip_prefix('[')
            .and_then(|inner| inner.strip_suffix(']'))
            .unwrap_or(host);
        let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });

        let addresses = self.resolve(host, port, deadline).await?;
        let tcp = self.reach(host, port, &addresses, deadline).await?;
        // A request is one write: there is nothing to be gained by waiting for
        // more. A socket that refuses the option works all the same.
        let _ = tcp.set_nodelay(true);
        if https {
            self.encrypt(host, tcp, deadline).await
        } else {
            Ok(TokioIo::new(Transport::plain(tcp)))
        }
    }

    async fn resolve(
        &self,
        host: &str,
        port: u16,
        deadline: Instant,
    ) -> Result<Vec<SocketAddr>, ConnectError> {
        let fail = |kind, what: &str| ConnectError::new(kind, format!("the name `{host}` {what}"));
        let addresses = match timeout_at(deadline, lookup_host((host, port))).await {
            Ok(Ok(addresses)) => addresses.collect::<Vec<_>>(),
            Ok(Err(error)) => {
                tracing::debug!(target: "crossdock::http", %error, "no address");
                let kind = match net_failure::shortage(&error) {
                    Some(_) => SendErrorKind::Shortage,
                    None => SendErrorKind::Resolve,
                };
                return Err(fail(kind, net_failure::unresolved(&error)));
            }
            Err(_) => {
                let what = format!(
                    "did not resolve within {:?}; check this machine's DNS",
                    self.timeout
                );
                return Err(fail(SendErrorKind::Resolve, &what));
            }
        };
        if addresses.is_empty() {
            let what = "has no address; check base_url";
            return Err(fail(SendErrorKind::Resolve, what));
        }
        permitted(addresses, self.allow_private)
            .map(|mut addresses| {
                addresses.truncate(MAX_ADDRESSES);
                addresses
            })
            .map_err(|(address, kind)| {
                ConnectError::new(
                    SendErrorKind::RefusedAddress,
                    format!(
                        "`{host}` is at {address}, {kind}, and is not called; \
                         set allow_private = true beside its URL if that is meant"
                    ),
                )
            })
    }

    async fn reach(
        &self,
        host: &str,
        port: u16,
        addresses: &[SocketAddr],
        deadline: Instant,
    ) -> Result<TcpStream, ConnectError> {
        let fail = |kind, what: &str| {
            ConnectError::new(
                kind,
                format!("no connection to `{host}` port {port}: {what}"),
            )
        };
        match timeout_at(deadline, first_to_connect(addresses)).await {
            Ok(Ok(tcp)) => Ok(tcp),
            Ok(Err(error)) => {
                tracing::debug!(target: "crossdock::http", %error, "no connection");
                Err(match net_failure::shortage(&error) {
                    Some(what) => fail(SendErrorKind::Shortage, what),
                    None => fail(SendErrorKind::Connect, net_failure::unreachable(&error)),
                })
            }
            Err(_) => {
                let what = format!(
                    "nothing answers within {:?}; check base_url, and the firewalls between",
                    self.timeout
                );
                Err(fail(SendErrorKind::Connect, &what))
            }
        }
    }

    async fn encrypt(
        &self,
        host: &str,
        tcp: TcpStream,
        deadline: Instant,
    ) -> Result<Stream, ConnectError> {
        let fail = |what: String| {
            ConnectError::new(
                SendErrorKind::Tls,
                format!("no TLS connection to `{host}`: {what}"),
            )
        };
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| fail("that is not a name a certificate can have".to_owned()))?;
        let handshake = TlsConnector::from(Arc::clone(&self.tls)).connect(name, Wire::new(tcp));
        match timeout_at(deadline, handshake).await {
            Ok(Ok(tls)) => Ok(TokioIo::new(Transport::tls(tls))),
            Ok(Err(error)) => {
                tracing::debug!(target: "crossdock::http", %error, "no TLS");
                Err(fail(tls_failure::sentence(&error)))
            }
            Err(_) => Err(fail(format!(
                "the handshake took longer than {:?}; the server may not speak TLS on this port",
                self.timeout
            ))),
        }
    }
}

/// Tries the addresses in their order (the resolver's, RFC 6724), the next one
/// as soon as one has failed or taken too long. The first to connect wins; the
/// others are dropped.
async fn first_to_connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut waiting = addresses.iter();
    let mut attempts = FuturesUnordered::new();
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    loop {
        match waiting.next() {
            Some(&address) => attempts.push(TcpStream::connect(address)),
            None if attempts.is_empty() => return Err(failure),
            None => {}
        }
        tokio::select! {
            Some(result) = attempts.next() => match result {
                Ok(tcp) => return Ok(tcp),
                Err(error) => failure = error,
            },
            () = tokio::time::sleep(ATTEMPT_DELAY), if waiting.len() > 0 => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn an_address_that_refuses_does_not_stop_the_next_one() {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let refused = closed.local_addr().unwrap();
        drop(closed);
        let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let accepting = open.local_addr().unwrap();
        let tcp = first_to_connect(&[refused, refused, accepting])
            .await
            .unwrap();
        assert_eq!(tcp.peer_addr().unwrap(), accepting);
        let error = first_to_connect(&[refused]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[tokio::test]
    async fn an_address_that_never_answers_does_not_stop_the_next_one() {
        // A full backlog on Linux drops the handshake: nobody answers.
        let full = tokio::net::TcpSocket::new_v4().unwrap();
        full.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let full = full.listen(1).unwrap();
        let silent = full.local_addr().unwrap();
        let mut queued = Vec::new();
        while let Ok(Ok(tcp)) =
            tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(silent)).await
        {
            queued.push(tcp);
        }
        let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let accepting = open.local_addr().unwrap();
        let tcp = first_to_connect(&[silent, accepting]).await.unwrap();
        assert_eq!(tcp.peer_addr().unwrap(), accepting);
    }
}
