//! The sequence of items that ended or were held.

use rusqlite::{OptionalExtension, Row};

use super::claim::index;
use super::codes::Stage;
use super::views::successor;
use super::{Shared, sql};
use crate::error::Result;
use crate::model::{Change, Changes, DeliveryId, EndView, ItemId, LaneId, limits};

impl Shared {
    /// Those of all tenants after a place.
    pub fn changes(&self, after: u64, limit: usize) -> Result<Changes> {
        self.changes_that(after, limit, |_| true)
    }

    /// Those of one tenant.
    pub fn changes_of(&self, tenant: &str, after: u64, limit: usize) -> Result<Changes> {
        let lanes = self.lanes_that(|lane| lane.tenant == tenant);
        self.changes_that(after, limit, |lane| lanes.binary_search(&lane).is_ok())
    }

    fn changes_that(
        &self,
        after: u64,
        limit: usize,
        meant: impl Fn(LaneId) -> bool,
    ) -> Result<Changes> {
        let limit = limit.clamp(1, limits::PAGE);
        self.readers.with(|db| {
            let db = db.unchecked_transaction()?;
            let first = db.prepare_cached(sql::FIRST_CHANGE)?;
            let first = { first }
                .query_row([], |row| row.get::<_, u64>(0))
                .optional()?;
            let next_new: u64 = db.query_row(sql::META, [], |row| row.get(3))?;
            let mut found = Changes {
                changes: Vec::new(),
                next: after,
                newest: next_new.saturating_sub(1),
                missed: after.saturating_add(1) < first.unwrap_or(next_new),
            };
            let mut statement = db.prepare_cached(sql::CHANGES)?;
            let from = after.min(i64::MAX as u64);
            let mut rows = statement.query((from, limits::LOOKED_AT))?;
            let mut looked_at = 0;
            loop {
                let Some(row) = rows.next()? else {
                    if looked_at < limits::LOOKED_AT {
                        // The newest ones may be removed already.
                        found.next = found.next.max(found.newest);
                    }
                    break;
                };
                looked_at += 1;
                found.next = row.get(0)?;
                let Some(lane) = row.get::<_, Option<u64>>(4)?.map(LaneId) else {
                    // Its delivery is gone, and with it whose it was.
                    found.missed = true;
                    continue;
                };
                if meant(lane) {
                    found.changes.push(change(row, found.next, lane)?);
                    if found.changes.len() == limit {
                        break;
                    }
                }
            }
            Ok(found)
        })
    }
}

fn change(row: &Row<'_>, seq: u64, lane: LaneId) -> rusqlite::Result<Change> {
    let item = row.get(1)?;
    let (then, at): (Stage, u64) = (row.get(5)?, row.get(6)?);
    let (now, finished): (Stage, Option<u64>) = (row.get(9)?, row.get(10)?);
    let unchanged = now == then && finished.is_none_or(|finished| finished == at);
    let end = match unchanged {
        false => None,
        true => Some(EndView {
            attempts: row.get(11)?,
            blame: row.get(12)?,
            code: row.get(13)?,
            message: row.get(14)?,
            superseded_by: row.get::<_, Option<u64>>(15)?.map(ItemId),
            successor: successor(row, 15)?,
            doubt: row.get(18)?,
        }),
    };
    Ok(Change {
        seq,
        item: ItemId(item),
        delivery: DeliveryId::from_bytes(row.get(2)?),
        index: index(item, row.get(3)?),
        lane,
        state: then.state(),
        at,
        accepted: row.get(7)?,
        label: row.get(8)?,
        end,
    })
}
