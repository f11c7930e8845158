//! What a call would send, with every secret and signature masked.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::documents;
use super::exchange::{Trace, context, scripted, sign};
use super::intake::Route;
use super::outcome::fault_problem;
use super::outgoing::outgoing;
use super::path::{DeliveryId, generations, map};
use super::redact::Redactor;
use super::report::{DryRequest, DryRun, ItemReport};
use super::signing::{Payload, SignedDraft};
use crate::plugin::contract::{Context, Item, Request};
use crate::plugin::generation::AdapterLease;
use crate::problem::Problem;

/// RFC 3986 unreserved characters stay.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Runs the path up to the point where a request would leave.
pub async fn dry_run(route: Route, id: DeliveryId, items: Vec<String>) -> Result<DryRun, Problem> {
    dry_run_at(route, id, items, None).await
}

/// The same at a moment that is given: two of these differ only in what was
/// delivered and how.
pub async fn dry_run_at(
    route: Route,
    id: DeliveryId,
    items: Vec<String>,
    moment: Option<&Context>,
) -> Result<DryRun, Problem> {
    let context = || moment.cloned().unwrap_or_else(|| context(&route));
    let prepared = documents::prepare(&route, items).await?;
    let mut reports = prepared.settled;
    let documents = prepared.documents;
    let mut trace = Trace::new(&route);
    let mut requests = Vec::new();
    if !documents.is_empty() {
        let items: Vec<Item> = documents
            .iter()
            .map(|document| Item {
                key: id.key(document),
                document: document.text.clone(),
            })
            .collect();
        let mut lease = route
            .adapter
            .lease(&route.tenant.config.name)
            .await
            .map_err(|failure| super::exchange::guest(&route, "map", &failure))?;
        let mapped = map(&route, &mut lease, &context(), &items, &mut trace).await?;
        for failure in mapped.failures {
            let problem = fault_problem(failure.fault, scripted(&route), &trace.redaction);
            let problem = documents::naming_script(&route, problem);
            let item = documents[failure.item as usize].item;
            reports.push(ItemReport::failed(item, problem));
        }
        for request in &mapped.requests {
            let signed = signed(&route, &mut lease, &context(), request, &mut trace).await?;
            let mut carried: Vec<usize> = request
                .items
                .iter()
                .map(|&item| documents[item as usize].item)
                .collect();
            carried.dedup();
            requests.push(masked(&route, signed, request, carried, &trace.redaction));
        }
    }
    reports.sort_by_key(|report| report.index);
    Ok(DryRun {
        dry_run: true,
        items: reports,
        requests,
        generations: generations(&route),
    })
}

async fn signed(
    route: &Route,
    lease: &mut AdapterLease,
    context: &Context,
    request: &Request,
    trace: &mut Trace,
) -> Result<SignedDraft, Problem> {
    let signed = sign(route, lease, context, &request.draft, trace).await?;
    // What could not be sent is said here too.
    outgoing(&route.connection.target, signed.clone()).map_err(|why| {
        let why = trace.redaction.redact(&why).into_owned();
        Problem::adapter(
            "invalid-request",
            format!("adapter {}: {why}", route.adapter.label),
        )
    })?;
    Ok(signed)
}

fn masked(
    route: &Route,
    signed: SignedDraft,
    request: &Request,
    items: Vec<usize>,
    redaction: &Redactor,
) -> DryRequest {
    let clean = |text: &str| redaction.redact(text).into_owned();
    let mut url = match route.connection.target.join(&signed.path, &[]) {
        Ok(uri) => clean(&uri.to_string()),
        Err(_) => clean(&signed.path),
    };
    for (index, (name, value)) in signed.query.iter().enumerate() {
        let masked = clean(value);
        // A mask stays readable; everything else is shown as it is sent.
        let shown = if masked == *value {
            utf8_percent_encode(value, QUERY).to_string()
        } else {
            masked
        };
        url.push(if index == 0 { '?' } else { '&' });
        url.push_str(&format!("{}={shown}", utf8_percent_encode(name, QUERY)));
    }
    let (body, body_base64) = match &signed.body {
        Payload::Empty => (None, None),
        Payload::Text(text) => (Some(clean(text)), None),
        Payload::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => (Some(clean(text)), None),
            Err(_) => (None, Some(STANDARD.encode(redaction.redact_bytes(bytes)))),
        },
    };
    DryRequest {
        method: signed.method,
        url,
        headers: signed
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), clean(value)))
            .collect(),
        body,
        body_base64,
        items,
        repeatable: request.repeatable,
    }
}
