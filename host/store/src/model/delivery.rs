//! What is accepted, in which order it may leave.

use std::ops::Range;

use super::{DeliveryId, ItemId, Lane};

/// Items that were given together.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    /// Where they go.
    pub lane: Lane,
    /// Who delivers them.
    pub origin: Origin,
    /// What tells that the same delivery is given again.
    pub idempotency: Option<Idempotency>,
    /// At least one, at most [`ITEMS`](super::limits::ITEMS).
    pub items: Vec<NewItem>,
}

/// Who delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The queue: items are claimed when they are due.
    Queued,
    /// A caller who waits. Its items are `sending` from the beginning, are never
    /// claimed, and take no place in the order: the caller keeps that.
    Call,
}

/// An idempotency key, as hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Idempotency {
    /// Hash of the key; it counts within the lane.
    pub key: [u8; 32],
    /// Hash of what was given with it.
    pub body: [u8; 32],
    /// Until when it is remembered.
    pub until: u64,
}

/// One item.
#[derive(Debug, Clone)]
pub struct NewItem {
    /// What it must not overtake.
    pub order: Order,
    /// A short text by which people find it, for instance its key.
    pub label: String,
    /// What was given, opaque to the store.
    pub input: Vec<u8>,
}

/// What an item must not overtake, within its lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Nothing but barriers.
    None,
    /// Earlier items with the same bytes.
    Key {
        /// At most [`KEY`](super::limits::KEY) bytes. They are compared whole.
        bytes: Vec<u8>,
        /// What it does to the thing.
        effect: Effect,
    },
    /// Everything earlier; and nothing later overtakes it.
    Barrier,
}

/// What an item does to the thing that its key names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// It says how the thing is from now on: a newer one may take its place.
    Absolute,
    /// It changes what is there: each one counts.
    Relative,
}

/// What became of a delivery that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// It is on disk.
    New {
        /// Its id.
        id: DeliveryId,
        /// Its items, in the order in which they were given.
        items: Range<u64>,
    },
    /// The same key was given with the same body before.
    Known(DeliveryId),
    /// The same key was given with another body before.
    Conflict(DeliveryId),
}

impl Accepted {
    /// The items of a new delivery; none of any other.
    pub fn items(&self) -> impl Iterator<Item = ItemId> + use<> {
        let items = match self {
            Self::New { items, .. } => items.clone(),
            Self::Known(_) | Self::Conflict(_) => 0..0,
        };
        items.map(ItemId)
    }
}
