//! The file's format, and how older ones become it.

use std::path::Path;

use rusqlite::Connection;

use super::failure::explain;
use crate::error::{Result, StoreError};

/// "CDOB" in the file's header tells that it is an outbox.
const APPLICATION: i64 = 0x4344_4f42;

/// What makes each format from the one before, beginning with an empty file.
pub(super) const STEPS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("notes.sql"),
    include_str!("doubt.sql"),
    include_str!("flows.sql"),
    include_str!("grants.sql"),
    include_str!("counts.sql"),
];

/// Makes the file what this version works with, or says why it cannot. A file
/// that is something else is left as it is.
pub(super) fn prepare(db: &mut Connection, path: &Path) -> Result<()> {
    let told = |error| explain(path, &error);
    let format = format(db, path)?;
    if format == 0 {
        // Both have to be set before there is a table, and before the journal.
        let first =
            format!("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA application_id = {APPLICATION};");
        db.execute_batch(&first).map_err(told)?;
    }
    for (step, number) in STEPS.iter().zip(1..).skip(format as usize) {
        migrate(db, step, number).map_err(told)?;
    }
    Ok(())
}

/// Which format a file has that this version can read as it is.
pub(super) fn readable(db: &Connection, path: &Path) -> Result<()> {
    let known = STEPS.len() as u64;
    match format(db, path)? {
        0 => Err(StoreError::Foreign { path: path.into() }),
        found if found < known => Err(StoreError::Unusable {
            path: path.into(),
            why: format!(
                "an older version wrote it (format {found}, this one reads {known}); use that version, or let a host of this one open it first"
            ),
        }),
        _ => Ok(()),
    }
}

/// The format of an outbox; 0 for an empty file.
fn format(db: &Connection, path: &Path) -> Result<u64> {
    let told = |error| explain(path, &error);
    let number = |pragma| db.query_row(pragma, [], |row| row.get::<_, i64>(0));
    let application = number("PRAGMA application_id").map_err(told)?;
    let format = number("PRAGMA user_version").map_err(told)?;
    let tables = number("SELECT count(*) FROM sqlite_schema").map_err(told)?;
    let found = match (application, u64::try_from(format)) {
        (0, Ok(0)) if tables == 0 => 0,
        (APPLICATION, Ok(format)) => format,
        _ => return Err(StoreError::Foreign { path: path.into() }),
    };
    let known = STEPS.len() as u64;
    if found > known {
        return Err(StoreError::Newer {
            path: path.into(),
            found,
            known,
        });
    }
    Ok(found)
}

fn migrate(db: &mut Connection, step: &str, format: u64) -> rusqlite::Result<()> {
    let transaction = db.transaction()?;
    transaction.execute_batch(step)?;
    transaction.pragma_update(None, "user_version", format)?;
    transaction.commit()
}
