//! Keys, folding, barriers.

use super::{
    Promise, T, accept, change, claim_these, delivery, item, queue, settle, state, states, total,
};
use crate::{Blame, Hold, Intent, ItemId, Lane, NewDelivery, Next, Order, Repeat, State, Store};

pub(super) const PROMISES: &[Promise] = &[
    items_of_one_key_leave_one_after_the_other,
    a_newer_total_takes_the_place_of_one_that_waits,
    a_total_that_waits_for_a_retry_hands_its_pause_on,
    a_total_under_way_is_not_superseded,
    a_total_that_would_wait_again_gives_way_to_the_newest_behind_it,
    a_total_that_is_given_back_untried_gives_way_to_the_newest_behind_it,
    a_total_gives_way_to_none_behind_a_change_or_a_barrier,
    a_change_is_never_superseded_nor_passed,
    a_held_total_gives_its_place_without_the_hold,
    totals_of_one_delivery_are_folded_too,
    keys_are_told_apart_whole,
    a_barrier_waits_for_everything_and_everything_waits_for_it,
    a_lane_of_barriers_leaves_in_order,
    folding_does_not_pass_a_barrier,
    lanes_do_not_wait_for_each_other,
    an_unknown_holds_its_key_only_where_that_was_said,
    many_items_behind_a_barrier_are_all_released,
];

fn items_of_one_key_leave_one_after_the_other(store: &dyn Store) {
    let first = queue(store, change("a"), "1", T);
    let second = queue(store, change("a"), "2", T);
    let third = queue(store, change("a"), "3", T);
    claim_these(store, T, &["1"]);
    assert_eq!(
        states(store, &[first, second]),
        [State::Queued, State::Behind]
    );
    settle(store, first, Next::Again { due: T + 5 }, T);
    claim_these(store, T, &[]);
    claim_these(store, T + 5, &["1"]);
    settle(store, first, Next::End(State::Failed), T + 5);
    claim_these(store, T + 5, &["2"]);
    accept(store, second, T + 6);
    claim_these(store, T + 6, &["3"]);
    accept(store, third, T + 6);
}

fn a_newer_total_takes_the_place_of_one_that_waits(store: &dyn Store) {
    let old = queue(store, total("a"), "old", T);
    queue(store, total("b"), "b", T + 1);
    let new = queue(store, total("a"), "new", T + 2);
    let view = store.item(old).unwrap().unwrap().summary;
    assert_eq!(
        (view.state, view.superseded_by),
        (State::Superseded, Some(new))
    );
    assert_eq!(view.finished, Some(T + 2));
    // The place in the queue is that of the old one.
    claim_these(store, T + 2, &["new", "b"]);
}

fn a_total_that_waits_for_a_retry_hands_its_pause_on(store: &dyn Store) {
    let old = queue(store, total("a"), "old", T);
    claim_these(store, T, &["old"]);
    settle(store, old, Next::Again { due: T + 60_000 }, T);
    let new = queue(store, total("a"), "new", T + 1);
    assert_eq!(
        states(store, &[old, new]),
        [State::Superseded, State::Queued]
    );
    claim_these(store, T + 59_999, &[]);
    claim_these(store, T + 60_000, &["new"]);
}

fn a_total_under_way_is_not_superseded(store: &dyn Store) {
    let old = queue(store, total("a"), "old", T);
    claim_these(store, T, &["old"]);
    let new = queue(store, total("a"), "new", T);
    assert_eq!(states(store, &[old, new]), [State::Queued, State::Behind]);
    let newer = queue(store, total("a"), "newer", T);
    assert_eq!(
        states(store, &[new, newer]),
        [State::Superseded, State::Behind]
    );
    accept(store, old, T);
    claim_these(store, T, &["newer"]);
}

fn a_total_that_would_wait_again_gives_way_to_the_newest_behind_it(store: &dyn Store) {
    let old = queue(store, total("a"), "old", T);
    claim_these(store, T, &["old"]);
    let new = queue(store, total("a"), "new", T);
    let newest = queue(store, total("a"), "newest", T);
    settle(store, old, Next::Again { due: T + 60_000 }, T + 1);
    assert_eq!(
        states(store, &[old, new, newest]),
        [State::Superseded, State::Superseded, State::Queued]
    );
    let view = store.item(old).unwrap().unwrap();
    assert_eq!(view.summary.superseded_by, Some(newest));
    assert_eq!(view.summary.finished, Some(T + 1));
    // What was tried of it is still known.
    assert_eq!((view.summary.attempts, view.attempts.len()), (1, 1));
    claim_these(store, T + 59_999, &[]);
    claim_these(store, T + 60_000, &["newest"]);
    // One that is held, too, and no pause is handed on.
    let last = queue(store, total("a"), "last", T + 60_000);
    settle(store, newest, hold(), T + 60_000);
    assert_eq!(state(store, newest), State::Superseded);
    claim_these(store, T + 60_000, &["last"]);
    accept(store, last, T + 60_001);
    // And one whose request did not leave.
    let unsent = queue(store, total("a"), "unsent", T + 60_002);
    claim_these(store, T + 60_002, &["unsent"]);
    let intent = Intent {
        items: vec![unsent],
        repeat: Repeat::Never,
        began: T + 60_002,
        request: Vec::new(),
    };
    let attempts = store.intend(vec![intent], T + 60_002).unwrap();
    let sent = queue(store, total("a"), "sent", T + 60_003);
    store.not_sent(attempts, T + 60_003).unwrap();
    assert_eq!(
        states(store, &[unsent, sent]),
        [State::Superseded, State::Queued]
    );
    claim_these(store, T + 60_003, &["sent"]);
}

fn a_total_that_is_given_back_untried_gives_way_to_the_newest_behind_it(store: &dyn Store) {
    let old = queue(store, total("a"), "old", T);
    let other = queue(store, total("b"), "other", T);
    let lane = super::due_lane(store, T);
    claim_these(store, T, &["old", "other"]);
    queue(store, total("a"), "new", T + 1);
    let newest = queue(store, total("a"), "newest", T + 1);
    store.unclaim(lane, &[old, other], T + 2);
    let view = store.item(old).unwrap().unwrap().summary;
    assert_eq!(
        (view.state, view.superseded_by, view.finished, view.attempts),
        (State::Superseded, Some(newest), Some(T + 2), 0)
    );
    // It was not tried, and so nothing of it is in the way.
    claim_these(store, T + 2, &["other", "newest"]);
    // A change between them keeps both in their places.
    let first = queue(store, total("c"), "=5", T + 3);
    claim_these(store, T + 3, &["=5"]);
    queue(store, change("c"), "+1", T + 3);
    queue(store, total("c"), "=7", T + 3);
    store.unclaim(lane, &[first], T + 3);
    assert_eq!(state(store, first), State::Queued);
    claim_these(store, T + 3, &["=5"]);
}

fn a_total_gives_way_to_none_behind_a_change_or_a_barrier(store: &dyn Store) {
    let old = queue(store, total("a"), "=5", T);
    claim_these(store, T, &["=5"]);
    let change = queue(store, change("a"), "+1", T);
    let new = queue(store, total("a"), "=7", T);
    settle(store, old, Next::Again { due: T }, T);
    assert_eq!(
        states(store, &[old, change, new]),
        [State::Queued, State::Behind, State::Behind]
    );
    for (item, input) in [(old, "=5"), (change, "+1"), (new, "=7")] {
        claim_these(store, T, &[input]);
        accept(store, item, T);
    }
    let old = queue(store, total("a"), "before", T);
    claim_these(store, T, &["before"]);
    let barrier = queue(store, Order::Barrier, "barrier", T);
    let new = queue(store, total("a"), "after", T);
    settle(store, old, Next::Again { due: T }, T);
    for (item, input) in [(old, "before"), (barrier, "barrier"), (new, "after")] {
        claim_these(store, T, &[input]);
        accept(store, item, T);
    }
    // Nor does one of which nobody knows whether it was applied, or a change.
    let unknown = queue(store, total("a"), "unknown", T);
    claim_these(store, T, &["unknown"]);
    let new = queue(store, total("a"), "new", T);
    settle(store, unknown, Next::Unknown { holds_key: false }, T);
    assert_eq!(
        states(store, &[unknown, new]),
        [State::Unknown, State::Queued]
    );
}

fn a_change_is_never_superseded_nor_passed(store: &dyn Store) {
    let items = [
        queue(store, total("a"), "=5", T),
        queue(store, change("a"), "+1", T),
        queue(store, total("a"), "=7", T),
        queue(store, change("a"), "+2", T),
    ];
    for (item, input) in items.into_iter().zip(["=5", "+1", "=7", "+2"]) {
        claim_these(store, T, &[input]);
        accept(store, item, T);
    }
}

fn hold() -> Next {
    Next::Held(Hold {
        blame: Blame::Script,
        generation: "a".into(),
    })
}

fn a_held_total_gives_its_place_without_the_hold(store: &dyn Store) {
    let old = queue(store, total("a"), "old", T);
    claim_these(store, T, &["old"]);
    settle(store, old, hold(), T);
    assert_eq!(state(store, old), State::Held);
    let new = queue(store, total("a"), "new", T + 1);
    assert_eq!(
        states(store, &[old, new]),
        [State::Superseded, State::Queued]
    );
    claim_these(store, T + 1, &["new"]);
}

fn totals_of_one_delivery_are_folded_too(store: &dyn Store) {
    let items = ["1", "2", "3"].map(|input| item(total("a"), input)).into();
    store.accept(delivery(items), T).unwrap();
    claim_these(store, T, &["3"]);
}

fn keys_are_told_apart_whole(store: &dyn Store) {
    let long = "x".repeat(500);
    let keys = ["", "a", "A", "a\0", "b", &long, &format!("{long}y")];
    for (n, key) in keys.iter().enumerate() {
        queue(store, total(key), &n.to_string(), T);
    }
    claim_these(store, T, &["0", "1", "2", "3", "4", "5", "6"]);
}

fn a_barrier_waits_for_everything_and_everything_waits_for_it(store: &dyn Store) {
    let before = queue(store, Order::None, "before", T);
    let paused = queue(store, total("a"), "paused", T);
    let barrier = queue(store, Order::Barrier, "barrier", T);
    let after = queue(store, Order::None, "after", T);
    let keyed = queue(store, change("a"), "keyed", T);
    queue(store, change("a"), "keyed too", T);
    claim_these(store, T, &["before", "paused"]);
    assert_eq!(states(store, &[barrier, after]), [State::Behind; 2]);
    settle(store, paused, Next::Again { due: T + 9 }, T);
    accept(store, before, T);
    claim_these(store, T, &[]);
    claim_these(store, T + 9, &["paused"]);
    accept(store, paused, T + 9);
    claim_these(store, T + 9, &["barrier"]);
    assert_eq!(states(store, &[after, keyed]), [State::Behind; 2]);
    settle(store, barrier, Next::End(State::Rejected), T + 9);
    claim_these(store, T + 9, &["after", "keyed"]);
}

fn a_lane_of_barriers_leaves_in_order(store: &dyn Store) {
    let items: Vec<ItemId> = ["1", "2", "3"]
        .map(|input| queue(store, Order::Barrier, input, T))
        .into();
    for (item, input) in items.into_iter().zip(["1", "2", "3"]) {
        claim_these(store, T, &[input]);
        accept(store, item, T);
    }
}

fn folding_does_not_pass_a_barrier(store: &dyn Store) {
    let old = queue(store, total("a"), "old", T);
    let barrier = queue(store, Order::Barrier, "barrier", T);
    let new = queue(store, total("a"), "new", T);
    let newer = queue(store, total("a"), "newer", T);
    assert_eq!(
        states(store, &[old, new]),
        [State::Queued, State::Superseded]
    );
    for (item, input) in [(old, "old"), (barrier, "barrier"), (newer, "newer")] {
        claim_these(store, T, &[input]);
        accept(store, item, T);
    }
}

fn lanes_do_not_wait_for_each_other(store: &dyn Store) {
    queue(store, Order::Barrier, "here", T);
    queue(store, total("a"), "waits", T);
    let there = NewDelivery {
        lane: Lane::new("acme", "shop", "prices.update"),
        ..delivery(vec![item(total("a"), "there")])
    };
    store.accept(there, T).unwrap();
    claim_these(store, T, &["here", "there"]);
}

fn an_unknown_holds_its_key_only_where_that_was_said(store: &dyn Store) {
    let lock = queue(store, change("order"), "lock", T);
    let release = queue(store, change("order"), "release", T);
    let stock = queue(store, change("stock"), "stock", T);
    queue(store, change("stock"), "more stock", T);
    claim_these(store, T, &["lock", "stock"]);
    settle(store, lock, Next::Unknown { holds_key: true }, T);
    settle(store, stock, Next::Unknown { holds_key: false }, T);
    assert_eq!(states(store, &[lock, stock]), [State::Unknown; 2]);
    claim_these(store, T, &["more stock"]);
    assert_eq!(state(store, release), State::Behind);
    let gone = store
        .discard(crate::Selection::Item(lock), "it is there", T)
        .unwrap();
    assert_eq!(gone.changed, 1);
    claim_these(store, T, &["release"]);
}

fn many_items_behind_a_barrier_are_all_released(store: &dyn Store) {
    let barrier = queue(store, Order::Barrier, "barrier", T);
    let items = (0..2_500).map(|_| item(Order::None, "x")).collect();
    store.accept(delivery(items), T).unwrap();
    queue(store, total("a"), "old", T);
    queue(store, total("a"), "new", T);
    claim_these(store, T, &["barrier"]);
    accept(store, barrier, T);
    // They are released by and by, each in its own commit.
    let mut claimed = 0;
    for now in T.. {
        assert!(now < T + 10_000, "{claimed} were released");
        store.tick(now);
        claimed += super::claim(store, now).len();
        if claimed == 2_501 {
            break;
        }
    }
}
