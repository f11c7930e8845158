//! Lists, counts, changes, retention.

use super::{Promise, T, accept, change, claim, claim_these, delivery, item, queue, settle, total};
use crate::{
    Blame, Cursor, Filter, Idempotency, ItemId, Lane, NewDelivery, Next, Order, Outcome, Retention,
    State, Store,
};

pub(super) const PROMISES: &[Promise] = &[
    a_filter_finds_what_it_names_newest_first,
    pages_join_without_gap_or_overlap,
    depths_count_what_is_open_or_dead,
    changes_are_read_from_any_place,
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
    // What tells of it is skipped.
    let told = store.changes(0, 100).unwrap();
    assert_eq!((told.changes.len(), told.missed), (3, false));
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
