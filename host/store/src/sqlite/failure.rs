//! What the database says, in our words.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::error::StoreError;

/// Why a piece of work was not done.
#[derive(Debug)]
pub(super) enum Failure {
    /// It asked for something that is refused; it has written nothing.
    Refused(StoreError),
    /// The database failed: everything of this commit is void.
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

/// The database's number for a file in shared memory that cannot be made longer.
const CANNOT_GROW: i32 = rusqlite::ffi::SQLITE_IOERR_SHMSIZE;

/// The database's error as one of ours.
pub(super) fn explain(path: &Path, error: &rusqlite::Error) -> StoreError {
    let path = path.to_owned();
    let failure = match error {
        rusqlite::Error::SqliteFailure(failure, _) => failure,
        // A row that no statement of ours has written.
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::QueryReturnedNoRows => return StoreError::Damaged { path },
        _ => return StoreError::Internal { path, code: -1 },
    };
    match failure.code {
        ErrorCode::DiskFull => StoreError::Full {
            path,
            uncertain: false,
        },
        // The file beside the log, by which its readers find their way in it.
        ErrorCode::SystemIoFailure if failure.extended_code == CANNOT_GROW => StoreError::Full {
            path,
            uncertain: false,
        },
        ErrorCode::SystemIoFailure | ErrorCode::CannotOpen => StoreError::Io {
            path,
            uncertain: false,
        },
        ErrorCode::DatabaseCorrupt => StoreError::Damaged { path },
        ErrorCode::NotADatabase => StoreError::Foreign { path },
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => StoreError::Unusable {
            path,
            why: "it cannot be written; check owner and permissions".into(),
        },
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Unusable {
            path,
            why: "another program is writing to it; close that program".into(),
        },
        _ => StoreError::Internal {
            path,
            code: failure.extended_code,
        },
    }
}
