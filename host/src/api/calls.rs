//! `POST /v1/{tenant}/{connection}/{operation}`.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use serde::Serialize;

use super::auth::admit;
use super::bulk::{self, Bulk};
use super::finish::Finish;
use super::problem::{Refused, names};
use super::query::{Form, Options, content_type, idempotency_key, is_gzip, single};
use super::{App, Service, body};
use crate::budget::Share;
use crate::clock::millis;
use crate::host::Call;
use crate::outbox::Status;
use crate::problem::Problem;
use crate::report::Report;
use crate::telemetry::incoming::Incoming;

/// Longest name of a tenant, connection or operation that is looked up.
const MOST_NAME_BYTES: usize = 128;

/// Tenant, connection and operation, as the path names them.
type Names = (String, String, String);

pub(super) async fn call<S: Service>(
    State(app): State<Arc<App<S>>>,
    path: Result<Path<Names>, PathRejection>,
    request: Request,
) -> Response {
    let started = Instant::now();
    let names = match names(path) {
        Ok(names) => names,
        Err(refused) => return refused.into_response(),
    };
    let (call, options, memory) = match accept(&app, &names, request).await {
        Ok(Taken::Whole(whole)) => *whole,
        Ok(Taken::Lines(bulk)) => {
            let answer = bulk::take(&app, *bulk).await;
            return told(answer, &names, started);
        }
        Err(refused) => {
            let metrics = &app.service.telemetry().metrics;
            metrics.nobody.refused(&refused.problem);
            return told(Err(refused), &names, started);
        }
    };
    let counted = match app.begin() {
        Ok(counted) => counted,
        Err(refused) => {
            let metrics = &app.service.telemetry().metrics;
            metrics.nobody.refused(&refused.problem);
            return told(Err(refused), &names, started);
        }
    };
    Finish::new(async move {
        let answer = answer(&app, call, options).await;
        let response = told(answer, &names, started);
        drop((counted, memory));
        response
    })
    .await
}

/// The answer, once the log has it.
fn told(answer: Result<Answer, Refused>, names: &Names, started: Instant) -> Response {
    match answer {
        Ok(answer) => {
            answer.log(names, started);
            answer.response
        }
        Err(refused) => {
            log_refused(names, &refused, started);
            refused.into_response()
        }
    }
}

/// A request whose names and headers are in order.
enum Taken {
    /// With its body.
    Whole(Box<(Call, Options, Share)>),
    /// Its body is one item a line, is to be queued, and is read bit by bit.
    Lines(Box<Bulk>),
}

/// Checks everything about a request, in the order in which it costs, and
/// reads its body last.
async fn accept<S: Service>(
    app: &App<S>,
    names: &Names,
    request: Request,
) -> Result<Taken, Refused> {
    let (parts, body) = request.into_parts();
    single(&parts.headers)?;
    let (tenant, connection, operation) = names;
    admit(app, tenant, &parts.uri, &parts.headers)?;
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
    if options.queue == Some(true) && options.dry_run {
        return Err(Refused::bad_request(
            "invalid-query",
            "`queue` and `dry_run` contradict each other; ask for one of them",
        ));
    }
    let idempotency_key = idempotency_key(&parts.headers)?;
    let form = content_type(&parts.headers)?;
    let mut call = Call {
        tenant: tenant.clone(),
        connection: connection.clone(),
        operation: operation.clone(),
        body: Bytes::new(),
        idempotency_key,
        trace: Incoming::read(&parts.headers),
    };
    let queued = || options.queue.unwrap_or_else(|| app.service.queues(&call));
    if form == Form::Lines && !options.dry_run && queued() {
        let gzip = is_gzip(&parts.headers)?;
        return Ok(Taken::Lines(Box::new(Bulk { call, body, gzip })));
    }
    let limits = &app.service.config().limits;
    let most = limits.request_body;
    let (body, memory) = body::read(body, &parts.headers, most, app.service.memory()).await?;
    call.body = match form {
        Form::Json => body,
        Form::Lines => bulk::whole(&body, limits.items_per_call)?,
    };
    Ok(Taken::Whole(Box::new((call, options, memory))))
}

/// The answer to a call that was taken in.
#[derive(Serialize)]
struct Accepted<'a> {
    delivery: &'a str,
    /// Of one that was taken in before, under the same key.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
}

/// A call's answer and what the log says about it.
pub(super) struct Answer {
    pub response: Response,
    pub status: &'static str,
    pub items: usize,
    /// Nothing for a dry run, and for what became several.
    pub delivery: Option<String>,
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
            ms = millis(started.elapsed()),
            delivery = self.delivery.as_deref(),
            "call"
        );
    }
}

/// The call itself. A panic below is one call's, and is answered.
async fn answer<S: Service>(app: &App<S>, call: Call, options: Options) -> Result<Answer, Refused> {
    let patience = app.patience();
    // The ways of a call that are large, and taken by few calls, are boxed: the
    // future is as large as the largest, and is moved whole.
    let work = async {
        if options.dry_run {
            let dry = Box::pin(app.service.dry_run(call)).await?;
            Ok(Answer {
                response: json(&dry)?,
                status: "dry-run",
                items: dry.requests.iter().map(|request| request.items.len()).sum(),
                delivery: None,
            })
        } else if options.queue.unwrap_or_else(|| app.service.queues(&call)) {
            let queued = Box::pin(app.service.queue(call)).await?;
            let mut response = json(&Accepted {
                delivery: &queued.delivery,
                status: queued.status,
            })?;
            *response.status_mut() = StatusCode::ACCEPTED;
            Ok(Answer {
                response,
                status: if queued.known { "known" } else { "queued" },
                items: queued.items,
                delivery: Some(queued.delivery),
            })
        } else {
            let report = app.service.call(call).await?;
            let (status, items) = (report.status.as_str(), report.items.len());
            let delivery = Some(report.delivery.clone());
            Ok(Answer {
                response: reported(report).await?,
                status,
                items,
                delivery,
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

/// Items of a report that is written on the thread that serves.
const ITEMS_AT_ONCE: usize = 256;

/// A report as an answer. Megabytes of it are written beside the threads that
/// serve.
async fn reported(report: Report) -> Result<Response, Refused> {
    if report.items.len() <= ITEMS_AT_ONCE {
        return json(&report);
    }
    let written = tokio::task::spawn_blocking(move || json(&report)).await;
    written.map_err(|_| {
        Refused::from(Problem::host(
            "internal-error",
            "the host failed on writing this answer, and has written why to its log; whether something was sent is not known",
        ))
    })?
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

/// The same of what changes by itself, and is nobody else's business.
pub(super) fn fresh(document: &impl Serialize) -> Result<Response, Refused> {
    let mut response = json(document)?;
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn log_refused((tenant, connection, operation): &Names, refused: &Refused, started: Instant) {
    tracing::info!(
        target: "crossdock::access",
        tenant = start_of(tenant),
        connection = start_of(connection),
        operation = start_of(operation),
        status = refused.status.as_u16(),
        code = &*refused.problem.code,
        ms = millis(started.elapsed()),
        "call refused"
    );
}

/// A name somebody sent, short enough for a log line.
fn start_of(name: &str) -> &str {
    &name[..name.floor_char_boundary(MOST_NAME_BYTES)]
}
