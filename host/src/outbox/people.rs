//! What a person sees and does: deliveries and their items, retry, discard.

use std::str::FromStr;

use crossdock_store::{
    Cursor, DeliveryId, Filter, ItemId, ItemSummary, ItemView, Selected, Selection, State,
};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Outbox, now};
use crate::problem::{Blame, Problem};
use crate::report::{DeliveryStatus, ItemReport, ItemStatus};

/// Items of one page of a list.
const PAGE: usize = 100;

/// A delivery, as far as it has come.
#[derive(Debug, Serialize)]
pub struct DeliveryShown {
    /// Its id.
    pub delivery: String,
    /// Over all items; `queued` while one of them is open.
    pub status: DeliveryStatus,
    /// Its connection.
    pub connection: String,
    /// Its operation.
    pub operation: String,
    /// When it was accepted, Unix milliseconds.
    pub accepted_ms: u64,
    /// One per item, in the caller's order.
    pub items: Vec<ItemShown>,
}

/// An item, as far as it has come.
#[derive(Debug, Serialize)]
pub struct ItemShown {
    /// Its number, by which it is retried or discarded alone.
    pub id: u64,
    /// Its position in the delivery.
    pub index: u32,
    /// `queued`, `behind`, `sending`, `held`, `accepted`, `duplicate`,
    /// `skipped`, `superseded`, `rejected`, `failed`, `unknown` or `discarded`.
    pub status: &'static str,
    /// The platform's code, or the host's name of the failure.
    pub code: Option<String>,
    /// The platform's message, or one sentence of the host's.
    pub message: Option<String>,
    /// Who has to act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blame: Option<Blame>,
    /// Attempts so far.
    pub attempts: u32,
    /// What it is about: the values of its order key.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// When it leaves, if it waits; Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_ms: Option<u64>,
    /// When it ended, Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_ms: Option<u64>,
    /// The item that left in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<u64>,
    /// What a held item waits to be replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for_another: Option<String>,
    /// The operation's result document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Box<RawValue>>,
}

/// A part of a list.
#[derive(Debug, Serialize)]
pub struct ListShown {
    /// The items, newest first.
    pub items: Vec<ListedItem>,
    /// What to give as `before` for the next part; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// An item of a list, with its delivery.
#[derive(Debug, Serialize)]
pub struct ListedItem {
    /// Its delivery.
    pub delivery: String,
    /// Its connection.
    pub connection: String,
    /// Its operation.
    pub operation: String,
    /// When it was accepted, Unix milliseconds.
    pub accepted_ms: u64,
    /// What the delivery shows of it.
    #[serde(flatten)]
    pub item: ItemShown,
}

/// What was done to some items.
#[derive(Debug, Serialize)]
pub struct Done {
    /// Items that were changed.
    pub changed: u64,
    /// Items that were left as they are: on their way, or done.
    pub left: u64,
}

/// Which items of a tenant are meant.
#[derive(Debug, Default, Clone)]
pub struct Wanted {
    /// Of this connection.
    pub connection: Option<String>,
    /// Of this operation.
    pub operation: Option<String>,
    /// In one of these states, by their words; in any if there are none.
    pub states: Vec<String>,
    /// With this code.
    pub code: Option<String>,
    /// With this text in their label.
    pub label: Option<String>,
}

impl Outbox {
    /// A delivery of a tenant.
    ///
    /// # Errors
    /// If the tenant has no such delivery.
    pub async fn delivery(&self, tenant: &str, id: &str) -> Result<DeliveryShown, Problem> {
        let known = id_of(id)?;
        let found = self.shared.with(move |store| {
            let Some(view) = store.delivery(known)? else {
                return Ok(None);
            };
            let mut items = Vec::with_capacity(view.items.len());
            for summary in &view.items {
                // Only what has ended has a result.
                items.push(match summary.finished {
                    Some(_) => store.item(summary.item)?,
                    None => None,
                });
            }
            Ok(Some((view, items)))
        });
        let (view, results) = found
            .await?
            .filter(|(view, _)| view.lane.tenant == tenant)
            .ok_or_else(|| unknown(id))?;
        let items: Vec<ItemShown> = view
            .items
            .into_iter()
            .zip(results)
            .map(|(summary, result)| ItemShown::of(summary, result.as_ref()))
            .collect();
        Ok(DeliveryShown {
            delivery: view.id.to_string(),
            status: status(&items),
            connection: view.lane.connection,
            operation: view.lane.operation,
            accepted_ms: view.accepted,
            items,
        })
    }

    /// Items of a tenant, newest first, before one of a list before.
    ///
    /// # Errors
    /// If a state is none, or the outbox cannot be read.
    pub async fn list(
        &self,
        tenant: &str,
        wanted: &Wanted,
        before: Option<u64>,
    ) -> Result<ListShown, Problem> {
        let filter = filter(tenant, wanted)?;
        let found = self.shared.with(move |store| {
            let page = store.list(&filter, before.map(|id| Cursor(ItemId(id))), PAGE)?;
            let lanes = page.items.iter().map(|item| store.lane(item.lane));
            let lanes: Vec<_> = lanes.collect();
            Ok((page, lanes))
        });
        let (page, lanes) = found.await?;
        let items = page.items.into_iter().zip(lanes);
        let items = items.filter_map(|(summary, lane)| {
            let lane = lane?;
            Some(ListedItem {
                delivery: summary.delivery.to_string(),
                connection: lane.connection,
                operation: lane.operation,
                accepted_ms: summary.accepted,
                item: ItemShown::of(summary, None),
            })
        });
        Ok(ListShown {
            items: items.collect(),
            next: page.next.map(|cursor| cursor.0.0),
        })
    }

    /// Lets the dead items of a delivery go again, and those that wait go now.
    ///
    /// # Errors
    /// If the tenant has no such delivery.
    pub async fn retry(&self, tenant: &str, id: &str) -> Result<Done, Problem> {
        let selection = self.selection(tenant, id).await?;
        let done = self
            .shared
            .with(move |store| store.retry(selection, None, now()));
        let done = done.await?;
        self.wake();
        Ok(done.into())
    }

    /// Gives up the dead items of a delivery, and those that wait.
    ///
    /// # Errors
    /// If the tenant has no such delivery.
    pub async fn discard(&self, tenant: &str, id: &str, reason: &str) -> Result<Done, Problem> {
        let selection = self.selection(tenant, id).await?;
        let reason = reason.to_owned();
        let done = self
            .shared
            .with(move |store| store.discard(selection, &reason, now()));
        let done = done.await?;
        self.wake();
        Ok(done.into())
    }

    /// A delivery, if it is the tenant's.
    async fn selection(&self, tenant: &str, id: &str) -> Result<Selection, Problem> {
        let known = id_of(id)?;
        let found = self.shared.with(move |store| store.delivery(known));
        match found.await? {
            Some(view) if view.lane.tenant == tenant => Ok(Selection::Delivery(known)),
            _ => Err(unknown(id)),
        }
    }
}

impl ItemShown {
    fn of(summary: ItemSummary, view: Option<&ItemView>) -> Self {
        let report = view.and_then(|view| serde_json::from_slice::<ItemReport>(&view.result).ok());
        let waits = matches!(summary.state, State::Queued | State::Behind);
        Self {
            id: summary.item.0,
            index: summary.index,
            status: summary.state.as_str(),
            code: summary.code,
            message: summary.message,
            blame: summary.blame.map(blame),
            attempts: summary.attempts,
            label: summary.label,
            due_ms: waits.then_some(summary.due),
            finished_ms: summary.finished,
            superseded_by: summary.superseded_by.map(|item| item.0),
            waits_for_another: summary.held_for,
            data: report.and_then(|report| report.data),
        }
    }
}

impl From<Selected> for Done {
    fn from(selected: Selected) -> Self {
        Self {
            changed: selected.changed,
            left: selected.left,
        }
    }
}

/// The status over all items, as a synchronous call has it.
fn status(items: &[ItemShown]) -> DeliveryStatus {
    let of = |item: &ItemShown| match item.status {
        "accepted" => ItemStatus::Accepted,
        "duplicate" => ItemStatus::Duplicate,
        // Nothing is to be done about any of these.
        "skipped" | "superseded" | "discarded" => ItemStatus::Skipped,
        "rejected" => ItemStatus::Rejected,
        "failed" => ItemStatus::Failed,
        "unknown" => ItemStatus::Unknown,
        _ => ItemStatus::Queued,
    };
    let statuses: Vec<ItemStatus> = items.iter().map(of).collect();
    if statuses.contains(&ItemStatus::Queued) {
        return DeliveryStatus::Queued;
    }
    let reports = statuses
        .into_iter()
        .map(|status| ItemReport::new(0, status));
    DeliveryStatus::over(&reports.collect::<Vec<_>>())
}

fn filter(tenant: &str, wanted: &Wanted) -> Result<Filter, Problem> {
    let state = |word: &String| {
        let known = State::ALL.iter().find(|state| state.as_str() == word);
        known.copied().ok_or_else(|| {
            let words = State::ALL.map(State::as_str).join(", ");
            Problem::caller(
                "invalid-query",
                format!("`{word}` is no status of an item; these are: {words}"),
            )
        })
    };
    let states: Result<Vec<State>, Problem> = wanted.states.iter().map(state).collect();
    Ok(Filter {
        tenant: Some(tenant.to_owned()),
        connection: wanted.connection.clone(),
        operation: wanted.operation.clone(),
        states: states?,
        code: wanted.code.clone(),
        label: wanted.label.clone(),
        ..Filter::default()
    })
}

fn id_of(id: &str) -> Result<DeliveryId, Problem> {
    DeliveryId::from_str(id).map_err(|_| unknown(id))
}

fn unknown(id: &str) -> Problem {
    let shown: String = id.chars().take(40).collect();
    Problem::caller(
        "unknown-delivery",
        format!("there is no delivery `{shown}`, or it is no longer kept"),
    )
}

fn blame(blame: crossdock_store::Blame) -> Blame {
    match blame {
        crossdock_store::Blame::Caller => Blame::Caller,
        crossdock_store::Blame::Script => Blame::Script,
        crossdock_store::Blame::Adapter => Blame::Adapter,
        crossdock_store::Blame::Platform => Blame::Platform,
        crossdock_store::Blame::Host => Blame::Host,
    }
}
