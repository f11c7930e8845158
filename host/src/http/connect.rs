//! From a URL's host to a connection: name → checked addresses → TCP → TLS,
//! all within one deadline.
//!
//! The name is resolved once and the connection is made to exactly the
//! addresses that were checked, so that a name which answers differently the
//! second time (DNS rebinding) gains nothing. So it is through a proxy: it is told
//! the checked address. Only one that may reach everything, because the connection may
//! or because its rules are the operator's, is told the name, and what is known
//! of that here is checked all the same. No proxy of the environment is used unless
//! the configuration says so.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::address::permitted;
use super::proxy::{Destination, NoTunnel, Proxy, tunnel};
use super::reach::{Unreached, first_to_connect, ordered};
use super::resolve::Resolver;
use super::wire::{Stream, Transport, Wire};
use super::{SendErrorKind, net_failure, tls_failure};

/// How long a name is looked for that a proxy will find anyway.
const GLANCE: Duration = Duration::from_secs(1);

/// Makes connections for one client. Cheap to clone.
#[derive(Clone)]
pub(super) struct Connector {
    pub tls: Arc<ClientConfig>,
    pub timeout: Duration,
    pub allow_private: bool,
    pub bind_address: Option<IpAddr>,
    pub proxy: Option<Arc<Proxy>>,
    /// The server has to speak HTTP/2.
    pub http2_only: bool,
    pub resolver: Resolver,
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

        let tcp = match &self.proxy {
            None => {
                let addresses = self.resolve(host, port, deadline).await?;
                self.reach(host, port, &addresses, deadline).await?
            }
            Some(proxy) => self.pass(proxy, host, port, deadline).await?,
        };
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
        let addresses = match timeout_at(deadline, self.resolver.lookup(host, port)).await {
            Ok(Ok(addresses)) => addresses,
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
        self.check(host, &addresses)
    }

    /// Those of a host's addresses that may be called.
    fn check(&self, host: &str, addresses: &[SocketAddr]) -> Result<Vec<SocketAddr>, ConnectError> {
        permitted(addresses.to_vec(), self.allow_private).map_err(|(address, kind)| {
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
        let addresses = ordered(addresses, self.bind_address);
        if addresses.is_empty() {
            let what = "none of its addresses can be reached from the one of bind_address: one is IPv4, the other IPv6";
            return Err(fail(SendErrorKind::Connect, what));
        }
        let connected = timeout_at(deadline, first_to_connect(&addresses, self.bind_address));
        let result = connected.await;
        if !matches!(result, Ok(Ok(_))) {
            // It may have moved.
            self.resolver.forget(host);
        }
        match result {
            Ok(Ok(tcp)) => Ok(tcp),
            Ok(Err(Unreached::NotOurs(address))) => {
                let what =
                    format!("this machine does not have the address {address}; check bind_address");
                Err(fail(SendErrorKind::Shortage, &what))
            }
            Ok(Err(Unreached::Failed(error))) => {
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

    /// Through a proxy.
    async fn pass(
        &self,
        proxy: &Proxy,
        host: &str,
        port: u16,
        deadline: Instant,
    ) -> Result<TcpStream, ConnectError> {
        let mut last = None;
        for destination in self.destinations(proxy, host, port, deadline).await? {
            match self.tunnel(proxy, destination, deadline).await? {
                Ok(tcp) => return Ok(tcp),
                Err(how) => last = Some(unreachable(proxy, destination, &how)),
            }
        }
        self.resolver.forget(host);
        Err(last.unwrap_or_else(|| no_time(proxy, self.timeout)))
    }

    /// What a proxy is told, to be tried one after the other: the name where it may
    /// reach whatever that leads to, and otherwise the addresses that were checked.
    pub async fn destinations<'h>(
        &self,
        proxy: &Proxy,
        host: &'h str,
        port: u16,
        deadline: Instant,
    ) -> Result<Vec<Destination<'h>>, ConnectError> {
        if proxy.takes_names() && (self.allow_private || proxy.trusted) {
            self.glance(host, port, deadline).await?;
            return Ok(vec![Destination::Name(host, port)]);
        }
        let addresses = self.resolve(host, port, deadline).await?;
        let addresses = ordered(&addresses, None).into_iter();
        Ok(addresses.map(Destination::Address).collect())
    }

    /// Looks at what is known here of a name that a proxy will look up itself: what
    /// is private here is not called there either. A name that is unknown here is the
    /// proxy's to decide.
    async fn glance(&self, host: &str, port: u16, deadline: Instant) -> Result<(), ConnectError> {
        if self.allow_private {
            return Ok(());
        }
        // RFC 6761: the machine that looks it up, whether it knows that or not.
        let name = host.trim_end_matches('.');
        if name == "localhost" || name.ends_with(".localhost") {
            let here = SocketAddr::from(([127, 0, 0, 1], port));
            return self.check(host, &[here]).map(drop);
        }
        let until = deadline.min(Instant::now() + GLANCE);
        match timeout_at(until, self.resolver.try_lookup(host, port)).await {
            Ok(Ok(addresses)) => self.check(host, &addresses).map(drop),
            Ok(Err(_)) | Err(_) => Ok(()),
        }
    }

    /// A tunnel, or why the proxy cannot reach the destination.
    async fn tunnel(
        &self,
        proxy: &Proxy,
        destination: Destination<'_>,
        deadline: Instant,
    ) -> Result<Result<TcpStream, String>, ConnectError> {
        let mut tcp = self.reach_proxy(proxy, deadline).await?;
        let _ = tcp.set_nodelay(true);
        let made = timeout_at(deadline, tunnel(proxy, &mut tcp, destination)).await;
        match made {
            Ok(Ok(())) => Ok(Ok(tcp)),
            Ok(Err(NoTunnel::Unreachable(how))) => Ok(Err(how)),
            Ok(Err(NoTunnel::Refused(what))) => Err(about(proxy, &what)),
            Ok(Err(NoTunnel::Broken(error))) => {
                tracing::debug!(target: "crossdock::http", %error, "no tunnel");
                let what = format!("{} before there was a tunnel", net_failure::broken(&error));
                Err(about(proxy, &what))
            }
            Err(_) => Err(no_time(proxy, self.timeout)),
        }
    }

    async fn reach_proxy(
        &self,
        proxy: &Proxy,
        deadline: Instant,
    ) -> Result<TcpStream, ConnectError> {
        let found = timeout_at(deadline, self.resolver.lookup(&proxy.host, proxy.port)).await;
        let addresses = match found {
            Ok(Ok(addresses)) if !addresses.is_empty() => addresses,
            Ok(Err(error)) if net_failure::shortage(&error).is_some() => {
                return Err(ConnectError::new(
                    SendErrorKind::Shortage,
                    format!(
                        "the name of the proxy {proxy} {}",
                        net_failure::unresolved(&error)
                    ),
                ));
            }
            _ => {
                let what = "its name does not resolve; check `proxy` and this machine's DNS";
                return Err(about(proxy, what));
            }
        };
        let allowed = self.allow_private || proxy.trusted;
        let addresses = permitted(addresses.to_vec(), allowed).map_err(|(address, kind)| {
            ConnectError::new(
                SendErrorKind::RefusedAddress,
                format!(
                    "the proxy {proxy} is at {address}, {kind}, and is not used; list it in `[network] proxies` of \
                     crossdock.toml if that is meant"
                ),
            )
        })?;
        let addresses = ordered(&addresses, self.bind_address);
        if addresses.is_empty() {
            let what = "none of its addresses can be reached from the one of bind_address: one is IPv4, the other IPv6";
            return Err(about(proxy, what));
        }
        match timeout_at(deadline, first_to_connect(&addresses, self.bind_address)).await {
            Ok(Ok(tcp)) => Ok(tcp),
            Ok(Err(Unreached::NotOurs(address))) => Err(ConnectError::new(
                SendErrorKind::Shortage,
                format!("this machine does not have the address {address}; check bind_address"),
            )),
            Ok(Err(Unreached::Failed(error))) => {
                tracing::debug!(target: "crossdock::http", %error, "no connection to the proxy");
                self.resolver.forget(&proxy.host);
                Err(match net_failure::shortage(&error) {
                    Some(what) => ConnectError::new(SendErrorKind::Shortage, what.to_owned()),
                    None => about(
                        proxy,
                        &format!(
                            "{}; check `proxy`, and whether it is up",
                            net_failure::unreachable_short(&error)
                        ),
                    ),
                })
            }
            Err(_) => {
                self.resolver.forget(&proxy.host);
                Err(no_time(proxy, self.timeout))
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
            Ok(Ok(tls)) if self.http2_only && tls.get_ref().1.alpn_protocol() != Some(b"h2") => {
                Err(fail(
                    "the server does not speak HTTP/2, and http = \"2\" wants nothing else"
                        .to_owned(),
                ))
            }
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

/// Something about the proxy itself.
fn about(proxy: &Proxy, what: &str) -> ConnectError {
    ConnectError::new(
        SendErrorKind::Proxy,
        format!("no way through the proxy {proxy}: {what}"),
    )
}

fn no_time(proxy: &Proxy, timeout: Duration) -> ConnectError {
    about(
        proxy,
        &format!(
            "there was no tunnel within {timeout:?}; check `proxy`, and the firewalls between"
        ),
    )
}

fn unreachable(proxy: &Proxy, destination: Destination<'_>, how: &str) -> ConnectError {
    ConnectError::new(
        SendErrorKind::Connect,
        format!(
            "the proxy {proxy} cannot reach {destination} ({how}); check base_url, and whether the platform is up"
        ),
    )
}
