//! How records leave: together, by the script of that moment, not before a
//! platform's pause is over; and what an orderly end of the host does to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossdock_tests::client::Client;
use crossdock_tests::recorder::{Recorder, Reply};
use crossdock_tests::wait::{until, until_async};
use http::Method;

use crate::setting::{bed, ended, item_is, put_tenant, queue, serve};

/// A platform that asks for another attempt until it is opened.
async fn gated() -> (Recorder, Arc<AtomicBool>) {
    let open = Arc::new(AtomicBool::new(false));
    let gate = open.clone();
    let platform = Recorder::answering(move |_| match gate.load(Ordering::Relaxed) {
        false => Reply::json(r#"{"outcome":"retry","after_ms":1500}"#),
        true => Reply::json("{}"),
    });
    (platform.await, open)
}

/// Waits until a delivery's first item was tried and waits.
async fn is_tried(client: &Client, id: &str) {
    until_async("it to be tried", async || {
        let shown = crate::setting::show(client, id).await;
        let item = &shown["items"][0];
        (item["status"] == "queued" && item["attempts"].as_u64() >= Some(1)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_wait_leave_together_and_each_keeps_its_own_outcome() {
    const RECORDS: usize = 30;
    let first = Arc::new(AtomicBool::new(true));
    let slow = first.clone();
    let platform = Recorder::answering(move |_| match slow.swap(false, Ordering::Relaxed) {
        true => Reply::json("{}").after(Duration::from_secs(3)),
        false => Reply::json("{}"),
    })
    .await;
    let more = "settings = { per_request = 50 }\nlimits = { concurrency = 1 }\n";
    let bed = bed(&platform, more);
    let host = serve(&bed).await;
    let client = host.client();
    let mut ids = vec![queue(&client, r#"{"sku":"x","repeatable":true}"#).await];
    until("the first request", || {
        (platform.count() == 1).then_some(())
    })
    .await;
    // While the platform is busy with the first, the others come.
    for sku in 1..RECORDS {
        // One asks for something that cannot be.
        let wish = if sku == 7 { r#","fail":"/sku""# } else { "" };
        let body = format!(r#"{{"sku":"s{sku}","repeatable":true{wish}}}"#);
        ids.push(queue(&client, &body).await);
    }
    for (sku, id) in ids.iter().enumerate() {
        let shown = ended(&client, id).await;
        let expected = if sku == 7 { "failed" } else { "accepted" };
        assert_eq!(shown["status"], expected, "{sku}: {shown}");
    }
    let rows = |text: String| {
        serde_json::from_str::<Vec<serde_json::Value>>(&text)
            .unwrap()
            .len()
    };
    let sent: Vec<usize> = platform.requests().iter().map(|r| rows(r.text())).collect();
    assert!(sent.len() < RECORDS / 2, "they left one by one: {sent:?}");
    assert!(sent.iter().any(|rows| *rows > 1), "{sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_is_made_by_the_script_that_serves_at_the_attempt() {
    const MAPPED: &str = "mappings.keyed = \"map.jq\"\n";
    let (platform, open) = gated().await;
    let bed = bed(&platform, MAPPED);
    bed.put_tenant("acme", "map.jq", ". + {by: \"the old one\"}");
    put_tenant(&bed, &platform, MAPPED);
    let host = serve(&bed).await;
    let client = host.client();
    let id = queue(&client, r#"{"sku":"1","repeatable":true}"#).await;
    is_tried(&client, &id).await;
    assert!(platform.last().text().contains("the old one"));
    bed.put_tenant("acme", "map.jq", ". + {by: \"the new one\"}");
    until_async("the new script to serve", async || {
        let dry = client.send(Method::POST, "/v1/acme/shop/keyed?dry_run", Some("{}"));
        let (_, dry) = dry.await.ok()?;
        dry.to_string().contains("the new one").then_some(())
    })
    .await;
    open.store(true, Ordering::Relaxed);
    assert_eq!(ended(&client, &id).await["status"], "accepted");
    assert!(platform.last().text().contains("the new one"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_leaves_before_the_pause_that_a_platform_asks_for_is_over() {
    const PAUSE: Duration = Duration::from_secs(3);
    let first = Arc::new(AtomicBool::new(true));
    let asked = first.clone();
    let platform = Recorder::answering(move |_| match asked.swap(false, Ordering::Relaxed) {
        true => Reply::text(429, "slowly").with_header("retry-after", PAUSE.as_secs().to_string()),
        false => Reply::json("{}"),
    })
    .await;
    let bed = bed(&platform, "");
    let host = serve(&bed).await;
    let client = host.client();
    let one = queue(&client, r#"{"sku":"1","repeatable":true}"#).await;
    until("the refusal", || (platform.count() == 1).then_some(())).await;
    let refused = Instant::now();
    // The pause is the connection's: another record waits for it as well.
    let two = queue(&client, r#"{"sku":"2","repeatable":true}"#).await;
    until("the next request", || (platform.count() > 1).then_some(())).await;
    // What the clock of this test does not see is the way of the answer.
    let slack = Duration::from_millis(200);
    assert!(
        refused.elapsed() + slack >= PAUSE,
        "{:?}",
        refused.elapsed()
    );
    for id in [&one, &two] {
        assert_eq!(ended(&client, id).await["status"], "accepted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_told_to_end_finishes_what_is_under_way_and_keeps_the_rest() {
    let (reached, reaches) = tokio::sync::watch::channel(0);
    let platform = Recorder::answering(move |_| {
        reached.send_modify(|count| *count += 1);
        Reply::json("{}").after(Duration::from_secs(1))
    })
    .await;
    // One after the other, so that most are waiting when the host ends.
    let bed = bed(&platform, "limits = { concurrency = 1 }\n");
    let host = serve(&bed).await;
    let client = host.client();
    let mut ids = Vec::new();
    for number in 0..5 {
        let body = format!(r#"{{"sku":"{number}","mode":"adjust"}}"#);
        ids.push(queue(&client, &body).await);
    }
    let mut reaches = reaches;
    reaches.wait_for(|count| *count > 0).await.unwrap();
    host.terminate().await;
    let end = host.ended().await;
    assert_eq!(end.code, Some(0), "{end:?}");
    let host = serve(&bed).await;
    let client = host.client();
    for id in &ids {
        // None of them may be repeated, and each was known to have arrived.
        let shown = ended(&client, id).await;
        assert_eq!(shown["status"], "accepted", "{shown}");
    }
    assert_eq!(platform.count(), ids.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_more_leaves_once_the_host_is_told_to_end_though_a_caller_waits() {
    const RECORDS: usize = 6;
    const CALLERS: &str = "a caller waits";
    let is_callers = |text: &str| text.contains(CALLERS);
    let platform = Recorder::answering(move |request| {
        let takes = if is_callers(&request.text()) { 8 } else { 2 };
        Reply::json("{}").after(Duration::from_secs(takes))
    })
    .await;
    // The caller has one place, the records the other: one after the other.
    let bed = bed(&platform, "limits = { concurrency = 2 }\n");
    let host = serve(&bed).await;
    let client = host.client();
    let caller = host.client();
    let call = tokio::spawn(async move {
        let body = format!(r#"{{"sku":"{CALLERS}"}}"#);
        caller.post("/v1/acme/shop/keyed", &body).await
    });
    until("the caller's request", || {
        (platform.count() == 1).then_some(())
    })
    .await;
    let records: Vec<String> = (0..RECORDS)
        .map(|n| format!(r#"{{"sku":"{n}","mode":"adjust"}}"#))
        .collect();
    // One delivery, of which every record is a request of its own; and another
    // batch, whose turn comes later.
    let id = queue(&client, &format!("[{}]", records.join(","))).await;
    until("the first record", || (platform.count() > 1).then_some(())).await;
    let later = queue(&client, r#"{"sku":"later","mode":"adjust"}"#).await;
    host.terminate().await;
    let answer = call.await.unwrap().unwrap();
    assert_eq!(answer["status"], "accepted", "{answer}");
    let end = host.ended().await;
    assert_eq!(end.code, Some(0), "{end:?}");
    // The caller's, and the one that was under way.
    assert_eq!(platform.count(), 2, "{}", end.stderr);
    let host = serve(&bed).await;
    let client = host.client();
    for id in [&id, &later] {
        let shown = ended(&client, id).await;
        assert_eq!(shown["status"], "accepted", "{shown}");
        for item in shown["items"].as_array().unwrap() {
            // What had not left was not tried.
            assert_eq!(item["attempts"], 1, "{item}");
        }
    }
    assert_eq!(platform.count(), RECORDS + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_and_queued_requests_share_the_time_that_a_host_has_to_end() {
    const SHUTDOWN: Duration = Duration::from_secs(10);
    // What the documentation says comes after it.
    const AFTER: Duration = Duration::from_secs(10);
    let platform = Recorder::answering(|_| Reply::json("{}").after(Duration::from_secs(300))).await;
    let bed = bed(&platform, "limits = { timeout_ms = 300000 }\n");
    bed.configure(&format!("limits.shutdown_ms = {}\n", SHUTDOWN.as_millis()));
    let host = serve(&bed).await;
    let client = host.client();
    let caller = host.client();
    let call = tokio::spawn(async move {
        let body = r#"{"sku":"1","mode":"adjust"}"#;
        caller.post("/v1/acme/shop/keyed", body).await
    });
    let id = queue(&client, r#"{"sku":"2","mode":"adjust"}"#).await;
    until("both to be under way", || {
        (platform.count() == 2).then_some(())
    })
    .await;
    let told = Instant::now();
    host.terminate().await;
    let end = host.ended().await;
    let took = told.elapsed();
    // The call was cut off, and the exit code says so.
    assert_eq!(end.code, Some(1), "{end:?}");
    assert!(call.await.unwrap().is_err());
    assert!(took >= SHUTDOWN, "it did not wait: {took:?}");
    assert!(took < SHUTDOWN + AFTER, "it took {took:?}");
    let host = serve(&bed).await;
    let shown = ended(&host.client(), &id).await;
    assert_eq!(shown["status"], "unknown", "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_can_be_read_by_another_program_while_the_host_runs() {
    let platform = Recorder::start().await;
    let bed = bed(&platform, "");
    let host = serve(&bed).await;
    let client = host.client();
    let id = queue(&client, r#"[{"sku":"1"},{"sku":"2"}]"#).await;
    item_is(&client, &id, 1, "accepted").await;
    let file = bed.path("data/outbox/outbox.db");
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let other = rusqlite::Connection::open_with_flags(file, flags).unwrap();
    let count = || -> i64 {
        let count = other.query_row("SELECT count(*) FROM item", [], |row| row.get(0));
        count.unwrap()
    };
    assert_eq!(count(), 2);
    // Neither is in the other's way.
    queue(&client, r#"{"sku":"3"}"#).await;
    assert_eq!(count(), 3);
}
