//! Whether what came only adds to what an example says.

use serde::Serialize;

use crate::plugin::manifest::{Example, ExampleReply};

/// Whether an example as it came out says everything that it said before, the
/// same, and perhaps more: requests, refusals, outcomes or follow-ups of which
/// there were none.
pub fn adds_only(before: &Example, came: &Example) -> bool {
    let replies = before.replies.iter().zip(&came.replies);
    none_or_same(&before.requests, &came.requests)
        && none_or_same(&before.failures, &came.failures)
        && before.replies.len() == came.replies.len()
        && replies
            .clone()
            .all(|(before, came)| read_alike(before, came))
}

fn read_alike(before: &ExampleReply, came: &ExampleReply) -> bool {
    fn kept<T: Serialize>(before: Option<&T>, came: Option<&T>) -> bool {
        before.is_none() || same(&before, &came)
    }
    kept(before.outcomes.as_ref(), came.outcomes.as_ref())
        && kept(before.next.as_ref(), came.next.as_ref())
}

fn none_or_same<T: Serialize>(before: &[T], came: &[T]) -> bool {
    before.is_empty() || same(&before, &came)
}

/// As their files would say them.
fn same<T: Serialize>(one: &T, other: &T) -> bool {
    match (serde_json::to_value(one), serde_json::to_value(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn example(parts: &Value) -> Example {
        let mut whole = json!({
            "name": "x", "provenance": "document", "operation": "a.b", "items": [{"document": {}}]
        });
        for (name, part) in parts.as_object().unwrap() {
            whole[name] = part.clone();
        }
        serde_json::from_value(whole).unwrap()
    }

    #[test]
    fn what_was_said_stays_and_more_may_be_said() {
        let request = json!([{"method": "GET", "path": "/a"}]);
        let other = json!([{"method": "GET", "path": "/b"}]);
        let silent = json!([{"status": 200, "body": "{}"}]);
        let read = json!([{"status": 200, "body": "{}", "outcomes": [{"status": "accepted"}]}]);
        let read_otherwise =
            json!([{"status": 200, "body": "{}", "outcomes": [{"status": "unknown"}]}]);
        for (before, came, adds) in [
            (json!({}), json!({"requests": request}), true),
            (
                json!({"requests": request}),
                json!({"requests": request, "failures": [{"item": 0}]}),
                true,
            ),
            (
                json!({"requests": request}),
                json!({"requests": other}),
                false,
            ),
            (json!({"requests": request}), json!({"requests": []}), false),
            (
                json!({"replies": silent}),
                json!({"requests": request, "replies": read}),
                true,
            ),
            (json!({"replies": read}), json!({"replies": read}), true),
            (
                json!({"replies": read}),
                json!({"replies": read_otherwise}),
                false,
            ),
            (json!({"replies": read}), json!({"replies": silent}), false),
        ] {
            assert_eq!(
                adds_only(&example(&before), &example(&came)),
                adds,
                "{before} {came}"
            );
        }
    }
}
