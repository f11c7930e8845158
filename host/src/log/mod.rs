//! Log lines that can hurt nobody.
//!
//! A line is put into a buffer and written by a thread of its own. Whoever logs
//! never waits and never fails: where the disk is full, the reader of stderr is
//! gone or does not read, lines are lost and counted, and calls go on.
//!
//! | part | what it does |
//! |---|---|
//! | [`queue`] | the buffer, the thread that empties it, and the count of what was lost |
//! | [`mod@line`] | how long a line may be, and what no line may contain |
//! | [`fields`] | the text format's fields, with everything a terminal would obey escaped |
//! | [`panics`] | panics as log lines |

pub mod fields;
pub mod line;
pub mod panics;
pub mod queue;

use std::sync::OnceLock;
use std::time::Duration;

use serde::Serialize;

use queue::Queue;

/// The process has one log.
static LOG: OnceLock<Queue> = OnceLock::new();

/// How the log fares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Health {
    /// Lines that were lost since the process began.
    pub lost: u64,
    /// Lines cannot be written now.
    #[serde(skip)]
    pub failing: bool,
}

/// Starts the thread that writes to stderr. Calling it again gives the log
/// that is there.
///
/// # Errors
/// The system gives no thread.
pub fn start() -> std::io::Result<Queue> {
    if let Some(log) = LOG.get() {
        return Ok(log.clone());
    }
    let log = Queue::start(std::io::stderr())?;
    Ok(LOG.get_or_init(|| log).clone())
}

/// How the log fares; well where none was started.
pub fn health() -> Health {
    LOG.get().map_or_else(Health::default, Queue::health)
}

/// Whether the thread that writes still runs, if there is one.
pub fn is_alive() -> bool {
    LOG.get().is_none_or(Queue::is_alive)
}

/// Waits until everything is written, but no longer than `patience`.
pub fn finish(patience: Duration) {
    if let Some(log) = LOG.get() {
        log.finish(patience);
    }
}
