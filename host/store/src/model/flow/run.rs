//! A flow, a run of it, what a run counted.

use super::{FlowId, RunId};

/// A flow as the store knows it: where it is, not how it is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowRow {
    /// Its number.
    pub id: FlowId,
    /// Whose it is.
    pub tenant: String,
    /// Its name, unique within the tenant.
    pub name: String,
    /// When the store first heard of it.
    pub made: u64,
    /// Up to where its source was read and everything is safely queued. None at
    /// its beginning.
    pub cursor: Option<Vec<u8>>,
    /// Why the cursor cannot be read now, though it is there. Such a flow must not
    /// run: it would begin at its beginning.
    pub unreadable: Option<String>,
    /// Whether a person paused it.
    pub paused: bool,
    /// The newest tick that was begun or passed by.
    pub last_tick: Option<u64>,
    /// Ticks that were passed by, ever.
    pub ticks_skipped: u64,
    /// Records that are parked.
    pub parked: u64,
    /// Records that came in and are not yet sent.
    pub received: u64,
}

/// What became of a tick, or of a person's wish for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// A run begins.
    New(RunId),
    /// The tick has this run already.
    Known(RunId),
    /// The tick, or a later one, was passed by or begun before. It gets no run.
    Passed,
    /// This run of the flow is running. Nothing was written.
    Busy(RunId),
}

/// How a run is getting on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunState {
    /// Pages are read, worked on or queued.
    Running,
    /// Everything is queued; outcomes still come.
    Waiting,
    /// Everything that can be known is known.
    Done,
    /// It could not go on. What was not queued is read again by the next run.
    Failed,
    /// A person stopped it.
    Stopped,
}

impl RunState {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Running,
        Self::Waiting,
        Self::Done,
        Self::Failed,
        Self::Stopped,
    ];

    /// Whether it has ended. Outcomes of what it queued may come nevertheless.
    pub fn is_end(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Stopped)
    }

    /// The word used in every interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

impl std::fmt::Display for RunState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// Its number.
    pub id: RunId,
    /// Its flow.
    pub flow: FlowId,
    /// The tick for which it runs; none if something else asked for it.
    pub tick: Option<u64>,
    /// Why it runs, for people.
    pub cause: String,
    /// How it is getting on.
    pub state: RunState,
    /// When it began.
    pub began: u64,
    /// When it ended.
    pub ended: Option<u64>,
    /// Pages so far, open or done.
    pub pages: u32,
    /// Pages of which outcomes are still awaited, or that are not yet queued.
    pub open_pages: u32,
    /// What it counted so far.
    pub counts: RunCounts,
    /// How long its stages took so far.
    pub stages: StageTimes,
    /// Why it failed, opaque to the store. None too where it cannot be read now.
    pub problem: Option<Vec<u8>>,
}

/// What a run counts: records, and per target where a record goes to several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunCounts {
    /// Records that the source gave.
    pub incoming: u64,
    /// Not sent, since the target has the same already.
    pub unchanged: u64,
    /// Not sent, since the target's condition does not hold.
    pub skipped: u64,
    /// Queued.
    pub sent: u64,
    /// Taken by their platform.
    pub accepted: u64,
    /// Refused by their platform, or given up.
    pub refused: u64,
    /// Without an end in time.
    pub waiting: u64,
    /// Parked with a problem.
    pub parked: u64,
    /// Confirmed at the source: it has taken that.
    pub confirmed: u64,
    /// To be confirmed, and the source has not heard it or nobody knows.
    pub unconfirmed: u64,
    /// Rows and files of the source that could not be read.
    pub unreadable: u64,
}

impl RunCounts {
    /// Every count with its name in every interface.
    pub fn named(&self) -> [(&'static str, u64); 11] {
        [
            ("in", self.incoming),
            ("unchanged", self.unchanged),
            ("skipped", self.skipped),
            ("sent", self.sent),
            ("accepted", self.accepted),
            ("refused", self.refused),
            ("waiting", self.waiting),
            ("parked", self.parked),
            ("confirmed", self.confirmed),
            ("unconfirmed", self.unconfirmed),
            ("unreadable", self.unreadable),
        ]
    }
}

impl std::ops::AddAssign for RunCounts {
    fn add_assign(&mut self, more: Self) {
        self.incoming += more.incoming;
        self.unchanged += more.unchanged;
        self.skipped += more.skipped;
        self.sent += more.sent;
        self.accepted += more.accepted;
        self.refused += more.refused;
        self.waiting += more.waiting;
        self.parked += more.parked;
        self.confirmed += more.confirmed;
        self.unconfirmed += more.unconfirmed;
        self.unreadable += more.unreadable;
    }
}

impl std::ops::AddAssign for StageTimes {
    fn add_assign(&mut self, more: Self) {
        self.source += more.source;
        self.steps += more.steps;
        self.targets += more.targets;
        self.confirm += more.confirm;
    }
}

/// How long the stages of a run took, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StageTimes {
    /// Reading the source.
    pub source: u64,
    /// Its steps.
    pub steps: u64,
    /// Scripts and queueing.
    pub targets: u64,
    /// Confirming.
    pub confirm: u64,
}

/// What is new about a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunUpdate {
    /// How it is getting on. One that ended keeps its end.
    pub state: RunState,
    /// What is added to its counts.
    pub counts: RunCounts,
    /// What is added to its times.
    pub stages: StageTimes,
    /// Why it failed; none leaves what is there.
    pub problem: Option<Vec<u8>>,
}

impl RunUpdate {
    /// Nothing but the state.
    pub fn to(state: RunState) -> Self {
        Self {
            state,
            counts: RunCounts::default(),
            stages: StageTimes::default(),
            problem: None,
        }
    }
}

/// What of flows is kept. What is open is never removed, nor is a flow's newest run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowRetention {
    /// Runs that ended at this time or before are removed.
    pub runs_until: u64,
    /// Runs of one flow beyond so many are removed, oldest first.
    pub runs_most: u64,
    /// Of the runs of one flow that are done and had no page, those beyond so many
    /// are removed before, oldest first: they must not push out the others.
    pub empty_most: u64,
    /// Keys of what came in at this time or before are forgotten.
    pub keys_until: u64,
}

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FlowRetained {
    /// Runs.
    pub runs: u64,
    /// Keys.
    pub keys: u64,
    /// Whether there is more to look at: call again.
    pub more: bool,
}
