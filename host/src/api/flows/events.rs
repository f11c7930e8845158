//! `GET /v1/{tenant}/flows/events`: runs that begin and end, as they do, as
//! server-sent events.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use super::super::listen::{Asker, Opens, Page, Told, newest, respond};
use super::super::problem::{Refused, names};
use super::super::{App, Service};
use crate::flows::events::{FlowEventFilter, FlowListening};
use crate::outbox::listening::Begin;
use crate::problem::Problem;

impl Told for FlowListening {
    const MISSED: &'static str = "events before this were not kept long enough to be told, or the host was started anew; `GET /v1/{tenant}/flows/{flow}/runs` says what every run did";

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
    let flows = asker.app.service.flows()?;
    let query = asker.uri.query().unwrap_or_default();
    let (filter, begin) = asked(query, &asker.headers)?;
    // Of a tenant that does not serve, there would be silence.
    let serves = flows.list(&tenant).await;
    serves.map_err(|problem| asker.app.service.of_tenant(&tenant, problem))?;
    let seat = asker.seat()?;
    let listening = flows.listen(&tenant, filter, &begin)?;
    Ok(respond(asker, seat, listening))
}

/// What a stream is asked for: which events, and from where on.
fn asked(query: &str, headers: &HeaderMap) -> Result<(FlowEventFilter, Begin), Refused> {
    let mut filter = FlowEventFilter::default();
    let (of, begin) = newest(query, headers, "flow", |word| filter.want(word))?;
    filter.flow = of;
    Ok((filter, begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_of_runs_is_asked_for_by_what_is_known_and_nothing_else() {
        let none = HeaderMap::new();
        let query = "flow=stock&state=failed&state=stopped&from=oldest";
        let (filter, begin) = asked(query, &none).unwrap();
        assert_eq!(filter.flow.as_deref(), Some("stock"));
        assert_eq!(filter.states, ["failed", "stopped"]);
        assert_eq!(begin, Begin::Oldest);
        for query in [
            "status=failed",
            "state=waiting",
            "state=",
            "flow=",
            "from=yesterday",
        ] {
            let refused = asked(query, &none).unwrap_err();
            assert_eq!(refused.problem.code, "invalid-query", "{query}");
        }
    }
}
