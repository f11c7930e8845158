//! `crossdock deliveries watch`.

use std::process::Stdio;

use crossdock_tests::guests::target_dir;
use crossdock_tests::recorder::Recorder;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::setting::{BOUND, bed, queue, record, serve};

fn watch(arguments: &[&str]) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut command = Command::new(target_dir().join("debug/crossdock"));
    let mut child = command
        .args(["deliveries", "watch"])
        .args(arguments)
        .env_remove("CROSSDOCK_TOKEN")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .expect("it starts");
    let stdout = child.stdout.take().expect("is piped");
    (child, BufReader::new(stdout).lines())
}

async fn line(lines: &mut Lines<BufReader<ChildStdout>>) -> String {
    let line = tokio::time::timeout(BOUND, lines.next_line()).await;
    line.expect("a line in time").unwrap().expect("a line")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_follows_live_over_a_restart_and_ends_it_with_ctrl_c() {
    let platform = Recorder::start().await;
    let bed = bed(&platform, "");
    let host = serve(&bed, &["acme"]).await;
    let first = queue(&host.client(), "acme", &record(0)).await;
    let url = host.base_url.clone();
    let arguments = ["--tenant", "acme", "--from-oldest", "--json", "--url", &url];
    let (mut child, mut lines) = watch(&arguments);
    let shown: Value = serde_json::from_str(&line(&mut lines).await).unwrap();
    assert_eq!(shown["delivery"], first.as_str());
    let (mut people, mut text) = watch(&["--from-oldest", "--url", &url]);
    let shown = line(&mut text).await;
    for part in ["acme/shop/keyed", "accepted", &first, "s0"] {
        assert!(shown.contains(part), "{shown}");
    }
    // The same address again, with another process behind it.
    host.kill().await;
    let address = url.strip_prefix("http://").unwrap();
    let program = target_dir().join("debug/crossdock");
    let mut again = Command::new(program)
        .args(["serve", "--listen", address])
        .current_dir(bed.path(""))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("it starts");
    let client = crossdock_tests::client::Client::new(&*url);
    crate::setting::serves(&client, "acme").await;
    let second = queue(&client, "acme", &record(1)).await;
    let shown: Value = serde_json::from_str(&line(&mut lines).await).unwrap();
    assert_eq!(shown["delivery"], second.as_str());
    assert!(line(&mut text).await.contains(&second));
    for child in [&mut child, &mut people] {
        let id = child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status().await;
        assert!(sent.unwrap().success());
        let ended = tokio::time::timeout(BOUND, child.wait()).await;
        assert_eq!(ended.expect("in time").unwrap().code(), Some(0));
    }
    again.kill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_makes_no_sense_is_answered_at_once() {
    let platform = Recorder::start().await;
    let bed = bed(&platform, "");
    let host = serve(&bed, &["acme"]).await;
    let url = host.base_url.clone();
    for arguments in [
        &["--url", &*url, "--tenant", "acme", "--status", "queued"][..],
        &["--url", "http://127.0.0.1:1"],
        &["--url", "nonsense"],
    ] {
        let (mut child, _lines) = watch(arguments);
        let ended = tokio::time::timeout(BOUND, child.wait()).await;
        assert_eq!(
            ended.expect("in time").unwrap().code(),
            Some(1),
            "{arguments:?}"
        );
    }
}
