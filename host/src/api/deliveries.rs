//! `/v1/{tenant}/deliveries`: what was accepted, and what became of it.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use percent_encoding::percent_decode_str;

use super::calls::fresh;
use super::problem::{Refused, names};
use super::{App, Service};
use crate::outbox::Outbox;
use crate::outbox::people::Wanted;

/// Longest reason for which something is discarded.
const MOST_REASON_BYTES: usize = 1000;

/// The outbox, for a caller who may see this tenant.
fn admit<'a, S: Service>(
    app: &'a App<S>,
    tenant: &str,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<&'a Outbox, Refused> {
    let tokens = app.service.tokens_of(tenant);
    app.access.tenant(uri, headers, tokens.as_deref(), || {
        app.service.any_tenant_has_tokens()
    })?;
    Ok(app.service.outbox()?)
}

pub(super) async fn list<S: Service>(
    State(app): State<Arc<App<S>>>,
    tenant: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let tenant = names(tenant)?;
    let outbox = admit(&app, &tenant, &uri, &headers)?;
    let (wanted, before) = asked(uri.query().unwrap_or_default())?;
    fresh(&outbox.list(&tenant, &wanted, before).await?)
}

pub(super) async fn show<S: Service>(
    State(app): State<Arc<App<S>>>,
    path: Result<Path<(String, String)>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let (tenant, id) = names(path)?;
    let outbox = admit(&app, &tenant, &uri, &headers)?;
    fresh(&outbox.delivery(&tenant, &id).await?)
}

pub(super) async fn retry<S: Service>(
    State(app): State<Arc<App<S>>>,
    path: Result<Path<(String, String)>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let (tenant, id) = names(path)?;
    let outbox = admit(&app, &tenant, &uri, &headers)?;
    fresh(&outbox.retry(&tenant, &id).await?)
}

pub(super) async fn discard<S: Service>(
    State(app): State<Arc<App<S>>>,
    path: Result<Path<(String, String)>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let (tenant, id) = names(path)?;
    let outbox = admit(&app, &tenant, &uri, &headers)?;
    let reason = reason(uri.query().unwrap_or_default())?;
    fresh(&outbox.discard(&tenant, &id, &reason).await?)
}

/// Why something is given up.
fn reason(query: &str) -> Result<String, Refused> {
    let mut reason = String::new();
    for (name, value) in pairs(query)? {
        match &*name {
            "reason" => reason = value,
            _ => return Err(unknown_parameter("`reason` is")),
        }
    }
    if reason.is_empty() || reason.len() > MOST_REASON_BYTES {
        return Err(Refused::bad_request(
            "invalid-query",
            format!("say why: `?reason=…`, with 1 to {MOST_REASON_BYTES} bytes"),
        ));
    }
    Ok(reason)
}

/// What a list is asked for.
fn asked(query: &str) -> Result<(Wanted, Option<u64>), Refused> {
    let mut wanted = Wanted::default();
    let mut before = None;
    for (name, value) in pairs(query)? {
        match &*name {
            "connection" => wanted.connection = Some(value),
            "operation" => wanted.operation = Some(value),
            "status" => wanted.states.push(value),
            "code" => wanted.code = Some(value),
            "label" => wanted.label = Some(value),
            "before" => {
                let number = value.parse().map_err(|_| {
                    Refused::bad_request(
                        "invalid-query",
                        "`before` must be a number: give the `next` of the list before",
                    )
                })?;
                before = Some(number);
            }
            _ => {
                return Err(unknown_parameter(
                    "`connection`, `operation`, `status`, `code`, `label` and `before` are",
                ));
            }
        }
    }
    Ok((wanted, before))
}

fn unknown_parameter(known: &str) -> Refused {
    Refused::bad_request(
        "invalid-query",
        format!("the query has a parameter that is not known; {known}"),
    )
}

/// Names and values of a query.
fn pairs(query: &str) -> Result<Vec<(String, String)>, Refused> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        let decoded = percent_decode_str(&text).decode_utf8();
        decoded
            .map(|text| text.into_owned())
            .map_err(|_| Refused::bad_request("invalid-query", "the query is not UTF-8 text"))
    };
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_asked_for_by_what_is_known_and_nothing_else() {
        let (wanted, before) =
            asked("status=failed&status=unknown&label=a%2Fb+c&before=17").unwrap();
        assert_eq!(wanted.states, ["failed", "unknown"]);
        assert_eq!(wanted.label.as_deref(), Some("a/b c"));
        assert_eq!(before, Some(17));
        for query in ["states=failed", "before=x", "label=%ff"] {
            let refused = asked(query).unwrap_err();
            assert_eq!(refused.problem.code, "invalid-query", "{query}");
        }
    }
}
