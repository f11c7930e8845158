//! Retry, edit, discard, release.

use super::{
    Promise, T, accept, change, claim_these, delivery, item, queue, settle, state, states, total,
};
use crate::{
    Accepted, Blame, Edit, Filter, Held, Hold, ItemId, Next, Order, Outcome, Place, Selected,
    Selection, State, Store,
};

pub(super) const PROMISES: &[Promise] = &[
    a_dead_item_goes_again_in_its_turn,
    a_dead_total_gives_way_to_a_newer_one_that_is_open,
    a_dead_total_gives_way_to_a_newer_one_that_changes_build_on,
    what_waits_for_a_time_may_go_now,
    an_edit_changes_input_and_key_and_is_kept,
    who_would_be_overtaken_is_known_before_a_retry,
    what_superseded_an_item_is_told_by_where_it_is_found,
    what_a_retried_total_would_overwrite_is_known,
    what_is_superseded_and_discarded_is_counted,
    an_items_bytes_are_read_alone,
    everything_that_matches_is_retried,
    items_by_number_are_retried_and_discarded,
    a_delivery_is_discarded_with_its_reason,
    what_is_claimed_is_left_alone,
    held_items_of_a_connection_are_released,
];

fn fail(store: &dyn Store, item: ItemId) {
    settle(store, item, Next::End(State::Failed), T);
}

fn retry(store: &dyn Store, item: ItemId, now: u64) -> Selected {
    store.retry(Selection::Item(item), None, now).unwrap()
}

const ONE: Selected = Selected {
    changed: 1,
    superseded: 0,
    left: 0,
};
const SUPERSEDED: Selected = Selected {
    superseded: 1,
    ..ONE
};
const LEFT: Selected = Selected {
    changed: 0,
    superseded: 0,
    left: 1,
};

fn a_dead_item_goes_again_in_its_turn(store: &dyn Store) {
    let first = queue(store, change("a"), "1", T);
    let second = queue(store, change("a"), "2", T);
    claim_these(store, T, &["1"]);
    fail(store, first);
    claim_these(store, T, &["2"]);
    assert_eq!(retry(store, first, T), ONE);
    // The second is on its way already.
    assert_eq!(
        states(store, &[first, second]),
        [State::Behind, State::Queued]
    );
    accept(store, second, T);
    claim_these(store, T, &["1"]);
    accept(store, first, T);
    assert_eq!(retry(store, first, T), LEFT);
    assert_eq!(retry(store, ItemId(9_999), T), LEFT);
}

fn a_dead_total_gives_way_to_a_newer_one_that_is_open(store: &dyn Store) {
    let old = queue(store, total("a"), "old", T);
    claim_these(store, T, &["old"]);
    fail(store, old);
    let new = queue(store, total("a"), "new", T);
    assert_eq!(retry(store, old, T), SUPERSEDED);
    let view = store.item(old).unwrap().unwrap().summary;
    assert_eq!(
        (view.state, view.superseded_by),
        (State::Superseded, Some(new))
    );
    claim_these(store, T, &["new"]);
}

fn a_dead_total_gives_way_to_a_newer_one_that_changes_build_on(store: &dyn Store) {
    let old = queue(store, total("a"), "=5", T);
    claim_these(store, T, &["=5"]);
    fail(store, old);
    let new = queue(store, total("a"), "=7", T);
    let more = queue(store, change("a"), "+1", T);
    // It would undo the newer total, and the change would build on it.
    assert_eq!(overtaken(store, old), Some(new));
    assert_eq!(retry(store, old, T), SUPERSEDED);
    let view = store.item(old).unwrap().unwrap().summary;
    assert_eq!(
        (view.state, view.superseded_by),
        (State::Superseded, Some(new))
    );
    claim_these(store, T, &["=7"]);
    accept(store, new, T);
    claim_these(store, T, &["+1"]);
    accept(store, more, T);
}

fn what_waits_for_a_time_may_go_now(store: &dyn Store) {
    let one = queue(store, change("a"), "1", T);
    claim_these(store, T, &["1"]);
    settle(store, one, Next::Again { due: T + 9_000 }, T);
    assert_eq!(retry(store, one, T + 1), ONE);
    claim_these(store, T + 1, &["1"]);
}

fn an_edit_changes_input_and_key_and_is_kept(store: &dyn Store) {
    let one = queue(store, change("a"), "1", T);
    let behind = queue(store, change("a"), "2", T);
    claim_these(store, T, &["1"]);
    settle(store, one, Next::Unknown { holds_key: true }, T);
    let edit = |input: &[u8]| Edit {
        input: input.into(),
        order: change("b"),
        label: "b".into(),
        who: "ann".into(),
        reason: "it was the other article".into(),
    };
    let large = vec![b'x'; 5_000];
    let selection = Selection::Item(one);
    assert_eq!(
        store
            .retry(selection.clone(), Some(edit(&large)), T + 1)
            .unwrap(),
        ONE
    );
    store.retry(selection, Some(edit(b"3")), T + 2).unwrap();
    claim_these(store, T + 2, &["2", "3"]);
    accept(store, behind, T + 2);
    let view = store.item(one).unwrap().unwrap();
    assert_eq!(
        (view.summary.order, view.summary.label),
        (change("b"), "b".into())
    );
    let before: Vec<_> = view
        .edits
        .iter()
        .filter_map(|edit| edit.input_before.as_deref())
        .collect();
    assert_eq!(before, [b"1", &large[..]]);
    let last = view.edits.last().unwrap();
    assert_eq!((last.at, last.who.as_str()), (T + 2, "ann"));
    let all = Selection::Matching(Filter::default());
    assert!(store.retry(all, Some(edit(b"4")), T).is_err());
}

fn who_would_be_overtaken_is_known_before_a_retry(store: &dyn Store) {
    let old = queue(store, total("a"), "old", T);
    claim_these(store, T, &["old"]);
    fail(store, old);
    assert_eq!(store.overtaken(old).unwrap(), None);
    let new = queue(store, total("a"), "new", T);
    let other = queue(store, change("b"), "other", T);
    assert_eq!(overtaken(store, old), Some(new));
    assert_eq!(state(store, old), State::Failed);
    // What leads goes itself, and a change is never left out.
    assert_eq!(store.overtaken(new).unwrap(), None);
    claim_these(store, T, &["new", "other"]);
    fail(store, other);
    queue(store, change("b"), "later", T);
    assert_eq!(store.overtaken(other).unwrap(), None);
    assert_eq!(store.overtaken(ItemId(9_999)).unwrap(), None);
    retry(store, old, T);
    let view = store.item(old).unwrap().unwrap().summary;
    assert_eq!(view.superseded_by, Some(new));
}

/// The newer one is told by its number and by where it is found.
fn overtaken(store: &dyn Store, item: ItemId) -> Option<ItemId> {
    let place = store.overtaken(item).unwrap()?;
    let found = store.item(place.item).unwrap().unwrap().summary;
    assert_eq!((found.delivery, found.index), (place.delivery, place.index));
    Some(place.item)
}

fn what_superseded_an_item_is_told_by_where_it_is_found(store: &dyn Store) {
    let old = queue(store, total("a"), "old", T);
    let items = vec![item(total("b"), "b"), item(total("a"), "new")];
    let accepted = store.accept(delivery(items), T + 1).unwrap();
    let new = accepted.items().last().unwrap();
    let place = Place {
        item: new,
        delivery: store.item(new).unwrap().unwrap().summary.delivery,
        index: 1,
    };
    let view = store.item(old).unwrap().unwrap().summary;
    assert_eq!(
        (view.superseded_by, view.successor),
        (Some(new), Some(place))
    );
    let listed = store.list(&Filter::default(), None, 10).unwrap().items;
    assert_eq!(listed[2].successor, Some(place));
    assert_eq!(listed[0].successor, None);
    let change = store.changes(0, 10).unwrap().changes;
    assert_eq!(change[0].end.as_ref().unwrap().successor, Some(place));
}

fn what_a_retried_total_would_overwrite_is_known(store: &dyn Store) {
    let old = queue(store, total("a"), "old", T);
    let change_before = queue(store, change("b"), "+1", T);
    let alone = queue(store, total("c"), "alone", T);
    claim_these(store, T, &["old", "+1", "alone"]);
    for item in [old, change_before, alone] {
        fail(store, item);
    }
    let all = [old, change_before, alone, ItemId(9_999)];
    let nothing = store.overwrites(&all).unwrap();
    assert_eq!((nothing.newer.len(), nothing.whole), (0, true));
    for (key, now) in [("a", T + 1), ("b", T + 2), ("a", T + 3)] {
        let newer = queue(store, total(key), key, now);
        // What waits overwrites by itself.
        assert_eq!(store.overwrites(&[newer]).unwrap().newer, []);
        claim_these(store, now, &[key]);
        accept(store, newer, now);
    }
    let refused = queue(store, total("a"), "refused", T + 4);
    claim_these(store, T + 4, &["refused"]);
    settle(store, refused, Next::End(State::Rejected), T + 4);
    let found = store.overwrites(&all).unwrap();
    // A change overwrites nothing, and what did not arrive is not overwritten.
    let [one] = &found.newer[..] else {
        panic!("{found:?}");
    };
    assert_eq!((one.item, one.accepted, found.whole), (old, T + 3, true));
    assert_eq!(one.newer.item.0, refused.0 - 1);
    assert_eq!(store.overwrites(&[refused]).unwrap().newer, []);
    // A change that was delivered is overwritten, too.
    let more = queue(store, change("c"), "+2", T + 5);
    claim_these(store, T + 5, &["+2"]);
    accept(store, more, T + 5);
    let found = store.overwrites(&[alone]).unwrap();
    assert_eq!(found.newer[0].newer.item, more);
}

fn an_items_bytes_are_read_alone(store: &dyn Store) {
    let large = "x".repeat(5_000);
    let one = queue(store, Order::None, &large, T);
    claim_these(store, T, &[&large]);
    let mut outcome = Outcome::new(one, Next::End(State::Accepted));
    outcome.result = vec![b'r'; 3_000];
    store
        .settle(super::settlement(None, vec![outcome], T), T)
        .unwrap();
    let bytes = store.bytes(one).unwrap().unwrap();
    let whole = store.item(one).unwrap().unwrap();
    assert_eq!((bytes.input, bytes.result), (whole.input, whole.result));
    assert_eq!(store.bytes(ItemId(9_999)).unwrap(), None);
}

fn items_by_number_are_retried_and_discarded(store: &dyn Store) {
    let items: Vec<ItemId> = (0..5)
        .map(|n| queue(store, Order::None, &n.to_string(), T))
        .collect();
    for claimed in super::claim(store, T) {
        fail(store, claimed.item);
    }
    let some = Selection::Items(vec![items[0], items[2], ItemId(9_999)]);
    let done = store.retry(some, None, T).unwrap();
    assert_eq!((done.changed, done.left), (2, 1));
    let rest = Selection::Items(items.clone());
    let done = store.discard(rest, "enough", T).unwrap();
    assert_eq!((done.changed, done.left), (5, 0));
    assert_eq!(states(store, &items), [State::Discarded; 5]);
}

fn everything_that_matches_is_retried(store: &dyn Store) {
    let items = (0..30)
        .map(|n| item(Order::None, &format!("sku-{n}")))
        .collect();
    store.accept(delivery(items), T).unwrap();
    for claimed in super::claim(store, T) {
        fail(store, claimed.item);
    }
    let filter = Filter {
        states: vec![State::Failed],
        label: Some("SKU-1".into()),
        ..Filter::default()
    };
    let done = store.retry(Selection::Matching(filter), None, T).unwrap();
    // 1 and 10 to 19.
    assert_eq!((done.changed, done.left), (11, 0));
    assert_eq!(super::claim(store, T).len(), 11);
}

fn a_delivery_is_discarded_with_its_reason(store: &dyn Store) {
    let items = vec![
        item(total("a"), "1"),
        item(Order::Barrier, "2"),
        item(Order::None, "3"),
    ];
    let accepted = store.accept(delivery(items), T).unwrap();
    queue(store, Order::None, "after", T);
    let Accepted::New { id, .. } = accepted else {
        panic!("{accepted:?}");
    };
    let done = store
        .discard(Selection::Delivery(id), "sent by hand", T + 1)
        .unwrap();
    assert_eq!(done.changed, 3);
    for item in accepted.items() {
        let view = store.item(item).unwrap().unwrap().summary;
        assert_eq!(view.state, State::Discarded);
        assert_eq!(view.message.as_deref(), Some("sent by hand"));
        assert_eq!(view.finished, Some(T + 1));
    }
    claim_these(store, T + 1, &["after"]);
}

fn what_is_claimed_is_left_alone(store: &dyn Store) {
    let one = queue(store, change("a"), "1", T);
    claim_these(store, T, &["1"]);
    assert_eq!(retry(store, one, T), LEFT);
    assert_eq!(store.discard(Selection::Item(one), "", T).unwrap(), LEFT);
    assert_eq!(state(store, one), State::Queued);
}

fn held_items_of_a_connection_are_released(store: &dyn Store) {
    let items = (0..10).map(|n| item(Order::None, &n.to_string())).collect();
    store.accept(delivery(items), T).unwrap();
    let hold = Hold {
        blame: Blame::Adapter,
        generation: "1".into(),
    };
    for claimed in super::claim(store, T) {
        settle(store, claimed.item, Next::Held(hold.clone()), T);
    }
    let release = |tenant: &str| {
        let mut name = super::lane().connection_name();
        name.tenant = tenant.into();
        store
            .release_held(Held::Connection(name), Blame::Adapter, "2", T)
            .unwrap()
    };
    assert_eq!(release("other"), 0);
    assert_eq!(release("acme"), 10);
    assert_eq!(super::claim(store, T).len(), 10);
}

fn what_is_superseded_and_discarded_is_counted(store: &dyn Store) {
    assert_eq!(store.set_aside(), []);
    let old = queue(store, total("a"), "old", T);
    let lane = super::due_lane(store, T);
    claim_these(store, T, &["old"]);
    queue(store, total("a"), "new", T);
    let newest = queue(store, total("a"), "newest", T);
    settle(store, old, Next::Again { due: T }, T);
    let given_up = Selection::Item(newest);
    store.discard(given_up, "enough", T).unwrap();
    let one = crate::SetAside {
        lane,
        superseded: 2,
        discarded: 1,
    };
    assert_eq!(store.set_aside(), [one]);
}
