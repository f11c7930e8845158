//! What carries requests.

use std::future::Future;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use url::Url;

/// A request to a registry, or to whom it points.
#[derive(Clone)]
pub struct Request {
    /// HTTP method.
    pub method: Method,
    /// Where it goes.
    pub url: Url,
    /// Headers.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Bytes,
    /// Most bytes of the answer's body that are read.
    pub most: usize,
}

/// The headers may hold credentials.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("host", &self.url.host_str())
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// An answer, whole.
#[derive(Debug, Clone)]
pub struct Response {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// Carries requests. It follows no redirects, adds no credentials, reads no more
/// than [`Request::most`] bytes, and ends in bounded time.
pub trait Transport: Sync {
    /// Sends one request and reads its answer.
    ///
    /// # Errors
    /// A sentence that says why there is none.
    fn send(
        &self,
        request: Request,
    ) -> impl Future<Output = Result<Response, crate::Failure>> + Send;
}
