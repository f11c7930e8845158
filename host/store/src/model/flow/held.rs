//! Records that are parked, records that came in, what targets took last.

use super::{ParkedId, ReceivedId, RunId};
use crate::model::ItemId;

/// A record that cannot go on until something is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewParked {
    /// The target for which it failed; none if it failed before.
    pub target: Option<String>,
    /// The record, opaque to the store.
    pub record: Vec<u8>,
    /// What it failed with, opaque to the store.
    pub problem: Vec<u8>,
    /// Under what it failed: another generation lets it go again. Cut at
    /// [`WORD`](crate::limits::WORD) bytes.
    pub generation: String,
}

/// A record that is parked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedRow {
    /// Its number.
    pub id: ParkedId,
    /// When.
    pub at: u64,
    /// By which run.
    pub run: Option<RunId>,
    /// The target for which it failed; none if it failed before.
    pub target: Option<String>,
    /// The record.
    pub record: Vec<u8>,
    /// What it failed with.
    pub problem: Vec<u8>,
    /// Under what it failed.
    pub generation: String,
    /// Whether a page that is not sent yet has taken or parked it. No other page
    /// may take it, and it is not given up.
    pub taken: bool,
    /// Why it cannot be read now, though it is there.
    pub unreadable: Option<String>,
}

/// A record that comes in by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReceived {
    /// What tells that it is given again; at most [`KEY`](crate::limits::KEY) bytes.
    pub key: Option<Vec<u8>>,
    /// The record, opaque to the store.
    pub body: Vec<u8>,
}

/// A record that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedRow {
    /// Its number.
    pub id: ReceivedId,
    /// When it came.
    pub at: u64,
    /// The record.
    pub body: Vec<u8>,
}

/// What was sent to a target about a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSeen {
    /// The thing: the item's order key.
    pub key: Vec<u8>,
    /// Hash of what was sent.
    pub hash: [u8; 32],
    /// The item.
    pub item: ItemId,
}
