//! What is newer about the same thing than an item that a person lets go again.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};

use super::claim::index;
use super::order::newer_total;
use super::unit::{Item, row_id};
use super::{Shared, sql};
use crate::error::Result;
use crate::model::{DeliveryId, ItemId, LaneId, Overwrites, Overwritten, Place, limits};

/// Rows of one look at what was delivered.
const SLICE: u64 = 2_000;

impl Shared {
    /// The newer total that goes in an item's place, by the same rule as when it
    /// is retried.
    pub fn overtaken(&self, id: ItemId) -> Result<Option<Place>> {
        self.readers.with(|db| {
            let db = db.unchecked_transaction()?;
            let newer = match total(&db, id)? {
                Some(item) => newer_total(&db, &item)?,
                None => None,
            };
            match newer {
                Some(newer) => Ok(place(&db, newer)?.map(|(place, _)| place)),
                None => Ok(None),
            }
        })
    }

    /// What was delivered after some totals about the same things. Goes back from
    /// the newest item, in slices, so that no reader is kept for long.
    pub fn overwrites(&self, items: &[ItemId]) -> Result<Overwrites> {
        let mut wanted: HashMap<(LaneId, Vec<u8>), Vec<u64>> = HashMap::new();
        let (mut oldest, newest) = self.readers.with(|db| {
            let mut oldest = u64::MAX;
            for &id in items.iter().take(limits::PAGE) {
                let Some(item) = total(db, id)? else { continue };
                if let Some(key) = item.key {
                    oldest = oldest.min(item.id);
                    wanted.entry((item.lane, key)).or_default().push(item.id);
                }
            }
            let next: u64 = db.query_row(sql::META, [], |row| row.get(1))?;
            Ok((oldest, next))
        })?;
        oldest = oldest.saturating_add(1);
        let mut found = Overwrites {
            newer: Vec::new(),
            whole: true,
        };
        let floor = newest.saturating_sub(limits::LOOKED_BACK);
        let mut before = newest;
        while before > oldest && !wanted.is_empty() {
            if before <= floor {
                found.whole = false;
                break;
            }
            let from = before.saturating_sub(SLICE).max(oldest).max(floor);
            self.readers.with(|db| {
                let mut statement = db.prepare_cached(sql::DELIVERED_BETWEEN)?;
                let mut rows = statement.query((row_id(from), row_id(before)))?;
                while let Some(row) = rows.next()? {
                    let newer: u64 = row.get(0)?;
                    let key = (LaneId(row.get(1)?), row.get(2)?);
                    let Some(older) = wanted.get_mut(&key) else {
                        continue;
                    };
                    let Some((place, accepted)) = place(db, newer)? else {
                        continue;
                    };
                    let meant = older.extract_if(.., |older| *older < newer);
                    found.newer.extend(meant.map(|older| Overwritten {
                        item: ItemId(older),
                        newer: place,
                        accepted,
                    }));
                    if older.is_empty() {
                        wanted.remove(&key);
                    }
                }
                Ok(())
            })?;
            before = from;
        }
        found.newer.sort_unstable_by_key(|one| one.item);
        Ok(found)
    }
}

/// An item that is a total and takes no place in the order now, or waits in it.
fn total(db: &Connection, id: ItemId) -> rusqlite::Result<Option<Item>> {
    let mut statement = db.prepare_cached(sql::ITEM)?;
    let item = statement.query_row([row_id(id.0)], |row| Item::read(id.0, row));
    let item = item.optional()?;
    Ok(item.filter(|item| item.is_total() && !item.stage.leads()))
}

/// Where an item is found, and when it was accepted.
fn place(db: &Connection, item: u64) -> rusqlite::Result<Option<(Place, u64)>> {
    let mut statement = db.prepare_cached(sql::PLACE)?;
    let found = statement.query_row([row_id(item)], |row| {
        let place = Place {
            item: ItemId(item),
            delivery: DeliveryId::from_bytes(row.get(0)?),
            index: index(item, row.get(1)?),
        };
        Ok((place, row.get(2)?))
    });
    found.optional()
}
