//! What is counted about a flow.

use std::sync::atomic::{AtomicU64, Ordering};

use super::counts::Counter;

/// What runs of a flow came to.
#[derive(Debug, Default)]
pub struct FlowMeter {
    runs: [Counter; 3],
    records: [Counter; 11],
    /// When a run last ended well, Unix milliseconds; 0 for never.
    done_ms: AtomicU64,
}

impl FlowMeter {
    /// How a run may end.
    pub const RUNS: [&'static str; 3] = ["done", "failed", "stopped"];

    /// What is counted of records, in the order in which they go.
    pub const RECORDS: [&'static str; 11] = [
        "in",
        "unchanged",
        "skipped",
        "sent",
        "accepted",
        "refused",
        "waiting",
        "parked",
        "confirmed",
        "unconfirmed",
        "unreadable",
    ];

    /// A run has ended as one of [`RUNS`](Self::RUNS), at a time in Unix
    /// milliseconds, and counted so many of each of [`RECORDS`](Self::RECORDS).
    pub fn ended(&self, how: &str, at_ms: u64, records: [u64; 11]) {
        let run = Self::RUNS.iter().zip(&self.runs);
        for (_, counter) in run.filter(|(name, _)| **name == how) {
            counter.one();
        }
        for (counter, more) in self.records.iter().zip(records) {
            counter.add(more);
        }
        if how == "done" {
            self.done_ms.fetch_max(at_ms, Ordering::Relaxed);
        }
    }

    /// Runs by how they ended.
    pub(super) fn read_runs(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.runs.iter().map(Counter::get);
        Self::RUNS.into_iter().zip(counts)
    }

    /// Records by what became of them.
    pub(super) fn read_records(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.records.iter().map(Counter::get);
        Self::RECORDS.into_iter().zip(counts)
    }

    /// When a run last ended well, in seconds; nothing where none has since this
    /// process began.
    pub(super) fn done_at(&self) -> Option<f64> {
        match self.done_ms.load(Ordering::Relaxed) {
            0 => None,
            ms => Some(ms as f64 / 1000.0),
        }
    }
}
