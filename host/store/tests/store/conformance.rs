//! The store on a file passes the suite that every store has to pass.

use std::cell::RefCell;

use crossdock_store::{SqliteStore, conformance};

#[test]
fn the_store_on_a_file_keeps_what_every_store_promises() {
    let folders = RefCell::new(Vec::new());
    conformance::run(&|| {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path()).unwrap();
        folders.borrow_mut().push(folder);
        Box::new(store)
    });
}

#[test]
fn the_store_on_a_file_keeps_what_every_store_promises_about_flows() {
    let folders = RefCell::new(Vec::new());
    conformance::run_flows(&|| {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path()).unwrap();
        folders.borrow_mut().push(folder);
        store
    });
}

#[test]
fn the_store_on_a_file_keeps_what_every_store_promises_about_grants() {
    let folders = RefCell::new(Vec::new());
    conformance::run_grants(&|| {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path()).unwrap();
        folders.borrow_mut().push(folder);
        store
    });
}
