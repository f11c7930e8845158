//! An adapter's worked examples: `map` → `sign` → `parse-response` must give
//! the bytes and outcomes that the manifest says, before the adapter may serve.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::contract::{Body, Context, Draft, Fault, Item, Outcome, Reply, Request};
use super::generation::{AdapterGeneration, AdapterLease};
use super::guest::GuestFailure;
use super::manifest::{
    Example, ExampleBody, ExampleFailure, ExampleOutcome, ExampleReply, ExampleRequest, Repeatable,
};
use crate::config::Secret;
use crate::delivery::promise::{check_mapped, check_parsed};
use crate::delivery::signing::{Payload, SignedDraft, apply_edits};

/// An example that did not come out as it says.
#[derive(Debug, Clone, thiserror::Error)]
#[error("example `{example}` failed at {step}: {detail}")]
pub struct ExampleFailed {
    /// The example's name.
    pub example: String,
    /// `document`, `map`, `sign`, `parse-response`.
    pub step: &'static str,
    /// What was expected and what came.
    pub detail: String,
}

type Checked = Result<(), (&'static str, String)>;

/// Runs all examples, one after the other, on one instance.
pub async fn run(generation: &Arc<AdapterGeneration>) -> Result<(), ExampleFailed> {
    for example in &generation.manifest.examples {
        run_one(generation, example)
            .await
            .map_err(|(step, detail)| ExampleFailed {
                example: example.name.clone(),
                step,
                detail,
            })?;
    }
    Ok(())
}

async fn run_one(generation: &Arc<AdapterGeneration>, example: &Example) -> Checked {
    let mut lease = generation
        .lease(&"".into())
        .await
        .map_err(|failure| ("map", failure.to_string()))?;
    let operation = &example.operation;
    let prepared = generation
        .operations
        .get(operation)
        .ok_or(("document", format!("there is no operation `{operation}`")))?;

    for (index, item) in example.items.iter().enumerate() {
        let expected_to_fail = example.failures.iter().any(|f| f.item as usize == index);
        if !expected_to_fail && let Err(error) = prepared.document.validate(&item.document) {
            let at = error.instance_path().to_string();
            return Err(("document", format!("item {index}: {error} (at {at})")));
        }
    }
    if let Err(error) = generation.settings.validate(&example.context.settings) {
        return Err(("document", format!("settings: {error}")));
    }

    let context = Context {
        now_ms: example.context.now_ms,
        nonce: example.context.nonce.clone(),
        settings: example.context.settings.to_string(),
    };
    let items: Vec<Item> = example
        .items
        .iter()
        .enumerate()
        .map(|(index, item)| Item {
            key: item.key.clone().unwrap_or_else(|| format!("item-{index}")),
            document: item.document.to_string(),
        })
        .collect();
    let in_map = |failure: GuestFailure| ("map", failure.to_string());
    let mapped = lease
        .map(&context, operation, &items)
        .await
        .map_err(in_map)?
        .map_err(|fault| ("map", fault_text(&fault)))?;
    check_mapped(
        &mapped,
        items.len(),
        prepared.max_items,
        prepared.repeatable == Repeatable::Never,
    )
    .map_err(|broken| ("map", broken.to_string()))?;
    same_failures(&mapped.failures, &example.failures)?;
    if mapped.requests.len() != example.requests.len() {
        return Err((
            "map",
            format!(
                "{} requests were expected, {} came",
                example.requests.len(),
                mapped.requests.len()
            ),
        ));
    }

    let secrets: Arc<BTreeMap<String, Secret>> = Arc::new(
        example
            .secrets
            .iter()
            .map(|(name, text)| (name.clone(), Secret::new(text.clone())))
            .collect(),
    );
    for (index, (request, expected)) in mapped.requests.iter().zip(&example.requests).enumerate() {
        same_plan(index, request, expected)?;
        let signed = sign(
            generation,
            &mut lease,
            &context,
            operation,
            &request.draft,
            &secrets,
        )
        .await
        .map_err(|detail| ("sign", format!("request {index}: {detail}")))?;
        same_request(&signed, expected)
            .map_err(|detail| ("sign", format!("request {index}: {detail}")))?;
    }
    for (index, reply) in example.replies.iter().enumerate() {
        let request = mapped.requests.get(reply.request as usize).ok_or((
            "parse-response",
            format!(
                "reply {index} answers request {}, which is not there",
                reply.request
            ),
        ))?;
        answer(
            generation, &mut lease, &context, operation, request, reply, &secrets,
        )
        .await
        .map_err(|detail| ("parse-response", format!("reply {index}: {detail}")))?;
    }
    Ok(())
}

async fn sign(
    generation: &AdapterGeneration,
    lease: &mut AdapterLease,
    context: &Context,
    operation: &str,
    draft: &Draft,
    secrets: &Arc<BTreeMap<String, Secret>>,
) -> Result<SignedDraft, String> {
    let declared = &generation.declared;
    let signed = lease
        .sign(context, operation, draft, secrets.clone(), declared.clone())
        .await;
    let answer = signed.answer.map_err(|failure| failure.to_string())?;
    let edits = answer.map_err(|fault| fault_text(&fault))?;
    apply_edits(draft.clone(), edits, secrets, declared).map_err(|error| error.to_string())
}

async fn answer(
    generation: &AdapterGeneration,
    lease: &mut AdapterLease,
    context: &Context,
    operation: &str,
    request: &Request,
    reply: &ExampleReply,
    secrets: &Arc<BTreeMap<String, Secret>>,
) -> Result<(), String> {
    let given = Reply {
        status: reply.status,
        headers: reply.headers.clone(),
        body: body(reply.body.as_ref())?,
    };
    let parsed = lease
        .parse_response(context, operation, request, &given)
        .await
        .map_err(|failure| failure.to_string())?;
    let (parsed, expected) = match (parsed, &reply.outcomes) {
        (Err(Fault::InvalidReply(_)), None) => return Ok(()),
        (Err(fault), _) => return Err(fault_text(&fault)),
        (Ok(_), None) => return Err("it should be unreadable, but was read".into()),
        (Ok(parsed), Some(expected)) => (parsed, expected),
    };
    check_parsed(&parsed, request.items.len()).map_err(|broken| broken.to_string())?;
    if parsed.outcomes.len() != expected.len() {
        return Err(format!(
            "{} outcomes were expected, {} came",
            expected.len(),
            parsed.outcomes.len()
        ));
    }
    for (index, (outcome, expected)) in parsed.outcomes.iter().zip(expected).enumerate() {
        same_outcome(outcome, expected).map_err(|detail| format!("outcome {index}: {detail}"))?;
    }
    match (&parsed.next, &reply.next) {
        (None, None) => Ok(()),
        (Some(next), Some(expected)) => {
            let signed = sign(generation, lease, context, operation, next, secrets).await?;
            same_request(&signed, expected).map_err(|detail| format!("next: {detail}"))
        }
        (Some(_), None) => Err("a following request came, none was expected".into()),
        (None, Some(_)) => Err("a following request was expected, none came".into()),
    }
}

fn same_failures(found: &[super::contract::Failure], expected: &[ExampleFailure]) -> Checked {
    let mut indices: Vec<u32> = found.iter().map(|failure| failure.item).collect();
    let mut wanted: Vec<u32> = expected.iter().map(|failure| failure.item).collect();
    indices.sort_unstable();
    wanted.sort_unstable();
    if indices != wanted {
        return Err((
            "map",
            format!("items {wanted:?} should fail, {indices:?} did"),
        ));
    }
    for failure in expected {
        let Some(pointer) = &failure.pointer else {
            continue;
        };
        let found = found
            .iter()
            .find(|candidate| candidate.item == failure.item)
            .map(|candidate| &candidate.fault);
        if !matches!(found, Some(Fault::InvalidInput(detail)) if detail.pointer == *pointer) {
            return Err((
                "map",
                format!(
                    "item {} should fail at {pointer}, got {found:?}",
                    failure.item
                ),
            ));
        }
    }
    Ok(())
}

fn same_plan(index: usize, request: &Request, expected: &ExampleRequest) -> Checked {
    if let Some(items) = &expected.items
        && *items != request.items
    {
        return Err((
            "map",
            format!(
                "request {index} should carry {items:?}, carries {:?}",
                request.items
            ),
        ));
    }
    if let Some(repeatable) = expected.repeatable
        && repeatable != request.repeatable
    {
        return Err((
            "map",
            format!("request {index} should say repeatable = {repeatable}"),
        ));
    }
    Ok(())
}

fn same_request(signed: &SignedDraft, expected: &ExampleRequest) -> Result<(), String> {
    fn differ<T: std::fmt::Debug + PartialEq>(
        what: &str,
        found: T,
        expected: T,
    ) -> Result<(), String> {
        if found == expected {
            Ok(())
        } else {
            Err(format!("{what} should be {expected:?}, is {found:?}"))
        }
    }
    differ("method", &signed.method, &expected.method)?;
    differ("path", &signed.path, &expected.path)?;
    differ("query", &signed.query, &expected.query)?;
    differ("headers", &signed.headers, &expected.headers)?;
    let body = Payload::from(body(expected.body.as_ref())?);
    differ("body", &signed.body, &body)
}

fn same_outcome(outcome: &Outcome, expected: &ExampleOutcome) -> Result<(), String> {
    let (status, result, code, message, after) = match outcome {
        Outcome::Accepted(json) => ("accepted", Some(json), None, None, None),
        Outcome::Duplicate(json) => ("duplicate", Some(json), None, None, None),
        Outcome::Rejected(refusal) => (
            "rejected",
            None,
            Some(&refusal.code),
            Some(&refusal.message),
            None,
        ),
        Outcome::Unauthenticated(refusal) => (
            "unauthenticated",
            None,
            Some(&refusal.code),
            Some(&refusal.message),
            None,
        ),
        Outcome::Unknown(refusal) => (
            "unknown",
            None,
            Some(&refusal.code),
            Some(&refusal.message),
            None,
        ),
        Outcome::Retry(pause) => (
            "retry",
            None,
            Some(&pause.code),
            Some(&pause.message),
            pause.after_ms,
        ),
        Outcome::Throttled(pause) => (
            "throttled",
            None,
            Some(&pause.code),
            Some(&pause.message),
            pause.after_ms,
        ),
    };
    if status != expected.status {
        return Err(format!("should be {}, is {outcome:?}", expected.status));
    }
    if let Some(wanted) = &expected.result {
        let found: Option<Value> = result.and_then(|json| serde_json::from_str(json).ok());
        if found.as_ref() != Some(wanted) {
            return Err(format!("result should be {wanted}, is {result:?}"));
        }
    }
    for (what, wanted, found) in [
        ("code", &expected.code, code),
        ("message", &expected.message, message),
    ] {
        if wanted.is_some() && wanted.as_ref() != found {
            return Err(format!("{what} should be {wanted:?}, is {found:?}"));
        }
    }
    if expected.after_ms.is_some() && expected.after_ms != after {
        return Err(format!(
            "after_ms should be {:?}, is {after:?}",
            expected.after_ms
        ));
    }
    Ok(())
}

fn body(body: Option<&ExampleBody>) -> Result<Body, String> {
    Ok(match body {
        None => Body::Empty,
        Some(ExampleBody::Text(text)) => Body::Text(text.clone()),
        Some(ExampleBody::Bytes { base64 }) => Body::Bytes(
            STANDARD
                .decode(base64)
                .map_err(|error| format!("the example's base64 is not valid: {error}"))?,
        ),
    })
}

/// A fault in one sentence.
pub fn fault_text(fault: &Fault) -> String {
    match fault {
        Fault::InvalidInput(detail) => at("the input is not valid", detail),
        Fault::InvalidSettings(detail) => at("the settings do not allow this", detail),
        Fault::InvalidReply(detail) => at("the answer could not be read", detail),
        Fault::Unsupported(what) => format!("not supported: {what}"),
        Fault::Other(text) => text.clone(),
    }
}

fn at(what: &str, detail: &super::contract::Detail) -> String {
    if detail.pointer.is_empty() {
        format!("{what}: {}", detail.message)
    } else {
        format!("{what}: {} (at {})", detail.message, detail.pointer)
    }
}
