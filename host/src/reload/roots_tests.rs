//! Where watches run out, on a real file system. Each wait has a bound.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use notify::{Config, RecommendedWatcher};

use super::*;

/// Far longer than anything takes on a busy machine.
const BOUND: Duration = Duration::from_secs(20);

/// A system that has few watches, and no more.
struct Few {
    inner: RecommendedWatcher,
    left: Arc<AtomicUsize>,
}

impl notify::Watcher for Few {
    fn new<F: notify::EventHandler>(handler: F, config: Config) -> notify::Result<Self> {
        Ok(Self {
            inner: notify::Watcher::new(handler, config)?,
            left: Arc::default(),
        })
    }

    fn watch(&mut self, path: &Path, mode: notify::RecursiveMode) -> notify::Result<()> {
        if self.left.load(Ordering::Relaxed) == 0 {
            return Err(notify::Error::new(notify::ErrorKind::MaxFilesWatch));
        }
        self.inner.watch(path, mode)?;
        self.left.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }

    fn unwatch(&mut self, path: &Path) -> notify::Result<()> {
        self.left.fetch_add(1, Ordering::Relaxed);
        self.inner.unwatch(path)
    }

    fn kind() -> notify::WatcherKind {
        RecommendedWatcher::kind()
    }
}

#[test]
fn where_watches_run_out_folders_are_scanned_and_watched_when_there_are_more() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("tenants");
    for name in ["a", "b", "c"] {
        fs::create_dir_all(root.join(name)).unwrap();
        fs::write(root.join(name).join("tenant.toml"), "old").unwrap();
    }
    let few: Few = notify::Watcher::new(|_| {}, Config::default()).unwrap();
    let left = few.left.clone();
    few.left.store(2, Ordering::Relaxed);
    let mut roots = Roots::new(Some(Box::new(few)), false, std::slice::from_ref(&root));
    let scanned = roots.scanned().unwrap();
    assert_eq!(scanned.len(), 2, "{scanned:?}");
    assert!(scanned[0].reason.contains("max_user_watches"));
    assert!(roots.scanned().is_none(), "no news");

    // What changes in them is found, within the bound.
    let file = scanned[0].path.join("tenant.toml");
    fs::write(&file, "new").unwrap();
    let new = scanned[1].path.join("new.jq");
    fs::write(&new, "new").unwrap();
    let bound = Instant::now() + BOUND;
    let mut found = BTreeSet::new();
    while !(found.contains(&file) && found.contains(&new)) {
        assert!(Instant::now() < bound, "{found:?}");
        found.extend(roots.check().paths);
        thread::sleep(Duration::from_millis(5));
    }
    left.store(10, Ordering::Relaxed);
    let bound = Instant::now() + BOUND;
    loop {
        roots.check();
        if roots.scanned().is_some_and(|scanned| scanned.is_empty()) {
            break;
        }
        assert!(Instant::now() < bound, "still scanned");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn without_any_watcher_everything_is_scanned() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("tenants");
    fs::create_dir_all(root.join("a")).unwrap();
    let mut roots = Roots::new(None, false, std::slice::from_ref(&root));
    let scanned = roots.scanned().unwrap();
    let paths: Vec<&PathBuf> = scanned.iter().map(|it| &it.path).collect();
    assert_eq!(paths, [&root, &root.join("a")]);
    // A new folder is scanned, too.
    fs::create_dir(root.join("b")).unwrap();
    let bound = Instant::now() + BOUND;
    while !roots.check().paths.contains(&root.join("b")) {
        assert!(Instant::now() < bound);
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(roots.scanned().unwrap().len(), 3);
}
