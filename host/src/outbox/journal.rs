//! The write-ahead rule: before a request leaves that must not be repeated, the
//! store knows which items it carries. After a crash, nobody sends them again.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossdock_store::{
    Accepted, AttemptEnd, AttemptId, DeliveryId, Intent, ItemId, NewDelivery, NewItem, Order,
    Origin, Outcome, Repeat, Settlement, limits,
};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{Notify, OnceCell};
use tracing::Instrument;

use super::accept::lane;
use super::attempt::{self, Sent};
use super::intent::Intended;
use super::outcome::of_call;
use super::{Outbox, Shared, now};
use crate::delivery::journal::{Carried, Journal};
use crate::plugin::contract::Request;
use crate::problem::Problem;
use crate::report::{Report, RequestReport};
use crate::serving::connection::ConnectionGeneration;
use crate::serving::connection_limits::Channel;
use crate::serving::route::Route;

/// How long a caller's answer waits for what became of its items to be on disk.
const PATIENCE: Duration = Duration::from_secs(1);

/// Which items have left in requests that must not be repeated, and under which
/// number.
#[derive(Default)]
struct Written {
    /// Where requests go.
    place: String,
    attempts: Mutex<HashMap<usize, Entry>>,
    /// An entry is no longer being written.
    news: Notify,
}

/// What is known of an item that leaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Entry {
    /// Another request of the same delivery is writing it down.
    Writing,
    /// It is on disk, and what may be done if nothing is known of its end.
    On(AttemptId, Repeat),
}

impl Written {
    fn attempts(&self) -> MutexGuard<'_, HashMap<usize, Entry>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down that items leave. One that left before in another request is
    /// written down already, and one that is being written down is waited for.
    async fn write(
        &self,
        shared: &Shared,
        ids: &[ItemId],
        carried: Carried,
        request: &Request,
    ) -> Result<(), Problem> {
        let in_order = carried
            .items
            .iter()
            .filter_map(|item| ids.get(*item).copied());
        let in_order: Vec<ItemId> = in_order.collect();
        let mut items = carried.items;
        items.sort_unstable();
        items.dedup();
        let fresh = loop {
            // Before the look, so that no news is missed.
            let news = self.news.notified();
            if let Some(fresh) = self.claim(&items) {
                break fresh;
            }
            news.await;
        };
        if fresh.is_empty() {
            return Ok(());
        }
        let named = fresh.iter().filter_map(|item| ids.get(*item).copied());
        let began = now();
        // Where a part of an item leaves in another request, what became of this
        // one says too little.
        let alone = carried.whole && fresh.len() == in_order.len();
        let whole = alone.then(|| Intended::write(request, &in_order, &self.place));
        let (repeat, request) = match whole.flatten() {
            Some(whole) => (Repeat::ReadBack, whole),
            None => (
                Repeat::Never,
                attempt::leaving(&request.draft.method, &request.draft.path),
            ),
        };
        let intent = Intent {
            items: named.collect(),
            repeat,
            began,
            request,
        };
        let written = shared.with(move |store| store.intend(vec![intent], began));
        let written = written.await;
        let attempt = written.as_ref().ok().and_then(|all| all.first().copied());
        let mut attempts = self.attempts();
        for item in fresh {
            match attempt {
                Some(attempt) => attempts.insert(item, Entry::On(attempt, repeat)),
                None => attempts.remove(&item),
            };
        }
        drop(attempts);
        self.news.notify_waiters();
        written.map(drop)
    }

    /// The items that nobody has written down, which are the caller's to write
    /// from now on. Nothing while another request writes one of them.
    fn claim(&self, items: &[usize]) -> Option<Vec<usize>> {
        let mut attempts = self.attempts();
        let writing = |item| attempts.get(item) == Some(&Entry::Writing);
        if items.iter().any(writing) {
            return None;
        }
        let mut fresh = items.to_vec();
        fresh.retain(|item| !attempts.contains_key(item));
        attempts.extend(fresh.iter().map(|item| (*item, Entry::Writing)));
        Some(fresh)
    }

    /// What became of everything: one end for each attempt that was written down,
    /// one for each request that may be repeated, and one for what did not leave.
    /// The store takes a bounded number at once.
    fn settlements(
        &self,
        outcomes: impl IntoIterator<Item = Option<Outcome>>,
        generations: &str,
        began: u64,
        requests: &[RequestReport],
    ) -> Vec<Settlement> {
        let attempts = self.attempts();
        let sent = Sent::of(requests);
        let mut ends: BTreeMap<_, (Repeat, Vec<usize>, Vec<Outcome>)> = BTreeMap::new();
        for (item, outcome) in outcomes.into_iter().enumerate() {
            let Some(outcome) = outcome else { continue };
            let (attempt, repeat) = match attempts.get(&item) {
                Some(Entry::On(attempt, repeat)) => (Some(*attempt), *repeat),
                Some(Entry::Writing) | None => (None, Repeat::Safe),
            };
            // What was written down together is settled together.
            let request = match attempt {
                Some(_) => None,
                None => sent.first(item),
            };
            let end = ends.entry((attempt, request));
            let (_, items, outcomes) = end.or_insert((repeat, Vec::new(), Vec::new()));
            items.push(item);
            outcomes.push(outcome);
        }
        let ended = now();
        let ends = ends
            .into_iter()
            .map(|((attempt, _), (repeat, items, outcomes))| {
                let mut end = AttemptEnd {
                    generations: generations.to_owned(),
                    ..AttemptEnd::new(attempt, repeat, began, ended, outcomes)
                };
                sent.describe(&mut end, &items);
                end
            });
        let ends: Vec<AttemptEnd> = ends.collect();
        let slices = ends.chunks(limits::ATTEMPTS);
        slices
            .map(|attempts| Settlement {
                attempts: attempts.to_vec(),
                connection: None,
            })
            .collect()
    }
}

/// The journal of claimed items.
pub(super) struct BatchJournal {
    shared: Arc<Shared>,
    items: Vec<ItemId>,
    began: u64,
    written: Written,
}

impl BatchJournal {
    pub(super) fn new(
        shared: Arc<Shared>,
        items: Vec<ItemId>,
        connection: Option<&ConnectionGeneration>,
    ) -> Self {
        Self {
            shared,
            items,
            began: now(),
            written: Written {
                place: connection.map_or_else(String::new, ConnectionGeneration::place),
                ..Written::default()
            },
        }
    }

    /// Writes down what became of the items, in their order; nothing of those that
    /// were not tried. What the connection knows goes along, if that has changed.
    pub(super) async fn settle(
        &self,
        outcomes: Vec<Option<Outcome>>,
        generations: &str,
        requests: &[RequestReport],
        channel: Option<Channel>,
    ) {
        let mut settlements = self
            .written
            .settlements(outcomes, generations, self.began, requests);
        let writing = channel.and_then(|channel| channel.to_keep());
        if let Some(first) = settlements.first_mut() {
            first.connection = writing.as_ref().map(super::limits::state);
        }
        let mut written = !settlements.is_empty();
        for settlement in settlements {
            written &= self.shared.settle(settlement).await;
        }
        if let Some(writing) = writing {
            writing.done(written);
        }
    }
}

impl Journal for BatchJournal {
    fn leaving<'a>(
        &'a self,
        carried: Carried,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<(), Problem>> {
        self.written
            .write(&self.shared, &self.items, carried, request)
            .boxed()
    }
}

/// The journal of a call whose caller waits. Nothing is written unless a
/// request leaves that must not be repeated.
pub struct CallJournal {
    outbox: Outbox,
    route: Route,
    inputs: Vec<String>,
    began: u64,
    kept: OnceCell<(DeliveryId, Vec<ItemId>)>,
    written: Written,
}

impl CallJournal {
    /// For the items of a call.
    pub fn new(outbox: Outbox, route: Route, inputs: Vec<String>) -> Self {
        let written = Written {
            place: route.connection.place(),
            ..Written::default()
        };
        Self {
            outbox,
            route,
            inputs,
            began: now(),
            kept: OnceCell::new(),
            written,
        }
    }

    async fn keep(&self) -> Result<(DeliveryId, Vec<ItemId>), Problem> {
        let item = |input: &String| NewItem {
            order: Order::None,
            label: String::new(),
            input: input.clone().into_bytes(),
        };
        let delivery = NewDelivery {
            lane: lane(&self.route),
            origin: Origin::Call,
            idempotency: None,
            items: self.inputs.iter().map(item).collect(),
        };
        let shared = &self.outbox.shared;
        let accepted = shared.with(move |store| store.accept(delivery, now()));
        let accepted = accepted.await?;
        let items = accepted.items().collect();
        match accepted {
            Accepted::New { id, .. } | Accepted::Known(id) | Accepted::Conflict(id) => {
                // The id under which it is found from now on.
                tracing::Span::current().record("kept", tracing::field::display(id));
                Ok((id, items))
            }
        }
    }

    /// Writes down what became of the items, if anything was written before. The
    /// report is then found under the store's id.
    pub async fn settle(&self, report: &mut Report) {
        let Some((id, items)) = self.kept.get() else {
            return;
        };
        report.delivery = id.to_string();
        let outcomes = items.iter().zip(&report.items);
        let outcomes = outcomes.map(|(item, report)| Some(of_call(*item, report)));
        let settlements = self.written.settlements(
            outcomes,
            &report.generations.adapter,
            self.began,
            &report.requests,
        );
        let shared = self.outbox.shared.clone();
        let lines = tracing::error_span!("delivery", delivery = %id);
        let settled = async move {
            for settlement in settlements {
                shared.settle(settlement).await;
            }
        };
        let settled = self.outbox.shared.batches.spawn(settled.instrument(lines));
        // The caller waits for its answer, and not for a disk that is full.
        let _ = tokio::time::timeout(PATIENCE, settled).await;
    }
}

impl Journal for CallJournal {
    fn leaving<'a>(
        &'a self,
        carried: Carried,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<(), Problem>> {
        async move {
            let (_, ids) = self.kept.get_or_try_init(|| self.keep()).await?;
            let shared = &self.outbox.shared;
            self.written.write(shared, ids, carried, request).await
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_written_down_once_and_waited_for_meanwhile() {
        let written = Written::default();
        assert_eq!(written.claim(&[0, 1]), Some(vec![0, 1]));
        assert_eq!(written.claim(&[2]), Some(vec![2]));
        assert_eq!(written.claim(&[1, 3]), None);
        let mut attempts = written.attempts();
        attempts.insert(1, Entry::On(AttemptId(7), Repeat::Never));
        drop(attempts);
        assert_eq!(written.claim(&[1, 3]), Some(vec![3]));
    }

    #[test]
    fn however_many_requests_there_were_the_store_takes_what_came_of_them() {
        let written = Written::default();
        let mut attempts = written.attempts();
        attempts.extend(
            (0..2_500).map(|item| (item, Entry::On(AttemptId(item as u64), Repeat::Never))),
        );
        drop(attempts);
        let outcome = |item| Outcome::new(ItemId(item), crossdock_store::Next::Again { due: 1 });
        let outcomes = (0..2_600).map(|item| Some(outcome(item)));
        let settlements = written.settlements(outcomes, "a", 1, &[]);
        let sizes: Vec<usize> = settlements.iter().map(|one| one.attempts.len()).collect();
        assert_eq!(sizes, [1_000, 1_000, 501]);
        let ends = settlements.iter().flat_map(|one| &one.attempts);
        let mut items: Vec<u64> = ends
            .flat_map(|end| &end.items)
            .map(|outcome| outcome.item.0)
            .collect();
        items.sort_unstable();
        assert_eq!(items, (0..2_600).collect::<Vec<u64>>());
    }
}
