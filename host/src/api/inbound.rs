//! What others send by themselves: `/v1/{tenant}/{connection}/inbound`, where a
//! platform pushes, and `POST /v1/{tenant}/flows/{flow}`, a flow's webhook.
//!
//! A platform has no token: what it sends is read before it is known who sends it.
//! So strangers have a place of their own, small, and get one answer, whatever it
//! is that does not fit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use url::form_urlencoded;

use super::auth::or_loading;
use super::calls::json;
use super::finish::Finish;
use super::problem::{Refused, names};
use super::{App, Service, body};
use crate::clock::millis;
use crate::config::{WebhookGate, WebhookSource};
use crate::inbound::{Refusal, TakenIn, gate, records};
use crate::plugin::contract::Body as Content;
use crate::plugin::inbound::{Answer, Push};
use crate::problem::Problem;

/// Messages that are read and verified at once. They take no place of calls.
const STRANGERS: usize = 32;

/// How long one waits for its turn.
const TURN_TIME: Duration = Duration::from_secs(5);

/// Most bytes of what a platform pushes.
const MOST_PUSH: usize = 2 << 20;

/// Headers that are shown to an adapter.
const MOST_HEADERS: usize = 100;

/// Longest name in a path that is looked up.
const MOST_NAME_BYTES: usize = 128;

/// Who may be read without being known.
#[derive(Clone)]
pub(super) struct Strangers(Arc<Semaphore>);

impl Default for Strangers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(STRANGERS)))
    }
}

impl Strangers {
    async fn turn(&self) -> Result<OwnedSemaphorePermit, Refused> {
        let turn = timeout(TURN_TIME, self.0.clone().acquire_owned()).await;
        match turn {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Refused::busy(
                "too many messages are being read; nothing was taken in, send it again later",
            )),
        }
    }
}

/// The one answer to whoever is not known.
fn stranger() -> Refused {
    Refused::new(
        StatusCode::UNAUTHORIZED,
        Problem::caller(
            "unverified",
            "nothing shows that this may be sent here; nothing was taken in",
        ),
    )
}

/// `/v1/{tenant}/{connection}/inbound`.
pub(super) async fn push<S: Service>(
    State(app): State<Arc<App<S>>>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Response {
    let names = names(path).map(|(tenant, connection)| (tenant, connection, String::new()));
    pushed(app, names, request).await
}

/// The same with what a platform adds to its address.
pub(super) async fn push_below<S: Service>(
    State(app): State<Arc<App<S>>>,
    path: Result<Path<(String, String, String)>, PathRejection>,
    request: Request,
) -> Response {
    let names = names(path).map(|(tenant, connection, rest)| {
        // A router gives it without its beginning.
        (tenant, connection, format!("/{rest}"))
    });
    pushed(app, names, request).await
}

async fn pushed<S: Service>(
    app: Arc<App<S>>,
    names: Result<(String, String, String), Refused>,
    request: Request,
) -> Response {
    let started = Instant::now();
    let (tenant, connection, rest) = match names {
        Ok(names) => names,
        Err(refused) => return refused.into_response(),
    };
    let (parts, body) = request.into_parts();
    // What is on its way to the disk is finished, whether anybody waits or not.
    Finish::new(async move {
        let answered = take_push(&app, &tenant, &connection, rest, &parts, body).await;
        // A platform sends again what it gets this answer to.
        let answered = answered.map_err(|refused| or_loading(&app.service, refused));
        log("push", &tenant, &connection, &answered, started);
        answered.unwrap_or_else(IntoResponse::into_response)
    })
    .await
}

async fn take_push<S: Service>(
    app: &App<S>,
    tenant: &str,
    connection: &str,
    rest: String,
    parts: &Parts,
    body: Body,
) -> Result<Response, Refused> {
    let _counted = app.begin()?;
    let _turn = app.strangers.turn().await?;
    if [tenant, connection]
        .iter()
        .any(|name| name.len() > MOST_NAME_BYTES)
    {
        return Err(stranger());
    }
    let config = app.service.config();
    let most = MOST_PUSH.min(config.limits.request_body);
    let (bytes, _memory) = body::raw(body, &parts.headers, most, app.service.memory()).await?;
    let push = Push {
        method: parts.method.as_str().to_owned(),
        path: rest,
        query: form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect(),
        headers: shown(&parts.headers),
        body: match String::from_utf8(bytes.into()) {
            Ok(text) if text.is_empty() => Content::Empty,
            Ok(text) => Content::Text(text),
            Err(error) => Content::Bytes(error.into_bytes()),
        },
    };
    let taken = timeout(app.patience(), app.service.push(tenant, connection, push)).await;
    let taken = taken.map_err(|_| {
        Refused::from(Problem::host(
            "call-timeout",
            "the message was not kept in time; send it again",
        ))
    })?;
    match taken {
        Ok(answer) => Ok(response(answer)),
        Err(Refusal::Stranger) => Err(stranger()),
        Err(Refusal::Known(problem)) => Err(match &*problem.code {
            // A platform sends again what it gets such an answer to.
            "no-inbound-flow" => Refused::new(StatusCode::SERVICE_UNAVAILABLE, problem),
            _ => problem.into(),
        }),
    }
}

/// Headers as an adapter gets them. What is no text is not shown.
fn shown(headers: &HeaderMap) -> Vec<(String, String)> {
    let texts = headers.iter().filter_map(|(name, value)| {
        let value = std::str::from_utf8(value.as_bytes()).ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    texts.take(MOST_HEADERS).collect()
}

/// What the adapter answers. It was checked when it came.
fn response(answer: Answer) -> Response {
    let body = match answer.body {
        Content::Empty => Body::empty(),
        Content::Text(text) => Body::from(text),
        Content::Bytes(bytes) => Body::from(bytes),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(&value),
        ) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// `POST /v1/{tenant}/flows/{flow}`.
pub(super) async fn webhook<S: Service>(
    State(app): State<Arc<App<S>>>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Response {
    let started = Instant::now();
    let (tenant, flow) = match names(path) {
        Ok(names) => names,
        Err(refused) => return refused.into_response(),
    };
    let (parts, body) = request.into_parts();
    Finish::new(async move {
        let answered = take_webhook(&app, &tenant, &flow, &parts, body).await;
        let answered = answered.map_err(|refused| or_loading(&app.service, refused));
        log("webhook", &tenant, &flow, &answered, started);
        answered.unwrap_or_else(IntoResponse::into_response)
    })
    .await
}

async fn take_webhook<S: Service>(
    app: &App<S>,
    tenant: &str,
    flow: &str,
    parts: &Parts,
    body: Body,
) -> Result<Response, Refused> {
    let _counted = app.begin()?;
    let arrivals = &app.service.telemetry().metrics.webhooks;
    let most = app.service.config().limits.request_body;
    let memory = app.service.memory();
    let source = app.service.webhook(tenant, flow);
    let gate = source.as_ref().map(|source| &source.gate);
    let taken = match gate {
        None | Some(WebhookGate::Bearer) => {
            let tokens = app.service.tokens_of(tenant);
            let allowed = app
                .access
                .tenant(&parts.uri, &parts.headers, tokens.as_deref(), || {
                    app.service.any_tenant_has_tokens()
                });
            allowed.inspect_err(|_| arrivals.unverified.one())?;
            body::read(body, &parts.headers, most, memory).await?
        }
        Some(gate) => {
            let _turn = app.strangers.turn().await?;
            let (bytes, share) = body::raw(body, &parts.headers, most, memory).await?;
            if !gate::knows(gate, &parts.headers, &bytes) {
                arrivals.unverified.one();
                return Err(stranger());
            }
            (bytes, share)
        }
    };
    let (bytes, _memory) = taken;
    let kept = match source {
        Some(source) => keep(app, tenant, flow, &source, &parts.headers, &bytes).await,
        None => Err(no_webhook(app, tenant, flow).into()),
    };
    let kept = kept.inspect_err(|_| arrivals.refused.one())?;
    arrivals.accepted.one();
    let mut response = json(&kept)?;
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}

fn no_webhook<S: Service>(app: &App<S>, tenant: &str, flow: &str) -> Problem {
    // Of a tenant that serves in a moment, nobody knows which flows it has.
    if app.service.tokens_of(tenant).is_none() {
        let unknown = Problem::caller("unknown-tenant", "there is no such tenant");
        let why = app.service.of_tenant(tenant, unknown);
        if why.code != "unknown-tenant" {
            return why;
        }
    }
    Problem::caller(
        "unknown-webhook",
        format!(
            "tenant `{tenant}` has no flow `{}` with from = {{ webhook = {{ … }} }}",
            &flow[..flow.floor_char_boundary(MOST_NAME_BYTES)]
        ),
    )
}

async fn keep<S: Service>(
    app: &App<S>,
    tenant: &str,
    flow: &str,
    source: &WebhookSource,
    headers: &HeaderMap,
    bytes: &[u8],
) -> Result<TakenIn, Refused> {
    let records = records::records(source, headers, bytes)?;
    let kept = timeout(app.patience(), app.service.keep(tenant, flow, records)).await;
    let kept = kept.map_err(|_| {
        Problem::host(
            "call-timeout",
            "what came was not kept in time; send it again",
        )
    })?;
    Ok(kept?)
}

fn log(
    what: &'static str,
    tenant: &str,
    to: &str,
    answered: &Result<Response, Refused>,
    started: Instant,
) {
    let (status, code) = match answered {
        Ok(response) => (response.status().as_u16(), None),
        Err(refused) => (refused.status.as_u16(), Some(&*refused.problem.code)),
    };
    let short = |name: &str| name[..name.floor_char_boundary(MOST_NAME_BYTES)].to_owned();
    tracing::info!(
        target: "crossdock::access",
        tenant = short(tenant),
        to = short(to),
        status,
        code,
        ms = millis(started.elapsed()),
        "{what}"
    );
}
