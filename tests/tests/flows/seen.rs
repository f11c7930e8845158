//! Flows as people and programs see them: over HTTP, in a shell, in `/metrics`.

use std::path::Path;

use crossdock_tests::bed::Bed;
use crossdock_tests::client::Client;
use crossdock_tests::process::{Ended, Serving, run};
use crossdock_tests::recorder::{Recorder, Reply};
use crossdock_tests::wait::until_async;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::setting::{Erp, PENDING, bed, flow, tenant};

const TARGETS: &str = r#"[ { connection = "mini", operation = "keyed", script = "update.jq" } ]"#;

/// An ERP with three articles, a shop that refuses the third, and a host between
/// them, as a process.
struct Shown {
    bed: Bed,
    host: Serving,
    mini: Recorder,
    _erp: Erp,
}

impl Shown {
    async fn begin() -> Self {
        let erp = Erp::start().await;
        let mini = Recorder::answering(|request| {
            let refused = r#"{"outcome":"rejected","code":"E7","message":"no such article"}"#;
            match request.text().contains("\"3\"") {
                true => Reply::json(refused),
                false => Reply::json("{}"),
            }
        })
        .await;
        for (sku, quantity) in [("1", 7), ("2", 8), ("3", 9)] {
            erp.change(sku, 69, quantity);
        }
        let bed = bed();
        let flow = flow("", PENDING, TARGETS, "changes_only = true");
        bed.put_tenant(
            "acme",
            "tenant.toml",
            &tenant(&erp, &[("mini", &mini)], &flow),
        );
        let host = Serving::start(Path::new(&bed.path(""))).await;
        let shown = Self {
            bed,
            host,
            mini,
            _erp: erp,
        };
        let client = shown.host.client();
        until_async("the flow to be there", async || {
            let flows = client.get("/v1/acme/flows").await.ok()?;
            (flows["flows"][0]["flow"] == "stock").then_some(())
        })
        .await;
        shown
    }

    /// A command that asks this host about the tenant's flows.
    async fn ask(&self, arguments: &[&str]) -> Ended {
        let whose = ["--tenant", "acme", "--url", &self.host.base_url];
        let arguments = [&["flows"], arguments, &whose[..]].concat();
        run(&self.bed.path(""), &arguments).await
    }
}

async fn post(client: &Client, path: &str) -> (StatusCode, Value) {
    let path = format!("/v1/acme/flows/{path}");
    client.send(Method::POST, &path, None).await.expect("JSON")
}

/// Waits until everything is known of a run.
async fn ended(client: &Client, run: &Value) -> Value {
    until_async("the run to end", async || {
        let path = format!("/v1/acme/flows/stock/runs/{run}");
        let run = client.get(&path).await.ok()?;
        (run["state"] == "done").then_some(run)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_is_run_looked_at_paused_and_resynced_over_http() {
    let shown = Shown::begin().await;
    let client = shown.host.client();

    let (status, dry) = post(&client, "stock/run?dry_run=true&limit=2").await;
    assert_eq!(status, StatusCode::OK, "{dry}");
    assert_eq!(dry["given"].as_array().map(Vec::len), Some(2), "{dry}");
    let target = &dry["targets"][0];
    let item = json!({"sku": "1", "quantity": 7, "repeatable": true});
    assert_eq!(target["items"][0], item, "{dry}");
    let request = &target["requests"]["requests"][0];
    assert_eq!(request["method"], "POST", "{dry}");
    assert!(
        request["body"]
            .as_str()
            .is_some_and(|body| body.contains("\"quantity\":7"))
    );
    assert_eq!(shown.mini.count(), 0, "nothing was sent");

    let (status, begun) = post(&client, "stock/run").await;
    assert_eq!(status, StatusCode::ACCEPTED, "{begun}");
    let run = ended(&client, &begun["run"]).await;
    let counts = &run["counts"];
    assert_eq!(
        (
            &counts["in"],
            &counts["sent"],
            &counts["accepted"],
            &counts["refused"]
        ),
        (&json!(3), &json!(3), &json!(2), &json!(1)),
        "{run}"
    );
    let (_, again) = post(&client, "stock/run").await;
    let run = ended(&client, &again["run"]).await;
    assert_eq!(run["counts"]["unchanged"], 2, "{run}");

    let flow = client.get("/v1/acme/flows/stock").await.unwrap();
    assert_eq!(
        (&flow["source"], &flow["runs"], &flow["state"]),
        (&json!("operation"), &json!("on demand"), &json!("idle"))
    );
    assert_eq!(flow["newest"].as_array().map(Vec::len), Some(2), "{flow}");
    let runs = client
        .get("/v1/acme/flows/stock/runs?limit=1")
        .await
        .unwrap();
    assert_eq!(runs["runs"][0]["run"], again["run"]);
    let before = format!("/v1/acme/flows/stock/runs?before={}", runs["before"]);
    let older = client.get(&before).await.unwrap();
    assert_eq!(older["runs"][0]["run"], begun["run"], "{older}");

    let (_, paused) = post(&client, "stock/pause").await;
    assert_eq!(paused["state"], "paused", "{paused}");
    let (status, refused) = post(&client, "stock/run").await;
    assert_eq!(
        (status, &refused["code"]),
        (StatusCode::CONFLICT, &json!("flow-paused"))
    );
    let (_, resumed) = post(&client, "stock/resume").await;
    assert_eq!(resumed["state"], "idle", "{resumed}");
    let (_, resynced) = post(&client, "stock/resync?target=mini").await;
    // Of the refused one, it is known what was sent and that it was not taken.
    assert!(
        resynced["forgotten"].as_u64().is_some_and(|it| it >= 2),
        "{resynced}"
    );

    for (path, status, code) in [
        ("stok/run", 404, "unknown-flow"),
        ("stock/run?dryrun=true", 400, "invalid-query"),
        ("stock/run?limit=5", 400, "invalid-query"),
        ("stock/resync?target=mni", 404, "unknown-target"),
        ("stock/resync?target=", 400, "invalid-query"),
    ] {
        let (found, problem) = post(&client, path).await;
        assert_eq!(
            (found.as_u16(), &problem["code"]),
            (status, &json!(code)),
            "{path}: {problem}"
        );
    }
    let (_, unknown) = post(&client, "stok/run").await;
    let detail = unknown["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("did you mean `stock`?"), "{unknown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_is_run_and_looked_at_from_the_shell() {
    let shown = Shown::begin().await;
    let dry = shown
        .ask(&["run", "stock", "--dry-run", "--limit", "1"])
        .await;
    assert_eq!(dry.code, Some(0), "{dry:?}");
    for part in ["1 record from the source", "to mini: 1 item", "POST http"] {
        assert!(dry.stdout.contains(part), "{part}\n{}", dry.stdout);
    }
    assert_eq!(shown.mini.count(), 0, "nothing was sent");

    // One article is refused, which is in the exit code.
    let run = shown.ask(&["run", "stock", "--wait"]).await;
    assert_eq!(run.code, Some(2), "{run:?}");
    for part in [
        "done (asked for by somebody on this machine, without a token)",
        "3 in, 3 sent, 2 accepted, 1 refused",
        "source ",
    ] {
        assert!(run.stdout.contains(part), "{part}\n{}", run.stdout);
    }
    // Whoever is no terminal sees no bar.
    assert_eq!(run.stderr, "", "{run:?}");

    let list = shown.ask(&["list"]).await;
    for part in [
        "FLOW",
        "stock",
        "read of pending",
        "on demand",
        "idle",
        "done",
    ] {
        assert!(list.stdout.contains(part), "{part}\n{}", list.stdout);
    }
    let flow = shown.ask(&["show", "stock"]).await;
    assert!(flow.stdout.contains("3 in, 3 sent"), "{flow:?}");
    assert!(flow.stdout.contains("from       read of pending\n"));
    let json = shown.ask(&["show", "stock", "--json"]).await.json();
    let number = json["newest"][0]["run"].to_string();
    let one = shown.ask(&["show", "stock", &number]).await;
    assert!(
        one.stdout.contains(&format!("run {number}, done")),
        "{one:?}"
    );

    let paused = shown.ask(&["pause", "stock"]).await;
    assert_eq!(paused.stdout, "stock is paused\n", "{paused:?}");
    let refused = shown.ask(&["run", "stock"]).await;
    assert_eq!(refused.code, Some(1));
    assert!(
        refused
            .stderr
            .contains("flow `stock` is paused; resume it first"),
        "{refused:?}"
    );
    let resumed = shown.ask(&["resume", "stock"]).await;
    assert_eq!(
        resumed.stdout, "stock is not paused any more; it is idle\n",
        "{resumed:?}"
    );
    let resynced = shown.ask(&["resync", "stock"]).await;
    assert!(
        resynced.stdout.contains("the cursor stays where it is"),
        "{resynced:?}"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_run_on_a_terminal_sees_a_bar() {
    if !on_path("script") {
        eprintln!("left out: there is no `script` here, which util-linux has");
        return;
    }
    let shown = Shown::begin().await;
    let folder = shown.bed.path("");
    let binary = crossdock_tests::guests::program("crossdock");
    let url = &shown.host.base_url;
    // `script` of util-linux gives what it runs a terminal, and says what came there.
    let command = format!(
        "'{}' flows run stock --tenant acme --url {url} --wait",
        binary.display()
    );
    let mut terminal = tokio::process::Command::new("script");
    terminal
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .current_dir(&folder)
        .env("TERM", "xterm")
        .env_remove("CROSSDOCK_TOKEN")
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .kill_on_drop(true);
    let run = crossdock_tests::process::finish(terminal, "").await;
    assert_eq!(run.code, Some(2), "one is refused: {run:?}");
    // It begins empty, is written anew on the same line, and leaves nothing.
    assert!(run.stdout.contains("░ 0/"), "{run:?}");
    assert!(run.stdout.contains("\r\u{1b}[K"), "{run:?}");
    let (_, after) = run.stdout.rsplit_once("\r\u{1b}[K").expect("a line");
    assert!(
        after.contains("done (") && !after.contains('░'),
        "{after:?}"
    );
}

/// Whether there is such a program.
#[cfg(target_os = "linux")]
fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_counted_is_in_the_metrics() {
    let shown = Shown::begin().await;
    let client = shown.host.client();
    let (_, begun) = post(&client, "stock/run").await;
    ended(&client, &begun["run"]).await;
    let names = r#"tenant="acme",flow="stock""#;
    let lines = [
        format!("crossdock_flow_runs_total{{{names},state=\"done\"}} 1"),
        format!("crossdock_flow_runs_total{{{names},state=\"failed\"}} 0"),
        format!("crossdock_flow_records_total{{{names},result=\"in\"}} 3"),
        format!("crossdock_flow_records_total{{{names},result=\"accepted\"}} 2"),
        format!("crossdock_flow_records_total{{{names},result=\"refused\"}} 1"),
    ];
    let page = until_async("the run to be counted", async || {
        let (_, _, page) = client.text("/metrics").await.ok()?;
        lines
            .iter()
            .all(|line| page.lines().any(|it| it == line))
            .then_some(page)
    })
    .await;
    let done = format!("crossdock_flow_last_done_time_seconds{{{names}}} 1");
    assert!(page.contains(&done), "{page}");
    // What is looked at is there from the first look on.
    let waiting = format!("crossdock_flow_waiting_records{{{names},state=\"parked\"}} 0");
    assert!(page.contains(&waiting), "{page}");
}
