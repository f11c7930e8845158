//! A time that never goes back, made of a clock that may.

use std::sync::{Mutex, PoisonError};

/// Threads read the clock one before the other and arrive in any order; only
/// more than this is a jump. In milliseconds.
const JUMP: u64 = 5_000;

/// The store's time: the caller's, and what it jumped back so far. After a jump,
/// what was due stays due, and a pause lasts as long as it should.
#[derive(Debug)]
pub(super) struct Clock {
    read: Mutex<Read>,
}

#[derive(Debug)]
struct Read {
    /// The latest time so far.
    high: u64,
    /// What is added to the caller's time.
    offset: u64,
}

impl Clock {
    /// A clock that goes on where another one stopped.
    pub fn after(high: u64) -> Self {
        Self {
            read: Mutex::new(Read { high, offset: 0 }),
        }
    }

    /// The store's time at which the caller writes.
    pub fn at(&self, now: u64) -> u64 {
        let at = self.seen(now);
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.high = read.high.max(at);
        at
    }

    /// The store's time at which the caller looks. Looking into the future does
    /// not make it the present.
    pub fn seen(&self, now: u64) -> u64 {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let at = now.saturating_add(read.offset);
        if at.saturating_add(JUMP) < read.high {
            read.offset = read.high - now;
            return read.high;
        }
        at
    }

    /// A time that the caller named, on the store's clock.
    pub fn inward(&self, time: u64) -> u64 {
        time.saturating_add(self.offset())
    }

    /// A time of the store, on the caller's clock.
    pub fn outward(&self, time: u64) -> u64 {
        time.saturating_sub(self.offset())
    }

    fn offset(&self) -> u64 {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_where_the_clock_jumped_back() {
        let clock = Clock::after(0);
        assert_eq!(clock.at(3_600_000), 3_600_000);
        assert_eq!(clock.at(1_000), 3_600_000);
        assert_eq!(clock.at(2_000), 3_601_000);
        assert_eq!(clock.inward(3_000), 3_602_000);
        assert_eq!(clock.outward(3_602_000), 3_000);
    }

    #[test]
    fn a_look_into_the_future_changes_nothing() {
        let clock = Clock::after(0);
        assert_eq!(clock.at(10_000), 10_000);
        assert_eq!(clock.seen(9_000_000), 9_000_000);
        assert_eq!(clock.at(10_001), 10_001);
    }

    #[test]
    fn threads_that_arrive_late_are_no_jump() {
        let clock = Clock::after(0);
        assert_eq!(clock.at(10_000), 10_000);
        assert_eq!(clock.at(9_000), 9_000);
        assert_eq!(clock.inward(9_000), 9_000);
    }
}
