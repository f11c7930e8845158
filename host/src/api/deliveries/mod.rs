//! `/v1/{tenant}/deliveries` with a tenant's token, and the same for all tenants
//! below `/v1/deliveries` with an admin token: what was accepted, what became of
//! it, and what a person does about it.

pub(super) mod query;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::Response;
use axum::routing::{get, post};
use crossdock_store::limits;
use futures_util::stream;

use super::auth::admit;
use super::body;
use super::calls::fresh;
use super::problem::{Refused, names};
use super::query::{content_type, single};
use super::{App, Service};
use crate::outbox::Outbox;
use crate::outbox::people::{NewInput, What, Whose};
use crate::problem::Problem;
use query::{CHOOSING, Query, wrong};

/// Every path below the one of a tenant, or the one of all.
pub(super) fn routes<S: Service>() -> Router<Arc<App<S>>> {
    let mut router = Router::new();
    for base in ["/v1/{tenant}/deliveries", "/v1/deliveries"] {
        let below = |path: &str| format!("{base}{path}");
        router = router
            .route(base, get(list::<S>))
            .route(&below("/export"), get(export::<S>))
            .route(&below("/retry"), post(retry::<S>))
            .route(&below("/discard"), post(discard::<S>))
            .route(&below("/{id}"), get(show::<S>))
            .route(&below("/{id}/retry"), post(retry::<S>))
            .route(&below("/{id}/discard"), post(discard::<S>))
            .route(&below("/{id}/items/{index}"), get(item::<S>))
            .route(&below("/{id}/items/{index}/retry"), post(retry::<S>))
            .route(&below("/{id}/items/{index}/discard"), post(discard::<S>))
            .route(&below("/{id}/items/{index}/edit"), post(edit::<S>));
    }
    router
}

/// Somebody who may ask, and what the path names: `id` and `index`, as far as
/// they are in it.
struct Asked<S> {
    app: Arc<App<S>>,
    whose: Whose,
    names: HashMap<String, String>,
    uri: Uri,
    headers: HeaderMap,
}

impl<S: Service> FromRequestParts<Arc<App<S>>> for Asked<S> {
    type Rejection = Refused;

    /// A path with a tenant takes that tenant's token, one without the admin's.
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App<S>>) -> Result<Self, Refused> {
        let path = Path::<HashMap<String, String>>::from_request_parts(parts, app).await;
        let (uri, headers) = (&parts.uri, &parts.headers);
        single(headers)?;
        let mut names = names(path)?;
        let whose = match names.remove("tenant") {
            Some(tenant) => {
                admit(app, &tenant, uri, headers)?;
                Whose::Tenant(tenant)
            }
            None => {
                let any = || app.service.any_tenant_has_tokens();
                app.access.admin(uri, headers, any)?;
                Whose::All
            }
        };
        // Without an outbox there is nothing to ask about.
        app.service.outbox()?;
        Ok(Self {
            app: app.clone(),
            whose,
            names,
            uri: uri.clone(),
            headers: headers.clone(),
        })
    }
}

impl<S: Service> Asked<S> {
    fn outbox(&self) -> Result<&Outbox, Refused> {
        Ok(self.app.service.outbox()?)
    }

    /// Reads a query with these parameters.
    fn query(&self, known: &[&[&str]]) -> Result<Query, Refused> {
        Query::read(self.uri.query().unwrap_or_default(), known)
    }

    /// Reads one that chooses items, of which an admin names the tenant, too.
    fn choosing(&self, more: &[&str]) -> Result<Query, Refused> {
        match self.whose {
            Whose::Tenant(_) => self.query(&[CHOOSING, more]),
            Whose::All => self.query(&[&["tenant"], CHOOSING, more]),
        }
    }

    fn id(&self) -> &str {
        self.names.get("id").map_or("", String::as_str)
    }

    fn index(&self) -> Result<u32, Refused> {
        let index = self.names.get("index").map_or("", String::as_str);
        index.parse().map_err(|_| {
            Refused::bad_request(
                "invalid-path",
                "an item is named by its position in the delivery: a number, counted from 0",
            )
        })
    }

    /// What is meant, with its query: the item or the delivery that the path
    /// names, or whatever matches.
    fn what(&self, more: &[&str]) -> Result<(What, Query), Refused> {
        if self.names.contains_key("index") {
            let what = What::Item(self.id().to_owned(), self.index()?);
            return Ok((what, self.query(&[more])?));
        }
        if self.names.contains_key("id") {
            let what = What::Delivery(self.id().to_owned());
            return Ok((what, self.query(&[more])?));
        }
        let more = [more, &["before"]].concat();
        let query = self.choosing(&more)?;
        let what = What::Matching(query.wanted.clone(), query.before);
        Ok((what, query))
    }

    /// For the log, where a person's hand has to be seen.
    fn tell(&self, did: &str, what: &What, changed: u64) {
        let tenant = match &self.whose {
            Whose::Tenant(tenant) => tenant,
            Whose::All => "all",
        };
        let (delivery, item) = match what {
            What::Delivery(id) => (Some(id), None),
            What::Item(id, index) => (Some(id), Some(index)),
            What::Matching(..) => (None, None),
        };
        tracing::info!(
            target: "crossdock::outbox",
            of = tenant,
            delivery,
            item,
            changed,
            "{did} by a person"
        );
    }
}

async fn list<S: Service>(asked: Asked<S>) -> Result<Response, Refused> {
    let query = asked.choosing(&["before", "limit"])?;
    let (wanted, before) = (&query.wanted, query.before);
    let list = asked
        .outbox()?
        .list(&asked.whose, wanted, before, query.limit);
    fresh(&list.await?)
}

async fn show<S: Service>(asked: Asked<S>) -> Result<Response, Refused> {
    asked.query(&[])?;
    fresh(&asked.outbox()?.delivery(&asked.whose, asked.id()).await?)
}

async fn item<S: Service>(asked: Asked<S>) -> Result<Response, Refused> {
    asked.query(&[])?;
    let (whose, index) = (&asked.whose, asked.index()?);
    fresh(&asked.outbox()?.item(whose, asked.id(), index).await?)
}

/// One line for each item. An export that cannot go on ends without its end, so
/// that nobody takes a part for the whole.
async fn export<S: Service>(asked: Asked<S>) -> Result<Response, Refused> {
    let query = asked.choosing(&[])?;
    let outbox = asked.outbox()?;
    let export = outbox.export(asked.whose.clone(), &query.wanted)?;
    let parts = stream::try_unfold(export, |export| async {
        let part = export.part().await;
        part.inspect_err(
            |problem| tracing::error!(target: "crossdock::outbox", %problem, "an export ended early"),
        )
    });
    let mut response = Response::new(Body::from_stream(parts));
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/x-ndjson"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn retry<S: Service>(asked: Asked<S>) -> Result<Response, Refused> {
    let (what, query) = asked.what(&["dry_run"])?;
    if query.dry_run {
        return fresh(&asked.outbox()?.preview(&asked.whose, &what).await?);
    }
    let done = asked.outbox()?.retry(&asked.whose, &what).await?;
    asked.tell("retried", &what, done.changed);
    fresh(&done)
}

async fn discard<S: Service>(asked: Asked<S>) -> Result<Response, Refused> {
    let (what, query) = asked.what(&["reason", "dry_run"])?;
    let reason = query.reason()?;
    if query.dry_run {
        return fresh(&asked.outbox()?.would_discard(&asked.whose, &what).await?);
    }
    let done = asked.outbox()?.discard(&asked.whose, &what, reason).await?;
    asked.tell("discarded", &what, done.changed);
    fresh(&done)
}

async fn edit<S: Service>(asked: Asked<S>, body: Body) -> Result<Response, Refused> {
    let index = asked.index()?;
    let query = asked.query(&[&["reason", "who", "dry_run"]])?;
    let reason = query.reason()?;
    let who = match (query.who.as_deref().map(str::trim), &asked.whose) {
        (Some(""), _) => return Err(wrong("`who` is empty; say who, or leave it out")),
        (Some(who), _) if who.len() > limits::WORD => {
            return Err(wrong(format!("`who` has more than {} bytes", limits::WORD)));
        }
        (Some(who), _) => who.to_owned(),
        (None, Whose::Tenant(tenant)) => format!("tenant {tenant}"),
        (None, Whose::All) => "an administrator".to_owned(),
    };
    let headers = &asked.headers;
    content_type(headers)?;
    let service = &asked.app.service;
    let most = service.config().limits.request_body;
    let (body, _share) = body::read(body, headers, most, service.memory()).await?;
    if body.len() > limits::INPUT {
        return Err(Refused::from(Problem::caller(
            "body-too-large",
            format!(
                "an item has at most {} bytes; make it smaller",
                limits::INPUT
            ),
        )));
    }
    let (outbox, id) = (asked.outbox()?, asked.id());
    if query.dry_run {
        let preview = outbox.preview_edit(&asked.whose, id, index, &body);
        return fresh(&preview.await?);
    }
    let new = NewInput {
        body,
        reason: reason.to_owned(),
        who,
    };
    let done = outbox.edit(&asked.whose, id, index, new).await?;
    asked.tell("edited", &What::Item(id.to_owned(), index), done.changed);
    fresh(&done)
}
