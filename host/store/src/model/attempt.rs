//! What is about to leave, and what came of it.

use super::{AttemptId, Blame, ConnectionName, DeliveryId, Effect, ItemId, LaneId, State};

/// An item that the caller may deliver now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Its number.
    pub item: ItemId,
    /// Its delivery.
    pub delivery: DeliveryId,
    /// Its place in that delivery, from 0.
    pub index: u32,
    /// What it does to its thing, if it has an order key.
    pub effect: Option<Effect>,
    /// When it was accepted.
    pub accepted: u64,
    /// Attempts so far.
    pub attempts: u32,
    /// The text by which people find it.
    pub label: String,
    /// What was given, or what a person made of it.
    pub input: Vec<u8>,
}

/// A request that is about to leave and must not be repeated blindly.
#[derive(Debug, Clone)]
pub struct Intent {
    /// Its items, all of one lane: claimed ones, or those of a caller who waits.
    pub items: Vec<ItemId>,
    /// What may be done if nothing is known of its end.
    pub repeat: Repeat,
    /// When it began.
    pub began: u64,
    /// Its summary, opaque to the store: what a read-back needs belongs here, too.
    pub request: Vec<u8>,
}

/// What may be done with a request of which the end is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// It may be sent again.
    Safe,
    /// The platform can be asked whether it was applied.
    ReadBack,
    /// Nothing: a person has to look.
    Never,
}

/// What came of some attempts, in one commit.
#[derive(Debug, Clone, Default)]
pub struct Settlement {
    /// The attempts, at most [`ATTEMPTS`](super::limits::ATTEMPTS).
    pub attempts: Vec<AttemptEnd>,
    /// The connection's limits, breaker and pause after them.
    pub connection: Option<ConnectionState>,
}

/// A connection's limits, breaker and pause, opaque to the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionState {
    /// The connection.
    pub name: ConnectionName,
    /// Its state.
    pub state: Vec<u8>,
}

/// How one request ended.
#[derive(Debug, Clone)]
pub struct AttemptEnd {
    /// The intent that it closes; none if there was none.
    pub attempt: Option<AttemptId>,
    /// Whether anything may have left.
    pub left: bool,
    /// What could have been done if nothing had been known of its end.
    pub repeat: Repeat,
    /// When it began.
    pub began: u64,
    /// When it ended.
    pub ended: u64,
    /// With what it was made: versions and hashes of adapter and script.
    pub generations: String,
    /// The answer's HTTP status.
    pub status: Option<u16>,
    /// Whose fault it was, if it failed.
    pub blame: Option<Blame>,
    /// The code of its failure.
    pub code: Option<String>,
    /// For people.
    pub message: Option<String>,
    /// The request's summary without secrets. Empty leaves that of the intent.
    pub request: Vec<u8>,
    /// A part of the answer, without secrets.
    pub answer: Vec<u8>,
    /// What became of its items, all of one lane.
    pub items: Vec<Outcome>,
}

impl AttemptEnd {
    /// An end of which nothing is told but when it was, and what became of its
    /// items.
    pub fn new(
        attempt: Option<AttemptId>,
        repeat: Repeat,
        began: u64,
        ended: u64,
        items: Vec<Outcome>,
    ) -> Self {
        Self {
            attempt,
            left: true,
            repeat,
            began,
            ended,
            generations: String::new(),
            status: None,
            blame: None,
            code: None,
            message: None,
            request: Vec::new(),
            answer: Vec::new(),
            items,
        }
    }
}

/// What became of one item.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The item.
    pub item: ItemId,
    /// Where it goes from here.
    pub next: Next,
    /// Whose fault it was, if it failed.
    pub blame: Option<Blame>,
    /// The platform's code or the host's.
    pub code: Option<String>,
    /// For people.
    pub message: Option<String>,
    /// What the caller is told about it, opaque to the store. May be empty.
    pub result: Vec<u8>,
    /// Whether this attempt may have been applied, although the item goes on. Of
    /// one that ends as `unknown`, that is known.
    pub uncertain: bool,
}

impl Outcome {
    /// An outcome without anything but where the item goes.
    pub fn new(item: ItemId, next: Next) -> Self {
        Self {
            item,
            next,
            blame: None,
            code: None,
            message: None,
            result: Vec::new(),
            uncertain: false,
        }
    }
}

/// Where an item goes after an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// It ended. What is behind it goes on.
    End(State),
    /// It ended as `unknown`.
    Unknown {
        /// Whether what is behind it waits until a person has retried or
        /// discarded it. Right for what builds on it: an order's lock and its
        /// release. Wrong for a total, which heals whatever happened, and
        /// hardly right for a change, which does not depend on the one before.
        holds_key: bool,
    },
    /// It goes again, not before `due`.
    Again {
        /// When, by the same clock as `now`.
        due: u64,
    },
    /// It waits until [`release_held`](crate::Store::release_held) is called for it.
    Held(Hold),
}

/// For what an item waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Whose side has to change.
    pub blame: Blame,
    /// What it failed with, for instance a script's hash: another one releases it.
    pub generation: String,
}

/// What was settled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settled {
    /// The attempts, in the order in which they were given.
    pub attempts: Vec<AttemptId>,
    /// Items that were not under way any more and are left as they were.
    pub ignored: Vec<ItemId>,
}

/// What was under way when the host stopped. Settle it before anything is claimed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovery {
    /// Requests that were about to leave.
    pub attempts: Vec<OpenAttempt>,
    /// Items of callers who waited, without a request that must not be repeated:
    /// nothing of them left, or what left may be repeated.
    pub calls: Vec<OpenItem>,
}

/// A request that was about to leave, and of which nothing more is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenAttempt {
    /// Its number, with which it is settled.
    pub attempt: AttemptId,
    /// Its lane.
    pub lane: LaneId,
    /// What may be done.
    pub repeat: Repeat,
    /// When it began.
    pub began: u64,
    /// Its summary.
    pub request: Vec<u8>,
    /// Its items.
    pub items: Vec<OpenItem>,
}

/// An item that was under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenItem {
    /// Its number.
    pub item: ItemId,
    /// Its delivery.
    pub delivery: DeliveryId,
    /// Its place in that delivery, from 0.
    pub index: u32,
    /// Its lane.
    pub lane: LaneId,
    /// Whether a caller waited for it.
    pub call: bool,
}
