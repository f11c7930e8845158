//! What became of an item so far; whose fault.

use std::fmt;

/// Where an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It may leave as soon as it is due.
    Queued,
    /// An earlier item of the same key is open, or a barrier is.
    Behind,
    /// It is about to leave, or on its way.
    Sending,
    /// It waits until whatever it failed on has changed.
    Held,
    /// The platform took it.
    Accepted,
    /// The platform had it already.
    Duplicate,
    /// There was nothing to send for it.
    Skipped,
    /// A newer total of the same key went in its place.
    Superseded,
    /// The platform refused it.
    Rejected,
    /// It could not be delivered.
    Failed,
    /// Nobody knows whether the platform took it.
    Unknown,
    /// A person gave it up.
    Discarded,
}

/// Who has to do something about an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// The host: it goes on by itself.
    Open,
    /// A person: retry, edit or discard it.
    Dead,
    /// Nobody.
    Done,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 12] = [
        Self::Queued,
        Self::Behind,
        Self::Sending,
        Self::Held,
        Self::Accepted,
        Self::Duplicate,
        Self::Skipped,
        Self::Superseded,
        Self::Rejected,
        Self::Failed,
        Self::Unknown,
        Self::Discarded,
    ];

    /// Who has to act.
    pub fn phase(self) -> Phase {
        match self {
            Self::Queued | Self::Behind | Self::Sending | Self::Held => Phase::Open,
            Self::Rejected | Self::Failed | Self::Unknown => Phase::Dead,
            Self::Accepted
            | Self::Duplicate
            | Self::Skipped
            | Self::Superseded
            | Self::Discarded => Phase::Done,
        }
    }

    /// The word used in every interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Behind => "behind",
            Self::Sending => "sending",
            Self::Held => "held",
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Skipped => "skipped",
            Self::Superseded => "superseded",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Discarded => "discarded",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who caused a failure, and so who has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Blame {
    /// Whoever gave the item.
    Caller,
    /// The tenant's mapping script.
    Script,
    /// The adapter.
    Adapter,
    /// The platform.
    Platform,
    /// The host or the way it is configured.
    Host,
}
