//! Records that are parked or came in, and what targets took last.

use super::{Promise, T, begin, came, end, failed, flow, page, row, send, sent, stepped};
use crate::{
    FlowId, FlowRetention, FlowStore, ItemId, NewPage, NewReceived, NewSeen, ParkedId, ReceivedId,
    RunState, RunUpdate, SentPage, SteppedPage, StoreError, limits,
};

pub(super) const PROMISES: &[Promise] = &[
    what_came_in_waits_in_its_order,
    a_key_comes_once,
    a_page_takes_what_came_in_and_it_goes_when_the_page_is_sent,
    what_a_page_took_is_there_again_if_its_run_fails,
    what_a_page_parked_goes_with_it_if_its_run_fails,
    nothing_is_taken_twice,
    more_than_may_wait_is_refused_as_a_whole,
    parked_records_are_listed_and_given_up,
    parked_records_forget_under_what_they_failed,
    parked_records_go_again_with_a_page,
    more_than_may_be_parked_is_refused_as_a_whole,
    a_hash_counts_once_its_item_was_taken,
    a_newer_item_hides_an_older_hash,
    what_targets_took_is_forgotten,
    old_keys_are_forgotten,
];

fn give(store: &dyn FlowStore, flow: FlowId, bodies: &[&str]) {
    let records = bodies.iter().map(|body| came(None, body)).collect();
    store.receive(flow, records, T).unwrap();
}

fn waiting(store: &dyn FlowStore, flow: FlowId) -> Vec<String> {
    let records = store.received(flow, 100).unwrap().into_iter();
    let text = |body| String::from_utf8(body).unwrap();
    records.map(|record| text(record.body)).collect()
}

fn what_came_in_waits_in_its_order(store: &dyn FlowStore) {
    let flow = flow(store);
    give(store, flow, &["a", "b"]);
    give(store, flow, &["c"]);
    assert_eq!(waiting(store, flow), ["a", "b", "c"]);
    assert_eq!(store.received(flow, 2).unwrap().len(), 2);
    assert_eq!(row(store, flow).received, 3);
    let other = store.flow_put("bolt", "stock", T).unwrap().id;
    assert_eq!(waiting(store, other), [""; 0]);
}

fn a_key_comes_once(store: &dyn FlowStore) {
    let flow = flow(store);
    let given = vec![came(Some("1"), "a"), came(Some("1"), "b"), came(None, "c")];
    assert_eq!(store.receive(flow, given, T).unwrap(), [true, false, true]);
    let again = vec![came(Some("1"), "d"), came(Some("2"), "e")];
    assert_eq!(store.receive(flow, again, T).unwrap(), [false, true]);
    assert_eq!(waiting(store, flow), ["a", "c", "e"]);
    // A key is the flow's own.
    let other = store.flow_put("bolt", "stock", T).unwrap().id;
    let given = vec![came(Some("1"), "a")];
    assert_eq!(store.receive(other, given, T).unwrap(), [true]);
}

fn ids(store: &dyn FlowStore, flow: FlowId) -> Vec<ReceivedId> {
    let records = store.received(flow, 100).unwrap();
    records.iter().map(|record| record.id).collect()
}

fn taking(number: u32, taken: Vec<ReceivedId>, again: Vec<ParkedId>) -> NewPage {
    NewPage {
        taken,
        again,
        ..page(number, "x")
    }
}

fn a_page_takes_what_came_in_and_it_goes_when_the_page_is_sent(store: &dyn FlowStore) {
    let flow = flow(store);
    give(store, flow, &["a", "b", "c"]);
    let run = begin(store, flow);
    let taken = ids(store, flow)[..2].to_vec();
    store.page_put(run, taking(0, taken, vec![]), T).unwrap();
    assert_eq!(waiting(store, flow), ["c"]);
    assert_eq!(row(store, flow).received, 3, "they are on disk");
    send(store, run, 0);
    assert_eq!(row(store, flow).received, 1);
    assert_eq!(waiting(store, flow), ["c"]);
}

fn what_a_page_took_is_there_again_if_its_run_fails(store: &dyn FlowStore) {
    let flow = flow(store);
    give(store, flow, &["a", "b"]);
    store.park(flow, vec![failed("p")], T).unwrap();
    let parked = store.parked(flow, None, 9).unwrap()[0].id;
    let run = begin(store, flow);
    let all = ids(store, flow);
    let given = taking(0, all, vec![parked]);
    store.page_put(run, given, T).unwrap();
    assert_eq!(waiting(store, flow), [""; 0]);
    assert!(store.parked(flow, None, 9).unwrap()[0].taken);
    assert_eq!(
        store.unpark(flow, vec![parked]).unwrap(),
        0,
        "a page has it"
    );
    let failed = RunUpdate::to(RunState::Failed);
    store.run_state(run, failed, T).unwrap();
    assert_eq!(waiting(store, flow), ["a", "b"]);
    assert!(!store.parked(flow, None, 9).unwrap()[0].taken);
}

fn what_a_page_parked_goes_with_it_if_its_run_fails(store: &dyn FlowStore) {
    let flow = flow(store);
    give(store, flow, &["a"]);
    let run = begin(store, flow);
    let all = ids(store, flow);
    store.page_put(run, taking(0, all, vec![]), T).unwrap();
    let step = SteppedPage {
        parked: vec![failed("a")],
        ..stepped("")
    };
    store.page_stepped(run, 0, step, T).unwrap();
    let parked = store.parked(flow, None, 9).unwrap();
    assert!(parked[0].taken, "its page is not sent");
    assert_eq!(store.unpark(flow, vec![parked[0].id]).unwrap(), 0);
    let failed = RunUpdate::to(RunState::Failed);
    store.run_state(run, failed, T).unwrap();
    // The record is there once.
    assert_eq!(waiting(store, flow), ["a"]);
    assert_eq!(store.parked(flow, None, 9).unwrap(), []);
    assert_eq!(row(store, flow).parked, 0);
}

fn nothing_is_taken_twice(store: &dyn FlowStore) {
    let flow = flow(store);
    give(store, flow, &["a"]);
    store.park(flow, vec![failed("p")], T).unwrap();
    let parked = store.parked(flow, None, 9).unwrap()[0].id;
    let run = begin(store, flow);
    let all = ids(store, flow);
    let first = taking(0, all.clone(), vec![parked]);
    store.page_put(run, first, T).unwrap();
    let twice = [taking(1, all, vec![]), taking(1, vec![], vec![parked])];
    for page in twice {
        let refused = store.page_put(run, page, T).unwrap_err();
        assert!(matches!(refused, StoreError::Invalid(_)), "{refused}");
    }
    let other = store.flow_put("bolt", "stock", T).unwrap().id;
    give(store, other, &["b"]);
    let foreign = taking(1, ids(store, other), vec![]);
    assert!(
        store.page_put(run, foreign, T).is_err(),
        "it is another flow's"
    );
    assert_eq!(
        store.run(run).unwrap().unwrap().pages,
        1,
        "nothing was written"
    );
}

fn more_than_may_wait_is_refused_as_a_whole(store: &dyn FlowStore) {
    let flow = flow(store);
    let large = || NewReceived {
        key: Some(b"large".into()),
        body: vec![b'x'; limits::INPUT],
    };
    let fit = limits::FLOW_RECEIVED_BYTES as usize / limits::INPUT;
    for n in 0..fit {
        let record = NewReceived {
            key: Some(n.to_string().into()),
            ..large()
        };
        store.receive(flow, vec![record], T).unwrap();
    }
    let given = vec![came(Some("small"), ""), large()];
    let refused = store.receive(flow, given, T).unwrap_err();
    assert!(matches!(refused, StoreError::TooMany { .. }), "{refused}");
    assert!(
        refused.to_string().contains("let the flow run"),
        "{refused}"
    );
    assert_eq!(row(store, flow).received, fit as u64);
    // What was not taken is not known.
    let again = vec![came(Some("small"), "")];
    assert_eq!(store.receive(flow, again, T).unwrap(), [true]);
}

fn parked_records_are_listed_and_given_up(store: &dyn FlowStore) {
    let flow = flow(store);
    let mut records = vec![failed("a"), failed("b"), failed("c")];
    records[1].target = Some("shop".into());
    store.park(flow, records, T).unwrap();
    let parked = store.parked(flow, None, 2).unwrap();
    assert_eq!(parked.len(), 2);
    assert_eq!(
        (&parked[0].record[..], &parked[0].problem[..]),
        (&b"a"[..], &b"why"[..])
    );
    assert_eq!(
        (parked[0].run, parked[0].at, parked[0].taken),
        (None, T, false)
    );
    assert_eq!(parked[1].target.as_deref(), Some("shop"));
    let rest = store.parked(flow, Some(parked[1].id), 9).unwrap();
    assert_eq!(rest.len(), 1);
    let given_up = vec![parked[0].id, rest[0].id, ParkedId(999)];
    assert_eq!(store.unpark(flow, given_up.clone()).unwrap(), 2);
    assert_eq!(store.unpark(flow, given_up).unwrap(), 0);
    assert_eq!(row(store, flow).parked, 1);
    let other = store.flow_put("bolt", "stock", T).unwrap().id;
    assert_eq!(store.unpark(other, vec![parked[1].id]).unwrap(), 0);
}

fn parked_records_forget_under_what_they_failed(store: &dyn FlowStore) {
    let flow = flow(store);
    let records = vec![failed("a"), failed("b"), failed("c")];
    store.park(flow, records, T).unwrap();
    let before = store.parked(flow, None, 9).unwrap();
    let ids: Vec<ParkedId> = before.iter().map(|parked| parked.id).collect();
    let run = begin(store, flow);
    store
        .page_put(run, taking(0, vec![], vec![ids[0]]), T)
        .unwrap();
    let other = store.flow_put("bolt", "stock", T).unwrap().id;
    assert_eq!(store.park_anew(other, ids.clone()).unwrap(), 0);
    // A page has the first one, and nobody has the last.
    let some = vec![ids[0], ids[1], ParkedId(999)];
    assert_eq!(store.park_anew(flow, some).unwrap(), 1);
    let after = store.parked(flow, None, 9).unwrap();
    let generations: Vec<&str> = after.iter().map(|parked| &*parked.generation).collect();
    assert_eq!(generations, ["1", "", "1"]);
    // Nothing else of it is another.
    let mut expected = before[1].clone();
    expected.generation.clear();
    assert_eq!(after[1], expected);
    assert_eq!(row(store, flow).parked, 3);
    // What a page has parked that is not sent yet is left as it is, too.
    let step = SteppedPage {
        parked: vec![failed("d")],
        ..stepped("")
    };
    store.page_stepped(run, 0, step, T).unwrap();
    let newest = store.parked(flow, Some(ids[2]), 9).unwrap()[0].id;
    assert_eq!(store.park_anew(flow, vec![newest]).unwrap(), 0);
}

fn parked_records_go_again_with_a_page(store: &dyn FlowStore) {
    let flow = flow(store);
    let run = begin(store, flow);
    super::put(store, run, 0);
    let step = SteppedPage {
        parked: vec![failed("a"), failed("b")],
        ..stepped("c")
    };
    store.page_stepped(run, 0, step, T).unwrap();
    send(store, run, 0);
    end(store, run, 0);
    let parked = store.parked(flow, None, 9).unwrap();
    assert_eq!(parked[0].run, Some(run));
    let again: Vec<ParkedId> = parked.iter().map(|parked| parked.id).collect();
    store.page_put(run, taking(1, vec![], again), T).unwrap();
    // One of them fails again.
    let queued = SentPage {
        parked: vec![failed("b")],
        ..sent()
    };
    store.page_sent(run, 1, queued, T).unwrap();
    let parked = store.parked(flow, None, 9).unwrap();
    assert_eq!((parked.len(), &parked[0].record[..]), (1, &b"b"[..]));
    assert_eq!(row(store, flow).parked, 1);
}

fn more_than_may_be_parked_is_refused_as_a_whole(store: &dyn FlowStore) {
    let flow = flow(store);
    let full = vec![failed("x"); limits::FLOW_PARKED as usize - 1];
    store.park(flow, full, T).unwrap();
    let run = begin(store, flow);
    super::put(store, run, 0);
    let step = || SteppedPage {
        parked: vec![failed("y"); 2],
        ..stepped("c")
    };
    let refused = store.page_stepped(run, 0, step(), T).unwrap_err();
    assert!(
        matches!(refused, StoreError::TooMany { most: 10_000, .. }),
        "{refused}"
    );
    assert_eq!(
        refused.to_string(),
        "the flow has as many parked records as it may have (10000); mend what they failed with, or give them up"
    );
    assert_eq!(
        store.page(run, 0).unwrap().unwrap().records,
        b"abc",
        "nothing was written"
    );
    let first = store.parked(flow, None, 1).unwrap()[0].id;
    store.unpark(flow, vec![first]).unwrap();
    store.page_stepped(run, 0, step(), T).unwrap();
    // A page that takes parked records makes room for those that fail again.
    send(store, run, 0);
    let first = store.parked(flow, None, 1).unwrap()[0].id;
    store
        .page_put(run, taking(1, vec![], vec![first]), T)
        .unwrap();
    let queued = SentPage {
        parked: vec![failed("x")],
        ..sent()
    };
    store.page_sent(run, 1, queued, T).unwrap();
    assert_eq!(row(store, flow).parked, limits::FLOW_PARKED);
}

fn seen(store: &dyn FlowStore, flow: FlowId, key: &str) -> Option<u8> {
    let found = store.seen(flow, "shop", &[key.into()]).unwrap();
    found[0].map(|hash| hash[0])
}

fn send_one(store: &dyn FlowStore, flow: FlowId, key: &str, hash: u8, item: u64) {
    let sent = NewSeen {
        key: key.into(),
        hash: [hash; 32],
        item: ItemId(item),
    };
    store.seen_sent(flow, "shop", vec![sent]).unwrap();
}

fn a_hash_counts_once_its_item_was_taken(store: &dyn FlowStore) {
    let flow = flow(store);
    assert_eq!(seen(store, flow, "a"), None);
    send_one(store, flow, "a", 1, 10);
    assert_eq!(seen(store, flow, "a"), None);
    store.seen_accepted(vec![ItemId(10), ItemId(11)]).unwrap();
    assert_eq!(seen(store, flow, "a"), Some(1));
    assert_eq!(store.seen(flow, "other", &[b"a".into()]).unwrap(), [None]);
    let other = store.flow_put("bolt", "stock", T).unwrap().id;
    assert_eq!(seen(store, other, "a"), None);
    let many = [b"b".to_vec(), b"a".to_vec()];
    assert_eq!(
        store.seen(flow, "shop", &many).unwrap(),
        [None, Some([1; 32])]
    );
}

fn a_newer_item_hides_an_older_hash(store: &dyn FlowStore) {
    let flow = flow(store);
    send_one(store, flow, "a", 1, 10);
    store.seen_accepted(vec![ItemId(10)]).unwrap();
    send_one(store, flow, "a", 2, 11);
    assert_eq!(seen(store, flow, "a"), None, "something else is under way");
    send_one(store, flow, "a", 3, 12);
    // What overtook nothing says nothing; nor does a late word of an older one.
    store.seen_accepted(vec![ItemId(11)]).unwrap();
    send_one(store, flow, "a", 2, 11);
    assert_eq!(seen(store, flow, "a"), None);
    store.seen_accepted(vec![ItemId(12)]).unwrap();
    assert_eq!(seen(store, flow, "a"), Some(3));
    // Before something is queued, of which the number is not known yet.
    store.seen_sending(flow, "shop", vec![b"a".into()]).unwrap();
    assert_eq!(seen(store, flow, "a"), None);
    store.seen_accepted(vec![ItemId(12)]).unwrap();
    assert_eq!(seen(store, flow, "a"), None);
}

fn what_targets_took_is_forgotten(store: &dyn FlowStore) {
    let flow = flow(store);
    let took = |target: &str, key: &str, item| {
        let sent = NewSeen {
            key: key.into(),
            hash: [1; 32],
            item: ItemId(item),
        };
        store.seen_sent(flow, target, vec![sent]).unwrap();
        store.seen_accepted(vec![ItemId(item)]).unwrap();
    };
    took("shop", "a", 1);
    took("shop", "b", 2);
    took("other", "a", 3);
    assert_eq!(store.seen_forget(flow, Some("shop")).unwrap(), 2);
    assert_eq!(seen(store, flow, "a"), None);
    let other = store.seen(flow, "other", &[b"a".into()]).unwrap();
    assert!(other[0].is_some());
    assert_eq!(store.seen_forget(flow, None).unwrap(), 1);
    assert_eq!(store.seen_forget(flow, None).unwrap(), 0);
}

fn old_keys_are_forgotten(store: &dyn FlowStore) {
    let flow = flow(store);
    store.receive(flow, vec![came(Some("old"), "")], T).unwrap();
    let newer = vec![came(Some("new"), "")];
    store.receive(flow, newer, T + 9).unwrap();
    let retention = FlowRetention {
        runs_until: 0,
        runs_most: 9,
        empty_most: 9,
        keys_until: T,
    };
    let retained = store.flow_retain(retention, T).unwrap();
    assert_eq!((retained.keys, retained.more), (1, false));
    let again = vec![came(Some("old"), ""), came(Some("new"), "")];
    assert_eq!(store.receive(flow, again, T).unwrap(), [true, false]);
}
