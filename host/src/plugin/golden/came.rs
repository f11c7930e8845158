//! What came out of an adapter, as an example writes it down.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::plugin::contract::{Body, Failure, Fault, Outcome, Request};
use crate::plugin::edits::{Payload, SignedDraft};
use crate::plugin::manifest::{ExampleBody, ExampleFailure, ExampleOutcome, ExampleRequest};

/// A request that came, written as the example writes the one in its place:
/// what that leaves open stays open.
pub(super) fn request(
    signed: &SignedDraft,
    plan: Option<&Request>,
    instead: Option<&ExampleRequest>,
) -> ExampleRequest {
    ExampleRequest {
        method: signed.method.clone(),
        path: signed.path.clone(),
        query: signed.query.clone(),
        headers: signed.headers.clone(),
        body: match &signed.body {
            Payload::Empty => None,
            Payload::Text(text) => Some(ExampleBody::Text(text.clone())),
            Payload::Bytes(bytes) => Some(ExampleBody::Bytes {
                base64: STANDARD.encode(bytes),
            }),
        },
        items: plan
            .map(|plan| plan.items.clone())
            .filter(|_| named(instead, |request| request.items.is_some())),
        repeatable: plan
            .map(|plan| plan.repeatable)
            .filter(|_| named(instead, |request| request.repeatable.is_some())),
    }
}

/// Whether something is written down: the example in its place names it, or
/// there is none.
fn named<E>(instead: Option<&E>, names: fn(&E) -> bool) -> bool {
    instead.is_none_or(names)
}

/// Items that were refused.
pub(super) fn failures(found: &[Failure], instead: &[ExampleFailure]) -> Vec<ExampleFailure> {
    let mut failures: Vec<ExampleFailure> = found
        .iter()
        .map(|failure| {
            let before = instead.iter().find(|before| before.item == failure.item);
            let pointer = match &failure.fault {
                Fault::InvalidInput(detail) if named(before, |before| before.pointer.is_some()) => {
                    Some(detail.pointer.clone())
                }
                _ => None,
            };
            ExampleFailure {
                item: failure.item,
                pointer,
            }
        })
        .collect();
    failures.sort_by_key(|failure| failure.item);
    failures
}

/// Outcomes, each with the fields that the one in its place names.
pub(super) fn outcomes(
    found: &[Outcome],
    instead: Option<&[ExampleOutcome]>,
) -> Vec<ExampleOutcome> {
    let one = |(index, outcome): (usize, &Outcome)| {
        let seen = Seen::of(outcome);
        let before = instead
            .and_then(|instead| instead.get(index))
            .filter(|before| before.status == seen.status);
        ExampleOutcome {
            result: seen
                .result()
                .filter(|_| named(before, |before| before.result.is_some())),
            code: seen
                .code
                .filter(|_| named(before, |before| before.code.is_some()))
                .cloned(),
            message: seen
                .message
                .filter(|_| named(before, |before| before.message.is_some()))
                .cloned(),
            after_ms: seen
                .after_ms
                .filter(|_| named(before, |before| before.after_ms.is_some())),
            status: seen.status.to_owned(),
        }
    };
    found.iter().enumerate().map(one).collect()
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

/// An outcome as an example writes it down.
#[derive(Default)]
pub(super) struct Seen<'o> {
    pub status: &'static str,
    pub result: Option<&'o String>,
    pub code: Option<&'o String>,
    pub message: Option<&'o String>,
    pub after_ms: Option<u32>,
}

impl<'o> Seen<'o> {
    pub fn of(outcome: &'o Outcome) -> Self {
        let seen = match outcome {
            Outcome::Accepted(json) | Outcome::Duplicate(json) => Self {
                result: Some(json),
                ..Self::default()
            },
            Outcome::Rejected(refusal)
            | Outcome::Unauthenticated(refusal)
            | Outcome::Unknown(refusal) => Self {
                code: Some(&refusal.code),
                message: Some(&refusal.message),
                ..Self::default()
            },
            Outcome::Retry(pause) | Outcome::Throttled(pause) => Self {
                code: Some(&pause.code),
                message: Some(&pause.message),
                after_ms: pause.after_ms,
                ..Self::default()
            },
        };
        let status = match outcome {
            Outcome::Accepted(_) => "accepted",
            Outcome::Duplicate(_) => "duplicate",
            Outcome::Rejected(_) => "rejected",
            Outcome::Unauthenticated(_) => "unauthenticated",
            Outcome::Unknown(_) => "unknown",
            Outcome::Retry(_) => "retry",
            Outcome::Throttled(_) => "throttled",
        };
        Self { status, ..seen }
    }

    /// Its result, if it has one that is JSON.
    pub fn result(&self) -> Option<Value> {
        self.result.and_then(|json| serde_json::from_str(json).ok())
    }

    /// `rejected, code 7: no such sku`.
    pub fn sentence(&self) -> String {
        let mut said = self.status.to_owned();
        if let Some(code) = self.code {
            said.push_str(&format!(", code {code}"));
        }
        if let Some(text) = self.message.or(self.result) {
            said.push_str(&format!(": {text}"));
        }
        said
    }
}
