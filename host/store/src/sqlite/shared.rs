//! What the writer shows to those who read.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use super::claims::Claims;
use super::clock::Clock;
use super::ledger::{Counts, Ledger};
use super::open::Readers;
use crate::model::{Health, Lane, LaneId, SetAside};

/// Everything but what only the writer has.
#[derive(Debug)]
pub(super) struct Shared {
    pub path: PathBuf,
    pub clock: Clock,
    pub claims: Claims,
    pub readers: Readers,
    counts: Mutex<HashMap<LaneId, Counts>>,
    /// What was superseded and discarded since the store was opened.
    set_aside: Mutex<BTreeMap<LaneId, (u64, u64)>>,
    /// By number; the first is lane 1.
    lanes: RwLock<Vec<Lane>>,
    health: Mutex<Health>,
    #[cfg(test)]
    pub faults: Mutex<Vec<Fault>>,
}

/// A commit's end that is to fail, for tests.
#[cfg(test)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Fault {
    /// Whether everything arrives on disk nevertheless.
    pub committed: bool,
    /// The database's number for the failure.
    pub code: i32,
}

#[cfg(test)]
impl Fault {
    pub fn error(self) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(self.code), None)
    }
}

impl Shared {
    pub fn new(path: PathBuf, clock: Clock, readers: Readers, ledger: &Ledger) -> Self {
        let shared = Self {
            path,
            clock,
            claims: Claims::new(),
            readers,
            counts: Mutex::new(ledger.counts.clone()),
            set_aside: Mutex::default(),
            lanes: RwLock::default(),
            health: Mutex::new(Health::Good),
            #[cfg(test)]
            faults: Mutex::default(),
        };
        shared.replace_lanes(&ledger.names);
        shared
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<LaneId, Counts>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Each lane's counts as of the last commit.
    pub fn all_counts(&self) -> HashMap<LaneId, Counts> {
        self.counts().clone()
    }

    pub fn replace_counts(&self, counts: HashMap<LaneId, Counts>) {
        *self.counts() = counts;
    }

    pub fn change_counts(&self, changed: Vec<(LaneId, Counts)>) {
        let mut counts = self.counts();
        for (lane, changed) in changed {
            if changed.is_empty() {
                counts.remove(&lane);
            } else {
                counts.insert(lane, changed);
            }
        }
    }

    /// More of a lane was superseded and discarded.
    pub fn set_more_aside(&self, lane: LaneId, (superseded, discarded): (u64, u64)) {
        if superseded + discarded > 0 {
            let mut all = self.all_set_aside();
            let known = all.entry(lane).or_default();
            known.0 += superseded;
            known.1 += discarded;
        }
    }

    fn all_set_aside(&self) -> MutexGuard<'_, BTreeMap<LaneId, (u64, u64)>> {
        let all = self.set_aside.lock();
        all.unwrap_or_else(PoisonError::into_inner)
    }

    /// What was superseded and discarded of each lane.
    pub fn set_aside(&self) -> Vec<SetAside> {
        let all = self.all_set_aside();
        let lanes = all.iter();
        lanes
            .map(|(lane, (superseded, discarded))| SetAside {
                lane: *lane,
                superseded: *superseded,
                discarded: *discarded,
            })
            .collect()
    }

    pub fn add_lanes(&self, new: Vec<Lane>) {
        if !new.is_empty() {
            let mut lanes = self.lanes.write().unwrap_or_else(PoisonError::into_inner);
            lanes.extend(new);
        }
    }

    pub fn replace_lanes(&self, names: &HashMap<Lane, LaneId>) {
        let mut all: Vec<(LaneId, Lane)> = Vec::with_capacity(names.len());
        all.extend(names.iter().map(|(lane, id)| (*id, lane.clone())));
        all.sort_unstable();
        let mut lanes = self.lanes.write().unwrap_or_else(PoisonError::into_inner);
        *lanes = all.into_iter().map(|(_, lane)| lane).collect();
    }

    /// A lane's names.
    pub fn lane(&self, lane: LaneId) -> Option<Lane> {
        let index = usize::try_from(lane.0.checked_sub(1)?).ok()?;
        let lanes = self.lanes.read().unwrap_or_else(PoisonError::into_inner);
        lanes.get(index).cloned()
    }

    /// The lanes that are meant, by number.
    pub fn lanes_that(&self, meant: impl Fn(&Lane) -> bool) -> Vec<LaneId> {
        let lanes = self.lanes.read().unwrap_or_else(PoisonError::into_inner);
        let all = lanes.iter().zip(1..);
        all.filter(|(lane, _)| meant(lane))
            .map(|(_, id)| LaneId(id))
            .collect()
    }

    pub fn health(&self) -> Health {
        *self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set_health(&self, health: Health) {
        *self.health.lock().unwrap_or_else(PoisonError::into_inner) = health;
    }

    #[cfg(test)]
    pub fn take_fault(&self) -> Option<Fault> {
        self.faults.lock().unwrap().pop()
    }
}
