//! One example, step by step: its documents fit, `map` makes the requests that
//! it says, `sign` makes their bytes, and `parse-response` reads from its
//! replies what it says.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::same::{body, same_count, same_failures, same_outcomes, same_plan, same_request};
use super::wrong::{Wrong, at};
use crate::config::Secret;
use crate::plugin::contract::{Context, Draft, Fault, Item, Parsed, Reply, Request};
use crate::plugin::edits::{SignedDraft, apply_edits};
use crate::plugin::fault::fault_text;
use crate::plugin::generation::{AdapterGeneration, AdapterLease, CompiledOperation};
use crate::plugin::manifest::{Example, ExampleReply, ExampleRequest};
use crate::plugin::promise::{check_mapped, check_parsed};
use crate::schema::{self, Verdict};

/// Runs one example. What does not come out is said with its step.
pub(super) async fn run(
    generation: &Arc<AdapterGeneration>,
    example: &Example,
) -> Result<(), (&'static str, Wrong)> {
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
    };
    let requests = steps.map().await.map_err(at("map"))?;
    for (index, (request, expected)) in requests.iter().zip(&example.requests).enumerate() {
        same_plan(index, request, expected).map_err(at("map"))?;
        let sent = steps.send(&request.draft, expected).await;
        sent.map_err(|wrong| wrong.of(&format!("request {index}")))
            .map_err(at("sign"))?;
    }
    for (index, reply) in example.replies.iter().enumerate() {
        let request = answered(&requests, index, reply).map_err(at("parse-response"))?;
        let read = steps.read(request, reply).await;
        read.map_err(|wrong| wrong.of(&format!("reply {index}")))
            .map_err(at("parse-response"))?;
    }
    Ok(())
}

fn operation<'g>(
    generation: &'g AdapterGeneration,
    example: &Example,
) -> Result<&'g CompiledOperation, String> {
    let name = &example.operation;
    let operation = generation.operations.get(name);
    operation.ok_or_else(|| format!("there is no operation `{name}`"))
}

fn context(example: &Example) -> Context {
    Context {
        now_ms: example.context.now_ms,
        nonce: example.context.nonce.clone(),
        settings: example.context.settings.to_string(),
    }
}

fn secrets(example: &Example) -> Arc<BTreeMap<String, Secret>> {
    let secrets = example.secrets.iter();
    Arc::new(
        secrets
            .map(|(name, text)| (name.clone(), Secret::new(text.clone())))
            .collect(),
    )
}

/// The request that a reply answers.
fn answered<'r>(
    requests: &'r [Request],
    index: usize,
    reply: &ExampleReply,
) -> Result<&'r Request, String> {
    let asked = reply.request;
    requests
        .get(asked as usize)
        .ok_or_else(|| format!("reply {index} answers request {asked}, which is not there"))
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
        fits(verdict).map_err(|why| format!("item {index}: {why}"))?;
    }
    Ok(())
}

/// The connection's settings fit the adapter's schema.
fn settings_fit(generation: &AdapterGeneration, example: &Example) -> Result<(), String> {
    let verdict = generation.settings.check_whole(&example.context.settings);
    fits(Some(verdict)).map_err(|why| format!("settings: {why}"))
}

/// An example with what its steps share.
struct Steps<'a> {
    generation: &'a AdapterGeneration,
    example: &'a Example,
    operation: &'a CompiledOperation,
    context: Context,
    secrets: Arc<BTreeMap<String, Secret>>,
    lease: AdapterLease,
}

impl Steps<'_> {
    /// `map` keeps its promises, and makes as many requests and the failures
    /// that the example says.
    async fn map(&mut self) -> Result<Vec<Request>, Wrong> {
        let items = self.items();
        let mapped = self
            .lease
            .map(&self.context, &self.example.operation, &items)
            .await?
            .map_err(|fault| fault_text(&fault))?;
        let CompiledOperation {
            max_items,
            repeatable,
            ..
        } = *self.operation;
        check_mapped(&mapped, items.len(), max_items, repeatable)
            .map_err(|broken| broken.to_string())?;
        same_failures(&mapped.failures, &self.example.failures)?;
        let expected = self.example.requests.len();
        same_count("requests", mapped.requests.len(), expected)?;
        Ok(mapped.requests)
    }

    fn items(&self) -> Vec<Item> {
        let items = self.example.items.iter().enumerate();
        items
            .map(|(index, item)| Item {
                key: item.key(index),
                document: item.document.to_string(),
            })
            .collect()
    }

    /// What would leave is the request that the example says.
    async fn send(&mut self, draft: &Draft, expected: &ExampleRequest) -> Result<(), Wrong> {
        let signed = self.sign(draft).await?;
        Ok(same_request(&signed, expected)?)
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
        let edits = signed.answer?.map_err(|fault| fault_text(&fault))?;
        if !self.generation.manifest.signs && !edits.is_empty() {
            let why =
                "`sign` gives edits, which nobody would ask for: the manifest has `signs` as false";
            return Err(why.to_owned().into());
        }
        apply_edits(draft.clone(), edits, secrets, declared)
            .map_err(|error| error.to_string().into())
    }

    /// What is read from a reply is what the example says: its outcomes and the
    /// request that follows, or nothing.
    async fn read(&mut self, request: &Request, reply: &ExampleReply) -> Result<(), Wrong> {
        match (self.parse(request, reply).await?, &reply.outcomes) {
            (Err(Fault::InvalidReply(_)), None) => Ok(()),
            (Err(fault), _) => Err(fault_text(&fault).into()),
            (Ok(_), None) => Err("it should be unreadable, but was read".into()),
            (Ok(parsed), Some(expected)) => {
                check_parsed(parsed.clone(), request.items.len())
                    .map_err(|broken| broken.to_string())?;
                same_outcomes(&parsed.outcomes, expected)?;
                self.follow(parsed.next.as_ref(), reply.next.as_ref()).await
            }
        }
    }

    async fn parse(
        &mut self,
        request: &Request,
        reply: &ExampleReply,
    ) -> Result<Result<Parsed, Fault>, Wrong> {
        let reply = Reply {
            status: reply.status,
            headers: reply.headers.clone(),
            body: body(reply.body.as_ref())?,
        };
        let operation = &self.example.operation;
        let parsed = self
            .lease
            .parse_response(&self.context, operation, request, &reply);
        Ok(parsed.await?)
    }

    /// The request that follows is the one that should, if one should.
    async fn follow(
        &mut self,
        next: Option<&Draft>,
        expected: Option<&ExampleRequest>,
    ) -> Result<(), Wrong> {
        match (next, expected) {
            (None, None) => Ok(()),
            (Some(next), Some(expected)) => {
                let signed = self.sign(next).await?;
                Ok(same_request(&signed, expected).map_err(|detail| format!("next: {detail}"))?)
            }
            (Some(_), None) => Err("a following request came, none was expected".into()),
            (None, Some(_)) => Err("a following request was expected, none came".into()),
        }
    }
}

/// The first reason why a document does not fit.
fn fits(verdict: Option<Verdict>) -> Result<(), String> {
    match verdict {
        Some(Verdict::Fits) => Ok(()),
        Some(Verdict::Breaks(violations)) => match violations.first() {
            Some(first) => Err(format!("{} (at {})", first.message, first.pointer)),
            None => Ok(()),
        },
        Some(Verdict::TooCostly) => Err(schema::TOO_COSTLY.to_owned()),
        None => Err("it could not be checked".to_owned()),
    }
}
