//! One delivery, one item, one attempt, for people.

use rusqlite::{Connection, OptionalExtension, Row};

use super::attempts::unpack;
use super::claim::{index, whole};
use super::codes::{Kind, Stage};
use super::unit::{Payload, row_id};
use super::{Shared, sql};
use crate::error::Result;
use crate::model::{
    AttemptId, AttemptView, DeliveryId, DeliveryView, EditView, ItemBytes, ItemId, ItemSummary,
    ItemView, Lane, LaneId, Place, limits,
};

impl Shared {
    /// A delivery with its items.
    pub fn delivery(&self, id: DeliveryId) -> Result<Option<DeliveryView>> {
        self.readers.with(|db| {
            let db = db.unchecked_transaction()?;
            let found = db
                .prepare_cached(sql::DELIVERY)?
                .query_row([id.to_bytes()], |row| {
                    let (first, lane): (u64, u64) = (row.get(0)?, row.get(1)?);
                    Ok((
                        first,
                        LaneId(lane),
                        row.get::<_, u64>(2)?,
                        row.get(3)?,
                        row.get(4)?,
                    ))
                });
            let Some((first, lane, count, accepted, origin)) = found.optional()? else {
                return Ok(None);
            };
            let mut statement = db.prepare_cached(sql::OF_DELIVERY)?;
            let items = statement.query_map([first, first + count], |row| self.summary(row))?;
            let view = DeliveryView {
                id,
                lane: self.names(lane),
                origin,
                accepted,
                items: items.collect::<rusqlite::Result<_>>()?,
            };
            Ok(Some(view))
        })
    }

    fn names(&self, lane: LaneId) -> Lane {
        self.lane(lane).unwrap_or_else(|| Lane::new("?", "?", "?"))
    }

    /// An item's row without its bytes.
    pub fn summary(&self, row: &Row<'_>) -> rusqlite::Result<ItemSummary> {
        let item = row.get(0)?;
        let stage: Stage = row.get(4)?;
        let kind: Kind = row.get(13)?;
        Ok(ItemSummary {
            item: ItemId(item),
            delivery: DeliveryId::from_bytes(row.get(1)?),
            index: index(item, row.get(2)?),
            lane: LaneId(row.get(3)?),
            state: stage.state(),
            holds_key: stage == Stage::UnknownHolds,
            due: self.clock.outward(row.get(5)?),
            accepted: row.get(6)?,
            finished: row.get(7)?,
            attempts: row.get(8)?,
            blame: row.get(9)?,
            code: row.get(10)?,
            message: row.get(11)?,
            label: row.get(12)?,
            order: kind.order(row.get(14)?),
            held_for: row
                .get::<_, Option<String>>(15)?
                .filter(|_| stage == Stage::Held),
            superseded_by: row.get::<_, Option<u64>>(16)?.map(ItemId),
            successor: successor(row, 16)?,
            doubt: row.get(19)?,
        })
    }

    /// An item with everything that is known of it.
    pub fn item(&self, id: ItemId) -> Result<Option<ItemView>> {
        self.readers.with(|db| {
            let db = db.unchecked_transaction()?;
            let mut statement = db.prepare_cached(sql::SUMMARY)?;
            let summary = statement.query_row([row_id(id.0)], |row| self.summary(row));
            let Some(summary) = summary.optional()? else {
                return Ok(None);
            };
            let mut statement = db.prepare_cached(sql::ITEM_BYTES)?;
            let (input, result, newest) =
                statement.query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            Ok(Some(ItemView {
                lane: self.names(summary.lane),
                summary,
                input: whole(&db, Payload::Input, id.0, input)?,
                result: whole(&db, Payload::Result, id.0, result)?,
                attempts: attempts(&db, id, newest)?,
                edits: edits(&db, id)?,
                unreadable: None,
            }))
        })
    }

    /// An item's input and result alone.
    pub fn bytes(&self, id: ItemId) -> Result<Option<ItemBytes>> {
        self.readers.with(|db| {
            let db = db.unchecked_transaction()?;
            let mut statement = db.prepare_cached(sql::ITEM_BYTES)?;
            let inline = statement.query_row([row_id(id.0)], |row| Ok((row.get(0)?, row.get(1)?)));
            let Some((input, result)) = inline.optional()? else {
                return Ok(None);
            };
            Ok(Some(ItemBytes {
                input: whole(&db, Payload::Input, id.0, input)?,
                result: whole(&db, Payload::Result, id.0, result)?,
                unreadable: None,
            }))
        })
    }
}

/// Where what superseded an item is found: three columns, its number and its
/// delivery, of which the last two are empty once it is gone.
pub(super) fn successor(row: &Row<'_>, from: usize) -> rusqlite::Result<Option<Place>> {
    let number: Option<u64> = row.get(from)?;
    let (Some(item), Some(uid)) = (number, row.get::<_, Option<[u8; 16]>>(from + 1)?) else {
        return Ok(None);
    };
    Ok(Some(Place {
        item: ItemId(item),
        delivery: DeliveryId::from_bytes(uid),
        index: index(item, row.get(from + 2)?),
    }))
}

/// An item's attempts, newest first: each one names the one before.
fn attempts(
    db: &Connection,
    item: ItemId,
    newest: Option<u64>,
) -> rusqlite::Result<Vec<AttemptView>> {
    let mut statement = db.prepare_cached(sql::ATTEMPT)?;
    let mut attempts = Vec::new();
    let mut next = newest.unwrap_or(0);
    while next != 0 && attempts.len() < limits::ATTEMPTS_SHOWN {
        let found = statement.query_row([next], |row| attempt(next, row));
        let Some((view, links)) = found.optional()? else {
            break;
        };
        let link = links.iter().find(|(of, _)| *of == item.0);
        next = link.map_or(0, |(_, before)| *before);
        attempts.push(view);
    }
    Ok(attempts)
}

fn attempt(id: u64, row: &Row<'_>) -> rusqlite::Result<(AttemptView, Vec<(u64, u64)>)> {
    let links = unpack(&row.get::<_, Vec<u8>>(9)?);
    let view = AttemptView {
        attempt: AttemptId(id),
        left: row.get::<_, u8>(0)? != 2,
        repeat: row.get(1)?,
        began: row.get(2)?,
        ended: row.get(3)?,
        status: row.get(4)?,
        blame: row.get(5)?,
        code: row.get(6)?,
        message: row.get(7)?,
        generations: row.get(8)?,
        items: links.len(),
        request: row.get(10)?,
        answer: row.get(11)?,
    };
    Ok((view, links))
}

/// An item's edits, oldest first. The newest show what the input was, as far as
/// there is room.
fn edits(db: &Connection, item: ItemId) -> rusqlite::Result<Vec<EditView>> {
    let mut statement = db.prepare_cached(sql::EDITS)?;
    let mut room = limits::EDITS_SHOWN;
    let rows = statement.query_map((item.0, limits::EDITS), |row| {
        let before = row.get_ref(3)?.as_blob()?;
        let left = room.checked_sub(before.len());
        room = left.unwrap_or(0);
        Ok(EditView {
            at: row.get(0)?,
            who: row.get(1)?,
            reason: row.get(2)?,
            input_before: left.map(|_| before.to_vec()),
        })
    })?;
    let mut edits: Vec<EditView> = rows.collect::<rusqlite::Result<_>>()?;
    edits.reverse();
    Ok(edits)
}
