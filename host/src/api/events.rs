//! `GET /v1/{tenant}/deliveries/events`: what became of items, as it becomes
//! known, as server-sent events.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use super::deliveries::query::{chooses, pairs, unknown};
use super::listen::{Asker, Opens, Page, Told, begin, from, respond};
use super::problem::{Refused, names};
use super::{App, Service};
use crate::outbox::event::EventFilter;
use crate::outbox::listening::{Begin, Listening};
use crate::problem::Problem;

impl Told for Listening {
    const MISSED: &'static str = "events before this were not kept long enough to be told; `GET /v1/{tenant}/deliveries` says where every item is";

    fn place(&self) -> String {
        Self::place(self)
    }

    async fn page(&mut self) -> Result<Page, Problem> {
        let page = Self::page(self).await?;
        Ok(Page::new(page.missed, page.events, page.end))
    }

    async fn news(&mut self) {
        Self::news(self).await;
    }
}

pub(super) async fn of_tenant<S: Service>(
    State(app): State<Arc<App<S>>>,
    tenant: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let opens = Opens::Tenant(names(tenant)?);
    listen(Asker {
        app,
        opens,
        uri,
        headers,
    })
    .await
}

pub(super) async fn of_all<S: Service>(
    State(app): State<Arc<App<S>>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    listen(Asker {
        app,
        opens: Opens::Admin,
        uri,
        headers,
    })
    .await
}

async fn listen<S: Service>(asker: Asker<S>) -> Result<Response, Refused> {
    asker.admit()?;
    let outbox = asker.app.service.outbox()?.clone();
    let asked = asked(asker.uri.query().unwrap_or_default(), &asker.headers)?;
    let whose = match &asker.opens {
        Opens::Tenant(_) | Opens::TenantOrAdmin(_) if asked.tenant.is_some() => {
            return Err(unknown(&[KNOWN]));
        }
        Opens::Tenant(tenant) | Opens::TenantOrAdmin(tenant) => Some(tenant.clone()),
        Opens::Admin => asked.tenant,
    };
    let seat = asker.seat()?;
    let listening = outbox.listen(whose.as_deref(), asked.filter, asked.begin);
    let listening = listening.await?;
    Ok(respond(asker, seat, listening))
}

/// `tenant` is the administrator's.
const KNOWN: &[&str] = &[
    "connection",
    "operation",
    "status",
    "from",
    "last_event_id",
    "tenant",
];

/// What a stream is asked for.
#[derive(Debug)]
struct Asked {
    /// Of one tenant: an administrator's question.
    tenant: Option<String>,
    filter: EventFilter,
    begin: Begin,
}

/// What is wanted, and from where on.
fn asked(query: &str, headers: &HeaderMap) -> Result<Asked, Refused> {
    let mut filter = EventFilter::default();
    let mut tenant = None;
    let mut begin_at = Begin::Now;
    for (name, value) in pairs(query)? {
        if matches!(&*name, "connection" | "operation" | "status" | "tenant") {
            chooses(&name, &value)?;
        }
        match (&*name, &*value) {
            ("connection", _) => filter.connection = Some(value),
            ("operation", _) => filter.operation = Some(value),
            ("status", _) => filter.want(&value)?,
            ("from", _) => begin_at = from(&value)?,
            ("last_event_id", _) => begin_at = Begin::After(value),
            ("tenant", _) => tenant = Some(value),
            _ => return Err(unknown(&[KNOWN])),
        }
    }
    Ok(Asked {
        tenant,
        filter,
        begin: begin(begin_at, headers)?,
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::super::listen::{LAST_EVENT_ID, MOST_ID_BYTES};
    use super::*;

    #[test]
    fn a_stream_is_asked_for_by_what_is_known_and_nothing_else() {
        let none = HeaderMap::new();
        let Asked { filter, begin, .. } =
            asked("status=failed&connection=shop&from=oldest", &none).unwrap();
        assert_eq!(filter.connection.as_deref(), Some("shop"));
        assert_eq!((filter.states.len(), begin), (1, Begin::Oldest));
        let mut headers = HeaderMap::new();
        headers.insert(LAST_EVENT_ID, HeaderValue::from_static("new"));
        let asked_both = asked("last_event_id=old", &headers).unwrap();
        assert_eq!(asked_both.begin, Begin::After("new".into()));
        assert_eq!(asked("", &none).unwrap().begin, Begin::Now);
        for query in [
            "status=queued",
            "status=",
            "connection=",
            "operation=+",
            "tenant=",
            "from=yesterday",
            "state=failed",
        ] {
            let refused = asked(query, &none).unwrap_err();
            assert_eq!(refused.problem.code, "invalid-query", "{query}");
        }
        let long = format!("last_event_id={}", "x".repeat(MOST_ID_BYTES + 1));
        assert!(asked(&long, &none).is_err());
    }
}
