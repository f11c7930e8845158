//! Records that are parked or came in, within a commit.

use std::collections::HashSet;

use super::sql;
use crate::error::StoreError;
use crate::model::{FlowId, NewPage, NewParked, NewReceived, ParkedId, RunId, limits};
use crate::sqlite::unit::{Unit, Work, row_id};
use crate::validate;

/// How many rows, and how many bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    rows: u64,
    bytes: u64,
}

impl Size {
    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            rows: row.get(0)?,
            bytes: row.get::<_, Option<u64>>(1)?.unwrap_or(0),
        })
    }
}

/// Who parks.
#[derive(Debug, Clone, Copy)]
pub(super) struct By {
    pub run: Option<RunId>,
    /// A page that is not sent, with which what it parked goes.
    pub page: Option<u64>,
}

fn bytes_of(parked: &[NewParked]) -> u64 {
    let bytes = parked
        .iter()
        .map(|one| one.record.len() + one.problem.len());
    bytes.sum::<usize>() as u64
}

impl Unit<'_> {
    pub fn park(&mut self, flow: FlowId, parked: &[NewParked], now: u64) -> Work<()> {
        self.may_park(flow, parked, None)?;
        let by = By {
            run: None,
            page: None,
        };
        self.park_rows(flow, by, parked, now)?;
        Ok(())
    }

    /// Whether a flow has room for records, once those are gone that a page has
    /// taken.
    pub(super) fn may_park(
        &self,
        flow: FlowId,
        parked: &[NewParked],
        without: Option<u64>,
    ) -> Work<()> {
        self.last_tick(flow)?;
        if parked.is_empty() {
            return Ok(());
        }
        let held = self.first(sql::PARKED_SIZE, [flow.0], Size::read)?;
        let held = held.unwrap_or_default();
        let gone = match without {
            Some(page) => self.first(sql::PARKED_OF_PAGE, [page], Size::read)?,
            None => None,
        };
        let gone = gone.unwrap_or_default();
        let remedy = "mend what they failed with, or give them up";
        let rows = held.rows.saturating_sub(gone.rows) + parked.len() as u64;
        let bytes = held.bytes.saturating_sub(gone.bytes) + bytes_of(parked);
        fits("parked records", rows, limits::FLOW_PARKED, remedy)?;
        let most = limits::FLOW_PARKED_BYTES;
        fits("bytes of parked records", bytes, most, remedy)
    }

    /// Parks records for which there is room.
    pub(super) fn park_rows(
        &self,
        flow: FlowId,
        by: By,
        parked: &[NewParked],
        now: u64,
    ) -> rusqlite::Result<()> {
        if parked.is_empty() {
            return Ok(());
        }
        for one in parked {
            let row = (
                flow.0,
                by.run.map(|run| run.0),
                by.page,
                one.target.as_deref(),
                validate::word(&one.generation),
                now,
                &one.record,
                &one.problem,
            );
            self.run(sql::NEW_PARKED, row)?;
        }
        let more = (flow.0, parked.len(), bytes_of(parked));
        self.run(sql::ADD_PARKED, more)?;
        Ok(())
    }

    pub fn unpark(&mut self, flow: FlowId, parked: &[ParkedId]) -> Work<u64> {
        let (mut rows, mut bytes) = (0_i64, 0_i64);
        for one in parked {
            let found = (row_id(one.0), row_id(flow.0));
            let size = self.first(sql::PARKED_BYTES, found, |row| row.get::<_, i64>(0))?;
            if let Some(size) = size {
                self.run(sql::DROP_PARKED, [row_id(one.0)])?;
                rows += 1;
                bytes += size;
            }
        }
        self.run(sql::ADD_PARKED, (row_id(flow.0), -rows, -bytes))?;
        Ok(rows.unsigned_abs())
    }

    pub fn park_anew(&mut self, flow: FlowId, parked: &[ParkedId]) -> Work<u64> {
        let mut rows = 0;
        for one in parked {
            let found = (row_id(one.0), row_id(flow.0));
            rows += self.run(sql::PARK_ANEW, found)?;
        }
        Ok(rows as u64)
    }

    pub fn receive(&mut self, flow: FlowId, records: &[NewReceived], now: u64) -> Work<Vec<bool>> {
        self.last_tick(flow)?;
        let mut keys = HashSet::new();
        let mut new = Vec::with_capacity(records.len());
        let mut more = Size::default();
        for record in records {
            let is_new = match &record.key {
                None => true,
                Some(key) => {
                    let known = self.first(sql::KEY, (flow.0, key), |_| Ok(()))?;
                    known.is_none() && keys.insert(&key[..])
                }
            };
            if is_new {
                more.rows += 1;
                more.bytes += record.body.len() as u64;
            }
            new.push(is_new);
        }
        if more.rows == 0 {
            return Ok(new);
        }
        let held = self.first(sql::RECEIVED_SIZE, [flow.0], Size::read)?;
        let held = held.unwrap_or_default();
        let remedy = "let the flow run, and give it again";
        let (rows, bytes) = (held.rows + more.rows, held.bytes + more.bytes);
        fits("records that wait", rows, limits::FLOW_RECEIVED, remedy)?;
        let most = limits::FLOW_RECEIVED_BYTES;
        fits("bytes of records that wait", bytes, most, remedy)?;
        for (record, _) in records.iter().zip(&new).filter(|(_, new)| **new) {
            self.run(sql::NEW_RECEIVED, (flow.0, now, &record.body))?;
            if let Some(key) = &record.key {
                self.run(sql::NEW_KEY, (flow.0, key, now))?;
            }
        }
        self.run(sql::ADD_RECEIVED, (flow.0, more.rows, more.bytes))?;
        Ok(new)
    }

    /// Whether everything that a page is to take is there to be taken.
    pub(super) fn are_free(&self, flow: FlowId, page: &NewPage) -> Work<()> {
        let taken = "a record that came in is not there, or another page has it; read them again";
        let again = "a parked record is not there, or another page has it; read them again";
        for received in &page.taken {
            let free = self.first(sql::IS_FREE, (row_id(received.0), flow.0), |_| Ok(()))?;
            free.ok_or(StoreError::Invalid(taken))?;
        }
        for parked in &page.again {
            let found = (row_id(parked.0), flow.0);
            let free = self.first(sql::PARKED_BYTES, found, |_| Ok(()))?;
            free.ok_or(StoreError::Invalid(again))?;
        }
        Ok(())
    }

    pub(super) fn take(&self, flow: FlowId, id: u64, page: &NewPage) -> rusqlite::Result<()> {
        for received in &page.taken {
            self.run(sql::TAKE_RECEIVED, (received.0, flow.0, id))?;
        }
        for parked in &page.again {
            self.run(sql::TAKE_PARKED, (parked.0, flow.0, id))?;
        }
        Ok(())
    }

    /// Removes what a page had taken, now that it is sent, and keeps what it parked.
    pub(super) fn sent_for_good(&self, flow: FlowId, page: u64) -> rusqlite::Result<()> {
        let received = self.first(sql::RECEIVED_OF_PAGE, [page], Size::read)?;
        self.run(sql::DROP_RECEIVED_OF_PAGE, [page])?;
        self.fewer(sql::ADD_RECEIVED, flow, received)?;
        let parked = self.first(sql::PARKED_OF_PAGE, [page], Size::read)?;
        self.run(sql::DROP_PARKED_OF_PAGE, [page])?;
        self.fewer(sql::ADD_PARKED, flow, parked)?;
        self.run(sql::KEEP_PARKED_BY_PAGE, [page])?;
        Ok(())
    }

    /// Lets go what a page had taken that is never sent, and drops what it parked:
    /// its source gives that again.
    pub(super) fn never_sent(&self, flow: FlowId, page: u64) -> rusqlite::Result<()> {
        self.run(sql::FREE_RECEIVED, [page])?;
        self.run(sql::FREE_PARKED, [page])?;
        let parked = self.first(sql::PARKED_BY_PAGE, [page], Size::read)?;
        self.run(sql::DROP_PARKED_BY_PAGE, [page])?;
        self.fewer(sql::ADD_PARKED, flow, parked)
    }

    fn fewer(&self, add: &str, flow: FlowId, size: Option<Size>) -> rusqlite::Result<()> {
        if let Some(size) = size.filter(|size| size.rows > 0) {
            // What is kept is less than fits.
            let (rows, bytes) = (size.rows as i64, size.bytes as i64);
            self.run(add, (flow.0, -rows, -bytes))?;
        }
        Ok(())
    }
}

fn fits(what: &'static str, found: u64, most: u64, remedy: &'static str) -> Work<()> {
    if found > most {
        return Err(StoreError::TooMany { what, most, remedy }.into());
    }
    Ok(())
}
