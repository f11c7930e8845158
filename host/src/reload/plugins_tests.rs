//! Files in a folder. What they hold is no plugin: nothing is loaded here.

use std::fs;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::super::status::PluginStatus;
use super::*;

const MOST: usize = 1 << 20;

struct Folder {
    dir: TempDir,
    files: PluginFiles,
}

impl Folder {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            files: PluginFiles::counting(Arc::default(), true),
        }
    }

    fn plugins(&self) -> PathBuf {
        self.dir.path().join("plugins")
    }

    fn path(&self) -> PathBuf {
        self.plugins().join("p.wasm")
    }

    fn write(&self, text: &str) {
        fs::create_dir_all(self.plugins()).unwrap();
        fs::write(self.path(), text).unwrap();
    }

    /// A look after the system told of the file.
    fn touched(&mut self) -> Option<Candidate> {
        let dir = self.plugins();
        let mut candidates = self.files.scan(&dir, MOST, |_| true);
        assert!(candidates.len() <= 1);
        candidates.pop()
    }

    /// A look after the system told of something else.
    fn untouched(&mut self) -> Option<Candidate> {
        let dir = self.plugins();
        self.files.scan(&dir, MOST, |_| false).pop()
    }

    fn is_current(&self, candidate: &Candidate) -> bool {
        self.files.is_current(&candidate.path, candidate.reading)
    }

    fn status(&self) -> PluginStatus {
        self.files.statuses().remove(0)
    }
}

#[tokio::test]
async fn the_same_bytes_written_again_do_not_drop_the_candidate_that_is_compiling() {
    let mut folder = Folder::new();
    folder.write("one");
    let candidate = folder.touched().unwrap();
    folder.write("one");
    assert!(folder.touched().is_none(), "it is being compiled already");
    assert!(folder.is_current(&candidate));
    assert!(folder.status().checking);
    folder.write("two");
    let newer = folder.touched().unwrap();
    assert!(!folder.is_current(&candidate));
    assert!(folder.is_current(&newer));
}

#[tokio::test]
async fn a_candidate_of_a_removed_file_never_passes_as_current() {
    let mut folder = Folder::new();
    folder.write("one");
    let old = folder.touched().unwrap();
    fs::remove_file(folder.path()).unwrap();
    folder.touched();
    assert!(!folder.is_current(&old));
    folder.write("two");
    let new = folder.touched().unwrap();
    assert!(!folder.is_current(&old), "its number is not used again");
    assert!(folder.is_current(&new));
}

#[tokio::test]
async fn an_event_is_a_reason_to_read_the_bytes() {
    let mut folder = Folder::new();
    folder.write("one");
    let modified = fs::metadata(folder.path()).unwrap().modified().unwrap();
    folder.touched().unwrap();
    // The same file, size and time.
    folder.write("two");
    let file = fs::File::options().write(true).open(folder.path()).unwrap();
    file.set_modified(modified).unwrap();
    drop(file);
    let candidate = folder.touched().expect("the new bytes");
    assert_eq!(candidate.artifact.bytes, b"two");
    // Without one, nobody reads what somebody may be writing.
    folder.write("three");
    assert!(folder.untouched().is_none());
}

#[tokio::test]
async fn a_refusal_that_may_pass_is_loaded_again_and_another_is_not() {
    let mut folder = Folder::new();
    folder.write("one");
    folder.touched().unwrap();
    for failures in 1..=2 {
        let path = folder.path();
        folder.files.refuse(&path, "describe", "busy".into(), true);
        assert_eq!(folder.status().retry.unwrap().failures, failures);
        assert!(folder.untouched().is_none(), "not before it is due");
        let at = folder.files.next_retry().unwrap();
        tokio::time::sleep_until(at).await;
        let candidate = folder.untouched().expect("another try");
        assert!(folder.is_current(&candidate));
        assert_eq!(folder.files.next_retry(), None);
    }
    let path = folder.path();
    folder
        .files
        .refuse(&path, "parse", "no component".into(), false);
    assert_eq!(folder.files.next_retry(), None);
    assert_eq!(folder.status().retry, None);
    folder.write("one");
    assert!(folder.touched().is_none(), "these bytes are known");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_now_is_neither_gone_nor_final() {
    let mut folder = Folder::new();
    folder.write("one");
    let candidate = folder.touched().unwrap();
    let kept = folder.plugins().join("kept");
    fs::rename(folder.path(), &kept).unwrap();
    symlink(folder.path(), folder.path()).unwrap();
    assert!(folder.touched().is_none());
    let status = folder.status();
    assert!(!status.missing);
    assert!(status.unreadable_since_ms.is_some());
    assert_eq!(status.refused.unwrap().step, "read");
    assert!(folder.is_current(&candidate), "what was read goes on");
    let shown = folder.files.unreadable(&folder.plugins());
    assert_eq!(shown[0].path, folder.path());

    tokio::time::sleep_until(folder.files.next_retry().unwrap()).await;
    assert!(folder.untouched().is_none());
    assert_eq!(folder.status().retry.unwrap().failures, 2);
    fs::remove_file(folder.path()).unwrap();
    fs::rename(&kept, folder.path()).unwrap();
    tokio::time::sleep_until(folder.files.next_retry().unwrap()).await;
    assert!(folder.untouched().is_none(), "these bytes are known");
    let status = folder.status();
    assert_eq!((status.unreadable_since_ms, status.retry), (None, None));
    assert!(status.refused.is_none());
    assert_eq!(folder.files.next_retry(), None);
}

#[tokio::test]
async fn a_plugins_folder_that_vanishes_or_cannot_be_read_retires_nothing() {
    let mut folder = Folder::new();
    folder.write("one");
    let candidate = folder.touched().unwrap();
    let away = folder.dir.path().join("away");
    fs::rename(folder.plugins(), &away).unwrap();
    for root_is_a_loop in [false, true] {
        if root_is_a_loop {
            symlink(folder.plugins(), folder.plugins()).unwrap();
        }
        assert!(folder.touched().is_none());
        assert!(folder.files.missing().is_empty(), "nothing is known of any");
        assert!(folder.is_current(&candidate));
        let shown = folder.files.unreadable(&folder.plugins());
        assert_eq!(shown[0].path, folder.plugins());
        assert!(folder.files.next_retry().is_some());
    }
    fs::remove_file(folder.plugins()).unwrap();
    fs::rename(&away, folder.plugins()).unwrap();
    let at = folder.files.next_retry().unwrap();
    assert!(folder.files.is_root_due(at));
    folder.touched();
    assert!(folder.files.unreadable(&folder.plugins()).is_empty());
    assert!(!folder.status().missing);
    assert_eq!(folder.files.next_retry(), None);
}

#[tokio::test]
async fn a_file_that_is_too_large_is_refused_for_its_bytes() {
    let mut folder = Folder::new();
    folder.write("one");
    let candidate = folder.touched().unwrap();
    fs::write(folder.path(), vec![0; MOST + 1]).unwrap();
    assert!(folder.touched().is_none());
    let status = folder.status();
    assert_eq!(status.refused.unwrap().step, "read");
    assert_eq!((status.retry, status.unreadable_since_ms), (None, None));
    assert!(
        !folder.is_current(&candidate),
        "the newest bytes are others"
    );
}

#[tokio::test]
async fn a_source_file_waits_while_something_is_loaded_and_is_refused_without_a_runtime() {
    let mut folder = Folder::new();
    folder.write("a component, perhaps");
    let source = folder.plugins().join("board.js");
    fs::write(&source, "export const a = 1;").unwrap();
    for other in [".hidden.js", "board.d.ts", "board.txt"] {
        fs::write(folder.plugins().join(other), "").unwrap();
    }
    let candidate = folder.touched().expect("the component");
    assert_eq!(candidate.path, folder.path());
    let status = |folder: &Folder| {
        let mut statuses = folder.files.statuses();
        assert_eq!(statuses.len(), 2, "{statuses:?}");
        statuses.remove(0)
    };
    assert_eq!(status(&folder).file, source);
    assert!(status(&folder).checking && status(&folder).refused.is_none());
    // Nothing is being loaded any more.
    assert!(folder.files.refuse_without_runtime());
    assert!(!folder.files.refuse_without_runtime(), "it is refused once");
    let refused = status(&folder).refused.unwrap();
    assert_eq!(refused.step, "source");
    assert!(refused.reason.contains("`.js`"), "{}", refused.reason);
    assert!(!status(&folder).checking);
    folder.touched();
    assert!(
        !folder.files.refuse_without_runtime(),
        "the bytes are known"
    );
}

#[tokio::test]
async fn source_files_are_refused_where_they_are_switched_off() {
    let mut folder = Folder::new();
    folder.files = PluginFiles::counting(Arc::default(), false);
    fs::create_dir_all(folder.plugins()).unwrap();
    fs::write(folder.plugins().join("board.mjs"), "").unwrap();
    assert!(folder.touched().is_none());
    let refused = folder.status().refused.unwrap();
    assert_eq!(refused.step, "source");
    assert!(refused.reason.contains("sources"), "{}", refused.reason);
    assert!(!folder.files.refuse_without_runtime());
}
