//! Whether pages come to an end, as far as one answer can tell: the same one, as
//! often as the adapter asks.

use std::collections::HashSet;

use serde_json::Value;

use super::report::{Finding, Report};
use super::trial::{Gave, Stuck, Trial};
use crate::plugin::contract::{Body, Context, Draft, Item, Outcome, Reply, Request};
use crate::plugin::golden;
use crate::plugin::manifest::Example;

/// The part of the check that this is.
const PART: &str = "answers";

/// Examples of an operation that are looked at.
const MOST_EXAMPLES: usize = 50;

/// Answers in a row in which an adapter may ask on: as many pages as lists have
/// that people wait for.
const MOST_PAGES: usize = 500;

/// What of an adapter is looked at.
pub(super) struct Pages<'t, 'a, 'r> {
    pub trial: &'t mut Trial<'a>,
    pub operation: &'t str,
    pub report: &'r mut Report,
}

/// How asking on went.
enum End {
    /// It ended, or an answer could not be read.
    Came,
    /// It asked what it had asked.
    Again,
    /// It asked as often as it was let.
    Never,
}

impl Pages<'_, '_, '_> {
    /// Each answer of an example after which a request follows is given again.
    pub async fn run(mut self, examples: &[&Example]) -> Result<(), Stuck> {
        let operation = self.operation;
        let own = examples.iter();
        let own = own.filter(|example| example.operation == operation);
        let own = own.filter(|example| example.replies.iter().any(|reply| reply.next.is_some()));
        for example in own.take(MOST_EXAMPLES) {
            self.example(example).await?;
        }
        Ok(())
    }

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
            let next = match self.parse(&context, &request, &answer).await? {
                Some((next, accepted)) => {
                    if let Some(next) = next.clone() {
                        self.asks_on(&context, &request, next, &answer, accepted)
                            .await?;
                    }
                    next
                }
                None => None,
            };
            followed.push(next.map(|draft| Request { draft, ..request }));
        }
        Ok(())
    }

    /// The request that follows, if one does, and whether everything is accepted.
    async fn parse(
        &mut self,
        context: &Context,
        request: &Request,
        answer: &Reply,
    ) -> Result<Option<(Option<Draft>, bool)>, Stuck> {
        let trial = &mut self.trial;
        let gave = trial.parse(context, self.operation, request, answer);
        Ok(match gave.await? {
            Gave::Answer(parsed) => {
                let mut outcomes = parsed.outcomes.iter();
                let accepted = outcomes.all(|outcome| matches!(outcome, Outcome::Accepted(_)));
                Some((parsed.next, accepted))
            }
            // What is wrong with that is told where examples are run.
            Gave::Fault(_) | Gave::Failed(_) => None,
        })
    }

    async fn asks_on(
        &mut self,
        context: &Context,
        request: &Request,
        next: Draft,
        answer: &Reply,
        accepted: bool,
    ) -> Result<(), Stuck> {
        let end = self.chain(context, request, next.clone(), answer).await?;
        let shown = text(answer);
        match end {
            End::Again if accepted => {
                let what = "`next` asks for a page that was asked for already, where the platform gives the same page again: that never ends";
                let fix = "ask for a later page each time, and fail where the platform's answer is not a later one";
                self.add(Finding::wrong(PART, what, fix), &shown);
            }
            End::Again => {
                let what = "`next` asks what was asked already, where the platform gives the same answer again";
                let fix = "ask once, and say `unknown` or `retry` where nothing is known yet: the host asks again after a pause";
                self.add(Finding::look(PART, what, fix), &shown);
            }
            End::Came | End::Never => {
                // Asking on after as many full pages as come is right where there is no
                // total, after pages with nothing in them it is not.
                let Some(empty) = emptied(answer) else {
                    return Ok(());
                };
                let end = self.chain(context, request, next, &empty).await?;
                if !matches!(end, End::Came) {
                    let what = format!(
                        "after {MOST_PAGES} pages with nothing in them, or after the same one twice, another one is asked for"
                    );
                    let fix = "end at a page with nothing in it, or at the total";
                    self.add(Finding::look(PART, what, fix), &text(&empty));
                }
            }
        }
        Ok(())
    }

    /// Gives the same answer to whatever is asked.
    async fn chain(
        &mut self,
        context: &Context,
        first: &Request,
        next: Draft,
        answer: &Reply,
    ) -> Result<End, Stuck> {
        let mut asked = HashSet::from([format!("{:?}", first.draft)]);
        let mut draft = next;
        for _ in 0..MOST_PAGES {
            if !asked.insert(format!("{draft:?}")) {
                return Ok(End::Again);
            }
            let request = Request {
                draft,
                ..first.clone()
            };
            draft = match self.parse(context, &request, answer).await? {
                Some((Some(next), _)) => next,
                Some((None, _)) | None => return Ok(End::Came),
            };
        }
        Ok(End::Never)
    }

    fn add(&mut self, finding: Finding, shown: &str) {
        let finding = match shown.is_empty() {
            true => finding,
            false => finding.with(shown),
        };
        self.report.add(finding.of(self.operation));
    }
}

pub(super) fn text(answer: &Reply) -> String {
    match &answer.body {
        Body::Text(text) => text.clone(),
        Body::Empty | Body::Bytes(_) => String::new(),
    }
}

/// The answer with nothing in its lists; nothing for one that is no JSON or has
/// no list with something in it.
pub(super) fn emptied(answer: &Reply) -> Option<Reply> {
    fn empty(value: &mut Value) -> bool {
        match value {
            Value::Array(list) => {
                let had = !list.is_empty();
                list.clear();
                had
            }
            Value::Object(members) => {
                let mut had = false;
                for value in members.values_mut() {
                    had |= empty(value);
                }
                had
            }
            _ => false,
        }
    }
    let Body::Text(text) = &answer.body else {
        return None;
    };
    let mut document: Value = serde_json::from_str(text).ok()?;
    empty(&mut document).then(|| Reply {
        body: Body::Text(document.to_string()),
        ..answer.clone()
    })
}
