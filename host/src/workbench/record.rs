//! `crossdock plugin test --record`: one delivery, made an example that
//! everybody may read.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use serde_json::value::RawValue;

use super::scrub::Placeholders;
use crate::delivery::documents;
use crate::delivery::exchange::{context, guest, sign};
use crate::delivery::item_keys::DeliveryId;
use crate::delivery::order;
use crate::delivery::outgoing::outgoing;
use crate::delivery::reply::reply;
use crate::delivery::round::map;
use crate::delivery::trace::Trace;
use crate::plugin::contract::{Body, Context, Draft, Item, Reply, Request};
use crate::plugin::golden;
use crate::plugin::manifest::{
    Example, ExampleBody, ExampleContext, ExampleItem, ExampleReply, Provenance,
};
use crate::problem::{Blame, Problem};
use crate::serving::connection_limits::Sort;
use crate::serving::credentials::grant_of;
use crate::serving::route::Route;

/// Headers of an answer that are about the connection or the moment, and that no
/// adapter may need.
const LEFT_OUT: [&str; 24] = [
    "age",
    "alt-svc",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-security-policy",
    "date",
    "etag",
    "expires",
    "keep-alive",
    "last-modified",
    "pragma",
    "referrer-policy",
    "server",
    "set-cookie",
    "strict-transport-security",
    "timing-allow-origin",
    "transfer-encoding",
    "vary",
    "via",
    "x-cache",
    "x-frame-options",
    "x-powered-by",
];

/// One delivery as an example.
#[derive(Debug)]
pub struct Recorded {
    /// What it shows; it holds.
    pub example: Example,
    /// Values about persons that were replaced.
    pub replaced: usize,
}

/// Delivers items once and makes an example of it, with at most `follow_ups`
/// pages or read-backs after each request.
///
/// # Errors
/// If nothing could be sent or no answer came.
pub async fn record(
    route: &Route,
    id: &DeliveryId,
    items: Vec<String>,
    timeout: Duration,
    follow_ups: usize,
) -> Result<Recorded, Problem> {
    let trace = Trace::new(route);
    let context = context(route);
    let contents = id.contents(&items).await;
    let prepared = documents::prepare(route, items).await?;
    if let Some(failed) = prepared.settled.iter().find(|item| item.blame.is_some()) {
        let why = failed.message.as_deref().unwrap_or("it failed");
        let blame = failed.blame.unwrap_or(Blame::Caller);
        let index = failed.index;
        return Err(Problem::new(blame, "invalid-document", why.to_owned()).item(index));
    }
    let declared = route.compiled()?.order.as_ref();
    let order_keys = order::keys(declared, &prepared.documents).await;
    let keys = id.keys(&contents, &prepared.documents, &order_keys).await;
    let items: Vec<Item> = keys
        .into_iter()
        .zip(&prepared.documents)
        .map(|(key, document)| Item {
            key,
            document: document.text.clone(),
        })
        .collect();
    if items.is_empty() {
        return Err(Problem::caller(
            "no-documents",
            "the script makes no document of these items, so there is nothing to record",
        ));
    }
    let lease = route.adapter.lease(&route.tenant.config.name).await;
    let mut lease = lease.map_err(|failure| guest(route, "map", &failure, &trace))?;
    let mapped = map(route, &mut lease, &context, &items, &trace).await?;
    drop(lease);
    let deadline = Instant::now() + timeout;
    let mut chains = Vec::with_capacity(mapped.requests.len());
    for request in mapped.requests {
        let answer = ask(route, &context, &request, &trace, deadline).await?;
        let chain = Chain {
            route,
            trace: &trace,
            deadline,
            most: follow_ups,
        };
        chains.push(chain.follow(&context, request, answer).await);
    }
    let (example, replaced) = example(route, &trace, &context, &items, numbered(chains))?;
    hold(route, example, replaced).await
}

/// A request's answers: to itself, and to what the adapter asks after it.
struct Chain<'a> {
    route: &'a Route,
    trace: &'a Trace,
    deadline: Instant,
    most: usize,
}

impl Chain<'_> {
    /// Asks on until the adapter has all that it wants. Where no answer comes to
    /// a follow-up, what was answered before is worth having without it.
    async fn follow(self, context: &Context, mut request: Request, first: Reply) -> Vec<Reply> {
        let mut next = self.next(context, &request, &first).await;
        // The secrets of this request's signature are known by now.
        let mut answers = vec![clean(self.trace, first)];
        while let Some(draft) = next.take().filter(|_| answers.len() <= self.most) {
            request.draft = draft;
            // A time and a nonce of its own, as in every delivery.
            let context = self::context(self.route);
            let asked = ask(self.route, &context, &request, self.trace, self.deadline);
            if let Ok(answer) = asked.await {
                next = self.next(&context, &request, &answer).await;
                answers.push(clean(self.trace, answer));
            }
        }
        answers
    }

    /// What the adapter asks after an answer. One that it cannot read is
    /// recorded as that.
    async fn next(&self, context: &Context, request: &Request, reply: &Reply) -> Option<Draft> {
        let tenant = &self.route.tenant.config.name;
        let mut lease = self.route.adapter.lease(tenant).await.ok()?;
        let operation = &self.route.operation;
        let parsed = lease.parse_response(context, operation, request, reply);
        parsed.await.ok()?.ok()?.next
    }
}

/// An answer and what it answers.
struct Heard {
    request: u32,
    /// The answer before it, whose follow-up it answers.
    follows: Option<u32>,
    reply: Reply,
}

/// Answers as an example lists them: one to each request, then those to what
/// followed.
fn numbered(chains: Vec<Vec<Reply>>) -> Vec<Heard> {
    let number = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
    let (mut first, mut later) = (Vec::new(), Vec::new());
    let requests = chains.len();
    for (request, chain) in chains.into_iter().enumerate() {
        let mut follows = None;
        for reply in chain {
            let list = match follows {
                None => &mut first,
                Some(_) => &mut later,
            };
            list.push(Heard {
                request: number(request),
                follows,
                reply,
            });
            follows = Some(match follows {
                None => number(request),
                Some(_) => number(requests + later.len() - 1),
            });
        }
    }
    first.extend(later);
    first
}

/// Signs and sends one request.
async fn ask(
    route: &Route,
    context: &Context,
    request: &Request,
    trace: &Trace,
    deadline: Instant,
) -> Result<Reply, Problem> {
    let connection = &route.connection;
    let _turn = connection
        .channel
        .turn(deadline, Sort::Call)
        .await
        .map_err(|_| {
            Problem::host(
                "no-turn",
                "the connection's limits let no request leave in time; try again later",
            )
        })?;
    let armed = match grant_of(&connection.config, &route.adapter) {
        Some(_) => connection.credentials.ready(deadline).await,
        None => Ok(connection.armed()),
    };
    let armed = armed.map_err(|why| why.problem())?;
    trace.learn(&armed);
    let signed = sign(route, &armed, context, &request.draft, trace, 0).await?;
    let outgoing = outgoing(&connection.target, signed).map_err(|why| {
        let why = trace.redaction.redact(&why).into_owned();
        Problem::adapter(
            "invalid-request",
            format!("a request cannot be sent: {why}"),
        )
    })?;
    let client = &connection.channel.client;
    let answer = Box::pin(client.send_until(outgoing, deadline)).await;
    let answer = answer.map_err(|error| {
        let why = trace.redaction.redact(&error.message).into_owned();
        Problem::platform("no-answer", format!("no answer came: {why}"))
    })?;
    Ok(reply(answer))
}

/// An answer without secrets.
fn clean(trace: &Trace, answer: Reply) -> Reply {
    let redact = |text: &str| trace.redaction.redact(text).into_owned();
    let headers = answer.headers.into_iter();
    Reply {
        status: answer.status,
        headers: headers
            .filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()))
            .map(|(name, value)| (name, redact(&value)))
            .collect(),
        body: match answer.body {
            Body::Empty => Body::Empty,
            Body::Text(text) => Body::Text(match serde_json::from_str::<&RawValue>(&text) {
                Ok(_) => trace.redaction.redact_json(&text).into_owned(),
                Err(_) => redact(&text),
            }),
            Body::Bytes(bytes) => Body::Bytes(trace.redaction.redact_bytes(&bytes).into_owned()),
        },
    }
}

/// What was delivered, with placeholders. Its requests and outcomes are still to
/// be filled in.
fn example(
    route: &Route,
    trace: &Trace,
    context: &Context,
    items: &[Item],
    heard: Vec<Heard>,
) -> Result<(Example, usize), Problem> {
    let not_json = |error: serde_json::Error| {
        Problem::host("internal-error", format!("a document is not JSON: {error}"))
    };
    let redacted = |text: &str| {
        let text = trace.redaction.redact_json(text);
        serde_json::from_str::<Value>(&text).map_err(not_json)
    };
    let mut placeholders = Placeholders::default();
    let mut documents = Vec::with_capacity(items.len());
    for item in items {
        let document = redacted(&item.document)?;
        placeholders.learn(&document);
        documents.push(document);
    }
    for heard in &heard {
        if let Body::Text(text) = &heard.reply.body {
            placeholders.learn_text(text);
        }
    }
    let settings = redacted(&context.settings)?;
    let secrets = secrets(route);
    // What redaction put in a secret's place is the test's secret from now on.
    let known = |text: &str| {
        let mut text = placeholders.text(text);
        for (name, value) in &secrets {
            text = text.replace(&format!("«{name}»"), value);
        }
        text
    };
    let replies = heard.into_iter().map(|heard| {
        let reply = heard.reply;
        let headers = reply.headers.iter();
        ExampleReply {
            request: heard.request,
            follows: heard.follows,
            status: reply.status,
            headers: headers
                .map(|(name, value)| (name.clone(), known(value)))
                .collect(),
            body: match reply.body {
                Body::Empty => None,
                Body::Text(text) => Some(ExampleBody::Text(known(&text))),
                Body::Bytes(bytes) => Some(ExampleBody::Bytes {
                    base64: STANDARD.encode(bytes),
                }),
            },
            outcomes: None,
            next: None,
        }
    });
    let replies = replies.collect();
    let documents = documents
        .iter()
        .zip(items)
        .map(|(document, item)| ExampleItem {
            key: Some(item.key.clone()),
            document: placeholders.replace(document),
        });
    let example = Example {
        name: String::new(),
        provenance: Provenance::Computed,
        source: None,
        operation: route.operation.clone(),
        context: ExampleContext {
            now_ms: context.now_ms,
            nonce: context.nonce.clone(),
            settings: placeholders.replace(&settings),
        },
        items: documents.collect(),
        requests: Vec::new(),
        failures: Vec::new(),
        replies,
        secrets: secrets.clone(),
    };
    Ok((example, placeholders.count()))
}

/// A secret of the same name for everybody to read, for each that is set.
fn secrets(route: &Route) -> BTreeMap<String, String> {
    let declared = &route.adapter.declared;
    let set = route.connection.credentials.base().keys();
    set.filter(|name| declared.contains(*name))
        .map(|name| (name.clone(), format!("test-{name}")))
        .collect()
}

/// Lets the adapter compute requests and outcomes from what was replaced.
async fn hold(route: &Route, example: Example, replaced: usize) -> Result<Recorded, Problem> {
    let played = golden::play(&route.adapter, &example).await;
    if let Some(stopped) = played.stopped {
        return Err(Problem::adapter(
            "not-recorded",
            format!(
                "the call was delivered, and no example can be made of it: at {}: {}; the placeholders may not be what the schema or the adapter wants",
                stopped.step, stopped.detail
            ),
        ));
    }
    Ok(Recorded {
        example: played.came,
        replaced,
    })
}
