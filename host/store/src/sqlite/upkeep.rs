//! Depths, connections' states, and copies.

use std::collections::{BTreeMap, HashMap};
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OptionalExtension, ffi};

use super::codes::Stage;
use super::failure::explain;
use super::{Shared, sql};
use crate::error::{Result, StoreError};
use crate::model::{ConnectionName, ConnectionState, Depth, LaneId, State};

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

    /// Bytes of a tenant's open and dead items, apart from those under way.
    pub fn kept_bytes(&self, tenant: &str) -> Result<u64> {
        let lanes = self.lanes_that(|lane| lane.tenant == tenant);
        self.readers.with(|db| {
            let mut bytes = 0_u64;
            for statement in sql::KEPT_BYTES {
                let mut statement = db.prepare_cached(statement)?;
                for lane in &lanes {
                    let sum = statement.query_row([lane.0], |row| row.get::<_, Option<u64>>(0))?;
                    bytes = bytes.saturating_add(sum.unwrap_or(0));
                }
            }
            Ok(bytes)
        })
    }

    /// When the oldest open item of each lane was accepted.
    pub fn oldest(&self) -> Result<Vec<(LaneId, u64)>> {
        self.readers.with(|db| {
            let db = db.unchecked_transaction()?;
            let mut first: BTreeMap<u64, u64> = BTreeMap::new();
            let mut older = |lane, id| {
                let known = first.entry(lane).or_insert(id);
                *known = id.min(*known);
            };
            for statement in [sql::OLDEST_DUE].iter().chain(&sql::OLDEST_UNDER_WAY) {
                let mut statement = db.prepare_cached(statement)?;
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    older(row.get(0)?, row.get(1)?);
                }
            }
            for statement in sql::OLDEST_NEXT {
                let mut statement = db.prepare_cached(statement)?;
                let mut after = 0_u64;
                loop {
                    let next = statement.query_row([after], |row| Ok((row.get(0)?, row.get(1)?)));
                    let Some((lane, id)) = next.optional()? else {
                        break;
                    };
                    after = lane;
                    older(lane, id);
                }
            }
            let mut accepted = db.prepare_cached(sql::ACCEPTED)?;
            let accepted = first.into_iter().map(|(lane, id)| {
                let at = accepted.query_row([id], |row| row.get(0))?;
                Ok((LaneId(lane), at))
            });
            accepted.collect()
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
        into_new_file(to, |to| self.readers.with(|db| Ok(copy(db, to))))
    }
}

/// Makes a copy in a file that was not there before, and has it on disk.
pub(super) fn into_new_file(
    to: &Path,
    copy: impl FnOnce(&Path) -> Result<rusqlite::Result<()>>,
) -> Result<()> {
    let refused = |error: std::io::Error, what: &str| StoreError::Unusable {
        path: to.into(),
        why: format!("{}; {what}", reason(&error)),
    };
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    super::open::private(&mut options);
    let file = options.open(to);
    let file = file.map_err(|error| refused(error, "name a new file in a folder that is there"))?;
    let copied = copy(to).and_then(|copied| copied.map_err(|error| explain(to, &error)));
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

/// Why a file cannot be made, without a number.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::AlreadyExists => "it is there already, and nothing is overwritten".into(),
        ErrorKind::NotFound => "its folder is not there".into(),
        ErrorKind::PermissionDenied => "its folder may not be written to".into(),
        ErrorKind::StorageFull => "the disk is full".into(),
        _ => error.to_string(),
    }
}

/// Copies a database into an empty file. What others write meanwhile is not in it.
pub(super) fn copy(db: &Connection, to: &Path) -> rusqlite::Result<()> {
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
