//! What is kept of flows, encrypted as the rest is.

use crossdock_store::{
    Begun, FlowId, FlowRetained, FlowRetention, FlowRow, FlowStore, ItemId, NewPage, NewParked,
    NewReceived, NewSeen, PageHead, PageRow, ParkedId, ParkedRow, ReceivedRow, Result, RunCounts,
    RunId, RunRow, RunUpdate, SentPage, StageTimes, SteppedPage, StoreError,
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

    fn page_planned(&self, run: RunId, number: u32, mut plan: Vec<u8>, now: u64) -> Result<()> {
        self.seal(Kind::FlowPlan, &mut plan)?;
        self.flows.page_planned(run, number, plan, now)
    }

    fn page_done(
        &self,
        run: RunId,
        number: u32,
        counts: RunCounts,
        stages: StageTimes,
        now: u64,
    ) -> Result<()> {
        self.flows.page_done(run, number, counts, stages, now)
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

    fn park_anew(&self, flow: FlowId, parked: Vec<ParkedId>) -> Result<u64> {
        self.flows.park_anew(flow, parked)
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

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use crossdock_store::{Begun, RunState, SqliteStore, Store};

    use super::*;
    use crate::outbox::keyring::Keyring;

    const T: u64 = 1_700_000_000_000;

    /// What must not be readable in the file.
    const SECRET: &[u8] = b"[{\"phone\":\"13800138000\"}]";

    fn store(data: &Path, file: &Path, encrypt: bool) -> Sealed {
        let mut config = crate::config::load_host(None).unwrap();
        config.data_dir = data.to_owned();
        config.outbox.encrypt = encrypt;
        let keys = Keyring::new(&config).unwrap();
        Sealed::new(Arc::new(SqliteStore::open(file).unwrap()), keys)
    }

    /// Puts everything that a flow can hold; returns the flow and its run.
    fn fill(store: &Sealed) -> (FlowId, RunId) {
        let flow = store.flow_put("acme", "stock", T).unwrap().id;
        let parked = NewParked {
            target: None,
            record: SECRET.into(),
            problem: SECRET.into(),
            generation: "1".into(),
        };
        let received = NewReceived {
            key: None,
            body: SECRET.into(),
        };
        store.receive(flow, vec![received], T).unwrap();
        store.park(flow, vec![parked.clone()], T).unwrap();
        let Begun::New(run) = store.flow_begin(flow, None, "by hand", T).unwrap() else {
            panic!("it is new");
        };
        let page = |number| NewPage {
            number,
            records: SECRET.into(),
            count: 1,
            cursor: Some(SECRET.into()),
            last: false,
            origin: SECRET.into(),
            taken: Vec::new(),
            again: Vec::new(),
            counts: RunCounts::default(),
        };
        for number in [0, 1] {
            store.page_put(run, page(number), T).unwrap();
        }
        let stepped = SteppedPage {
            records: SECRET.into(),
            parked: vec![parked.clone()],
            counts: RunCounts::default(),
        };
        store.page_stepped(run, 0, stepped, T).unwrap();
        let sent = SentPage {
            plan: SECRET.into(),
            keep_records: true,
            parked: vec![parked],
            ..SentPage::default()
        };
        store.page_sent(run, 0, sent, T).unwrap();
        let failed = RunUpdate {
            problem: Some(SECRET.into()),
            ..RunUpdate::to(RunState::Failed)
        };
        store.run_state(run, failed, T).unwrap();
        store.flow_rewind(flow, Some(SECRET.into()), T).unwrap();
        (flow, run)
    }

    fn bytes_of(folder: &Path) -> Vec<u8> {
        let files = std::fs::read_dir(folder).unwrap();
        let files = files.map(|file| std::fs::read(file.unwrap().path()).unwrap());
        files.flatten().collect()
    }

    fn is_in(bytes: &[u8]) -> bool {
        bytes.windows(SECRET.len()).any(|part| part == SECRET)
    }

    #[test]
    fn nothing_that_a_flow_holds_is_readable_in_the_file_and_all_of_it_comes_back() {
        let (data, plain) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fill(&store(data.path(), plain.path(), false));
        assert!(is_in(&bytes_of(plain.path())), "it is found where it is");
        let file = tempfile::tempdir().unwrap();
        let sealed = store(data.path(), file.path(), true);
        let (flow, run) = fill(&sealed);
        let row = sealed.flow_put("acme", "stock", T).unwrap();
        assert_eq!(row.cursor.as_deref(), Some(SECRET));
        let page = sealed.page(run, 0).unwrap().unwrap();
        assert_eq!((&page.records[..], &page.plan[..]), (SECRET, SECRET));
        assert_eq!(page.head.cursor.as_deref(), Some(SECRET));
        assert_eq!(sealed.open_pages(run).unwrap()[0].origin, SECRET);
        for parked in sealed.parked(flow, None, 9).unwrap() {
            assert_eq!((&parked.record[..], &parked.problem[..]), (SECRET, SECRET));
        }
        assert_eq!(sealed.received(flow, 9).unwrap()[0].body, SECRET);
        let failed = sealed.run(run).unwrap().unwrap();
        assert_eq!(failed.problem.as_deref(), Some(SECRET));
        assert_eq!(sealed.check().unwrap(), [""; 0]);
        drop(sealed);
        assert!(!is_in(&bytes_of(file.path())));
    }

    #[test]
    fn a_flow_whose_cursor_cannot_be_read_does_not_begin_again() {
        let (data, file) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (flow, run) = fill(&store(data.path(), file.path(), true));
        let other = tempfile::tempdir().unwrap();
        let without = store(other.path(), file.path(), true);
        let refused = without.flow_put("acme", "stock", T).unwrap_err();
        assert!(matches!(refused, StoreError::Unreadable(_)), "{refused}");
        assert!(refused.to_string().contains("does not have"), "{refused}");
        // Others are shown with it, and what can be told of it is.
        let shown = without.flows().unwrap();
        assert!(shown[0].cursor.is_none() && shown[0].unreadable.is_some());
        assert!(without.page(run, 0).is_err());
        assert!(without.received(flow, 9).is_err());
        assert!(
            without.parked(flow, None, 9).unwrap()[0]
                .unreadable
                .is_some()
        );
        assert_eq!(without.run(run).unwrap().unwrap().problem, None);
    }
}
