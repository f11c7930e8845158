//! The host's own HTTP client for the collector of traces, so that there is one
//! HTTP and one TLS stack.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::{Request, Response};
use opentelemetry_http::{Bytes, HttpClient, HttpError};

use crate::http::{Client, ClientOptions, Outgoing};

/// Longest for one request to the collector.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of its answer: it says next to nothing.
const MOST_ANSWER: usize = 64 << 10;

/// The way to the collector. Cloning gives the same one.
#[derive(Clone)]
pub(super) struct Collector(Arc<Inner>);

struct Inner {
    client: Client,
    /// The log was told that it does not take spans.
    failing: AtomicBool,
    /// Why the last request got no answer.
    why: Mutex<Option<String>>,
}

impl Collector {
    /// With an empty pool.
    ///
    /// # Errors
    /// If there can be no client.
    pub fn new() -> Result<Self, String> {
        let client = Client::new(ClientOptions {
            timeout: TIMEOUT,
            response_body: MOST_ANSWER,
            // It is the operator's own, and mostly on this machine.
            allow_private: true,
            idle_connections: 1,
            ..ClientOptions::default()
        });
        let client = client.map_err(|error| error.to_string())?;
        Ok(Self(Arc::new(Inner {
            client,
            failing: AtomicBool::new(false),
            why: Mutex::default(),
        })))
    }

    /// Logs that sending begins to fail, or works again: one line each.
    pub fn tell(&self, failed: Option<&str>) {
        let was_failing = self.0.failing.swap(failed.is_some(), Ordering::Relaxed);
        match failed {
            Some(error) if !was_failing => {
                let why = self.why().take();
                let why = why.as_deref().unwrap_or(error);
                // What follows is advice about a platform.
                let why = why.split(';').next().unwrap_or(why);
                tracing::warn!(
                    target: "crossdock::telemetry",
                    why,
                    "the collector of `[telemetry] endpoint` takes no traces; what it does not take soon is lost, calls go on"
                );
            }
            None if was_failing => {
                tracing::info!(target: "crossdock::telemetry", "the collector takes traces again");
            }
            _ => {}
        }
    }

    fn why(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.0.why.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let outgoing = Outgoing {
            method: head.method,
            uri: head.uri,
            headers: head.headers,
            body,
        };
        let sent = self.0.client.send_until(outgoing, Instant::now() + TIMEOUT);
        match sent.await {
            Ok(answer) => {
                *self.why() = None;
                let mut response = Response::new(answer.body);
                *response.status_mut() = answer.status;
                *response.headers_mut() = answer.headers;
                Ok(response)
            }
            Err(error) => {
                *self.why() = Some(error.message.clone());
                Err(Box::new(error))
            }
        }
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").finish_non_exhaustive()
    }
}

impl HttpClient for Collector {
    fn send_bytes<'c, 'f>(
        &'c self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'f>>
    where
        'c: 'f,
        Self: 'f,
    {
        Box::pin(self.send(request))
    }
}
