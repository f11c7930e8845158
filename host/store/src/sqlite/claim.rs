//! What may be delivered now.

use rusqlite::{Connection, OptionalExtension, Row};

use super::codes::{Kind, Stage};
use super::unit::{Payload, Unit, Work, row_id};
use super::{Shared, SqliteStore, sql};
use crate::error::Result;
use crate::model::{Claimed, DeliveryId, DueLane, ItemId, LaneId, Waiting, limits};

impl Shared {
    /// Lanes with something due: from one lane's first entry to the next one's.
    pub fn due_lanes(&self, now: u64, after: Option<LaneId>, limit: usize) -> Result<Vec<DueLane>> {
        let at = self.clock.seen(now);
        let limit = limit.min(limits::PAGE);
        let found = self.readers.with(|db| {
            let mut statement = db.prepare_cached(sql::NEXT_LANE)?;
            let mut after = after.map_or(0, |lane| lane.0.min(i64::MAX as u64));
            let mut found = Vec::new();
            while found.len() < limit {
                let next = statement.query_row([after], |row| Ok((row.get(0)?, row.get(1)?)));
                let Some((lane, due)) = next.optional()? else {
                    break;
                };
                after = lane;
                if due <= at {
                    let lane = LaneId(lane);
                    found.push(DueLane { lane, due });
                }
            }
            Ok(found)
        })?;
        let outward = |lane: DueLane| DueLane {
            due: self.clock.outward(lane.due),
            ..lane
        };
        Ok(found.into_iter().map(outward).collect())
    }

    /// What of a lane nobody has claimed, as far as it is asked for.
    pub fn waiting(&self, lane: LaneId, now: u64, most: usize) -> Result<Waiting> {
        let at = self.clock.seen(now);
        let most = most.clamp(1, limits::PAGE);
        self.claims.with(lane, |claims| {
            let rows = most + claims.passed_by();
            let mut waiting = Waiting::default();
            self.readers.with(|db| {
                let mut statement = db.prepare_cached(sql::WAITING)?;
                let mut rows = statement.query((row_id(lane.0), rows))?;
                while waiting.due < most
                    && let Some(row) = rows.next()?
                {
                    if !claims.is_free(row.get(0)?) {
                        continue;
                    }
                    let due: u64 = row.get(1)?;
                    waiting.first.get_or_insert(self.clock.outward(due));
                    if due > at {
                        break;
                    }
                    waiting.due += 1;
                }
                Ok(())
            })?;
            Ok(waiting)
        })
    }

    /// The next items of a lane, which are the caller's from now on.
    pub fn claim(&self, lane: LaneId, now: u64, limit: usize) -> Result<Vec<Claimed>> {
        let at = self.clock.seen(now);
        let limit = limit.min(limits::PAGE);
        self.claims.with(lane, |claims| {
            let rows = limit + claims.passed_by();
            let mut found: Vec<Claimed> = Vec::new();
            let read = self.readers.with(|db| {
                let mut statement = db.prepare_cached(sql::CLAIM)?;
                let mut rows = statement.query((row_id(lane.0), at, rows))?;
                let mut bytes = 0;
                while found.len() < limit
                    && let Some(row) = rows.next()?
                {
                    let item = row.get(0)?;
                    if claims.is_free(item) {
                        let claimed = read(db, item, row)?;
                        bytes += claimed.input.len();
                        if bytes > limits::CLAIM && !found.is_empty() {
                            break;
                        }
                        found.push(claimed);
                    }
                }
                Ok(())
            });
            read?;
            for claimed in &found {
                claims.claim(claimed.item.0);
            }
            Ok(found)
        })
    }
}

impl SqliteStore {
    /// Gives claims up. The writer is asked first, since it alone knows what has
    /// come behind an item until now: of most nothing has, and then there is no
    /// commit.
    pub(super) fn give_back(&self, lane: LaneId, items: &[ItemId], now: u64) {
        if items.is_empty() {
            return;
        }
        let given = items.to_vec();
        let look = move |unit: &mut Unit<'_>| unit.give_back(lane, given);
        let passed = self.writer.submit(0, now, look);
        let passed = passed.unwrap_or_else(|_| items.to_vec());
        if passed.is_empty() {
            return;
        }
        let given = passed.clone();
        let work = move |unit: &mut Unit<'_>| unit.give_way_untried(given, now);
        if self.writer.submit(passed.len() * 3, now, work).is_err() {
            // The older ones leave once, before the newer ones.
            for item in passed {
                self.shared.claims.give_back(lane, item.0);
            }
        }
    }
}

impl Unit<'_> {
    /// Gives those claims up that no newer total has come behind, and returns the
    /// others, which stay claimed.
    fn give_back(&mut self, lane: LaneId, items: Vec<ItemId>) -> Work<Vec<ItemId>> {
        let mut passed = Vec::new();
        for id in items {
            let item = self.item(id)?.filter(|item| item.stage == Stage::Queued);
            let newer = match &item {
                Some(item) => self.right_behind(item)?,
                None => None,
            };
            match newer {
                Some(_) => passed.push(id),
                None => self.shared.claims.give_back(lane, id.0),
            }
        }
        Ok(passed)
    }

    /// Ends totals that were given back in favour of what is right behind them.
    fn give_way_untried(&mut self, items: Vec<ItemId>, now: u64) -> Work<()> {
        for id in items {
            if let Some(item) = self.item(id)? {
                if item.stage == Stage::Queued {
                    self.give_way(&item, Some(item.due), now)?;
                }
                self.settled.push((item.lane, id.0));
            }
        }
        Ok(())
    }
}

fn read(db: &Connection, item: u64, row: &Row<'_>) -> rusqlite::Result<Claimed> {
    let kind: Kind = row.get(3)?;
    Ok(Claimed {
        item: ItemId(item),
        delivery: DeliveryId::from_bytes(row.get(1)?),
        index: index(item, row.get(2)?),
        effect: kind.effect(),
        accepted: row.get(4)?,
        attempts: row.get(5)?,
        label: row.get(6)?,
        input: whole(db, Payload::Input, item, row.get(7)?)?,
    })
}

/// An item's place in a delivery that begins with another one.
pub(super) fn index(item: u64, first: u64) -> u32 {
    u32::try_from(item.saturating_sub(first)).unwrap_or(u32::MAX)
}

/// The bytes of a row, or those that are kept apart; empty if there are none.
pub(super) fn whole(
    db: &Connection,
    payload: Payload,
    item: u64,
    inline: Option<Vec<u8>>,
) -> rusqlite::Result<Vec<u8>> {
    if let Some(bytes) = inline {
        return Ok(bytes);
    }
    let mut statement = db.prepare_cached(sql::PAYLOAD)?;
    let bytes = statement.query_row([payload.row(item)], |row| row.get(0));
    Ok(bytes.optional()?.unwrap_or_default())
}
