//! Flows in the same file, by the same thread that writes.
//!
//! | file | what is in it |
//! |---|---|
//! | `sql` | the statements |
//! | `rows` | flows, runs and pages as they are read |
//! | `read` | what is read |
//! | `run` | flows and runs within a commit |
//! | `page` | pages within a commit |
//! | `held` | records that are parked or came in, within a commit |
//! | `seen` | what targets took last, within a commit |
//! | `retain` | removal |
//! | `check` | what must not be found in the rows |

pub(super) mod check;
mod held;
mod page;
mod read;
mod retain;
mod rows;
mod run;
mod seen;
pub(super) mod sql;

use super::SqliteStore;
use super::unit::Unit;
use crate::error::Result;
use crate::flow_store::FlowStore;
use crate::model::{
    Begun, FlowId, FlowRetained, FlowRetention, FlowRow, ItemId, NewPage, NewParked, NewReceived,
    NewSeen, PageHead, PageRow, ParkedId, ParkedRow, ReceivedRow, RunCounts, RunId, RunRow,
    RunUpdate, SentPage, StageTimes, SteppedPage,
};
use crate::validate::{self, flow as valid};

impl FlowStore for SqliteStore {
    fn flow_put(&self, tenant: &str, flow: &str, now: u64) -> Result<FlowRow> {
        valid::names(tenant, flow)?;
        validate::time(now)?;
        if let Some(found) = self.shared.flow_named(tenant, flow)? {
            return Ok(found);
        }
        let (tenant, flow) = (tenant.to_owned(), flow.to_owned());
        let work = move |unit: &mut Unit<'_>| unit.flow_put(&tenant, &flow, now);
        self.writer.submit(1, now, work)
    }

    fn flows(&self) -> Result<Vec<FlowRow>> {
        self.shared.flows()
    }

    fn flow_pause(&self, flow: FlowId, paused: bool, now: u64) -> Result<()> {
        let work = move |unit: &mut Unit<'_>| unit.flow_pause(flow, paused);
        self.writer.submit(1, now, work)
    }

    fn flow_rewind(&self, flow: FlowId, cursor: Option<Vec<u8>>, now: u64) -> Result<()> {
        valid::note("a cursor (bytes)", cursor.as_deref().unwrap_or_default())?;
        let work = move |unit: &mut Unit<'_>| unit.flow_rewind(flow, cursor.as_deref());
        self.writer.submit(1, now, work)
    }

    fn flow_begin(&self, flow: FlowId, tick: Option<u64>, cause: &str, now: u64) -> Result<Begun> {
        validate::time(now)?;
        validate::time(tick.unwrap_or(0))?;
        let cause = validate::word(cause).to_owned();
        let work = move |unit: &mut Unit<'_>| unit.flow_begin(flow, tick, &cause, now);
        self.writer.submit(2, now, work)
    }

    fn flow_skip_tick(&self, flow: FlowId, tick: u64, now: u64) -> Result<()> {
        validate::time(tick)?;
        let work = move |unit: &mut Unit<'_>| unit.flow_skip_tick(flow, tick);
        self.writer.submit(1, now, work)
    }

    fn runs(&self, flow: FlowId, before: Option<RunId>, limit: usize) -> Result<Vec<RunRow>> {
        self.shared.runs(flow, before, limit)
    }

    fn run(&self, run: RunId) -> Result<Option<RunRow>> {
        self.shared.run(run)
    }

    fn open_runs(&self) -> Result<Vec<RunRow>> {
        self.shared.open_runs()
    }

    fn page_put(&self, run: RunId, page: NewPage, now: u64) -> Result<bool> {
        valid::new_page(&page)?;
        validate::time(now)?;
        let rows = 3 + page.taken.len() + page.again.len();
        let work = move |unit: &mut Unit<'_>| unit.page_put(run, &page, now);
        self.writer.submit(rows, now, work)
    }

    fn page(&self, run: RunId, number: u32) -> Result<Option<PageRow>> {
        self.shared.page(run, number)
    }

    fn pages(&self, run: RunId, after: Option<u32>, limit: usize) -> Result<Vec<PageHead>> {
        self.shared.pages(run, after, limit)
    }

    fn open_pages(&self, run: RunId) -> Result<Vec<PageHead>> {
        self.shared.open_pages(run)
    }

    fn page_stepped(&self, run: RunId, number: u32, page: SteppedPage, now: u64) -> Result<()> {
        valid::stepped(&page)?;
        validate::time(now)?;
        let rows = 4 + page.parked.len();
        let work = move |unit: &mut Unit<'_>| unit.page_stepped(run, number, &page, now);
        self.writer.submit(rows, now, work)
    }

    fn page_sent(&self, run: RunId, number: u32, page: SentPage, now: u64) -> Result<()> {
        valid::sent(&page)?;
        validate::time(now)?;
        let rows = 6 + page.parked.len() + page.deliveries.len();
        let work = move |unit: &mut Unit<'_>| unit.page_sent(run, number, &page, now);
        self.writer.submit(rows, now, work)
    }

    fn page_planned(&self, run: RunId, number: u32, plan: Vec<u8>, now: u64) -> Result<()> {
        valid::plan(&plan)?;
        validate::time(now)?;
        let work = move |unit: &mut Unit<'_>| unit.page_planned(run, number, &plan);
        self.writer.submit(2, now, work)
    }

    fn page_done(
        &self,
        run: RunId,
        number: u32,
        counts: RunCounts,
        stages: StageTimes,
        now: u64,
    ) -> Result<()> {
        let work = move |unit: &mut Unit<'_>| unit.page_done(run, number, &counts, &stages);
        self.writer.submit(5, now, work)
    }

    fn run_state(&self, run: RunId, update: RunUpdate, now: u64) -> Result<()> {
        valid::note(
            "a problem (bytes)",
            update.problem.as_deref().unwrap_or_default(),
        )?;
        validate::time(now)?;
        let work = move |unit: &mut Unit<'_>| unit.run_state(run, &update, now);
        self.writer.submit(3, now, work)
    }

    fn seen(&self, flow: FlowId, target: &str, keys: &[Vec<u8>]) -> Result<Vec<Option<[u8; 32]>>> {
        self.shared.seen(flow, target, keys)
    }

    fn seen_sending(&self, flow: FlowId, target: &str, keys: Vec<Vec<u8>>) -> Result<()> {
        valid::target(target)?;
        valid::batch(keys.len())?;
        let target = target.to_owned();
        let work = move |unit: &mut Unit<'_>| unit.seen_sending(flow, &target, &keys);
        self.writer.submit(1, 0, work)
    }

    fn seen_sent(&self, flow: FlowId, target: &str, sent: Vec<NewSeen>) -> Result<()> {
        valid::target(target)?;
        valid::seen(&sent)?;
        let target = target.to_owned();
        let rows = sent.len();
        let work = move |unit: &mut Unit<'_>| unit.seen_sent(flow, &target, &sent);
        self.writer.submit(rows, 0, work)
    }

    fn seen_accepted(&self, items: Vec<ItemId>) -> Result<()> {
        valid::batch(items.len())?;
        let rows = items.len();
        let work = move |unit: &mut Unit<'_>| unit.seen_accepted(&items);
        self.writer.submit(rows, 0, work)
    }

    fn seen_forget(&self, flow: FlowId, target: Option<&str>) -> Result<u64> {
        let target = target.map(str::to_owned);
        let work = move |unit: &mut Unit<'_>| unit.seen_forget(flow, target.as_deref());
        self.writer.submit(1, 0, work)
    }

    fn park(&self, flow: FlowId, parked: Vec<NewParked>, now: u64) -> Result<()> {
        valid::parked(&parked)?;
        validate::time(now)?;
        let rows = parked.len() + 1;
        let work = move |unit: &mut Unit<'_>| unit.park(flow, &parked, now);
        self.writer.submit(rows, now, work)
    }

    fn parked(
        &self,
        flow: FlowId,
        after: Option<ParkedId>,
        limit: usize,
    ) -> Result<Vec<ParkedRow>> {
        self.shared.parked(flow, after, limit)
    }

    fn unpark(&self, flow: FlowId, parked: Vec<ParkedId>) -> Result<u64> {
        valid::batch(parked.len())?;
        let rows = parked.len() + 1;
        let work = move |unit: &mut Unit<'_>| unit.unpark(flow, &parked);
        self.writer.submit(rows, 0, work)
    }

    fn park_anew(&self, flow: FlowId, parked: Vec<ParkedId>) -> Result<u64> {
        valid::batch(parked.len())?;
        let rows = parked.len() + 1;
        let work = move |unit: &mut Unit<'_>| unit.park_anew(flow, &parked);
        self.writer.submit(rows, 0, work)
    }

    fn receive(&self, flow: FlowId, records: Vec<NewReceived>, now: u64) -> Result<Vec<bool>> {
        valid::received(&records)?;
        validate::time(now)?;
        let rows = records.len() * 2 + 1;
        let work = move |unit: &mut Unit<'_>| unit.receive(flow, &records, now);
        self.writer.submit(rows, now, work)
    }

    fn received(&self, flow: FlowId, limit: usize) -> Result<Vec<ReceivedRow>> {
        self.shared.received(flow, limit)
    }

    fn flow_retain(&self, retention: FlowRetention, now: u64) -> Result<FlowRetained> {
        let retention = FlowRetention {
            runs_until: validate::bound(retention.runs_until),
            keys_until: validate::bound(retention.keys_until),
            ..retention
        };
        let work = move |unit: &mut Unit<'_>| unit.flow_retain(&retention);
        self.writer.submit(retain::SLICE, now, work)
    }
}
