//! One connection's requests on their way to the router and back: what every
//! answer has in common, whatever it is about.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request, Response};
use axum::response::IntoResponse;
use futures_util::FutureExt;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::Service;
use tower_service::Service as _;

use super::connections::Connection;
use super::health::is_health;
use super::problem::Refused;
use crate::problem::Problem;

/// The router, as one connection sees it.
pub(super) struct Answering {
    router: Router,
    connection: Arc<Connection>,
}

impl Answering {
    pub fn new(router: Router, connection: Arc<Connection>) -> Self {
        Self { router, connection }
    }
}

impl Service<Request<Incoming>> for Answering {
    type Response = Response<Sending>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let connection = self.connection.clone();
        connection.begin();
        connection.set_unread(!request.body().is_end_stream());
        let request = request.map(|body| {
            Body::new(Receiving {
                body,
                connection: connection.clone(),
            })
        });
        let mut router = self.router.clone();
        Box::pin(async move {
            let response = if connection.is_guest() && !is_health(request.uri().path()) {
                full().into_response()
            } else {
                // A panic is one request's, and is answered.
                match AssertUnwindSafe(router.call(request)).catch_unwind().await {
                    Ok(Ok(response)) => response,
                    Err(_) => failed().into_response(),
                }
            };
            Ok(finish(response, connection))
        })
    }
}

/// A client that is told to go on while the rest of its request is not read
/// would have that rest taken for its next request.
fn finish(mut response: Response<Body>, connection: Arc<Connection>) -> Response<Sending> {
    if connection.is_unread() || connection.is_guest() {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response.map(|body| Sending { body, connection })
}

fn full() -> Refused {
    Refused::busy(
        "as many connections are open as there may be, and all are in use; nothing was sent, try again later",
    )
}

fn failed() -> Refused {
    Refused::from(Problem::host(
        "internal-error",
        "the host failed on this request, and has written why to its log; whether something was sent is not known",
    ))
}

/// A request's body, which says when it has come to its end.
struct Receiving {
    body: Incoming,
    connection: Arc<Connection>,
}

impl HttpBody for Receiving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if matches!(frame, Poll::Ready(None)) || self.body.is_end_stream() {
            self.connection.set_unread(false);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body, which says when it is with the connection.
pub(super) struct Sending {
    body: Body,
    connection: Arc<Connection>,
}

impl HttpBody for Sending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.connection.finish();
    }
}
