//! Errors as RFC 9457 `application/problem+json`.

use std::borrow::Cow;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::clock::millis;
use crate::outbox::Status;
use crate::problem::{Blame, Excerpt, Place, Problem};

/// The media type of an error.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// After which a caller who found the host full may come back.
const BUSY: Duration = Duration::from_secs(1);

/// The same where a person has to act first.
const REFUSED: Duration = Duration::from_secs(30);

/// A request that got no result.
#[derive(Debug)]
pub(super) struct Refused {
    /// HTTP status.
    pub status: StatusCode,
    /// What was wrong.
    pub problem: Box<Problem>,
    /// What few of them have.
    more: Option<Box<More>>,
}

/// What few refusals have.
#[derive(Debug, Default)]
struct More {
    /// Of a body of lines: which line it was, and what was taken before.
    bulk: Option<Stopped>,
    /// Whether the connection ends with this answer.
    closes: bool,
}

/// Where a body of lines stopped.
#[derive(Debug, Default, Serialize)]
pub(super) struct Stopped {
    /// The line that it is about, 1-based.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The last line that was taken in; 0 if none was. Every item up to it is in
    /// one of the deliveries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines_taken: Option<u64>,
    /// What was taken in before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deliveries: Vec<TakenLines>,
}

/// One delivery that came of a body of lines.
#[derive(Debug, Clone, Serialize)]
pub(super) struct TakenLines {
    /// Its id.
    pub delivery: String,
    /// The first and the last line that it is from.
    pub lines: [u64; 2],
    /// How many items it has.
    pub items: usize,
    /// Of one that was taken in before, under the same key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
}

impl Refused {
    /// A refusal with a status of its own.
    pub fn new(status: StatusCode, problem: Problem) -> Self {
        Self {
            status,
            problem: problem.into(),
            more: None,
        }
    }

    /// The same about a line of a body.
    pub fn stopped(self, stopped: Stopped) -> Self {
        let mut more = self.more.unwrap_or_default();
        more.bulk = Some(stopped);
        Self {
            more: Some(more),
            ..self
        }
    }

    /// The caller sent something that is not a request of this interface.
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Problem::caller(code, detail))
    }

    /// The host is full.
    pub fn busy(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            Problem::host("host-busy", detail),
        )
    }

    /// The host is going down. The connection is closed, so that the next
    /// attempt reaches whoever takes over.
    pub fn shutting_down() -> Self {
        Self {
            more: Some(Box::new(More {
                closes: true,
                ..More::default()
            })),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                Problem::host(
                    "shutting-down",
                    "the host is shutting down; nothing was sent, try again",
                ),
            )
        }
    }
}

/// What a path names, if it is UTF-8.
pub(super) fn names<T>(path: Result<Path<T>, PathRejection>) -> Result<T, Refused> {
    let wrong =
        |rejection: PathRejection| Refused::bad_request("invalid-path", rejection.body_text());
    path.map(|Path(names)| names).map_err(wrong)
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::new(status_of(&problem), problem)
    }
}

/// The HTTP status that says best what a problem says.
pub(super) fn status_of(problem: &Problem) -> StatusCode {
    let code = &*problem.code;
    match code {
        "invalid-json" => return StatusCode::BAD_REQUEST,
        "too-many-items" | "body-too-large" | "call-too-large" | "line-too-long" => {
            return StatusCode::PAYLOAD_TOO_LARGE;
        }
        "host-busy"
        | "shutting-down"
        | "adapter-retired"
        | "script-engine-retired"
        | "tenant-loading"
        | "flow-not-serving"
        | "tenant-refused" => {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        "plugin-present" | "idempotency-key-reused" | "not-open" | "flow-busy" | "flow-paused" => {
            return StatusCode::CONFLICT;
        }
        "outbox-full" | "outbox-unwritable" | "outbox-tenant-full" | "flow-full" => {
            return StatusCode::INSUFFICIENT_STORAGE;
        }
        "unknown-event" => return StatusCode::BAD_REQUEST,
        "queue-not-available" | "flows-not-available" | "grants-not-available" => {
            return StatusCode::NOT_IMPLEMENTED;
        }
        "invalid-query" => return StatusCode::BAD_REQUEST,
        _ if code == "throttled" || code.ends_with("-throttled") => {
            return StatusCode::TOO_MANY_REQUESTS;
        }
        _ if code == "timeout" || code.ends_with("-timeout") => {
            return StatusCode::GATEWAY_TIMEOUT;
        }
        _ => {}
    }
    match problem.blame {
        Blame::Caller if code.starts_with("unknown-") => StatusCode::NOT_FOUND,
        // The tenant owns its script as it owns its call: only it can change either.
        Blame::Caller | Blame::Script => StatusCode::UNPROCESSABLE_ENTITY,
        Blame::Adapter | Blame::Platform => StatusCode::BAD_GATEWAY,
        Blame::Host => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// RFC 9457, with this host's own members after `detail`.
#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: Cow<'a, str>,
    status: u16,
    detail: &'a str,
    blame: Blame,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<&'a Place>,
    #[serde(skip_serializing_if = "Option::is_none")]
    excerpt: Option<&'a Excerpt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    bulk: Option<&'a Stopped>,
}

/// When it is worth coming back, for the statuses that say so.
fn retry_after(status: StatusCode, problem: &Problem) -> Option<u64> {
    if !matches!(
        status,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
    ) {
        return problem.retry_after_ms;
    }
    let usual = match &*problem.code {
        "tenant-refused" | "adapter-retired" | "script-engine-retired" => REFUSED,
        _ => BUSY,
    };
    let usual = millis(usual);
    Some(problem.retry_after_ms.unwrap_or(usual))
}

/// `unknown-connection` → `Unknown connection`: the same for every occurrence,
/// as RFC 9457 wants a title to be.
fn title(code: &str) -> Cow<'_, str> {
    let mut letters = code.chars();
    match letters.next() {
        Some(first) => {
            let rest = letters.as_str().replace('-', " ").replace(" json", " JSON");
            format!("{}{rest}", first.to_ascii_uppercase()).into()
        }
        None => "Problem".into(),
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self {
            status,
            problem,
            more,
        } = self;
        let More { bulk, closes } = more.map(|more| *more).unwrap_or_default();
        let retry_after_ms = retry_after(status, &problem);
        let document = Document {
            r#type: format!("/problems/{}", problem.code),
            title: title(&problem.code),
            status: status.as_u16(),
            detail: &problem.detail,
            blame: problem.blame,
            code: &problem.code,
            pointer: problem.pointer.as_deref(),
            item: problem.item,
            place: problem.place.as_ref(),
            excerpt: problem.excerpt.as_deref(),
            retry_after_ms,
            bulk: bulk.as_ref(),
        };
        // A path that is not UTF-8 is the one thing in it that may not be JSON.
        let body = serde_json::to_vec(&document)
            .or_else(|_| {
                serde_json::to_vec(&Document {
                    place: None,
                    ..document
                })
            })
            .unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(ms) = retry_after_ms {
            // RFC 9110 §10.2.3: whole seconds.
            headers.insert(RETRY_AFTER, HeaderValue::from(ms.div_ceil(1000)));
        }
        if closes {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// A path that is not there.
pub(super) async fn not_found(uri: Uri) -> Refused {
    Refused::new(
        StatusCode::NOT_FOUND,
        Problem::caller(
            "unknown-path",
            format!(
                "there is nothing at {}; `/openapi.json` lists what there is",
                shown(uri.path())
            ),
        ),
    )
}

/// A path that is there, with another method. The router adds `Allow`.
pub(super) async fn method_not_allowed(method: Method, uri: Uri) -> Refused {
    Refused::new(
        StatusCode::METHOD_NOT_ALLOWED,
        Problem::caller(
            "method-not-allowed",
            format!(
                "{} does not answer {}; the `Allow` header names what it does",
                shown(uri.path()),
                shown(method.as_str())
            ),
        ),
    )
}

/// What somebody sent, short enough to be repeated.
fn shown(text: &str) -> String {
    const MOST: usize = 100;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("`{}…`", &text[..end]),
        None => format!("`{text}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use http_body_util::BodyExt;

    #[test]
    fn a_status_says_who_has_to_act() {
        for (problem, status) in [
            (Problem::caller("invalid-json", ""), 400),
            (Problem::caller("unknown-connection", ""), 404),
            (Problem::caller("too-many-items", ""), 413),
            (Problem::caller("call-too-large", ""), 413),
            (Problem::caller("no-items", ""), 422),
            (Problem::script("script-failed", ""), 422),
            (Problem::adapter("adapter-trap", ""), 502),
            (Problem::platform("platform-unreachable", ""), 502),
            (Problem::platform("platform-throttled", ""), 429),
            (Problem::host("data-dir", ""), 500),
            (Problem::host("unknown-operation", ""), 500),
            (Problem::host("host-busy", ""), 503),
            (Problem::host("tenant-loading", ""), 503),
            (Problem::host("tenant-refused", ""), 503),
            (Problem::host("call-timeout", ""), 504),
        ] {
            assert_eq!(status_of(&problem).as_u16(), status, "{problem:?}");
        }
    }

    #[test]
    fn who_is_sent_away_is_told_when_to_come_back() {
        for (problem, seconds, ms) in [
            (Problem::host("host-busy", ""), "1", 1000),
            (Problem::host("tenant-loading", ""), "1", 1000),
            (Problem::host("tenant-refused", ""), "30", 30_000),
            (
                Problem::platform("throttled", "").retry_after(Duration::from_millis(1200)),
                "2",
                1200,
            ),
        ] {
            let response = Refused::from(problem).into_response();
            assert_eq!(response.headers()[RETRY_AFTER], seconds);
            let body = response.into_body().collect().now_or_never();
            let body = body.unwrap().unwrap().to_bytes();
            let document: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(document["retry_after_ms"], ms);
        }
        let response = Refused::from(Problem::caller("no-items", "")).into_response();
        assert!(!response.headers().contains_key(RETRY_AFTER));
    }

    #[test]
    fn a_title_is_the_code_in_words() {
        assert_eq!(title("unknown-connection"), "Unknown connection");
        assert_eq!(title("invalid-json"), "Invalid JSON");
        assert_eq!(title(""), "Problem");
    }
}
