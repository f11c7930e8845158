//! What the writer knows without asking the rows: the next numbers, and how much
//! is where in each lane.

use std::collections::{BTreeSet, HashMap, HashSet};

use rusqlite::Connection;

use super::codes::{Kind, Stage};
use super::sql;
use crate::model::{DeliveryId, Lane, LaneId};

/// Stages that are counted: open and dead ones come first.
const COUNTED: usize = 10;

/// How much is where in a lane.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Counts {
    stages: [u64; COUNTED],
    /// The barrier that leads the lane: everything later waits for it.
    pub leading_barrier: Option<u64>,
    /// Barriers that take a place in the order, the leading one included.
    pub barriers: u64,
    /// What was superseded and discarded since this was shown to those who read.
    pub set_aside: (u64, u64),
}

impl Counts {
    pub fn of(&self, stage: Stage) -> u64 {
        self.stages.get(stage as usize).copied().unwrap_or(0)
    }

    /// Items that take a place in the order.
    pub fn holding(&self) -> u64 {
        let stages = Stage::ALL.into_iter();
        stages.filter(|s| s.holds()).map(|s| self.of(s)).sum()
    }

    /// Items that wait for a barrier, or as one.
    pub fn blocked(&self) -> u64 {
        self.of(Stage::Blocked)
    }

    pub fn is_empty(&self) -> bool {
        self.stages.iter().all(|count| *count == 0)
    }

    fn add(&mut self, stage: Stage, items: u64) {
        if let Some(count) = self.stages.get_mut(stage as usize) {
            *count += items;
        }
    }

    /// An item comes, goes, or goes from one stage to another.
    pub fn moved(&mut self, item: u64, kind: Kind, from: Option<Stage>, to: Option<Stage>) {
        if let Some(count) = from.and_then(|from| self.stages.get_mut(from as usize)) {
            *count = count.saturating_sub(1);
        }
        if let Some(to) = to {
            self.add(to, 1);
        }
        match to {
            Some(Stage::Superseded) => self.set_aside.0 += 1,
            Some(Stage::Discarded) => self.set_aside.1 += 1,
            _ => {}
        }
        if kind != Kind::Barrier {
            return;
        }
        let held = from.is_some_and(Stage::holds);
        let holds = to.is_some_and(Stage::holds);
        match (held, holds) {
            (false, true) => self.barriers += 1,
            (true, false) => self.barriers = self.barriers.saturating_sub(1),
            _ => {}
        }
        if to.is_some_and(Stage::leads) {
            self.leading_barrier = Some(item);
        } else if self.leading_barrier == Some(item) {
            self.leading_barrier = None;
        }
    }
}

/// What the writer knows.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub commits: u64,
    pub next_item: u64,
    pub next_attempt: u64,
    pub next_change: u64,
    last_uid: Option<(u64, u16)>,
    pub counts: HashMap<LaneId, Counts>,
    pub names: HashMap<Lane, LaneId>,
    /// Lanes that this commit makes, by number.
    pub new_lanes: Vec<Lane>,
    /// Lanes whose counts this commit changes.
    pub touched: HashSet<LaneId>,
    /// Lanes of which more has to be released with the next commit.
    pub unfinished: BTreeSet<LaneId>,
}

impl Ledger {
    /// Reads everything from the rows. Costs what is open or dead, not what is done.
    pub fn read(db: &Connection) -> rusqlite::Result<Self> {
        let mut ledger = db.query_row(sql::META, [], |row| {
            Ok(Self {
                commits: row.get(0)?,
                next_item: row.get(1)?,
                next_attempt: row.get(2)?,
                next_change: row.get(3)?,
                ..Self::default()
            })
        })?;
        let mut lanes = db.prepare(sql::LANES)?;
        let mut rows = lanes.query([])?;
        while let Some(row) = rows.next()? {
            let lane = Lane::new(
                row.get::<_, String>(1)?,
                row.get::<_, String>(2)?,
                row.get::<_, String>(3)?,
            );
            ledger.names.insert(lane, LaneId(row.get(0)?));
        }
        ledger.counts = counts(db)?;
        let blocked = ledger.counts.iter().filter(|(_, c)| c.blocked() > 0);
        ledger.unfinished = blocked.map(|(lane, _)| *lane).collect();
        ledger.last_uid = newest_uid(db)?.map(|uid| (uid.ms(), u16::MAX));
        Ok(ledger)
    }

    /// A delivery's id that is greater than every one before.
    pub fn next_uid(&mut self, at: u64) -> DeliveryId {
        let (ms, count) = match self.last_uid {
            Some((ms, count)) if ms >= at && count < 0x0fff => (ms, count + 1),
            Some((ms, _)) if ms >= at => (ms + 1, 0),
            _ => (at, 0),
        };
        self.last_uid = Some((ms, count));
        DeliveryId::new(ms, count, rand::random())
    }

    /// A lane's counts, which are about to change.
    pub fn lane(&mut self, lane: LaneId) -> &mut Counts {
        self.touched.insert(lane);
        self.counts.entry(lane).or_default()
    }
}

/// The newest delivery's id.
pub(super) fn newest_uid(db: &Connection) -> rusqlite::Result<Option<DeliveryId>> {
    use rusqlite::OptionalExtension;
    let uid = db.query_row(sql::NEWEST_UID, [], |row| row.get::<_, [u8; 16]>(0));
    Ok(uid.optional()?.map(DeliveryId::from_bytes))
}

/// Counts every lane's open and dead items.
pub(super) fn counts(db: &Connection) -> rusqlite::Result<HashMap<LaneId, Counts>> {
    let mut counts: HashMap<LaneId, Counts> = HashMap::new();
    for statement in sql::COUNTS {
        let mut statement = db.prepare(statement)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let lane = counts.entry(LaneId(row.get(0)?)).or_default();
            lane.add(row.get(1)?, row.get(2)?);
        }
    }
    let mut barriers = db.prepare(sql::BARRIERS)?;
    let mut rows = barriers.query([])?;
    while let Some(row) = rows.next()? {
        let lane = counts.entry(LaneId(row.get(0)?)).or_default();
        lane.barriers += 1;
        if row.get::<_, Stage>(2)?.leads() {
            lane.leading_barrier = Some(row.get(1)?);
        }
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_within_a_millisecond_and_when_the_clock_does_not() {
        let mut ledger = Ledger::default();
        let mut last = ledger.next_uid(1_000);
        for round in 0..10_000 {
            let next = ledger.next_uid(if round % 2 == 0 { 1_000 } else { 10 });
            assert!(next > last, "{round}");
            last = next;
        }
        assert!(ledger.next_uid(1_000_000) > last);
    }
}
