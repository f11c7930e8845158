//! What is read of flows.

use rusqlite::{Connection, OptionalExtension, Params, Row};

use super::rows::{self, Bytes};
use super::sql;
use crate::error::Result;
use crate::model::{
    FlowId, FlowRow, PageHead, PageRow, ParkedId, ParkedRow, ReceivedId, ReceivedRow, RunId,
    RunRow, limits,
};
use crate::sqlite::Shared;
use crate::sqlite::unit::row_id;

impl Shared {
    pub fn flow_named(&self, tenant: &str, flow: &str) -> Result<Option<FlowRow>> {
        self.readers.with(|db| {
            let mut statement = db.prepare_cached(sql::FLOW_BY_NAME)?;
            statement.query_row((tenant, flow), rows::flow).optional()
        })
    }

    pub fn flows(&self) -> Result<Vec<FlowRow>> {
        self.readers.with(|db| all(db, sql::FLOWS, [], rows::flow))
    }

    pub fn runs(&self, flow: FlowId, before: Option<RunId>, limit: usize) -> Result<Vec<RunRow>> {
        let before = before.map_or(i64::MAX, |run| row_id(run.0));
        let limit = limit.clamp(1, limits::PAGE);
        let range = (row_id(flow.0), before, limit);
        self.readers
            .with(|db| all(db, sql::RUNS_BEFORE, range, rows::run))
    }

    pub fn run(&self, run: RunId) -> Result<Option<RunRow>> {
        self.readers.with(|db| {
            let mut statement = db.prepare_cached(sql::RUN)?;
            statement.query_row([row_id(run.0)], rows::run).optional()
        })
    }

    pub fn open_runs(&self) -> Result<Vec<RunRow>> {
        self.readers
            .with(|db| all(db, sql::OPEN_RUNS, [], rows::run))
    }

    pub fn page(&self, run: RunId, number: u32) -> Result<Option<PageRow>> {
        self.readers.with(|db| {
            // One moment for all of it.
            let db = db.unchecked_transaction()?;
            let mut statement = db.prepare_cached(sql::PAGE)?;
            let found = statement.query_row((row_id(run.0), number), |row| rows::page(&db, row));
            let Some((id, head)) = found.optional()? else {
                return Ok(None);
            };
            let records = bytes(&db, id, Bytes::Records)?;
            let plan = bytes(&db, id, Bytes::Plan)?;
            Ok(Some(PageRow {
                head,
                records,
                plan,
            }))
        })
    }

    pub fn pages(&self, run: RunId, after: Option<u32>, limit: usize) -> Result<Vec<PageHead>> {
        let after = after.map_or(-1, i64::from);
        let limit = limit.clamp(1, limits::PAGE);
        self.heads(sql::PAGES_AFTER, (row_id(run.0), after, limit))
    }

    pub fn open_pages(&self, run: RunId) -> Result<Vec<PageHead>> {
        self.heads(sql::OPEN_PAGES, [row_id(run.0)])
    }

    fn heads(&self, statement: &str, params: impl Params) -> Result<Vec<PageHead>> {
        self.readers.with(|db| {
            let db = db.unchecked_transaction()?;
            all(&db, statement, params, |row| {
                rows::page(&db, row).map(|(_, head)| head)
            })
        })
    }

    pub fn seen(
        &self,
        flow: FlowId,
        target: &str,
        keys: &[Vec<u8>],
    ) -> Result<Vec<Option<[u8; 32]>>> {
        self.readers.with(|db| {
            let db = db.unchecked_transaction()?;
            let mut statement = db.prepare_cached(sql::SEEN)?;
            let accepted = keys.iter().map(|key| {
                let found = statement.query_row((row_id(flow.0), target, key), |row| row.get(0));
                Ok(found.optional()?.flatten())
            });
            accepted.collect()
        })
    }

    pub fn parked(
        &self,
        flow: FlowId,
        after: Option<ParkedId>,
        limit: usize,
    ) -> Result<Vec<ParkedRow>> {
        let after = after.map_or(-1, |parked| row_id(parked.0));
        let range = (row_id(flow.0), after, limit.clamp(1, limits::FLOW_BATCH));
        self.some(sql::PARKED_AFTER, range, |row| {
            let parked = ParkedRow {
                id: ParkedId(row.get(0)?),
                at: row.get(1)?,
                run: row.get::<_, Option<u64>>(2)?.map(RunId),
                target: row.get(3)?,
                record: row.get(4)?,
                problem: row.get(5)?,
                generation: row.get(6)?,
                taken: row.get(7)?,
                unreadable: None,
            };
            Ok((parked.record.len() + parked.problem.len(), parked))
        })
    }

    pub fn received(&self, flow: FlowId, limit: usize) -> Result<Vec<ReceivedRow>> {
        let range = (row_id(flow.0), limit.clamp(1, limits::FLOW_BATCH));
        self.some(sql::RECEIVED, range, |row| {
            let received = ReceivedRow {
                id: ReceivedId(row.get(0)?),
                at: row.get(1)?,
                body: row.get(2)?,
            };
            Ok((received.body.len(), received))
        })
    }

    /// Rows up to [`CLAIM`](limits::CLAIM) bytes, one at least.
    fn some<T>(
        &self,
        statement: &str,
        params: impl Params,
        read: impl Fn(&Row<'_>) -> rusqlite::Result<(usize, T)>,
    ) -> Result<Vec<T>> {
        self.readers.with(|db| {
            let mut statement = db.prepare_cached(statement)?;
            let mut rows = statement.query(params)?;
            let (mut found, mut bytes) = (Vec::new(), 0);
            while let Some(row) = rows.next()? {
                let (size, one) = read(row)?;
                bytes += size;
                if bytes > limits::CLAIM && !found.is_empty() {
                    break;
                }
                found.push(one);
            }
            Ok(found)
        })
    }
}

fn all<T>(
    db: &Connection,
    statement: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    let mut statement = db.prepare_cached(statement)?;
    let rows = statement.query_map(params, read)?;
    rows.collect()
}

fn bytes(db: &Connection, page: u64, which: Bytes) -> rusqlite::Result<Vec<u8>> {
    let mut statement = db.prepare_cached(sql::BYTES)?;
    let found = statement.query_row([which.row(page)], |row| row.get(0));
    Ok(found.optional()?.unwrap_or_default())
}
