//! A disk that really refuses: a limit on the size of files, and syncs that fail.
//!
//! Each test runs a process of its own, which limits or a tracer act on. The
//! second one needs `strace`, and says so where there is none. What no test
//! shows is a disk that loses what it has confirmed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::common::{T, clean, delivery, item, lane, open};
use crossdock_store::{Accepted, Filter, Health, ItemId, Order, Store, StoreError};

/// Tells a process its folder.
const FOLDER: &str = "CROSSDOCK_STORE_DISK_FOLDER";

fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// Runs one of the tests below in a process of its own.
fn run(command: &mut Command, test: &str, folder: &Path) -> Output {
    let output = command
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(FOLDER, folder)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

fn give(store: &dyn Store, input: &str, now: u64) -> Result<ItemId, StoreError> {
    let accepted: Accepted =
        store.accept(delivery(lane(1), vec![item(Order::None, input)]), now)?;
    Ok(accepted.items().next().unwrap())
}

/// Does nothing unless the test below runs it.
#[test]
fn a_process_whose_files_cannot_grow() {
    let Some(folder) = folder() else { return };
    let store = open(&folder);
    let input = "x".repeat(10_000);
    let mut kept = Vec::new();
    let refused = loop {
        match give(&store, &input, T) {
            Ok(item) => kept.push(item),
            Err(refused) => break refused,
        }
        assert!(kept.len() < 10_000, "nothing limits it");
    };
    assert!(
        matches!(refused, StoreError::Full { .. } | StoreError::Io { .. }),
        "{refused}"
    );
    assert_ne!(store.health(), Health::Good);
    // Reads go on.
    for item in &kept {
        assert_eq!(store.item(*item).unwrap().unwrap().input.len(), 10_000);
    }
    // Room is made, and it goes on by itself.
    let pid = std::process::id().to_string();
    let mut raise = Command::new("prlimit");
    raise.args(["--fsize=unlimited:unlimited", "--pid", &pid]);
    assert!(raise.status().unwrap().success());
    let mut now = T;
    while give(&store, &input, now).is_err() {
        now += 1_000;
        assert!(now < T + 10_000, "it does not recover");
    }
    assert_eq!(store.health(), Health::Good);
    clean(&store);
}

#[test]
fn a_disk_that_takes_no_more_refuses_and_recovers_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    // A write beyond the limit fails, instead of ending the process.
    let limited = r#"trap "" XFSZ; ulimit -S -f 2000; exec "$@""#;
    let mut command = Command::new("sh");
    command.args(["-c", limited, "sh"]);
    run(
        &mut command,
        "a_process_whose_files_cannot_grow",
        folder.path(),
    );
    clean(&open(folder.path()));
}

/// Does nothing unless the test below runs it.
#[test]
fn a_process_whose_syncs_fail() {
    let Some(folder) = folder() else { return };
    let store = open(&folder);
    let mut now = T;
    for n in 0..200 {
        now += 2_000;
        match give(&store, &n.to_string(), now) {
            Ok(item) => println!("kept {} {n}", item.0),
            Err(StoreError::Io { uncertain, .. }) => println!("refused {n} {uncertain}"),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(store.health(), Health::Good);
}

#[test]
fn a_sync_that_fails_loses_nothing_that_was_acknowledged() {
    let traced = Command::new("strace")
        .args(["-f", "-o", "/dev/null", "true"])
        .status();
    if !traced.is_ok_and(|status| status.success()) {
        println!("not shown here: there is no strace, or it may not trace");
        return;
    }
    for which in ["60", "60..64", "61+7"] {
        let folder = tempfile::tempdir().unwrap();
        let fail = format!("inject=fdatasync,fsync:error=EIO:when={which}");
        let mut command = Command::new("strace");
        command.args([
            "-f",
            "-o",
            "/dev/null",
            "-e",
            "trace=fdatasync,fsync",
            "-e",
            &fail,
        ]);
        let output = run(
            &mut command,
            "disk::a_process_whose_syncs_fail",
            folder.path(),
        );
        let text = String::from_utf8(output.stdout).unwrap();
        let store = open(folder.path());
        clean(&store);
        let page = store.list(&Filter::default(), None, 1_000).unwrap();
        let there: Vec<String> = page.items.into_iter().map(|item| item.label).collect();
        let mut kept = 0;
        for line in text.lines().filter_map(|line| line.strip_prefix("kept ")) {
            let (item, input) = line.split_once(' ').unwrap();
            let view = store.item(ItemId(item.parse().unwrap())).unwrap();
            assert_eq!(view.unwrap().input, input.as_bytes());
            kept += 1;
        }
        let mut refused = 0;
        for line in text
            .lines()
            .filter_map(|line| line.strip_prefix("refused "))
        {
            let (input, uncertain) = line.split_once(' ').unwrap();
            // Unless nothing is known of it, what was refused is not there.
            let is_there = there.iter().any(|label| label == input);
            assert!(
                uncertain == "true" || !is_there,
                "{which}: {input} is there"
            );
            refused += 1;
        }
        assert_eq!(kept + refused, 200, "{which}: {text}");
        assert!(kept >= 100, "{which}: {kept}");
        println!("syncs {which} failed: {kept} acknowledged, {refused} refused");
    }
}
