//! Why a run does not go on, and when it is tried again.

use std::time::Duration;

use crate::problem::{Blame, Problem};

/// The pauses between two attempts: the first, and the longest.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(60);

/// Why a run does not go on.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It is tried again after a while.
    Later(Problem),
    /// The run fails with it.
    Final(Problem),
}

impl Trouble {
    /// A failure of the host or a platform is not for ever; anything else is
    /// somebody's to mend.
    pub fn of(problem: Problem) -> Self {
        match problem.blame {
            Blame::Host | Blame::Platform => Self::Later(problem),
            Blame::Caller | Blame::Script | Blame::Adapter => Self::Final(problem),
        }
    }

    pub fn problem(&self) -> &Problem {
        match self {
            Self::Later(problem) | Self::Final(problem) => problem,
        }
    }
}

/// Pauses that double.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failed: u32,
}

impl Backoff {
    /// Attempts that failed one after the other.
    pub fn failed(&self) -> u32 {
        self.failed
    }

    /// How long to wait after one more failure.
    pub fn pause(&mut self, problem: &Problem) -> Duration {
        let pause = FIRST.saturating_mul(1 << self.failed.min(16)).min(LONGEST);
        self.failed = self.failed.saturating_add(1);
        let asked = problem
            .retry_after_ms
            .map_or(Duration::ZERO, Duration::from_millis);
        // A platform that asks for a day is asked again after an hour.
        pause.max(asked.min(LONGEST * 60))
    }

    pub fn reset(&mut self) {
        self.failed = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute_and_begin_again_after_a_success() {
        let problem = Problem::platform("busy", "it is busy");
        let mut backoff = Backoff::default();
        assert_eq!(backoff.pause(&problem), FIRST);
        assert_eq!(backoff.pause(&problem), FIRST * 2);
        for _ in 0..40 {
            backoff.pause(&problem);
        }
        assert_eq!(backoff.pause(&problem), LONGEST);
        backoff.reset();
        let asks = problem.retry_after(Duration::from_secs(90));
        assert_eq!(backoff.pause(&asks), Duration::from_secs(90));
    }
}
