//! What the thread that writes does: commits, and what follows when one fails.
//! Requests that arrive while a commit is on its way to the disk share the next.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};

use rusqlite::Connection;

use super::failure::{Failure, explain};
use super::ledger::{Counts, Ledger};
use super::unit::Unit;
use super::writer::Task;
use super::{Shared, open, sql};
use crate::error::{Result, StoreError};
use crate::model::{Health, LaneId};

/// Rows of one commit, beyond which no further request is taken in.
const ROWS: usize = 4_000;

/// Between two tries of a disk that failed, in milliseconds of the caller's clock.
const PAUSE: u64 = 1_000;

/// What the thread has.
pub(super) struct Desk {
    /// None after a failure, until it could be opened again.
    db: Option<Connection>,
    ledger: Ledger,
    shared: Arc<Shared>,
    /// When a disk that failed was tried last, by the caller's clock.
    tried: Option<u64>,
    /// A commit of which nothing is known, with the claims that it ends.
    doubtful: Option<(u64, Vec<(LaneId, u64)>)>,
}

impl Desk {
    pub fn new(db: Connection, ledger: Ledger, shared: Arc<Shared>) -> Self {
        Self {
            db: Some(db),
            ledger,
            shared,
            tried: None,
            doubtful: None,
        }
    }

    /// Works until nobody can ask for anything any more.
    pub fn serve(&mut self, requests: &Receiver<Box<dyn Task>>) {
        loop {
            let idle = self.ledger.unfinished.is_empty() || self.shared.health() != Health::Good;
            let first = if idle {
                requests.recv().map_err(|_| TryRecvError::Disconnected)
            } else {
                requests.try_recv()
            };
            let mut tasks = match first {
                Ok(task) => vec![task],
                Err(TryRecvError::Empty) => Vec::new(),
                Err(TryRecvError::Disconnected) => {
                    // The writer's connection is the last then, and leaves one file.
                    self.shared.readers.close();
                    return;
                }
            };
            let mut rows: usize = tasks.iter().map(|task| task.rows()).sum();
            while rows < ROWS
                && let Ok(task) = requests.try_recv()
            {
                rows += task.rows();
                tasks.push(task);
            }
            let now = tasks.iter().map(|task| task.now()).max();
            if let Err(refused) = self.may_write(now.unwrap_or(0)) {
                tell(tasks, &Err(refused));
            } else if rows > 0 || !self.ledger.unfinished.is_empty() {
                self.commit(tasks);
            } else {
                self.look(tasks);
            }
        }
    }

    /// Work that writes nothing, with what the writer knows.
    fn look(&mut self, mut tasks: Vec<Box<dyn Task>>) {
        let result = self.run(&mut tasks).map(|_| ());
        let result = result.map_err(|error| explain(&self.shared.path, &error));
        tell(tasks, &result);
    }

    /// Runs tasks on the connection.
    fn run(&mut self, tasks: &mut [Box<dyn Task>]) -> rusqlite::Result<Marks> {
        let db = self.db.as_ref().ok_or(rusqlite::Error::InvalidQuery)?;
        let mut unit = Unit::new(db, &mut self.ledger, &self.shared);
        let mut result = Ok(());
        for task in tasks {
            result = task.run(&mut unit);
            if result.is_err() {
                break;
            }
        }
        let (leaving, settled) = (unit.leaving, unit.settled);
        match result {
            Ok(()) => Ok(Marks { leaving, settled }),
            Err(error) => {
                self.stay(&leaving);
                Err(error)
            }
        }
    }

    /// What was to leave is claimable again, or gone for good.
    fn stay(&self, leaving: &[(LaneId, u64)]) {
        for (lane, item) in leaving {
            self.shared.claims.gone(*lane, *item);
        }
    }

    /// The claims on what was settled end.
    fn give_back(&self, settled: &[(LaneId, u64)]) {
        for (lane, item) in settled {
            self.shared.claims.give_back(*lane, *item);
        }
    }

    fn commit(&mut self, mut tasks: Vec<Box<dyn Task>>) {
        let marks = match self.write(&mut tasks) {
            Ok(marks) => marks,
            Err(error) => {
                let told = self.rolled_back(&error);
                return tell(tasks, &Err(told));
            }
        };
        let expected = self.ledger.commits;
        let result = match self.end() {
            Ok(()) => Ok(()),
            Err(error) => self.in_doubt(&error, expected),
        };
        match result {
            Ok(()) => {
                self.publish();
                self.give_back(&marks.settled);
            }
            Err(
                StoreError::Io {
                    uncertain: true, ..
                }
                | StoreError::Full {
                    uncertain: true, ..
                },
            ) => self.doubtful = Some((expected, marks.settled)),
            Err(_) => {}
        }
        self.stay(&marks.leaving);
        tell(tasks, &result);
    }

    /// Everything of a commit but its end.
    fn write(&mut self, tasks: &mut [Box<dyn Task>]) -> rusqlite::Result<Marks> {
        self.batch("BEGIN IMMEDIATE")?;
        let marks = self.run(tasks)?;
        let rest = self.release_more().and_then(|()| {
            self.ledger.commits += 1;
            self.note_numbers()
        });
        if let Err(error) = rest {
            self.stay(&marks.leaving);
            return Err(error);
        }
        Ok(marks)
    }

    /// One slice of each lane that a barrier's end has set free.
    fn release_more(&mut self) -> rusqlite::Result<()> {
        let lanes = std::mem::take(&mut self.ledger.unfinished);
        let db = self.db.as_ref().ok_or(rusqlite::Error::InvalidQuery)?;
        let mut unit = Unit::new(db, &mut self.ledger, &self.shared);
        for lane in lanes {
            match unit.advance(lane) {
                Err(Failure::Database(error)) => return Err(error),
                Ok(()) | Err(Failure::Refused(_)) => {}
            }
        }
        Ok(())
    }

    fn note_numbers(&self) -> rusqlite::Result<()> {
        let db = self.db.as_ref().ok_or(rusqlite::Error::InvalidQuery)?;
        let ledger = &self.ledger;
        db.prepare_cached(sql::SET_META)?.execute((
            ledger.commits,
            ledger.next_item,
            ledger.next_attempt,
            ledger.next_change,
        ))?;
        Ok(())
    }

    fn batch(&self, statement: &str) -> rusqlite::Result<()> {
        let db = self.db.as_ref().ok_or(rusqlite::Error::InvalidQuery)?;
        db.prepare_cached(statement)?.execute([])?;
        Ok(())
    }

    fn end(&self) -> rusqlite::Result<()> {
        #[cfg(test)]
        if let Some(fault) = self.shared.take_fault() {
            if fault.committed {
                self.batch("COMMIT")?;
            }
            return Err(fault.error());
        }
        self.batch("COMMIT")
    }

    /// After an error within a commit: nothing of it is kept.
    fn rolled_back(&mut self, error: &rusqlite::Error) -> StoreError {
        let told = explain(&self.shared.path, error);
        let undone = match &self.db {
            // The database may have undone everything itself already.
            Some(db) if db.is_autocommit() => Ok(()),
            _ => self.batch("ROLLBACK"),
        };
        let read = undone.and_then(|()| self.read_again());
        if read.is_err() {
            self.db = None;
        }
        self.refuse_from(&told, read.is_err());
        told
    }

    fn read_again(&mut self) -> rusqlite::Result<()> {
        let db = self.db.as_ref().ok_or(rusqlite::Error::InvalidQuery)?;
        self.ledger = Ledger::read(db)?;
        Ok(())
    }

    /// Takes nothing new after a failure of the disk.
    fn refuse_from(&self, error: &StoreError, closed: bool) {
        let health = match error {
            StoreError::Full { .. } => Health::Full,
            StoreError::Io { .. } => Health::Failing,
            StoreError::Damaged { .. } | StoreError::Foreign { .. } => Health::Damaged,
            _ if closed => Health::Failing,
            _ => return,
        };
        self.shared.set_health(health);
    }

    /// After the end of a commit has failed, nobody knows whether it is on disk:
    /// the system may have dropped what it could not write and call the next sync
    /// a success. So the commit is never repeated on this connection. Everything
    /// is closed and opened again, what is found is moved into the database and
    /// synced anew, and only then the number of the last commit is believed.
    fn in_doubt(&mut self, error: &rusqlite::Error, expected: u64) -> Result<()> {
        self.shared.readers.close();
        self.db = None;
        let told = match explain(&self.shared.path, error) {
            StoreError::Io { path, .. } => StoreError::Io {
                path,
                uncertain: false,
            },
            other => other,
        };
        match self.reopen() {
            Ok(()) if self.ledger.commits == expected => Ok(()),
            Ok(()) => {
                self.refuse_from(&told, false);
                Err(told)
            }
            Err(_) => {
                self.refuse_from(&told, true);
                let (path, uncertain) = (self.shared.path.clone(), true);
                Err(match told {
                    StoreError::Full { .. } => StoreError::Full { path, uncertain },
                    _ => StoreError::Io { path, uncertain },
                })
            }
        }
    }

    fn reopen(&mut self) -> Result<()> {
        let db = open::writer(&self.shared.path)?;
        let told = |error| explain(&self.shared.path, &error);
        let busy = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
        if busy.map_err(told)? {
            let path = self.shared.path.clone();
            return Err(StoreError::Io {
                path,
                uncertain: true,
            });
        }
        self.ledger = Ledger::read(&db).map_err(told)?;
        self.db = Some(db);
        self.publish_all();
        if let Some((commit, settled)) = self.doubtful.take()
            && self.ledger.commits >= commit
        {
            self.give_back(&settled);
        }
        Ok(())
    }

    /// Whether anything can be written; tries each second after a failure.
    fn may_write(&mut self, now: u64) -> Result<()> {
        let health = self.shared.health();
        if health == Health::Good {
            return Ok(());
        }
        let path = self.shared.path.clone();
        let waits = self
            .tried
            .is_some_and(|tried| tried <= now && now - tried < PAUSE);
        let refusal = match health {
            Health::Damaged => return Err(StoreError::Damaged { path }),
            Health::Full => StoreError::Full {
                path,
                uncertain: false,
            },
            _ => StoreError::Io {
                path,
                uncertain: false,
            },
        };
        if waits {
            return Err(refusal);
        }
        self.tried = Some(now);
        self.probe()?;
        self.shared.set_health(Health::Good);
        self.tried = None;
        Ok(())
    }

    /// One row to the disk.
    fn probe(&mut self) -> Result<()> {
        if self.db.is_none() {
            self.reopen()?;
        }
        let written = self.batch("BEGIN IMMEDIATE").and_then(|()| {
            self.ledger.commits += 1;
            self.note_numbers()
        });
        if let Err(error) = written {
            return Err(self.rolled_back(&error));
        }
        let expected = self.ledger.commits;
        match self.end() {
            Ok(()) => Ok(()),
            Err(error) => self.in_doubt(&error, expected),
        }
    }

    /// Shows readers what this commit has changed.
    fn publish(&mut self) {
        let ledger = &mut self.ledger;
        let mut changed = Vec::with_capacity(ledger.touched.len());
        for lane in ledger.touched.drain() {
            let counts = ledger.counts.get_mut(&lane);
            let counts = counts.map_or_else(Counts::default, |counts| {
                self.shared
                    .set_more_aside(lane, std::mem::take(&mut counts.set_aside));
                counts.clone()
            });
            if counts.is_empty() {
                ledger.counts.remove(&lane);
            }
            changed.push((lane, counts));
        }
        self.shared.change_counts(changed);
        self.shared.add_lanes(std::mem::take(&mut ledger.new_lanes));
    }

    /// Shows readers everything, after it was read anew.
    fn publish_all(&self) {
        self.shared.replace_counts(self.ledger.counts.clone());
        self.shared.replace_lanes(&self.ledger.names);
    }
}

/// What is to be done when a commit is through.
struct Marks {
    leaving: Vec<(LaneId, u64)>,
    settled: Vec<(LaneId, u64)>,
}

fn tell(tasks: Vec<Box<dyn Task>>, result: &Result<()>) {
    for task in tasks {
        task.finish(result.clone());
    }
}
