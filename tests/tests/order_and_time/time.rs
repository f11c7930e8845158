//! One deadline, no known outcome lost, and pauses that hold for those they
//! are about.

use std::time::{Duration, Instant};

use crossdock::report::{DeliveryStatus, ItemStatus};
use crossdock_tests::recorder::{Recorder, Reply};
use crossdock_tests::wait::until;

use crate::{NEVER, Shop, outcome};

/// What a call may take after its time is over, and some more for a busy machine.
const GRACE: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_survives_the_time_out_and_what_never_left_is_failed() {
    let platform = Recorder::answering(|request| match request.text().contains("\"stuck\"") {
        true => Reply::json("{}").after(NEVER),
        false => Reply::json("{}"),
    })
    .await;
    let shop = Shop::start(platform, "call_timeout_ms = 4000", "").await;
    let items = ["a", "b", "stuck", "d", "e"].map(|n| format!(r#"{{"n":"{n}"}}"#));
    let started = Instant::now();
    let report = shop.call("echo", &format!("[{}]", items.join(","))).await;
    assert!(started.elapsed() < Duration::from_secs(4) + GRACE);
    let found: Vec<_> = report
        .items
        .iter()
        .map(|item| (item.status, item.code.as_deref().unwrap_or_default()))
        .collect();
    let wanted = [
        (ItemStatus::Accepted, ""),
        (ItemStatus::Accepted, ""),
        (ItemStatus::Unknown, "timeout"),
        (ItemStatus::Failed, "no-turn"),
        (ItemStatus::Failed, "no-turn"),
    ];
    assert_eq!(found, wanted);
    assert_eq!(shop.platform.count(), 3);
    // Nothing leaves afterwards either.
    assert_eq!(report.requests.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_wait_for_their_key_are_failed_when_the_time_is_over() {
    let platform = Recorder::answering(|_| Reply::json("{}").after(NEVER)).await;
    let shop = Shop::start(platform, "call_timeout_ms = 2000", "").await;
    let items = vec![r#"{"sku":"1","repeatable":true}"#; 50];
    let report = shop.call("keyed", &format!("[{}]", items.join(","))).await;
    assert_eq!(report.items[0].status, ItemStatus::Unknown);
    for item in &report.items[1..] {
        let found = (item.status, item.code.as_deref());
        assert_eq!(found, (ItemStatus::Failed, Some("no-turn")));
    }
    assert_eq!(shop.platform.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scripts_time_counts_and_nothing_is_sent_after_it() {
    let platform = Recorder::start().await;
    let shop = Shop::with_plugins(
        &["script-jq"],
        platform,
        "call_timeout_ms = 700\nguest_deadline_ms = 60000",
        "mappings = { echo = \"endless.jq\" }",
        &[("endless.jq", "if .n then last(repeat(1)) else . end")],
    )
    .await;
    let started = Instant::now();
    let report = shop.call("echo", r#"[{"n":1},{"n":2}]"#).await;
    assert!(started.elapsed() < Duration::from_millis(700) + GRACE);
    assert_eq!(report.status, DeliveryStatus::Failed);
    for item in &report.items {
        let found = (item.status, item.code.as_deref());
        assert_eq!(found, (ItemStatus::Failed, Some("no-turn")));
    }
    assert_eq!(shop.platform.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_items_long_retry_gives_up_no_other_item() {
    for operation in ["keyed", "echo"] {
        let platform = Recorder::answering(|request| {
            let body = request.text();
            match body.contains("\"long\"") {
                true => outcome("retry", ",\"after_ms\":3600000"),
                false => Reply::text(503, "not now"),
            }
        })
        .await;
        let shop = Shop::start(platform, "", "").await;
        let body = r#"[{"sku":"long"},{"sku":"b","repeatable":true}]"#;
        let report = shop.call(operation, body).await;
        assert_eq!(report.items[0].status, ItemStatus::Failed);
        assert_eq!(report.items[0].retry_after_ms, Some(3_600_000));
        assert_eq!(report.items[1].status, ItemStatus::Unknown);
        // One request of the first, and all three attempts of the second.
        assert_eq!(shop.platform.count(), 4, "{operation}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_holds_for_callers_who_were_waiting_already() {
    let throttled = || {
        Reply::text(429, "slower")
            .with_header("retry-after", "3600")
            .after(Duration::from_millis(700))
    };
    let platform = Recorder::answering(move |_| throttled()).await;
    let limits = "limits = { concurrency = 1, attempts = 1 }";
    let shop = Shop::start(
        platform,
        "call_timeout_ms = 20000\nlongest_pause_ms = 3600000",
        limits,
    )
    .await;
    let first = shop.call("keyed", r#"{"sku":"1"}"#);
    let second = async {
        until("the first request", || {
            (shop.platform.count() == 1).then_some(())
        })
        .await;
        shop.call("keyed", r#"{"sku":"2"}"#).await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.items[0].code.as_deref(), Some("http-429"));
    let item = &second.items[0];
    assert_eq!(item.code.as_deref(), Some("throttled"), "{item:?}");
    assert!(
        item.retry_after_ms.is_some_and(|ms| ms > 3_000_000),
        "{item:?}"
    );
    assert_eq!(shop.platform.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_is_granted_no_longer_pause_than_the_limit() {
    let platform = Recorder::answering(|request| match request.text().contains("first") {
        true => outcome("throttled", ",\"after_ms\":4294967295"),
        false => Reply::json("{}"),
    })
    .await;
    let limits = "limits = { attempts = 1 }";
    let shop = Shop::start(platform, "longest_pause_ms = 300", limits).await;
    let report = shop.call("keyed", r#"{"sku":"first"}"#).await;
    assert_eq!(report.items[0].retry_after_ms, Some(u32::MAX));
    let report = shop.call("keyed", r#"{"sku":"2"}"#).await;
    assert_eq!(report.status, DeliveryStatus::Accepted, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_secret_ends_a_pause() {
    let platform = Recorder::answering(|request| match request.text().contains("first") {
        true => outcome("throttled", ",\"after_ms\":3600000"),
        false => Reply::json("{}"),
    })
    .await;
    let more = "secrets = { secret = { file = \"s.txt\" } }\nlimits = { attempts = 1 }";
    let secret = [("s.txt", "a first secret")];
    let limits = "call_timeout_ms = 10000\nlongest_pause_ms = 3600000";
    let shop = Shop::with_plugins(&[], platform, limits, more, &secret).await;
    shop.call("keyed", r#"{"sku":"first"}"#).await;
    let paused = shop.call("keyed", r#"{"sku":"2"}"#).await;
    assert_eq!(paused.items[0].code.as_deref(), Some("throttled"));
    let generation = || shop.host.tenants()[0].generation;
    let before = generation();
    shop.bed.put_tenant("acme", "s.txt", "another secret");
    until("the new secret", || (generation() != before).then_some(())).await;
    let report = shop.call("keyed", r#"{"sku":"3"}"#).await;
    assert_eq!(report.status, DeliveryStatus::Accepted, "{report:?}");
}
