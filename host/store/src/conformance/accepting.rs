//! Deliveries, ids, idempotency, limits.

use super::{
    Promise, T, claim, claim_these, delivery, due_lane, item, lane, only, queue, state, total,
};
use crate::{
    Accepted, Idempotency, Lane, NewDelivery, Order, Origin, State, Store, StoreError, limits,
};

pub(super) const PROMISES: &[Promise] = &[
    a_delivery_is_claimed_as_it_was_given,
    ids_rise_and_name_the_delivery,
    the_same_key_and_body_give_the_same_delivery,
    an_idempotency_key_is_forgotten_at_its_time,
    a_call_is_sending_and_never_claimed,
    what_is_too_large_is_refused_and_changes_nothing,
    large_inputs_come_back_whole,
    a_claim_is_exclusive_until_it_is_given_back,
    lanes_are_found_in_turn,
    a_clock_that_jumps_back_delays_nothing,
    a_clock_that_jumps_forward_and_back_delays_nothing,
];

fn a_delivery_is_claimed_as_it_was_given(store: &dyn Store) {
    let items = vec![item(total("a"), "1"), item(Order::None, "2")];
    let accepted = store.accept(delivery(items), T).unwrap();
    let Accepted::New { id, .. } = accepted else {
        panic!("{accepted:?}");
    };
    let claimed = claim(store, T);
    let seen: Vec<_> = claimed.iter().map(|c| (c.item, c.index)).collect();
    let given: Vec<_> = accepted.items().zip(0..).collect();
    assert_eq!(seen, given);
    for claimed in claimed {
        assert_eq!((claimed.delivery, claimed.accepted), (id, T));
        assert_eq!(
            (claimed.attempts, claimed.label.as_bytes()),
            (0, &claimed.input[..])
        );
    }
    let view = store.delivery(id).unwrap().unwrap();
    assert_eq!((view.lane, view.accepted, view.items.len()), (lane(), T, 2));
}

fn ids_rise_and_name_the_delivery(store: &dyn Store) {
    let mut last = None;
    for round in 0..50 {
        // The clock stands still, then goes back a little.
        let now = T - round / 25;
        let accepted = store
            .accept(delivery(vec![item(Order::None, "x")]), now)
            .unwrap();
        let Accepted::New { id, .. } = accepted else {
            panic!("{accepted:?}");
        };
        assert!(last < Some(id), "{last:?} {id}");
        assert_eq!(store.delivery(id).unwrap().unwrap().id, id);
        last = Some(id);
    }
}

fn with_key(key: u8, body: u8, until: u64) -> NewDelivery {
    NewDelivery {
        idempotency: Some(Idempotency {
            key: [key; 32],
            body: [body; 32],
            until,
        }),
        ..delivery(vec![item(Order::None, "x")])
    }
}

fn the_same_key_and_body_give_the_same_delivery(store: &dyn Store) {
    let first = store.accept(with_key(1, 1, T + 10), T).unwrap();
    let Accepted::New { id, .. } = first else {
        panic!("{first:?}");
    };
    let again = |key, body| store.accept(with_key(key, body, T + 10), T).unwrap();
    assert_eq!(again(1, 1), Accepted::Known(id));
    assert_eq!(again(1, 2), Accepted::Conflict(id));
    assert!(matches!(again(2, 1), Accepted::New { .. }));
    // The key counts within its lane.
    let other = NewDelivery {
        lane: Lane::new("other", "shop", "stock.update"),
        ..with_key(1, 2, T + 10)
    };
    assert!(matches!(store.accept(other, T), Ok(Accepted::New { .. })));
    assert_eq!(claim(store, T).len(), 3);
}

fn an_idempotency_key_is_forgotten_at_its_time(store: &dyn Store) {
    store.accept(with_key(1, 1, T + 10), T).unwrap();
    let later = store.accept(with_key(1, 2, T + 50), T + 10).unwrap();
    let Accepted::New { id, .. } = later else {
        panic!("{later:?}");
    };
    let again = store.accept(with_key(1, 2, T + 50), T + 11).unwrap();
    assert_eq!(again, Accepted::Known(id));
}

fn a_call_is_sending_and_never_claimed(store: &dyn Store) {
    let call = NewDelivery {
        origin: Origin::Call,
        ..delivery(vec![item(total("a"), "call")])
    };
    let call = only(&store.accept(call, T).unwrap());
    assert_eq!(state(store, call), State::Sending);
    // It keeps nobody back either.
    queue(store, total("a"), "queued", T);
    claim_these(store, T, &["queued"]);
}

fn what_is_too_large_is_refused_and_changes_nothing(store: &dyn Store) {
    let key = Order::Key {
        bytes: vec![0; limits::KEY + 1],
        effect: crate::Effect::Absolute,
    };
    let items = vec![item(Order::None, "x"), item(key, "y")];
    let refused = store.accept(delivery(items), T).unwrap_err();
    assert!(matches!(refused, StoreError::TooLarge { .. }), "{refused}");
    assert!(store.accept(delivery(vec![]), T).is_err());
    assert_eq!(store.depths().unwrap(), []);
}

fn large_inputs_come_back_whole(store: &dyn Store) {
    let sizes = [0, 1, 1023, 1024, 1025, 5000, 2 << 20];
    let items: Vec<_> = sizes
        .iter()
        .map(|size| item(Order::None, &"x".repeat(*size)))
        .collect();
    store.accept(delivery(items), T).unwrap();
    let claimed = claim(store, T);
    let back: Vec<usize> = claimed.iter().map(|claimed| claimed.input.len()).collect();
    assert_eq!(back, sizes);
    assert!(
        claimed
            .iter()
            .all(|claimed| claimed.label.len() <= limits::LABEL)
    );
}

fn a_claim_is_exclusive_until_it_is_given_back(store: &dyn Store) {
    let items = (0..5).map(|n| item(Order::None, &n.to_string())).collect();
    store.accept(delivery(items), T).unwrap();
    let lane = due_lane(store, T);
    let first = store.claim(lane, T, 2).unwrap();
    assert_eq!(super::inputs(&first), ["0", "1"]);
    let second = store.claim(lane, T, 2).unwrap();
    assert_eq!(super::inputs(&second), ["2", "3"]);
    store.unclaim(lane, &[first[1].item], T);
    let third = store.claim(lane, T, 9).unwrap();
    assert_eq!(super::inputs(&third), ["1", "4"]);
    assert_eq!(store.claim(lane, T, 9).unwrap(), []);
}

fn lanes_are_found_in_turn(store: &dyn Store) {
    for tenant in ["a", "b", "c"] {
        let lane = Lane::new(tenant, "shop", "stock.update");
        let given = NewDelivery {
            lane,
            ..delivery(vec![item(Order::None, tenant)])
        };
        store.accept(given, T).unwrap();
    }
    let first = store.due_lanes(T, None, 2).unwrap();
    let rest = store.due_lanes(T, Some(first[1].lane), 2).unwrap();
    let all = first
        .iter()
        .chain(&rest)
        .map(|due| store.lane(due.lane).unwrap().tenant);
    assert_eq!(all.collect::<Vec<_>>(), ["a", "b", "c"]);
    assert!(first.iter().chain(&rest).all(|due| due.due == T));
    assert_eq!(store.due_lanes(T, Some(rest[0].lane), 2).unwrap(), []);
    assert_eq!(store.lane(crate::LaneId(99)), None);
}

fn a_clock_that_jumps_back_delays_nothing(store: &dyn Store) {
    let hour = 3_600_000;
    queue(store, Order::None, "before", T + hour);
    // It was wrong by an hour, and somebody has set it right.
    queue(store, Order::None, "after", T);
    let items = claim_these(store, T, &["before", "after"]);
    // Pauses last as long as they should, from here on.
    settle_again(store, items[0], T, T + 1_000);
    claim_these(store, T + 999, &[]);
    claim_these(store, T + 1_000, &["before"]);
}

fn a_clock_that_jumps_forward_and_back_delays_nothing(store: &dyn Store) {
    let year = 31_536_000_000;
    queue(store, Order::None, "early", T);
    // It is set wrong, and what waits leaves by it.
    let items = claim_these(store, T + year, &["early"]);
    settle_again(store, items[0], T + year, T + year + 1_000);
    claim_these(store, T + year + 999, &[]);
    // Somebody has set it right: the pause is as long as it was.
    claim_these(store, T, &[]);
    claim_these(store, T + 999, &[]);
    claim_these(store, T + 1_000, &["early"]);
}

fn settle_again(store: &dyn Store, item: crate::ItemId, now: u64, due: u64) {
    super::settle(store, item, crate::Next::Again { due }, now);
    let seen = store.item(item).unwrap().unwrap().summary.due;
    assert_eq!(seen, due);
}
