//! Retry and discard: of one item, of a delivery, or of whatever matches.

use std::time::{Duration, Instant};

use crossdock_store::{Cursor, Filter, ItemSummary, Selected, Selection, State, Store, StoreError};
use serde::Serialize;

use super::super::{Outbox, Shared, now};
use super::look::cursor;
use super::{What, Whose};
use crate::problem::Problem;

/// Items of one commit.
const SLICE: usize = 1_000;

/// Items that one request changes, or looks at to do so.
const MOST: u64 = 10_000;

/// How long one request goes on with further slices.
const TIME: Duration = Duration::from_secs(5);

/// Items that are counted of what is left, and for how long.
const COUNTED: usize = 100_000;
const COUNTING: Duration = Duration::from_secs(2);

/// What somebody does with items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Lets them go again.
    Retry,
    /// Gives them up.
    Discard,
}

impl Act {
    /// States in which it can be done.
    pub fn possible(self) -> &'static [State] {
        use State::{Behind, Failed, Held, Queued, Rejected, Unknown};
        match self {
            Self::Retry => &[Queued, Held, Rejected, Failed, Unknown],
            Self::Discard => &[Queued, Behind, Held, Rejected, Failed, Unknown],
        }
    }

    pub fn verb(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Discard => "discard",
        }
    }

    pub fn done(self) -> &'static str {
        match self {
            Self::Retry => "retried",
            Self::Discard => "discarded",
        }
    }

    /// Why it was not done with an item.
    pub fn refused(self, item: &ItemSummary) -> Problem {
        let (state, done) = (item.state, self.done());
        let why = match state {
            State::Sending => "it is on its way; look at it again when that has ended",
            State::Queued => "it is on its way, or was changed just now; look at it again",
            State::Behind => {
                "an earlier record about the same thing is open; it goes by itself after that one"
            }
            _ => "nothing is left to do with it",
        };
        Problem::caller(
            "not-open",
            format!(
                "item {} of delivery {} is `{state}` and cannot be {done}: {why}",
                item.index, item.delivery
            ),
        )
    }
}

/// What was done to some items.
#[derive(Debug, Default, Serialize)]
pub struct Done {
    /// Items that were changed.
    pub changed: u64,
    /// Those of them that do not go again, since a newer total about the same
    /// thing is open and has taken their place.
    #[serde(skip_serializing_if = "is_zero")]
    pub superseded: u64,
    /// Items that were left as they are: on their way, or done.
    pub left: u64,
    /// What to give as `before` to go on with what matches; absent when all of it
    /// was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
    /// Items that match and were not looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining: Option<u64>,
    /// Whether there are more of these than were counted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub remaining_at_least: bool,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What would be done to some items.
#[derive(Debug, Serialize)]
pub struct Would {
    /// Always true, so that nobody takes it for what was done.
    pub dry_run: bool,
    /// How many items would be changed and left.
    #[serde(flatten)]
    pub done: Done,
}

impl Outbox {
    /// Lets items go again that wait for a person or for another script, and those
    /// that wait for their time go now.
    ///
    /// # Errors
    /// If they have no such items, or nothing can be done with the one that is
    /// named.
    pub async fn retry(&self, whose: &Whose, what: &What) -> Result<Done, Problem> {
        let retry = |store: &dyn Store, selection| store.retry(selection, None, now());
        self.each(whose, what, Act::Retry, retry).await
    }

    /// Gives up items that wait for a person, or for anything else.
    ///
    /// # Errors
    /// As for [`retry`](Self::retry).
    pub async fn discard(&self, whose: &Whose, what: &What, reason: &str) -> Result<Done, Problem> {
        let reason = reason.to_owned();
        let discard = move |store: &dyn Store, selection| store.discard(selection, &reason, now());
        self.each(whose, what, Act::Discard, discard).await
    }

    /// What [`discard`](Self::discard) would do, without doing it.
    ///
    /// # Errors
    /// As for the discard itself.
    pub async fn would_discard(&self, whose: &Whose, what: &What) -> Result<Would, Problem> {
        let looked = self.shared.looked_at(whose, what, Act::Discard, 0);
        let (_, done) = looked.await?;
        Ok(Would {
            dry_run: true,
            done,
        })
    }

    async fn each<W>(&self, whose: &Whose, what: &What, act: Act, work: W) -> Result<Done, Problem>
    where
        W: Fn(&dyn Store, Selection) -> Result<Selected, StoreError> + Send + 'static,
    {
        let shared = &self.shared;
        let done = match what {
            What::Delivery(id) => {
                let selection = Selection::Delivery(shared.found(whose, id).await?.id);
                let selected = shared.with(move |store| work(store, selection)).await?;
                Done::from(selected)
            }
            What::Item(id, index) => {
                let (_, item) = shared.found_item(whose, id, *index).await?;
                let number = item.item;
                let selection = Selection::Item(number);
                let selected = shared.with(move |store| work(store, selection)).await?;
                if selected.changed == 0 {
                    // As it is now: it may have gone on meanwhile.
                    let view = shared.with(move |store| store.item(number)).await?;
                    return Err(act.refused(&view.map_or(item, |view| view.summary)));
                }
                Done::from(selected)
            }
            What::Matching(wanted, before) => {
                let filter = wanted.filter_to(whose, act)?;
                let before = cursor(*before);
                shared
                    .with(move |store| matching(store, &filter, before, &work))
                    .await?
            }
        };
        self.wake();
        Ok(done)
    }
}

/// Does something with whatever matches.
fn matching(
    store: &dyn Store,
    filter: &Filter,
    before: Option<Cursor>,
    work: &impl Fn(&dyn Store, Selection) -> Result<Selected, StoreError>,
) -> Result<Done, StoreError> {
    walk(store, filter, before, |items| {
        let items = items.iter().map(|item| item.item).collect();
        work(store, Selection::Items(items))
    })
}

/// Goes through whatever matches, slice by slice, as far as one request may go,
/// and counts what is left.
fn walk(
    store: &dyn Store,
    filter: &Filter,
    before: Option<Cursor>,
    mut each: impl FnMut(Vec<ItemSummary>) -> Result<Selected, StoreError>,
) -> Result<Done, StoreError> {
    let (mut done, mut before) = (Done::default(), before);
    let began = Instant::now();
    loop {
        let page = store.list(filter, before, SLICE)?;
        if !page.items.is_empty() {
            let selected = each(page.items)?;
            done.changed += selected.changed;
            done.superseded += selected.superseded;
            done.left += selected.left;
        }
        before = page.next;
        let enough = done.changed + done.left >= MOST || began.elapsed() >= TIME;
        if before.is_none() || enough {
            break;
        }
    }
    if let Some(cursor) = before {
        done.next = Some(cursor.0.0);
        let (remaining, more) = count(store, filter, cursor)?;
        (done.remaining, done.remaining_at_least) = (Some(remaining), more);
    }
    Ok(done)
}

/// How many items match before one, and whether there are more.
fn count(store: &dyn Store, filter: &Filter, before: Cursor) -> Result<(u64, bool), StoreError> {
    let (mut count, mut before) = (0, before);
    let began = Instant::now();
    loop {
        let page = store.list(filter, Some(before), SLICE)?;
        count += page.items.len();
        let Some(next) = page.next else {
            return Ok((count as u64, false));
        };
        if count >= COUNTED || began.elapsed() >= COUNTING {
            return Ok((count as u64, true));
        }
        before = next;
    }
}

impl Shared {
    /// The first items of what somebody would do something with, and how many
    /// would be changed and left.
    pub(super) async fn looked_at(
        &self,
        whose: &Whose,
        what: &What,
        act: Act,
        most: usize,
    ) -> Result<(Vec<ItemSummary>, Done), Problem> {
        match what {
            What::Delivery(id) => {
                let view = self.found(whose, id).await?;
                let mut kept = Vec::new();
                let selected = take(&mut kept, view.items, act, most);
                Ok((kept, Done::from(selected)))
            }
            What::Item(id, index) => {
                let (_, item) = self.found_item(whose, id, *index).await?;
                if !act.possible().contains(&item.state) {
                    return Err(act.refused(&item));
                }
                let done = Done {
                    changed: 1,
                    ..Done::default()
                };
                Ok((vec![item], done))
            }
            What::Matching(wanted, before) => {
                let filter = wanted.filter_to(whose, act)?;
                let before = cursor(*before);
                let looked = self.with(move |store| {
                    let mut kept = Vec::new();
                    let done = walk(store, &filter, before, |items| {
                        Ok(take(&mut kept, items, act, most))
                    })?;
                    Ok((kept, done))
                });
                looked.await
            }
        }
    }
}

/// Keeps the first items with which something would be done, and counts all.
fn take(kept: &mut Vec<ItemSummary>, items: Vec<ItemSummary>, act: Act, most: usize) -> Selected {
    let mut selected = Selected::default();
    for item in items {
        if !act.possible().contains(&item.state) {
            selected.left += 1;
            continue;
        }
        selected.changed += 1;
        if kept.len() < most {
            kept.push(item);
        }
    }
    selected
}

impl From<Selected> for Done {
    fn from(selected: Selected) -> Self {
        Self {
            changed: selected.changed,
            superseded: selected.superseded,
            left: selected.left,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossdock_store::{Lane, NewDelivery, NewItem, Order, Origin, SqliteStore};

    #[test]
    fn one_request_has_a_bound_and_says_where_to_go_on_and_how_much_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path()).unwrap();
        for count in [MOST as usize, 500] {
            let item = NewItem {
                order: Order::None,
                label: String::new(),
                input: b"{}".to_vec(),
            };
            let delivery = NewDelivery {
                lane: Lane::new("acme", "shop", "stock.update"),
                origin: Origin::Queued,
                idempotency: None,
                items: vec![item; count],
            };
            store.accept(delivery, 1_700_000_000_000).unwrap();
        }
        let filter = Filter {
            states: vec![State::Queued],
            ..Filter::default()
        };
        let discard =
            |store: &dyn Store, selection| store.discard(selection, "old", 1_700_000_000_001);
        let mut done = Done::default();
        let (mut changed, mut requests) = (0, 0);
        loop {
            let before = cursor(done.next);
            done = matching(&store, &filter, before, &discard).unwrap();
            assert!(done.changed <= MOST && done.left == 0, "{done:?}");
            changed += done.changed;
            requests += 1;
            let left = MOST + 500 - changed;
            assert_eq!(done.remaining.unwrap_or(0), left, "{done:?}");
            if done.next.is_none() {
                break;
            }
        }
        assert_eq!(changed, MOST + 500);
        assert!(requests > 1);
    }

    #[test]
    fn what_cannot_be_done_with_an_item_is_said_with_its_reason() {
        for state in State::ALL {
            let open = matches!(state, State::Queued | State::Held | State::Behind);
            let dead = matches!(state, State::Rejected | State::Failed | State::Unknown);
            let discarded = Act::Discard.possible().contains(&state);
            assert_eq!(discarded, open || dead, "{state}");
            let retried = Act::Retry.possible().contains(&state);
            assert_eq!(retried, discarded && state != State::Behind, "{state}");
        }
    }
}
