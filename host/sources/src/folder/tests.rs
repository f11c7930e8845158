//! What becomes of files in a folder, hostile ones included.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::*;
use crate::failure::FailureKind;
use crate::settings::{FolderSource, Reading};

fn source(at: &Path) -> FolderSource {
    FolderSource {
        folder: at.to_owned(),
        files: None,
        reading: Reading::default(),
        done: at.join("done"),
        failed: at.join("failed"),
        settle: Duration::from_secs(5),
    }
}

/// A folder with files that were left alone for long.
fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, FolderSource) {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        put(dir.path(), name, text);
    }
    let source = source(dir.path());
    check_folder(&source).unwrap();
    (dir, source)
}

fn put(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    fs::write(&path, text).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    let past = SystemTime::now() - Duration::from_secs(60);
    file.set_modified(past).unwrap();
}

fn ready(source: &FolderSource) -> Vec<String> {
    look(source, SystemTime::now()).unwrap().ready
}

fn read_all(taken: &mut Taken) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let page = taken.page(2).unwrap();
        all.extend(page.records.into_iter().map(|record| record.json));
        if page.last {
            return all;
        }
    }
}

#[test]
fn files_are_ready_by_name_once_nobody_writes_them() {
    let (dir, source) = folder(&[
        ("b.csv", "a\n1"),
        ("a.ndjson", "1"),
        (".hidden.csv", ""),
        ("upload.csv.part", ""),
        ("~$open.xlsx", ""),
        ("readme.md", ""),
    ]);
    fs::write(dir.path().join("new.csv"), "a\n1").unwrap();
    let now = SystemTime::now();
    let looked = look(&source, now).unwrap();
    assert_eq!(looked.ready, ["a.ndjson", "b.csv"]);
    assert_eq!(looked.unsettled, 1);
    let later = look(&source, now + Duration::from_secs(6)).unwrap();
    assert_eq!(later.ready, ["a.ndjson", "b.csv", "new.csv"]);
    // A time of another clock keeps no file waiting for ever.
    let file = fs::File::options()
        .write(true)
        .open(dir.path().join("new.csv"))
        .unwrap();
    file.set_modified(now + Duration::from_secs(3600)).unwrap();
    assert_eq!(look(&source, now).unwrap().unsettled, 1);
    assert_eq!(
        look(&source, now + Duration::from_secs(10))
            .unwrap()
            .unsettled,
        0
    );
}

#[test]
fn the_format_and_a_pattern_say_which_files_are_read() {
    let (_dir, mut source) = folder(&[("a.csv", ""), ("b.dat", ""), ("c.json", "")]);
    assert_eq!(ready(&source), ["a.csv", "c.json"]);
    source.reading.format = Some(crate::Format::Csv);
    assert_eq!(ready(&source), ["a.csv"]);
    source.files = Some(crate::Pattern::parse("*.dat").unwrap());
    assert_eq!(ready(&source), ["b.dat"]);
}

#[test]
fn a_text_file_is_a_table_only_where_somebody_says_so() {
    let (_dir, mut source) = folder(&[("a.TSV", ""), ("z.txt", "a\n1"), ("notes", "")]);
    assert_eq!(ready(&source), ["a.TSV"]);
    source.reading.format = Some(crate::Format::Csv);
    assert_eq!(ready(&source), ["a.TSV", "z.txt"]);
    // A pattern names the files itself.
    source.reading.format = None;
    source.files = Some(crate::Pattern::parse("*.txt").unwrap());
    assert_eq!(ready(&source), ["z.txt"]);
    assert_eq!(
        read_all(&mut Taken::open(&source, "z.txt").unwrap()),
        [r#"{"a":"1"}"#]
    );
}

#[test]
fn sources_share_files_where_one_name_is_of_both() {
    let (_dir, source) = folder(&[]);
    let with = |files: Option<&str>, format: Option<crate::Format>| {
        let mut source = source.clone();
        source.files = files.map(|files| crate::Pattern::parse(files).unwrap());
        source.reading.format = format;
        source
    };
    let (csv, json) = (Some(crate::Format::Csv), Some(crate::Format::Json));
    for (one, other, share) in [
        (with(None, None), with(None, json), true),
        (with(None, csv), with(None, json), false),
        (with(None, csv), with(Some("STOCK-*.CSV"), None), true),
        (with(None, json), with(Some("*.dat"), csv), false),
        (with(Some("a*"), None), with(Some("b*"), None), false),
    ] {
        assert_eq!(one.may_share(&other), share, "{one:?} {other:?}");
        assert_eq!(other.may_share(&one), share, "{one:?} {other:?}");
    }
}

#[test]
fn a_file_that_was_read_is_moved_and_its_bad_rows_are_listed() {
    let (dir, source) = folder(&[("stock.csv", "sku,qty\n1,2\nbad\n3,4\n")]);
    let mut taken = Taken::open(&source, "stock.csv").unwrap();
    assert_eq!(
        read_all(&mut taken),
        [r#"{"sku":"1","qty":"2"}"#, r#"{"sku":"3","qty":"4"}"#]
    );
    let finished = taken.finish().unwrap();
    assert_eq!(finished.file, dir.path().join("done/stock.csv"));
    assert_eq!(finished.bad, 1);
    let listed = fs::read_to_string(finished.rejected.unwrap()).unwrap();
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(
        (&listed["line"], &listed["row"]),
        (&3.into(), &"bad".into())
    );
    assert_eq!(ready(&source), Vec::<String>::new());
}

#[test]
fn a_file_is_read_on_behind_the_rows_that_were_given() {
    let (_dir, source) = folder(&[("n.ndjson", "1\nx\n3\n4\n5\n")]);
    let mut first = Taken::open(&source, "n.ndjson").unwrap();
    let page = first.page(3).unwrap();
    let identity = first.identity().clone();
    // The process ends here.
    std::mem::forget(first);
    assert!(source.failed.join(".n.ndjson.rejected.part").exists());

    assert_eq!(Taken::identify(&source, "n.ndjson").unwrap(), identity);
    let mut second = Taken::open(&source, "n.ndjson").unwrap();
    second.skip(page.rows).unwrap();
    assert_eq!(read_all(&mut second), ["4", "5"]);
    let finished = second.finish().unwrap();
    assert_eq!(finished.bad, 1);
    let entries: Vec<_> = fs::read_dir(&source.failed).unwrap().collect();
    assert_eq!(entries.len(), 1);

    // The same file, put there again by a person, is a new one.
    fs::rename(&finished.file, source.folder.join("n.ndjson")).unwrap();
    assert_ne!(Taken::identify(&source, "n.ndjson").unwrap(), identity);
}

#[test]
fn a_look_into_a_file_disturbs_nobody_who_reads_it() {
    let (_dir, source) = folder(&[("n.ndjson", "1\nx\n3\n")]);
    let mut reads = Taken::open(&source, "n.ndjson").unwrap();
    reads.page(2).unwrap();
    let mut looks = Taken::open_dry(&source, "n.ndjson").unwrap();
    assert_eq!(read_all(&mut looks), ["1", "3"]);
    drop(looks);
    read_all(&mut reads);
    let finished = reads.finish().unwrap();
    assert!(
        fs::read_to_string(finished.rejected.unwrap())
            .unwrap()
            .contains("\"line\":2")
    );
}

#[test]
fn nothing_that_is_there_is_replaced() {
    let (dir, source) = folder(&[("a.csv", "x\n1\n2,3")]);
    fs::write(source.done.join("a.csv"), "older").unwrap();
    fs::write(source.failed.join("a.csv.rejected.ndjson"), "older").unwrap();
    let mut taken = Taken::open(&source, "a.csv").unwrap();
    read_all(&mut taken);
    let finished = taken.finish().unwrap();
    assert_eq!(finished.file, dir.path().join("done/a-2.csv"));
    assert_eq!(
        finished.rejected.unwrap(),
        dir.path().join("failed/a.csv.rejected-2.ndjson")
    );
    assert_eq!(
        fs::read_to_string(source.done.join("a.csv")).unwrap(),
        "older"
    );
}

#[test]
fn a_broken_file_goes_to_failed_with_the_reason() {
    let (dir, source) = folder(&[("a.json", "[1,"), ("b.csv", "x,x\n1,2"), ("c.xlsx", "no")]);
    let mut taken = Taken::open(&source, "a.json").unwrap();
    let why = loop {
        match taken.page(10) {
            Ok(_) => {}
            Err(why) => break why,
        }
    };
    assert_eq!(why.kind, FailureKind::Content);
    let finished = taken.fail(&why).unwrap();
    assert_eq!(finished.file, dir.path().join("failed/a.json"));
    let said = fs::read_to_string(finished.rejected.unwrap()).unwrap();
    assert!(said.contains("never over"), "{said}");

    let why = Taken::open(&source, "c.xlsx").unwrap_err();
    let finished = Taken::refuse(&source, "c.xlsx", &why).unwrap();
    assert_eq!(finished.file, dir.path().join("failed/c.xlsx"));
}

#[test]
fn a_file_that_changes_while_it_is_read_is_not_done() {
    let (dir, source) = folder(&[("a.ndjson", "1\n2\n3\n")]);
    let mut taken = Taken::open(&source, "a.ndjson").unwrap();
    taken.page(2).unwrap();
    fs::write(dir.path().join("a.ndjson"), "1\n2\n3\n4\n").unwrap();
    let why = loop {
        match taken.page(2) {
            Ok(page) => assert!(!page.last),
            Err(why) => break why,
        }
    };
    assert_eq!(why.kind, FailureKind::Changed);

    // Another file under the name is not taken for the one that was read.
    put(dir.path(), "b.ndjson", "1");
    let mut taken = Taken::open(&source, "b.ndjson").unwrap();
    read_all(&mut taken);
    put(dir.path(), "new", "2");
    fs::rename(dir.path().join("new"), dir.path().join("b.ndjson")).unwrap();
    assert_eq!(taken.finish().unwrap_err().kind, FailureKind::Changed);
    assert_eq!(
        fs::read_to_string(dir.path().join("b.ndjson")).unwrap(),
        "2"
    );
}

#[test]
fn names_never_lead_out_of_the_folder() {
    let (_dir, source) = folder(&[]);
    for name in ["../secret.csv", "a/b.csv", "..", "", "a\0.csv"] {
        assert!(Taken::open(&source, name).is_err(), "{name:?}");
    }
}

#[cfg(unix)]
#[test]
fn links_pipes_and_sockets_are_told_and_never_opened() {
    use std::os::unix::fs::symlink;

    let (dir, source) = folder(&[("real.csv", "a\n1")]);
    let outside = tempfile::tempdir().unwrap();
    put(outside.path(), "secret.csv", "a\n1");
    symlink(
        outside.path().join("secret.csv"),
        dir.path().join("link.csv"),
    )
    .unwrap();
    symlink("/dev/zero", dir.path().join("zero.csv")).unwrap();
    let pipe = dir.path().join("pipe.csv");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket.csv")).unwrap();
    fs::create_dir(dir.path().join("folder.csv")).unwrap();
    let looked = look(&source, SystemTime::now()).unwrap();
    assert_eq!(looked.ready, ["real.csv"]);
    let names: Vec<&str> = looked.refused.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["link.csv", "pipe.csv", "socket.csv", "zero.csv"]);
    for name in [
        "link.csv",
        "pipe.csv",
        "socket.csv",
        "zero.csv",
        "folder.csv",
    ] {
        let why = Taken::open(&source, name).unwrap_err();
        assert!(why.sentence.contains("not a regular file"), "{why}");
    }
}

#[test]
fn folders_that_cannot_work_are_refused_beforehand() {
    let dir = tempfile::tempdir().unwrap();
    let mut wrong = source(&dir.path().join("none"));
    // It may go at any time.
    for why in [
        check_folder(&wrong).unwrap_err(),
        look(&wrong, SystemTime::now()).unwrap_err(),
    ] {
        let says = format!(
            "the folder {} cannot be read: it does not exist; make it again, or name the one that there is in `folder`",
            wrong.folder.display()
        );
        assert_eq!(why.sentence, says);
    }
    wrong = source(dir.path());
    wrong.done = dir.path().to_owned();
    assert!(
        check_folder(&wrong)
            .unwrap_err()
            .sentence
            .contains("again and again")
    );
    fs::write(dir.path().join("file"), "").unwrap();
    wrong.done = dir.path().join("file");
    assert!(check_folder(&wrong).is_err());
}
