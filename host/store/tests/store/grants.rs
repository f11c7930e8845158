//! Grants over restarts, and a process that is killed while one is renewed.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{T, clean, open, open_when_free};
use crossdock_store::{
    Authorized, GrantChange, GrantName, GrantStore, NewAuthorization, SqliteStore,
};

/// How often the process is killed.
const KILLS: u64 = 20;

/// Tells the process that it is the one to be killed, and its folder.
const FOLDER: &str = "CROSSDOCK_STORE_GRANTS_FOLDER";

fn name() -> GrantName {
    GrantName {
        tenant: "acme".into(),
        connection: "shop".into(),
        place: "place".into(),
    }
}

fn number(text: &[u8]) -> u64 {
    str::from_utf8(text).unwrap().parse().unwrap()
}

/// What the platform has given out last, and what was used: a file each, of which
/// the names are all there is to read.
struct Platform<'a>(&'a Path);

impl Platform<'_> {
    fn valid(&self) -> u64 {
        let used = std::fs::read_dir(self.0).unwrap();
        used.count() as u64
    }

    /// Uses a refresh token up, which works once.
    fn renew(&self, refresh: u64) -> Option<u64> {
        let path = self.0.join(refresh.to_string());
        if refresh != self.valid() || path.exists() {
            return None;
        }
        std::fs::write(path, "").unwrap();
        Some(refresh + 1)
    }
}

#[test]
fn a_grant_and_a_person_on_the_way_are_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let change = GrantChange::Put(b"a".to_vec());
    let version = store.grant_change(&name(), 0, change, T).unwrap().unwrap();
    store
        .grant_change(&name(), version, GrantChange::Begin, T)
        .unwrap();
    let new = NewAuthorization {
        hash: [7; 32],
        name: name(),
        proof: b"proof".to_vec(),
        until: T + 1,
    };
    store.authorization_put(new, T).unwrap();
    let before = store.grant(&name()).unwrap();
    drop(store);
    let store = open(folder.path());
    clean(&store);
    assert_eq!(store.grant(&name()).unwrap(), before);
    let taken = store.authorization_take(Authorized::Hash([7; 32]), T);
    assert_eq!(taken.unwrap().unwrap().proof, b"proof");
}

/// Does nothing unless the test below runs it in a process of its own: a host that
/// renews without end.
#[test]
fn the_process_that_is_killed() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let folder = Path::new(&folder);
    let store = open_when_free(&folder.join("outbox"));
    let used = folder.join("used");
    loop {
        renew(&store, &Platform(&used));
    }
}

fn renew(store: &SqliteStore, platform: &Platform<'_>) {
    let row = store.grant(&name()).unwrap().unwrap();
    let kept = number(row.state.as_deref().unwrap());
    let change = |version, change| {
        let changed = store.grant_change(&name(), version, change, T);
        changed.unwrap().unwrap()
    };
    let begun = change(row.version, GrantChange::Begin);
    let granted = platform.renew(kept).unwrap_or_else(|| {
        assert!(row.started.is_some(), "nothing said that it may be used");
        // A person agrees anew.
        platform.valid()
    });
    change(begun, GrantChange::Put(granted.to_string().into_bytes()));
}

fn start(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "grants::the_process_that_is_killed",
            "--nocapture",
        ])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_host_that_is_killed_knows_whether_it_may_have_used_what_renews_a_grant() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (outbox, used) = (folder.join("outbox"), folder.join("used"));
    std::fs::create_dir(&used).unwrap();
    let platform = Platform(&used);
    let store = open(&outbox);
    let change = GrantChange::Put(b"0".to_vec());
    store.grant_change(&name(), 0, change, T).unwrap();
    drop(store);
    let mut doubts = 0;
    for kill in 0..KILLS {
        let before = platform.valid();
        let mut child = start(folder);
        let enough = before + 3 + kill * 7 % 20;
        let patience = Instant::now();
        while platform.valid() < enough {
            assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
            let patient = patience.elapsed() < Duration::from_secs(60);
            assert!(patient, "it does not go on");
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();

        let store = open_when_free(&outbox);
        clean(&store);
        let row = store.grant(&name()).unwrap().unwrap();
        let (kept, valid) = (number(&row.state.unwrap()), platform.valid());
        match row.started {
            None => assert_eq!(kept, valid, "nothing was under way"),
            Some(_) => assert!(kept == valid || kept + 1 == valid, "{kept}, {valid}"),
        }
        doubts += u64::from(kept != valid);
    }
    println!(
        "{KILLS} kills, {} renewals, {doubts} used and not kept",
        platform.valid()
    );
}
