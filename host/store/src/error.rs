//! Why a store could not do what it was asked, in words for people.

use std::path::PathBuf;

use crate::model::{ItemId, RunId};

/// What went wrong. Its text is one sentence: what, where, what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Nothing can be written for want of room.
    #[error("{} cannot grow: the disk is full{}; make room, and the outbox goes on by itself", path.display(), doubt(*uncertain))]
    Full {
        /// The database.
        path: PathBuf,
        /// Whether it is not known if what was asked for was written.
        uncertain: bool,
    },
    /// The disk does not read or write.
    #[error("{}: the disk fails{}; look at the disk, and the outbox goes on by itself", path.display(), doubt(*uncertain))]
    Io {
        /// The database.
        path: PathBuf,
        /// Whether it is not known if what was asked for was written.
        uncertain: bool,
    },
    /// The file is damaged.
    #[error("{} is damaged; stop the host, keep a copy of the file, and put a backup in its place", path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{} is not an outbox of crossdock; move it away or name another folder", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer host wrote the file.
    #[error("{} was written by a newer version (format {found}, this one knows {known}); use that version", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The newest format known.
        known: u64,
    },
    /// Another host has the outbox open.
    #[error("another host uses this outbox (it holds {}); stop it or name another folder", lock.display())]
    InUse {
        /// The lock file.
        lock: PathBuf,
    },
    /// The folder or a file in it cannot be used.
    #[error("{} cannot be used: {why}", path.display())]
    Unusable {
        /// The folder or file.
        path: PathBuf,
        /// Why, and what to do.
        why: String,
    },
    /// What is kept cannot be read now, though it is there: it is encrypted
    /// with a key that the host does not have.
    #[error("{0}")]
    Unreadable(String),
    /// More was given than a store takes.
    #[error("{what} has {found}, at most {most} are taken; make it smaller")]
    TooLarge {
        /// What is too large, and in what it is counted.
        what: &'static str,
        /// How much was given.
        found: usize,
        /// How much may be.
        most: usize,
    },
    /// What was given makes no sense.
    #[error("{0}")]
    Invalid(&'static str),
    /// An item is not where it had to be.
    #[error("item {} is not open for that; look at its present state", .0.0)]
    NotOpen(ItemId),
    /// A page is not where it had to be: its run has ended, or it is further.
    #[error("page {number} of run {} is not open for that; look at the run's present state", run.0)]
    NotOpenPage {
        /// The run.
        run: RunId,
        /// The page.
        number: u32,
    },
    /// There is no such flow or run.
    #[error("there is no {what} {number} in the outbox; look at what there is")]
    Unknown {
        /// `flow` or `run`.
        what: &'static str,
        /// Its number.
        number: u64,
    },
    /// A flow holds as much as it may, and loses nothing for more.
    #[error("the flow has as many {what} as it may have ({most}); {remedy}")]
    TooMany {
        /// What it has so many of, for instance "parked records".
        what: &'static str,
        /// How many, or how many bytes, it may have.
        most: u64,
        /// What helps.
        remedy: &'static str,
    },
    /// The store was closed, or its writer ended.
    #[error("the outbox was closed; start the host again")]
    Closed,
    /// Something that should not happen.
    #[error("{}: the outbox refused an operation (code {code}); report this with the log", path.display())]
    Internal {
        /// The database.
        path: PathBuf,
        /// The database's own number for it.
        code: i32,
    },
}

fn doubt(uncertain: bool) -> &'static str {
    match uncertain {
        true => ", and whether what was written last is kept is not known",
        false => "",
    }
}

/// What a store returns.
pub type Result<T> = std::result::Result<T, StoreError>;
