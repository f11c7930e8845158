//! A disk that refuses, and files that are no outbox: what a caller and an
//! operator see of it. The store's own tests look at every moment of it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crossdock_tests::bed::Bed;
use crossdock_tests::client::Client;
use crossdock_tests::guests::program;
use crossdock_tests::process::{Serving, run};
use crossdock_tests::recorder::Recorder;
use crossdock_tests::wait::until_async;
use http::{Method, StatusCode};
use tokio::process::Command;

use crate::setting::{KEYED, bed, ended, queue, serve, show};

/// Longest a test waits for a disk to be noticed, or to work again.
const BOUND: Duration = Duration::from_secs(60);

/// A record of so many bytes.
fn record(sku: usize, bytes: usize) -> String {
    let more = "x".repeat(bytes);
    format!(r#"{{"sku":"s{sku}","repeatable":true,"more":"{more}"}}"#)
}

async fn give(client: &Client, body: &str) -> (StatusCode, serde_json::Value) {
    let sent = client.send(Method::POST, KEYED, Some(body));
    sent.await.expect("an answer")
}

/// Refusals one after the other before a disk counts as full: what a checkpoint
/// frees is used first.
const REFUSALS: usize = 20;

/// Gives records until nothing more is taken for the disk; gives what was.
async fn until_refused(client: &Client, bytes: usize) -> Vec<String> {
    let began = Instant::now();
    let (mut taken, mut refused) = (Vec::new(), 0);
    while refused < REFUSALS {
        let (status, answer) = give(client, &record(taken.len(), bytes)).await;
        match status {
            StatusCode::ACCEPTED => {
                taken.push(answer["delivery"].as_str().unwrap().to_owned());
                refused = 0;
            }
            StatusCode::INSUFFICIENT_STORAGE => {
                let code = answer["code"].as_str().unwrap();
                let full = ["outbox-full", "outbox-unwritable"].contains(&code);
                assert!(full && answer["blame"] == "host", "{answer}");
                refused += 1;
                // Longer in all than the host leaves a disk alone.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            other => panic!("{other}: {answer}"),
        }
        assert!(began.elapsed() < BOUND, "nothing limits the disk");
    }
    taken
}

/// Gives a record until it is taken in.
async fn until_taken(client: &Client, body: &str) -> String {
    let began = Instant::now();
    loop {
        let (status, answer) = give(client, body).await;
        if status == StatusCode::ACCEPTED {
            return answer["delivery"].as_str().unwrap().to_owned();
        }
        assert_eq!(status, StatusCode::INSUFFICIENT_STORAGE, "{answer}");
        assert!(began.elapsed() < BOUND, "it does not recover: {answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A host's folder in which everything but the outbox is written already.
async fn written(platform: &Recorder) -> Bed {
    let bed = bed(platform, "");
    bed.configure("[recording]\nenabled = false\n");
    serve(&bed).await.kill().await;
    bed
}

/// Log lines with a word.
fn lines<'l>(log: &'l str, word: &str) -> Vec<&'l str> {
    log.lines().filter(|line| line.contains(word)).collect()
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_new_records_with_507_and_the_host_goes_on_and_recovers() {
    let platform = Recorder::start().await;
    let bed = written(&platform).await;
    // No file may grow beyond about 4 MiB. A write beyond fails, instead of
    // ending the process.
    let limited = r#"trap "" XFSZ; ulimit -S -f 8000; exec "$@""#;
    let mut command = Command::new("sh");
    command
        .args(["-c", limited, "sh"])
        .arg(program("crossdock"));
    let host = Serving::start_with(command, &bed.path("")).await;
    let client = host.client();
    let taken = until_refused(&client, 100_000).await;
    assert!(!taken.is_empty());
    // Whoever asks is answered, and calls that need no outbox go on.
    show(&client, &taken[0]).await;
    client.get("/v1/acme/deliveries").await.unwrap();
    let call = client.post("/v1/acme/shop/read", r#"{"id":1}"#).await;
    assert_eq!(call.unwrap()["status"], "accepted");
    let ready = client.send(Method::GET, "/healthz", None).await.unwrap();
    assert_eq!(ready.0, StatusCode::OK);
    // Whoever watches is told that it mends by itself; calls still may come.
    let trouble = until_async("it to say what does not work", async || {
        let (status, _) = give(&client, &record(9_998, 100_000)).await;
        let ready = client.get("/readyz").await.unwrap();
        let trouble = ready["not_working"][0].clone();
        (status == StatusCode::INSUFFICIENT_STORAGE && trouble.is_object()).then_some(trouble)
    })
    .await;
    assert_eq!(trouble["part"], "outbox", "{trouble}");
    let detail = trouble["detail"].as_str().unwrap();
    assert!(detail.contains("goes on by itself"), "{detail}");
    let mut raise = std::process::Command::new("prlimit");
    raise.args([
        "--fsize=unlimited:unlimited",
        "--pid",
        &host.id().to_string(),
    ]);
    assert!(raise.status().unwrap().success());
    let last = until_taken(&client, &record(9_999, 100_000)).await;
    for id in taken.iter().chain([&last]) {
        assert_eq!(ended(&client, id).await["status"], "accepted");
    }
    host.terminate().await;
    let log = host.ended().await.stderr;
    // One line whenever it begins to refuse, and not one for each refusal.
    let refuses = lines(&log, "takes nothing new").len();
    assert!((1..REFUSALS / 2).contains(&refuses), "{log}");
    assert_eq!(lines(&log, "ERROR").len(), refuses, "{log}");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_whose_syncs_fail_loses_no_record_that_was_taken_in() {
    if !strace_may_trace().await {
        println!("not shown here: there is no strace, or it may not trace");
        return;
    }
    let platform = Recorder::start().await;
    let bed = written(&platform).await;
    // The tracer is a grandchild, so that the host's process is ours to end.
    let mut command = Command::new("strace");
    command.args(["-D", "-f", "-o", "/dev/null", "-e", "trace=fdatasync,fsync"]);
    command.args(["-e", "inject=fdatasync,fsync:error=EIO:when=20+15"]);
    command.arg(program("crossdock"));
    let host = Serving::start_with(command, &bed.path("")).await;
    let client = host.client();
    let (mut taken, mut refused) = (Vec::new(), 0);
    for sku in 0..120 {
        let (status, answer) = give(&client, &record(sku, 10)).await;
        match status {
            StatusCode::ACCEPTED => taken.push(answer["delivery"].as_str().unwrap().to_owned()),
            StatusCode::INSUFFICIENT_STORAGE => {
                refused += 1;
                taken.push(until_taken(&client, &record(sku, 10)).await);
            }
            other => panic!("{other}: {answer}"),
        }
    }
    assert!(refused > 0, "no sync failed");
    host.kill().await;
    let host = serve(&bed).await;
    let client = host.client();
    for id in &taken {
        assert_eq!(ended(&client, id).await["status"], "accepted");
    }
    println!("{refused} records were refused and given again");
}

#[cfg(target_os = "linux")]
async fn strace_may_trace() -> bool {
    let mut command = Command::new("strace");
    command.args(["-f", "-o", "/dev/null", "true"]);
    command.status().await.is_ok_and(|status| status.success())
}

fn database(bed: &Bed) -> PathBuf {
    bed.path("data/outbox/outbox.db")
}

/// Starts a host that has to refuse the file, and leave it as it is.
async fn refuses(bed: &Bed, file: &Path) -> String {
    let before = std::fs::read(file).unwrap();
    let ended = run(&bed.path(""), &["serve", "--listen", "127.0.0.1:0"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("data/outbox/outbox.db"), "{ended:?}");
    let after = std::fs::read(file).unwrap();
    let changed = after
        .iter()
        .zip(&before)
        .position(|(now, then)| now != then);
    assert_eq!(
        (after.len(), changed),
        (before.len(), None),
        "the file has changed: {ended:?}"
    );
    ended.stderr
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_reported_with_what_to_do_and_left_as_it_is() {
    let platform = Recorder::start().await;
    let bed = bed(&platform, "");
    let host = serve(&bed).await;
    let client = host.client();
    for sku in 0..50 {
        queue(&client, &record(sku, 2_000)).await;
    }
    host.terminate().await;
    assert_eq!(host.ended().await.code, Some(0));
    let file = database(&bed);
    // What is in the log beside it would be moved into it first, and mend pages.
    let db = rusqlite::Connection::open(&file).unwrap();
    let moved = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
    assert_eq!(moved, Ok(0), "the log is not moved");
    db.close().unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    // Everything but the first page: header and schema can still be read.
    for byte in bytes.iter_mut().skip(4096) {
        *byte ^= 0x5a;
    }
    std::fs::write(&file, &bytes).unwrap();
    let said = refuses(&bed, &file).await;
    assert!(
        said.contains("is damaged; stop the host, keep a copy"),
        "{said}"
    );
    assert!(said.contains("put a backup in its place"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_something_else_is_refused_with_what_to_do() {
    let platform = Recorder::start().await;
    let bed = bed(&platform, "");
    let file = database(&bed);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "stock;quantity\n".repeat(1_000)).unwrap();
    let said = refuses(&bed, &file).await;
    assert!(
        said.contains("is not an outbox of crossdock; move it away"),
        "{said}"
    );
}
