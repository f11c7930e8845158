//! Retention, depths, the sequence of changes, health.

use super::{Blame, ConnectionName, DeliveryId, ItemId, LaneId, Place, State};

/// A lane with something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueLane {
    /// The lane.
    pub lane: LaneId,
    /// When its first item was or is due. It may be claimed already.
    pub due: u64,
}

/// What of a lane may leave that nobody has claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waiting {
    /// When its first item was or is due; nothing if there is none.
    pub first: Option<u64>,
    /// How many are due already, counted up to what was asked for.
    pub due: usize,
}

/// How much waits in a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Depth {
    /// The lane.
    pub lane: LaneId,
    /// Items by state: open and dead ones. How many are done is not counted.
    pub items: Vec<(State, u64)>,
    /// When the first queued item was or is due.
    pub oldest_due: Option<u64>,
}

/// What of a lane ended without its platform having a say, since the store was
/// opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetAside {
    /// The lane.
    pub lane: LaneId,
    /// Totals in whose place a newer one went.
    pub superseded: u64,
    /// Items that a person gave up.
    pub discarded: u64,
}

/// Where held items are released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// In one lane.
    Lane(LaneId),
    /// In all lanes of a connection.
    Connection(ConnectionName),
}

/// An item that ended or is held, in the order in which it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its place in the sequence. There may be gaps.
    pub seq: u64,
    /// The item.
    pub item: ItemId,
    /// Its delivery.
    pub delivery: DeliveryId,
    /// Its place in that delivery, from 0.
    pub index: u32,
    /// Its lane.
    pub lane: LaneId,
    /// How it ended; or that it is held.
    pub state: State,
    /// When.
    pub at: u64,
    /// When it was accepted.
    pub accepted: u64,
    /// The text by which people find it.
    pub label: String,
    /// What its end says, as long as that is its present state: one that was
    /// retried since goes on.
    pub end: Option<EndView>,
}

/// What the present end of an item says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndView {
    /// Attempts so far.
    pub attempts: u32,
    /// Whose fault it is.
    pub blame: Option<Blame>,
    /// The platform's code or the host's.
    pub code: Option<String>,
    /// For people.
    pub message: Option<String>,
    /// The item that went in its place.
    pub superseded_by: Option<ItemId>,
    /// Where that one is found, as long as it is kept.
    pub successor: Option<Place>,
    /// Whether an attempt so far may have been applied, whatever its state is now.
    pub doubt: bool,
}

/// A part of the sequence of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The changes, oldest first.
    pub changes: Vec<Change>,
    /// What to ask after next.
    pub next: u64,
    /// The newest place in the sequence: there is nothing after it now.
    pub newest: u64,
    /// Whether some that come after what was asked for are gone; whose they were
    /// is not known any more.
    pub missed: bool,
}

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Deliveries of which the last item was done at this time or before are
    /// removed. One with a dead or an open item never is.
    pub done_until: u64,
    /// Changes of this time or before are removed.
    pub changes_until: u64,
    /// Bytes of the database in use, above which the oldest deliveries that are
    /// done are removed whatever their age.
    pub most_bytes: u64,
}

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retained {
    /// Deliveries.
    pub deliveries: u64,
    /// Their items.
    pub items: u64,
    /// Whether there is more to look at: call again.
    pub more: bool,
}

/// Whether a store takes anything new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It does.
    Good,
    /// The disk is full; it tries again by itself.
    Full,
    /// The disk fails; it tries again by itself.
    Failing,
    /// The file is damaged; a person has to act.
    Damaged,
}
