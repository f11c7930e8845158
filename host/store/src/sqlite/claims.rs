//! Which items somebody in this process has claimed. It is not in the rows: a
//! claim that a crash ends has harmed nobody.
//!
//! The writer asks here before it takes a queued item away from its place, and
//! says when that is committed. A claim reads rows with its lane locked, so that
//! it sees either the mark or the commit.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::LaneId;

/// Locks over all lanes.
const SHARDS: usize = 64;

/// The claims of one lane.
#[derive(Debug, Default)]
pub(super) struct LaneClaims {
    claimed: HashSet<u64>,
    /// Taken away by a commit that is not through.
    leaving: HashSet<u64>,
}

impl LaneClaims {
    /// How many rows a claim may have to pass by.
    pub fn passed_by(&self) -> usize {
        self.claimed.len() + self.leaving.len()
    }

    /// Whether nobody has the item.
    pub fn is_free(&self, item: u64) -> bool {
        !self.leaving.contains(&item) && !self.claimed.contains(&item)
    }

    /// Claims an item that is free.
    pub fn claim(&mut self, item: u64) {
        self.claimed.insert(item);
    }

    /// Gives a claim up.
    pub fn give_back(&mut self, item: u64) {
        self.claimed.remove(&item);
    }

    fn is_empty(&self) -> bool {
        self.claimed.is_empty() && self.leaving.is_empty()
    }
}

/// The claims of all lanes.
#[derive(Debug)]
pub(super) struct Claims {
    shards: Vec<Mutex<HashMap<LaneId, LaneClaims>>>,
}

impl Claims {
    pub fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    fn shard(&self, lane: LaneId) -> MutexGuard<'_, HashMap<LaneId, LaneClaims>> {
        let shard = &self.shards[lane.0 as usize % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with a lane's claims while nobody else changes them.
    pub fn with<T>(&self, lane: LaneId, work: impl FnOnce(&mut LaneClaims) -> T) -> T {
        let mut shard = self.shard(lane);
        let claims = shard.entry(lane).or_default();
        let result = work(claims);
        if claims.is_empty() {
            shard.remove(&lane);
        }
        result
    }

    /// Takes a queued item away, unless it is claimed.
    pub fn take_away(&self, lane: LaneId, item: u64) -> bool {
        self.with(lane, |claims| {
            !claims.claimed.contains(&item) && {
                claims.leaving.insert(item);
                true
            }
        })
    }

    /// What was taken away is committed, or back in its place.
    pub fn gone(&self, lane: LaneId, item: u64) {
        self.with(lane, |claims| claims.leaving.remove(&item));
    }

    /// Gives a claim up.
    pub fn give_back(&self, lane: LaneId, item: u64) {
        self.with(lane, |claims| claims.give_back(item));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_claimed_once_and_not_taken_away_meanwhile() {
        let claims = Claims::new();
        let lane = LaneId(7);
        let free = |item| claims.with(lane, |claims| claims.is_free(item));
        assert!(free(1));
        claims.with(lane, |claims| claims.claim(1));
        assert!(!free(1));
        assert!(!claims.take_away(lane, 1));
        claims.give_back(lane, 1);
        assert!(claims.take_away(lane, 1));
        assert!(!free(1));
        claims.gone(lane, 1);
        assert!(free(1));
    }
}
