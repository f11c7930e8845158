//! The ticks of either kind of schedule.

use std::fmt;

use crate::{Cron, Every};

/// When something runs by the clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schedule {
    /// At an interval.
    Every(Every),
    /// By a pattern.
    Cron(Cron),
}

impl Schedule {
    /// The first tick after a time. None if there is none any more.
    pub fn next(&self, after: u64) -> Option<u64> {
        match self {
            Self::Every(every) => every.next(after),
            Self::Cron(cron) => cron.next(after),
        }
    }

    /// The newest ticks after `after` and not after `until`, at most so many, in
    /// order. None where the clock jumped back. Costs what it returns, but looks
    /// back at most ten years.
    pub fn ticks_between(&self, after: u64, until: u64, most: usize) -> Vec<u64> {
        match self {
            Self::Every(every) => every.between(after, until, most),
            Self::Cron(cron) => cron.between(after, until, most),
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(every) => write!(f, "every {every}"),
            Self::Cron(cron) => write!(f, "{cron}"),
        }
    }
}
