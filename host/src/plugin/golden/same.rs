//! What came beside what the example says, field by field.

use super::came::{self, Seen};
use super::difference::{self, Difference, shown};
use crate::plugin::contract::{Body, Failure, Fault, Outcome, Request};
use crate::plugin::edits::{Payload, SignedDraft};
use crate::plugin::fault::fault_text;
use crate::plugin::manifest::{ExampleFailure, ExampleOutcome, ExampleRequest};

/// The items that should fail did, and where they should.
pub(super) fn failures(found: &[Failure], expected: &[ExampleFailure]) -> Vec<Difference> {
    let mut wrong = Vec::new();
    for failure in expected {
        let item = failure.item;
        let wanted = || match &failure.pointer {
            Some(pointer) => format!("refused at `{pointer}`"),
            None => "refused".to_owned(),
        };
        let came = found.iter().find(|candidate| candidate.item == item);
        let Some(came) = came else {
            let what = format!("item {item}");
            let taken = "in a request".to_owned();
            wrong.push(Difference::new(what, Some(wanted()), Some(taken)));
            continue;
        };
        let right = match (&failure.pointer, &came.fault) {
            (None, _) => true,
            (Some(pointer), Fault::InvalidInput(detail)) => detail.pointer == *pointer,
            (Some(_), _) => false,
        };
        if !right {
            let what = format!("item {item}");
            wrong.push(Difference::new(what, Some(wanted()), Some(refused(came))));
        }
    }
    for came in found {
        if !expected.iter().any(|failure| failure.item == came.item) {
            let what = format!("item {}", came.item);
            let wanted = "in a request".to_owned();
            wrong.push(Difference::new(what, Some(wanted), Some(refused(came))));
        }
    }
    wrong
}

fn refused(failure: &Failure) -> String {
    format!("refused: {}", fault_text(&failure.fault))
}

/// A request carries the items that it should, and may be repeated if it should.
pub(super) fn plan(request: &Request, expected: &ExampleRequest) -> Vec<Difference> {
    let mut wrong = Vec::new();
    if let Some(items) = &expected.items
        && *items != request.items
    {
        let list = |items: &[u32]| Some(format!("{items:?}"));
        wrong.push(Difference::new("items", list(items), list(&request.items)));
    }
    if let Some(repeatable) = expected.repeatable
        && repeatable != request.repeatable
    {
        wrong.push(Difference::new(
            "repeatable",
            Some(repeatable.to_string()),
            Some(request.repeatable.to_string()),
        ));
    }
    wrong
}

/// What would be sent is what should be, byte for byte.
pub(super) fn request(
    signed: &SignedDraft,
    expected: &ExampleRequest,
) -> Result<Vec<Difference>, String> {
    let mut wrong = Vec::new();
    for (what, expected, came) in [
        ("method", &expected.method, &signed.method),
        ("path", &expected.path, &signed.path),
    ] {
        if expected != came {
            wrong.push(Difference::new(
                what,
                Some(shown(expected)),
                Some(shown(came)),
            ));
        }
    }
    let exactly = |one: &str, other: &str| one == other;
    wrong.extend(difference::pairs(
        "query",
        &expected.query,
        &signed.query,
        exactly,
    ));
    let whatever_case = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
    wrong.extend(difference::pairs(
        "header",
        &expected.headers,
        &signed.headers,
        whatever_case,
    ));
    let wanted = Payload::from(came::body(expected.body.as_ref())?);
    wrong.extend(payload(&wanted, &signed.body));
    Ok(wrong)
}

/// Where two bodies differ.
fn payload(expected: &Payload, came: &Payload) -> Vec<Difference> {
    match (expected, came) {
        (expected, came) if expected == came => Vec::new(),
        (Payload::Text(expected), Payload::Text(came)) => difference::texts("body", expected, came),
        (Payload::Bytes(expected), Payload::Bytes(came)) => {
            vec![bytes(expected, came)]
        }
        (expected, came) => {
            let shown = |payload: &Payload| match payload {
                Payload::Empty => None,
                Payload::Text(text) => Some(format!("the text {}", shown(text))),
                Payload::Bytes(bytes) => Some(format!("{} bytes", bytes.len())),
            };
            vec![Difference::new("body", shown(expected), shown(came))]
        }
    }
}

/// Two stretches of bytes, from where they differ.
fn bytes(expected: &[u8], came: &[u8]) -> Difference {
    /// Bytes that are shown.
    const SHOWN: usize = 32;
    let pairs = expected.iter().zip(came);
    let same = pairs.take_while(|(one, other)| one == other).count();
    let from = |bytes: &[u8]| {
        let rest = bytes.get(same..).unwrap_or_default();
        let more = if rest.len() > SHOWN { "…" } else { "" };
        let shown = &rest[..rest.len().min(SHOWN)];
        Some(format!("{}{more}", hex::encode(shown)))
    };
    Difference::new(
        format!("body from byte {same} on"),
        from(expected),
        from(came),
    )
}

/// Every outcome is as the example says.
pub(super) fn outcomes(found: &[Outcome], expected: &[ExampleOutcome]) -> Vec<Difference> {
    let mut wrong = Vec::new();
    for index in 0..found.len().max(expected.len()) {
        let what = format!("outcome {index}");
        match (found.get(index), expected.get(index)) {
            (Some(found), Some(expected)) => wrong.extend(outcome(&what, found, expected)),
            (found, expected) => wrong.push(Difference::new(
                what,
                expected.map(|expected| expected.status.clone()),
                found.map(|found| Seen::of(found).sentence()),
            )),
        }
    }
    wrong
}

/// What the example names of an outcome is as it says.
fn outcome(what: &str, found: &Outcome, expected: &ExampleOutcome) -> Vec<Difference> {
    let seen = Seen::of(found);
    if seen.status != expected.status {
        let (wanted, came) = (expected.status.clone(), seen.sentence());
        return vec![Difference::new(what, Some(wanted), Some(came))];
    }
    let mut wrong = Vec::new();
    if let Some(wanted) = &expected.result {
        let what = format!("{what}, result");
        match seen.result() {
            Some(came) => wrong.extend(difference::json(&what, wanted, &came)),
            None => wrong.push(Difference::new(what, Some(wanted.to_string()), None)),
        }
    }
    for (field, wanted, came) in [
        ("code", &expected.code, seen.code),
        ("message", &expected.message, seen.message),
    ] {
        if wanted.is_some() && wanted.as_ref() != came {
            wrong.push(Difference::new(
                format!("{what}, {field}"),
                wanted.as_deref().map(shown),
                came.map(|came| shown(came)),
            ));
        }
    }
    if expected.after_ms.is_some() && expected.after_ms != seen.after_ms {
        let number = |number: Option<u32>| number.map(|number| number.to_string());
        wrong.push(Difference::new(
            format!("{what}, after_ms"),
            number(expected.after_ms),
            number(seen.after_ms),
        ));
    }
    wrong
}

/// A body in a few words.
pub(super) fn in_words(body: &Body) -> String {
    match body {
        Body::Empty => "no body".to_owned(),
        Body::Text(text) => format!("{} bytes of text", text.len()),
        Body::Bytes(bytes) => format!("{} bytes", bytes.len()),
    }
}
