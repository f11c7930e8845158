//! What came beside what the example says.

use std::fmt::Debug;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::plugin::contract::{Body, Failure, Fault, Outcome, Pause, Refusal, Request};
use crate::plugin::edits::{Payload, SignedDraft};
use crate::plugin::manifest::{ExampleBody, ExampleFailure, ExampleOutcome, ExampleRequest};

/// As many of something came as were expected.
pub(super) fn same_count(what: &str, found: usize, expected: usize) -> Result<(), String> {
    match found == expected {
        true => Ok(()),
        false => Err(format!("{expected} {what} were expected, {found} came")),
    }
}

/// The items that should fail did, and where they should.
pub(super) fn same_failures(found: &[Failure], expected: &[ExampleFailure]) -> Result<(), String> {
    let mut indices: Vec<u32> = found.iter().map(|failure| failure.item).collect();
    let mut wanted: Vec<u32> = expected.iter().map(|failure| failure.item).collect();
    indices.sort_unstable();
    wanted.sort_unstable();
    if indices != wanted {
        return Err(format!("items {wanted:?} should fail, {indices:?} did"));
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
            let item = failure.item;
            return Err(format!(
                "item {item} should fail at {pointer}, got {found:?}"
            ));
        }
    }
    Ok(())
}

/// A request carries the items that it should, and may be repeated if it should.
pub(super) fn same_plan(
    index: usize,
    request: &Request,
    expected: &ExampleRequest,
) -> Result<(), String> {
    if let Some(items) = &expected.items
        && *items != request.items
    {
        let carried = &request.items;
        return Err(format!(
            "request {index} should carry {items:?}, carries {carried:?}"
        ));
    }
    if let Some(repeatable) = expected.repeatable
        && repeatable != request.repeatable
    {
        return Err(format!(
            "request {index} should say repeatable = {repeatable}"
        ));
    }
    Ok(())
}

/// What would be sent is what should be, byte for byte.
pub(super) fn same_request(signed: &SignedDraft, expected: &ExampleRequest) -> Result<(), String> {
    same("method", &signed.method, &expected.method)?;
    same("path", &signed.path, &expected.path)?;
    same("query", &signed.query, &expected.query)?;
    same("headers", &signed.headers, &expected.headers)?;
    let body = Payload::from(body(expected.body.as_ref())?);
    same("body", &signed.body, &body)
}

fn same<T: Debug + PartialEq>(what: &str, found: T, expected: T) -> Result<(), String> {
    match found == expected {
        true => Ok(()),
        false => Err(format!("{what} should be {expected:?}, is {found:?}")),
    }
}

/// Every outcome is as the example says.
pub(super) fn same_outcomes(found: &[Outcome], expected: &[ExampleOutcome]) -> Result<(), String> {
    same_count("outcomes", found.len(), expected.len())?;
    for (index, (outcome, expected)) in found.iter().zip(expected).enumerate() {
        same_outcome(outcome, expected).map_err(|detail| format!("outcome {index}: {detail}"))?;
    }
    Ok(())
}

/// What the example names of an outcome is as it says.
fn same_outcome(outcome: &Outcome, expected: &ExampleOutcome) -> Result<(), String> {
    let Seen {
        status,
        result,
        code,
        message,
        after_ms,
    } = Seen::of(outcome);
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
    if expected.after_ms.is_some() && expected.after_ms != after_ms {
        return Err(format!(
            "after_ms should be {:?}, is {after_ms:?}",
            expected.after_ms
        ));
    }
    Ok(())
}

/// An outcome as an example writes it down.
struct Seen<'o> {
    status: &'static str,
    result: Option<&'o String>,
    code: Option<&'o String>,
    message: Option<&'o String>,
    after_ms: Option<u32>,
}

impl<'o> Seen<'o> {
    fn of(outcome: &'o Outcome) -> Self {
        match outcome {
            Outcome::Accepted(json) => Self::done("accepted", json),
            Outcome::Duplicate(json) => Self::done("duplicate", json),
            Outcome::Rejected(refusal) => Self::refused("rejected", refusal),
            Outcome::Unauthenticated(refusal) => Self::refused("unauthenticated", refusal),
            Outcome::Unknown(refusal) => Self::refused("unknown", refusal),
            Outcome::Retry(pause) => Self::paused("retry", pause),
            Outcome::Throttled(pause) => Self::paused("throttled", pause),
        }
    }

    fn done(status: &'static str, json: &'o String) -> Self {
        Self {
            status,
            result: Some(json),
            code: None,
            message: None,
            after_ms: None,
        }
    }

    fn refused(status: &'static str, refusal: &'o Refusal) -> Self {
        Self {
            status,
            result: None,
            code: Some(&refusal.code),
            message: Some(&refusal.message),
            after_ms: None,
        }
    }

    fn paused(status: &'static str, pause: &'o Pause) -> Self {
        Self {
            status,
            result: None,
            code: Some(&pause.code),
            message: Some(&pause.message),
            after_ms: pause.after_ms,
        }
    }
}

/// An example's body as the contract has it.
pub(super) fn body(body: Option<&ExampleBody>) -> Result<Body, String> {
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
