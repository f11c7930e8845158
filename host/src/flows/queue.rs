//! Items to the outbox, exactly once: each part of a page under a name that is
//! taken once.

use std::sync::Arc;

use crossdock_store::{DeliveryId, NewSeen, PageDelivery, RunCounts, RunId, SentPage, limits};

use super::page::{ForTarget, Plan, Planned, Work, written as as_bytes};
use super::part::Part;
use super::targets::hash;
use super::{Serves, Shared, written};
use crate::problem::Problem;
use crate::serving::route::Route;

/// Bytes of the items of one delivery.
const DELIVERY_BYTES: usize = limits::DELIVERY / 2;

/// Queues what a page became. Whatever of it was queued before is found again.
pub(super) async fn queue(
    shared: &Arc<Shared>,
    part: &Part,
    serves: Option<&Serves>,
    run: RunId,
    number: u32,
    work: Work,
) -> Result<SentPage, Problem> {
    let mut sent = SentPage {
        keep_records: serves.is_some_and(|serves| serves.flow.config.confirm.is_some()),
        counts: RunCounts::default(),
        ..SentPage::default()
    };
    let mut plan = Plan::default();
    for mut target in work.targets {
        let name = format!("flow:{}:{}:{number}:{}", part.name, run.0, target.name);
        let mut planned = Planned {
            name: target.name.clone(),
            operation: target.operation.clone(),
            changes_only: target.changes_only,
            ..Planned::default()
        };
        if let Some(path) = written::path(serves, &target.name) {
            let items = std::mem::take(&mut target.items);
            sent.counts.sent += items.len() as u64;
            written::page(path, run, number, items).await?;
        } else if is_target(serves, &target) {
            planned.deliveries = deliver(shared, part, &mut target, &name).await?;
            sent.counts.sent += target.items.len() as u64;
        } else {
            // A person took the target out of the file.
            let mut of = std::mem::take(&mut target.of);
            of.dedup();
            sent.counts.skipped += of.len() as u64;
            target.left.skipped.extend(of);
        }
        let first = planned.deliveries.first();
        sent.deliveries.extend(
            first
                .and_then(|id| id.parse().ok())
                .map(|delivery| PageDelivery {
                    target: target.name.clone(),
                    delivery,
                }),
        );
        planned.of = target.of;
        planned.left = target.left;
        plan.targets.push(planned);
    }
    sent.plan = as_bytes(&plan);
    Ok(sent)
}

/// Whether the flow still has a target.
fn is_target(serves: Option<&Serves>, target: &ForTarget) -> bool {
    // What was made for a file has no connection to go to.
    let is_sent = !target.connection.is_empty();
    serves.filter(|_| is_sent).is_some_and(|serves| {
        let mut targets = serves.flow.config.targets.iter();
        targets.any(|known| known.name() == target.name)
    })
}

/// A target's items to deliveries, whose ids are returned in their order.
async fn deliver(
    shared: &Arc<Shared>,
    part: &Part,
    target: &mut ForTarget,
    name: &str,
) -> Result<Vec<String>, Problem> {
    let mut deliveries = Vec::new();
    if target.items.is_empty() {
        return Ok(deliveries);
    }
    let (connection, operation) = (&target.connection, &target.operation);
    let route = Route::find((shared.serving)(), &part.tenant, connection, operation)?;
    let items: Vec<String> = target
        .items
        .iter()
        .map(|item| item.get().to_owned())
        .collect();
    let keys = match target.keys.take() {
        Some(keys) => keys,
        None => shared.outbox.keys(&route, &items).await?,
    };
    let mut first = 0;
    for (count, chunk) in parts(&items).into_iter().enumerate() {
        let of_chunk = keys.of(first..first + chunk.len());
        let name = format!("{name}:{count}");
        let things: Vec<(usize, Vec<u8>)> = (0..chunk.len())
            .filter(|_| target.changes_only)
            .filter_map(|item| Some((item, of_chunk.thing(item)?.to_vec())))
            .collect();
        if !things.is_empty() {
            let (id, target) = (part.id, target.name.clone());
            let keys = things.iter().map(|(_, key)| key.clone()).collect();
            let sending = shared.store(move |store| store.seen_sending(id, &target, keys));
            sending.await?;
        }
        let accepted = shared
            .outbox
            .accept_page(&route, chunk.to_vec(), of_chunk, &name);
        let delivery = accepted.await?;
        deliveries.push(delivery.to_string());
        if !things.is_empty() {
            remember(shared, part, target, delivery, chunk, things).await?;
        }
        first += chunk.len();
    }
    Ok(deliveries)
}

/// Writes down what was sent about each thing.
async fn remember(
    shared: &Arc<Shared>,
    part: &Part,
    target: &ForTarget,
    delivery: DeliveryId,
    items: &[String],
    things: Vec<(usize, Vec<u8>)>,
) -> Result<(), Problem> {
    let Some(view) = shared.outbox.view(delivery).await? else {
        return Ok(());
    };
    let sent = things.into_iter().filter_map(|(item, key)| {
        Some(NewSeen {
            key,
            hash: hash(items.get(item)?),
            item: view.items.get(item)?.item,
        })
    });
    let (id, target, sent) = (part.id, target.name.clone(), sent.collect());
    let write = shared.store(move |store| store.seen_sent(id, &target, sent));
    write.await
}

/// Parts that are each a delivery.
fn parts(items: &[String]) -> Vec<&[String]> {
    let mut parts = Vec::new();
    let (mut from, mut bytes) = (0, 0);
    for (index, item) in items.iter().enumerate() {
        let full = index - from == limits::ITEMS || bytes + item.len() > DELIVERY_BYTES;
        if index > from && full {
            parts.push(&items[from..index]);
            (from, bytes) = (index, 0);
        }
        bytes += item.len();
    }
    parts.push(&items[from..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_items_are_several_deliveries() {
        let items = vec![String::from("{}"); limits::ITEMS * 2 + 1];
        let sizes: Vec<usize> = parts(&items).iter().map(|part| part.len()).collect();
        assert_eq!(sizes, [limits::ITEMS, limits::ITEMS, 1]);
        let large = vec!["x".repeat(DELIVERY_BYTES / 2 + 1); 3];
        assert_eq!(parts(&large).len(), 3);
    }
}
