//! One example, step by step: its documents fit, `map` makes the requests that
//! it says, `sign` makes their bytes, and `parse-response` reads from its
//! replies what it says. What comes out otherwise is collected, not only told.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::came;
use super::difference::Difference;
use super::fits::fits;
use super::folder;
use super::same;
use super::wrong::{Wrong, at};
use super::{Played, Stopped};
use crate::config::{Secret, did_you_mean};
use crate::plugin::contract::{
    Context, Draft, Fault, Item, Mapped, Outcome, Parsed, Reply, Request,
};
use crate::plugin::edits::{EditError, SignedDraft, apply_edits, undeclared};
use crate::plugin::fault::fault_text;
use crate::plugin::generation::{AdapterGeneration, AdapterLease, CompiledOperation};
use crate::plugin::granted;
use crate::plugin::manifest::{Example, ExampleReply, ExampleRequest, GRANT, Grant};
use crate::plugin::promise::{check_mapped, check_parsed};
use crate::schema;

/// Lines of an adapter's log that are kept of one example.
const LOG_LINES: usize = 200;

/// Runs one example.
pub(super) async fn play(generation: &Arc<AdapterGeneration>, example: &Example) -> Played {
    let mut came = example.clone();
    let (mut differences, mut log) = (Vec::new(), Vec::new());
    let run = async {
        let lease = generation.lease(&"".into()).await.map_err(at("map"))?;
        let operation = operation(generation, example).map_err(at("document"))?;
        documents_fit(operation, example)
            .await
            .map_err(at("document"))?;
        settings_fit(generation, example).map_err(at("document"))?;
        let mut steps = Steps {
            generation,
            example,
            operation,
            context: context(example),
            secrets: secrets(example),
            lease,
            differences: &mut differences,
            came: &mut came,
        };
        let run = steps.run().await;
        let (lines, _) = steps.lease.take_log();
        log.extend(lines.into_iter().take(LOG_LINES).map(|line| line.message));
        run
    };
    let stopped = run.await.err().map(|(step, wrong)| Stopped {
        step,
        detail: wrong.detail,
        passing: wrong.passing,
    });
    Played {
        differences,
        stopped,
        came,
        log,
    }
}

fn operation<'g>(
    generation: &'g AdapterGeneration,
    example: &Example,
) -> Result<&'g CompiledOperation, String> {
    let name = &example.operation;
    let operation = generation.compiled(name);
    operation.ok_or_else(|| {
        let known = generation.manifest.operations.iter();
        let known = known.map(|operation| &*operation.name);
        format!(
            "there is no operation `{name}`, which the example's folder is named after: {}",
            did_you_mean(name, known, "there are")
        )
    })
}

/// What the host would pass as context.
pub(crate) fn context(example: &Example) -> Context {
    Context {
        now_ms: example.context.now_ms,
        nonce: example.context.nonce.clone(),
        settings: example.context.settings.to_string(),
    }
}

/// The example's secrets.
fn secrets(example: &Example) -> Arc<BTreeMap<String, Secret>> {
    let secrets = example.secrets.iter();
    Arc::new(
        secrets
            .map(|(name, text)| (name.clone(), Secret::new(text.clone())))
            .collect(),
    )
}

/// What the host would pass to `map`.
pub(crate) fn items(example: &Example) -> Vec<Item> {
    let items = example.items.iter().enumerate();
    items
        .map(|(index, item)| Item {
            key: item.key(index),
            document: item.document.to_string(),
        })
        .collect()
}

/// An answer as the host would pass it.
pub(crate) fn reply(reply: &ExampleReply) -> Result<Reply, String> {
    Ok(Reply {
        status: reply.status,
        headers: reply.headers.clone(),
        body: came::body(reply.body.as_ref())?,
    })
}

/// Every document that should not fail fits the operation's schema.
async fn documents_fit(operation: &CompiledOperation, example: &Example) -> Result<(), String> {
    let failures = &example.failures;
    for (index, item) in example.items.iter().enumerate() {
        if failures
            .iter()
            .any(|failure| failure.item as usize == index)
        {
            continue;
        }
        let (schema, document) = (operation.document.clone(), item.document.clone());
        let verdict = schema::beside(move || schema.check_whole(&document)).await;
        fits(verdict, &item.document).map_err(|why| format!("item {index}: {why}"))?;
    }
    Ok(())
}

/// The connection's settings fit the adapter's schema.
fn settings_fit(generation: &AdapterGeneration, example: &Example) -> Result<(), String> {
    let settings = &example.context.settings;
    let verdict = generation.settings.check_whole(settings);
    fits(Some(verdict), settings).map_err(|why| format!("settings: {why}"))
}

/// An example with what its steps share.
struct Steps<'a> {
    generation: &'a AdapterGeneration,
    example: &'a Example,
    operation: &'a CompiledOperation,
    context: Context,
    secrets: Arc<BTreeMap<String, Secret>>,
    lease: AdapterLease,
    differences: &'a mut Vec<Difference>,
    came: &'a mut Example,
}

impl Steps<'_> {
    async fn run(&mut self) -> Result<(), (&'static str, Wrong)> {
        let mapped = self.map().await.map_err(at("map"))?;
        self.came.requests.clear();
        let expected = &self.example.requests;
        for (index, request) in mapped.requests.iter().enumerate() {
            let place = format!("request {index}");
            let signed = self.sign(&request.draft).await;
            let signed = signed
                .map_err(|wrong| wrong.of(&place))
                .map_err(at("sign"))?;
            let expected = expected.get(index);
            let came = came::request(&signed, Some(request), expected);
            self.came.requests.push(came);
            match expected {
                Some(expected) => {
                    self.differ("map", &place, same::plan(request, expected));
                    let differences = same::request(&signed, expected).map_err(at("sign"))?;
                    self.differ("sign", &place, differences);
                }
                None if self.example.requests.is_empty() => {
                    let file = folder::file_name("request", "http", index);
                    let difference = unexpected(&place, &signed).lacking(file);
                    self.differ("map", "", vec![difference]);
                }
                None => self.differ("map", "", vec![unexpected(&place, &signed)]),
            }
        }
        for (index, expected) in expected.iter().enumerate().skip(mapped.requests.len()) {
            let place = format!("request {index}");
            let wanted = Some(format!("{} {}", expected.method, expected.path));
            self.differ("map", "", vec![Difference::new(place, wanted, None)]);
        }
        self.came.replies.clear();
        // What follows each reply, in its place.
        let mut follow_ups: Vec<Option<Request>> = Vec::new();
        for (index, reply) in self.example.replies.iter().enumerate() {
            let place = format!("reply {index}");
            let asked = asked(reply, &mapped.requests, &follow_ups);
            let asked = asked.map_err(|what| format!("{place} {what}"));
            let request = asked.map_err(at("parse-response"))?;
            let read = self.read(&place, request, reply).await;
            let (came, next) = read
                .map_err(|wrong| wrong.of(&place))
                .map_err(at("parse-response"))?;
            self.came.replies.push(came);
            follow_ups.push(next.map(|draft| Request {
                draft,
                ..request.clone()
            }));
        }
        Ok(())
    }

    fn differ(&mut self, step: &'static str, place: &str, found: Vec<Difference>) {
        let found = found.into_iter();
        self.differences
            .extend(found.map(|difference| difference.at(step, place)));
    }

    /// `map` keeps its promises, and refuses what it should.
    async fn map(&mut self) -> Result<Mapped, Wrong> {
        let items = items(self.example);
        let mapped = self
            .lease
            .map(&self.context, &self.example.operation, &items)
            .await?;
        let keyless = self.lease.keys_refused();
        let mapped = mapped.map_err(|fault| {
            let said = fault_text(&fault);
            match keyless {
                true => without_keys(&said),
                false => said,
            }
        })?;
        let CompiledOperation {
            max_items,
            repeatable,
            ..
        } = *self.operation;
        check_mapped(&mapped, items.len(), max_items, repeatable)
            .map_err(|broken| broken.to_string())?;
        if self.grant().is_some() && mapped.requests.len() + mapped.failures.len() != 1 {
            let why = "`map` made several requests of a grant, which has one";
            return Err(why.to_owned().into());
        }
        let differences = same::failures(&mapped.failures, &self.example.failures);
        self.differ("map", "", differences);
        self.came.failures = came::failures(&mapped.failures, &self.example.failures);
        Ok(mapped)
    }

    async fn sign(&mut self, draft: &Draft) -> Result<SignedDraft, Wrong> {
        let declared = &self.generation.declared;
        let (secrets, operation) = (&self.secrets, &self.example.operation);
        let signed = self
            .lease
            .sign(
                &self.context,
                operation,
                draft,
                secrets.clone(),
                declared.clone(),
            )
            .await;
        let edits = signed.answer?.map_err(|fault| match &signed.undeclared {
            Some(name) => undeclared(name, declared),
            None => match &signed.unset {
                Some(name) => no_secret(name),
                None => fault_text(&fault),
            },
        })?;
        if !self.generation.manifest.signs && !edits.is_empty() {
            let why =
                "`sign` gives edits, which nobody would ask for: the manifest has `signs` as false";
            return Err(why.to_owned().into());
        }
        apply_edits(draft.clone(), edits, secrets, declared).map_err(|error| match error {
            EditError::Unset(name) => no_secret(&name).into(),
            EditError::Undeclared(name) => undeclared(&name, declared).into(),
            error => error.to_string().into(),
        })
    }

    /// What is read from a reply, beside what the example says: its outcomes
    /// and the request that follows, or nothing. Beside it that request's draft.
    async fn read(
        &mut self,
        place: &str,
        request: &Request,
        reply: &ExampleReply,
    ) -> Result<(ExampleReply, Option<Draft>), Wrong> {
        const STEP: &str = "parse-response";
        let mut came = reply.clone();
        let wanted = || match &reply.outcomes {
            None => "unreadable".to_owned(),
            Some(outcomes) => {
                let statuses: Vec<&str> = outcomes.iter().map(|outcome| &*outcome.status).collect();
                statuses.join(", ")
            }
        };
        let parsed = match self.parse(request, reply).await? {
            Err(Fault::InvalidReply(_)) if reply.outcomes.is_none() => return Ok((came, None)),
            Err(fault) => {
                let said = Some(fault_text(&fault));
                let answer = format!(
                    "the answer ({})",
                    same::in_words(&came::body(reply.body.as_ref())?)
                );
                let difference = Difference::new(answer, Some(wanted()), said);
                self.differ(STEP, place, vec![difference]);
                (came.outcomes, came.next) = (None, None);
                return Ok((came, None));
            }
            Ok(parsed) => parsed,
        };
        check_parsed(parsed.clone(), request.items.len()).map_err(|broken| broken.to_string())?;
        self.granted(place, reply, &parsed)?;
        let outcomes = came::outcomes(&parsed.outcomes, reply.outcomes.as_deref());
        match &reply.outcomes {
            Some(expected) => {
                self.differ(STEP, place, same::outcomes(&parsed.outcomes, expected));
            }
            None => {
                let statuses: Vec<&str> = outcomes.iter().map(|outcome| &*outcome.status).collect();
                let difference =
                    Difference::new("the answer", Some(wanted()), Some(statuses.join(", ")));
                self.differ(STEP, place, vec![difference]);
            }
        }
        came.outcomes = Some(outcomes);
        came.next = self
            .follow(place, parsed.next.as_ref(), reply.next.as_ref())
            .await?;
        Ok((came, parsed.next))
    }

    /// How the token is had, if that is what the example is about.
    fn grant(&self) -> Option<&Grant> {
        let grant = self.generation.manifest.grant.as_ref();
        grant.filter(|_| self.example.operation == GRANT)
    }

    /// An answer by which something is granted has a token where the manifest says.
    fn granted(&mut self, place: &str, of: &ExampleReply, parsed: &Parsed) -> Result<(), Wrong> {
        let Some(grant) = self.grant() else {
            return Ok(());
        };
        let mut outcomes = parsed.outcomes.iter();
        let accepted =
            outcomes.any(|it| matches!(it, Outcome::Accepted(_) | Outcome::Duplicate(_)));
        let (_, found) = granted::take(&grant.answer, reply(of)?, self.context.now_ms);
        if accepted && found.token.is_none() {
            let what = format!("the token at {}", grant.answer.token);
            let wanted = Some("a text".to_owned());
            self.differ(
                "parse-response",
                place,
                vec![Difference::new(what, wanted, None)],
            );
        }
        Ok(())
    }

    async fn parse(
        &mut self,
        request: &Request,
        example: &ExampleReply,
    ) -> Result<Result<Parsed, Fault>, Wrong> {
        let reply = reply(example)?;
        let reply = match self.grant() {
            // As the host does, before any adapter reads it.
            Some(grant) => granted::take(&grant.answer, reply, self.context.now_ms).0,
            None => reply,
        };
        let operation = &self.example.operation;
        let parsed = self
            .lease
            .parse_response(&self.context, operation, request, &reply);
        Ok(parsed.await?)
    }

    /// The request that follows, beside the one that should.
    async fn follow(
        &mut self,
        place: &str,
        next: Option<&Draft>,
        expected: Option<&ExampleRequest>,
    ) -> Result<Option<ExampleRequest>, Wrong> {
        const STEP: &str = "parse-response";
        let place = format!("the request after {place}");
        let Some(next) = next else {
            if let Some(expected) = expected {
                let wanted = Some(format!("{} {}", expected.method, expected.path));
                self.differ(STEP, "", vec![Difference::new(place, wanted, None)]);
            }
            return Ok(None);
        };
        let signed = self.sign(next).await?;
        match expected {
            Some(expected) => {
                let differences = same::request(&signed, expected)?;
                self.differ(STEP, &place, differences);
            }
            None => self.differ(STEP, "", vec![unexpected(&place, &signed)]),
        }
        Ok(Some(came::request(&signed, None, expected)))
    }
}

/// The request that a reply answers: one that `map` made, or one that followed
/// an earlier reply.
pub(crate) fn asked<'r>(
    reply: &ExampleReply,
    mapped: &'r [Request],
    follow_ups: &'r [Option<Request>],
) -> Result<&'r Request, String> {
    match reply.follows {
        None => mapped
            .get(reply.request as usize)
            .ok_or_else(|| format!("answers request {}, which is not there", reply.request)),
        Some(before) => follow_ups
            .get(before as usize)
            .and_then(Option::as_ref)
            .ok_or_else(|| format!("follows reply {before}, after which nothing was asked")),
    }
}

/// A secret that the example does not set.
fn no_secret(name: &str) -> String {
    format!("the example has no secret `{name}`: write it into `secrets` of its context.json")
}

/// A request that no example says.
fn unexpected(place: &str, signed: &SignedDraft) -> Difference {
    let came = format!("{} {}", signed.method, signed.path);
    Difference::new(place, None, Some(came))
}

/// What is said of `keys` in `map`, once, whatever the adapter made of it.
fn without_keys(said: &str) -> String {
    /// What most SDKs say, which cannot know where they are called.
    const SDKS: &str = "`keys` works only during `sign`";
    /// How JavaScript's begins, which has the advice.
    const ADVISES: &str = "secrets can be used in `sign`";
    const ADVICE: &str = "it used `keys` in `map`, and they work in `sign` only: sign there";
    match said {
        said if said.contains(ADVISES) => said.to_owned(),
        said if said.contains(SDKS) => said.replacen(SDKS, ADVICE, 1),
        said => format!("{said}; {ADVICE}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_map_are_told_once() {
        for (said, expected) in [
            (
                "adapter fault: no",
                "adapter fault: no; it used `keys` in `map`, and they work in `sign` only: sign there",
            ),
            (
                "`keys` works only during `sign` (at app.py:3)",
                "it used `keys` in `map`, and they work in `sign` only: sign there (at app.py:3)",
            ),
            (
                "secrets can be used in `sign` and `receive` only at shop.js:3",
                "secrets can be used in `sign` and `receive` only at shop.js:3",
            ),
        ] {
            assert_eq!(without_keys(said), expected);
        }
    }
}
