//! `POST /v1/{tenant}/{connection}/{operation}`.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HeaderName};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;

use super::finish::Finish;
use super::problem::Refused;
use super::{App, Service};
use crate::delivery::report::DeliveryStatus;
use crate::host::Call;
use crate::problem::Problem;

/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);

/// What is still read of a body that is too large, so that a client that
/// writes everything before it reads gets to see why it was refused.
const DRAIN_BYTES: usize = 64 << 20;

/// How long that may take.
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// Longest name of a tenant, connection or operation that is looked up.
const MOST_NAME_BYTES: usize = 128;

/// Longest `Idempotency-Key`.
const MOST_KEY_BYTES: usize = 255;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Tenant, connection and operation, as the path names them.
type Names = (String, String, String);

pub(super) async fn call<S: Service>(
    State(app): State<Arc<App<S>>>,
    path: Result<Path<Names>, PathRejection>,
    request: Request,
) -> Response {
    let started = Instant::now();
    let names = match path {
        Ok(Path(names)) => names,
        Err(rejection) => {
            return Refused::bad_request("invalid-path", rejection.body_text()).into_response();
        }
    };
    let (call, options) = match accept(&app, &names, request).await {
        Ok(accepted) => accepted,
        Err(refused) => {
            log_refused(&names, &refused, started);
            return refused.into_response();
        }
    };
    let counted = match app.begin() {
        Ok(counted) => counted,
        Err(refused) => {
            log_refused(&names, &refused, started);
            return refused.into_response();
        }
    };
    Finish::new(async move {
        let answer = answer(&app, call, options).await;
        let response = match answer {
            Ok(answer) => {
                answer.log(&names, started);
                answer.response
            }
            Err(refused) => {
                log_refused(&names, &refused, started);
                refused.into_response()
            }
        };
        drop(counted);
        response
    })
    .await
}

/// What the query asks for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Options {
    dry_run: bool,
    queue: bool,
}

impl Options {
    /// Reads a query. A parameter that is not known is refused: whoever
    /// mistypes `dry_run` must not send for real.
    fn read(query: &str) -> Result<Self, Refused> {
        let mut options = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, "true"));
            let option = match name {
                "dry_run" => &mut options.dry_run,
                "queue" => &mut options.queue,
                _ => {
                    return Err(Refused::bad_request(
                        "invalid-query",
                        "the query has a parameter that is not known; `dry_run` and `queue` are",
                    ));
                }
            };
            *option = match value {
                "true" => true,
                "false" => false,
                _ => {
                    return Err(Refused::bad_request(
                        "invalid-query",
                        format!("`{name}` must be `true` or `false`"),
                    ));
                }
            };
        }
        Ok(options)
    }
}

/// Checks everything about a request, in the order in which it costs, and
/// reads its body last.
async fn accept<S: Service>(
    app: &App<S>,
    names: &Names,
    request: Request,
) -> Result<(Call, Options), Refused> {
    let (parts, body) = request.into_parts();
    let (tenant, connection, operation) = names;
    let tokens = app.service.tokens_of(tenant);
    app.access
        .tenant(&parts.uri, &parts.headers, tokens.as_deref(), || {
            app.service.any_tenant_has_tokens()
        })?;
    if [tenant, connection, operation]
        .iter()
        .any(|name| name.len() > MOST_NAME_BYTES)
    {
        return Err(Refused::bad_request(
            "invalid-path",
            format!("a name in the path has more than {MOST_NAME_BYTES} bytes"),
        ));
    }
    let options = Options::read(parts.uri.query().unwrap_or_default())?;
    if options.queue {
        return Err(Refused::new(
            StatusCode::NOT_IMPLEMENTED,
            Problem::host(
                "queue-not-available",
                "this version has no outbox yet; send without `queue` and the call is delivered now",
            ),
        ));
    }
    let idempotency_key = idempotency_key(&parts.headers)?;
    content_type(&parts.headers)?;
    let most = app.service.config().limits.request_body;
    let body = read(body, &parts.headers, most).await?;
    let call = Call {
        tenant: tenant.clone(),
        connection: connection.clone(),
        operation: operation.clone(),
        body,
        idempotency_key,
    };
    Ok((call, options))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Refused> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(key) if !key.is_empty() && key.len() <= MOST_KEY_BYTES && values.next().is_none() => {
            Ok(Some(key.to_owned()))
        }
        _ => Err(Refused::bad_request(
            "invalid-idempotency-key",
            format!(
                "`Idempotency-Key` must be there once, with 1 to {MOST_KEY_BYTES} printable ASCII characters"
            ),
        )),
    }
}

/// `application/json`, anything `+json`, or nothing at all.
fn content_type(headers: &HeaderMap) -> Result<(), Refused> {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Ok(());
    };
    if value == "application/json" {
        return Ok(());
    }
    let essence = value
        .to_str()
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let structured = essence.starts_with("application/") && essence.ends_with("+json");
    if essence == "application/json" || structured {
        return Ok(());
    }
    Err(Refused::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Problem::caller(
            "unsupported-media-type",
            "the body must be JSON: send `Content-Type: application/json`",
        ),
    ))
}

/// Reads a body of at most `most` bytes.
async fn read(body: Body, headers: &HeaderMap, most: usize) -> Result<Bytes, Refused> {
    let too_large = || {
        let problem = Problem::caller(
            "body-too-large",
            format!(
                "the body has more than {most} bytes, which `[limits] request_body_mb` allows; split the items over several calls"
            ),
        );
        Refused::from(problem).closing()
    };
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most as u64) {
        // A client that waits for `100 Continue` has not begun to write.
        if !headers.contains_key(EXPECT) {
            drain(body).await;
        }
        return Err(too_large());
    }
    let mut limited = Limited::new(body, most);
    let collected = tokio::time::timeout(BODY_TIME, (&mut limited).collect()).await;
    match collected {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Refused::bad_request(
            "incomplete-body",
            "the connection ended before the body did",
        )),
        Err(_) => Err(Refused::new(
            StatusCode::REQUEST_TIMEOUT,
            Problem::caller(
                "body-timeout",
                format!("the body took longer than {} s", BODY_TIME.as_secs()),
            ),
        )
        .closing()),
    }
}

/// Reads on and throws away, within bounds.
async fn drain(mut body: Body) {
    let mut left = DRAIN_BYTES;
    let drained = async {
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => break,
            }
            if body.is_end_stream() {
                break;
            }
        }
    };
    // Whether it came to its end changes nothing for the caller.
    let _ = tokio::time::timeout(DRAIN_TIME, drained).await;
}

/// A call's answer and what the log says about it.
struct Answer {
    response: Response,
    status: &'static str,
    items: usize,
    /// Nothing for a dry run.
    delivery: Option<String>,
}

impl Answer {
    fn log(&self, (tenant, connection, operation): &Names, started: Instant) {
        tracing::info!(
            target: "crossdock::access",
            tenant,
            connection,
            operation,
            status = self.status,
            items = self.items,
            ms = millis(started),
            delivery = self.delivery.as_deref(),
            "call"
        );
    }
}

/// The call itself. A panic below is one call's, and is answered.
async fn answer<S: Service>(app: &App<S>, call: Call, options: Options) -> Result<Answer, Refused> {
    let patience = app.patience();
    let work = async {
        if options.dry_run {
            let dry = app.service.dry_run(call).await?;
            Ok(Answer {
                response: json(&dry)?,
                status: "dry-run",
                items: dry.requests.iter().map(|request| request.items.len()).sum(),
                delivery: None,
            })
        } else {
            let report = app.service.call(call).await?;
            let response = json(&report)?;
            Ok(Answer {
                response,
                status: word(report.status),
                items: report.items.len(),
                delivery: Some(report.delivery),
            })
        }
    };
    match tokio::time::timeout(patience, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Err(Refused::from(Problem::host(
            "internal-error",
            "the host failed on this call, and has written why to its log; whether something was sent is not known",
        ))),
        Err(_) => Err(Refused::from(Problem::host(
            "call-timeout",
            format!(
                "the call took longer than {} ms; whether something was applied is not known",
                patience.as_millis()
            ),
        ))),
    }
}

/// A JSON answer, written once.
pub(super) fn json(document: &impl Serialize) -> Result<Response, Refused> {
    let body = serde_json::to_vec(document).map_err(|error| {
        Refused::from(Problem::host(
            "internal-error",
            format!("the answer could not be written as JSON: {error}"),
        ))
    })?;
    let mut response = Response::new(Body::from(body));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

fn log_refused((tenant, connection, operation): &Names, refused: &Refused, started: Instant) {
    tracing::info!(
        target: "crossdock::access",
        tenant = start_of(tenant),
        connection = start_of(connection),
        operation = start_of(operation),
        status = refused.status.as_u16(),
        code = refused.problem.code,
        ms = millis(started),
        "call refused"
    );
}

/// A name somebody sent, short enough for a log line.
fn start_of(name: &str) -> &str {
    &name[..name.floor_char_boundary(MOST_NAME_BYTES)]
}

fn millis(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn word(status: DeliveryStatus) -> &'static str {
    match status {
        DeliveryStatus::Accepted => "accepted",
        DeliveryStatus::Partial => "partial",
        DeliveryStatus::Rejected => "rejected",
        DeliveryStatus::Failed => "failed",
        DeliveryStatus::Unknown => "unknown",
        DeliveryStatus::Queued => "queued",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_parameter_never_sends_for_real() {
        let dry = Options::read("dry_run=true").unwrap();
        assert!(dry.dry_run && !dry.queue);
        assert!(Options::read("dry_run").unwrap().dry_run);
        assert_eq!(Options::read("").unwrap(), Options::default());
        assert_eq!(Options::read("dry_run=false").unwrap(), Options::default());
        for query in ["dryrun=true", "dry_run=yes", "dry_run=", "x"] {
            let refused = Options::read(query).unwrap_err();
            assert_eq!(refused.problem.code, "invalid-query", "{query}");
        }
    }

    #[test]
    fn a_body_may_be_called_json_or_nothing() {
        for (value, accepted) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/vnd.acme.stock+json", true),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("text/json", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(value));
            assert_eq!(content_type(&headers).is_ok(), accepted, "{value}");
        }
        assert!(content_type(&HeaderMap::new()).is_ok());
    }
}
