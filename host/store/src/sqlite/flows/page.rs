//! Pages within a commit.

use super::held::By;
use super::rows::Bytes;
use super::sql;
use crate::error::StoreError;
use crate::model::{
    FlowId, NewPage, PageState, RunCounts, RunId, RunState, SentPage, StageTimes, SteppedPage,
};
use crate::sqlite::unit::{Unit, Work, row_id};

impl Unit<'_> {
    pub fn page_put(&mut self, run: RunId, page: &NewPage, now: u64) -> Work<bool> {
        let found = self.run_head(run)?;
        if page.number < found.pages {
            return Ok(false);
        }
        let number = page.number;
        if found.state != RunState::Running {
            return Err(StoreError::NotOpenPage { run, number }.into());
        }
        if number > found.pages {
            let why = "pages of a run are numbered from 0 without gaps; put the one before first";
            return Err(StoreError::Invalid(why).into());
        }
        self.are_free(found.flow, page)?;
        // Nothing is refused from here on.
        let row = (
            run.0,
            number,
            page.count,
            page.last,
            now,
            page.cursor.as_deref(),
            &page.origin,
        );
        self.run(sql::NEW_PAGE, row)?;
        let id = self.db.last_insert_rowid().unsigned_abs();
        self.run(sql::PUT_BYTES, (Bytes::Records.row(id), &page.records))?;
        self.take(found.flow, id, page)?;
        self.run(sql::ADD_PAGES, (run.0, 1, 1))?;
        self.count(run, &page.counts)?;
        Ok(true)
    }

    pub fn page_stepped(
        &mut self,
        run: RunId,
        number: u32,
        page: &SteppedPage,
        now: u64,
    ) -> Work<()> {
        let (id, state) = self.page_state(run, number)?;
        if state != PageState::New {
            return Ok(());
        }
        let flow = self.run_head(run)?.flow;
        self.may_park(flow, &page.parked, None)?;
        self.run(sql::PUT_BYTES, (Bytes::Records.row(id), &page.records))?;
        self.run(sql::SET_PAGE, (id, PageState::Stepped))?;
        let by = By {
            run: Some(run),
            page: Some(id),
        };
        self.park_rows(flow, by, &page.parked, now)?;
        self.count(run, &page.counts)?;
        Ok(())
    }

    pub fn page_sent(&mut self, run: RunId, number: u32, page: &SentPage, now: u64) -> Work<()> {
        let (id, state) = self.page_state(run, number)?;
        if state >= PageState::Sent {
            return Ok(());
        }
        let first: Option<u32> = self.first(sql::FIRST_UNSENT, [run.0], |row| row.get(0))?;
        if first != Some(number) {
            let why = "pages of a run are sent in their order; send the one before first";
            return Err(StoreError::Invalid(why).into());
        }
        let flow = self.run_head(run)?.flow;
        self.may_park(flow, &page.parked, Some(id))?;
        self.sent_for_good(flow, id)?;
        let by = By {
            run: Some(run),
            page: None,
        };
        self.park_rows(flow, by, &page.parked, now)?;
        self.run(sql::SEND_PAGE, (id, now))?;
        self.run(sql::PUT_BYTES, (Bytes::Plan.row(id), &page.plan))?;
        if !page.keep_records {
            self.run(sql::DROP_BYTES, [Bytes::Records.row(id)])?;
        }
        for made in &page.deliveries {
            let row = (id, &made.target, made.delivery.to_bytes());
            self.run(sql::NEW_PAGE_DELIVERY, row)?;
        }
        let cursor: Option<Option<Vec<u8>>> =
            self.first(sql::PAGE_CURSOR, [id], |row| row.get(0))?;
        if let Some(Some(cursor)) = cursor {
            self.run(sql::SET_CURSOR, (flow.0, cursor))?;
        }
        self.count(run, &page.counts)?;
        self.add_times(run, &page.stages)?;
        Ok(())
    }

    pub fn page_planned(&mut self, run: RunId, number: u32, plan: &[u8]) -> Work<()> {
        let (id, state) = self.page_state(run, number)?;
        if state != PageState::Sent {
            return Err(StoreError::NotOpenPage { run, number }.into());
        }
        self.run(sql::PUT_BYTES, (Bytes::Plan.row(id), plan))?;
        Ok(())
    }

    pub fn page_done(
        &mut self,
        run: RunId,
        number: u32,
        counts: &RunCounts,
        stages: &StageTimes,
    ) -> Work<()> {
        let (id, state) = self.page_state(run, number)?;
        match state {
            PageState::Done => return Ok(()),
            PageState::Sent => {}
            PageState::New | PageState::Stepped => {
                return Err(StoreError::NotOpenPage { run, number }.into());
            }
        }
        self.run(sql::SET_PAGE, (id, PageState::Done))?;
        self.drop_bytes(id)?;
        self.run(sql::ADD_PAGES, (run.0, 0, -1))?;
        self.count(run, counts)?;
        self.add_times(run, stages)?;
        self.run(sql::CLOSE_RUN, [run.0])?;
        Ok(())
    }

    /// A page's number as that of its row, and how far it is.
    fn page_state(&self, run: RunId, number: u32) -> Work<(u64, PageState)> {
        let found = self.first(sql::PAGE_STATE, (row_id(run.0), number), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        found.ok_or_else(|| StoreError::NotOpenPage { run, number }.into())
    }

    pub(super) fn drop_bytes(&self, page: u64) -> rusqlite::Result<()> {
        self.run(sql::DROP_BYTES, [Bytes::Records.row(page)])?;
        self.run(sql::DROP_BYTES, [Bytes::Plan.row(page)])?;
        Ok(())
    }

    /// Drops a run's pages that are not sent, and lets go what they have taken.
    /// Returns how many they were.
    pub(super) fn drop_unsent(&self, flow: FlowId, run: RunId) -> rusqlite::Result<u32> {
        let pages: Vec<u64> = {
            let mut statement = self.db.prepare_cached(sql::UNSENT)?;
            let rows = statement.query_map([run.0], |row| row.get(0))?;
            rows.collect::<rusqlite::Result<_>>()?
        };
        for page in &pages {
            self.never_sent(flow, *page)?;
            self.drop_bytes(*page)?;
            self.run(sql::DROP_PAGE, [page])?;
        }
        // A run has fewer pages than fit into their numbers.
        let dropped = pages.len() as u32;
        let fewer = -i64::from(dropped);
        self.run(sql::ADD_PAGES, (run.0, fewer, fewer))?;
        Ok(dropped)
    }
}
