//! Depths, the sequence of changes, connections' states, and copies.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OptionalExtension, ffi};

use super::claim::index;
use super::codes::Stage;
use super::failure::explain;
use super::{Shared, sql};
use crate::error::{Result, StoreError};
use crate::model::{
    Change, Changes, ConnectionName, ConnectionState, DeliveryId, Depth, ItemId, LaneId, State,
    limits,
};

/// Pages that are copied at once.
const PAGES: i32 = 1_000;

impl Shared {
    /// How much waits in each lane.
    pub fn depths(&self) -> Result<Vec<Depth>> {
        let counts = self.all_counts();
        let oldest: HashMap<LaneId, u64> = self.readers.with(|db| {
            let mut statement = db.prepare_cached(sql::NEXT_LANE)?;
            let mut oldest = HashMap::new();
            let mut after = 0_u64;
            loop {
                let next = statement.query_row([after], |row| Ok((row.get(0)?, row.get(1)?)));
                let Some((lane, due)) = next.optional()? else {
                    return Ok(oldest);
                };
                after = lane;
                oldest.insert(LaneId(lane), due);
            }
        })?;
        let mut depths: Vec<Depth> = Vec::with_capacity(counts.len());
        for (lane, counts) in counts {
            let mut items: Vec<(State, u64)> = Vec::new();
            for state in State::ALL {
                let count = Stage::of_state(state).map(|stage| counts.of(stage)).sum();
                if count > 0 {
                    items.push((state, count));
                }
            }
            let oldest_due = oldest.get(&lane).map(|due| self.clock.outward(*due));
            depths.push(Depth {
                lane,
                items,
                oldest_due,
            });
        }
        depths.sort_unstable_by_key(|depth| depth.lane);
        Ok(depths)
    }

    /// Items that ended, after a place in the sequence.
    pub fn changes(&self, after: u64, limit: usize) -> Result<Changes> {
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
                missed: after.saturating_add(1) < first.unwrap_or(next_new),
            };
            let mut statement = db.prepare_cached(sql::CHANGES)?;
            let mut rows = statement.query((after.min(i64::MAX as u64), limit))?;
            while let Some(row) = rows.next()? {
                found.next = row.get(0)?;
                // Its delivery may be gone already.
                let Some(uid) = row.get::<_, Option<[u8; 16]>>(2)? else {
                    continue;
                };
                let item = row.get(1)?;
                found.changes.push(Change {
                    seq: found.next,
                    item: ItemId(item),
                    delivery: DeliveryId::from_bytes(uid),
                    index: index(item, row.get(3)?),
                    lane: LaneId(row.get(4)?),
                    state: row.get::<_, Stage>(5)?.state(),
                    at: row.get(6)?,
                });
            }
            Ok(found)
        })
    }

    /// Every connection's state.
    pub fn connection_states(&self) -> Result<Vec<ConnectionState>> {
        self.readers.with(|db| {
            let mut statement = db.prepare_cached(sql::CONNECTIONS)?;
            let rows = statement.query_map([], |row| {
                let (tenant, connection) = (row.get(0)?, row.get(1)?);
                Ok(ConnectionState {
                    name: ConnectionName { tenant, connection },
                    state: row.get(2)?,
                })
            })?;
            rows.collect()
        })
    }

    /// Copies everything into a new file. The copy is of one moment, and costs no
    /// writer its turn.
    pub fn backup(&self, to: &Path) -> Result<()> {
        let refused = |error: std::io::Error, what: &str| StoreError::Unusable {
            path: to.into(),
            why: format!("{error}; {what}"),
        };
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        super::open::private(&mut options);
        let file = options.open(to);
        let file = file.map_err(|error| refused(error, "name a file that is not there"))?;
        let copied = self.readers.with(|db| Ok(copy(db, to)));
        let copied = copied.and_then(|copied| copied.map_err(|error| explain(to, &error)));
        let synced = copied.and_then(|()| {
            let synced = file.sync_all();
            synced.map_err(|error| refused(error, "look at the disk"))
        });
        if synced.is_err() {
            // Half a copy is none. That it cannot be removed helps nobody.
            let _ = std::fs::remove_file(to);
        }
        synced
    }
}

/// Copies a database into an empty file. What others write meanwhile is not in it.
fn copy(db: &Connection, to: &Path) -> rusqlite::Result<()> {
    let mut copy = Connection::open(to)?;
    let moment = db.unchecked_transaction()?;
    moment.query_row(sql::META, [], |_| Ok(()))?;
    let backup = Backup::new(&moment, &mut copy)?;
    loop {
        match backup.step(PAGES)? {
            StepResult::Done => break,
            StepResult::More => {}
            // Who could have the new file is a person with a tool.
            _ => {
                let busy = ffi::Error::new(ffi::SQLITE_BUSY);
                return Err(rusqlite::Error::SqliteFailure(busy, None));
            }
        }
    }
    drop(backup);
    // One file, without another one beside it.
    copy.execute_batch("PRAGMA journal_mode = DELETE;")?;
    copy.close().map_err(|(_, error)| error)
}
