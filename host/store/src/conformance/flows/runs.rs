//! Flows, ticks, runs.

use super::{Promise, T, begin, end, flow, put, row, send};
use crate::{
    Begun, FlowId, FlowRetention, FlowStore, RunCounts, RunId, RunState, RunUpdate, StageTimes,
    StoreError,
};

pub(super) const PROMISES: &[Promise] = &[
    a_flow_is_made_once_and_is_its_tenants,
    a_tick_begins_once,
    a_tick_that_was_passed_by_gets_no_run_nor_does_one_before,
    one_run_of_a_flow_runs_at_a_time,
    a_run_that_waits_blocks_no_next_one,
    a_run_adds_up_and_keeps_its_end,
    a_run_ends_only_when_its_pages_do,
    runs_are_listed_newest_first,
    what_is_open_is_found_after_a_restart,
    old_runs_go_and_what_is_open_or_newest_stays,
    runs_that_found_nothing_push_out_none_that_did,
    what_is_not_there_is_refused,
];

fn a_flow_is_made_once_and_is_its_tenants(store: &dyn FlowStore) {
    let made = store.flow_put("acme", "stock", T).unwrap();
    assert_eq!(store.flow_put("acme", "stock", T + 9).unwrap(), made);
    assert_eq!((made.made, made.paused, made.last_tick), (T, false, None));
    let other = store.flow_put("bolt", "stock", T).unwrap();
    assert_ne!(made.id, other.id);
    store.flow_pause(made.id, true, T).unwrap();
    assert!(row(store, made.id).paused);
    assert!(!row(store, other.id).paused);
    store.flow_rewind(made.id, Some(b"7".into()), T).unwrap();
    assert_eq!(row(store, made.id).cursor.as_deref(), Some(&b"7"[..]));
    assert_eq!(row(store, other.id).cursor, None);
    store.flow_rewind(made.id, None, T).unwrap();
    assert_eq!(row(store, made.id).cursor, None);
    assert!(store.flow_put("acme", "", T).is_err());
    assert!(store.flow_put("acme", &"x".repeat(300), T).is_err());
}

fn ended(store: &dyn FlowStore, run: RunId) {
    let done = RunUpdate::to(RunState::Done);
    store.run_state(run, done, T + 5).unwrap();
}

fn a_tick_begins_once(store: &dyn FlowStore) {
    let flow = flow(store);
    let Begun::New(run) = store.flow_begin(flow, Some(T), "tick", T).unwrap() else {
        panic!("it is new");
    };
    let again = store.flow_begin(flow, Some(T), "tick", T + 1).unwrap();
    assert_eq!(again, Begun::Known(run));
    ended(store, run);
    let again = store.flow_begin(flow, Some(T), "tick", T + 1).unwrap();
    assert_eq!(again, Begun::Known(run), "also once it has ended");
    // The clock jumped back, or the flow's schedule is another one.
    let earlier = store.flow_begin(flow, Some(T - 1), "tick", T - 1).unwrap();
    assert_eq!(earlier, Begun::Passed);
    assert_eq!(row(store, flow).last_tick, Some(T));
    let next = store.flow_begin(flow, Some(T + 1), "tick", T + 1).unwrap();
    assert!(matches!(next, Begun::New(next) if next > run));
    assert_eq!(row(store, flow).last_tick, Some(T + 1));
}

fn a_tick_that_was_passed_by_gets_no_run_nor_does_one_before(store: &dyn FlowStore) {
    let flow = flow(store);
    store.flow_skip_tick(flow, T, T).unwrap();
    store.flow_skip_tick(flow, T, T).unwrap();
    store.flow_skip_tick(flow, T - 9, T).unwrap();
    let found = row(store, flow);
    assert_eq!((found.last_tick, found.ticks_skipped), (Some(T), 1));
    for tick in [T - 1, T] {
        let begun = store.flow_begin(flow, Some(tick), "tick", T).unwrap();
        assert_eq!(begun, Begun::Passed);
    }
    assert_eq!(store.runs(flow, None, 9).unwrap(), []);
}

fn one_run_of_a_flow_runs_at_a_time(store: &dyn FlowStore) {
    let flow = flow(store);
    let run = begin(store, flow);
    let busy = store.flow_begin(flow, Some(T), "tick", T).unwrap();
    assert_eq!(busy, Begun::Busy(run));
    assert_eq!(row(store, flow).last_tick, None, "the tick is not used up");
    let other = store.flow_put("acme", "orders", T).unwrap().id;
    begin(store, other);
    ended(store, run);
    let begun = store.flow_begin(flow, Some(T), "tick", T).unwrap();
    assert!(matches!(begun, Begun::New(_)));
}

fn a_run_that_waits_blocks_no_next_one(store: &dyn FlowStore) {
    let flow = flow(store);
    let first = begin(store, flow);
    put(store, first, 0);
    let waiting = || RunUpdate::to(RunState::Waiting);
    let refused = store.run_state(first, waiting(), T).unwrap_err();
    assert!(matches!(refused, StoreError::Invalid(_)), "{refused}");
    send(store, first, 0);
    store.run_state(first, waiting(), T).unwrap();
    let second = begin(store, flow);
    let runs_again = store.run_state(first, RunUpdate::to(RunState::Running), T);
    assert!(runs_again.is_err());
    let open: Vec<RunId> = store.open_runs().unwrap().iter().map(|r| r.id).collect();
    assert_eq!(open, [first, second]);
}

fn a_run_adds_up_and_keeps_its_end(store: &dyn FlowStore) {
    let flow = flow(store);
    let run = begin(store, flow);
    let update = |state, sent, problem: Option<&str>| RunUpdate {
        state,
        counts: RunCounts {
            sent,
            ..RunCounts::default()
        },
        stages: StageTimes {
            source: 3,
            ..StageTimes::default()
        },
        problem: problem.map(|problem| problem.as_bytes().into()),
    };
    let running = RunState::Running;
    store.run_state(run, update(running, 2, None), T).unwrap();
    let failed = update(RunState::Failed, 3, Some("why"));
    store.run_state(run, failed, T + 7).unwrap();
    let late = update(RunState::Done, 1, None);
    store.run_state(run, late, T + 9).unwrap();
    let found = store.run(run).unwrap().unwrap();
    assert_eq!((found.state, found.ended), (RunState::Failed, Some(T + 7)));
    assert_eq!((found.counts.sent, found.stages.source), (6, 9));
    assert_eq!(found.problem.as_deref(), Some(&b"why"[..]));
    assert_eq!((found.cause.as_str(), found.tick), ("by hand", None));
}

fn a_run_ends_only_when_its_pages_do(store: &dyn FlowStore) {
    let run = begin(store, flow(store));
    put(store, run, 0);
    send(store, run, 0);
    let done = || RunUpdate::to(RunState::Done);
    assert!(store.run_state(run, done(), T).is_err());
    end(store, run, 0);
    store.run_state(run, done(), T).unwrap();
    assert_eq!(store.open_runs().unwrap(), []);
}

fn runs_are_listed_newest_first(store: &dyn FlowStore) {
    let flow = flow(store);
    let mut runs = Vec::new();
    for _ in 0..5 {
        let run = begin(store, flow);
        ended(store, run);
        runs.insert(0, run);
    }
    let numbers = |before, limit| -> Vec<RunId> {
        let runs = store.runs(flow, before, limit).unwrap();
        runs.iter().map(|run| run.id).collect()
    };
    assert_eq!(numbers(None, 9), runs);
    assert_eq!(numbers(Some(runs[1]), 2), runs[2..4]);
    assert_eq!(numbers(Some(runs[4]), 2), []);
}

fn what_is_open_is_found_after_a_restart(store: &dyn FlowStore) {
    let flow = flow(store);
    let failed = begin(store, flow);
    put(store, failed, 0);
    put(store, failed, 1);
    send(store, failed, 0);
    let failure = RunUpdate::to(RunState::Failed);
    store.run_state(failed, failure, T).unwrap();
    let open = store.open_runs().unwrap();
    assert_eq!(open.len(), 1, "outcomes of what it sent still come");
    assert_eq!((open[0].state, open[0].open_pages), (RunState::Failed, 1));
    end(store, failed, 0);
    assert_eq!(store.open_runs().unwrap(), []);
}

fn old_runs_go_and_what_is_open_or_newest_stays(store: &dyn FlowStore) {
    let flow = flow(store);
    let open = begin(store, flow);
    put(store, open, 0);
    send(store, open, 0);
    let waiting = RunUpdate::to(RunState::Waiting);
    store.run_state(open, waiting, T).unwrap();
    let mut runs = Vec::new();
    for n in 0..5 {
        let run = begin(store, flow);
        put(store, run, 0);
        send(store, run, 0);
        end(store, run, 0);
        let done = RunUpdate::to(RunState::Done);
        store.run_state(run, done, T + n).unwrap();
        runs.push(run);
    }
    let left = |runs_until, runs_most| -> Vec<RunId> {
        let retention = FlowRetention {
            runs_until,
            runs_most,
            empty_most: 100,
            keys_until: 0,
        };
        while store.flow_retain(retention, T).unwrap().more {}
        let mut left = store.runs(flow, None, 9).unwrap();
        left.reverse();
        left.iter().map(|run| run.id).collect()
    };
    assert_eq!(left(T, 100), [&[open], &runs[1..]].concat());
    assert_eq!(left(0, 3), [&[open], &runs[2..]].concat());
    assert_eq!(left(u64::MAX, 100), [open, runs[4]]);
    assert_eq!(left(0, 0), [open, runs[4]]);
    // No number is given twice, whatever was removed.
    assert!(begin(store, flow) > runs[4]);
}

fn runs_that_found_nothing_push_out_none_that_did(store: &dyn FlowStore) {
    let flow = flow(store);
    let busy = begin(store, flow);
    put(store, busy, 0);
    send(store, busy, 0);
    end(store, busy, 0);
    ended(store, busy);
    let failed = begin(store, flow);
    let failure = RunUpdate::to(RunState::Failed);
    store.run_state(failed, failure, T).unwrap();
    let mut empty = Vec::new();
    for _ in 0..6 {
        empty.push(begin(store, flow));
        ended(store, empty[empty.len() - 1]);
    }
    let running = begin(store, flow);
    let left = |empty_most| -> Vec<RunId> {
        let retention = FlowRetention {
            runs_until: 0,
            runs_most: 6,
            empty_most,
            keys_until: 0,
        };
        while store.flow_retain(retention, T).unwrap().more {}
        let runs = store.runs(flow, None, 99).unwrap();
        runs.iter().rev().map(|run| run.id).collect()
    };
    let kept = [&[busy, failed], &empty[3..], &[running]].concat();
    assert_eq!(left(3), kept);
    // One stays whatever is said: it tells that the flow runs.
    assert_eq!(left(0), [busy, failed, empty[5], running]);
}

fn what_is_not_there_is_refused(store: &dyn FlowStore) {
    for number in [0, 77, u64::MAX] {
        let (flow, run) = (FlowId(number), RunId(number));
        let unknown = |error| matches!(error, StoreError::Unknown { .. });
        assert!(unknown(store.flow_pause(flow, true, T).unwrap_err()));
        assert!(unknown(store.flow_begin(flow, None, "", T).unwrap_err()));
        assert!(unknown(store.flow_skip_tick(flow, T, T).unwrap_err()));
        assert!(unknown(store.park(flow, Vec::new(), T).unwrap_err()));
        assert!(unknown(store.receive(flow, Vec::new(), T).unwrap_err()));
        let done = RunUpdate::to(RunState::Done);
        assert!(unknown(store.run_state(run, done, T).unwrap_err()));
        assert_eq!(store.run(run).unwrap(), None);
        assert_eq!(store.page(run, 0).unwrap(), None);
        assert_eq!(store.open_pages(run).unwrap(), []);
        assert_eq!(store.parked(flow, None, 9).unwrap(), []);
        assert_eq!(store.received(flow, 9).unwrap(), []);
    }
}
