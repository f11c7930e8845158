//! Memory as something to be shared: a bound in bytes over everything that is
//! being worked on.
//!
//! A [`Budget`] is counted, not allocated. Whoever is about to hold memory that
//! grows with input takes a [`Share`] of that size first, keeps it for as long
//! as the memory, and gives it back by dropping it:
//!
//! ```
//! # use crossdock::budget::Budget;
//! # use std::time::Duration;
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let budget = Budget::new(64 << 20);
//! // Waits for room, first come, first served, but not for ever.
//! let mut share = budget.take(1 << 20, Duration::from_secs(5)).await.unwrap();
//! // More, if there is room now.
//! assert!(share.grow(3 << 20));
//! // Less, once it is known how much it is.
//! share.shrink_to(10_000);
//! drop(share);
//! assert_eq!(budget.used(), 0);
//! # });
//! ```
//!
//! Two rules keep it from standing still. What is known beforehand is taken at
//! once, in one [`take`](Budget::take). Whoever holds a share and needs more
//! uses [`grow`](Share::grow), which does not wait: two holders that wait for
//! each other would wait in vain.

pub mod bounds;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of one permit: a semaphore counts up to 2^32 permits in one step.
const UNIT: usize = 1024;

/// A bound in bytes. Cloning gives the same bound.
#[derive(Debug, Clone)]
pub struct Budget {
    room: Arc<Semaphore>,
    units: u32,
}

/// There was no room in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no memory is left of what calls may take together")]
pub struct NoRoom;

impl Budget {
    /// A bound of so many bytes, rounded up to whole KiB.
    pub fn new(bytes: usize) -> Self {
        let units = units(bytes);
        Self {
            room: Arc::new(Semaphore::new(units as usize)),
            units,
        }
    }

    /// Waits until there is room for so many bytes, but no longer than
    /// `patience`. Whoever came first is served first. What is more than the
    /// whole budget is refused at once.
    pub async fn take(&self, bytes: usize, patience: Duration) -> Result<Share, NoRoom> {
        if let Some(share) = self.try_take(bytes) {
            return Ok(share);
        }
        let wanted = units(bytes);
        if wanted > self.units {
            return Err(NoRoom);
        }
        let waiting = self.room.clone().acquire_many_owned(wanted);
        match tokio::time::timeout(patience, waiting).await {
            Ok(Ok(permit)) => Ok(Share { permit }),
            _ => Err(NoRoom),
        }
    }

    /// The same without waiting.
    pub fn try_take(&self, bytes: usize) -> Option<Share> {
        let permit = self
            .room
            .clone()
            .try_acquire_many_owned(units(bytes))
            .ok()?;
        Some(Share { permit })
    }

    /// Bytes that are taken.
    pub fn used(&self) -> usize {
        (self.units as usize).saturating_sub(self.room.available_permits()) * UNIT
    }

    /// Bytes there are in all.
    pub fn total(&self) -> usize {
        self.units as usize * UNIT
    }
}

/// A part of a [`Budget`]; dropping it gives it back.
#[derive(Debug)]
pub struct Share {
    permit: OwnedSemaphorePermit,
}

impl Share {
    /// How many bytes it is, in whole KiB.
    pub fn bytes(&self) -> usize {
        self.permit.num_permits() * UNIT
    }

    /// Makes it larger by so many bytes, if there is room now.
    #[must_use]
    pub fn grow(&mut self, bytes: usize) -> bool {
        let room = self.permit.semaphore().clone();
        match room.try_acquire_many_owned(units(bytes)) {
            Ok(more) => {
                self.permit.merge(more);
                true
            }
            Err(_) => false,
        }
    }

    /// Makes it as large as so many bytes need, if there is room now.
    #[must_use]
    pub fn grow_to(&mut self, bytes: usize) -> bool {
        match bytes.checked_sub(self.bytes()) {
            None | Some(0) => true,
            Some(more) => self.grow(more),
        }
    }

    /// Gives back what is more than so many bytes.
    pub fn shrink_to(&mut self, bytes: usize) {
        let spare = self
            .permit
            .num_permits()
            .saturating_sub(units(bytes) as usize);
        drop(self.permit.split(spare));
    }
}

/// Permits for so many bytes.
fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(10);

    #[tokio::test]
    async fn what_is_taken_is_given_back() {
        let budget = Budget::new(10 * UNIT);
        let mut share = budget.take(4 * UNIT + 1, SOON).await.unwrap();
        assert_eq!((share.bytes(), budget.used()), (5 * UNIT, 5 * UNIT));
        assert!(share.grow(UNIT));
        assert!(share.grow_to(3 * UNIT) && share.grow_to(7 * UNIT));
        assert!(!share.grow_to(11 * UNIT));
        assert_eq!(budget.used(), 7 * UNIT);
        share.shrink_to(1);
        assert_eq!(budget.used(), UNIT);
        drop(share);
        assert_eq!((budget.used(), budget.total()), (0, 10 * UNIT));
    }

    #[tokio::test]
    async fn whoever_finds_no_room_waits_for_a_bounded_time() {
        let budget = Budget::new(2 * UNIT);
        let share = budget.take(2 * UNIT, SOON).await.unwrap();
        assert_eq!(budget.take(UNIT, SOON).await.unwrap_err(), NoRoom);
        let waiting = budget.clone();
        let waiting =
            tokio::spawn(async move { waiting.take(UNIT, Duration::from_secs(20)).await });
        tokio::task::yield_now().await;
        drop(share);
        assert_eq!(waiting.await.unwrap().unwrap().bytes(), UNIT);
    }

    #[tokio::test]
    async fn more_than_there_is_is_refused_at_once() {
        let budget = Budget::new(2 * UNIT);
        let refused = budget.take(3 * UNIT, Duration::from_secs(3600)).await;
        assert_eq!(refused.unwrap_err(), NoRoom);
        assert_eq!(budget.take(0, SOON).await.unwrap().bytes(), 0);
    }
}
