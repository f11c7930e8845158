//! Copying and checking a file that another process may have open.
//!
//! Both only read, in one transaction: they see one moment, however much is
//! written meanwhile, and hold nobody up who writes. What they do hold up is that
//! the log is emptied, so that it may grow for as long as they take. They do not
//! take the lock of the folder.

use std::path::Path;

use rusqlite::Connection;

use super::check::everything_in;
use super::failure::explain;
use super::upkeep::{copy, into_new_file};
use super::{SqliteStore, open, schema};
use crate::error::{Result, StoreError};

impl SqliteStore {
    /// Copies the outbox of a folder into a new file, whether a host uses the
    /// folder or not.
    ///
    /// # Errors
    /// If there is no outbox, it cannot be read, or the file is there already.
    pub fn backup_of(folder: &Path, to: &Path) -> Result<()> {
        let db = read(&open::file(folder))?;
        into_new_file(to, |to| Ok(copy(&db, to)))
    }

    /// What does not hold in the outbox of a folder, one sentence each, whether a
    /// host uses the folder or not. What a host counts in memory is not looked at.
    ///
    /// # Errors
    /// If there is no outbox, or it is none.
    pub fn check_of(folder: &Path) -> Result<Vec<String>> {
        check(&open::file(folder))
    }

    /// The same of one file, for instance a copy.
    ///
    /// # Errors
    /// If there is no such file, or it is no outbox.
    pub fn check_file(path: &Path) -> Result<Vec<String>> {
        if !is_there(path) {
            return Err(StoreError::Unusable {
                path: path.into(),
                why: "there is no such file".into(),
            });
        }
        check(path)
    }
}

fn check(path: &Path) -> Result<Vec<String>> {
    let damaged = |error| match error {
        StoreError::Damaged { .. } => Ok(vec!["the file is damaged".to_owned()]),
        error => Err(error),
    };
    let db = match read(path) {
        Ok(db) => db,
        Err(error) => return damaged(error),
    };
    everything_in(&db).or_else(|error| damaged(explain(path, &error)))
}

fn is_there(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.is_file())
}

/// A connection that changes nothing.
fn read(path: &Path) -> Result<Connection> {
    if !is_there(path) {
        return Err(StoreError::Unusable {
            path: path.into(),
            why: "there is no such file; name the configuration of the host with --config".into(),
        });
    }
    let db = open::reader(path).map_err(|error| explain(path, &error))?;
    schema::readable(&db, path)?;
    Ok(db)
}
