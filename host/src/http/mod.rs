//! Outbound HTTP: one hyper client per (tenant, connection), requests byte for
//! byte as signed, nothing sent anywhere but the connection's base URL.
//!
//! | file | responsibility |
//! |---|---|
//! | `target` | base URL + an adapter's path and query → the URL of a request |
//! | `client` | one request, its answer, and how far a failed one got |
//! | `options` | what a client is made from |
//! | `connect` | name → checked addresses → TCP → TLS, within one deadline |
//! | `reach` | several addresses, one connection; from which address of this machine |
//! | `resolve` | names to addresses, kept for a moment |
//! | `proxy` | the tunnel through a proxy |
//! | `identity` | the certificate that the client shows |
//! | `wire` | one connection, read to its end even if writing fails |
//! | `address` | which addresses are public |
//! | `tls` | roots and protocol versions |
//! | `body` | the request's bytes, and the answer's within its bound |
//! | `dial` | a plain connection for what is not HTTP |
//! | `decode` | gzip, deflate, br |
//! | `failure` | what hyper and h2 say went wrong, and what that proves |
//! | `net_failure`, `tls_failure` | the same of names and connections, and of TLS |

mod address;
mod body;
mod client;
mod connect;
mod decode;
mod dial;
mod failure;
mod identity;
mod net_failure;
mod options;
mod proxy;
mod reach;
mod resolve;
mod target;
mod tls;
mod tls_failure;
mod wire;

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};

pub use client::{Client, is_reserved_header};
pub(crate) use dial::{dial, dial_tls};
pub use identity::{BadIdentity, ClientCertificate, Part};
pub use options::{ClientError, ClientOptions, Versions};
pub use proxy::{MAX_SOCKS_TEXT, Proxy, ProxyLogin, ProxyProtocol};
pub(crate) use target::UNRESERVED;
pub use target::{Target, TargetError};

/// A request exactly as it goes out.
#[derive(Clone)]
pub struct Outgoing {
    /// HTTP method.
    pub method: Method,
    /// Absolute URL; made by [`Target::join`].
    pub uri: Uri,
    /// Headers; see [`is_reserved_header`] for those that are the host's own.
    pub headers: HeaderMap,
    /// Body; empty for none.
    pub body: Bytes,
}

/// URL, headers and body may hold secrets: none of them is printed.
impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("method", &self.method)
            .field("host", &self.uri.host().unwrap_or_default())
            .field("headers", &self.headers.len())
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// An answer, decoded (gzip, deflate, br) and within its size bound.
#[derive(Clone)]
pub struct Answer {
    /// HTTP status. A redirect arrives here as it is; it is never followed.
    pub status: StatusCode,
    /// Headers as received; `content-encoding` and `content-length` describe
    /// the body as it was on the wire.
    pub headers: HeaderMap,
    /// The decoded body.
    pub body: Bytes,
    /// From the call of [`Client::send_until`] to the last byte.
    pub elapsed: Duration,
}

/// A platform may repeat what it was sent: headers and body are not printed.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("headers", &self.headers.len())
            .field("body", &self.body.len())
            .field("elapsed", &self.elapsed)
            .finish()
    }
}

/// How long an answer asks to wait (`Retry-After`), in seconds or as a date, seen from
/// `now_s` in Unix seconds.
pub(crate) fn retry_after(headers: &HeaderMap, now_s: u64) -> Option<Duration> {
    let value = headers
        .get(http::header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim();
    let date = || crate::clock::http_date(value).map(|at| at.saturating_sub(now_s));
    let seconds = value.parse::<u64>().ok().or_else(date);
    seconds.map(Duration::from_secs)
}

/// How far a request got before it failed: what decides whether it may be
/// sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// Nothing of the request left this machine, or the platform has proved that
    /// it did not process it: sending it again is safe.
    NotSent,
    /// Some of it may have left: the platform may have applied it.
    MaybeApplied,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct SendError {
    /// What happened.
    pub kind: SendErrorKind,
    /// How far the request got.
    pub reached: Reached,
    /// One sentence without secrets (no URL query, no header values).
    pub message: String,
}

/// What happened to a request that got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendErrorKind {
    /// The name did not resolve.
    Resolve,
    /// The name resolved to a private, loopback or link-local address and the
    /// connection does not allow that.
    RefusedAddress,
    /// No connection could be made in time.
    Connect,
    /// The proxy on the way cannot be used, or refuses.
    Proxy,
    /// This machine has no descriptor or port left for a connection.
    Shortage,
    /// TLS failed.
    Tls,
    /// The connection was lost before the answer was complete.
    ConnectionLost,
    /// The time for the whole request ran out.
    Timeout,
    /// The answer is larger than the bound.
    TooLarge,
    /// The answer is not HTTP, or its content coding is unknown or broken.
    Decode,
    /// The request could not be built.
    Invalid,
}
