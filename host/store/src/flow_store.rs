//! What every store does for flows.

use crate::error::Result;
use crate::model::{
    Begun, FlowId, FlowRetained, FlowRetention, FlowRow, ItemId, NewPage, NewParked, NewReceived,
    NewSeen, PageHead, PageRow, ParkedId, ParkedRow, ReceivedRow, RunCounts, RunId, RunRow,
    RunUpdate, SentPage, StageTimes, SteppedPage,
};

/// Runs of flows, durable: as [`Store`](crate::Store), every method blocks, may be
/// called from any thread, and returns when what it writes is on disk.
///
/// A tick is the time for which a run is, in milliseconds since 1970. It is above
/// every tick that the flow had before, whatever its schedule was then.
///
/// A host that was killed asks for [`open_runs`](Self::open_runs) and goes on with
/// [their open pages](Self::open_pages). Each of the steps of a page may be asked
/// for again after an error of which the end is not known: it counts once.
pub trait FlowStore: Send + Sync {
    /// A flow by its names, made if there is none.
    ///
    /// # Errors
    /// Among others if its cursor cannot be read now: it would begin at its
    /// beginning.
    fn flow_put(&self, tenant: &str, flow: &str, now: u64) -> Result<FlowRow>;

    /// Every flow that there ever was, by number.
    fn flows(&self) -> Result<Vec<FlowRow>>;

    /// Whether ticks of a flow are run. The store only remembers it.
    fn flow_pause(&self, flow: FlowId, paused: bool, now: u64) -> Result<()>;

    /// Sets where a flow's source is read from, or forgets it: at its beginning.
    fn flow_rewind(&self, flow: FlowId, cursor: Option<Vec<u8>>, now: u64) -> Result<()>;

    /// Begins a run. In the same commit the flow's last tick moves, so that no
    /// tick begins twice, whatever the clock does and whoever is killed.
    fn flow_begin(&self, flow: FlowId, tick: Option<u64>, cause: &str, now: u64) -> Result<Begun>;

    /// Passes a tick by: it, and every one before it, gets no run any more. One
    /// that was begun or passed by before is left.
    fn flow_skip_tick(&self, flow: FlowId, tick: u64, now: u64) -> Result<()>;

    /// Runs of a flow before one of them, newest first.
    fn runs(&self, flow: FlowId, before: Option<RunId>, limit: usize) -> Result<Vec<RunRow>>;

    /// A run.
    fn run(&self, run: RunId) -> Result<Option<RunRow>>;

    /// Every run that has not ended, and every one that has and waits for
    /// outcomes of its pages. Oldest first.
    fn open_runs(&self) -> Result<Vec<RunRow>>;

    /// Puts a page on disk, before anything is done with it. False if the run has
    /// a page of this number already, which is left as it is.
    fn page_put(&self, run: RunId, page: NewPage, now: u64) -> Result<bool>;

    /// A page with its records.
    fn page(&self, run: RunId, number: u32) -> Result<Option<PageRow>>;

    /// Pages of a run after one of them, whatever their state, in order.
    fn pages(&self, run: RunId, after: Option<u32>, limit: usize) -> Result<Vec<PageHead>>;

    /// Pages of a run that are not done, in order.
    fn open_pages(&self, run: RunId) -> Result<Vec<PageHead>>;

    /// Writes down what the steps made of a page. A page that was stepped already
    /// stays as it is, and nothing is counted.
    fn page_stepped(&self, run: RunId, number: u32, page: SteppedPage, now: u64) -> Result<()>;

    /// Writes down that a page is queued for every target, and moves the flow's
    /// cursor behind it, in one commit. Pages of a run are sent in their order. A
    /// page that was sent already stays as it is, and nothing is counted.
    fn page_sent(&self, run: RunId, number: u32, page: SentPage, now: u64) -> Result<()>;

    /// Puts another plan in the place of that of a page that is sent and not done.
    fn page_planned(&self, run: RunId, number: u32, plan: Vec<u8>, now: u64) -> Result<()>;

    /// Writes down that nothing is left to do for a page, and drops its bytes. What
    /// is given is added to the run's counts and times. One that was done already
    /// stays as it is, and nothing is counted.
    fn page_done(
        &self,
        run: RunId,
        number: u32,
        counts: RunCounts,
        stages: StageTimes,
        now: u64,
    ) -> Result<()>;

    /// Writes down how a run is getting on. Where it failed or was stopped, its
    /// pages that are not sent go, and what they had taken is there again. One that
    /// is done has none. A run that ended keeps its end.
    fn run_state(&self, run: RunId, update: RunUpdate, now: u64) -> Result<()>;

    /// For each key, the hash of what the target took last, if nothing about the
    /// thing was sent since.
    fn seen(&self, flow: FlowId, target: &str, keys: &[Vec<u8>]) -> Result<Vec<Option<[u8; 32]>>>;

    /// Forgets what a target took last about some things. To be called before
    /// something is queued about them: were the host killed between that and
    /// [`seen_sent`](Self::seen_sent), an older hash would hide a change back.
    fn seen_sending(&self, flow: FlowId, target: &str, keys: Vec<Vec<u8>>) -> Result<()>;

    /// Writes down what was sent to a target.
    fn seen_sent(&self, flow: FlowId, target: &str, sent: Vec<NewSeen>) -> Result<()>;

    /// Writes down that items were taken. Of an item that is not the newest about
    /// its thing, nothing is known any more.
    fn seen_accepted(&self, items: Vec<ItemId>) -> Result<()>;

    /// Forgets what a target took, or all targets of a flow. Returns for how many
    /// things.
    fn seen_forget(&self, flow: FlowId, target: Option<&str>) -> Result<u64>;

    /// Parks records beside any page.
    ///
    /// # Errors
    /// [`TooMany`](crate::StoreError::TooMany) if the flow has parked as many as it
    /// may: then none of these is.
    fn park(&self, flow: FlowId, parked: Vec<NewParked>, now: u64) -> Result<()>;

    /// Parked records after one of them, oldest first. One call returns a bounded
    /// number of bytes, but one record at least.
    fn parked(&self, flow: FlowId, after: Option<ParkedId>, limit: usize)
    -> Result<Vec<ParkedRow>>;

    /// Gives up parked records that no open page has. Returns how many.
    fn unpark(&self, flow: FlowId, parked: Vec<ParkedId>) -> Result<u64>;

    /// Forgets under what parked records failed that no open page has, so that their
    /// generation is empty, which is no other one. Returns how many.
    fn park_anew(&self, flow: FlowId, parked: Vec<ParkedId>) -> Result<u64>;

    /// Takes records in. For each, whether it is new: one of which the key came
    /// before is not taken again.
    ///
    /// # Errors
    /// [`TooMany`](crate::StoreError::TooMany) if as many wait as may: then none of
    /// these is taken.
    fn receive(&self, flow: FlowId, records: Vec<NewReceived>, now: u64) -> Result<Vec<bool>>;

    /// Records that came in and that no page has taken, oldest first. One call
    /// returns a bounded number of bytes, but one record at least.
    fn received(&self, flow: FlowId, limit: usize) -> Result<Vec<ReceivedRow>>;

    /// Removes a slice of what need not be kept.
    fn flow_retain(&self, retention: FlowRetention, now: u64) -> Result<FlowRetained>;
}
