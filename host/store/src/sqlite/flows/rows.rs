//! Flows, runs and pages as they are read from rows.

use rusqlite::{Connection, Row};

use super::sql;
use crate::model::{
    DeliveryId, FlowId, FlowRow, PageDelivery, PageHead, PageState, RunCounts, RunId, RunRow,
    RunState, StageTimes,
};
use crate::sqlite::codes::Coded;

impl Coded for RunState {
    const ALL: &'static [Self] = &RunState::ALL;
}

impl Coded for PageState {
    const ALL: &'static [Self] = &[Self::New, Self::Stepped, Self::Sent, Self::Done];
}

crate::sqlite::codes::stored!(RunState, PageState);

pub(super) fn flow(row: &Row<'_>) -> rusqlite::Result<FlowRow> {
    Ok(FlowRow {
        id: FlowId(row.get(0)?),
        tenant: row.get(1)?,
        name: row.get(2)?,
        made: row.get(3)?,
        paused: row.get(4)?,
        last_tick: row.get(5)?,
        ticks_skipped: row.get(6)?,
        cursor: row.get(7)?,
        unreadable: None,
        parked: row.get(8)?,
        received: row.get(9)?,
    })
}

pub(super) fn run(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    Ok(RunRow {
        id: RunId(row.get(0)?),
        flow: FlowId(row.get(1)?),
        tick: row.get(2)?,
        cause: row.get(3)?,
        state: row.get(4)?,
        began: row.get(5)?,
        ended: row.get(6)?,
        pages: row.get(7)?,
        open_pages: row.get(8)?,
        counts: RunCounts {
            incoming: row.get(9)?,
            unchanged: row.get(10)?,
            skipped: row.get(11)?,
            sent: row.get(12)?,
            accepted: row.get(13)?,
            refused: row.get(14)?,
            waiting: row.get(15)?,
            parked: row.get(16)?,
            confirmed: row.get(17)?,
            unconfirmed: row.get(23)?,
            unreadable: row.get(24)?,
        },
        stages: StageTimes {
            source: row.get(18)?,
            steps: row.get(19)?,
            targets: row.get(20)?,
            confirm: row.get(21)?,
        },
        problem: row.get(22)?,
    })
}

/// A page's number as that of its row, and its head.
pub(super) fn page(db: &Connection, row: &Row<'_>) -> rusqlite::Result<(u64, PageHead)> {
    let id: u64 = row.get(0)?;
    let head = PageHead {
        run: RunId(row.get(1)?),
        number: row.get(2)?,
        state: row.get(3)?,
        count: row.get(4)?,
        last: row.get(5)?,
        put: row.get(6)?,
        sent: row.get(7)?,
        cursor: row.get(8)?,
        origin: row.get(9)?,
        deliveries: deliveries(db, id)?,
    };
    Ok((id, head))
}

fn deliveries(db: &Connection, page: u64) -> rusqlite::Result<Vec<PageDelivery>> {
    let mut statement = db.prepare_cached(sql::PAGE_DELIVERIES)?;
    let rows = statement.query_map([page], |row| {
        Ok(PageDelivery {
            target: row.get(0)?,
            delivery: DeliveryId::from_bytes(row.get(1)?),
        })
    })?;
    rows.collect()
}

/// Which of a page's bytes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bytes {
    Records,
    Plan,
}

impl Bytes {
    pub fn row(self, page: u64) -> u64 {
        page * 2 + u64::from(matches!(self, Self::Plan))
    }
}
