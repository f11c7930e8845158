//! Plugin files that vanish, come back and are renamed, and candidates that
//! would break a tenant.

use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use crossdock::problem::Blame;
use crossdock_tests::bed::call;
use crossdock_tests::guests::{patched, plugin, test_adapter};
use crossdock_tests::live::{Live, Seen};
use crossdock_tests::wait::until;

/// Waits until calls are refused because the adapter is retired.
async fn until_retired(live: &Live) {
    let started = std::time::Instant::now();
    loop {
        let call = call("acme", "shop", "echo", "{}");
        match live.host().call(call).await {
            Err(problem) => {
                assert_eq!(
                    (&*problem.code, problem.blame),
                    ("adapter-retired", Blame::Host)
                );
                return;
            }
            Ok(report) => assert!(
                started.elapsed() < crossdock_tests::wait::BOUND,
                "{report:?}"
            ),
        }
    }
}

async fn until_missing(live: &Live) {
    until("the file to be missed", || {
        live.plugin("test-adapter")?.missing.then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vanished_plugin_serves_until_it_is_retired() {
    let live = Live::start().await;
    let path = live.bed.plugin_path("test-adapter");
    let retire = |name: &'static str| {
        let host = live.host().clone();
        async move { host.retire(name).await }
    };

    let present = retire("test-adapter").await.unwrap_err();
    assert_eq!(present.code, "plugin-present");
    let unknown = retire("nobody").await.unwrap_err();
    assert_eq!(unknown.code, "unknown-plugin");

    let traffic = live.traffic(2);
    fs::remove_file(&path).unwrap();
    until_missing(&live).await;
    live.until_seen(&Seen::new("a0", "s0", "t0")).await;
    traffic.stop().await;

    retire("test-adapter").await.unwrap();
    until_retired(&live).await;
    assert!(live.plugin("test-adapter").is_none());

    // Whoever regrets it puts the file back; the tenant needs no edit.
    fs::write(&path, test_adapter("normal", "a1")).unwrap();
    until("the adapter to serve again", || {
        live.plugin("test-adapter")?.serving
    })
    .await;
    live.until_seen(&Seen::new("a1", "s0", "t0")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vanished_plugin_is_retired_without_asking_only_where_the_operator_says_so() {
    let mut live = Live::lay_out("plugins.retire_missing = true\n").await;
    live.watch().await;
    live.until_seen(&Seen::new("a0", "s0", "t0")).await;
    fs::remove_file(live.bed.plugin_path("test-adapter")).unwrap();
    until_missing(&live).await;
    until_retired(&live).await;
    assert!(live.plugin("test-adapter").is_none());
}

/// Renames the adapter's file while calls run.
async fn renamed_file_takes_over(config: &str) {
    let mut live = Live::lay_out(config).await;
    live.watch().await;
    live.until_seen(&Seen::new("a0", "s0", "t0")).await;
    let traffic = live.traffic(2);
    let (old, new) = ("test-adapter", "test-adapter-2");
    fs::rename(live.bed.plugin_path(old), live.bed.plugin_path(new)).unwrap();
    until("the renamed file to serve", || live.plugin(new)?.serving).await;
    assert!(live.plugin(old).is_none());
    // It is the file that is watched from now on.
    live.bed.put_plugin(new, &test_adapter("normal", "a1"));
    live.until_seen(&Seen::new("a1", "s0", "t0")).await;
    traffic.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_plugin_file_takes_over() {
    renamed_file_takes_over("").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_plugin_file_takes_over_where_missing_ones_are_retired_too() {
    renamed_file_takes_over("plugins.retire_missing = true\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_plugin_file_never_retires_its_adapter() {
    let mut live = Live::lay_out("plugins.retire_missing = true\n").await;
    live.watch().await;
    live.until_seen(&Seen::new("a0", "s0", "t0")).await;
    let traffic = live.traffic(2);
    let path = live.bed.plugin_path("test-adapter");
    fs::remove_file(&path).unwrap();
    // As a deployment that is slow between removing and writing.
    live.settled().await;
    fs::write(&path, test_adapter("normal", "a1")).unwrap();
    live.until_seen(&Seen::new("a1", "s0", "t0")).await;
    traffic.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_written_plugin_is_left_alone_when_its_neighbour_changes() {
    let live = Live::start().await;
    let traffic = live.traffic(1);
    let bytes = test_adapter("normal", "a1");
    let (half, rest) = bytes.split_at(bytes.len() / 2);
    let mut file = fs::File::create(live.bed.plugin_path("test-adapter")).unwrap();
    file.write_all(half).unwrap();
    let written = Instant::now();
    live.bed.put_plugin("lingzhi", &plugin("lingzhi"));
    until("the neighbour to serve", || live.plugin("lingzhi")?.serving).await;
    let refused = live.plugin("test-adapter").unwrap().refused;
    // After two seconds without a write a file counts as finished.
    if written.elapsed() < Duration::from_millis(1500) {
        assert!(refused.is_none(), "{refused:?}");
    }
    file.write_all(rest).unwrap();
    drop(file);
    live.until_seen(&Seen::new("a1", "s0", "t0")).await;
    traffic.stop().await;
}

/// The adapter with `secret` required, which not every tenant has.
fn wanting_a_secret(label: &str) -> Vec<u8> {
    patched(
        &test_adapter("normal", label),
        br#""purpose": "A second one.", "required": false"#,
        br#""purpose": "A second one.", "required": true "#,
    )
}

/// The adapter with another pattern for the setting `path`.
fn wanting_another_path(label: &str) -> Vec<u8> {
    patched(
        &test_adapter("normal", label),
        br#""pattern": "^/""#,
        br#""pattern": "^!""#,
    )
}

/// Waits until the adapter's newest bytes are refused; the reason.
async fn refused(live: &Live) -> String {
    let refused = until("the candidate to be refused", || {
        live.plugin("test-adapter")?.refused
    })
    .await;
    assert_eq!(refused.step, "tenants", "{}", refused.reason);
    refused.reason
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_that_would_break_a_tenant_is_refused_and_says_which() {
    let live = Live::start().await;
    let traffic = live.traffic(2);
    let file = live.file("tenant.toml").display().to_string();

    live.bed
        .put_plugin("test-adapter", &wanting_a_secret("wants-secret"));
    let reason = refused(&live).await;
    for part in [&*file, "`shop`", "needs secret `other`"] {
        assert!(reason.contains(part), "{reason}");
    }
    live.until_seen(&Seen::new("a0", "s0", "t0")).await;

    live.bed
        .put_plugin("test-adapter", &wanting_another_path("wants-path"));
    until("the other reason", || {
        let refused = live.plugin("test-adapter")?.refused?;
        refused.reason.contains("settings.path").then_some(())
    })
    .await;
    live.until_seen(&Seen::new("a0", "s0", "t0")).await;
    traffic.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_adapter_serves_once_its_tenants_have_what_it_wants() {
    let live = Live::start().await;
    live.bed.put_plugin("test-adapter", &wanting_a_secret("a1"));
    refused(&live).await;
    let other = live.bed.path("secrets/other.txt");
    fs::write(&other, "another key").unwrap();
    let other = format!("other = {{ file = {:?} }}, ", other.display().to_string());
    let text = live
        .tenant("t1")
        .replace("secrets = { ", &format!("secrets = {{ {other}"));
    live.bed.put_tenant("acme", "tenant.toml", &text);
    live.until_seen(&Seen::new("a1", "s0", "t1")).await;
    assert!(live.plugin("test-adapter").unwrap().refused.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_adapter_serves_once_the_tenant_it_would_break_is_gone() {
    let live = Live::start().await;
    live.bed.put_tenant("other", "map.jq", ".");
    let text = live.tenant("t0").replace(
        "settings = { path = \"/t0\" }",
        "settings = { per_request = 7 }",
    );
    live.bed.put_tenant("other", "tenant.toml", &text);
    until("the other tenant", || live.status("other")?.generation).await;
    let bytes = patched(
        &test_adapter("normal", "a1"),
        br#""per_request": { "type": "integer", "minimum": 1"#,
        br#""per_request": { "type": "integer", "maximum": 1"#,
    );
    live.bed.put_plugin("test-adapter", &bytes);
    assert!(refused(&live).await.contains("tenants/other"));
    fs::remove_dir_all(live.bed.path("tenants/other")).unwrap();
    until("the adapter to be tried again", || {
        live.plugin("test-adapter")?.refused.is_none().then_some(())
    })
    .await;
    live.until_seen(&Seen::new("a1", "s0", "t0")).await;
}
