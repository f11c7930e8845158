//! Many random steps of a flow's engine that is stopped between any two of them
//! and forgets everything: what came in reaches a page that is sent exactly once,
//! or waits, or is parked.

use std::collections::BTreeMap;

use super::{T, came, failed, sent};
use crate::{
    Begun, FlowId, FlowStore, NewPage, PageState, RunCounts, RunState, RunUpdate, SentPage,
    StageTimes, SteppedPage,
};

pub(super) const SEEDS: u64 = 8;

const STEPS: u64 = 400;

/// A chance that is the same for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

pub(super) fn run(store: &dyn FlowStore, seed: u64) {
    let mut chance = Chance(seed);
    let flow = store.flow_put("acme", "stock", T).unwrap().id;
    let mut given = 0;
    let mut reached: BTreeMap<String, u32> = BTreeMap::new();
    for step in 0..STEPS {
        if chance.below(3) == 0 {
            let record = came(Some(&step.to_string()), &format!("r{step}"));
            store.receive(flow, vec![record], T).unwrap();
            given += 1;
        }
        advance(store, flow, step, &mut chance, &mut reached);
    }
    // Whatever is under way never gets further.
    for run in store.open_runs().unwrap() {
        let failed = RunUpdate::to(RunState::Failed);
        store.run_state(run.id, failed, T).unwrap();
    }
    let sent = reached.len();
    for received in store.received(flow, 10_000).unwrap() {
        *reached.entry(text(received.body)).or_default() += 1;
    }
    for parked in store.parked(flow, None, 10_000).unwrap() {
        assert!(!parked.taken);
        *reached.entry(text(parked.record)).or_default() += 1;
    }
    let twice = reached.iter().find(|(_, times)| **times != 1);
    assert_eq!(twice, None, "seed {seed}");
    assert_eq!(reached.len(), given, "seed {seed}");
    assert!(sent > 20, "seed {seed}: only {sent}");
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

fn records(bytes: &[u8]) -> Vec<String> {
    let text = str::from_utf8(bytes).unwrap();
    text.split_ascii_whitespace().map(str::to_owned).collect()
}

/// One step of whatever the store says is to be done next.
fn advance(
    store: &dyn FlowStore,
    flow: FlowId,
    step: u64,
    chance: &mut Chance,
    reached: &mut BTreeMap<String, u32>,
) {
    let runs = store.open_runs().unwrap();
    let Some(run) = runs.iter().find(|run| run.state == RunState::Running) else {
        let begun = store.flow_begin(flow, Some(T + step), "tick", T).unwrap();
        assert!(matches!(begun, Begun::New(_)), "{begun:?}");
        for run in runs {
            finish(store, &run);
        }
        return;
    };
    if chance.below(25) == 0 {
        let failed = RunUpdate::to(RunState::Failed);
        store.run_state(run.id, failed, T).unwrap();
        return;
    }
    let pages = store.open_pages(run.id).unwrap();
    let Some(head) = pages.iter().find(|page| page.state < PageState::Sent) else {
        if run.pages > 2 {
            let waiting = RunUpdate::to(RunState::Waiting);
            store.run_state(run.id, waiting, T).unwrap();
        } else {
            read(store, flow, run, chance);
        }
        return;
    };
    let page = store.page(run.id, head.number).unwrap().unwrap();
    let mut records = records(&page.records);
    let fails = !records.is_empty() && chance.below(6) == 0;
    let parked: Vec<_> = fails.then(|| records.remove(0)).into_iter().collect();
    let parked = parked.iter().map(|record| failed(record)).collect();
    if head.state == PageState::New {
        let stepped = SteppedPage {
            records: records.join(" ").into(),
            parked,
            counts: RunCounts::default(),
        };
        store.page_stepped(run.id, head.number, stepped, T).unwrap();
        return;
    }
    let queued = SentPage { parked, ..sent() };
    store.page_sent(run.id, head.number, queued, T).unwrap();
    for record in records {
        *reached.entry(record).or_default() += 1;
    }
}

/// A page of what came in, or of what was parked.
fn read(store: &dyn FlowStore, flow: FlowId, run: &crate::RunRow, chance: &mut Chance) {
    let mut texts = Vec::new();
    let mut page = super::page(run.pages, "");
    if chance.below(2) == 0 {
        for parked in store.parked(flow, None, 3).unwrap() {
            page.again.push(parked.id);
            texts.push(parked.record);
        }
    }
    for received in store.received(flow, 4).unwrap() {
        page.taken.push(received.id);
        texts.push(received.body);
    }
    let records = texts.join(&b' ');
    let page = NewPage { records, ..page };
    assert!(store.page_put(run.id, page, T).unwrap());
}

/// Ends everything of a run that waits.
fn finish(store: &dyn FlowStore, run: &crate::RunRow) {
    for page in store.open_pages(run.id).unwrap() {
        let counts = RunCounts::default();
        let stages = StageTimes::default();
        let done = store.page_done(run.id, page.number, counts, stages, T);
        done.unwrap();
    }
    let done = RunUpdate::to(RunState::Done);
    store.run_state(run.id, done, T).unwrap();
}
