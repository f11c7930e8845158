//! Filters, pages, and what people are shown.

use super::{AttemptId, Blame, DeliveryId, ItemId, Lane, LaneId, Order, Origin, Repeat, State};

/// Which items. What is not given excludes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this tenant.
    pub tenant: Option<String>,
    /// Of this connection.
    pub connection: Option<String>,
    /// Of this operation.
    pub operation: Option<String>,
    /// In one of these states; in any if there are none.
    pub states: Vec<State>,
    /// With this code.
    pub code: Option<String>,
    /// With this blame.
    pub blame: Option<Blame>,
    /// Accepted at this time or later, as the store's ids count time.
    pub from: Option<u64>,
    /// Accepted before this time, as the store's ids count time.
    pub until: Option<u64>,
    /// With this text in the label. Letters of ASCII count in either case.
    pub label: Option<String>,
}

/// Where a list goes on: before this item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(pub ItemId);

/// A part of a list, newest items first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The items. There may be none although the list goes on.
    pub items: Vec<ItemSummary>,
    /// Where it goes on; none at its end.
    pub next: Option<Cursor>,
}

/// Where an item is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its number.
    pub item: ItemId,
    /// Its delivery.
    pub delivery: DeliveryId,
    /// Its place in that delivery, from 0.
    pub index: u32,
}

/// An item without its input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemSummary {
    /// Its number.
    pub item: ItemId,
    /// Its delivery.
    pub delivery: DeliveryId,
    /// Its place in that delivery, from 0.
    pub index: u32,
    /// Its lane.
    pub lane: LaneId,
    /// Where it is.
    pub state: State,
    /// Whether it is unknown and what is behind it waits.
    pub holds_key: bool,
    /// When it may leave.
    pub due: u64,
    /// When it was accepted.
    pub accepted: u64,
    /// When it ended.
    pub finished: Option<u64>,
    /// Attempts so far.
    pub attempts: u32,
    /// Whose fault it is.
    pub blame: Option<Blame>,
    /// The platform's code or the host's.
    pub code: Option<String>,
    /// For people.
    pub message: Option<String>,
    /// The text by which people find it.
    pub label: String,
    /// What it must not overtake.
    pub order: Order,
    /// What a held item failed with.
    pub held_for: Option<String>,
    /// The item that went in its place.
    pub superseded_by: Option<ItemId>,
    /// Where that one is found, as long as it is kept.
    pub successor: Option<Place>,
    /// Whether an attempt so far may have been applied, whatever its state is now.
    pub doubt: bool,
}

/// A delivery with its items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryView {
    /// Its id.
    pub id: DeliveryId,
    /// Its lane.
    pub lane: Lane,
    /// Who delivers it.
    pub origin: Origin,
    /// When it was accepted.
    pub accepted: u64,
    /// Its items, in the order in which they were given.
    pub items: Vec<ItemSummary>,
}

/// An item with everything that is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemView {
    /// What the list shows.
    pub summary: ItemSummary,
    /// Names of its lane.
    pub lane: Lane,
    /// What was given, or what a person made of it.
    pub input: Vec<u8>,
    /// What the caller is told about it. May be empty.
    pub result: Vec<u8>,
    /// Its attempts, newest first, at most
    /// [`ATTEMPTS_SHOWN`](super::limits::ATTEMPTS_SHOWN).
    pub attempts: Vec<AttemptView>,
    /// Its edits, oldest first.
    pub edits: Vec<EditView>,
    /// Why some of its bytes cannot be read now, and are left out. A store that
    /// keeps bytes as they are has no reason.
    pub unreadable: Option<String>,
}

/// What was given as an item and what its caller is told about it, without the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemBytes {
    /// What was given, or what a person made of it.
    pub input: Vec<u8>,
    /// What the caller is told about it. May be empty.
    pub result: Vec<u8>,
    /// Why one of them cannot be read now, and is empty. A store that keeps
    /// bytes as they are never says so.
    pub unreadable: Option<String>,
}

/// One request that an item was in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptView {
    /// Its number.
    pub attempt: AttemptId,
    /// What could have been done if nothing had been known of its end.
    pub repeat: Repeat,
    /// When it began.
    pub began: u64,
    /// When it ended; none while it is under way.
    pub ended: Option<u64>,
    /// Whether it left. It certainly did not if this is false.
    pub left: bool,
    /// How many items it carried.
    pub items: usize,
    /// With what it was made.
    pub generations: String,
    /// The answer's HTTP status.
    pub status: Option<u16>,
    /// Whose fault it was.
    pub blame: Option<Blame>,
    /// The code of its failure.
    pub code: Option<String>,
    /// For people.
    pub message: Option<String>,
    /// The request's summary.
    pub request: Vec<u8>,
    /// A part of the answer.
    pub answer: Vec<u8>,
}

/// What was delivered after totals about the same things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overwrites {
    /// The totals that would overwrite something, by number, each with the newest
    /// that it would.
    pub newer: Vec<Overwritten>,
    /// Whether everything was looked at that is newer. Otherwise only the newest
    /// [`LOOKED_BACK`](super::limits::LOOKED_BACK) items of the store were.
    pub whole: bool,
}

/// A total that would overwrite what was delivered after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overwritten {
    /// The total.
    pub item: ItemId,
    /// What was delivered.
    pub newer: Place,
    /// When that was accepted.
    pub accepted: u64,
}

/// What a person changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditView {
    /// When.
    pub at: u64,
    /// Who.
    pub who: String,
    /// Why.
    pub reason: String,
    /// What the input was before; none where all edits together are longer than
    /// [`EDITS_SHOWN`](super::limits::EDITS_SHOWN) bytes, of which the newest are shown.
    pub input_before: Option<Vec<u8>>,
}

/// What a person makes of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The new input.
    pub input: Vec<u8>,
    /// What it must not overtake now.
    pub order: Order,
    /// The text by which people find it now.
    pub label: String,
    /// Who changes it.
    pub who: String,
    /// Why.
    pub reason: String,
}

/// What a person means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// One item.
    Item(ItemId),
    /// Every item of a delivery.
    Delivery(DeliveryId),
    /// These items.
    Items(Vec<ItemId>),
    /// Everything that a filter matches.
    Matching(Filter),
}

/// What was done to a selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Selected {
    /// Items that were changed.
    pub changed: u64,
    /// Those of them that did not go again, since a newer total took their place.
    pub superseded: u64,
    /// Items that were left as they are: on their way, done already, or gone.
    pub left: u64,
}
