//! What is kept of flows, encrypted as the rest is.

use crossdock_store::{
    Begun, FlowId, FlowRetained, FlowRetention, FlowRow, FlowStore, ItemId, NewPage, NewParked,
    NewReceived, NewSeen, PageHead, PageRow, ParkedId, ParkedRow, ReceivedRow, Result, RunCounts,
    RunId, RunRow, RunUpdate, SentPage, SteppedPage, StoreError,
};

use super::Sealed;
use crate::outbox::keyring::{Kind, Unreadable};

impl Sealed {
    fn seal(&self, kind: Kind, value: &mut Vec<u8>) -> Result<()> {
        *value = self.close(kind, std::mem::take(value))?;
        Ok(())
    }

    fn seal_if_any(&self, kind: Kind, value: &mut Option<Vec<u8>>) -> Result<()> {
        match value {
            Some(value) => self.seal(kind, value),
            None => Ok(()),
        }
    }

    fn seal_parked(&self, parked: &mut [NewParked]) -> Result<()> {
        for one in parked {
            self.seal(Kind::FlowParked, &mut one.record)?;
            self.seal(Kind::FlowProblem, &mut one.problem)?;
        }
        Ok(())
    }

    /// Opens a value, or says why it cannot be.
    fn unseal(&self, kind: Kind, what: &str, value: &mut Vec<u8>) -> Result<()> {
        match self.keys.open(kind, std::mem::take(value)) {
            Ok(opened) => *value = opened,
            Err(Unreadable(why)) => {
                return Err(StoreError::Unreadable(format!(
                    "{what} cannot be read now: {why}"
                )));
            }
        }
        Ok(())
    }

    /// Opens a flow's cursor; says in the row where it cannot be read.
    fn open_flow(&self, flow: &mut FlowRow) {
        let Some(cursor) = flow.cursor.take() else {
            return;
        };
        match self.keys.open(Kind::FlowCursor, cursor) {
            Ok(cursor) => flow.cursor = Some(cursor),
            Err(Unreadable(why)) => {
                flow.unreadable = Some(format!("its cursor cannot be read now: {why}"));
            }
        }
    }

    fn open_run(&self, run: &mut RunRow) {
        if let Some(problem) = run.problem.take() {
            run.problem = self.keys.open(Kind::FlowProblem, problem).ok();
        }
    }

    fn open_head(&self, head: &mut PageHead) -> Result<()> {
        if let Some(cursor) = &mut head.cursor {
            self.unseal(Kind::FlowCursor, "a page's cursor", cursor)?;
        }
        self.unseal(Kind::FlowOrigin, "where a page is from", &mut head.origin)
    }

    fn open_heads(&self, mut heads: Vec<PageHead>) -> Result<Vec<PageHead>> {
        for head in &mut heads {
            self.open_head(head)?;
        }
        Ok(heads)
    }

    fn open_parked(&self, parked: &mut ParkedRow) {
        let values = [
            (Kind::FlowParked, &mut parked.record),
            (Kind::FlowProblem, &mut parked.problem),
        ];
        for (kind, value) in values {
            match self.keys.open(kind, std::mem::take(value)) {
                Ok(opened) => *value = opened,
                Err(Unreadable(why)) => parked.unreadable = Some(why),
            }
        }
    }
}

impl FlowStore for Sealed {
    fn flow_put(&self, tenant: &str, flow: &str, now: u64) -> Result<FlowRow> {
        let mut row = self.flows.flow_put(tenant, flow, now)?;
        self.open_flow(&mut row);
        match row.unreadable {
            // It would begin at its beginning.
            Some(why) => Err(StoreError::Unreadable(format!(
                "the flow `{flow}` cannot run: {why}"
            ))),
            None => Ok(row),
        }
    }

    fn flows(&self) -> Result<Vec<FlowRow>> {
        let mut flows = self.flows.flows()?;
        flows.iter_mut().for_each(|flow| self.open_flow(flow));
        Ok(flows)
    }

    fn flow_pause(&self, flow: FlowId, paused: bool, now: u64) -> Result<()> {
        self.flows.flow_pause(flow, paused, now)
    }

    fn flow_rewind(&self, flow: FlowId, mut cursor: Option<Vec<u8>>, now: u64) -> Result<()> {
        self.seal_if_any(Kind::FlowCursor, &mut cursor)?;
        self.flows.flow_rewind(flow, cursor, now)
    }

    fn flow_begin(&self, flow: FlowId, tick: Option<u64>, cause: &str, now: u64) -> Result<Begun> {
        self.flows.flow_begin(flow, tick, cause, now)
    }

    fn flow_skip_tick(&self, flow: FlowId, tick: u64, now: u64) -> Result<()> {
        self.flows.flow_skip_tick(flow, tick, now)
    }

    fn runs(&self, flow: FlowId, before: Option<RunId>, limit: usize) -> Result<Vec<RunRow>> {
        let mut runs = self.flows.runs(flow, before, limit)?;
        runs.iter_mut().for_each(|run| self.open_run(run));
        Ok(runs)
    }

    fn run(&self, run: RunId) -> Result<Option<RunRow>> {
        let mut run = self.flows.run(run)?;
        run.iter_mut().for_each(|run| self.open_run(run));
        Ok(run)
    }

    fn open_runs(&self) -> Result<Vec<RunRow>> {
        let mut runs = self.flows.open_runs()?;
        runs.iter_mut().for_each(|run| self.open_run(run));
        Ok(runs)
    }

    fn page_put(&self, run: RunId, mut page: NewPage, now: u64) -> Result<bool> {
        self.seal(Kind::FlowRecords, &mut page.records)?;
        self.seal(Kind::FlowOrigin, &mut page.origin)?;
        self.seal_if_any(Kind::FlowCursor, &mut page.cursor)?;
        self.flows.page_put(run, page, now)
    }

    fn page(&self, run: RunId, number: u32) -> Result<Option<PageRow>> {
        let Some(mut page) = self.flows.page(run, number)? else {
            return Ok(None);
        };
        self.open_head(&mut page.head)?;
        self.unseal(Kind::FlowRecords, "a page's records", &mut page.records)?;
        self.unseal(Kind::FlowPlan, "a page's plan", &mut page.plan)?;
        Ok(Some(page))
    }

    fn pages(&self, run: RunId, after: Option<u32>, limit: usize) -> Result<Vec<PageHead>> {
        self.open_heads(self.flows.pages(run, after, limit)?)
    }

    fn open_pages(&self, run: RunId) -> Result<Vec<PageHead>> {
        self.open_heads(self.flows.open_pages(run)?)
    }

    fn page_stepped(&self, run: RunId, number: u32, mut page: SteppedPage, now: u64) -> Result<()> {
        self.seal(Kind::FlowRecords, &mut page.records)?;
        self.seal_parked(&mut page.parked)?;
        self.flows.page_stepped(run, number, page, now)
    }

    fn page_sent(&self, run: RunId, number: u32, mut page: SentPage, now: u64) -> Result<()> {
        self.seal(Kind::FlowPlan, &mut page.plan)?;
        self.seal_parked(&mut page.parked)?;
        self.flows.page_sent(run, number, page, now)
    }

    fn page_done(&self, run: RunId, number: u32, counts: RunCounts, now: u64) -> Result<()> {
        self.flows.page_done(run, number, counts, now)
    }

    fn run_state(&self, run: RunId, mut update: RunUpdate, now: u64) -> Result<()> {
        self.seal_if_any(Kind::FlowProblem, &mut update.problem)?;
        self.flows.run_state(run, update, now)
    }

    fn seen(&self, flow: FlowId, target: &str, keys: &[Vec<u8>]) -> Result<Vec<Option<[u8; 32]>>> {
        self.flows.seen(flow, target, keys)
    }

    fn seen_sending(&self, flow: FlowId, target: &str, keys: Vec<Vec<u8>>) -> Result<()> {
        self.flows.seen_sending(flow, target, keys)
    }

    fn seen_sent(&self, flow: FlowId, target: &str, sent: Vec<NewSeen>) -> Result<()> {
        self.flows.seen_sent(flow, target, sent)
    }

    fn seen_accepted(&self, items: Vec<ItemId>) -> Result<()> {
        self.flows.seen_accepted(items)
    }

    fn seen_forget(&self, flow: FlowId, target: Option<&str>) -> Result<u64> {
        self.flows.seen_forget(flow, target)
    }

    fn park(&self, flow: FlowId, mut parked: Vec<NewParked>, now: u64) -> Result<()> {
        self.seal_parked(&mut parked)?;
        self.flows.park(flow, parked, now)
    }

    fn parked(
        &self,
        flow: FlowId,
        after: Option<ParkedId>,
        limit: usize,
    ) -> Result<Vec<ParkedRow>> {
        let mut parked = self.flows.parked(flow, after, limit)?;
        parked
            .iter_mut()
            .for_each(|parked| self.open_parked(parked));
        Ok(parked)
    }

    fn unpark(&self, flow: FlowId, parked: Vec<ParkedId>) -> Result<u64> {
        self.flows.unpark(flow, parked)
    }

    fn receive(&self, flow: FlowId, mut records: Vec<NewReceived>, now: u64) -> Result<Vec<bool>> {
        for record in &mut records {
            self.seal(Kind::FlowReceived, &mut record.body)?;
        }
        self.flows.receive(flow, records, now)
    }

    fn received(&self, flow: FlowId, limit: usize) -> Result<Vec<ReceivedRow>> {
        let mut received = self.flows.received(flow, limit)?;
        for record in &mut received {
            let what = "a record that came in";
            self.unseal(Kind::FlowReceived, what, &mut record.body)?;
        }
        Ok(received)
    }

    fn flow_retain(&self, retention: FlowRetention, now: u64) -> Result<FlowRetained> {
        self.flows.flow_retain(retention, now)
    }
}
