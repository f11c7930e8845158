//! One request, its answer, and how far a failed one got.
//!
//! # What is sent again without being asked
//!
//! A pooled connection may turn out to be closed when a request is put on it.
//! If hyper had not begun to encode that request, it hands it back, and
//! hyper-util puts it on another connection (`retry_canceled_requests`). That
//! stays switched on: it is invisible to the platform, and without it every
//! connection that a platform closes while idle would cost an attempt. A request
//! of which hyper has encoded the first byte is never handed back, so it is never
//! repeated here; [`Progress`] watches the same moment by itself, and
//! [`SendError::reached`] tells the caller, who alone decides what is repeated.
//! So it does where the platform itself says that it has not processed a request
//! (`failure`). One of these goes out again here: one that the platform wants over
//! HTTP/1.1 goes there, and so do all that follow.
//!
//! # What is read
//!
//! What curl reads, as far as there is one way to read it; the table is in
//! docs/operations.md, and `tests/lenient.rs` has a line for each.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::body::{Progress, RequestBody, Unreadable, read};
use super::connect::Connector;
use super::decode::{ACCEPTED, codings};
use super::failure::{MAX_HEADERS, unanswered};
use super::options::{ClientError, ClientOptions, Versions};
use super::resolve::Resolver;
use super::{Answer, Outgoing, Reached, SendError, SendErrorKind, tls};

/// How often a connection that carries HTTP/2 requests is asked for a sign of
/// life, and how long it may take to give one. One that has silently died would
/// otherwise swallow every request until the kernel gives up on it, minutes
/// later; an HTTP/1.1 connection is simply closed when its request times out.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// The pool and the rules of one (tenant, connection). Clones share both.
#[derive(Clone)]
pub struct Client {
    http: legacy::Client<Connector, RequestBody>,
    /// The same over HTTP/1.1 only, once the platform has asked for that.
    http1: Arc<OnceLock<legacy::Client<Connector, RequestBody>>>,
    pub(super) connector: Connector,
    pooled: Pooled,
    versions: Versions,
    timeout: Duration,
    response_body: usize,
}

/// How connections are kept.
#[derive(Clone, Copy)]
struct Pooled {
    idle: usize,
    timeout: Duration,
    /// Without asking whether the other side knows it.
    http2_only: bool,
}

/// What became of a request that went out once.
struct Failed {
    error: SendError,
    wants_http1: bool,
}

impl Pooled {
    fn client(self, connector: Connector) -> legacy::Client<Connector, RequestBody> {
        legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(self.timeout)
            .pool_max_idle_per_host(self.idle)
            .retry_canceled_requests(true)
            .http1_allow_obsolete_multiline_headers_in_responses(true)
            .http1_allow_spaces_after_header_name_in_responses(true)
            .http1_ignore_invalid_headers_in_responses(true)
            .http1_max_headers(MAX_HEADERS)
            .http2_keep_alive_interval(PING_INTERVAL)
            .http2_keep_alive_timeout(PING_INTERVAL)
            .http2_only(self.http2_only)
            .build(connector)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("timeout", &self.timeout)
            .field("response_body", &self.response_body)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client with an empty pool. Connects to nothing yet.
    ///
    /// # Errors
    /// If the extra roots are not usable.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        Self::resolving(options, Resolver::system())
    }

    /// The same with names of its own.
    pub(super) fn resolving(
        options: ClientOptions,
        resolver: Resolver,
    ) -> Result<Self, ClientError> {
        let connector = Connector {
            tls: tls::config(
                options.extra_roots.as_deref(),
                options.client_certificate.as_ref(),
                options.versions,
            )
            .map_err(|reason| ClientError::ExtraRoots { reason })?,
            timeout: options.connect_timeout,
            allow_private: options.allow_private,
            bind_address: options.bind_address,
            proxy: options.proxy.map(Arc::new),
            http2_only: options.versions == Versions::Http2,
            resolver,
        };
        let pooled = Pooled {
            idle: options.idle_connections,
            timeout: options.idle_timeout,
            http2_only: options.versions == Versions::Http2,
        };
        Ok(Self {
            http: pooled.client(connector.clone()),
            http1: Arc::default(),
            connector,
            pooled,
            versions: options.versions,
            timeout: options.timeout,
            response_body: options.response_body,
        })
    }

    /// [`send_until`](Self::send_until) with no bound but the client's own.
    #[cfg(test)]
    pub(super) async fn send(&self, outgoing: Outgoing) -> Result<Answer, SendError> {
        let never = Instant::now() + self.timeout * 2;
        self.send_until(outgoing, never).await
    }

    /// Sends one request, once, and reads its answer, all of it until
    /// `deadline` at the latest. Redirects are answers.
    ///
    /// What goes out is `outgoing` with `host` (in HTTP/2 `:authority`),
    /// `content-length` and, if it has none, `accept-encoding`. Must be called within a tokio runtime. Dropping
    /// the future gives the request up; it may have been applied.
    ///
    /// # Errors
    /// [`SendError::reached`] says whether the platform can have seen any of it.
    pub async fn send_until(
        &self,
        outgoing: Outgoing,
        deadline: Instant,
    ) -> Result<Answer, SendError> {
        let start = Instant::now();
        let until = (start + self.timeout).min(deadline);
        check(&outgoing).map_err(|message| SendError {
            kind: SendErrorKind::Invalid,
            reached: Reached::NotSent,
            message,
        })?;
        let may_change = self.versions == Versions::Auto && self.http1.get().is_none();
        let again = may_change.then(|| outgoing.clone());
        match (self.once(outgoing, start, until, deadline).await, again) {
            (Err(failed), Some(again)) if failed.wants_http1 => {
                self.http1.get_or_init(|| {
                    self.pooled.client(Connector {
                        tls: tls::http1_only(&self.connector.tls),
                        ..self.connector.clone()
                    })
                });
                let answer = self.once(again, start, until, deadline).await;
                answer.map_err(|failed| failed.error)
            }
            (answer, _) => answer.map_err(|failed| failed.error),
        }
    }

    async fn once(
        &self,
        outgoing: Outgoing,
        start: Instant,
        until: Instant,
        deadline: Instant,
    ) -> Result<Answer, Failed> {
        let (request, progress) = request(outgoing);
        let result = if until <= Instant::now() {
            drop(request);
            Err(self.late(&progress, until == deadline))
        } else {
            self.within(request, &progress, start, until)
                .await
                .unwrap_or_else(|| Err(self.late(&progress, until == deadline)))
        };
        result.map_err(|failure| Failed {
            wants_http1: failure.wants_http1,
            error: SendError {
                kind: failure.kind,
                reached: match failure.unprocessed {
                    true => Reached::NotSent,
                    false => progress.reached(),
                },
                message: failure.message,
            },
        })
    }

    /// The exchange, or nothing if the time runs out. The clock is looked at
    /// first: a request that has not begun by then does not begin any more. One
    /// that has is looked at once more, for its answer may be there.
    async fn within(
        &self,
        request: Request<RequestBody>,
        progress: &Progress,
        start: Instant,
        until: Instant,
    ) -> Option<Result<Answer, Unreadable>> {
        // In a box, so that it is gone, and with it the request, before its
        // progress is read.
        let mut exchange = Box::pin(self.exchange(request, start));
        tokio::select! {
            biased;
            () = tokio::time::sleep_until(until.into()) => {
                if progress.started() { exchange.as_mut().now_or_never() } else { None }
            }
            result = exchange.as_mut() => Some(result),
        }
    }

    async fn exchange(
        &self,
        request: Request<RequestBody>,
        start: Instant,
    ) -> Result<Answer, Unreadable> {
        let http = self.http1.get().unwrap_or(&self.http);
        let head_only = request.method() == Method::HEAD;
        let response = http
            .request(request)
            .await
            .map_err(|error| unanswered(&error))?;
        let (head, body) = response.into_parts();
        if head.status.is_informational() {
            return Err(Unreadable::new(
                SendErrorKind::Decode,
                format!(
                    "the platform answered HTTP {}, which nobody asked for, and nothing else",
                    head.status.as_u16()
                ),
            ));
        }
        // These have no body, whatever their headers say (RFC 9110 §6.4.1).
        let bodiless = head_only
            || matches!(
                head.status,
                StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
            );
        let body = match bodiless {
            true => Bytes::new(),
            false => read(body, &codings(&head.headers)?, self.response_body).await?,
        };
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
            elapsed: start.elapsed(),
        })
    }

    fn late(&self, progress: &Progress, whole_call: bool) -> Unreadable {
        let what = match progress.reached() {
            Reached::NotSent => "the request could not be sent",
            Reached::MaybeApplied => "the answer was not complete",
        };
        let message = if whole_call {
            format!("{what} before the time for the whole call ran out")
        } else {
            format!("{what} within the {:?} of timeout_ms", self.timeout)
        };
        Unreadable::new(SendErrorKind::Timeout, message)
    }
}

fn request(outgoing: Outgoing) -> (Request<RequestBody>, Progress) {
    let (body, progress) = RequestBody::new(outgoing.body);
    let mut request = Request::new(body);
    *request.method_mut() = outgoing.method;
    *request.uri_mut() = outgoing.uri;
    *request.headers_mut() = outgoing.headers;
    // RFC 9110 §8.6: whoever expects a body is told that there is none. Hyper
    // says so in HTTP/2 only, and many servers answer 411 without it.
    if request.body().is_empty() && expects_body(request.method()) {
        request
            .headers_mut()
            .insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    request
        .headers_mut()
        .entry(ACCEPT_ENCODING)
        .or_insert(HeaderValue::from_static(ACCEPTED));
    (request, progress)
}

/// Methods of which RFC 9110 §9.3 does not say that a body means nothing.
fn expects_body(method: &Method) -> bool {
    !matches!(
        *method,
        Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS | Method::TRACE
    )
}

/// Whether a header is the host's own: it describes the connection or the
/// message's framing (RFC 9110 §7.6.1), and whoever sets it by hand would be
/// contradicting what is really sent.
pub fn is_reserved_header(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "host"
            | "content-length"
            | "transfer-encoding"
            | "connection"
            | "expect"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "upgrade"
    )
}

fn check(outgoing: &Outgoing) -> Result<(), String> {
    check_uri(&outgoing.uri)?;
    check_headers(&outgoing.headers)?;
    if outgoing.method == Method::CONNECT {
        return Err(
            "the method CONNECT opens a tunnel and is not sent; use another one".to_owned(),
        );
    }
    Ok(())
}

fn check_uri(uri: &Uri) -> Result<(), String> {
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(
            "the URL is neither http nor https; make it from the connection's base_url".to_owned(),
        );
    }
    match uri.authority() {
        Some(authority) if !authority.host().is_empty() && !authority.as_str().contains('@') => {
            Ok(())
        }
        _ => Err(
            "the URL has no host, or a user in it; make it from the connection's base_url"
                .to_owned(),
        ),
    }
}

fn check_headers(headers: &HeaderMap) -> Result<(), String> {
    match headers.keys().find(|name| is_reserved_header(name)) {
        None => Ok(()),
        Some(name) => Err(format!(
            "the header `{name}` is set by the host itself; leave it out of the draft"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outgoing() -> Outgoing {
        Outgoing {
            method: Method::POST,
            uri: Uri::from_static("https://a.example/x?sign=topsecret"),
            headers: HeaderMap::from_iter([(
                HeaderName::from_static("x-token"),
                HeaderValue::from_static("topsecret"),
            )]),
            body: Bytes::from_static(b"topsecret"),
        }
    }

    #[tokio::test]
    async fn a_request_that_contradicts_its_framing_is_not_sent() {
        let client = Client::new(ClientOptions::default()).unwrap();
        for name in [
            "host",
            "content-length",
            "transfer-encoding",
            "connection",
            "upgrade",
            "te",
        ] {
            let mut outgoing = outgoing();
            outgoing
                .headers
                .insert(HeaderName::from_static(name), HeaderValue::from_static("1"));
            let error = client.send(outgoing).await.unwrap_err();
            assert_eq!(
                (error.kind, error.reached),
                (SendErrorKind::Invalid, Reached::NotSent)
            );
            assert!(error.message.contains(name), "{}", error.message);
        }
    }

    #[tokio::test]
    async fn a_request_without_a_plain_http_url_is_not_sent() {
        let client = Client::new(ClientOptions::default()).unwrap();
        for uri in [
            "/x",
            "ftp://a.example/",
            "a.example:443",
            "http://u:p@a.example/",
        ] {
            let mut outgoing = outgoing();
            outgoing.uri = Uri::from_static(uri);
            let error = client.send(outgoing).await.unwrap_err();
            assert_eq!(
                (error.kind, error.reached),
                (SendErrorKind::Invalid, Reached::NotSent)
            );
        }
        let mut outgoing = outgoing();
        outgoing.method = Method::CONNECT;
        assert_eq!(
            client.send(outgoing).await.unwrap_err().kind,
            SendErrorKind::Invalid
        );
    }

    #[test]
    fn extra_roots_have_to_be_certificates() {
        for pem in [
            &b""[..],
            b"no pem",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n",
        ] {
            let options = ClientOptions {
                extra_roots: Some(pem.into()),
                ..ClientOptions::default()
            };
            let error = Client::new(options).unwrap_err();
            assert!(error.to_string().contains("ca_file"), "{error}");
        }
    }

    #[test]
    fn nothing_of_a_request_is_debug_printed_but_where_it_goes() {
        let printed = format!("{:?}", outgoing());
        assert!(
            printed.contains("a.example") && !printed.contains("topsecret"),
            "{printed}"
        );
    }
}
