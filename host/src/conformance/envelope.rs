//! How this platform says that a call failed, as far as the adapter's own golden
//! examples and its manifest's `codes` tell it, and answers that say so.
//!
//! A *success* is an answer of an example that becomes accepted whole, a
//! *failure* one of which nothing does, both with a status of HTTP's success and
//! a JSON object as their body. What stands at the same place in both and says
//! something else in the failure than in every success is a sign of failure.

use std::collections::BTreeSet;

use serde_json::Value;

use super::answers::{Answer, JSON, Success, answer};
use crate::plugin::contract::Body;
use crate::plugin::manifest::{Code, Example, ExampleBody, ExampleReply};

/// Objects in each other in which signs are looked for.
const DEPTH: usize = 3;

/// Failures and codes that are tried at most.
const MOST: usize = 40;

/// Words in the name of a member that holds a platform's code.
const NAMES: [&str; 7] = ["code", "status", "err", "ret", "result", "flag", "success"];

/// What is known of an adapter's platform.
pub(super) struct Envelopes {
    successes: Vec<Known>,
    failures: Vec<Known>,
    /// Codes that the manifest calls accepted, and the others with their outcomes.
    good_codes: BTreeSet<String>,
    bad_codes: Vec<(String, String)>,
}

/// An answer of an example.
struct Known {
    example: String,
    operation: String,
    body: Value,
    /// Everything is accepted. A platform says `duplicate` in the form of a failure
    /// as often as not.
    accepted: bool,
    /// It is about the whole call, and not about an item: credentials or a rate.
    sure: bool,
}

/// A place in an answer, and what stands there.
type Leaf<'v> = (String, &'v Value);

impl Envelopes {
    pub fn of(examples: &[&Example], codes: &[Code]) -> Self {
        let mut known = Self {
            successes: Vec::new(),
            failures: Vec::new(),
            good_codes: BTreeSet::new(),
            bad_codes: Vec::new(),
        };
        for example in examples {
            for reply in &example.replies {
                known.learn(example, reply);
            }
        }
        for code in codes {
            match &*code.outcome {
                "accepted" | "duplicate" => drop(known.good_codes.insert(code.code.clone())),
                other => known.bad_codes.push((code.code.clone(), other.to_owned())),
            }
        }
        known
    }

    fn learn(&mut self, example: &Example, reply: &ExampleReply) {
        let outcomes = reply.outcomes.as_deref().unwrap_or_default();
        let (Some(ExampleBody::Text(text)), 200..=299) = (&reply.body, reply.status) else {
            return;
        };
        let Ok(body @ Value::Object(_)) = serde_json::from_str(text) else {
            return;
        };
        let is = |words: &[&str]| {
            let mut all = outcomes.iter();
            !outcomes.is_empty() && all.all(|outcome| words.contains(&&*outcome.status))
        };
        let good = ["accepted", "duplicate"];
        let of_the_call = ["unauthenticated", "throttled"];
        let known = Known {
            example: example.name.clone(),
            operation: example.operation.clone(),
            body,
            accepted: is(&["accepted"]),
            sure: is(&of_the_call),
        };
        let none_good =
            !outcomes.is_empty() && !outcomes.iter().any(|one| good.contains(&&*one.status));
        if is(&good) && reply.next.is_none() {
            self.successes.push(known);
        } else if none_good && !self.failures.iter().any(|other| other.body == known.body) {
            self.failures.push(known);
        }
    }

    /// Successes of an operation that say nothing of a failure.
    pub fn successes(&self, operation: &str) -> impl Iterator<Item = &Value> {
        let of = self.successes.iter();
        let of = of.filter(move |success| success.accepted && success.operation == operation);
        of.map(|success| &success.body)
    }

    /// Failures as they are, for whichever request of an operation: those that are
    /// about no item, and of other operations those that bear a sign in what this
    /// one's successes say, too.
    pub fn failures(&self, operation: &str) -> Vec<Answer> {
        let failures = self.failures.iter().filter(|failure| {
            failure.sure
                || (failure.operation != operation && self.bears_a_sign(failure, operation))
        });
        let failures = failures.take(MOST).map(|failure| {
            let what = format!("the failure of example `{}`", failure.example);
            as_answer(&what, &failure.body, failure.sure)
        });
        failures.collect()
    }

    /// A success with what a failure says in the same places, where a sign of
    /// failure is among that.
    pub fn contradictions(&self, success: &Value) -> Vec<Answer> {
        let failures = self.failures.iter().filter_map(|failure| {
            let signs = self.signs(failure, success);
            // What has a member of its own for its failure need not say it elsewhere.
            let told = |(pointer, _): &Leaf<'_>| names_a_code(pointer);
            if signs.is_empty() || (self.has_its_own(failure) && !signs.iter().any(told)) {
                return None;
            }
            let said = differing(failure, success);
            let body = with(success, &said)?;
            let what = format!(
                "an example's answer whose envelope says what it says in the failure of example `{}` ({})",
                failure.example,
                places(&said)
            );
            Some(as_answer(&what, &body, failure.sure))
        });
        let mut all: Vec<Answer> = failures.take(MOST).collect();
        all.extend(self.coded(success).into_iter().take(MOST));
        all
    }

    /// A success with each code that the manifest does not call accepted, in the
    /// place of one that it does, or where a failure has one.
    fn coded(&self, success: &Value) -> Vec<Answer> {
        let place = leaves(success).into_iter().find(|(pointer, value)| {
            let here = text_of(value);
            self.good_codes.contains(&here) && names_a_code(pointer)
        });
        let place = place.map(|(pointer, _)| pointer).or_else(|| {
            let mut failures = self.failures.iter();
            failures.find_map(|failure| {
                let mut signs = self.signs(failure, success).into_iter();
                let bad = |value: &Value| {
                    self.bad_codes
                        .iter()
                        .any(|(code, _)| *code == text_of(value))
                };
                signs.find_map(|(pointer, value)| bad(value).then_some(pointer))
            })
        });
        let Some(pointer) = place else {
            return Vec::new();
        };
        // One code may mean several things, and a success among them.
        let said = |code: &str| {
            let mut here = self
                .successes
                .iter()
                .filter_map(|one| one.body.pointer(&pointer));
            here.any(|value| text_of(value) == *code)
        };
        let codes = self.bad_codes.iter().filter(|(code, _)| !said(code));
        let codes = codes.filter_map(|(code, outcome)| {
            let here = success.pointer(&pointer)?;
            // In the form that the platform writes them in.
            let value = match here {
                Value::Number(_) => Value::Number(code.parse().ok()?),
                Value::String(_) => Value::String(code.clone()),
                _ => return None,
            };
            let body = with(success, &[(pointer.clone(), &value)])?;
            let what = format!(
                "an example's answer with code {code} at `{pointer}`, which the manifest's `codes` call `{outcome}`,"
            );
            Some(as_answer(&what, &body, true))
        });
        codes.collect()
    }

    /// What stands in a failure where this success says something else, and so
    /// does every other one.
    fn signs<'f>(&self, failure: &'f Known, success: &Value) -> Vec<Leaf<'f>> {
        let mut leaves = differing(failure, success);
        leaves.retain(|(pointer, value)| {
            let said = |one: &Known| one.body.pointer(pointer) == Some(*value);
            !self.successes.iter().any(said)
        });
        leaves
    }

    /// Whether a failure has a member that no success has: `errors` of GraphQL.
    fn has_its_own(&self, failure: &Known) -> bool {
        let members = failure.body.as_object();
        let mut names = members.into_iter().flat_map(serde_json::Map::keys);
        names.any(|name| {
            !self
                .successes
                .iter()
                .any(|one| one.body.get(name).is_some())
        })
    }

    /// Whether a failure says something else than an operation's successes where
    /// these say how it went.
    fn bears_a_sign(&self, failure: &Known, operation: &str) -> bool {
        let mut all = self.successes(operation);
        all.any(|success| {
            let signs = self.signs(failure, success);
            signs.iter().any(|(pointer, _)| names_a_code(pointer))
        })
    }
}

/// What stands in a failure where this success says something else.
fn differing<'f>(failure: &'f Known, success: &Value) -> Vec<Leaf<'f>> {
    let mut leaves = leaves(&failure.body);
    leaves.retain(|(pointer, value)| {
        let here = success.pointer(pointer);
        here.is_some_and(|here| is_leaf(here) && here != *value)
    });
    leaves
}

fn as_answer(what: &str, body: &Value, sure: bool) -> Answer {
    let success = if sure {
        Success::Never
    } else {
        Success::Unlikely
    };
    answer(what, 200, JSON, Body::Text(body.to_string()), success)
}

fn is_leaf(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}

/// Values in objects, and no lists: lists are about items.
fn leaves(value: &Value) -> Vec<Leaf<'_>> {
    fn below<'v>(value: &'v Value, at: &str, depth: usize, into: &mut Vec<Leaf<'v>>) {
        let Value::Object(members) = value else {
            return;
        };
        for (name, value) in members {
            let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            if is_leaf(value) {
                into.push((at, value));
            } else if depth > 1 {
                below(value, &at, depth - 1, into);
            }
        }
    }
    let mut all = Vec::new();
    below(value, "", DEPTH, &mut all);
    all
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn names_a_code(pointer: &str) -> bool {
    let name = pointer.rsplit('/').next().unwrap_or_default();
    let name = name.to_lowercase();
    NAMES.iter().any(|word| name.contains(word))
}

/// A success in which something else stands at these places; nothing where that
/// is no other answer.
fn with(success: &Value, signs: &[Leaf<'_>]) -> Option<Value> {
    let mut body = success.clone();
    for (pointer, value) in signs {
        *body.pointer_mut(pointer)? = (*value).clone();
    }
    (body != *success).then_some(body)
}

fn places(signs: &[Leaf<'_>]) -> String {
    let all = signs
        .iter()
        .map(|(pointer, value)| format!("`{pointer}`: {value}"));
    all.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn example(operation: &str, body: &Value, status: &str) -> Example {
        serde_json::from_value(json!({
            "name": format!("{operation} {status}"), "provenance": "computed", "operation": operation,
            "items": [{"document": {}}],
            "replies": [{"status": 200, "body": body.to_string(), "outcomes": [{"status": status}]}],
        }))
        .unwrap()
    }

    fn bodies(answers: &[Answer]) -> Vec<(Value, Success)> {
        let answers = answers.iter();
        answers
            .map(|answer| match &answer.reply.body {
                Body::Text(text) => (serde_json::from_str(text).unwrap(), answer.success),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_failure_is_tried_as_it_is_and_in_the_envelope_of_a_success() {
        let good = json!({"code": 0, "id": "a", "data": {"n": 1}});
        let bad = json!({"code": 7, "id": "b", "data": null});
        let other = json!({"code": 0, "id": "c", "data": {"n": 1}});
        let examples = [
            example("stock.update", &good, "accepted"),
            example("stock.query", &other, "accepted"),
            example("stock.query", &bad, "unauthenticated"),
        ];
        let known = Envelopes::of(&examples.iter().collect::<Vec<_>>(), &[]);
        for operation in ["stock.update", "stock.query"] {
            assert_eq!(
                bodies(&known.failures(operation)),
                [(bad.clone(), Success::Never)]
            );
        }
        assert_eq!(
            bodies(&known.contradictions(&good)),
            [(
                json!({"code": 7, "id": "b", "data": {"n": 1}}),
                Success::Never
            )]
        );
        assert_eq!(known.successes("stock.update").collect::<Vec<_>>(), [&good]);
    }

    #[test]
    fn what_is_about_an_item_is_no_envelope() {
        let good = json!({"code": 0, "rows": [{"ok": true}]});
        let bad = json!({"code": 0, "rows": [{"ok": false}]});
        let examples = [
            example("stock.update", &good, "accepted"),
            example("stock.query", &bad, "rejected"),
        ];
        let known = Envelopes::of(&examples.iter().collect::<Vec<_>>(), &[]);
        assert!(known.failures("stock.update").is_empty());
        assert!(known.contradictions(&good).is_empty());
    }

    #[test]
    fn what_a_failure_costs_is_no_sign_beside_a_member_of_its_own() {
        let good = json!({"data": {"id": 1}, "extensions": {"cost": 10}});
        let bad = json!({"errors": [{"code": "THROTTLED"}], "extensions": {"cost": null}});
        let examples = [
            example("stock.update", &good, "accepted"),
            example("stock.update", &bad, "throttled"),
        ];
        let known = Envelopes::of(&examples.iter().collect::<Vec<_>>(), &[]);
        assert!(known.contradictions(&good).is_empty());
        // A code is one all the same.
        let good = json!({"code": 0, "extensions": {"cost": 10}});
        let bad = json!({"code": 7, "errors": [], "extensions": {"cost": null}});
        let examples = [
            example("stock.update", &good, "accepted"),
            example("stock.update", &bad, "throttled"),
        ];
        let known = Envelopes::of(&examples.iter().collect::<Vec<_>>(), &[]);
        assert_eq!(known.contradictions(&good).len(), 1);
    }

    #[test]
    fn a_code_that_some_success_has_is_no_sign_by_itself() {
        let good = json!({"code": 0, "sub": null});
        let twice = json!({"code": 9, "sub": "twice"});
        let bad = json!({"code": 9, "sub": "no such sku"});
        let examples = [
            example("stock.update", &good, "accepted"),
            example("stock.update", &twice, "duplicate"),
            example("stock.query", &bad, "rejected"),
        ];
        let code = |code: &str, outcome: &str| Code {
            code: code.into(),
            meaning: "x".into(),
            outcome: outcome.into(),
        };
        let codes = [code("0", "accepted"), code("9", "rejected")];
        let known = Envelopes::of(&examples.iter().collect::<Vec<_>>(), &codes);
        assert_eq!(known.successes("stock.update").collect::<Vec<_>>(), [&good]);
        // All that it says, and not only what no success says.
        assert_eq!(
            bodies(&known.contradictions(&good)),
            [(bad, Success::Unlikely)]
        );
    }

    #[test]
    fn codes_of_the_manifest_stand_where_the_good_one_stood() {
        let good = json!({"resp": {"code": "0", "sub": "0"}, "n": 0});
        let examples = [example("stock.update", &good, "accepted")];
        let code = |code: &str, outcome: &str| Code {
            code: code.into(),
            meaning: "x".into(),
            outcome: outcome.into(),
        };
        let codes = [code("0", "accepted"), code("27", "unauthenticated")];
        let known = Envelopes::of(&examples.iter().collect::<Vec<_>>(), &codes);
        assert_eq!(
            bodies(&known.contradictions(&good)),
            [(
                json!({"resp": {"code": "27", "sub": "0"}, "n": 0}),
                Success::Never
            )]
        );
        // One that does not write them as a platform would is left out.
        let numbers = json!({"code": 0});
        let named = [code("0", "accepted"), code("isv.x", "rejected")];
        let examples = [example("stock.update", &numbers, "accepted")];
        let known = Envelopes::of(&examples.iter().collect::<Vec<_>>(), &named);
        assert!(known.contradictions(&numbers).is_empty());
    }
}
