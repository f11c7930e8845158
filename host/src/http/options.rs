//! What a client is made from.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::identity::ClientCertificate;
use super::proxy::Proxy;

/// What a client is made from.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientOptions {
    /// Longest for name, proxy, TCP and TLS together; default 3 s.
    pub connect_timeout: Duration,
    /// Longest from [`Client::send_until`](super::Client::send_until) to the last byte of the
    /// answer; default 10 s.
    pub timeout: Duration,
    /// Most bytes of an answer's body, on the wire and decoded; default 8 MiB.
    pub response_body: usize,
    /// Whether private, loopback and link-local addresses may be called;
    /// default false.
    pub allow_private: bool,
    /// PEM certificates trusted besides the platform's roots.
    pub extra_roots: Option<Arc<[u8]>>,
    /// What is shown to servers that ask who the client is; nothing by default.
    pub client_certificate: Option<ClientCertificate>,
    /// Which versions of HTTP are spoken; default whichever both sides know.
    pub versions: Versions,
    /// The proxy on the way; none by default.
    pub proxy: Option<Proxy>,
    /// The address of this machine from which connections are made; the
    /// system's choice by default.
    pub bind_address: Option<IpAddr>,
    /// Most idle connections kept; default 8.
    pub idle_connections: usize,
    /// How long a connection may lie idle; default 15 s. Short on purpose: a
    /// request that meets the platform closing the connection at that very
    /// moment has an unknown outcome, and a new handshake costs far less. Most
    /// servers and load balancers keep connections longer than this.
    pub idle_timeout: Duration,
}

/// Which versions of HTTP are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Versions {
    /// Over TLS what both sides know, HTTP/2 first, and HTTP/1.1 from then on for
    /// a server that asks for it; HTTP/1.1 without TLS.
    #[default]
    Auto,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2; without TLS "with prior knowledge" (RFC 9113 §3.3).
    Http2,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            timeout: Duration::from_secs(10),
            response_body: 8 << 20,
            allow_private: false,
            extra_roots: None,
            client_certificate: None,
            versions: Versions::Auto,
            proxy: None,
            bind_address: None,
            idle_connections: 8,
            idle_timeout: Duration::from_secs(15),
        }
    }
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientOptions")
            .field("connect_timeout", &self.connect_timeout)
            .field("timeout", &self.timeout)
            .field("response_body", &self.response_body)
            .field("allow_private", &self.allow_private)
            .field(
                "extra_roots",
                &self.extra_roots.as_ref().map(|pem| pem.len()),
            )
            .field("client_certificate", &self.client_certificate)
            .field("versions", &self.versions)
            .field("proxy", &self.proxy)
            .field("bind_address", &self.bind_address)
            .field("idle_connections", &self.idle_connections)
            .field("idle_timeout", &self.idle_timeout)
            .finish()
    }
}

/// Why a client cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// [`ClientOptions::extra_roots`] is not a list of usable certificates.
    #[error("the CA file {reason}; ca_file takes PEM certificates (-----BEGIN CERTIFICATE-----)")]
    ExtraRoots {
        /// What is wrong with it.
        reason: String,
    },
}
