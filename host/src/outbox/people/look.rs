//! A list, a delivery, one item with its history.

use crossdock_store::{Cursor, ItemId, ItemSummary, Lane, Store, StoreError};

use super::super::status::Status;
use super::super::{Outbox, Shared};
use super::shown::{
    AttemptShown, DeliveryShown, ExportedItem, Input, ItemShown, ItemWhole, ListShown, ListedItem,
};
use super::{MOST_PAGE, Wanted, Whose};
use crate::problem::Problem;

/// Bytes of results that one answer shows.
const RESULTS: usize = 16 << 20;

impl Outbox {
    /// A delivery.
    ///
    /// # Errors
    /// If they have no such delivery.
    pub async fn delivery(&self, whose: &Whose, id: &str) -> Result<DeliveryShown, Problem> {
        let view = self.shared.found(whose, id).await?;
        let summaries = view.items;
        let items = self.shared.with(move |store| {
            let mut room = RESULTS;
            let items = summaries.iter();
            items
                .map(|summary| with_result(store, summary, &mut room))
                .collect::<Result<Vec<ItemShown>, _>>()
                .map(|items| (items, summaries))
        });
        let (items, summaries) = items.await?;
        Ok(DeliveryShown {
            delivery: view.id.to_string(),
            status: Status::over(summaries.iter().map(|summary| summary.state)),
            tenant: whose.told(&view.lane.tenant),
            connection_state: self.shared.holds_back(&view.lane),
            connection: view.lane.connection,
            operation: view.lane.operation,
            accepted_ms: view.accepted,
            items,
        })
    }

    /// One item with everything that is known of it.
    ///
    /// # Errors
    /// If they have no such item.
    pub async fn item(&self, whose: &Whose, id: &str, index: u32) -> Result<ItemWhole, Problem> {
        let (delivery, summary) = self.shared.found_item(whose, id, index).await?;
        let item = summary.item;
        let view = self.shared.with(move |store| store.item(item)).await?;
        let Some(view) = view else {
            return Err(super::unknown(id));
        };
        let history = view.attempts.into_iter();
        Ok(ItemWhole {
            connection_state: self.shared.holds_back(&view.lane),
            item: ExportedItem {
                item: ListedItem {
                    delivery: delivery.id.to_string(),
                    tenant: whose.told(&view.lane.tenant),
                    connection: view.lane.connection,
                    operation: view.lane.operation,
                    accepted_ms: delivery.accepted,
                    item: ItemShown::of(&view.summary).with_result(&view.result, view.unreadable),
                },
                input: Input::of(view.input),
            },
            history: history
                .map(|attempt| AttemptShown::of(attempt, item))
                .collect(),
            edits: view.edits.into_iter().map(Into::into).collect(),
        })
    }

    /// Items that match, newest first, before one of a list before.
    ///
    /// # Errors
    /// If a word is none, or the outbox cannot be read.
    pub async fn list(
        &self,
        whose: &Whose,
        wanted: &Wanted,
        before: Option<u64>,
        limit: usize,
    ) -> Result<ListShown, Problem> {
        let filter = wanted.filter(whose)?;
        let limit = limit.clamp(1, MOST_PAGE);
        let page = self
            .shared
            .with(move |store| store.list(&filter, cursor(before), limit))
            .await?;
        let items = page.items.iter();
        Ok(ListShown {
            items: items
                .filter_map(|summary| listed(&*self.shared.store, whose, summary))
                .collect(),
            next: page.next.map(|cursor| cursor.0.0),
        })
    }
}

impl Shared {
    /// Why nothing of a lane's connection leaves now, if so.
    fn holds_back(&self, lane: &Lane) -> Option<&'static str> {
        let serving = (self.serving)();
        let tenant = serving.tenants.get(&*lane.tenant)?;
        let connection = tenant.connections.get(&*lane.connection)?;
        let state = connection.channel.shown().state;
        (!matches!(state, "open" | "slowed")).then_some(state)
    }
}

/// Where a list goes on.
pub(super) fn cursor(before: Option<u64>) -> Option<Cursor> {
    before.map(|id| Cursor(ItemId(id)))
}

/// An item with its delivery, without its result.
pub(super) fn listed(
    store: &dyn Store,
    whose: &Whose,
    summary: &ItemSummary,
) -> Option<ListedItem> {
    let lane = store.lane(summary.lane)?;
    Some(ListedItem {
        delivery: summary.delivery.to_string(),
        tenant: whose.told(&lane.tenant),
        connection: lane.connection,
        operation: lane.operation,
        accepted_ms: summary.accepted,
        item: ItemShown::of(summary),
    })
}

/// An item with its result, as long as there is room for results.
fn with_result(
    store: &dyn Store,
    summary: &ItemSummary,
    room: &mut usize,
) -> Result<ItemShown, StoreError> {
    let mut shown = ItemShown::of(summary);
    // Only what has ended has a result.
    if summary.finished.is_none() {
        return Ok(shown);
    }
    if *room == 0 {
        shown.shortened = true;
        return Ok(shown);
    }
    let Some(bytes) = store.bytes(summary.item)? else {
        return Ok(shown);
    };
    match room.checked_sub(bytes.result.len()) {
        Some(left) => {
            *room = left;
            Ok(shown.with_result(&bytes.result, bytes.unreadable))
        }
        None => {
            *room = 0;
            shown.shortened = true;
            Ok(shown)
        }
    }
}
