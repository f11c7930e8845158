//! A platform's message through its adapter's `receive`.

use std::sync::Arc;

use super::{Record, Refusal};
use crate::clock::now_ms;
use crate::config::FlowSource;
use crate::plugin::contract::Context;
use crate::plugin::fault::fault_text;
use crate::plugin::guest::GuestFailureKind;
use crate::plugin::inbound::{Answer, Push, Received, Unheard};
use crate::problem::Problem;
use crate::redact::Redactor;
use crate::serving::snapshot::Snapshot;
use crate::telemetry::metrics::Arrivals;

/// A message of which its adapter says that it is the platform's.
#[derive(Debug)]
pub struct Opened {
    /// Its records.
    pub records: Vec<Record>,
    /// What the platform wants to hear when they are on disk.
    pub answer: Answer,
    /// The flows that take them.
    pub flows: Vec<Arc<str>>,
}

/// Has the adapter of a connection verify and split a message.
///
/// # Errors
/// The message is not verified, or the adapter cannot read it, or no flow wants
/// what the platform pushes.
pub async fn open(
    snapshot: &Snapshot,
    tenant: &str,
    connection: &str,
    push: &Push,
    arrivals: &Arrivals,
) -> Result<Opened, Refusal> {
    let nowhere = || {
        arrivals.unverified.one();
        Refusal::Stranger
    };
    let found = snapshot.tenants.get_key_value(tenant);
    let (name, tenant) = found.ok_or_else(nowhere)?;
    let found = tenant.connections.get(connection);
    let connection = found.ok_or_else(nowhere)?;
    let adapter = snapshot.adapters.get(&connection.config.adapter);
    let adapter = adapter.ok_or_else(nowhere)?;
    let context = Context {
        now_ms: now_ms(),
        nonce: format!("{:032x}", rand::random::<u128>()),
        settings: connection.settings.clone(),
    };
    let armed = connection.armed();
    let secrets = armed.secrets.clone();
    let declared = adapter.declared.clone();
    let heard = adapter
        .receive(name, &context, push, secrets, declared)
        .await;
    let redactor = armed.redactor.scope();
    for (index, derived) in heard.derived.iter().enumerate() {
        // One that is too many is not shown at all, as nothing else of it is.
        if redactor
            .derive(&format!("derived-{index}"), derived)
            .is_err()
        {
            break;
        }
    }
    for line in heard.log.0 {
        tracing::debug!(
            tenant = &**name,
            connection = &*connection.config.name,
            level = %line.level,
            "the adapter says of a message: {}",
            redactor.start_of(&line.message, 1024)
        );
    }
    let received = heard.result.map_err(|unheard| {
        let refusal = refusal(unheard, &adapter.label, &redactor);
        match &refusal {
            Refusal::Stranger => arrivals.unverified.one(),
            Refusal::Known(problem) => {
                arrivals.refused.one();
                tracing::warn!(
                    tenant = &**name,
                    connection = &*connection.config.name,
                    %problem,
                    "a message of the platform was not taken in"
                );
            }
        }
        refusal
    })?;
    let flows = tenant.flows.iter().filter(|(_, flow)| {
        matches!(&flow.config.source, FlowSource::Inbound { connection: wanted } if **wanted == *connection.config.name)
    });
    let flows: Vec<Arc<str>> = flows.map(|(name, _)| name.as_str().into()).collect();
    let Received { items, answer } = received;
    if flows.is_empty() && !items.is_empty() {
        arrivals.refused.one();
        let detail = format!(
            "no flow takes what the platform of connection `{}` pushes; add one with from = {{ connection = \"{}\", inbound = true }}",
            connection.config.name, connection.config.name
        );
        return Err(Refusal::Known(Problem::host("no-inbound-flow", detail)));
    }
    let records = items.into_iter().map(|item| Record {
        key: item.key.map(String::into_bytes),
        body: item.document,
    });
    Ok(Opened {
        records: records.collect(),
        answer,
        flows,
    })
}

fn refusal(unheard: Unheard, adapter: &str, redactor: &Redactor) -> Refusal {
    let clean = |text: &str| redactor.start_of(text, 1024);
    match unheard {
        Unheard::NoInterface | Unheard::Unverified => Refusal::Stranger,
        Unheard::Fault(found) => {
            let told = clean(&fault_text(&found));
            Refusal::Known(Problem::platform(
                "inbound-unreadable",
                format!("adapter {adapter} cannot read the message: {told}"),
            ))
        }
        Unheard::Guest(failure) => {
            let told = failure.told(clean);
            Refusal::Known(match failure.kind {
                GuestFailureKind::Unavailable => Problem::host("host-busy", told),
                _ => Problem::adapter(
                    "adapter-failed",
                    format!("adapter {adapter} failed on the message: {told}"),
                ),
            })
        }
    }
}
