//! Intents, outcomes, recovery.

use super::{
    Promise, T, accept, change, claim_these, delivery, due_lane, end, item, only, queue, settle,
    settlement, state, states, total,
};
use crate::{
    AttemptId, Blame, ConnectionState, Hold, Intent, ItemId, NewDelivery, Next, Order, Origin,
    Outcome, Repeat, State, Store, StoreError,
};

pub(super) const PROMISES: &[Promise] = &[
    an_attempt_that_may_have_been_applied_is_remembered_whatever_follows,
    an_intent_is_found_again_until_it_is_settled,
    an_intent_that_was_not_sent_leaves_no_trace_in_the_queue,
    intents_are_all_written_or_none,
    a_settlement_answers_for_every_item_of_an_intent,
    settling_twice_changes_nothing,
    what_is_not_under_way_is_left_alone,
    an_attempt_of_which_nothing_left_says_so,
    numbers_and_times_that_cannot_be_harm_nobody,
    an_item_tells_all_its_attempts,
    an_outcome_is_kept_with_everything,
    a_connections_state_is_written_with_the_outcomes,
    a_call_that_was_cut_off_is_known,
    a_call_may_enter_the_queue,
    what_is_held_waits_and_holds_its_key,
];

fn intent(items: &[ItemId], repeat: Repeat) -> Intent {
    Intent {
        items: items.into(),
        repeat,
        began: T,
        request: b"ask for 7741".into(),
    }
}

fn intend(store: &dyn Store, items: &[ItemId], repeat: Repeat) -> AttemptId {
    store.intend(vec![intent(items, repeat)], T).unwrap()[0]
}

fn an_intent_is_found_again_until_it_is_settled(store: &dyn Store) {
    let one = queue(store, change("a"), "1", T);
    let two = queue(store, change("b"), "2", T);
    claim_these(store, T, &["1", "2"]);
    let attempt = intend(store, &[one, two], Repeat::ReadBack);
    assert_eq!(states(store, &[one, two]), [State::Sending; 2]);
    let open = store.recover().unwrap();
    assert_eq!(open.calls, []);
    let [found] = &open.attempts[..] else {
        panic!("{open:?}");
    };
    assert_eq!((found.attempt, found.repeat), (attempt, Repeat::ReadBack));
    assert_eq!(found.request, b"ask for 7741");
    let items: Vec<ItemId> = found.items.iter().map(|item| item.item).collect();
    assert_eq!(items, [one, two]);
    let outcomes = vec![
        Outcome::new(one, Next::End(State::Accepted)),
        Outcome::new(two, Next::Again { due: T }),
    ];
    store
        .settle(settlement(Some(attempt), outcomes, T), T)
        .unwrap();
    assert_eq!(store.recover().unwrap(), crate::Recovery::default());
    claim_these(store, T, &["2"]);
}

fn an_intent_that_was_not_sent_leaves_no_trace_in_the_queue(store: &dyn Store) {
    let one = queue(store, change("a"), "1", T);
    claim_these(store, T, &["1"]);
    let attempt = intend(store, &[one], Repeat::Never);
    store.not_sent(vec![attempt], T).unwrap();
    assert_eq!(store.recover().unwrap(), crate::Recovery::default());
    let view = store.item(one).unwrap().unwrap();
    assert_eq!(
        (view.summary.state, view.summary.attempts),
        (State::Queued, 0)
    );
    assert!(!view.attempts[0].left);
    claim_these(store, T, &["1"]);
}

fn intents_are_all_written_or_none(store: &dyn Store) {
    let one = queue(store, change("a"), "1", T);
    let behind = queue(store, change("a"), "2", T);
    claim_these(store, T, &["1"]);
    let intents = vec![
        intent(&[one], Repeat::Never),
        intent(&[behind], Repeat::Never),
    ];
    let refused = store.intend(intents, T).unwrap_err();
    assert_eq!(refused, StoreError::NotOpen(behind));
    let twice = vec![intent(&[one], Repeat::Never), intent(&[one], Repeat::Never)];
    assert!(store.intend(twice, T).is_err());
    assert!(store.intend(vec![intent(&[], Repeat::Never)], T).is_err());
    assert_eq!(store.recover().unwrap(), crate::Recovery::default());
    intend(store, &[one], Repeat::Never);
    let again = store.intend(vec![intent(&[one], Repeat::Never)], T);
    assert_eq!(again, Err(StoreError::NotOpen(one)));
}

fn a_settlement_answers_for_every_item_of_an_intent(store: &dyn Store) {
    let one = queue(store, change("a"), "1", T);
    let two = queue(store, change("b"), "2", T);
    claim_these(store, T, &["1", "2"]);
    let attempt = intend(store, &[one, two], Repeat::Never);
    let half = vec![Outcome::new(one, Next::End(State::Accepted))];
    assert!(store.settle(settlement(Some(attempt), half, T), T).is_err());
    let strange = vec![
        Outcome::new(one, Next::End(State::Behind)),
        Outcome::new(two, Next::End(State::Accepted)),
    ];
    assert!(
        store
            .settle(settlement(Some(attempt), strange, T), T)
            .is_err()
    );
    let none = settlement(Some(AttemptId(9_999)), vec![], T);
    assert!(store.settle(none, T).is_err());
    assert_eq!(states(store, &[one, two]), [State::Sending; 2]);
}

fn settling_twice_changes_nothing(store: &dyn Store) {
    let one = queue(store, change("a"), "1", T);
    claim_these(store, T, &["1"]);
    let attempt = intend(store, &[one], Repeat::Never);
    let outcome = |state| vec![Outcome::new(one, Next::End(state))];
    let first = settlement(Some(attempt), outcome(State::Accepted), T);
    assert_eq!(store.settle(first, T).unwrap().ignored, []);
    let second = settlement(Some(attempt), outcome(State::Failed), T);
    assert_eq!(store.settle(second, T).unwrap().ignored, [one]);
    assert_eq!(state(store, one), State::Accepted);
    assert_eq!(store.item(one).unwrap().unwrap().attempts.len(), 1);
}

fn an_attempt_of_which_nothing_left_says_so(store: &dyn Store) {
    let item = queue(store, Order::None, "a", T);
    claim_these(store, T, &["a"]);
    let mut settlement = settlement(None, vec![Outcome::new(item, Next::End(State::Failed))], T);
    settlement.attempts[0].left = false;
    store.settle(settlement, T).unwrap();
    let view = store.item(item).unwrap().unwrap();
    let attempt = &view.attempts[0];
    assert_eq!((attempt.left, attempt.ended), (false, Some(T)));
    assert_eq!(view.summary.attempts, 1);
}

fn what_is_not_under_way_is_left_alone(store: &dyn Store) {
    queue(store, change("a"), "1", T);
    let behind = queue(store, change("a"), "2", T);
    let nobody = ItemId(9_999);
    let outcomes = [behind, nobody].map(|item| Outcome::new(item, Next::End(State::Accepted)));
    let settled = store
        .settle(settlement(None, outcomes.into(), T), T)
        .unwrap();
    assert_eq!(settled.ignored, [behind, nobody]);
    assert_eq!(state(store, behind), State::Behind);
}

fn numbers_and_times_that_cannot_be_harm_nobody(store: &dyn Store) {
    queue(store, change("a"), "1", T);
    let (item, lane) = (ItemId(u64::MAX), crate::LaneId(u64::MAX));
    let accepted = |item| vec![Outcome::new(item, Next::End(State::Accepted))];
    let settled = store
        .settle(settlement(None, accepted(item), T), T)
        .unwrap();
    assert_eq!(settled.ignored, [item]);
    let intent = |item, began| Intent {
        began,
        ..intent(&[item], Repeat::Never)
    };
    let refused = store.intend(vec![intent(item, T)], T);
    assert_eq!(refused, Err(StoreError::NotOpen(item)));
    assert!(store.not_sent(vec![AttemptId(u64::MAX)], T).is_err());
    assert_eq!(store.item(item).unwrap(), None);
    assert_eq!(store.claim(lane, T, 9).unwrap(), []);
    assert_eq!(store.due_lanes(T, Some(lane), 9).unwrap(), []);
    let (held, selection) = (crate::Held::Lane(lane), crate::Selection::Item(item));
    assert_eq!(store.release_held(held, Blame::Host, "", T).unwrap(), 0);
    assert_eq!(store.discard(selection, "", T).unwrap().changed, 0);
    let never = u64::MAX;
    assert!(
        store
            .accept(delivery(vec![super::item(Order::None, "2")]), never)
            .is_err()
    );
    let first = claim_these(store, never, &["1"])[0];
    assert!(store.intend(vec![intent(first, never)], T).is_err());
    let late = vec![Outcome::new(first, Next::Again { due: never })];
    assert!(store.settle(settlement(None, late, T), T).is_err());
    accept(store, first, T);
}

fn an_item_tells_all_its_attempts(store: &dyn Store) {
    let one = queue(store, change("a"), "1", T);
    let two = queue(store, change("b"), "2", T);
    for round in 1..=3 {
        let due: &[&str] = if round == 1 { &["1", "2"] } else { &["1"] };
        claim_these(store, T + round, due);
        let mut outcomes = vec![Outcome::new(one, Next::Again { due: T + round + 1 })];
        if round == 1 {
            outcomes.push(Outcome::new(two, Next::End(State::Accepted)));
        }
        store
            .settle(settlement(None, outcomes, T + round), T + round)
            .unwrap();
    }
    let view = store.item(one).unwrap().unwrap();
    let began: Vec<u64> = view.attempts.iter().map(|attempt| attempt.began).collect();
    assert_eq!(
        (view.summary.attempts, began),
        (3, vec![T + 3, T + 2, T + 1])
    );
    let carried: Vec<usize> = view.attempts.iter().map(|attempt| attempt.items).collect();
    assert_eq!(carried, [1, 1, 2]);
    assert_eq!(store.item(two).unwrap().unwrap().attempts.len(), 1);
}

fn an_outcome_is_kept_with_everything(store: &dyn Store) {
    let one = queue(store, change("a"), "1", T);
    claim_these(store, T, &["1"]);
    let result = "r".repeat(3_000).into_bytes();
    let mut outcome = Outcome::new(one, Next::End(State::Rejected));
    outcome.blame = Some(Blame::Platform);
    outcome.code = Some("E17".into());
    outcome.message = Some("é".repeat(9_000));
    outcome.result.clone_from(&result);
    let mut end = end(None, vec![outcome], T + 1);
    end.status = Some(422);
    end.blame = Some(Blame::Platform);
    let settlement = crate::Settlement {
        attempts: vec![end],
        connection: None,
    };
    store.settle(settlement, T + 2).unwrap();
    let view = store.item(one).unwrap().unwrap();
    let summary = &view.summary;
    assert_eq!(
        (summary.state, summary.finished),
        (State::Rejected, Some(T + 2))
    );
    assert_eq!(
        (summary.blame, summary.code.as_deref()),
        (Some(Blame::Platform), Some("E17"))
    );
    assert!(summary.message.as_ref().unwrap().len() <= crate::limits::MESSAGE);
    assert_eq!(view.result, result);
    let attempt = &view.attempts[0];
    assert_eq!((attempt.status, attempt.ended), (Some(422), Some(T + 1)));
    assert_eq!(
        (&attempt.request[..], &attempt.answer[..]),
        (&b"POST"[..], &b"ok"[..])
    );
    assert_eq!(attempt.generations, "adapter 1, script a");
}

fn a_connections_state_is_written_with_the_outcomes(store: &dyn Store) {
    let one = queue(store, change("a"), "1", T);
    claim_these(store, T, &["1"]);
    let connection = |state: &[u8]| ConnectionState {
        name: super::lane().connection_name(),
        state: state.into(),
    };
    let mut settlement = settlement(None, vec![Outcome::new(one, Next::End(State::Accepted))], T);
    settlement.connection = Some(connection(b"open"));
    store.settle(settlement, T).unwrap();
    assert_eq!(store.connection_states().unwrap(), [connection(b"open")]);
    store
        .set_connection_state(connection(b"paused"), T)
        .unwrap();
    assert_eq!(store.connection_states().unwrap(), [connection(b"paused")]);
}

fn call(store: &dyn Store, order: Order) -> ItemId {
    let call = NewDelivery {
        origin: Origin::Call,
        ..delivery(vec![item(order, "call")])
    };
    only(&store.accept(call, T).unwrap())
}

fn a_call_that_was_cut_off_is_known(store: &dyn Store) {
    let silent = call(store, Order::None);
    let sent = call(store, Order::None);
    let attempt = intend(store, &[sent], Repeat::Never);
    let open = store.recover().unwrap();
    assert_eq!((open.calls.len(), open.calls[0].item), (1, silent));
    assert_eq!(
        (open.attempts.len(), open.attempts[0].attempt),
        (1, attempt)
    );
    assert!(open.attempts[0].items[0].call);
    let unknown = vec![Outcome::new(sent, Next::Unknown { holds_key: true })];
    store
        .settle(settlement(Some(attempt), unknown, T), T)
        .unwrap();
    settle(store, silent, Next::End(State::Failed), T);
    assert_eq!(
        states(store, &[silent, sent]),
        [State::Failed, State::Unknown]
    );
    assert_eq!(store.recover().unwrap(), crate::Recovery::default());
}

fn a_call_may_enter_the_queue(store: &dyn Store) {
    let queued = queue(store, change("a"), "queued", T);
    let call = call(store, change("a"));
    settle(store, call, Next::Again { due: T }, T);
    assert_eq!(
        states(store, &[queued, call]),
        [State::Queued, State::Behind]
    );
    claim_these(store, T, &["queued"]);
    accept(store, queued, T);
    claim_these(store, T, &["call"]);
}

fn what_is_held_waits_and_holds_its_key(store: &dyn Store) {
    let held = queue(store, change("a"), "held", T);
    let behind = queue(store, change("a"), "behind", T);
    queue(store, total("b"), "free", T);
    let lane = due_lane(store, T);
    claim_these(store, T, &["held", "free"]);
    let hold = Hold {
        blame: Blame::Script,
        generation: "a".into(),
    };
    settle(store, held, Next::Held(hold), T);
    claim_these(store, T + 1, &[]);
    assert_eq!(states(store, &[held, behind]), [State::Held, State::Behind]);
    let view = store.item(held).unwrap().unwrap().summary;
    assert_eq!(
        (view.blame, view.held_for.as_deref()),
        (Some(Blame::Script), Some("a"))
    );
    let release = |blame, generation| {
        let held = crate::Held::Lane(lane);
        store.release_held(held, blame, generation, T).unwrap()
    };
    assert_eq!(release(Blame::Adapter, "b"), 0);
    assert_eq!(release(Blame::Script, "a"), 0);
    assert_eq!(release(Blame::Script, "b"), 1);
    claim_these(store, T + 1, &["held"]);
}

fn an_attempt_that_may_have_been_applied_is_remembered_whatever_follows(store: &dyn Store) {
    let one = queue(store, change("a"), "1", T);
    let other = queue(store, change("b"), "2", T);
    let doubt = |item| store.item(item).unwrap().unwrap().summary.doubt;
    claim_these(store, T, &["1", "2"]);
    let mut lost = Outcome::new(one, Next::Again { due: T });
    lost.uncertain = true;
    let plain = Outcome::new(other, Next::Again { due: T });
    let settled = settlement(None, vec![lost, plain], T);
    store.settle(settled, T).unwrap();
    assert_eq!((doubt(one), doubt(other)), (true, false));
    claim_these(store, T, &["1", "2"]);
    for item in [one, other] {
        settle(store, item, Next::End(State::Rejected), T);
    }
    assert_eq!((doubt(one), doubt(other)), (true, false));
    let changes = store.changes(0, 10).unwrap().changes;
    let told = |at: usize| changes[at].end.as_ref().unwrap().doubt;
    assert_eq!((told(0), told(1)), (true, false));
    // So is an end as unknown that somebody retried.
    store.retry(crate::Selection::Item(other), None, T).unwrap();
    claim_these(store, T, &["2"]);
    settle(store, other, Next::Unknown { holds_key: false }, T);
    store.retry(crate::Selection::Item(other), None, T).unwrap();
    claim_these(store, T, &["2"]);
    settle(store, other, Next::End(State::Failed), T);
    assert!(doubt(other));
}
