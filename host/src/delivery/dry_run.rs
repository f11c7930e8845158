//! What a call would send, with every secret and signature masked.

use std::borrow::Cow;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::utf8_percent_encode;

use super::attempts::Policy;
use super::documents;
use super::exchange::{context, guest, scripted, sign};
use super::item_keys::{Contents, DeliveryId};
use super::order::{self, Flow};
use super::outcome::fault_problem;
use super::outgoing::outgoing;
use super::path::generations;
use super::round::map;
use super::trace::Trace;
use crate::http::UNRESERVED;
use crate::plugin::contract::{Context, Item, Request};
use crate::plugin::edits::{Payload, SignedDraft};
use crate::problem::Problem;
use crate::redact::Redactor;
use crate::report::{DryRequest, DryRun, ItemReport, ItemStatus};
use crate::script::apply::{Document, Prepared};
use crate::serving::credentials::granted_name;
use crate::serving::route::Route;

/// Runs the path up to the point where a request would leave.
pub async fn dry_run(route: Route, id: DeliveryId, items: Vec<String>) -> Result<DryRun, Problem> {
    let contents = id.contents(&items).await;
    let prepared = documents::prepare(&route, items).await?;
    dry_run_prepared(&route, &id, &contents, prepared, None).await
}

/// What follows the script. At a moment that is given, two of these differ only
/// in what was delivered and how.
pub async fn dry_run_prepared(
    route: &Route,
    id: &DeliveryId,
    contents: &Contents,
    prepared: Prepared,
    moment: Option<&Context>,
) -> Result<DryRun, Problem> {
    let Prepared {
        documents,
        settled: mut reports,
    } = prepared;
    let mut requests = Vec::new();
    if !documents.is_empty() {
        let declared = route.compiled()?.order.as_ref();
        let order_keys = order::keys(declared, &documents).await;
        let trying = Trying {
            route,
            moment,
            documents: &documents,
            keys: &id.keys(contents, &documents, &order_keys).await,
            trace: Trace::new(route),
        };
        let flow = order::flow(declared, documents.len(), &order_keys);
        for wave in waves(flow, documents.len()) {
            trying.wave(&wave, &mut reports, &mut requests).await?;
        }
    }
    reports.sort_by_key(|report| report.index);
    Ok(DryRun {
        dry_run: true,
        items: reports,
        requests,
        generations: generations(route),
    })
}

/// The documents that would leave together, if all before them were accepted.
fn waves(flow: Flow, documents: usize) -> Vec<Vec<usize>> {
    let now = Instant::now();
    let mut policy = Policy::new(flow, documents, 1, now);
    let mut waves = Vec::new();
    loop {
        let wave = policy.leave(now);
        if wave.is_empty() {
            return waves;
        }
        for &document in &wave {
            policy.finish(document, ItemReport::new(0, ItemStatus::Accepted));
        }
        waves.push(wave);
    }
}

struct Trying<'a> {
    route: &'a Route,
    moment: Option<&'a Context>,
    documents: &'a [Document],
    keys: &'a [String],
    trace: Trace,
}

impl Trying<'_> {
    fn context(&self) -> Context {
        let now = || context(self.route);
        self.moment.cloned().unwrap_or_else(now)
    }

    async fn wave(
        &self,
        wave: &[usize],
        reports: &mut Vec<ItemReport>,
        requests: &mut Vec<DryRequest>,
    ) -> Result<(), Problem> {
        let Self {
            route,
            documents,
            trace,
            ..
        } = self;
        let items: Vec<Item> = wave
            .iter()
            .map(|&index| Item {
                key: self.keys[index].clone(),
                document: documents[index].text.clone(),
            })
            .collect();
        let lease = route.adapter.lease(&route.tenant.config.name).await;
        let mut lease = lease.map_err(|failure| guest(route, "map", &failure, trace))?;
        let mapped = map(route, &mut lease, &self.context(), &items, trace).await?;
        // Signing takes one of its own; who held two could wait for himself.
        drop(lease);
        for failure in mapped.failures {
            let problem = fault_problem(failure.fault, scripted(route), &trace.redaction);
            let problem = documents::naming_script(route, problem);
            let item = documents[wave[failure.item as usize]].item;
            reports.push(ItemReport::failed(item, problem));
        }
        for request in &mapped.requests {
            let signed = self.signed(request).await?;
            let mut carried: Vec<usize> = request
                .items
                .iter()
                .map(|&item| documents[wave[item as usize]].item)
                .collect();
            carried.dedup();
            requests.push(masked(route, signed, request, carried, &trace.redaction));
        }
        Ok(())
    }

    async fn signed(&self, request: &Request) -> Result<SignedDraft, Problem> {
        let Self { route, trace, .. } = self;
        let context = self.context();
        let connection = &route.connection;
        let armed = match granted_name(&connection.config, &route.adapter) {
            Some(name) => connection.credentials.pretended(name),
            None => connection.armed(),
        };
        armed.teach(&trace.redaction);
        let signed = sign(route, &armed, &context, &request.draft, trace, 0).await?;
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
        // A mask stays readable; everything else is shown as it is sent.
        let shown = |text: &str| match redaction.redact(text) {
            Cow::Borrowed(text) => utf8_percent_encode(text, UNRESERVED).to_string(),
            Cow::Owned(masked) => masked,
        };
        url.push(if index == 0 { '?' } else { '&' });
        url.push_str(&format!("{}={}", shown(name), shown(value)));
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
        method: clean(&signed.method),
        url,
        headers: signed
            .headers
            .iter()
            .map(|(name, value)| (clean(name), clean(value)))
            .collect(),
        body,
        body_base64,
        items,
        repeatable: request.repeatable,
    }
}
