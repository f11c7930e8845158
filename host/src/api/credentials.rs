//! `/v1/{tenant}/{connection}/credentials`, with a tenant's token or an admin token:
//! how the credentials of a connection that renews them are getting on, and what a
//! person does about them. And where platforms send a person back to.

mod events;
mod page;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::Uri;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use tokio::time::timeout;

use super::auth::{Opened, admit_or_admin};
use super::calls::fresh;
use super::finish::Finish;
use super::problem::{Refused, names};
use super::query::single;
use super::{App, Service, body};
use crate::config::Secret;
use crate::problem::Problem;
use page::Page;

/// Longest name in a path that is looked up.
const MOST_NAME_BYTES: usize = 128;

/// Longest code; those that carry something have a few KiB.
const MOST_CODE: usize = 8 << 10;

/// Longest state: the host's own ones are far shorter.
const MOST_STATE: usize = 512;

/// Most bytes of what comes with a code.
const MOST_BODY: usize = 16 << 10;

/// How long may pass beyond what the connection's own bounds make of an exchange.
const MARGIN: Duration = Duration::from_secs(10);

/// Every path about credentials.
pub(super) fn routes<S: Service>() -> Router<Arc<App<S>>> {
    const AT: &str = "/v1/{tenant}/{connection}/credentials";
    Router::new()
        .route("/v1/{tenant}/connections/events", get(events::listen::<S>))
        .route(AT, get(show::<S>).delete(revoke::<S>))
        .route(&format!("{AT}/authorize"), post(authorize::<S>))
        .route(&format!("{AT}/code"), post(code::<S>))
        .route(&format!("{AT}/renew"), post(renew::<S>))
        .route(
            "/v1/{tenant}/{connection}/oauth/callback",
            get(callback::<S>),
        )
}

/// Somebody who may ask, and what the path names.
struct Asked<S> {
    app: Arc<App<S>>,
    opened: Opened,
    tenant: String,
    connection: String,
}

impl<S: Service> FromRequestParts<Arc<App<S>>> for Asked<S> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App<S>>) -> Result<Self, Refused> {
        let path = Path::<(String, String)>::from_request_parts(parts, app).await;
        single(&parts.headers)?;
        let (tenant, connection) = names(path)?;
        let opened = admit_or_admin(app, &tenant, &parts.uri, &parts.headers)?;
        if [&tenant, &connection]
            .iter()
            .any(|name| name.len() > MOST_NAME_BYTES)
        {
            return Err(Refused::bad_request(
                "invalid-path",
                format!("a name in the path has more than {MOST_NAME_BYTES} bytes"),
            ));
        }
        if parts.uri.query().is_some_and(|query| !query.is_empty()) {
            return Err(Refused::bad_request(
                "invalid-query",
                "there are no parameters here; leave the query out",
            ));
        }
        Ok(Self {
            app: app.clone(),
            opened,
            tenant,
            connection,
        })
    }
}

impl<S: Service> Asked<S> {
    /// For the log, where a person's hand has to be seen.
    fn tell(&self, did: &str) {
        tracing::info!(
            target: "crossdock::grants",
            tenant = self.tenant,
            connection = self.connection,
            by = self.opened.by(),
            "{did} by a person"
        );
    }
}

async fn show<S: Service>(asked: Asked<S>) -> Result<Response, Refused> {
    let service = &asked.app.service;
    fresh(
        &service
            .credentials(&asked.tenant, &asked.connection)
            .await?,
    )
}

async fn authorize<S: Service>(asked: Asked<S>) -> Result<Response, Refused> {
    let service = &asked.app.service;
    let begun = service.authorize(&asked.tenant, &asked.connection).await?;
    asked.tell("authorization begun");
    fresh(&begun)
}

/// What a person brings back from the platform.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Brought {
    code: String,
    #[serde(default)]
    state: Option<String>,
}

async fn code<S: Service>(asked: Asked<S>, request: Request) -> Result<Response, Refused> {
    let (parts, sent) = request.into_parts();
    let read = body::read(sent, &parts.headers, MOST_BODY, asked.app.service.memory());
    let (bytes, _share) = read.await?;
    // The parser's words may repeat the code.
    let brought: Brought = serde_json::from_slice(&bytes).map_err(|_| {
        Refused::bad_request(
            "invalid-json",
            "send {\"code\": \"…\"} with what the platform gave the person, and {\"state\": \"…\"} besides if it is known",
        )
    })?;
    if !is_code(&brought.code)
        || brought
            .state
            .as_deref()
            .is_some_and(|state| !is_state(state))
    {
        return Err(Refused::bad_request(
            "invalid-code",
            format!(
                "`code` must have 1 to {MOST_CODE} bytes without control characters, `state` what `authorize` answered"
            ),
        ));
    }
    let doing = Doing::Code(Secret::new(brought.code), brought.state);
    done(asked, doing).await
}

async fn renew<S: Service>(asked: Asked<S>) -> Result<Response, Refused> {
    done(asked, Doing::Renew).await
}

async fn revoke<S: Service>(asked: Asked<S>) -> Result<Response, Refused> {
    done(asked, Doing::Revoke).await
}

/// What may use something up at the platform, and so is not left half done.
enum Doing {
    Code(Secret, Option<String>),
    Renew,
    Revoke,
}

async fn done<S: Service>(asked: Asked<S>, doing: Doing) -> Result<Response, Refused> {
    let counted = asked.app.begin()?;
    Finish::new(async move {
        let (service, tenant, connection) = (&asked.app.service, &asked.tenant, &asked.connection);
        let bound = asked.app.patience() + MARGIN;
        let (did, shown) = match doing {
            Doing::Code(code, state) => (
                "authorized",
                timeout(bound, service.grant_code(tenant, connection, code, state)).await,
            ),
            Doing::Renew => (
                "renewed",
                timeout(bound, service.renew_credentials(tenant, connection)).await,
            ),
            Doing::Revoke => (
                "revoked",
                timeout(bound, service.revoke_credentials(tenant, connection)).await,
            ),
        };
        let shown = shown.unwrap_or_else(|_| Err(late()))?;
        asked.tell(did);
        drop(counted);
        fresh(&shown)
    })
    .await
}

fn late() -> Problem {
    Problem::host(
        "call-timeout",
        "the platform has not answered yet; `GET …/credentials` says what becomes of it",
    )
}

/// Where a platform sends a person back to. Nobody knows who that is: the state is
/// what opens it, once. Whatever happens, the answer is a page, and none of what came
/// is in it.
async fn callback<S: Service>(
    State(app): State<Arc<App<S>>>,
    path: Result<Path<(String, String)>, PathRejection>,
    uri: Uri,
) -> Response {
    let page = match brought_back(&uri) {
        Ok((code, state)) => match names(path) {
            Ok(names) => taken(app, names, code, state).await,
            Err(_) => Page::Unknown,
        },
        Err(page) => page,
    };
    page.response()
}

/// Code and state of a query. Platforms put more into it, which is theirs.
fn brought_back(uri: &Uri) -> Result<(Secret, String), Page> {
    let (mut code, mut state, mut error) = (None, None, None);
    let query = uri.query().unwrap_or_default();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let found = match &*name {
            "code" => &mut code,
            "state" => &mut state,
            "error" => &mut error,
            _ => continue,
        };
        if found.replace(value.into_owned()).is_some() {
            return Err(Page::Unknown);
        }
    }
    if let Some(error) = error {
        return Err(Page::of_error(&error));
    }
    match (code, state) {
        (Some(code), Some(state)) if is_code(&code) && is_state(&state) => {
            Ok((Secret::new(code), state))
        }
        _ => Err(Page::Unknown),
    }
}

async fn taken<S: Service>(
    app: Arc<App<S>>,
    (tenant, connection): (String, String),
    code: Secret,
    state: String,
) -> Page {
    if tenant.len().max(connection.len()) > MOST_NAME_BYTES {
        return Page::Unknown;
    }
    let Ok(counted) = app.begin() else {
        return Page::Busy;
    };
    Finish::new(async move {
        let bound = app.patience() + MARGIN;
        let taking = app
            .service
            .grant_callback(&tenant, &connection, code, state);
        let taken = timeout(bound, taking).await.unwrap_or_else(|_| Err(late()));
        drop(counted);
        match taken {
            Ok(_) => {
                tracing::info!(
                    target: "crossdock::grants",
                    tenant,
                    connection,
                    "authorized by a person at the platform"
                );
                Page::Authorized
            }
            Err(problem) => {
                tracing::warn!(
                    target: "crossdock::grants",
                    // Anybody may ask for anything here.
                    tenant = start_of(&tenant),
                    connection = start_of(&connection),
                    code = &*problem.code,
                    "a person came back from a platform, and is not authorized: {}",
                    problem.detail
                );
                Page::of_problem(&problem)
            }
        }
    })
    .await
}

/// As much of a name as the log takes from a stranger.
fn start_of(name: &str) -> &str {
    &name[..name.floor_char_boundary(64)]
}

fn is_code(code: &str) -> bool {
    (1..=MOST_CODE).contains(&code.len()) && !code.contains(char::is_control)
}

fn is_state(state: &str) -> bool {
    (1..=MOST_STATE).contains(&state.len()) && state.bytes().all(|byte| byte.is_ascii_graphic())
}
