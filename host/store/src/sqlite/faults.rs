//! What happens when the disk is full or fails.

use std::path::Path;

use super::SqliteStore;
use super::shared::Fault;
use crate::{
    Accepted, AttemptEnd, Health, Lane, NewDelivery, NewItem, Next, Order, Origin, Outcome, Repeat,
    Result, Settlement, Store, StoreError,
};

const T: u64 = 1_700_000_000_000;

/// The database's number for a sync that failed.
const SYNC_FAILED: i32 = 1034;

fn give(store: &dyn Store, input: &[u8], now: u64) -> Result<Accepted> {
    let item = NewItem {
        order: Order::None,
        label: String::new(),
        input: input.into(),
    };
    let delivery = NewDelivery {
        lane: Lane::new("acme", "shop", "stock.update"),
        origin: Origin::Queued,
        idempotency: None,
        items: vec![item],
    };
    store.accept(delivery, now)
}

/// Lets the file have no more than some pages.
fn limit(store: &SqliteStore, pages: u32) {
    let set = move |unit: &mut super::unit::Unit<'_>| {
        let pragma = format!("PRAGMA max_page_count = {pages}");
        Ok(unit.db.query_row(&pragma, [], |_| Ok(()))?)
    };
    store.writer.submit(0, T, set).unwrap();
}

fn fail_next_commit(store: &SqliteStore, committed: bool, code: i32) {
    let faults = &store.shared.faults;
    faults.lock().unwrap().push(Fault { committed, code });
}

fn items(store: &dyn Store) -> usize {
    let page = store.list(&crate::Filter::default(), None, 1_000);
    page.unwrap().items.len()
}

fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(folder).unwrap()
}

#[test]
fn a_full_disk_refuses_new_work_serves_reads_and_recovers_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let kept = give(&store, b"kept", T).unwrap();
    limit(&store, 60);
    let refused = (0..)
        .find_map(|_| give(&store, &[b'x'; 20_000], T).err())
        .unwrap();
    assert!(matches!(refused, StoreError::Full { .. }), "{refused}");
    assert!(
        refused
            .to_string()
            .contains("outbox.db cannot grow: the disk is full")
    );
    assert_eq!(store.health(), Health::Full);
    let before = items(&store);
    assert!(before >= 1);
    // Reads go on, and what was acknowledged is there.
    let item = kept.items().next().unwrap();
    assert_eq!(store.item(item).unwrap().unwrap().input, b"kept");
    // It tries once now, and not again within a second.
    limit(&store, 1_000_000);
    assert!(
        store.shared.health() == Health::Good,
        "room was made, and it was tried"
    );
    give(&store, &[b'x'; 20_000], T + 1).unwrap();
    assert_eq!(items(&store), before + 1);
    assert_eq!(store.check().unwrap(), [""; 0]);
}

#[test]
fn a_full_disk_is_called_full_though_nobody_can_look_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    give(&store, b"kept", T).unwrap();
    for code in [
        rusqlite::ffi::SQLITE_FULL,
        rusqlite::ffi::SQLITE_IOERR_SHMSIZE,
    ] {
        fail_next_commit(&store, false, code);
        // Nor can it be opened again: that takes room, too.
        let path = folder.path().join("outbox.db");
        let away = folder.path().join("away.db");
        std::fs::rename(&path, &away).unwrap();
        std::fs::create_dir(&path).unwrap();
        let now = T + 10_000 * code as u64;
        let refused = give(&store, b"x", now).unwrap_err();
        assert!(
            matches!(
                refused,
                StoreError::Full {
                    uncertain: true,
                    ..
                }
            ),
            "{refused}"
        );
        let said = refused.to_string();
        assert!(said.contains("the disk is full, and whether"), "{said}");
        assert_eq!(store.health(), Health::Full);
        std::fs::remove_dir(&path).unwrap();
        std::fs::rename(&away, &path).unwrap();
        store.tick(now + 1_000);
        assert_eq!(store.health(), Health::Good);
        assert_eq!(items(&store), 1);
    }
}

#[test]
fn a_disk_that_failed_is_tried_once_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for _ in 0..3 {
        fail_next_commit(&store, false, SYNC_FAILED);
    }
    let failed = give(&store, b"x", T).unwrap_err();
    assert!(
        matches!(
            failed,
            StoreError::Io {
                uncertain: false,
                ..
            }
        ),
        "{failed}"
    );
    assert_eq!(store.health(), Health::Failing);
    let left = |count| assert_eq!(store.shared.faults.lock().unwrap().len(), count);
    left(2);
    store.tick(T + 10);
    left(1);
    for now in [T + 11, T + 500, T + 1_009] {
        store.tick(now);
        assert!(give(&store, b"x", now).is_err());
        left(1);
    }
    store.tick(T + 1_010);
    left(0);
    assert_eq!(store.health(), Health::Failing);
    store.tick(T + 2_010);
    assert_eq!(store.health(), Health::Good);
    give(&store, b"x", T + 2_010).unwrap();
    assert_eq!(items(&store), 1);
    assert_eq!(store.check().unwrap(), [""; 0]);
}

#[test]
fn a_sync_that_failed_is_read_back_instead_of_repeated() {
    for committed in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        give(&store, b"before", T).unwrap();
        fail_next_commit(&store, committed, SYNC_FAILED);
        let result = give(&store, b"doubtful", T);
        // The caller is told what is there.
        assert_eq!(result.is_ok(), committed, "{result:?}");
        assert_eq!(items(&store), 1 + usize::from(committed));
        let now = T + 5_000;
        give(&store, b"after", now).unwrap();
        assert_eq!(items(&store), 2 + usize::from(committed));
        assert_eq!(store.check().unwrap(), [""; 0]);
        drop(store);
        let store = open(folder.path());
        assert_eq!(items(&store), 2 + usize::from(committed));
    }
}

#[test]
fn claims_and_folds_of_a_commit_that_failed_are_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let total = |input: &str| NewDelivery {
        lane: Lane::new("acme", "shop", "stock.update"),
        origin: Origin::Queued,
        idempotency: None,
        items: vec![NewItem {
            order: Order::Key {
                bytes: b"a".into(),
                effect: crate::Effect::Absolute,
            },
            label: input.into(),
            input: input.into(),
        }],
    };
    store.accept(total("old"), T).unwrap();
    fail_next_commit(&store, false, SYNC_FAILED);
    assert!(store.accept(total("new"), T).is_err());
    let due = store.due_lanes(T, None, 9).unwrap();
    let claimed = store.claim(due[0].lane, T, 9).unwrap();
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].input, b"old");
}

#[test]
fn claims_of_a_commit_in_doubt_end_when_it_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let item = give(&store, b"x", T).unwrap().items().next().unwrap();
    let lane = store.due_lanes(T, None, 9).unwrap()[0].lane;
    assert_eq!(store.claim(lane, T, 9).unwrap().len(), 1);
    fail_next_commit(&store, true, SYNC_FAILED);
    // While it is not there, nobody can look whether the commit is.
    let path = folder.path().join("outbox.db");
    let away = folder.path().join("away.db");
    std::fs::rename(&path, &away).unwrap();
    std::fs::create_dir(&path).unwrap();
    let again = Outcome::new(item, Next::Again { due: T });
    let settlement = Settlement {
        attempts: vec![AttemptEnd::new(None, Repeat::Safe, T, T, vec![again])],
        connection: None,
    };
    let failed = store.settle(settlement, T).unwrap_err();
    assert!(
        matches!(
            failed,
            StoreError::Io {
                uncertain: true,
                ..
            }
        ),
        "{failed}"
    );
    std::fs::remove_dir(&path).unwrap();
    std::fs::rename(&away, &path).unwrap();
    store.tick(T + 1_000);
    assert_eq!(store.health(), Health::Good);
    assert_eq!(store.claim(lane, T, 9).unwrap().len(), 1);
}

#[test]
fn a_lane_of_a_commit_that_failed_can_be_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    fail_next_commit(&store, false, SYNC_FAILED);
    assert!(give(&store, b"x", T).is_err());
    assert_eq!(store.lane(crate::LaneId(1)), None);
    give(&store, b"x", T + 2_000).unwrap();
    assert_eq!(store.lane(crate::LaneId(1)).unwrap().tenant, "acme");
}
