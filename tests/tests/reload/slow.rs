//! Candidates that take long, or for ever: each has its own bound, and none
//! holds back another, at the start neither.

use std::sync::Arc;

use crossdock::problem::Blame;
use crossdock_tests::bed::call;
use crossdock_tests::guests::test_adapter;
use crossdock_tests::live::{Live, Seen, script};
use crossdock_tests::wait::{until, until_async};

/// A script that computes for some milliseconds.
const BUSY: &str = "[range(20000)] | length | {n: .}\n";

/// Tests that go on for minutes: each case has a context of its own, so that
/// each is a call of its own.
fn endless_tests() -> String {
    let case = |number: usize| {
        format!(
            r#"{{"name": "case {number}", "item": {{}}, "context": {{"case": {number}}}, "documents": [{{"n": 20000}}]}}"#
        )
    };
    let cases: Vec<String> = (0..1000).map(case).collect();
    format!(r#"{{"cases": [{}]}}"#, cases.join(",\n"))
}

/// Lays out a tenant whose tests take long. They come first: without them, or
/// with another script, what is there between two writes may serve.
fn put_slow(live: &Live, tenant: &str) {
    live.bed
        .put_tenant(tenant, "map.test.json", &endless_tests());
    live.bed.put_tenant(tenant, "map.jq", BUSY);
    let text = format!("require_tests = true\n{}", live.tenant("slow"));
    live.bed.put_tenant(tenant, "tenant.toml", &text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_start_serves_what_is_ready_and_says_what_is_not() {
    let mut live = Live::lay_out("limits.check_timeout_ms = 600000\n").await;
    for number in 0..3 {
        put_slow(&live, &format!("slow-{number}"));
    }
    live.watch().await;
    live.until_seen(&Seen::new("a0", "s0", "t0")).await;
    for number in 0..3 {
        let status = live.status(&format!("slow-{number}")).unwrap();
        assert!(status.checking && status.generation.is_none(), "{status:?}");
    }
    // A caller is not told that there is no such tenant.
    let call = call("slow-0", "shop", "echo", "{}");
    let early = live.host().call(call).await.unwrap_err();
    assert_eq!(
        (&*early.code, early.blame),
        ("tenant-loading", Blame::Host),
        "{early}"
    );
    // Every other change is taken meanwhile: a tenant's, a new one's, a plugin's.
    live.bed.put_tenant("acme", "map.jq", &script("s1"));
    live.until_seen(&Seen::new("a0", "s1", "t0")).await;
    live.settled().await;
    live.bed
        .put_plugin("test-adapter", &test_adapter("normal", "a1"));
    live.until_seen(&Seen::new("a1", "s1", "t0")).await;
    assert!(live.status("slow-0").unwrap().checking);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_calls_before_the_plugins_are_loaded_is_told_to_come_back() {
    let mut live = Live::lay_out("limits.startup_wait_ms = 0\n").await;
    live.watch().await;
    until_async("the tenant to serve", async || {
        let early = live.host().call(call("acme", "shop", "echo", "{}")).await;
        let Err(early) = early else { return Some(()) };
        assert_eq!(early.code, "tenant-loading", "{early}");
        None
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_is_slow_to_test_leaves_the_old_generation_and_all_others_serving() {
    let mut live = Live::lay_out("limits.check_timeout_ms = 600000\n").await;
    live.bed.put_tenant("slow", "map.jq", &script("s0"));
    live.bed
        .put_tenant("slow", "tenant.toml", &live.tenant("t0"));
    live.watch().await;
    let before = live.host().snapshot().tenants["slow"].clone();
    put_slow(&live, "slow");
    until("the tests to run", || {
        live.status("slow")?.checking.then_some(())
    })
    .await;
    for label in ["t1", "t2", "t3"] {
        live.bed
            .put_tenant("acme", "tenant.toml", &live.tenant(label));
        live.until_seen(&Seen::new("a0", "s0", label)).await;
    }
    let now = live.host().snapshot().tenants["slow"].clone();
    assert!(Arc::ptr_eq(&before, &now));

    // A newer edit does not wait for the older one to end.
    live.bed.put_tenant("slow", "map.jq", &script("s1"));
    live.bed
        .put_tenant("slow", "tenant.toml", &live.tenant("t1"));
    until("the newer edit", || {
        let status = live.status("slow")?;
        (status.generation > Some(1)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_beyond_their_processor_time_are_the_scripts_fault() {
    let mut live = Live::lay_out("limits.check_timeout_ms = 300\n").await;
    put_slow(&live, "slow");
    live.watch().await;
    let problem = until("the tests to end", || {
        live.status("slow")?.problems.into_iter().next()
    })
    .await;
    // Unless the machine stood still for four times as long.
    if problem.code != "host-busy" {
        assert_eq!(
            (&*problem.code, problem.blame),
            ("check-timeout", Blame::Script)
        );
        assert!(problem.detail.contains("check_timeout_ms"), "{problem}");
        assert_eq!(live.status("slow").unwrap().retry, None);
    }
    live.until_seen(&Seen::new("a0", "s0", "t0")).await;
}
