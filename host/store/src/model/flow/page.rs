//! Records that are worked on at once.

use super::{NewParked, ParkedId, ReceivedId, RunCounts, RunId, StageTimes};
use crate::model::DeliveryId;

/// Records that a source gave, before anything is done with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPage {
    /// Its place in the run, from 0, without gaps.
    pub number: u32,
    /// The records, opaque to the store, at most
    /// [`FLOW_RECORDS`](crate::limits::FLOW_RECORDS) bytes.
    pub records: Vec<u8>,
    /// How many they are.
    pub count: u32,
    /// Where the source goes on after them. None leaves the flow's cursor.
    pub cursor: Option<Vec<u8>>,
    /// Whether the source has nothing after them in this run.
    pub last: bool,
    /// Where they are from, opaque to the store: a file and its lines.
    pub origin: Vec<u8>,
    /// Records that came in and are part of it. They are shown to no other page,
    /// and go when the page is sent; if it never is, they are there again.
    pub taken: Vec<ReceivedId>,
    /// Records that were parked and are part of it, likewise.
    pub again: Vec<ParkedId>,
    /// What the run has counted with it.
    pub counts: RunCounts,
}

/// How far a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PageState {
    /// It is on disk, and nothing was done with it.
    New,
    /// Its records went through the steps.
    Stepped,
    /// It is queued for every target; outcomes still come.
    Sent,
    /// Nothing is left to do.
    Done,
}

/// A delivery that was made of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageDelivery {
    /// The target.
    pub target: String,
    /// Where it was queued.
    pub delivery: DeliveryId,
}

/// A page without its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageHead {
    /// Its run.
    pub run: RunId,
    /// Its place in the run, from 0.
    pub number: u32,
    /// How far it is.
    pub state: PageState,
    /// Its records, as many as the source gave.
    pub count: u32,
    /// Where the source goes on after it.
    pub cursor: Option<Vec<u8>>,
    /// Whether it is the run's last.
    pub last: bool,
    /// Where its records are from.
    pub origin: Vec<u8>,
    /// What was made of it, once it is sent.
    pub deliveries: Vec<PageDelivery>,
    /// When it was put.
    pub put: u64,
    /// When it was sent.
    pub sent: Option<u64>,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRow {
    /// All but its bytes.
    pub head: PageHead,
    /// Its records: as the source gave them, or as they are after the steps. Empty
    /// once they are not needed.
    pub records: Vec<u8>,
    /// Which record became which item, opaque to the store. Empty before it is sent.
    pub plan: Vec<u8>,
}

/// A page of which the records went through the steps.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SteppedPage {
    /// The records as they are now. Without those that are parked.
    pub records: Vec<u8>,
    /// Records that cannot go on. If the page is never sent, they are not parked
    /// either: the source gives them again.
    pub parked: Vec<NewParked>,
    /// What is added to the run's counts.
    pub counts: RunCounts,
}

/// A page that was queued for every target.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SentPage {
    /// One for each target that was given something.
    pub deliveries: Vec<PageDelivery>,
    /// Which record became which item, opaque to the store.
    pub plan: Vec<u8>,
    /// Whether the records are needed for a confirmation; they are dropped otherwise.
    pub keep_records: bool,
    /// Records that could not be queued for a target.
    pub parked: Vec<NewParked>,
    /// What is added to the run's counts.
    pub counts: RunCounts,
    /// What is added to the run's times: with each page, so that a kill takes no
    /// more than those of the page that was under way.
    pub stages: StageTimes,
}
