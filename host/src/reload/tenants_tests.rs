//! Folders on a real file system. Whoever runs this as root can read
//! everything, so what cannot be read is a link that leads to itself: there,
//! and not to be opened.

use std::fs;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;
use crate::reload::checks;
use crate::serving::connection_limits::Channels;
use crate::serving::snapshot::Snapshot;

const EMPTY: &str = "tokens = []\n";

struct Tenants {
    dir: TempDir,
    folders: TenantFolders,
}

impl Tenants {
    fn new(names: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("tenants")).unwrap();
        let mut tenants = Self {
            dir,
            folders: TenantFolders::default(),
        };
        for name in names {
            fs::create_dir(tenants.dir(name)).unwrap();
            tenants.write(name, EMPTY);
        }
        let scan = tenants.scan();
        assert_eq!(scan.changed.len(), names.len());
        tenants
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("tenants")
    }

    fn dir(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.dir(name).join("tenant.toml"), text).unwrap();
    }

    fn scan(&mut self) -> Scan {
        let root = self.root();
        self.folders.scan(&root, None)
    }

    /// Checks a folder's newest values and has them serve.
    async fn serve(&mut self, name: &str) -> Arc<TenantGeneration> {
        let dir = self.dir(name);
        let candidate = self.folders.begin(&dir).unwrap();
        let config = candidate.waiting.unwrap();
        let checked = checks::check(&config, &Snapshot::default(), None).await;
        let number = self.folders.next_number(&dir);
        let finished = checked
            .unwrap_or_else(|problems| panic!("{problems:?}"))
            .finish(
                &Channels::default(),
                &crate::config::HostLimits::default(),
                number,
            );
        assert!(self.folders.end(&dir, candidate.version));
        let generation = Arc::new(finished.unwrap());
        self.folders.accept(&dir, generation.clone());
        generation
    }

    fn status(&self, name: &str) -> TenantStatus {
        let mut statuses = self.folders.statuses().into_iter();
        statuses.find(|status| status.name == name).unwrap()
    }

    fn serving(&self, name: &str) -> Arc<TenantGeneration> {
        self.folders.serving()[name].clone()
    }
}

/// Makes a path unreadable, and gives back a way to undo it.
fn make_unreadable(path: &Path) -> impl FnOnce() + use<> {
    let (path, kept) = (path.to_owned(), path.with_extension("kept"));
    fs::rename(&path, &kept).unwrap();
    symlink(&path, &path).unwrap();
    move || {
        fs::remove_file(&path).unwrap();
        fs::rename(&kept, &path).unwrap();
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_read_for_a_moment_goes_on_serving_untouched() {
    let mut tenants = Tenants::new(&["acme"]);
    let serving = tenants.serve("acme").await;
    let undo = make_unreadable(&tenants.dir("acme"));

    let scan = tenants.scan();
    assert!(scan.gone.is_empty() && scan.changed.is_empty());
    assert!(Arc::ptr_eq(&serving, &tenants.serving("acme")));
    let status = tenants.status("acme");
    assert_eq!(status.problems[0].code, "config-unreadable");
    let since = status.unreadable_since_ms.unwrap();
    assert_eq!(status.retry.unwrap().failures, 1);
    let shown = tenants.folders.unreadable(&tenants.root());
    assert_eq!(
        (&shown[0].path, shown[0].since_ms),
        (&tenants.dir("acme"), since)
    );
    assert!(tenants.folders.next_retry().is_some());

    // Later it is still the same trouble.
    tenants.scan();
    let status = tenants.status("acme");
    assert_eq!(status.unreadable_since_ms, Some(since));
    assert_eq!(status.retry.unwrap().failures, 2);

    undo();
    assert!(
        tenants.scan().changed.is_empty(),
        "the same bytes are no news"
    );
    let status = tenants.status("acme");
    assert!(status.problems.is_empty(), "{:?}", status.problems);
    assert_eq!((status.unreadable_since_ms, status.retry), (None, None));
    assert!(Arc::ptr_eq(&serving, &tenants.serving("acme")));
    assert_eq!(tenants.folders.next_retry(), None);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_for_a_moment_leaves_the_tenant_untouched() {
    let mut tenants = Tenants::new(&["acme"]);
    let serving = tenants.serve("acme").await;
    let undo = make_unreadable(&tenants.dir("acme").join("tenant.toml"));
    let scan = tenants.scan();
    assert!(scan.gone.is_empty() && scan.changed.is_empty());
    assert!(tenants.status("acme").unreadable_since_ms.is_some());
    assert!(Arc::ptr_eq(&serving, &tenants.serving("acme")));
    let (change, check) = tenants
        .folders
        .due(Instant::now() + std::time::Duration::from_secs(60));
    assert!(change.unwrap().touches(&tenants.dir("acme")));
    assert!(check.is_empty());
    undo();
    tenants.write("acme", "tokens = []\nrecording = false\n");
    assert_eq!(tenants.scan().changed, [tenants.dir("acme")]);
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_for_a_moment_is_read_again() {
    let mut tenants = Tenants::new(&[]);
    let secret = tenants.dir.path().join("secret.txt");
    fs::write(&secret, "a long enough secret").unwrap();
    let undo = make_unreadable(&secret);
    fs::create_dir(tenants.dir("acme")).unwrap();
    let text = format!(
        "[connections.shop]\nadapter = \"a\"\nbase_url = \"https://example.com\"\n\
         secrets = {{ token = {{ file = {:?} }} }}\n",
        secret.display().to_string()
    );
    tenants.write("acme", &text);
    assert!(tenants.scan().changed.is_empty());
    let status = tenants.status("acme");
    assert_eq!(status.problems[0].code, "config-secret-missing");
    assert!(status.unreadable_since_ms.is_some() && status.retry.is_some());
    undo();
    assert_eq!(tenants.scan().changed, [tenants.dir("acme")]);
    assert_eq!(tenants.status("acme").unreadable_since_ms, None);
}

#[tokio::test]
async fn a_folder_of_nobody_that_cannot_be_read_is_shown_and_hurts_nobody() {
    let mut tenants = Tenants::new(&["acme"]);
    let lost = tenants.dir("lost+found");
    // A link to itself is no folder; what is in the way of its file is.
    fs::create_dir(&lost).unwrap();
    symlink("tenant.toml", lost.join("tenant.toml")).unwrap();
    assert!(tenants.scan().changed.is_empty());
    let shown = tenants.folders.unreadable(&tenants.root());
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0].path, lost);
    assert_eq!(tenants.folders.statuses().len(), 1);
    fs::remove_dir_all(&lost).unwrap();
    tenants.scan();
    assert!(tenants.folders.unreadable(&tenants.root()).is_empty());
    assert_eq!(tenants.folders.next_retry(), None);
}

#[tokio::test]
async fn a_tenants_folder_that_vanishes_or_cannot_be_read_takes_nobody_along() {
    let mut tenants = Tenants::new(&["acme", "other"]);
    let serving = tenants.serve("acme").await;
    tenants.serve("other").await;
    let away = tenants.dir.path().join("away");
    fs::rename(tenants.root(), &away).unwrap();
    for root_is_a_loop in [false, true] {
        if root_is_a_loop {
            symlink(tenants.root(), tenants.root()).unwrap();
        }
        assert!(tenants.scan().gone.is_empty());
        assert!(Arc::ptr_eq(&serving, &tenants.serving("acme")));
        let root = tenants.root();
        assert_eq!(tenants.folders.unreadable(&root)[0].path, root);
        for name in ["acme", "other"] {
            assert_eq!(
                tenants.folders.remove_if_gone(&root, &root.join(name)),
                None
            );
        }
        // Whoever looks again when it is due does not look for ever.
        let later = Instant::now() + std::time::Duration::from_secs(120);
        let (change, _) = tenants.folders.due(later);
        tenants.folders.scan(&root, change.as_ref());
        assert!(tenants.folders.next_retry().unwrap() > Instant::now());
    }
    fs::remove_file(tenants.root()).unwrap();
    fs::rename(&away, tenants.root()).unwrap();
    fs::remove_dir_all(tenants.dir("other")).unwrap();
    // What went meanwhile is gone, and only that.
    assert_eq!(tenants.scan().gone, [tenants.dir("other")]);
    let root = tenants.root();
    assert!(tenants.folders.unreadable(&root).is_empty());
    let removed = tenants.folders.remove_if_gone(&root, &root.join("other"));
    assert_eq!(removed.as_deref(), Some("other"));
    assert!(Arc::ptr_eq(&serving, &tenants.serving("acme")));
}

#[tokio::test]
async fn a_candidate_of_older_files_never_passes_as_current() {
    let mut tenants = Tenants::new(&["acme"]);
    let dir = tenants.dir("acme");
    let first = tenants.folders.begin(&dir).unwrap();
    assert!(tenants.folders.begin(&dir).is_none(), "one check at a time");
    tenants.write("acme", "tokens = []\nrecording = false\n");
    tenants.scan();
    assert!(!tenants.folders.end(&dir, first.version));

    // Nor when the folder was removed and is back.
    let second = tenants.folders.begin(&dir).unwrap();
    fs::remove_dir_all(&dir).unwrap();
    tenants.scan();
    let root = tenants.root();
    assert!(tenants.folders.remove_if_gone(&root, &dir).is_some());
    fs::create_dir(&dir).unwrap();
    tenants.write("acme", EMPTY);
    tenants.scan();
    for old in [first.version, second.version] {
        assert!(!tenants.folders.end(&dir, old));
    }
    let third = tenants.folders.begin(&dir).unwrap();
    assert!(tenants.folders.end(&dir, third.version));

    // Nor when a plugin that it uses was replaced.
    let fourth = tenants.folders.begin(&dir).unwrap();
    tenants.folders.outdate([dir.clone()]);
    assert!(!tenants.folders.end(&dir, fourth.version));
}

#[tokio::test]
async fn a_refusal_that_may_pass_is_checked_again_and_another_is_not() {
    let mut tenants = Tenants::new(&["acme"]);
    let serving = tenants.serve("acme").await;
    tenants.write("acme", "tokens = []\nrecording = false\n");
    tenants.scan();
    let dir = tenants.dir("acme");
    let busy = || vec![Problem::host("host-busy", "all instances were busy")];
    for failures in 1..=3 {
        let candidate = tenants.folders.begin(&dir).unwrap();
        assert_eq!(tenants.folders.next_retry(), None, "while it is checked");
        assert!(tenants.folders.end(&dir, candidate.version));
        tenants.folders.refuse(&dir, busy(), true);
        let retry = tenants.status("acme").retry.unwrap();
        assert_eq!(retry.failures, failures);
        let at = tenants.folders.next_retry().unwrap();
        let (_, check) = tenants.folders.due(at);
        assert_eq!(check, std::slice::from_ref(&dir));
    }
    let candidate = tenants.folders.begin(&dir).unwrap();
    assert!(tenants.folders.end(&dir, candidate.version));
    tenants
        .folders
        .refuse(&dir, vec![Problem::script("script-compile", "no")], false);
    assert_eq!(
        (tenants.folders.next_retry(), tenants.status("acme").retry),
        (None, None)
    );
    assert!(Arc::ptr_eq(&serving, &tenants.serving("acme")));
}
