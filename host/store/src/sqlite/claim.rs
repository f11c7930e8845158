//! What may be delivered now.

use rusqlite::{Connection, OptionalExtension, Row};

use super::codes::Kind;
use super::unit::{Payload, row_id};
use super::{Shared, sql};
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
