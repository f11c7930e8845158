//! Lists, counts, changes, retention.

use super::{Promise, T, accept, change, claim, claim_these, delivery, item, queue, settle, total};
use crate::{
    Blame, Cursor, Filter, Hold, Idempotency, ItemId, Lane, NewDelivery, Next, Order, Outcome,
    Retention, Selection, State, Store, limits,
};

pub(super) const PROMISES: &[Promise] = &[
    a_filter_finds_what_it_names_newest_first,
    pages_join_without_gap_or_overlap,
    depths_count_what_is_open_or_dead,
    the_oldest_open_item_of_each_lane_is_known_wherever_it_waits,
    what_waits_is_told_without_what_is_claimed,
    what_a_tenant_keeps_is_counted_without_what_is_done,
    changes_are_read_from_any_place,
    a_tenant_reads_its_own_changes_and_comes_to_the_end,
    a_change_tells_what_its_item_says_until_that_goes_on,
    a_note_is_kept_by_its_name_until_it_is_removed,
    what_is_done_goes_at_its_time_and_nothing_else,
    what_is_too_much_goes_oldest_first,
    attempts_go_with_their_last_item,
];

/// Items of two tenants, every second one failed with another code.
fn fill(store: &dyn Store) {
    for n in 0..20 {
        let tenant = if n % 2 == 0 { "a" } else { "b" };
        let given = NewDelivery {
            lane: Lane::new(tenant, "shop", "stock.update"),
            ..delivery(vec![item(total(&n.to_string()), &n.to_string())])
        };
        store.accept(given, T + n).unwrap();
    }
    for claimed in claim(store, T + 50) {
        let number: u64 = claimed.label.parse().unwrap();
        let (state, code) = match number {
            0..8 => (State::Accepted, "ok"),
            8..12 => (State::Rejected, "E1"),
            12..16 => (State::Failed, "E2"),
            _ => continue,
        };
        let mut outcome = Outcome::new(claimed.item, Next::End(state));
        outcome.code = Some(code.into());
        outcome.blame = (code == "E1").then_some(Blame::Platform);
        store
            .settle(super::settlement(None, vec![outcome], T + 50), T + 50)
            .unwrap();
    }
}

fn labels(store: &dyn Store, filter: &Filter, page: usize) -> Vec<u64> {
    let mut labels = Vec::new();
    let mut cursor: Option<Cursor> = None;
    loop {
        let found = store.list(filter, cursor, page).unwrap();
        assert!(found.items.len() <= page);
        labels.extend(
            found
                .items
                .iter()
                .map(|item| item.label.parse::<u64>().unwrap()),
        );
        if found.next.is_none() {
            return labels;
        }
        assert_ne!(found.next, cursor);
        cursor = found.next;
    }
}

fn a_filter_finds_what_it_names_newest_first(store: &dyn Store) {
    fill(store);
    let all = Filter::default();
    let cases = [
        (all.clone(), (0..20).collect()),
        (
            Filter {
                tenant: Some("b".into()),
                ..all.clone()
            },
            (0..20).filter(|n| n % 2 == 1).collect(),
        ),
        (
            Filter {
                states: vec![State::Rejected, State::Failed],
                ..all.clone()
            },
            (8..16).collect::<Vec<u64>>(),
        ),
        (
            Filter {
                states: vec![State::Failed],
                tenant: Some("a".into()),
                ..all.clone()
            },
            vec![12, 14],
        ),
        (
            Filter {
                states: vec![State::Queued],
                ..all.clone()
            },
            (16..20).collect(),
        ),
        (
            Filter {
                code: Some("E2".into()),
                ..all.clone()
            },
            (12..16).collect(),
        ),
        (
            Filter {
                blame: Some(Blame::Platform),
                ..all.clone()
            },
            (8..12).collect(),
        ),
        (
            Filter {
                label: Some("7".into()),
                ..all.clone()
            },
            vec![7, 17],
        ),
        (
            Filter {
                from: Some(T + 3),
                until: Some(T + 6),
                ..all.clone()
            },
            vec![3, 4, 5],
        ),
        (
            Filter {
                from: Some(T + 10),
                until: Some(T + 13),
                states: vec![State::Rejected, State::Failed, State::Unknown],
                ..all.clone()
            },
            vec![10, 11, 12],
        ),
        (
            Filter {
                from: Some(T + 99),
                ..all.clone()
            },
            vec![],
        ),
        (
            Filter {
                until: Some(T),
                ..all.clone()
            },
            vec![],
        ),
        (
            Filter {
                operation: Some("nothing".into()),
                ..all
            },
            vec![],
        ),
    ];
    for (filter, mut expected) in cases {
        expected.reverse();
        assert_eq!(labels(store, &filter, 100), expected, "{filter:?}");
    }
}

fn pages_join_without_gap_or_overlap(store: &dyn Store) {
    fill(store);
    for states in [vec![], vec![State::Rejected, State::Failed]] {
        let filter = Filter {
            states,
            ..Filter::default()
        };
        let whole = labels(store, &filter, 100);
        for page in 1..6 {
            assert_eq!(labels(store, &filter, page), whole, "{page}");
        }
    }
}

fn depths_count_what_is_open_or_dead(store: &dyn Store) {
    fill(store);
    let depths = store.depths().unwrap();
    let seen: Vec<_> = depths
        .iter()
        .map(|depth| {
            (
                store.lane(depth.lane).unwrap().tenant,
                &depth.items[..],
                depth.oldest_due,
            )
        })
        .collect();
    let items = [(State::Queued, 2), (State::Rejected, 2), (State::Failed, 2)];
    let expected = [
        ("a".to_owned(), &items[..], Some(T + 16)),
        ("b".to_owned(), &items[..], Some(T + 17)),
    ];
    assert_eq!(seen, expected);
}

fn the_oldest_open_item_of_each_lane_is_known_wherever_it_waits(store: &dyn Store) {
    assert_eq!(store.oldest().unwrap(), []);
    let other = NewDelivery {
        lane: Lane::new("acme", "shop", "other"),
        ..delivery(vec![item(Order::None, "elsewhere")])
    };
    store.accept(other, T + 9).unwrap();
    let first = queue(store, change("a"), "first", T);
    let behind = queue(store, change("a"), "behind", T + 1);
    let free = queue(store, change("b"), "free", T + 2);
    let oldest = || -> Vec<u64> {
        let oldest = store.oldest().unwrap();
        oldest.into_iter().map(|(_, accepted)| accepted).collect()
    };
    let mut seen = vec![oldest()];
    // Whatever its pause, it is as old as it is.
    claim_these(store, T + 3, &["first", "free"]);
    settle(store, first, Next::Again { due: T + 90 }, T + 3);
    seen.push(oldest());
    store.retry(Selection::Item(first), None, T + 4).unwrap();
    claim_these(store, T + 4, &["first"]);
    accept(store, first, T + 5);
    seen.push(oldest());
    claim_these(store, T + 5, &["behind"]);
    let held = Hold {
        blame: Blame::Script,
        generation: "1".into(),
    };
    settle(store, behind, Next::Held(held), T + 6);
    seen.push(oldest());
    store
        .discard(Selection::Item(behind), "enough", T + 7)
        .unwrap();
    // It waits for a person, which is another number.
    settle(store, free, Next::End(State::Failed), T + 8);
    seen.push(oldest());
    for (seen, expected) in seen.iter().zip([T, T, T + 1, T + 1]) {
        assert_eq!(seen, &[T + 9, expected]);
    }
    assert_eq!(seen[4], [T + 9]);
}

fn what_waits_is_told_without_what_is_claimed(store: &dyn Store) {
    for (n, key) in ["a", "b", "c", "d"].into_iter().enumerate() {
        queue(store, total(key), key, T + n as u64 * 10);
    }
    let lane = super::due_lane(store, T + 20);
    let waiting = |now, most| {
        let waiting = store.waiting(lane, now, most).unwrap();
        (waiting.first, waiting.due)
    };
    assert_eq!(waiting(T + 20, 10), (Some(T), 3));
    assert_eq!(waiting(T + 20, 2), (Some(T), 2));
    let claimed = store.claim(lane, T + 20, 2).unwrap();
    assert_eq!(waiting(T + 20, 10), (Some(T + 20), 1));
    claim_these(store, T + 20, &["c"]);
    assert_eq!(waiting(T + 20, 10), (Some(T + 30), 0));
    store.unclaim(lane, &[claimed[0].item], T + 20);
    assert_eq!(waiting(T + 20, 10), (Some(T), 1));
    settle(store, claimed[1].item, Next::Again { due: T + 90 }, T + 20);
    claim_these(store, T + 30, &["a", "d"]);
    assert_eq!(waiting(T + 30, 10), (Some(T + 90), 0));
    claim_these(store, T + 90, &["b"]);
    assert_eq!(waiting(T + 90, 10), (None, 0));
}

fn what_a_tenant_keeps_is_counted_without_what_is_done(store: &dyn Store) {
    assert_eq!(store.kept_bytes("acme").unwrap(), 0);
    let large = "x".repeat(5_000);
    let one = queue(store, total("a"), &large, T);
    queue(store, change("a"), "small", T);
    let both = store.kept_bytes("acme").unwrap();
    assert!((5_005..8_000).contains(&both), "{both}");
    assert_eq!(store.kept_bytes("other").unwrap(), 0);
    claim_these(store, T, &[&large]);
    settle(store, one, Next::End(State::Rejected), T);
    // It waits for a person.
    assert!(store.kept_bytes("acme").unwrap() > 5_000);
    store.discard(crate::Selection::Item(one), "no", T).unwrap();
    let left = store.kept_bytes("acme").unwrap();
    assert!((5..2_000).contains(&left), "{left}");
}

fn changes_are_read_from_any_place(store: &dyn Store) {
    let items: Vec<ItemId> = (0..5)
        .map(|n| queue(store, change(&n.to_string()), "x", T))
        .collect();
    claim(store, T);
    for (item, at) in items.iter().zip(T..) {
        accept(store, *item, at);
    }
    let first = store.changes(0, 2).unwrap();
    let rest = store.changes(first.next, 100).unwrap();
    let seen = first.changes.iter().chain(&rest.changes);
    let seen: Vec<_> = seen
        .map(|change| (change.item, change.state, change.at))
        .collect();
    let expected = items
        .iter()
        .zip(T..)
        .map(|(item, at)| (*item, State::Accepted, at));
    assert_eq!(seen, expected.collect::<Vec<_>>());
    assert!(!first.missed && !rest.missed);
    let nothing = store.changes(rest.next, 100).unwrap();
    assert_eq!((nothing.changes.len(), nothing.next), (0, rest.next));
    let none = Retention {
        done_until: 0,
        changes_until: T + 2,
        most_bytes: u64::MAX,
    };
    store.retain(none, T).unwrap();
    let late = store.changes(0, 100).unwrap();
    assert_eq!((late.changes.len(), late.missed), (2, true));
    assert!(!store.changes(rest.next, 100).unwrap().missed);
}

fn a_tenant_reads_its_own_changes_and_comes_to_the_end(store: &dyn Store) {
    fill(store);
    let (mut own, mut after) = (Vec::new(), 0);
    loop {
        let found = store.changes_of("a", after, 2).unwrap();
        assert!(found.changes.len() <= 2 && !found.missed);
        own.extend(found.changes.into_iter().map(|change| change.label));
        after = found.next;
        if found.next == found.newest {
            break;
        }
    }
    assert_eq!(own, ["0", "2", "4", "6", "8", "10", "12", "14"]);
    assert_eq!(store.changes_of("nobody", 0, 9).unwrap().changes, []);
    let all = store.changes(0, 100).unwrap();
    assert_eq!((all.changes.len(), all.next), (16, all.newest));
    // The end is reached where nothing is left, too.
    let none = Retention {
        done_until: 0,
        changes_until: T + 99,
        most_bytes: u64::MAX,
    };
    store.retain(none, T).unwrap();
    let gone = store.changes_of("a", 0, 9).unwrap();
    assert!(gone.missed && gone.changes.is_empty());
    assert_eq!(gone.next, gone.newest);
    assert!(!store.changes_of("a", gone.newest, 9).unwrap().missed);
}

fn a_change_tells_what_its_item_says_until_that_goes_on(store: &dyn Store) {
    let item = queue(store, total("a"), "label", T);
    let hold = Hold {
        blame: Blame::Script,
        generation: "a".into(),
    };
    claim(store, T + 1);
    settle(store, item, Next::Held(hold), T + 1);
    store.retry(Selection::Item(item), None, T + 2).unwrap();
    claim(store, T + 2);
    let mut outcome = Outcome::new(item, Next::End(State::Rejected));
    outcome.code = Some("E1".into());
    outcome.message = Some("no".into());
    store
        .settle(super::settlement(None, vec![outcome], T + 3), T + 3)
        .unwrap();
    let told = store.changes(0, 9).unwrap().changes;
    let states: Vec<_> = told
        .iter()
        .map(|change| (change.state, change.at, change.accepted))
        .collect();
    let expected = [(State::Held, T + 1, T), (State::Rejected, T + 3, T)];
    assert_eq!(states, expected);
    assert_eq!(told[1].label, "label");
    let end = told[1].end.as_ref().unwrap();
    assert_eq!((end.code.as_deref(), end.attempts), (Some("E1"), 2));
    assert_eq!(told[0].end, None);
    store.retry(Selection::Item(item), None, T + 4).unwrap();
    let told = store.changes(0, 9).unwrap().changes;
    assert!(told.iter().all(|change| change.end.is_none()));
}

fn a_note_is_kept_by_its_name_until_it_is_removed(store: &dyn Store) {
    let note = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    store.set_note("b", Some(b"1".to_vec()), T).unwrap();
    store.set_note("a", Some(b"2".to_vec()), T).unwrap();
    store.set_note("b", Some(b"3".to_vec()), T).unwrap();
    assert_eq!(store.notes().unwrap(), [note("a", "2"), note("b", "3")]);
    store.set_note("b", None, T).unwrap();
    store.set_note("c", None, T).unwrap();
    assert_eq!(store.notes().unwrap(), [note("a", "2")]);
    let large = vec![0; limits::NOTE + 1];
    assert!(store.set_note("a", Some(large), T).is_err());
    assert!(store.set_note("", Some(Vec::new()), T).is_err());
}

fn retain(store: &dyn Store, retention: Retention, now: u64) -> u64 {
    let mut deliveries = 0;
    for _ in 0..1_000 {
        let slice = store.retain(retention, now).unwrap();
        deliveries += slice.deliveries;
        if !slice.more {
            return deliveries;
        }
    }
    panic!("retention does not come to an end");
}

fn what_is_done_goes_at_its_time_and_nothing_else(store: &dyn Store) {
    let done = queue(store, total("a"), &"done".repeat(1_000), T);
    let failed = queue(store, total("b"), "failed", T);
    let late = queue(store, total("c"), "late", T);
    let remembered = NewDelivery {
        idempotency: Some(Idempotency {
            key: [1; 32],
            body: [1; 32],
            until: T + 100,
        }),
        ..delivery(vec![item(Order::None, "remembered")])
    };
    let remembered = super::only(&store.accept(remembered, T).unwrap());
    let mixed = vec![item(total("d"), "done"), item(total("e"), "open")];
    let mixed: Vec<ItemId> = store.accept(delivery(mixed), T).unwrap().items().collect();
    assert_eq!(claim(store, T).len(), 6);
    accept(store, done, T + 5);
    settle(store, failed, Next::End(State::Failed), T + 5);
    accept(store, late, T + 6);
    accept(store, remembered, T + 5);
    accept(store, mixed[0], T + 5);
    let retention = Retention {
        done_until: T + 5,
        changes_until: 0,
        most_bytes: u64::MAX,
    };
    assert_eq!(retain(store, retention, T + 50), 1);
    assert_eq!(store.item(done).unwrap(), None);
    for item in [failed, late, remembered, mixed[0], mixed[1]] {
        assert!(store.item(item).unwrap().is_some());
    }
    // The key's time is over.
    assert_eq!(retain(store, retention, T + 100), 1);
    assert_eq!(store.item(remembered).unwrap(), None);
    // What tells of it is skipped, and that is said.
    let told = store.changes(0, 100).unwrap();
    assert_eq!((told.changes.len(), told.missed), (3, true));
}

fn what_is_too_much_goes_oldest_first(store: &dyn Store) {
    let input = "x".repeat(10_000);
    let items: Vec<ItemId> = (0..200)
        .map(|n| queue(store, total(&n.to_string()), &input, T + n))
        .collect();
    for claimed in claim(store, T + 500)
        .into_iter()
        .chain(claim(store, T + 500))
    {
        accept(store, claimed.item, T + 500);
    }
    let retention = Retention {
        done_until: 0,
        changes_until: 0,
        most_bytes: 1 << 20,
    };
    let gone = retain(store, retention, T + 500);
    assert!((80..200).contains(&gone), "{gone}");
    let left = |item: &&ItemId| store.item(**item).unwrap().is_some();
    let first = items.iter().position(|item| left(&item)).unwrap();
    assert_eq!(first as u64, gone);
}

fn attempts_go_with_their_last_item(store: &dyn Store) {
    let one = queue(store, total("a"), "1", T);
    let two = queue(store, total("b"), "2", T);
    claim_these(store, T, &["1", "2"]);
    let outcomes = vec![
        Outcome::new(one, Next::End(State::Accepted)),
        Outcome::new(two, Next::Again { due: T }),
    ];
    store
        .settle(super::settlement(None, outcomes, T), T)
        .unwrap();
    let retention = Retention {
        done_until: T,
        changes_until: 0,
        most_bytes: u64::MAX,
    };
    assert_eq!(retain(store, retention, T), 1);
    assert_eq!(store.item(two).unwrap().unwrap().attempts.len(), 1);
    claim_these(store, T, &["2"]);
    accept(store, two, T);
    assert_eq!(store.item(two).unwrap().unwrap().attempts.len(), 2);
    assert_eq!(retain(store, retention, T), 1);
    assert_eq!(store.item(two).unwrap(), None);
}
