//! What every store does.

use std::path::Path;

use crate::error::Result;
use crate::model::{
    Accepted, AttemptId, Blame, Changes, Claimed, ConnectionState, Cursor, DeliveryId,
    DeliveryView, Depth, DueLane, Edit, Filter, Health, Held, Intent, ItemBytes, ItemId, ItemView,
    Lane, LaneId, NewDelivery, Overwrites, Page, Place, Recovery, Retained, Retention, Selected,
    Selection, SetAside, Settled, Settlement, Waiting,
};

/// The outbox, durable. Every method blocks, and may be called from any thread.
///
/// What is written is on disk when a method returns. `now` is the caller's
/// clock in milliseconds since 1970; the store reads none. Should it jump back,
/// nothing that was accepted waits for it, and no pause becomes shorter.
///
/// Order is kept within a lane. Of the items with one key, one may leave at a
/// time; of a lane with barriers, what is between two of them. Whoever ends an
/// item makes the next one claimable in the same commit, so that a claim has
/// nothing to check.
pub trait Store: Send + Sync {
    /// Takes a delivery.
    ///
    /// A newer total takes the place of the newest item of its key if that is a
    /// total too, is open and is not under way: that one ends as `superseded`,
    /// the new one leaves when it would have left. One that was held gives its
    /// place only, since the new one may be without its fault. Of one that is under
    /// way the place is taken when it would wait again: see [`settle`](Self::settle).
    fn accept(&self, delivery: NewDelivery, now: u64) -> Result<Accepted>;

    /// Lanes with something due, by number, after a given one.
    fn due_lanes(&self, now: u64, after: Option<LaneId>, limit: usize) -> Result<Vec<DueLane>>;

    /// The next items of a lane that are due, earliest first. They are the
    /// caller's from now on, in memory only: they are not claimed again, folded
    /// away, edited or discarded until they are settled or given back, or the
    /// store is opened again. At most [`CLAIM`](crate::limits::CLAIM) bytes of
    /// input are returned, but one item at least.
    fn claim(&self, lane: LaneId, now: u64, limit: usize) -> Result<Vec<Claimed>>;

    /// What of a lane may leave that nobody has claimed, now or later. Items that
    /// are due are counted up to `most`.
    fn waiting(&self, lane: LaneId, now: u64, most: usize) -> Result<Waiting>;

    /// Gives claimed items back untried. A total ends as `superseded` if a newer one
    /// of its key has come right behind it meanwhile, which leaves in its place.
    /// Whatever the disk does, nobody has them any more when this returns.
    fn unclaim(&self, lane: LaneId, items: &[ItemId], now: u64);

    /// Writes down that requests are about to leave. None leaves before this
    /// has returned. Their items are `sending` from now on. All intents are
    /// written, or none.
    fn intend(&self, intents: Vec<Intent>, now: u64) -> Result<Vec<AttemptId>>;

    /// Writes down what came of requests, all or nothing.
    ///
    /// A total that goes again or is held ends as `superseded` if a newer one of its
    /// key is right behind it. That one leaves in its place: not before the pause
    /// is over, but at once where the old one is held.
    fn settle(&self, settlement: Settlement, now: u64) -> Result<Settled>;

    /// Closes intents of which the request certainly did not leave. Their items
    /// are queued again as they were and no longer claimed, or superseded as with
    /// [`settle`](Self::settle); those of a caller who
    /// waits stay with the caller.
    fn not_sent(&self, attempts: Vec<AttemptId>, now: u64) -> Result<()>;

    /// What was under way when the store was closed, at whatever moment.
    fn recover(&self) -> Result<Recovery>;

    /// Writes a connection's state without a settlement.
    fn set_connection_state(&self, connection: ConnectionState, now: u64) -> Result<()>;

    /// Every connection's state.
    fn connection_states(&self) -> Result<Vec<ConnectionState>>;

    /// A lane's names.
    fn lane(&self, lane: LaneId) -> Option<Lane>;

    /// How much waits in each lane that has something open or dead.
    fn depths(&self) -> Result<Vec<Depth>>;

    /// What was superseded or discarded in each lane since the store was opened, by
    /// lane. It only rises.
    fn set_aside(&self) -> Vec<SetAside>;

    /// When the oldest open item of each lane was accepted, for whoever watches.
    /// Costs what is open.
    fn oldest(&self) -> Result<Vec<(LaneId, u64)>>;
    /// About how many bytes a tenant's open and dead items take that are not
    /// under way: what they were given as, what they are told, and their rows.
    /// Costs a look at each of them.
    fn kept_bytes(&self, tenant: &str) -> Result<u64>;

    /// Items that a filter matches, newest first. One call looks at a bounded
    /// number of items, so that a page may be short and go on nevertheless.
    fn list(&self, filter: &Filter, cursor: Option<Cursor>, limit: usize) -> Result<Page>;

    /// A delivery with its items.
    fn delivery(&self, id: DeliveryId) -> Result<Option<DeliveryView>>;

    /// An item with everything that is known of it.
    fn item(&self, id: ItemId) -> Result<Option<ItemView>>;

    /// An item's input and result alone.
    fn bytes(&self, id: ItemId) -> Result<Option<ItemBytes>>;

    /// The newer total of its key in favour of which an item would end as
    /// `superseded` if it was retried now; none if it would go again.
    fn overtaken(&self, id: ItemId) -> Result<Option<Place>>;

    /// What was delivered meanwhile that totals would overwrite if they were
    /// retried now: newer totals of their keys, and changes. Looks at the newest
    /// [`LOOKED_BACK`](crate::limits::LOOKED_BACK) items, for at most
    /// [`PAGE`](crate::limits::PAGE) totals. What callers delivered who waited has no
    /// key, and is not found.
    fn overwrites(&self, items: &[ItemId]) -> Result<Overwrites>;

    /// Lets dead items go again, and those that wait for a time or are held go
    /// now. Each takes its turn after whatever of its key may be under way. A
    /// total ends as `superseded` if a newer one of its key is open, whether or not
    /// a change came after that; one that was delivered meanwhile it overwrites:
    /// the store does not look back.
    ///
    /// An edit needs a selection of one item, and what it was before is kept.
    fn retry(&self, selection: Selection, edit: Option<Edit>, now: u64) -> Result<Selected>;

    /// Gives up dead items and those that wait. What is under way is left.
    fn discard(&self, selection: Selection, reason: &str, now: u64) -> Result<Selected>;

    /// Lets items go that are held by `blame` for any generation but this one.
    /// Returns how many.
    fn release_held(&self, held: Held, blame: Blame, generation: &str, now: u64) -> Result<u64>;

    /// Items that ended or were held, after a place in the sequence; 0 is its
    /// beginning.
    fn changes(&self, after: u64, limit: usize) -> Result<Changes>;

    /// The same of one tenant. One call looks at a bounded number of changes, so
    /// that there may be few or none although it goes on: the end is reached
    /// where `next` is `newest`.
    fn changes_of(&self, tenant: &str, after: u64, limit: usize) -> Result<Changes>;

    /// Writes a note by its name in place of the one before, or removes it.
    fn set_note(&self, name: &str, value: Option<Vec<u8>>, now: u64) -> Result<()>;

    /// Every note, by name.
    fn notes(&self) -> Result<Vec<(String, Vec<u8>)>>;

    /// Removes a slice of what need not be kept.
    fn retain(&self, retention: Retention, now: u64) -> Result<Retained>;

    /// To be called about each second: what has to go on though nobody asks.
    fn tick(&self, now: u64);

    /// Whether anything new is taken.
    fn health(&self) -> Health;

    /// Writes a copy of everything into a new file while work goes on.
    fn backup(&self, to: &Path) -> Result<()>;

    /// Looks at everything that has to hold, file and rows. Returns what does
    /// not, one sentence each, at most 100.
    fn check(&self) -> Result<Vec<String>>;
}
