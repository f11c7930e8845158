//! Against a real file system. Nothing sleeps to let something happen: each
//! wait is for a change, with a bound. "Nothing is reported" is shown by a
//! later change that arrives alone.

use std::fs::{self, File};
use std::io::Write;

use tempfile::TempDir;

use super::*;

/// Far longer than anything takes on a busy machine.
const BOUND: Duration = Duration::from_secs(20);

struct Watched {
    dir: TempDir,
    watcher: Watcher,
    changes: channel::Receiver<Change>,
}

impl Watched {
    /// Watches a root with the files of one tenant in it.
    fn new(poll: Option<Duration>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let acme = dir.path().join("tenants/acme");
        fs::create_dir_all(&acme).unwrap();
        for name in ["tenant.toml", "a.jq", "b.jq"] {
            fs::write(acme.join(name), "old").unwrap();
        }
        let (watcher, changes) = Watcher::start(&[dir.path().join("tenants")], poll).unwrap();
        Self {
            dir,
            watcher,
            changes,
        }
    }

    fn notified() -> Self {
        Self::new(None)
    }

    /// A path in the tenant's folder.
    fn acme(&self, name: &str) -> PathBuf {
        self.dir.path().join("tenants/acme").join(name)
    }

    /// A path beside the watched root.
    fn beside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    async fn next(&mut self) -> Change {
        next(&mut self.changes).await
    }

    /// The next change, which is about these paths and no other.
    async fn expect(&mut self, paths: &[PathBuf]) {
        let change = self.next().await;
        let paths = paths.iter().cloned().collect();
        assert_eq!(
            change,
            Change {
                paths,
                rescan: false
            }
        );
    }

    /// Changes until one touches the path.
    async fn until(&mut self, path: &Path) -> Change {
        loop {
            let change = self.next().await;
            if change.touches(path) {
                return change;
            }
        }
    }
}

async fn next(changes: &mut channel::Receiver<Change>) -> Change {
    let change = tokio::time::timeout(BOUND, changes.recv()).await;
    change
        .expect("a change within the bound")
        .expect("the watcher runs")
}

#[tokio::test]
async fn an_atomic_rename_is_one_change_of_the_final_name() {
    let mut watched = Watched::notified();
    let (new, path) = (watched.acme(".a.jq.tmp"), watched.acme("a.jq"));
    fs::write(&new, "new").unwrap();
    fs::rename(&new, &path).unwrap();
    watched.expect(&[path]).await;
}

#[tokio::test]
async fn a_renamed_file_is_handed_out_within_milliseconds() {
    let mut watched = Watched::notified();
    let path = watched.acme("a.jq");
    let mut took = Vec::new();
    for _ in 0..9 {
        let new = watched.beside("a.jq");
        fs::write(&new, "new").unwrap();
        let start = Instant::now();
        fs::rename(&new, &path).unwrap();
        watched.expect(std::slice::from_ref(&path)).await;
        took.push(start.elapsed());
    }
    took.sort();
    // Ten milliseconds of quiet and little else; the bound leaves room for a
    // machine that is busy with other tests.
    assert!(took[0] < Duration::from_millis(20), "{took:?}");
}

#[tokio::test]
async fn a_file_written_in_place_is_one_change() {
    let mut watched = Watched::notified();
    let path = watched.acme("a.jq");
    fs::write(&path, "new").unwrap();
    watched.expect(&[path]).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_that_is_still_being_written_is_not_reported_before_it_is_closed() {
    let mut watched = Watched::notified();
    let (slow, other) = (watched.acme("a.jq"), watched.beside("tenants/other.toml"));
    let mut file = File::create(&slow).unwrap();
    for part in ["first ", "second "] {
        file.write_all(part.as_bytes()).unwrap();
        file.flush().unwrap();
        // Another change comes through alone, although the slow file was
        // written to before it.
        fs::write(&other, part).unwrap();
        watched.expect(std::slice::from_ref(&other)).await;
    }
    file.write_all(b"third").unwrap();
    drop(file);
    watched.expect(std::slice::from_ref(&slow)).await;
    assert_eq!(fs::read_to_string(&slow).unwrap(), "first second third");
}

#[cfg(unix)]
#[tokio::test]
async fn a_swapped_folder_of_kubernetes_is_a_change_of_every_file_in_it() {
    use std::os::unix::fs::symlink;

    let mut watched = Watched::notified();
    let swap = |watched: &Watched, version: &str| {
        fs::create_dir(watched.acme(version)).unwrap();
        fs::write(watched.acme(version).join("c.jq"), version).unwrap();
        symlink(version, watched.acme("..data_tmp")).unwrap();
        fs::rename(watched.acme("..data_tmp"), watched.acme("..data")).unwrap();
    };
    swap(&watched, "..2024_1");
    symlink("..data/c.jq", watched.acme("c.jq")).unwrap();
    let file = watched.acme("c.jq");
    watched.until(&file).await;

    // The third version shows that the watches survive the removal of the first.
    for (old, new) in [("..2024_1", "..2024_2"), ("..2024_2", "..2024_3")] {
        swap(&watched, new);
        fs::remove_dir_all(watched.acme(old)).unwrap();
        loop {
            let change = watched.until(&file).await;
            if change.paths.contains(&watched.acme("..data")) {
                break;
            }
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), new);
    }
}

#[tokio::test]
async fn a_deleted_and_re_created_file_is_seen_both_times() {
    let mut watched = Watched::notified();
    let path = watched.acme("a.jq");
    fs::remove_file(&path).unwrap();
    watched.expect(std::slice::from_ref(&path)).await;
    fs::write(&path, "again").unwrap();
    watched.expect(&[path]).await;
}

#[tokio::test]
async fn several_files_saved_together_are_one_change() {
    let mut watched = Watched::notified();
    let paths = ["tenant.toml", "a.jq", "b.jq"].map(|name| watched.acme(name));
    let all = BTreeSet::from(paths.clone());
    // A busy machine may pause this test between two files for longer than the
    // watcher waits; such an attempt is repeated.
    for _ in 0..20 {
        for path in &paths {
            fs::write(path, "new").unwrap();
        }
        let mut seen = watched.next().await.paths;
        if seen == all {
            return;
        }
        while seen != all {
            seen.extend(watched.next().await.paths);
        }
    }
    panic!("never reported together");
}

#[tokio::test]
async fn a_new_tenant_is_seen_and_so_is_what_is_written_into_it_later() {
    let mut watched = Watched::notified();
    let file = watched.beside("tenants/new/tenant.toml");
    fs::create_dir(file.parent().unwrap()).unwrap();
    fs::write(&file, "first").unwrap();
    watched.until(&file).await;
    // The folder itself may be watched only after the file was written.
    loop {
        fs::write(&file, "second").unwrap();
        if watched.next().await.paths.contains(&file) {
            break;
        }
    }
}

#[tokio::test]
async fn reading_and_editor_leftovers_are_no_changes() {
    let mut watched = Watched::notified();
    let path = watched.acme("a.jq");
    fs::read(&path).unwrap();
    fs::write(watched.acme(".a.jq.swp"), "x").unwrap();
    fs::write(watched.acme("4913"), "x").unwrap();
    fs::remove_file(watched.acme("4913")).unwrap();
    fs::write(&path, "new").unwrap();
    watched.expect(&[path]).await;
}

#[tokio::test]
async fn a_root_that_does_not_exist_yet_is_watched_once_it_does() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("deep/down/plugins");
    let (_watcher, mut changes) = Watcher::start(std::slice::from_ref(&root), None).unwrap();
    fs::create_dir_all(&root).unwrap();
    assert!(next(&mut changes).await.rescan);
    let plugin = root.join("lingzhi.wasm");
    fs::write(&plugin, "wasm").unwrap();
    assert_eq!(next(&mut changes).await.paths, [plugin].into());
}

#[tokio::test]
async fn a_root_that_is_deleted_and_re_created_is_watched_again() {
    let mut watched = Watched::notified();
    let root = watched.beside("tenants");
    let file = watched.acme("tenant.toml");
    for content in ["second", "third"] {
        fs::remove_dir_all(&root).unwrap();
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, content).unwrap();
        while !watched.next().await.rescan {}
        // Whatever was still on its way is followed by changes of this file alone.
        loop {
            fs::write(&file, "again").unwrap();
            let change = watched.next().await;
            if !change.rescan && change.paths == BTreeSet::from([file.clone()]) {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_root_that_is_moved_away_and_replaced_is_watched_again() {
    let mut watched = Watched::notified();
    let root = watched.beside("tenants");
    fs::rename(&root, watched.beside("old")).unwrap();
    fs::create_dir_all(watched.acme("")).unwrap();
    while !watched.next().await.rescan {}
    fs::write(watched.beside("old/acme/a.jq"), "nobody's business").unwrap();
    let path = watched.acme("a.jq");
    loop {
        fs::write(&path, "new").unwrap();
        let change = watched.next().await;
        if !change.rescan {
            assert_eq!(change.paths, [path].into());
            break;
        }
    }
}

#[cfg(unix)]
mod links;

#[tokio::test]
async fn a_file_outside_is_followed_when_that_is_asked_for() {
    let mut watched = Watched::notified();
    let secret = watched.beside("token");
    fs::write(&secret, "old").unwrap();
    let files = [secret.clone(), watched.acme("a.jq")];
    watched.watcher.follow(files.into());
    // Nobody knows whether it changed before it was followed.
    watched.expect(std::slice::from_ref(&secret)).await;
    fs::write(&secret, "rotated").unwrap();
    watched.expect(&[secret]).await;
    // A watched file is not reported a second time.
    let path = watched.acme("a.jq");
    fs::write(&path, "new").unwrap();
    watched.expect(&[path]).await;
    let path = watched.acme("b.jq");
    fs::write(&path, "new").unwrap();
    watched.expect(&[path]).await;
}

#[tokio::test]
async fn polling_sees_changes_and_new_files_and_removed_ones() {
    let mut watched = Watched::new(Some(Duration::from_millis(50)));
    let path = watched.acme("a.jq");
    // The same length and, as far as a second tells, the same time.
    fs::write(&path, "new").unwrap();
    watched.until(&path).await;
    let new = watched.beside("tenants/other/tenant.toml");
    fs::create_dir(new.parent().unwrap()).unwrap();
    fs::write(&new, "new").unwrap();
    watched.until(&new).await;
    fs::remove_file(&path).unwrap();
    watched.until(&path).await;
}

/// What is not watched is looked at once a second, which must not take the place
/// of the scans that were asked for.
#[tokio::test]
async fn polling_sees_what_comes_into_new_folders_for_as_long_as_it_runs() {
    let mut watched = Watched::new(Some(Duration::from_millis(20)));
    let begin = Instant::now();
    for number in 0.. {
        let new = watched.beside(&format!("tenants/new-{number}/tenant.toml"));
        let folder = new.parent().unwrap();
        fs::create_dir(folder).unwrap();
        watched.until(folder).await;
        fs::write(&new, "new").unwrap();
        while !watched.next().await.paths.contains(&new) {}
        if begin.elapsed() > Duration::from_secs(2) {
            break;
        }
    }
}

#[tokio::test]
async fn polling_survives_a_root_that_comes_and_goes() {
    let mut watched = Watched::new(Some(Duration::from_millis(50)));
    let root = watched.beside("tenants");
    fs::remove_dir_all(&root).unwrap();
    while !watched.next().await.rescan {}
    let file = watched.acme("tenant.toml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    while !watched.next().await.rescan {}
    fs::write(&file, "new").unwrap();
    while !watched.next().await.paths.contains(&file) {}
}

#[tokio::test]
async fn a_dropped_watcher_stops_everything() {
    let Watched {
        dir: _dir,
        watcher,
        mut changes,
    } = Watched::notified();
    drop(watcher);
    let end = tokio::time::timeout(BOUND, changes.recv()).await;
    assert_eq!(end.expect("within the bound"), None);
}

#[tokio::test]
async fn a_receiver_that_does_not_keep_up_loses_nothing() {
    let mut watched = Watched::notified();
    let new = watched.beside("new");
    let mut expected = BTreeSet::new();
    // Each in a batch of its own, and twice as many as there is room for.
    let batches = BATCHES * 2;
    for index in 0..batches {
        let path = watched.acme(&format!("{index:02}.jq"));
        fs::write(&new, "new").unwrap();
        fs::rename(&new, &path).unwrap();
        expected.insert(path);
        let bound = Instant::now() + BOUND;
        while watched.changes.len() <= index.min(BATCHES - 1) {
            assert!(Instant::now() < bound, "no batch");
            tokio::task::yield_now().await;
        }
    }
    let mut seen = BTreeSet::new();
    while !seen.is_superset(&expected) {
        let change = watched.next().await;
        assert!(!change.rescan);
        seen.extend(change.paths);
    }
}

#[test]
fn a_change_touches_what_it_may_concern() {
    let change = |path: &str| Change {
        paths: [PathBuf::from(path)].into(),
        rescan: false,
    };
    let touches = |changed: &str, path: &str| change(changed).touches(Path::new(path));
    assert!(touches("t/acme/a.jq", "t/acme/a.jq"));
    assert!(touches("t/acme/a.jq", "t/acme"));
    assert!(touches("t/acme", "t/acme/a.jq"));
    assert!(touches("t/acme/..data", "t/acme/a.jq"));
    assert!(!touches("t/acme/..data", "t/other/a.jq"));
    assert!(!touches("t/acme/a.jq", "t/acme/b.jq"));
    assert!(!touches("t/acme/a.jq", "t/other"));
    let rescan = Change {
        rescan: true,
        ..Change::default()
    };
    assert!(rescan.touches(Path::new("anything")));
}

#[tokio::test]
async fn a_folder_renamed_within_a_root_is_followed_under_its_new_name() {
    let mut watched = Watched::notified();
    let (old, new) = (watched.acme(""), watched.beside("tenants/other"));
    fs::rename(&old, &new).unwrap();
    watched.until(&new).await;
    let file = new.join("a.jq");
    loop {
        fs::write(&file, "new").unwrap();
        let change = watched.next().await;
        assert!(!change.rescan);
        if change.paths == BTreeSet::from([file.clone()]) {
            break;
        }
    }
    // Deep folders of a new one are followed as well.
    let deep = watched.beside("tenants/new/deep/down");
    fs::create_dir_all(&deep).unwrap();
    watched.until(&deep).await;
    let file = deep.join("a.jq");
    loop {
        fs::write(&file, "new").unwrap();
        if watched.next().await.paths.contains(&file) {
            break;
        }
    }
}
