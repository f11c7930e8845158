//! The pause that a platform asked for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::connection_limits::NoTurn;
use crate::clock::millis;

/// The pause that a platform asked one account for.
pub(super) struct Pause {
    started: Instant,
    /// Milliseconds after `started` until which nothing may be sent.
    until: AtomicU64,
}

impl Pause {
    /// None so far.
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
            until: AtomicU64::new(0),
        }
    }

    /// Makes it last so long from now on, unless it lasts longer anyway.
    pub fn extend(&self, duration: Duration) {
        let until = self.started.elapsed() + duration;
        let until = millis(until);
        self.until.fetch_max(until, Ordering::Relaxed);
    }

    /// Until when nothing may be sent.
    pub fn until(&self) -> Instant {
        let millis = self.until.load(Ordering::Relaxed);
        self.started + Duration::from_millis(millis)
    }

    /// Waits for its end; it may be extended meanwhile.
    pub async fn end(&self, deadline: Instant) -> Result<(), NoTurn> {
        loop {
            let now = Instant::now();
            let until = self.until();
            if until <= now {
                return Ok(());
            }
            if until >= deadline {
                return Err(NoTurn::Paused(until - now));
            }
            tokio::time::sleep_until(until.into()).await;
        }
    }
}
