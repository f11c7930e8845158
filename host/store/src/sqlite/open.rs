//! The folder, its lock, and connections to the file in it.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::failure::explain;
use super::schema;
use crate::error::{Result, StoreError};

const FILE: &str = "outbox.db";
const LOCK: &str = "outbox.lock";

/// How long a connection waits for another one, for instance for a person with
/// a database tool.
const PATIENCE: Duration = Duration::from_secs(5);

/// Statements that each connection keeps prepared.
const PREPARED: usize = 128;

/// Connections for reading that are kept.
const READERS: usize = 8;

/// The one host that uses a folder holds its lock.
pub(super) fn lock(folder: &Path) -> Result<File> {
    private_folder(folder).map_err(|error| unusable(folder, &error))?;
    let path = folder.join(LOCK);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    private(&mut options);
    let file = options
        .open(&path)
        .map_err(|error| unusable(&path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { lock: path }),
        Err(TryLockError::Error(error)) => Err(unusable(&path, &error)),
    }
}

/// Makes a folder that nobody but its owner may look into. One that is there
/// stays as it is.
fn private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// Lets nobody but the owner read a file that is made.
pub(super) fn private(options: &mut OpenOptions) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    #[cfg(not(unix))]
    let _ = options;
}

fn unusable(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Unusable {
        path: path.into(),
        why: format!("{error}; check the folder and its permissions"),
    }
}

/// The database of a folder.
pub(super) fn file(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

/// The connection that writes. Makes the file if there is none.
pub(super) fn writer(path: &Path) -> Result<Connection> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    private(&mut options);
    // Nobody but its owner reads it; files beside it take its permissions.
    options.open(path).map_err(|error| unusable(path, &error))?;
    let told = |error| explain(path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(path, flags).map_err(told)?;
    settle_in(&db).map_err(told)?;
    // A file that turns out to be damaged is left as it is: nothing of the log is
    // moved into it when it is closed.
    moves_log_at_close(&db, false).map_err(told)?;
    schema::prepare(&mut db, path)?;
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864;
         PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;",
    )
    .map_err(told)?;
    Ok(db)
}

/// What every connection has.
pub(super) fn settle_in(db: &Connection) -> rusqlite::Result<()> {
    db.busy_timeout(PATIENCE)?;
    // Else a statement with a parameter that partial indices might depend on is
    // planned anew for each value, which costs more than running it.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    db.set_prepared_statement_cache_capacity(PREPARED);
    Ok(())
}

/// Whether the last connection that is closed moves the log into the database.
pub(super) fn moves_log_at_close(db: &Connection, moves: bool) -> rusqlite::Result<()> {
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !moves)?;
    Ok(())
}

pub(super) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    settle_in(&db)?;
    Ok(db)
}

/// Connections for reading, each used by one thread at a time.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    pool: Mutex<Pool>,
}

#[derive(Debug, Default)]
struct Pool {
    /// Rises when connections from before are not to be used any more.
    generation: u64,
    idle: Vec<Connection>,
}

impl Readers {
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            pool: Mutex::default(),
        }
    }

    /// Reads with a connection of the thread's own.
    pub fn with<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        let (generation, idle) = {
            let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
            (pool.generation, pool.idle.pop())
        };
        let told = |error| explain(&self.path, &error);
        let db = match idle {
            Some(db) => db,
            None => reader(&self.path).map_err(told)?,
        };
        let result = work(&db).map_err(told);
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.generation == generation && pool.idle.len() < READERS {
            pool.idle.push(db);
        }
        result
    }

    /// Closes what is idle, and what is in use when it is given back.
    pub fn close(&self) {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        pool.generation += 1;
        pool.idle.clear();
    }
}
