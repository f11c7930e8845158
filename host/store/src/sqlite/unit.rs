//! One commit's worth of work, and what every kind of work does to rows.

use rusqlite::{Connection, OptionalExtension, Params, Row};

use super::Shared;
use super::codes::{Kind, Stage};
use super::failure::Failure;
use super::ledger::Ledger;
use super::sql;
use crate::model::{AttemptId, ItemId, LaneId};

/// What a piece of work returns.
pub(super) type Work<T> = Result<T, Failure>;

/// Bytes above which an input or a result is kept apart from its row.
const INLINE: usize = 1024;

/// A transaction that is open, and what the writer knows.
pub(super) struct Unit<'a> {
    pub db: &'a Connection,
    pub ledger: &'a mut Ledger,
    pub shared: &'a Shared,
    /// Items that are taken away from their place until this is committed.
    pub leaving: Vec<(LaneId, u64)>,
    /// Claims that end when this is committed.
    pub settled: Vec<(LaneId, u64)>,
}

/// Which of an item's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Payload {
    Input,
    Result,
}

impl Payload {
    pub fn row(self, item: u64) -> u64 {
        item * 2 + u64::from(self == Self::Result)
    }
}

/// What has to be known of an item to move it.
#[derive(Debug)]
pub(super) struct Item {
    pub id: u64,
    pub lane: LaneId,
    pub stage: Stage,
    pub kind: Kind,
    pub due: u64,
    pub attempt: Option<u64>,
    pub key: Option<Vec<u8>>,
}

impl Item {
    pub fn read(id: u64, row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id,
            lane: LaneId(row.get(0)?),
            stage: row.get(1)?,
            kind: row.get(2)?,
            due: row.get(3)?,
            attempt: row.get(4)?,
            key: row.get(5)?,
        })
    }
}

impl Item {
    /// Whether it is a total of something.
    pub fn is_total(&self) -> bool {
        self.kind == Kind::Absolute && self.key.is_some()
    }
}

/// A number as that of a row. One that no row can have finds none.
pub(super) fn row_id(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(-1)
}

impl<'a> Unit<'a> {
    /// Work within the transaction that is open on a connection.
    pub fn new(db: &'a Connection, ledger: &'a mut Ledger, shared: &'a Shared) -> Self {
        Self {
            db,
            ledger,
            shared,
            leaving: Vec::new(),
            settled: Vec::new(),
        }
    }
}

impl Unit<'_> {
    /// Runs a statement that is kept prepared.
    pub fn run(&self, statement: &str, params: impl Params) -> rusqlite::Result<usize> {
        self.db.prepare_cached(statement)?.execute(params)
    }

    /// The first row of a statement that is kept prepared.
    pub fn first<T>(
        &self,
        statement: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Option<T>> {
        let mut statement = self.db.prepare_cached(statement)?;
        statement.query_row(params, read).optional()
    }

    pub fn item(&self, item: ItemId) -> rusqlite::Result<Option<Item>> {
        self.first(sql::ITEM, [row_id(item.0)], |row| Item::read(item.0, row))
    }

    pub fn next_attempt(&mut self) -> AttemptId {
        let attempt = self.ledger.next_attempt;
        self.ledger.next_attempt += 1;
        AttemptId(attempt)
    }

    /// Takes down that an item ended or is held.
    pub fn note_change(&mut self, item: u64, stage: Stage, at: u64) -> rusqlite::Result<()> {
        let seq = self.ledger.next_change;
        self.ledger.next_change += 1;
        self.run(sql::NEW_CHANGE, (seq, item, stage, at))?;
        Ok(())
    }

    /// Puts bytes where they belong; returns what belongs into the row.
    pub fn keep<'b>(
        &self,
        payload: Payload,
        item: u64,
        bytes: &'b [u8],
    ) -> rusqlite::Result<Option<&'b [u8]>> {
        if bytes.len() <= INLINE {
            return Ok(Some(bytes));
        }
        self.run(sql::PUT_PAYLOAD, (payload.row(item), bytes))?;
        Ok(None)
    }

    /// Gives an item another stage and nothing else.
    pub fn restage(
        &mut self,
        lane: LaneId,
        item: u64,
        kind: Kind,
        from: Stage,
        to: Stage,
    ) -> Work<()> {
        self.run(sql::SET_STAGE, (item, to))?;
        self.ledger
            .lane(lane)
            .moved(item, kind, Some(from), Some(to));
        Ok(())
    }

    /// Takes a queued item away from whoever might claim it until this is
    /// committed. False if somebody has it.
    pub fn take_away(&mut self, lane: LaneId, item: u64, stage: Stage) -> bool {
        if stage != Stage::Queued {
            return true;
        }
        let taken = self.shared.claims.take_away(lane, item);
        if taken {
            self.leaving.push((lane, item));
        }
        taken
    }
}
