//! What hyper and h2 say about a request without an answer: what happened, in
//! words an operator can act on, and whether they prove that the platform has
//! not processed it. Their own text goes to the debug log.

use std::error::Error;
use std::fmt::Write as _;
use std::io;

use h2::Reason;
use hyper_util::client::legacy;

use super::body::Unreadable;
use super::connect::ConnectError;
use super::wire::Fate;
use super::{SendErrorKind, net_failure, tls_failure};

/// Most lines of an answer's head.
pub(super) const MAX_HEADERS: usize = 256;

/// What is wrong with a request that got no answer's head.
pub(super) fn unanswered(error: &legacy::Error) -> Unreadable {
    tracing::debug!(target: "crossdock::http", error = causes(error), "no answer");
    if let Some(connect) = find::<ConnectError>(error) {
        return Unreadable::new(connect.kind, connect.message.clone());
    }
    let fate = fate(error);
    if let Some(alert) = fate.as_ref().and_then(Fate::refusal) {
        let message = format!("no TLS connection: {}", tls_failure::refusal(alert));
        return Unreadable::new(SendErrorKind::Tls, message).unprocessed();
    }
    if let Some(h2) = find::<h2::Error>(error) {
        return of_http2(h2);
    }
    let beginning = fate.as_ref().and_then(Fate::beginning);
    match find::<hyper::Error>(error) {
        Some(http) if http.is_parse_too_large() => Unreadable::new(
            SendErrorKind::TooLarge,
            format!(
                "the answer's headers are larger than any answer needs (400 KiB or {MAX_HEADERS} lines)"
            ),
        ),
        Some(http) if http.is_parse() => {
            Unreadable::new(SendErrorKind::Decode, not_http(beginning))
        }
        Some(http) if http.is_timeout() => lost(
            "the connection had died: the platform gave no sign of life while it was asked for one",
        ),
        Some(http) if http.is_incomplete_message() => {
            lost("the platform closed the connection without an answer")
        }
        Some(http) if http.is_canceled() || http.is_closed() => {
            lost("the connection was closed before the request was on it")
        }
        _ => match find_io(error) {
            // The alert was there before the request was on the connection, of which
            // nothing is known then.
            Some(io) if fate.is_none() && tls_failure::alert(io).is_some() => Unreadable::new(
                SendErrorKind::Tls,
                format!("no TLS connection: {}", tls_failure::sentence(io)),
            ),
            Some(io) => lost(&format!("no answer: {}", net_failure::broken(io))),
            None if error.is_connect() => Unreadable::new(
                SendErrorKind::Connect,
                "the connection was closed as soon as it was made",
            ),
            None => lost("no answer: the connection failed"),
        },
    }
}

/// What is wrong with an answer whose head came and whose body broke off.
pub(super) fn broken_off(error: &(dyn Error + 'static)) -> Unreadable {
    tracing::debug!(target: "crossdock::http", error = causes(error), "no whole answer");
    let io = find_io(error);
    // Hyper's word for chunks that are none.
    if io.is_some_and(|io| {
        matches!(
            io.kind(),
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
        ) && tls_failure::inner(io).is_none()
    }) {
        return Unreadable::new(
            SendErrorKind::Decode,
            "the answer's chunks (transfer-encoding: chunked) are not as HTTP has them",
        );
    }
    let how = match (find::<h2::Error>(error), io) {
        (Some(h2), _) => match h2.reason() {
            Some(reason) if h2.is_remote() => {
                format!("the platform ended it (HTTP/2 {})", named(reason))
            }
            _ => "the platform's HTTP/2 is not as the protocol has it".to_owned(),
        },
        (None, Some(io)) => net_failure::broken(io).to_owned(),
        (None, None) => "the other side closed the connection".to_owned(),
    };
    lost(&format!("the answer broke off: {how}"))
}

/// Streams that the platform says it has not processed may go out again
/// (RFC 9113 §8.7): one that is refused, and those above the last one that a
/// GOAWAY names. h2 fails exactly those with the GOAWAY that came, and requests
/// that it no longer put on the connection; streams below go on, and fail with
/// the connection.
fn of_http2(error: &h2::Error) -> Unreadable {
    let reason = error.reason();
    if !error.is_remote() {
        return if error.is_library() {
            Unreadable::new(
                SendErrorKind::Decode,
                "the platform's HTTP/2 is not as the protocol has it",
            )
        } else {
            lost("no answer: the HTTP/2 connection failed")
        };
    }
    if error.is_go_away() {
        let why = match reason {
            Some(Reason::ENHANCE_YOUR_CALM) => {
                "the platform closes the connection because too much is sent on it (HTTP/2 \
                 ENHANCE_YOUR_CALM) and has not processed the request; lower requests_per_minute \
                 or concurrency"
            }
            _ => {
                "the platform closes the connection (HTTP/2 GOAWAY) and has not processed the request"
            }
        };
        return Unreadable {
            wants_http1: reason == Some(Reason::HTTP_1_1_REQUIRED),
            ..lost(why).unprocessed()
        };
    }
    match reason {
        Some(Reason::REFUSED_STREAM) => {
            lost("the platform did not take the request (HTTP/2 REFUSED_STREAM)").unprocessed()
        }
        // Whoever demands another protocol for a request has not processed it in this one.
        Some(Reason::HTTP_1_1_REQUIRED) => Unreadable {
            wants_http1: true,
            ..lost(
                "the platform wants this request over HTTP/1.1 (HTTP/2 HTTP_1_1_REQUIRED); \
                 http = \"2\" of the connection forbids that",
            )
            .unprocessed()
        },
        Some(Reason::ENHANCE_YOUR_CALM) => lost(
            "the platform ended the request because too much is sent (HTTP/2 ENHANCE_YOUR_CALM); \
             lower requests_per_minute or concurrency",
        ),
        Some(reason) => lost(&format!(
            "the platform ended the request without an answer (HTTP/2 {})",
            named(reason)
        )),
        None => lost("no answer: the HTTP/2 connection failed"),
    }
}

/// The names of RFC 9113 §7.
fn named(reason: Reason) -> String {
    match reason {
        Reason::NO_ERROR => "NO_ERROR",
        Reason::PROTOCOL_ERROR => "PROTOCOL_ERROR",
        Reason::INTERNAL_ERROR => "INTERNAL_ERROR",
        Reason::FLOW_CONTROL_ERROR => "FLOW_CONTROL_ERROR",
        Reason::SETTINGS_TIMEOUT => "SETTINGS_TIMEOUT",
        Reason::STREAM_CLOSED => "STREAM_CLOSED",
        Reason::FRAME_SIZE_ERROR => "FRAME_SIZE_ERROR",
        Reason::REFUSED_STREAM => "REFUSED_STREAM",
        Reason::CANCEL => "CANCEL",
        Reason::COMPRESSION_ERROR => "COMPRESSION_ERROR",
        Reason::CONNECT_ERROR => "CONNECT_ERROR",
        Reason::ENHANCE_YOUR_CALM => "ENHANCE_YOUR_CALM",
        Reason::INADEQUATE_SECURITY => "INADEQUATE_SECURITY",
        Reason::HTTP_1_1_REQUIRED => "HTTP_1_1_REQUIRED",
        other => return format!("error {}", u32::from(other)),
    }
    .to_owned()
}

fn not_http(beginning: Option<&[u8]>) -> String {
    match beginning {
        // A TLS record: an alert (21) or a handshake (22) of SSL 3 or TLS.
        Some([21 | 22, 3, ..]) => {
            "the answer is TLS and not HTTP; base_url needs https:// here".to_owned()
        }
        Some(bytes) => format!(
            "the answer is not HTTP: it begins with `{}`",
            String::from_utf8_lossy(bytes).escape_debug()
        ),
        None => "the answer is not HTTP".to_owned(),
    }
}

fn lost(message: &str) -> Unreadable {
    Unreadable::new(SendErrorKind::ConnectionLost, message)
}

fn fate(error: &legacy::Error) -> Option<Fate> {
    let mut extensions = http::Extensions::new();
    error.connect_info()?.get_extras(&mut extensions);
    extensions.remove()
}

fn find<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    let mut cause = Some(error);
    while let Some(current) = cause {
        if let Some(found) = current.downcast_ref() {
            return Some(found);
        }
        cause = current.source();
    }
    None
}

/// The deepest: one I/O error may carry another.
fn find_io<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e io::Error> {
    let mut found = find::<io::Error>(error)?;
    while let Some(inner) = found.get_ref().and_then(|inner| inner.downcast_ref()) {
        found = inner;
    }
    Some(found)
}

/// An error and what caused it, in one line, without saying anything twice.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            let _ = write!(text, ": {cause_text}");
        }
        next = cause.source();
    }
    text
}
