//! `GET /v1/{tenant}/connections/events`: how the credentials of a tenant's connections
//! are getting on, as it becomes known, as server-sent events.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use super::super::listen::{Asker, Opens, Page, Told, newest, respond};
use super::super::problem::{Refused, names};
use super::super::{App, Service};
use crate::grants::events::{CredentialsEventFilter, CredentialsListening};
use crate::outbox::listening::Begin;
use crate::problem::Problem;

impl Told for CredentialsListening {
    const MISSED: &'static str = "events before this were not kept long enough to be told, or the host was started anew; `GET /v1/{tenant}/{connection}/credentials` says how each connection is getting on";

    fn place(&self) -> String {
        Self::place(self)
    }

    async fn page(&mut self) -> Result<Page, Problem> {
        let page = Self::page(self);
        Ok(Page::new(page.missed, page.events, page.end))
    }

    async fn news(&mut self) {
        Self::news(self).await;
    }
}

pub(super) async fn listen<S: Service>(
    State(app): State<Arc<App<S>>>,
    tenant: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let tenant = names(tenant)?;
    let asker = Asker {
        app,
        opens: Opens::TenantOrAdmin(tenant.clone()),
        uri,
        headers,
    };
    asker.admit()?;
    let query = asker.uri.query().unwrap_or_default();
    let (filter, begin) = asked(query, &asker.headers)?;
    let listening = asker
        .app
        .service
        .grants()?
        .listen(&tenant, filter, &begin)?;
    let seat = asker.seat()?;
    Ok(respond(asker, seat, listening))
}

/// What a stream is asked for: which events, and from where on.
fn asked(query: &str, headers: &HeaderMap) -> Result<(CredentialsEventFilter, Begin), Refused> {
    let mut filter = CredentialsEventFilter::default();
    let (of, begin) = newest(query, headers, "connection", |word| filter.want(word))?;
    filter.connection = of;
    Ok((filter, begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_of_credentials_is_asked_for_by_what_is_known_and_nothing_else() {
        let none = HeaderMap::new();
        let query = "connection=shop&state=failing&state=needs-person&from=oldest";
        let (filter, begin) = asked(query, &none).unwrap();
        assert_eq!(filter.connection.as_deref(), Some("shop"));
        assert_eq!(filter.states, ["failing", "needs-person"]);
        assert_eq!(begin, Begin::Oldest);
        for query in [
            "status=failing",
            "state=none",
            "state=",
            "connection=",
            "from=yesterday",
        ] {
            let refused = asked(query, &none).unwrap_err();
            assert_eq!(refused.problem.code, "invalid-query", "{query}");
        }
    }
}
