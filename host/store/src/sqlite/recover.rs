//! What was under way when the store was closed.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};

use super::claim::index;
use super::{Shared, sql};
use crate::error::Result;
use crate::model::{AttemptId, DeliveryId, ItemId, LaneId, OpenAttempt, OpenItem, Recovery};

impl Shared {
    /// Reads what has an intent and no outcome, and what callers waited for.
    pub fn recover(&self) -> Result<Recovery> {
        self.readers.with(|db| {
            // One moment for all of it.
            let db = db.unchecked_transaction()?;
            let mut by_attempt: BTreeMap<u64, Vec<OpenItem>> = BTreeMap::new();
            let mut calls = Vec::new();
            for (attempt, item) in under_way(&db, sql::SENDING, false)? {
                by_attempt
                    .entry(attempt.unwrap_or(0))
                    .or_default()
                    .push(item);
            }
            for (attempt, item) in under_way(&db, sql::CALLING, true)? {
                match attempt {
                    Some(attempt) => by_attempt.entry(attempt).or_default().push(item),
                    None => calls.push(item),
                }
            }
            let mut attempts = Vec::new();
            for (number, items) in by_attempt {
                match open_attempt(&db, number)? {
                    Some(attempt) => attempts.push(OpenAttempt { items, ..attempt }),
                    // Their last request is known to have ended.
                    None => calls.extend(items),
                }
            }
            calls.sort_by_key(|item| item.item);
            Ok(Recovery { attempts, calls })
        })
    }
}

fn under_way(
    db: &Connection,
    statement: &str,
    call: bool,
) -> rusqlite::Result<Vec<(Option<u64>, OpenItem)>> {
    let mut statement = db.prepare_cached(statement)?;
    let rows = statement.query_map([], |row| {
        let item = row.get(0)?;
        let open = OpenItem {
            item: ItemId(item),
            delivery: DeliveryId::from_bytes(row.get(1)?),
            index: index(item, row.get(2)?),
            lane: LaneId(row.get(3)?),
            call,
        };
        Ok((row.get(4)?, open))
    })?;
    rows.collect()
}

/// An attempt that is open, without its items.
fn open_attempt(db: &Connection, number: u64) -> rusqlite::Result<Option<OpenAttempt>> {
    let mut statement = db.prepare_cached(sql::OPEN_ATTEMPT)?;
    let found = statement.query_row([number], |row| {
        Ok(OpenAttempt {
            attempt: AttemptId(number),
            lane: LaneId(row.get(0)?),
            repeat: row.get(1)?,
            began: row.get(2)?,
            request: row.get(3)?,
            items: Vec::new(),
        })
    });
    found.optional()
}
