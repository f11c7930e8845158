//! The write-ahead rule: before a request leaves that must not be repeated, the
//! store knows which items it carries. After a crash, nobody sends them again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossdock_store::{
    Accepted, AttemptEnd, AttemptId, DeliveryId, Intent, ItemId, NewDelivery, NewItem, Order,
    Origin, Outcome, Repeat, Settlement,
};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{Notify, OnceCell};

use super::accept::lane;
use super::outcome::of_call;
use super::{Outbox, Shared, now};
use crate::delivery::journal::Journal;
use crate::plugin::contract::Request;
use crate::problem::Problem;
use crate::report::Report;
use crate::serving::route::Route;

/// How long a caller's answer waits for what became of its items to be on disk.
const PATIENCE: Duration = Duration::from_secs(1);

/// Which items have left in requests that must not be repeated, and under which
/// number.
#[derive(Default)]
struct Written {
    attempts: Mutex<HashMap<usize, Entry>>,
    /// An entry is no longer being written.
    news: Notify,
}

/// What is known of an item that leaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Entry {
    /// Another request of the same delivery is writing it down.
    Writing,
    /// It is on disk.
    On(AttemptId),
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
        items: Vec<usize>,
        request: &Request,
    ) -> Result<(), Problem> {
        let mut items = items;
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
        let intent = Intent {
            items: named.collect(),
            repeat: Repeat::Never,
            began,
            request: format!("{} {}", request.draft.method, request.draft.path).into_bytes(),
        };
        let written = shared.with(move |store| store.intend(vec![intent], began));
        let written = written.await;
        let attempt = written.as_ref().ok().and_then(|all| all.first().copied());
        let mut attempts = self.attempts();
        for item in fresh {
            match attempt {
                Some(attempt) => attempts.insert(item, Entry::On(attempt)),
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

    /// What became of everything: one end for each attempt, and one for what
    /// left in requests that may be repeated, or not at all.
    fn settlement(&self, outcomes: Vec<Outcome>, generations: &str, began: u64) -> Settlement {
        let attempts = self.attempts();
        let mut ends: HashMap<Option<AttemptId>, Vec<Outcome>> = HashMap::new();
        for (item, outcome) in outcomes.into_iter().enumerate() {
            let attempt = match attempts.get(&item) {
                Some(Entry::On(attempt)) => Some(*attempt),
                Some(Entry::Writing) | None => None,
            };
            ends.entry(attempt).or_default().push(outcome);
        }
        let ended = now();
        let ends = ends.into_iter().map(|(attempt, items)| {
            let repeat = match attempt {
                Some(_) => Repeat::Never,
                None => Repeat::Safe,
            };
            AttemptEnd {
                generations: generations.to_owned(),
                ..AttemptEnd::new(attempt, repeat, began, ended, items)
            }
        });
        Settlement {
            attempts: ends.collect(),
            connection: None,
        }
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
    pub(super) fn new(shared: Arc<Shared>, items: Vec<ItemId>) -> Self {
        Self {
            shared,
            items,
            began: now(),
            written: Written::default(),
        }
    }

    /// Writes down what became of every item, in their order.
    pub(super) async fn settle(&self, outcomes: Vec<Outcome>, generations: &str) {
        let settlement = self.written.settlement(outcomes, generations, self.began);
        self.shared.settle(settlement).await;
    }
}

impl Journal for BatchJournal {
    fn leaving<'a>(
        &'a self,
        items: Vec<usize>,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<(), Problem>> {
        self.written
            .write(&self.shared, &self.items, items, request)
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
        Self {
            outbox,
            route,
            inputs,
            began: now(),
            kept: OnceCell::new(),
            written: Written::default(),
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
        let outcomes = outcomes.map(|(item, report)| of_call(*item, report));
        let settlement =
            self.written
                .settlement(outcomes.collect(), &report.generations.adapter, self.began);
        let shared = self.outbox.shared.clone();
        let settled = self.outbox.shared.batches.spawn(async move {
            shared.settle(settlement).await;
        });
        // The caller waits for its answer, and not for a disk that is full.
        let _ = tokio::time::timeout(PATIENCE, settled).await;
    }
}

impl Journal for CallJournal {
    fn leaving<'a>(
        &'a self,
        items: Vec<usize>,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<(), Problem>> {
        async move {
            let (_, ids) = self.kept.get_or_try_init(|| self.keep()).await?;
            let shared = &self.outbox.shared;
            self.written.write(shared, ids, items, request).await
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
        attempts.insert(1, Entry::On(AttemptId(7)));
        drop(attempts);
        assert_eq!(written.claim(&[1, 3]), Some(vec![3]));
    }
}
