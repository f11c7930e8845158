//! Turns at checking candidates: many side by side, each within bounds, so that
//! one that is slow or hangs holds back no other.
//!
//! Every check begins in the quick lane and is given up there after a moment.
//! Then it begins again in the slow lane, with its whole time.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, SemaphorePermit};

use crate::meter::{Late, within};
use crate::problem::{Place, Problem};

/// Checks side by side in the quick lane.
pub(super) const QUICK: usize = 16;

/// Own time of a check in the quick lane: a hundred scripts compile in it.
const QUICK_TIME: Duration = Duration::from_millis(250);

/// Checks side by side in the slow lane.
const SLOW: usize = 8;

/// Plugins loaded side by side.
const LOADS: usize = 16;

/// Both lanes.
pub(super) struct Turns {
    loads: Semaphore,
    quick: Semaphore,
    slow: Semaphore,
    /// Own time of a check.
    limit: Duration,
    slowed: AtomicUsize,
    /// Told whenever a check goes over to the slow lane.
    pub moved: Notify,
}

impl Turns {
    /// With `limit` for each check.
    pub fn new(limit: Duration) -> Self {
        Self {
            loads: Semaphore::new(LOADS),
            quick: Semaphore::new(QUICK),
            slow: Semaphore::new(SLOW),
            limit,
            slowed: AtomicUsize::new(0),
            moved: Notify::new(),
        }
    }

    /// Waits until one more plugin may be loaded.
    pub async fn load(&self) -> Option<SemaphorePermit<'_>> {
        self.loads.acquire().await.ok()
    }

    /// Own time of a check.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// Checks that are in the slow lane or wait for it.
    pub fn slowed(&self) -> usize {
        self.slowed.load(Ordering::Acquire)
    }

    /// Runs a check, which `make` begins: once, or twice if it is slow.
    ///
    /// # Errors
    /// Why it did not come to its end.
    pub async fn check<F: Future>(&self, make: impl Fn() -> F) -> Result<F::Output, Late> {
        {
            // Nobody closes the semaphores; without a turn it runs all the same.
            let _turn = self.quick.acquire().await;
            if let Ok(output) = within(QUICK_TIME.min(self.limit), make()).await {
                return Ok(output);
            }
        }
        let _slowed = Slowed::count(self);
        let _turn = self.slow.acquire().await;
        within(self.limit, make()).await
    }
}

struct Slowed<'a>(&'a Turns);

impl<'a> Slowed<'a> {
    fn count(turns: &'a Turns) -> Self {
        turns.slowed.fetch_add(1, Ordering::AcqRel);
        turns.moved.notify_one();
        Self(turns)
    }
}

impl Drop for Slowed<'_> {
    fn drop(&mut self) {
        self.0.slowed.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A check that did not come to its end, as a problem of a tenant.
pub(super) fn too_late(file: &Path, late: Late, limit: Duration) -> Problem {
    let problem = match late {
        Late::Spent => Problem::script(
            "check-timeout",
            format!(
                "compiling this tenant's scripts and running their tests took more than {} ms of processor time, which `[limits] check_timeout_ms` allows",
                limit.as_millis()
            ),
        ),
        Late::Starved => Problem::host(
            "host-busy",
            "the host was too busy to check this tenant; it is checked again by itself",
        ),
    };
    problem.place(Place::whole(file))
}

/// Whether a problem may pass by itself, though nobody changes a file.
pub(super) fn may_pass(problem: &Problem) -> bool {
    problem.code == "host-busy"
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn checks_that_hang_hold_back_no_other() {
        let turns = Arc::new(Turns::new(Duration::from_secs(600)));
        let mut hanging = tokio::task::JoinSet::new();
        for _ in 0..QUICK + SLOW {
            let turns = turns.clone();
            hanging.spawn(async move { turns.check(std::future::pending::<()>).await });
        }
        tokio::task::yield_now().await;
        assert_eq!(turns.check(|| async { 7 }).await, Ok(7));
        assert!(hanging.try_join_next().is_none(), "all of them go on");
        assert!(turns.slowed() > 0);
        hanging.shutdown().await;
        assert_eq!(turns.slowed(), 0);
    }

    #[tokio::test]
    async fn a_check_that_gets_no_time_is_told_so() {
        let turns = Turns::new(Duration::from_millis(10));
        let late = turns.check(std::future::pending::<()>).await;
        assert_eq!(late, Err(Late::Starved));
    }
}
