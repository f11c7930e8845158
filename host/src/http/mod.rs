//! Outbound HTTP: one hyper client per (tenant, connection), requests byte for
//! byte as signed, nothing sent anywhere but the connection's base URL.

// mod address;
// mod body;
// mod client;
// mod target;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};

// pub use client::{Client, ClientOptions};
// pub use target::{Target, TargetError};

/// A request exactly as it goes out.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// HTTP method.
    pub method: Method,
    /// Absolute URL; made by [`target`].
    pub uri: Uri,
    /// Headers; `host` and `content-length` are hyper's.
    pub headers: HeaderMap,
    /// Body; empty for none.
    pub body: Bytes,
}

/// An answer, decoded (gzip, deflate, br) and within its size bound.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status. A redirect arrives here as it is; it is never followed.
    pub status: StatusCode,
    /// Headers as received.
    pub headers: HeaderMap,
    /// The decoded body.
    pub body: Bytes,
    /// From the call of [`Client::send`] to the last byte.
    pub elapsed: Duration,
}

/// How far a request got before it failed: what decides whether it may be
/// sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// Nothing of the request left this machine: sending it again is safe.
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
    /// TLS failed.
    Tls,
    /// The connection was lost before the answer was complete.
    ConnectionLost,
    /// The time for the whole request ran out.
    Timeout,
    /// The answer is larger than the bound.
    TooLarge,
    /// The answer's content coding is unknown or broken.
    Decode,
    /// The request could not be built.
    Invalid,
}
