//! The answer to a grant as the host gives it to the adapter: without its tokens.

use crate::types::{Body, Outcome, Reply};
use serde::Deserialize;
use serde_json::Value;

/// The operation by which a grant is had.
pub(super) const GRANT: &str = "grant";

/// What the adapter reads in the place of a token.
const TAKEN: &str = "[granted]";

/// Parts of names whose values the host keeps from the adapter wherever they stand.
const SECRET_NAMES: [&str; 5] = ["token", "secret", "session", "password", "ticket"];

/// The part of a manifest's `grant` that says where tokens are.
#[derive(Debug, Deserialize)]
pub(super) struct Grant {
    answer: Answer,
}

#[derive(Debug, Deserialize)]
struct Answer {
    token: String,
    refresh: Option<String>,
}

impl Grant {
    /// The answer as the adapter reads it, and whether there is a token in it.
    pub fn take(&self, reply: Reply) -> (Reply, bool) {
        let read = match &reply.body {
            Body::Text(text) => serde_json::from_str::<Value>(text).ok(),
            Body::Empty | Body::Bytes(_) => None,
        };
        let Some(mut json) = read else {
            let body = Body::Empty;
            return (Reply { body, ..reply }, false);
        };
        let mut take = |pointer: &str| match json.pointer_mut(pointer) {
            Some(place @ (Value::String(_) | Value::Number(_))) => {
                let empty = place.as_str().is_some_and(|text| text.trim().is_empty());
                *place = TAKEN.into();
                !empty
            }
            _ => false,
        };
        let found = take(&self.answer.token);
        if let Some(refresh) = &self.answer.refresh {
            take(refresh);
        }
        hide(&mut json);
        let body = Body::Text(json.to_string());
        (Reply { body, ..reply }, found)
    }

    /// What is wrong with outcomes of an answer in which there is no token.
    pub fn without_token(&self, outcomes: &[Outcome]) -> Option<String> {
        let accepted =
            |outcome: &Outcome| matches!(outcome, Outcome::Accepted(_) | Outcome::Duplicate(_));
        let place = &self.answer.token;
        let said = format!("it is accepted, and there is no token at {place}");
        outcomes.iter().any(accepted).then_some(said)
    }
}

fn hide(json: &mut Value) {
    match json {
        Value::Object(members) => {
            for (name, value) in members.iter_mut() {
                let name = name.to_ascii_lowercase();
                let named = SECRET_NAMES.iter().any(|part| name.contains(part));
                match value {
                    Value::String(text) if named => *text = TAKEN.into(),
                    other => hide(other),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(hide),
        _ => {}
    }
}
