//! The way to the one thread that writes: each caller waits until what it asked
//! for is on disk.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;

use super::Shared;
use super::desk::Desk;
use super::failure::Failure;
use super::ledger::Ledger;
use super::unit::{Unit, Work};
use crate::error::{Result, StoreError};

/// Requests that wait for the writer before callers do.
const WAITING: usize = 1_024;

/// Something to be done within a commit.
pub(super) trait Task: Send {
    /// About how many rows it writes; 0 if it writes none.
    fn rows(&self) -> usize;
    /// The caller's time.
    fn now(&self) -> u64;
    /// Does it. An error is the database's, and ends the commit.
    fn run(&mut self, unit: &mut Unit<'_>) -> rusqlite::Result<()>;
    /// Tells the caller, after the commit.
    fn finish(self: Box<Self>, committed: Result<()>);
}

struct Call<T, F> {
    rows: usize,
    now: u64,
    work: Option<F>,
    result: Option<Result<T>>,
    reply: SyncSender<Result<T>>,
}

impl<T, F> Task for Call<T, F>
where
    T: Send,
    F: FnOnce(&mut Unit<'_>) -> Work<T> + Send,
{
    fn rows(&self) -> usize {
        self.rows
    }

    fn now(&self) -> u64 {
        self.now
    }

    fn run(&mut self, unit: &mut Unit<'_>) -> rusqlite::Result<()> {
        let Some(work) = self.work.take() else {
            return Ok(());
        };
        match work(unit) {
            Ok(result) => self.result = Some(Ok(result)),
            Err(Failure::Refused(error)) => self.result = Some(Err(error)),
            Err(Failure::Database(error)) => return Err(error),
        }
        Ok(())
    }

    fn finish(self: Box<Self>, committed: Result<()>) {
        let result = match committed {
            Ok(()) => self.result.unwrap_or(Err(StoreError::Closed)),
            Err(error) => Err(error),
        };
        // A caller that is gone needs no answer.
        let _ = self.reply.send(result);
    }
}

/// The way to the thread that writes.
#[derive(Debug)]
pub(super) struct Writer {
    /// None once it is being closed.
    requests: Option<SyncSender<Box<dyn Task>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub fn start(db: Connection, ledger: Ledger, shared: Arc<Shared>) -> Result<Self> {
        let (sender, requests) = sync_channel(WAITING);
        let path = shared.path.clone();
        let mut desk = Desk::new(db, ledger, shared);
        let thread = std::thread::Builder::new().name("outbox-writer".into());
        let thread = thread.spawn(move || desk.serve(&requests));
        let thread = thread.map_err(|error| StoreError::Unusable {
            path,
            why: format!("no thread can be started for it ({error}); raise the limit of tasks"),
        })?;
        Ok(Self {
            requests: Some(sender),
            thread: Some(thread),
        })
    }

    /// Does something within a commit, and returns when that is on disk.
    pub fn submit<T: Send + 'static>(
        &self,
        rows: usize,
        now: u64,
        work: impl FnOnce(&mut Unit<'_>) -> Work<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = sync_channel(1);
        let call = Call {
            rows,
            now,
            work: Some(work),
            result: None,
            reply,
        };
        let requests = self.requests.as_ref().ok_or(StoreError::Closed)?;
        let sent = requests.send(Box::new(call));
        sent.map_err(|_| StoreError::Closed)?;
        answer.recv().unwrap_or(Err(StoreError::Closed))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            // It panicked, and said so; there is nothing to add.
            let _ = thread.join();
        }
    }
}
