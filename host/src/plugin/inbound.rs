//! Messages that begin at the platform: an adapter's `receive`, and what the host
//! holds it to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::bindings::inbound::exports::crossdock::adapter0_1_1::inbound as contract;
use super::bindings::inbound::{Receiver as Exports, ReceiverPre};
use super::contract::{Body, Context, Fault};
use super::generation::AdapterGeneration;
use super::guest::{Attempts, GuestFailure, Home, Instance, Lease};
use super::keys::KeyScope;
use super::refusal::Refusal;
use super::sandbox::Sandbox;
use super::state::{GuestState, LogLine};
use super::warm::{Room, WarmKey};
use crate::config::Secret;

pub use contract::{Answer, Push, Received, ReceivedItem};

/// Where instances live that are given such messages. They are others than those
/// that work for callers.
pub type ReceiverHome = Home<Exports>;

/// Instances that are given such messages are so many times fewer than those that
/// work for callers.
const FEWER: usize = 8;

/// Most items of one message.
pub const MOST_ITEMS: usize = 1000;

/// Longest key of an item.
pub const MOST_KEY_BYTES: usize = 256;

/// Most bytes of an answer's body.
const MOST_ANSWER_BYTES: usize = 64 << 10;

/// Most headers of an answer.
const MOST_ANSWER_HEADERS: usize = 32;

/// Headers that are the host's own.
const OWN_HEADERS: [&str; 9] = [
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "set-cookie",
];

/// What makes an adapter one that takes such messages.
#[derive(Clone)]
pub(super) struct Receiver {
    pub pre: ReceiverPre<GuestState>,
    pub home: Arc<ReceiverHome>,
}

/// Instances for such messages, of a loader that keeps so many for callers. Beside
/// those, since what strangers send must not take their place.
pub(super) fn home(sandbox: &Sandbox, warm: Room, active: usize) -> Arc<ReceiverHome> {
    let warm = Room {
        count: warm.count / FEWER,
        bytes: warm.bytes / FEWER,
    };
    Arc::new(Home::new(sandbox.clone(), warm, active / FEWER))
}

/// A language runtime has the interface for all its files. One that takes no
/// messages says so; then it has no such interface.
pub(super) async fn if_it_receives(
    generation: Arc<AdapterGeneration>,
) -> Result<Arc<AdapterGeneration>, Refusal> {
    let receives = generation.is_receiving().await;
    let receives = receives.map_err(Refusal::Describe)?;
    Ok(match (receives, Arc::try_unwrap(generation)) {
        (true, Ok(generation)) => Arc::new(generation),
        (false, Ok(mut generation)) => {
            generation.receiver = None;
            Arc::new(generation)
        }
        // Nobody else has the generation yet.
        (_, Err(shared)) => shared,
    })
}

/// What came of a message.
pub struct Heard {
    /// What the adapter made of it, if the message proved to be the platform's.
    pub result: Result<Received, Unheard>,
    /// What `keys` gave out, for redaction.
    pub derived: Vec<Vec<u8>>,
    /// What the adapter logged, and how many lines were too many.
    pub log: (Vec<LogLine>, usize),
}

/// Why nothing was taken of a message.
#[derive(Debug, thiserror::Error)]
pub enum Unheard {
    /// The adapter takes no such messages.
    #[error("the adapter takes no messages")]
    NoInterface,
    /// Nothing shows that it came from the platform.
    #[error("the message is not verified")]
    Unverified,
    /// It did, and the adapter cannot read it.
    #[error("the adapter refuses the message")]
    Fault(Fault),
    /// The adapter failed on it, or no instance was to be had.
    #[error("{0}")]
    Guest(#[from] GuestFailure),
}

impl AdapterGeneration {
    /// Gives the adapter a message, with the keys open for exactly as long as
    /// `receive` runs.
    pub async fn receive(
        &self,
        tenant: &Arc<str>,
        context: &Context,
        push: &Push,
        secrets: Arc<BTreeMap<String, Secret>>,
        declared: Arc<BTreeSet<String>>,
    ) -> Heard {
        let nothing = |why: Unheard| Heard {
            result: Err(why),
            derived: Vec::new(),
            log: (Vec::new(), 0),
        };
        let Some(receiver) = &self.receiver else {
            return nothing(Unheard::NoInterface);
        };
        let mut lease = match self.receiver_lease(receiver, tenant).await {
            Ok(lease) => lease,
            Err(failure) => return nothing(failure.into()),
        };
        let scope = KeyScope::new(secrets, declared).verifying();
        let answered = self.call(&mut lease, scope, context, push).await;
        let scope = lease.take_keys();
        let verified = scope.as_ref().is_some_and(KeyScope::verified);
        let result = match answered {
            // Whatever else it says: who is not known is told nothing of it.
            Ok(_) if !verified => Err(Unheard::Unverified),
            Ok(Ok(received)) => {
                let checked = check(received).map_err(GuestFailure::broken_contract);
                if checked.is_err() {
                    lease.discard();
                }
                checked.map_err(Unheard::Guest)
            }
            Ok(Err(fault)) => Err(Unheard::Fault(fault)),
            Err(failure) => Err(failure.into()),
        };
        Heard {
            result,
            derived: scope.map(|scope| scope.derived).unwrap_or_default(),
            log: lease.take_log(),
        }
    }

    /// Whether a source file takes messages: it is asked with an empty one.
    pub(super) async fn is_receiving(&self) -> Result<bool, GuestFailure> {
        let Some(receiver) = &self.receiver else {
            return Ok(false);
        };
        let mut lease = self.receiver_lease(receiver, &"".into()).await?;
        let context = Context {
            now_ms: 0,
            nonce: "0".repeat(32),
            settings: "{}".into(),
        };
        let empty = Push {
            method: "POST".into(),
            path: String::new(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Body::Empty,
        };
        let scope = KeyScope::new(Arc::default(), self.declared.clone()).verifying();
        let answered = self.call(&mut lease, scope, &context, &empty).await;
        lease.take_keys();
        // One that fails on it has something that can fail.
        Ok(!matches!(answered, Ok(Err(Fault::Unsupported(_)))))
    }

    async fn receiver_lease(
        &self,
        receiver: &Receiver,
        tenant: &Arc<str>,
    ) -> Result<Lease<Exports>, GuestFailure> {
        let key = WarmKey {
            generation: self.identity.id,
            tenant: tenant.clone(),
            script: 0,
        };
        let home = &receiver.home;
        let permit = home.permit().await?;
        let instance = match home.warm().take(&key) {
            Some(instance) => instance,
            None => self.receiver_instance(receiver, tenant).await?,
        };
        Ok(Lease::new(instance, home.clone(), key, permit))
    }

    async fn receiver_instance(
        &self,
        receiver: &Receiver,
        tenant: &Arc<str>,
    ) -> Result<Instance<Exports>, GuestFailure> {
        let sandbox = receiver.home.sandbox();
        let mut attempts = Attempts::new(sandbox)?;
        loop {
            let mut store = GuestState::store(sandbox, tenant, self.wants_wasi);
            store.data_mut().set_source(self.source.clone());
            let error = match receiver.pre.instantiate_async(&mut store).await {
                Ok(exports) => return Ok(Instance::new(store, exports)),
                Err(error) => error,
            };
            // What it got before it failed is room, too.
            drop(store);
            attempts.again(error).await?;
        }
    }

    async fn call(
        &self,
        lease: &mut Lease<Exports>,
        scope: KeyScope,
        context: &Context,
        push: &Push,
    ) -> Result<Result<Received, Fault>, GuestFailure> {
        let deadline = self.home.sandbox().limits().deadline;
        lease.instance_mut()?.store.data_mut().keys = Some(scope);
        lease.begin(deadline, Some((context.now_ms, &context.nonce)))?;
        let result = {
            let instance = lease.instance_mut()?;
            let exports = instance.exports.crossdock_adapter0_1_1_inbound();
            let call = exports.call_receive(&mut instance.store, context, push);
            Lease::<Exports>::bounded(deadline, self.wants_wasi, call).await
        };
        lease.end(result)
    }
}

/// What the contract promises of what an adapter gave.
fn check(received: Received) -> Result<Received, String> {
    if received.items.len() > MOST_ITEMS {
        return Err(format!(
            "`receive` made {} items of one message, at most {MOST_ITEMS} are allowed",
            received.items.len()
        ));
    }
    for (index, item) in received.items.iter().enumerate() {
        let key = item.key.as_ref();
        if key.is_some_and(|key| key.is_empty() || key.len() > MOST_KEY_BYTES) {
            return Err(format!(
                "item {index} of `receive` has a key that is empty or longer than {MOST_KEY_BYTES} bytes"
            ));
        }
        if let Err(error) = serde_json::from_str::<&serde_json::value::RawValue>(&item.document) {
            let why = crate::json_failure::sentence(&error);
            return Err(format!("item {index} of `receive` is not JSON: {why}"));
        }
    }
    let answer = &received.answer;
    if !(200..=599).contains(&answer.status) {
        return Err(format!(
            "`receive` answers with status {}; it is 200 to 599",
            answer.status
        ));
    }
    let bytes = match &answer.body {
        Body::Empty => 0,
        Body::Text(text) => text.len(),
        Body::Bytes(bytes) => bytes.len(),
    };
    if bytes > MOST_ANSWER_BYTES || answer.headers.len() > MOST_ANSWER_HEADERS {
        return Err(format!(
            "the answer of `receive` is too long: at most {MOST_ANSWER_BYTES} bytes and {MOST_ANSWER_HEADERS} headers are allowed"
        ));
    }
    for (name, value) in &answer.headers {
        let known = http::HeaderName::from_bytes(name.as_bytes()).is_ok()
            && http::HeaderValue::from_str(value).is_ok();
        let own = OWN_HEADERS.iter().any(|own| own.eq_ignore_ascii_case(name));
        if !known || own {
            return Err("the answer of `receive` has a header that it cannot have".into());
        }
    }
    Ok(received)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received() -> Received {
        Received {
            items: vec![ReceivedItem {
                key: Some("1".into()),
                document: "{}".into(),
            }],
            answer: Answer {
                status: 200,
                headers: vec![("content-type".into(), "text/plain".into())],
                body: Body::Text("success".into()),
            },
        }
    }

    #[test]
    fn what_an_adapter_gives_is_held_to_the_contract() {
        assert!(check(received()).is_ok());
        type Change = fn(&mut Received);
        let wrong: [(&str, Change); 8] = [
            ("longer than", |it| it.items[0].key = Some(String::new())),
            ("longer than", |it| it.items[0].key = Some("k".repeat(257))),
            ("not JSON", |it| it.items[0].document = "{".into()),
            ("items of one", |it| {
                it.items = vec![it.items[0].clone(); MOST_ITEMS + 1];
            }),
            ("status 101", |it| it.answer.status = 101),
            ("too long", |it| {
                it.answer.body = Body::Bytes(vec![0; MOST_ANSWER_BYTES + 1]);
            }),
            ("cannot have", |it| {
                it.answer.headers = vec![("Content-Length".into(), "3".into())];
            }),
            ("cannot have", |it| {
                it.answer.headers = vec![("x".into(), "a\r\nb: c".into())];
            }),
        ];
        for (says, change) in wrong {
            let mut changed = received();
            change(&mut changed);
            let said = check(changed).unwrap_err();
            assert!(said.contains(says), "{said}");
        }
    }
}
