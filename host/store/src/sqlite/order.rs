//! Who may leave, who waits for whom, and what takes the place of what.
//!
//! Of the items of a key, one *leads*: it is queued, under way, held, or unknown
//! in a way that holds its key. The others are behind it. Items later than a
//! barrier are *blocked*, and so is a barrier itself while anything else holds a
//! place. Both kinds of waiting are stages of their own, so that a claim looks at
//! neither.

use rusqlite::{Connection, OptionalExtension, Row};

use super::codes::{Kind, Stage};
use super::sql;
use super::unit::{Item, Unit, Work};
use crate::model::LaneId;

/// Items released in one commit when a barrier ends.
const SLICE: usize = 1_000;

/// The newest item of a key that holds a place.
#[derive(Debug)]
pub(super) struct Newest {
    pub id: u64,
    stage: Stage,
    kind: Kind,
    due: u64,
}

impl Newest {
    pub fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            stage: row.get(1)?,
            kind: row.get(2)?,
            due: row.get(3)?,
        })
    }
}

/// The newest total that is open and newer than a total of its key: it goes in the
/// place of one that a person lets go again. What changes came after it does not
/// matter, since they build on it.
pub(super) fn newer_total(db: &Connection, item: &Item) -> rusqlite::Result<Option<u64>> {
    let (Kind::Absolute, Some(key)) = (item.kind, item.key.as_deref()) else {
        return Ok(None);
    };
    let mut statement = db.prepare_cached(sql::NEWER_TOTAL)?;
    let newer = statement.query_row((item.lane.0, key, item.id), |row| row.get(0));
    newer.optional()
}

/// Where an item enters the order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub stage: Stage,
    pub due: u64,
}

/// What became of an item that was let go again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Went {
    /// It waits for its turn.
    Again,
    /// A newer total goes in its place.
    Superseded,
}

impl Unit<'_> {
    /// The newest item of a key that holds a place.
    pub fn newest(&self, lane: LaneId, key: Option<&[u8]>) -> rusqlite::Result<Option<Newest>> {
        let Some(key) = key else { return Ok(None) };
        self.first(sql::NEWEST_OF_KEY, (lane.0, key), Newest::read)
    }

    /// Where a new item, which is later than all others, enters the order. It may
    /// take the place of an older one.
    pub fn place_new(
        &mut self,
        lane: LaneId,
        id: u64,
        kind: Kind,
        key: Option<&[u8]>,
        due: u64,
        now: u64,
    ) -> Work<Place> {
        let newest = self.newest(lane, key)?;
        if let Some(place) = self.take_over(lane, id, kind, newest.as_ref(), now)? {
            return Ok(place);
        }
        let stage = self.entry(lane, id, kind, key, newest.as_ref())?;
        Ok(Place { stage, due })
    }

    /// The stage of an item that enters the order without taking a place over.
    pub fn entry(
        &self,
        lane: LaneId,
        id: u64,
        kind: Kind,
        key: Option<&[u8]>,
        newest: Option<&Newest>,
    ) -> Work<Stage> {
        let Some(counts) = self.ledger.counts.get(&lane) else {
            return Ok(Stage::Queued);
        };
        if kind == Kind::Barrier {
            let alone = counts.holding() == 0;
            return Ok(if alone { Stage::Queued } else { Stage::Blocked });
        }
        if counts.leading_barrier.is_some() {
            return Ok(Stage::Blocked);
        }
        let led = if counts.blocked() == 0 {
            newest.is_some()
        } else {
            let first = self.first(sql::FIRST_BLOCKED, [lane.0], |row| row.get::<_, u64>(0))?;
            if first.is_some_and(|first| first < id) {
                return Ok(Stage::Blocked);
            }
            newest.is_some() && self.key_is_led(lane, key)?
        };
        Ok(if led { Stage::Behind } else { Stage::Queued })
    }

    fn key_is_led(&self, lane: LaneId, key: Option<&[u8]>) -> rusqlite::Result<bool> {
        let Some(key) = key else { return Ok(false) };
        let led = self.first(sql::KEY_IS_LED, (lane.0, key), |_| Ok(()))?;
        Ok(led.is_some())
    }

    /// Lets a new total take the place of the newest one of its key.
    fn take_over(
        &mut self,
        lane: LaneId,
        id: u64,
        kind: Kind,
        newest: Option<&Newest>,
        now: u64,
    ) -> Work<Option<Place>> {
        let Some(old) = newest.filter(|old| old.id < id) else {
            return Ok(None);
        };
        let totals = kind == Kind::Absolute && old.kind == Kind::Absolute;
        let waits = matches!(
            old.stage,
            Stage::Queued | Stage::Behind | Stage::Held | Stage::Blocked
        );
        if !totals || !waits || self.barrier_after(lane, old.id)? {
            return Ok(None);
        }
        if !self.take_away(lane, old.id, old.stage) {
            return Ok(None);
        }
        self.supersede(lane, old.id, old.stage, id, now)?;
        // What an old record failed on, the new one may be without.
        let stage = match old.stage {
            Stage::Held => Stage::Queued,
            stage => stage,
        };
        Ok(Some(Place {
            stage,
            due: old.due,
        }))
    }

    /// Whether a barrier stands between an item and what is accepted now.
    fn barrier_after(&self, lane: LaneId, item: u64) -> rusqlite::Result<bool> {
        if self
            .ledger
            .counts
            .get(&lane)
            .is_none_or(|c| c.barriers == 0)
        {
            return Ok(false);
        }
        let last = self.first(sql::LAST_BARRIER, [lane.0], |row| row.get::<_, u64>(0))?;
        Ok(last.is_some_and(|last| last > item))
    }

    /// Ends a total in favour of a newer one.
    fn supersede(&mut self, lane: LaneId, old: u64, from: Stage, new: u64, now: u64) -> Work<()> {
        self.run(sql::SUPERSEDE, (old, now, new))?;
        let to = Some(Stage::Superseded);
        self.ledger
            .lane(lane)
            .moved(old, Kind::Absolute, Some(from), to);
        self.note_change(old, Stage::Superseded, now)?;
        Ok(())
    }

    /// Ends a total that would wait if a newer one of its key waits right behind it,
    /// which then goes in its place, and not before `due`. Nothing may be between
    /// them: a change builds on what is before it. False if there is none.
    pub fn give_way(&mut self, item: &Item, due: Option<u64>, now: u64) -> Work<bool> {
        let Some(newer) = self.right_behind(item)? else {
            return Ok(false);
        };
        if let Some(due) = due.filter(|due| *due > newer.due) {
            self.run(sql::SET_DUE, (newer.id, due))?;
        }
        self.supersede(item.lane, item.id, item.stage, newer.id, now)?;
        self.release_after(item)?;
        Ok(true)
    }

    /// The newer total that waits right behind a total.
    pub fn right_behind(&self, item: &Item) -> Work<Option<Newest>> {
        let (Kind::Absolute, Some(key)) = (item.kind, item.key.as_deref()) else {
            return Ok(None);
        };
        let next = (item.lane.0, key, item.id);
        let next = self.first(sql::NEXT_AFTER, next, Newest::read)?;
        let behind = |next: &Newest| next.kind == Kind::Absolute && next.stage == Stage::Behind;
        Ok(next.filter(behind))
    }

    /// Lets an item go again: at once if it has kept its place, else in its turn.
    pub fn reopen(&mut self, item: &Item, due: u64, now: u64) -> Work<Went> {
        let (lane, id, kind) = (item.lane, item.id, item.kind);
        if item.stage.leads() {
            self.enter(item, Stage::Queued, due)?;
            return Ok(Went::Again);
        }
        if let Some(newer) = newer_total(self.db, item)? {
            self.supersede(lane, id, item.stage, newer, now)?;
            return Ok(Went::Superseded);
        }
        let newest = self.newest(lane, item.key.as_deref())?;
        let stage = self.entry(lane, id, kind, item.key.as_deref(), newest.as_ref())?;
        self.enter(item, stage, due)?;
        Ok(Went::Again)
    }

    fn enter(&mut self, item: &Item, stage: Stage, due: u64) -> Work<()> {
        self.run(sql::REOPEN, (item.id, stage, due))?;
        let counts = self.ledger.lane(item.lane);
        counts.moved(item.id, item.kind, Some(item.stage), Some(stage));
        Ok(())
    }

    /// What follows when an item has left the order: the next one of its key goes,
    /// or what a barrier held back.
    pub fn release_after(&mut self, item: &Item) -> Work<()> {
        if !item.stage.holds() {
            return Ok(());
        }
        if let (true, Some(key)) = (item.stage.leads(), &item.key) {
            let next = self.first(sql::NEXT_OF_KEY, (item.lane.0, key), |row| row.get(0))?;
            if let Some(next) = next {
                // Whatever its kind is: it has a key, and so is no barrier.
                self.restage(item.lane, next, item.kind, Stage::Behind, Stage::Queued)?;
            }
        }
        self.advance(item.lane)
    }

    /// Releases what no barrier holds back any more, in slices: the writer comes
    /// back for the rest.
    pub fn advance(&mut self, lane: LaneId) -> Work<()> {
        self.ledger.unfinished.remove(&lane);
        for _ in 0..SLICE {
            let Some(counts) = self.ledger.counts.get(&lane) else {
                return Ok(());
            };
            if counts.blocked() == 0 || counts.leading_barrier.is_some() {
                return Ok(());
            }
            let alone = counts.holding() == counts.blocked();
            let first = self.first(sql::FIRST_BLOCKED, [lane.0], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<Vec<u8>>>(2)?))
            })?;
            let Some((id, kind, key)) = first else {
                return Ok(());
            };
            let to = match kind {
                Kind::Barrier if !alone => return Ok(()),
                Kind::Barrier => Stage::Queued,
                _ if self.key_is_led(lane, key.as_deref())? => Stage::Behind,
                _ => Stage::Queued,
            };
            self.restage(lane, id, kind, Stage::Blocked, to)?;
        }
        self.ledger.unfinished.insert(lane);
        Ok(())
    }
}
