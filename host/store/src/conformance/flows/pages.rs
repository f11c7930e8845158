//! A page's way, and the cursor.

use super::{Promise, T, begin, end, failed, flow, page, put, row, send, sent, stepped};
use crate::{
    FlowStore, NewPage, PageState, RunCounts, RunState, RunUpdate, SentPage, StageTimes,
    SteppedPage, StoreError, limits,
};

pub(super) const PROMISES: &[Promise] = &[
    a_page_is_there_as_it_was_put,
    a_page_that_is_put_again_stays_as_it_is,
    the_cursor_moves_when_the_page_is_sent,
    a_page_without_a_cursor_leaves_the_flows,
    pages_are_put_and_sent_in_their_order,
    each_step_counts_once,
    bytes_go_when_nobody_needs_them,
    pages_of_a_run_that_fails_go_if_they_are_not_sent,
    an_ended_run_takes_no_page,
    what_is_too_large_is_refused,
    pages_are_listed_in_order,
];

fn a_page_is_there_as_it_was_put(store: &dyn FlowStore) {
    let run = begin(store, flow(store));
    let given = NewPage {
        last: true,
        origin: b"stock.csv, lines 2 to 4".into(),
        ..page(0, "abc")
    };
    assert!(store.page_put(run, given, T).unwrap());
    let found = store.page(run, 0).unwrap().unwrap();
    assert_eq!(found.records, b"abc");
    assert_eq!(found.plan, b"");
    let head = found.head;
    assert_eq!(
        (head.run, head.number, head.count, head.last),
        (run, 0, 3, true)
    );
    assert_eq!((head.state, head.put, head.sent), (PageState::New, T, None));
    assert_eq!(head.origin, b"stock.csv, lines 2 to 4");
    assert_eq!(store.open_pages(run).unwrap().len(), 1);
    store.page_stepped(run, 0, stepped("ABC"), T).unwrap();
    let found = store.page(run, 0).unwrap().unwrap();
    assert_eq!(
        (&found.records[..], found.head.state),
        (&b"ABC"[..], PageState::Stepped)
    );
    store.page_sent(run, 0, sent(), T + 3).unwrap();
    let found = store.page(run, 0).unwrap().unwrap();
    assert_eq!(
        (&found.records[..], &found.plan[..]),
        (&b"ABC"[..], &b"plan"[..])
    );
    assert_eq!(found.head.deliveries, sent().deliveries);
    assert_eq!(
        (found.head.state, found.head.sent),
        (PageState::Sent, Some(T + 3))
    );
}

fn a_page_that_is_put_again_stays_as_it_is(store: &dyn FlowStore) {
    let run = begin(store, flow(store));
    put(store, run, 0);
    assert!(!store.page_put(run, page(0, "other"), T).unwrap());
    assert_eq!(store.page(run, 0).unwrap().unwrap().records, b"abc");
    let found = store.run(run).unwrap().unwrap();
    assert_eq!((found.pages, found.counts.incoming), (1, 3));
}

fn the_cursor_moves_when_the_page_is_sent(store: &dyn FlowStore) {
    let flow = flow(store);
    let run = begin(store, flow);
    put(store, run, 0);
    put(store, run, 1);
    assert_eq!(row(store, flow).cursor, None);
    store.page_stepped(run, 0, stepped("x"), T).unwrap();
    assert_eq!(row(store, flow).cursor, None);
    send(store, run, 0);
    assert_eq!(row(store, flow).cursor.as_deref(), Some(&b"after 0"[..]));
    send(store, run, 1);
    end(store, run, 0);
    assert_eq!(row(store, flow).cursor.as_deref(), Some(&b"after 1"[..]));
}

fn a_page_without_a_cursor_leaves_the_flows(store: &dyn FlowStore) {
    let flow = flow(store);
    let run = begin(store, flow);
    put(store, run, 0);
    send(store, run, 0);
    let without = NewPage {
        cursor: None,
        ..page(1, "x")
    };
    store.page_put(run, without, T).unwrap();
    send(store, run, 1);
    assert_eq!(row(store, flow).cursor.as_deref(), Some(&b"after 0"[..]));
}

fn pages_are_put_and_sent_in_their_order(store: &dyn FlowStore) {
    let run = begin(store, flow(store));
    assert!(store.page_put(run, page(1, "x"), T).is_err());
    put(store, run, 0);
    put(store, run, 1);
    let early = store.page_sent(run, 1, sent(), T).unwrap_err();
    assert!(matches!(early, StoreError::Invalid(_)), "{early}");
    send(store, run, 0);
    send(store, run, 1);
    // They may end in any order.
    end(store, run, 1);
    end(store, run, 0);
}

fn each_step_counts_once(store: &dyn FlowStore) {
    let flow = flow(store);
    let run = begin(store, flow);
    put(store, run, 0);
    let one = RunCounts {
        parked: 1,
        ..RunCounts::default()
    };
    let step = || SteppedPage {
        records: b"x".into(),
        parked: vec![failed("bad")],
        counts: one,
    };
    for _ in 0..3 {
        store.page_stepped(run, 0, step(), T).unwrap();
    }
    let took = StageTimes {
        source: 1,
        confirm: 2,
        ..StageTimes::default()
    };
    let queued = || SentPage {
        counts: one,
        stages: took,
        parked: vec![failed("worse")],
        ..sent()
    };
    for _ in 0..3 {
        store.page_sent(run, 0, queued(), T).unwrap();
    }
    store.page_stepped(run, 0, step(), T).unwrap();
    for _ in 0..3 {
        store.page_done(run, 0, one, took, T).unwrap();
    }
    store.page_sent(run, 0, queued(), T).unwrap();
    let found = store.run(run).unwrap().unwrap();
    assert_eq!((found.counts.parked, found.open_pages), (3, 0));
    assert_eq!((found.stages.source, found.stages.confirm), (2, 4));
    assert_eq!(row(store, flow).parked, 2);
}

fn bytes_go_when_nobody_needs_them(store: &dyn FlowStore) {
    let run = begin(store, flow(store));
    put(store, run, 0);
    let queued = SentPage {
        keep_records: false,
        ..sent()
    };
    store.page_sent(run, 0, queued, T).unwrap();
    let found = store.page(run, 0).unwrap().unwrap();
    assert_eq!(
        (&found.records[..], &found.plan[..]),
        (&b""[..], &b"plan"[..])
    );
    end(store, run, 0);
    let found = store.page(run, 0).unwrap().unwrap();
    assert_eq!(
        (found.head.state, &found.plan[..]),
        (PageState::Done, &b""[..])
    );
    assert_eq!(
        found.head.deliveries,
        sent().deliveries,
        "for whoever looks"
    );
}

fn pages_of_a_run_that_fails_go_if_they_are_not_sent(store: &dyn FlowStore) {
    let flow = flow(store);
    let run = begin(store, flow);
    for number in 0..3 {
        put(store, run, number);
    }
    send(store, run, 0);
    store.page_stepped(run, 1, stepped("x"), T).unwrap();
    let stopped = RunUpdate::to(RunState::Stopped);
    store.run_state(run, stopped, T).unwrap();
    assert_eq!(row(store, flow).cursor.as_deref(), Some(&b"after 0"[..]));
    let open = store.open_pages(run).unwrap();
    assert_eq!((open.len(), open[0].number), (1, 0));
    for number in 1..3 {
        assert_eq!(store.page(run, number).unwrap(), None);
        let gone = store.page_sent(run, number, sent(), T).unwrap_err();
        assert_eq!(gone, StoreError::NotOpenPage { run, number });
        assert!(store.page_stepped(run, number, stepped("x"), T).is_err());
    }
    end(store, run, 0);
}

fn an_ended_run_takes_no_page(store: &dyn FlowStore) {
    let run = begin(store, flow(store));
    let unsent = store.page_done(run, 0, RunCounts::default(), StageTimes::default(), T);
    assert!(unsent.is_err(), "there is no such page");
    put(store, run, 0);
    let unsent = store.page_done(run, 0, RunCounts::default(), StageTimes::default(), T);
    assert!(unsent.is_err(), "it is not sent");
    send(store, run, 0);
    end(store, run, 0);
    let done = RunUpdate::to(RunState::Done);
    store.run_state(run, done, T).unwrap();
    let late = store.page_put(run, page(1, "x"), T).unwrap_err();
    assert_eq!(late, StoreError::NotOpenPage { run, number: 1 });
}

fn what_is_too_large_is_refused(store: &dyn FlowStore) {
    let run = begin(store, flow(store));
    let too_large =
        |result: crate::Result<bool>| matches!(result, Err(StoreError::TooLarge { .. }));
    let large = |bytes: usize| NewPage {
        records: vec![b'x'; bytes],
        ..page(0, "")
    };
    assert!(too_large(store.page_put(
        run,
        large(limits::FLOW_RECORDS + 1),
        T
    )));
    let cursor = NewPage {
        cursor: Some(vec![b'x'; limits::FLOW_NOTE + 1]),
        ..page(0, "")
    };
    assert!(too_large(store.page_put(run, cursor, T)));
    let origin = NewPage {
        origin: vec![b'x'; limits::FLOW_NOTE + 1],
        ..page(0, "")
    };
    assert!(too_large(store.page_put(run, origin, T)));
    assert!(store.page_put(run, large(4 << 20), T).unwrap());
    assert_eq!(store.page(run, 0).unwrap().unwrap().records.len(), 4 << 20);
}

fn pages_are_listed_in_order(store: &dyn FlowStore) {
    let run = begin(store, flow(store));
    for number in 0..5 {
        put(store, run, number);
        send(store, run, number);
    }
    end(store, run, 1);
    let numbers = |after, limit| -> Vec<u32> {
        let pages = store.pages(run, after, limit).unwrap();
        pages.iter().map(|page| page.number).collect()
    };
    assert_eq!(numbers(None, 3), [0, 1, 2]);
    assert_eq!(numbers(Some(2), 9), [3, 4]);
    let open = store.open_pages(run).unwrap();
    let open: Vec<u32> = open.iter().map(|page| page.number).collect();
    assert_eq!(open, [0, 2, 3, 4]);
}
