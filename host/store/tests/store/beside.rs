//! Copying and checking a file while a store has it open, and when none has.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::{T, change, clean, delivery, item, lane, open};
use crossdock_store::{Filter, Order, SqliteStore, Store, StoreError};

fn fill(store: &dyn Store, items: usize) {
    let items = (0..items)
        .map(|n| item(change(&n.to_string()), "before"))
        .collect();
    store.accept(delivery(lane(1), items), T).unwrap();
}

fn count(store: &dyn Store) -> usize {
    let (mut count, mut cursor) = (0, None);
    loop {
        let page = store.list(&Filter::default(), cursor, 1_000).unwrap();
        count += page.items.len();
        if page.next.is_none() {
            return count;
        }
        cursor = page.next;
    }
}

/// A folder in which a copy is the outbox.
fn restored(copy: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(copy, folder.path().join("outbox.db")).unwrap();
    folder
}

#[test]
fn a_copy_beside_a_host_that_writes_is_whole_and_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    fill(&store, 2_000);
    let copies = tempfile::tempdir().unwrap();
    let done = AtomicBool::new(false);
    let mut written = 0;
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut written = 0;
            while !done.load(Ordering::Acquire) {
                let during = item(Order::None, "during");
                store.accept(delivery(lane(2), vec![during]), T).unwrap();
                written += 1;
            }
            written
        });
        for round in 0..3 {
            let to = copies.path().join(round.to_string());
            SqliteStore::backup_of(folder.path(), &to).unwrap();
            assert_eq!(SqliteStore::check_file(&to).unwrap(), [""; 0]);
            assert_eq!(SqliteStore::check_of(folder.path()).unwrap(), [""; 0]);
        }
        done.store(true, Ordering::Release);
        written = writer.join().unwrap();
    });
    assert!(written > 0);
    clean(&store);
    let folder = restored(&copies.path().join("2"));
    let copy = open(folder.path());
    clean(&copy);
    assert!((2_000..=2_000 + written).contains(&count(&copy)));
}

#[test]
fn a_copy_of_what_nobody_uses_is_whole_too() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    fill(&store, 10);
    drop(store);
    let to = folder.path().join("copy");
    SqliteStore::backup_of(folder.path(), &to).unwrap();
    assert_eq!(SqliteStore::check_of(folder.path()).unwrap(), [""; 0]);
    let restored = restored(&to);
    assert_eq!(count(&open(restored.path())), 10);
    // The lock was not taken, and the outbox opens as before.
    assert_eq!(count(&open(folder.path())), 10);
}

#[test]
fn nothing_that_is_there_is_overwritten_and_nothing_is_made_of_what_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("copy");
    let none = SqliteStore::backup_of(folder.path(), &to).unwrap_err();
    assert!(none.to_string().contains("there is no such file"), "{none}");
    assert!(!to.exists());
    assert!(SqliteStore::check_of(folder.path()).is_err());
    // Whoever named a file is not told to name a configuration.
    let named = SqliteStore::check_file(&to).unwrap_err().to_string();
    assert!(
        named.contains("there is no such file") && !named.contains("--config"),
        "{named}"
    );
    assert!(!folder.path().join("outbox.db").exists());

    drop(open(folder.path()));
    std::fs::write(&to, "mine").unwrap();
    let refused = SqliteStore::backup_of(folder.path(), &to).unwrap_err();
    assert!(
        refused.to_string().contains("nothing is overwritten"),
        "{refused}"
    );
    assert_eq!(std::fs::read_to_string(&to).unwrap(), "mine");
    let nowhere = folder.path().join("no/copy");
    let refused = SqliteStore::backup_of(folder.path(), &nowhere).unwrap_err();
    assert!(refused.to_string().contains("folder"), "{refused}");
}

#[test]
fn damage_is_told_and_what_is_no_outbox_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    fill(&store, 5_000);
    drop(store);
    let path = folder.path().join("outbox.db");
    let mut bytes = std::fs::read(&path).unwrap();
    for byte in bytes.iter_mut().skip(4096 * 20) {
        *byte ^= 0x5a;
    }
    std::fs::write(&path, &bytes).unwrap();
    let found = SqliteStore::check_of(folder.path()).unwrap();
    assert!(found[0].contains("the file is damaged"), "{found:?}");
    // The first page, too.
    for byte in bytes.iter_mut().skip(100).take(3_900) {
        *byte ^= 0x5a;
    }
    std::fs::write(&path, &bytes).unwrap();
    let found = SqliteStore::check_of(folder.path()).unwrap();
    assert!(found[0].contains("the file is damaged"), "{found:?}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);

    std::fs::write(&path, "stock;quantity\n".repeat(1_000)).unwrap();
    let refused = SqliteStore::check_of(folder.path()).unwrap_err();
    assert_eq!(refused, StoreError::Foreign { path });
}
