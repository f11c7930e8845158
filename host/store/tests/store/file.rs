//! The file: what is kept over restarts, and which files are refused.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::{T, change, clean, delivery, item, lane, open, settlement};
use crossdock_store::{
    Accepted, Filter, FlowStore, GrantStore, Idempotency, Intent, ItemId, NewDelivery, Next, Order,
    Outcome, Repeat, SqliteStore, State, Store, StoreError,
};

fn database(folder: &Path) -> std::path::PathBuf {
    folder.join("outbox.db")
}

/// Queues one item in the first lane.
fn queue(store: &dyn Store, order: Order, input: &str, now: u64) -> Accepted {
    store
        .accept(delivery(lane(1), vec![item(order, input)]), now)
        .unwrap()
}

/// Every item's number, newest first.
fn all_items(store: &dyn Store) -> Vec<ItemId> {
    let mut items = Vec::new();
    let mut cursor = None;
    loop {
        let page = store.list(&Filter::default(), cursor, 1_000).unwrap();
        items.extend(page.items.iter().map(|item| item.item));
        cursor = page.next;
        if cursor.is_none() {
            return items;
        }
    }
}

#[test]
fn what_was_under_way_is_known_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    queue(&store, change("a"), "sent", T);
    queue(&store, change("a"), "behind", T);
    queue(&store, change("b"), "claimed", T);
    let claimed = store.claim(crossdock_store::LaneId(1), T, 9).unwrap();
    let intent = Intent {
        items: vec![claimed[0].item],
        repeat: Repeat::Never,
        began: T,
        request: b"POST".into(),
    };
    let attempts = store.intend(vec![intent], T).unwrap();
    drop(store);

    let store = open(folder.path());
    clean(&store);
    let open = store.recover().unwrap();
    assert_eq!(
        (open.attempts.len(), open.attempts[0].attempt),
        (1, attempts[0])
    );
    assert_eq!(store.lane(open.attempts[0].lane), Some(lane(1)));
    let mut end = settlement(
        vec![Outcome::new(
            claimed[0].item,
            Next::Unknown { holds_key: false },
        )],
        T,
    );
    end.attempts[0].attempt = Some(attempts[0]);
    store.settle(end, T).unwrap();
    // What was only claimed is claimable again.
    let again = store.claim(crossdock_store::LaneId(1), T, 9).unwrap();
    let mut inputs: Vec<_> = again.iter().map(|claimed| &claimed.input[..]).collect();
    inputs.sort_unstable();
    assert_eq!(inputs, [&b"behind"[..], b"claimed"]);
}

#[test]
fn everything_that_is_counted_is_counted_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let accepted = queue(&store, Order::Barrier, "barrier", T);
    for n in 0..20 {
        queue(&store, change(&(n % 3).to_string()), "x", T + n);
    }
    let depths = store.depths().unwrap();
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.depths().unwrap(), depths);
    clean(&store);
    store.claim(crossdock_store::LaneId(1), T, 9).unwrap();
    let barrier = accepted.items().next().unwrap();
    let outcome = Outcome::new(barrier, Next::End(State::Accepted));
    store.settle(settlement(vec![outcome], T), T).unwrap();
    let claimed = store.claim(crossdock_store::LaneId(1), T + 99, 99).unwrap();
    assert_eq!(claimed.len(), 3);
}

#[test]
fn a_release_that_a_restart_interrupts_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let barrier = queue(&store, Order::Barrier, "barrier", T)
        .items()
        .next()
        .unwrap();
    let items = (0..5_000).map(|_| item(Order::None, "x")).collect();
    store.accept(delivery(lane(1), items), T).unwrap();
    store.claim(crossdock_store::LaneId(1), T, 1).unwrap();
    let outcome = Outcome::new(barrier, Next::End(State::Accepted));
    store.settle(settlement(vec![outcome], T), T).unwrap();
    drop(store);
    let store = open(folder.path());
    let queued = |store: &SqliteStore| store.depths().unwrap()[0].items.clone();
    for now in T.. {
        store.tick(now);
        if queued(&store) == [(State::Queued, 5_000)] {
            break;
        }
        assert!(now < T + 10_000, "{:?}", queued(&store));
    }
    clean(&store);
}

#[test]
fn ids_keys_and_time_go_on_after_a_restart_with_a_clock_that_went_back() {
    let folder = tempfile::tempdir().unwrap();
    let with_key = NewDelivery {
        idempotency: Some(Idempotency {
            key: [1; 32],
            body: [2; 32],
            until: T + 100,
        }),
        ..delivery(lane(1), vec![item(Order::None, "before")])
    };
    let store = open(folder.path());
    let Accepted::New { id: before, .. } = store.accept(with_key.clone(), T).unwrap() else {
        panic!("it is new");
    };
    drop(store);
    let store = open(folder.path());
    let day = 86_400_000;
    assert_eq!(
        store.accept(with_key, T - day).unwrap(),
        Accepted::Known(before)
    );
    let Accepted::New { id: after, .. } = queue(&store, Order::None, "after", T - day) else {
        panic!("it is new");
    };
    assert!(after > before);
    let claimed = store.claim(crossdock_store::LaneId(1), T - day, 9).unwrap();
    assert_eq!(claimed.len(), 2);
}

#[test]
fn a_second_host_is_refused_and_told_which_file_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    let refused = SqliteStore::open(folder.path()).unwrap_err();
    let lock = folder.path().join("outbox.lock");
    assert_eq!(refused, StoreError::InUse { lock: lock.clone() });
    assert!(refused.to_string().contains(lock.to_str().unwrap()));
    drop(first);
    open(folder.path());
}

#[test]
fn a_file_that_is_something_else_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path());
    let text = "stock;quantity\n".repeat(1_000);
    std::fs::write(&path, &text).unwrap();
    let refused = SqliteStore::open(folder.path()).unwrap_err();
    assert_eq!(refused, StoreError::Foreign { path: path.clone() });
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);

    std::fs::remove_file(&path).unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE goods(sku TEXT)").unwrap();
    drop(other);
    let before = std::fs::read(&path).unwrap();
    let refused = SqliteStore::open(folder.path()).unwrap_err();
    assert_eq!(refused, StoreError::Foreign { path: path.clone() });
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_file_of_a_newer_version_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let path = database(folder.path());
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(db);
    let before = std::fs::read(&path).unwrap();
    let refused = SqliteStore::open(folder.path()).unwrap_err();
    let expected = StoreError::Newer {
        path: path.clone(),
        found: 99,
        known: 6,
    };
    assert_eq!(refused, expected);
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_damaged_file_is_reported_and_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let items = (0..5_000)
        .map(|n| item(change(&n.to_string()), "some input"))
        .collect();
    store.accept(delivery(lane(1), items), T).unwrap();
    drop(store);
    let path = database(folder.path());
    let mut bytes = std::fs::read(&path).unwrap();
    // Everything but the first page: header and schema can still be read.
    for byte in bytes.iter_mut().skip(4096) {
        *byte ^= 0x5a;
    }
    std::fs::write(&path, &bytes).unwrap();
    let refused = SqliteStore::open(folder.path()).unwrap_err();
    assert_eq!(refused, StoreError::Damaged { path: path.clone() });
    let text = refused.to_string();
    assert!(
        text.contains("is damaged; stop the host") && text.contains("backup"),
        "{text}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[test]
fn damage_within_rows_is_found_by_the_check() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    queue(&store, change("a"), "1", T);
    queue(&store, change("a"), "2", T);
    clean(&store);
    let by_hand = |statement: &str| {
        let db = rusqlite::Connection::open(database(folder.path())).unwrap();
        db.execute_batch(statement).unwrap();
    };
    by_hand("UPDATE item SET state = 0 WHERE id = 2");
    let found = store.check().unwrap();
    assert!(
        found[0].starts_with("more than one item of a key leads"),
        "{found:?}"
    );
    by_hand("UPDATE item SET state = 1");
    let found = store.check().unwrap();
    assert!(found.iter().any(|f| f.contains("none leads")), "{found:?}");
    by_hand("UPDATE item SET state = 0 WHERE id = 1; DELETE FROM delivery WHERE id = 2");
    let found = store.check().unwrap();
    assert!(
        found.iter().any(|f| f.contains("belongs to no delivery")),
        "{found:?}"
    );
}

#[test]
fn a_folder_that_cannot_be_is_named_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let refused = SqliteStore::open(&file.join("outbox")).unwrap_err();
    assert!(matches!(refused, StoreError::Unusable { .. }), "{refused}");
    assert!(refused.to_string().contains("file/outbox"), "{refused}");
}

#[test]
fn a_backup_taken_while_others_write_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let items = (0..2_000)
        .map(|n| item(change(&n.to_string()), "before"))
        .collect();
    store.accept(delivery(lane(1), items), T).unwrap();
    let copies = tempfile::tempdir().unwrap();
    let done = AtomicBool::new(false);
    let (mut during, mut copied) = (0, Vec::new());
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut written = 0;
            while !done.load(Ordering::Acquire) {
                queue(&store, change("w"), "during", T + 1);
                written += 1;
            }
            written
        });
        for round in 0..3 {
            let folder = copies.path().join(round.to_string());
            std::fs::create_dir(&folder).unwrap();
            let file = database(&folder);
            store.backup(&file).unwrap();
            copied.push(folder);
        }
        // Whoever names a file that is there does not lose it.
        let again = store.backup(&database(&copied[0])).unwrap_err();
        assert!(matches!(again, StoreError::Unusable { .. }), "{again}");
        done.store(true, Ordering::Release);
        during = writer.join().unwrap();
    });
    assert!(during > 0);
    let mut last = 2_000;
    for folder in copied {
        let copy = open(&folder);
        clean(&copy);
        let items = all_items(&copy).len();
        assert!((last..=2_000 + during).contains(&items), "{items}");
        last = items;
    }
}

#[test]
fn a_file_of_the_first_format_becomes_the_present_one_with_everything_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let db = rusqlite::Connection::open(database(folder.path())).unwrap();
    db.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA application_id = 0x43444f42;")
        .unwrap();
    db.execute_batch(include_str!("../../src/sqlite/schema.sql"))
        .unwrap();
    db.execute_batch(
        "PRAGMA user_version = 1;
         INSERT INTO lane VALUES (1, 'acme', 'shop', 'stock.update');
         INSERT INTO delivery(id, uid, lane, items, accepted, origin)
             VALUES (1, x'0190a1b2c3d47e5f8a6b7c8d9e0f1a2b', 1, 1, 1700000000000, 0);
         INSERT INTO item(id, delivery, lane, phase, state, holds, effect, due, label, input)
             VALUES (1, 1, 1, 0, 0, 1, 0, 1700000000000, 'old', x'7b7d');
         UPDATE meta SET next_item = 2;",
    )
    .unwrap();
    db.close().unwrap();
    let store = open(folder.path());
    let claimed = store.claim(crossdock_store::LaneId(1), T, 9).unwrap();
    assert_eq!((claimed.len(), &claimed[0].input[..]), (1, &b"{}"[..]));
    store.set_note("a", Some(b"1".to_vec()), T).unwrap();
    store.flow_put("acme", "stock", T).unwrap();
    clean(&store);
}

#[test]
fn a_file_of_the_second_format_keeps_its_notes_and_takes_flows() {
    let folder = tempfile::tempdir().unwrap();
    let db = rusqlite::Connection::open(database(folder.path())).unwrap();
    db.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA application_id = 0x43444f42;")
        .unwrap();
    db.execute_batch(include_str!("../../src/sqlite/schema.sql"))
        .unwrap();
    db.execute_batch(include_str!("../../src/sqlite/notes.sql"))
        .unwrap();
    db.execute_batch("PRAGMA user_version = 2; INSERT INTO note VALUES ('a', x'31');")
        .unwrap();
    db.close().unwrap();
    let store = open(folder.path());
    assert_eq!(store.notes().unwrap(), [("a".to_owned(), b"1".to_vec())]);
    let flow = store.flow_put("acme", "stock", T).unwrap();
    drop(store);
    assert_eq!(open(folder.path()).flows().unwrap(), [flow]);
}

#[test]
fn a_file_of_the_fourth_format_keeps_its_flows_and_takes_grants() {
    let folder = tempfile::tempdir().unwrap();
    let db = rusqlite::Connection::open(database(folder.path())).unwrap();
    db.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA application_id = 0x43444f42;")
        .unwrap();
    for step in [
        include_str!("../../src/sqlite/schema.sql"),
        include_str!("../../src/sqlite/notes.sql"),
        include_str!("../../src/sqlite/doubt.sql"),
        include_str!("../../src/sqlite/flows.sql"),
    ] {
        db.execute_batch(step).unwrap();
    }
    db.execute_batch(
        "PRAGMA user_version = 4;
         INSERT INTO flow(tenant, name, made, paused, ticks_skipped, parked, parked_bytes,
             received, received_bytes) VALUES ('acme', 'stock', 1, 0, 0, 0, 0, 0, 0);",
    )
    .unwrap();
    db.close().unwrap();
    let store = open(folder.path());
    assert_eq!(store.flows().unwrap().len(), 1);
    let name = crossdock_store::GrantName {
        tenant: "acme".into(),
        connection: "shop".into(),
        place: "place".into(),
    };
    let put = crossdock_store::GrantChange::Put(b"a".to_vec());
    assert_eq!(store.grant_change(&name, 0, put, T).unwrap(), Some(1));
    clean(&store);
}
