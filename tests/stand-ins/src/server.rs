//! Accepts connections and takes each request to its answer.
//!
//! hyper serves the connections directly: a reset needs the socket, and the
//! benchmark needs a path without layers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::control;
use crate::exchange::{Answer, Call};
use crate::record::count;
use crate::station::Station;
use crate::wire::{Aborted, Socket, Wire, WireBody};

/// The largest request that is read: 50 goods of 500 specs are about 25 MB.
pub const MOST_BODY: usize = 64 * 1024 * 1024;
/// How long a request may take to arrive, and a connection may stay idle.
const READ_LIMIT: Duration = Duration::from_secs(300);
/// How long requests under way may take when the server stops.
const STOP_LIMIT: Duration = Duration::from_secs(1);
/// Pause after a failed accept, usually for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Everything the connections share.
pub struct Server {
    pub stations: BTreeMap<&'static str, Station>,
    /// Visits to the page that redirects point to; a good client pays none.
    pub elsewhere: AtomicU64,
}

/// Accepts until `stop` is cancelled. Returns when the last connection has ended.
pub async fn run(server: Arc<Server>, listener: TcpListener, stop: CancellationToken) {
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(connection(Arc::clone(&server), stream, stop.clone()));
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
    connections.close();
    connections.wait().await;
}

async fn connection(server: Arc<Server>, stream: TcpStream, stop: CancellationToken) {
    // Without this option the second small write of an answer waits for an ACK.
    let _ = stream.set_nodelay(true);
    let wire = Arc::new(Wire::default());
    let socket = Socket::new(stream, Arc::clone(&wire));
    let service = service_fn(|request| respond(&server, &wire, request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(READ_LIMIT)
        .serve_connection(TokioIo::new(socket), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // An error here is a client that went away, or a reset of our own.
        _ = connection.as_mut() => {}
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(STOP_LIMIT, connection).await;
        }
    }
}

async fn respond(
    server: &Server,
    wire: &Arc<Wire>,
    request: Request<Incoming>,
) -> Result<Response<WireBody>, Aborted> {
    let path = request.uri().path();
    if let Some(rest) = path.strip_prefix("/_control") {
        let rest = rest.to_owned();
        return Ok(whole(control::respond(server, &rest, request).await));
    }
    if path == "/_elsewhere" {
        count(&server.elsewhere);
        return Ok(whole(Answer::json_text("{}")));
    }
    let Some((station, path)) = find(server, path) else {
        return Ok(whole(Answer::text(404, "No stand-in has this prefix.\n")));
    };
    let raw_query = request.uri().query().unwrap_or_default().to_owned();
    let (parts, body) = request.into_parts();
    let body = match read(body).await {
        Ok(body) => body,
        Err(ReadError::TooLong) => return Ok(whole(Answer::text(413, "The body is too long.\n"))),
        Err(ReadError::Broken) => return Err(Aborted),
    };
    let call = Call {
        method: parts.method,
        path,
        raw_query,
        headers: parts.headers,
        body,
    };
    match station.serve(&call).await {
        Ok(delivery) => {
            let body = delivery.body(wire);
            Ok(response(delivery.answer, body))
        }
        Err(Aborted) => {
            wire.reset();
            Err(Aborted)
        }
    }
}

/// The station of a path and what follows its prefix.
fn find<'a>(server: &'a Server, path: &str) -> Option<(&'a Station, String)> {
    let prefix = path.strip_prefix('/')?.split('/').next()?;
    let station = server.stations.get(prefix)?;
    Some((station, path[1 + prefix.len()..].to_owned()))
}

/// Why a request's body could not be read.
pub enum ReadError {
    TooLong,
    /// The client went away or was too slow.
    Broken,
}

/// Reads a body within its limits.
pub async fn read(body: Incoming) -> Result<Bytes, ReadError> {
    let collected = tokio::time::timeout(READ_LIMIT, Limited::new(body, MOST_BODY).collect()).await;
    match collected {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(ReadError::TooLong),
        Ok(Err(_)) | Err(_) => Err(ReadError::Broken),
    }
}

fn whole(answer: Answer) -> Response<WireBody> {
    let body = WireBody::Whole(answer.body.clone());
    response(answer, body)
}

fn response(answer: Answer, body: WireBody) -> Response<WireBody> {
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    let content_type = match answer.content_type {
        std::borrow::Cow::Borrowed(text) => Ok(HeaderValue::from_static(text)),
        std::borrow::Cow::Owned(text) => HeaderValue::try_from(text),
    };
    if let Ok(value) = content_type {
        headers.insert(header::CONTENT_TYPE, value);
    }
    for (name, value) in answer.headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}
