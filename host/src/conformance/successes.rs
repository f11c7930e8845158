//! Successes of the examples, each with one thing changed that makes it none: the
//! status of HTTP, or a list with a row for each item in which nothing is any more.

use serde_json::Value;

use super::documents::failed;
use super::pages::{emptied, text};
use super::report::{Finding, Report, Tried};
use super::trial::{Gave, Stuck, Trial};
use crate::plugin::contract::{Body, Context, Item, Outcome, Parsed, Reply, Request};
use crate::plugin::golden;
use crate::plugin::granted;
use crate::plugin::manifest::{DeclaredEffect, Effect, Example, GRANT, Operation};

/// The part of the check that this is.
const PART: &str = "answers";

/// Examples of an operation that are looked at.
const MOST_EXAMPLES: usize = 20;

/// Statuses under which nothing is a success, whatever the body says.
const STATUSES: [u16; 5] = [500, 502, 403, 404, 429];

/// Successes of an operation.
pub(super) struct Successes<'t, 'a, 'r> {
    pub trial: &'t mut Trial<'a>,
    pub operation: &'t str,
    pub report: &'r mut Report,
    pub tried: &'r mut Tried,
}

impl Successes<'_, '_, '_> {
    pub async fn run(mut self, examples: &[&Example]) -> Result<(), Stuck> {
        let operation = self.operation;
        let own = examples.iter();
        let own = own.filter(|example| example.operation == operation);
        for example in own.take(MOST_EXAMPLES) {
            self.example(example).await?;
        }
        Ok(())
    }

    /// An example's answers to its own requests: those of another one may be about
    /// other items, and say nothing.
    async fn example(&mut self, example: &Example) -> Result<(), Stuck> {
        let context = golden::context(example);
        let items: Vec<Item> = golden::items(example);
        let Gave::Answer(mapped) = self.trial.map(&context, self.operation, &items).await? else {
            return Ok(());
        };
        let mut followed: Vec<Option<Request>> = Vec::new();
        for reply in &example.replies {
            let asked = golden::asked(reply, &mapped.requests, &followed);
            let (Ok(request), Ok(answer)) = (asked.cloned(), golden::reply(reply)) else {
                return Ok(());
            };
            let parsed = self.parse(&context, &request, &answer).await?;
            let success = parsed.as_ref().is_some_and(all_accepted);
            if success && (200..300).contains(&answer.status) {
                self.statuses(example, &context, &request, &answer).await?;
                self.rows(example, &context, &request, &answer).await?;
            }
            let next = parsed.and_then(|parsed| parsed.next);
            followed.push(next.map(|draft| Request { draft, ..request }));
        }
        Ok(())
    }

    /// The same answer under each status of failure.
    async fn statuses(
        &mut self,
        example: &Example,
        context: &Context,
        request: &Request,
        answer: &Reply,
    ) -> Result<(), Stuck> {
        let mut taken = Vec::new();
        for status in STATUSES {
            let failing = Reply {
                status,
                ..answer.clone()
            };
            let parsed = self.parse(context, request, &failing).await?;
            if parsed.is_some_and(|parsed| any_accepted(&parsed)) {
                taken.push(status.to_string());
            }
        }
        if !taken.is_empty() {
            let what = format!(
                "The answer of example `{}`, with status {} in place of {}, is read as accepted",
                example.name,
                taken.join(", "),
                answer.status
            );
            let fix = "look at HTTP's status before the body: under one of failure nothing is accepted, and the SDK has a function for it";
            self.add(Finding::wrong(PART, what, fix), answer);
        }
        Ok(())
    }

    /// The same answer without rows, where it has one for each item.
    async fn rows(
        &mut self,
        example: &Example,
        context: &Context,
        request: &Request,
        answer: &Reply,
    ) -> Result<(), Stuck> {
        let items = request.items.len();
        let operation = self.trial.adapter.manifest.operation(self.operation);
        // Nothing found is an answer, and one row may be about anything.
        if items < 2 || !operation.is_some_and(writes) || !has_rows(answer, items) {
            return Ok(());
        }
        let Some(empty) = emptied(answer) else {
            return Ok(());
        };
        let parsed = self.parse(context, request, &empty).await?;
        if parsed.is_some_and(|parsed| any_accepted(&parsed)) {
            let what = format!(
                "The answer of example `{}`, which has a row for each of {items} items, is read as accepted without its rows, too",
                example.name
            );
            let fix = "take what no row names for `unknown`, or the answer for one that cannot be read, unless the platform's document says that only failures are listed";
            self.add(Finding::look(PART, what, fix), &empty);
        }
        Ok(())
    }

    /// What was read, unless it could not be.
    async fn parse(
        &mut self,
        context: &Context,
        request: &Request,
        answer: &Reply,
    ) -> Result<Option<Parsed>, Stuck> {
        self.tried.answers += 1;
        let adapter = self.trial.adapter;
        let grant = adapter.manifest.grant.as_ref();
        let reply = match grant.filter(|_| self.operation == GRANT) {
            // As the host gives it to the adapter.
            Some(grant) => granted::take(&grant.answer, answer.clone(), context.now_ms).0,
            None => answer.clone(),
        };
        let gave = self.trial.parse(context, self.operation, request, &reply);
        Ok(match gave.await? {
            Gave::Answer(parsed) => Some(parsed),
            Gave::Fault(_) => None,
            Gave::Failed(failure) => {
                self.add(failed(PART, "parse-response", &failure), answer);
                None
            }
        })
    }

    fn add(&mut self, finding: Finding, answer: &Reply) {
        let shown = text(answer);
        let finding = match shown.is_empty() {
            true => finding,
            false => finding.with(shown),
        };
        self.report.add(finding.of(self.operation));
    }
}

fn all_accepted(parsed: &Parsed) -> bool {
    let mut outcomes = parsed.outcomes.iter();
    !parsed.outcomes.is_empty() && outcomes.all(|one| matches!(one, Outcome::Accepted(_)))
}

fn any_accepted(parsed: &Parsed) -> bool {
    let mut outcomes = parsed.outcomes.iter();
    outcomes.any(|one| matches!(one, Outcome::Accepted(_)))
}

/// Whether an operation says that it changes something.
fn writes(operation: &Operation) -> bool {
    let order = operation.order.as_ref();
    order.is_some_and(|order| order.effect != DeclaredEffect::Always(Effect::Read))
}

/// Whether an answer has a list that is as long as there are items.
fn has_rows(answer: &Reply, items: usize) -> bool {
    fn below(value: &Value, items: usize) -> bool {
        match value {
            Value::Array(list) => list.len() == items,
            Value::Object(members) => members.values().any(|value| below(value, items)),
            _ => false,
        }
    }
    let Body::Text(text) = &answer.body else {
        return false;
    };
    serde_json::from_str(text).is_ok_and(|value: Value| below(&value, items))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_a_list_that_is_as_long_as_there_are_items() {
        let answer = |text: &str| Reply {
            status: 200,
            headers: Vec::new(),
            body: Body::Text(text.to_owned()),
        };
        for (text, expected) in [
            (r#"{"code":0,"data":{"rows":[{"id":1},{"id":2}]}}"#, true),
            (r#"{"code":0,"failed":[]}"#, false),
            (r#"{"code":0,"failed":[{"id":1}]}"#, false),
            ("[1,2]", true),
            ("[1,2", false),
        ] {
            assert_eq!(has_rows(&answer(text), 2), expected, "{text}");
        }
    }
}
