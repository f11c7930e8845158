//! `/v1/{tenant}/flows`, with a tenant's token or an admin token: which flows there
//! are, what became of their runs, and what a person does about them.

mod events;
mod query;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use axum::routing::{get, post};

use super::auth::{Opened, admit_or_admin};
use super::calls::fresh;
use super::problem::{Refused, names};
use super::query::single;
use super::{App, Service};
use crate::flows::Flows;
use crate::problem::Problem;
use query::Query;

/// Every path below the flows of a tenant, apart from what is posted to a flow.
pub(super) fn routes<S: Service>() -> Router<Arc<App<S>>> {
    Router::new()
        .route("/v1/{tenant}/flows", get(list::<S>))
        .route("/v1/{tenant}/flows/events", get(events::listen::<S>))
        .route("/v1/{tenant}/flows/{flow}", get(show::<S>))
        .route("/v1/{tenant}/flows/{flow}/runs", get(runs::<S>))
        .route("/v1/{tenant}/flows/{flow}/runs/{run}", get(report::<S>))
        .route("/v1/{tenant}/flows/{flow}/run", post(run::<S>))
        .route("/v1/{tenant}/flows/{flow}/pause", post(pause::<S>))
        .route("/v1/{tenant}/flows/{flow}/resume", post(resume::<S>))
        .route("/v1/{tenant}/flows/{flow}/resync", post(resync::<S>))
        .route(
            "/v1/{tenant}/flows/{flow}/parked/retry",
            post(retry_parked::<S>),
        )
        .route(
            "/v1/{tenant}/flows/{flow}/parked/discard",
            post(discard_parked::<S>),
        )
}

/// Somebody who may ask, and what the path names.
struct Asked<S> {
    app: Arc<App<S>>,
    opened: Opened,
    names: HashMap<String, String>,
    uri: Uri,
}

impl<S: Service> FromRequestParts<Arc<App<S>>> for Asked<S> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App<S>>) -> Result<Self, Refused> {
        let path = Path::<HashMap<String, String>>::from_request_parts(parts, app).await;
        single(&parts.headers)?;
        let names = names(path)?;
        let tenant = names.get("tenant").map_or("", String::as_str);
        let opened = admit_or_admin(app, tenant, &parts.uri, &parts.headers)?;
        // Without an outbox there is nothing to ask about.
        app.service.flows()?;
        Ok(Self {
            app: app.clone(),
            opened,
            names,
            uri: parts.uri.clone(),
        })
    }
}

impl<S: Service> Asked<S> {
    fn flows(&self) -> Result<&Flows, Refused> {
        Ok(self.app.service.flows()?)
    }

    fn tenant(&self) -> &str {
        self.name("tenant")
    }

    fn flow(&self) -> &str {
        self.name("flow")
    }

    fn name(&self, what: &str) -> &str {
        self.names.get(what).map_or("", String::as_str)
    }

    fn query(&self, known: &[&str]) -> Result<Query, Refused> {
        Query::read(self.uri.query().unwrap_or_default(), known)
    }

    /// What flows said. That there is no such tenant is not said of one which loads,
    /// or whose files were refused.
    fn of<T>(&self, said: Result<T, Problem>) -> Result<T, Refused> {
        said.map_err(|problem| self.app.service.of_tenant(self.tenant(), problem).into())
    }

    /// Who asked, for people.
    fn by(&self) -> &'static str {
        self.opened.by()
    }

    /// For the log, where a person's hand has to be seen.
    fn tell(&self, did: &str) {
        tracing::info!(
            target: "crossdock::flows",
            tenant = self.tenant(),
            flow = self.flow(),
            by = self.by(),
            "{did} by a person"
        );
    }

    /// The same of what is done about parked records, or one.
    fn tell_of(&self, one: Option<u64>, records: u64, did: &str) {
        tracing::info!(
            target: "crossdock::flows",
            tenant = self.tenant(),
            flow = self.flow(),
            by = self.by(),
            parked = one,
            records,
            "{did} by a person"
        );
    }
}

async fn list<S: Service>(asked: Asked<S>) -> Result<Response, Refused> {
    asked.query(&[])?;
    fresh(&asked.of(asked.flows()?.list(asked.tenant()).await)?)
}

async fn show<S: Service>(asked: Asked<S>) -> Result<Response, Refused> {
    asked.query(&[])?;
    let shown = asked.flows()?.show(asked.tenant(), asked.flow());
    fresh(&asked.of(shown.await)?)
}

async fn runs<S: Service>(asked: Asked<S>) -> Result<Response, Refused> {
    let query = asked.query(&["before", "limit"])?;
    let limit = query.limit.unwrap_or(crate::flows::RUNS);
    let flows = asked.flows()?;
    let runs = flows.runs(asked.tenant(), asked.flow(), query.before, limit);
    fresh(&asked.of(runs.await)?)
}

async fn report<S: Service>(asked: Asked<S>) -> Result<Response, Refused> {
    asked.query(&[])?;
    let run = asked.name("run").parse().map_err(|_| {
        Refused::bad_request(
            "invalid-path",
            "a run is named by its number, as in runs/17",
        )
    })?;
    let report = asked.flows()?.run_report(asked.tenant(), asked.flow(), run);
    fresh(&asked.of(report.await)?)
}

/// Begins a run, or shows what it would send. A run goes on by itself: whoever
/// asked for it looks at its report.
async fn run<S: Service>(asked: Asked<S>) -> Result<Response, Refused> {
    let query = asked.query(&["dry_run", "limit"])?;
    let flows = asked.flows()?;
    if query.dry_run {
        let _token = asked.app.begin()?;
        let limit = query.limit.unwrap_or(crate::flows::DRY);
        let dry = Box::pin(flows.run_dry(asked.tenant(), asked.flow(), limit));
        let patience = asked.app.patience();
        let dry = tokio::time::timeout(patience, dry).await.map_err(|_| {
            Problem::host(
                "call-timeout",
                format!(
                    "the source and the steps took longer than {} ms; nothing was queued",
                    patience.as_millis()
                ),
            )
        })?;
        return fresh(&asked.of(dry)?);
    }
    if query.limit.is_some() {
        return Err(query::wrong(
            "`limit` is for a dry run, and a run takes everything; add `dry_run=true`, or leave `limit` out",
        ));
    }
    let begun = flows.run(asked.tenant(), asked.flow(), asked.by());
    let begun = asked.of(begun.await)?;
    asked.tell("run");
    let mut response = fresh(&begun)?;
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}

async fn pause<S: Service>(asked: Asked<S>) -> Result<Response, Refused> {
    asked.query(&[])?;
    let shown = asked.flows()?.pause(asked.tenant(), asked.flow());
    let shown = asked.of(shown.await)?;
    asked.tell("paused");
    fresh(&shown)
}

async fn resume<S: Service>(asked: Asked<S>) -> Result<Response, Refused> {
    asked.query(&[])?;
    let shown = asked.flows()?.resume(asked.tenant(), asked.flow());
    let shown = asked.of(shown.await)?;
    asked.tell("resumed");
    fresh(&shown)
}

async fn resync<S: Service>(asked: Asked<S>) -> Result<Response, Refused> {
    let query = asked.query(&["target"])?;
    let flows = asked.flows()?;
    let target = query.target.as_deref();
    let done = flows.resync(asked.tenant(), asked.flow(), target);
    let done = asked.of(done.await)?;
    asked.tell("resynced");
    fresh(&done)
}

/// Has what is parked go again. That the source was mended, only a person knows.
async fn retry_parked<S: Service>(asked: Asked<S>) -> Result<Response, Refused> {
    let one = asked.query(&["id"])?.id;
    let flows = asked.flows()?;
    let done = flows.retry_parked(asked.tenant(), asked.flow(), one, asked.by());
    let done = asked.of(done.await)?;
    asked.tell_of(one, done.retried, "parked records retried");
    fresh(&done)
}

async fn discard_parked<S: Service>(asked: Asked<S>) -> Result<Response, Refused> {
    let one = asked.query(&["id"])?.id;
    let flows = asked.flows()?;
    let done = flows.discard_parked(asked.tenant(), asked.flow(), one);
    let done = asked.of(done.await)?;
    asked.tell_of(one, done.discarded, "parked records discarded");
    fresh(&done)
}
