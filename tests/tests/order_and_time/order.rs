//! Order is kept per key, and only there.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crossdock::report::{DeliveryStatus, ItemStatus};
use crossdock_tests::recorder::{Recorder, Reply};

use crate::{NEVER, Shop, outcome};

/// Which of these is in the body, once.
fn first_time(seen: &Mutex<Vec<String>>, body: String) -> bool {
    let mut seen = seen.lock().expect("no panic");
    let new = !seen.contains(&body);
    seen.push(body);
    new
}

#[tokio::test(flavor = "multi_thread")]
async fn the_repeat_of_a_timed_out_total_does_not_overtake_a_newer_one() {
    let seen = Mutex::new(Vec::new());
    let platform = Recorder::answering(move |request| {
        let late = request.text().contains(":10") && first_time(&seen, request.text());
        match late {
            true => Reply::json("{}").after(NEVER),
            false => Reply::json("{}"),
        }
    })
    .await;
    let shop = Shop::start(platform, "", "limits = { timeout_ms = 700 }").await;
    let total =
        |sku: u32, total: u32| format!(r#"{{"sku":"{sku}","quantity":{total},"repeatable":true}}"#);
    let items = [total(1, 10), total(1, 20), total(2, 30)];
    let report = shop.call("keyed", &format!("[{}]", items.join(","))).await;
    assert_eq!(report.status, DeliveryStatus::Accepted, "{report:?}");
    let of_one: Vec<String> = shop
        .bodies()
        .into_iter()
        .filter(|body| body.contains(r#""sku":"1""#))
        .collect();
    let wanted = [&items[0], &items[0], &items[1]].map(|item| format!("[{item}]"));
    assert_eq!(of_one, wanted);
    // The other sku waited for nobody.
    let bodies = shop.bodies();
    let other = bodies.iter().position(|body| body.contains(r#""sku":"2""#));
    assert!(other.expect("the other sku") <= 1, "{bodies:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_declared_order_a_request_that_goes_again_holds_back_the_rest() {
    let seen = Mutex::new(Vec::new());
    let platform = Recorder::answering(move |request| {
        let first = request.text().contains("\"a\"") && first_time(&seen, request.text());
        match first {
            true => Reply::text(503, "not now"),
            false => Reply::json("{}"),
        }
    })
    .await;
    let shop = Shop::start(platform, "", "").await;
    let (a, b) = (
        r#"{"n":"a","repeatable":true}"#,
        r#"{"n":"b","repeatable":true}"#,
    );
    let report = shop.call("echo", &format!("[{a},{b}]")).await;
    assert_eq!(report.status, DeliveryStatus::Accepted, "{report:?}");
    assert_eq!(shop.bodies(), [a, a, b].map(|item| format!("[{item}]")));
    let attempts: Vec<u32> = report.requests.iter().map(|one| one.attempt).collect();
    assert_eq!(attempts, [1, 2, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_share_no_key_go_out_at_the_same_time() {
    const REQUESTS: u32 = 1_000;
    const CONCURRENCY: u32 = 20;
    const ANSWER: Duration = Duration::from_millis(50);
    let platform = Recorder::answering(|_| Reply::json("{}").after(ANSWER)).await;
    let limits = format!("limits = {{ concurrency = {CONCURRENCY} }}");
    let shop = Shop::start(platform, "", &limits).await;
    let items: Vec<String> = (0..REQUESTS)
        .map(|sku| format!(r#"{{"sku":"{sku}"}}"#))
        .collect();
    let started = Instant::now();
    let report = shop.call("keyed", &format!("[{}]", items.join(","))).await;
    let took = started.elapsed();
    let ideal = ANSWER * REQUESTS / CONCURRENCY;
    println!(
        "{REQUESTS} requests at {ANSWER:?} with concurrency {CONCURRENCY}: {took:?}, ideal {ideal:?}"
    );
    assert_eq!(report.status, DeliveryStatus::Accepted);
    assert_eq!(shop.platform.count(), REQUESTS as usize);
    assert!(took >= ideal, "more than {CONCURRENCY} at once: {took:?}");
    assert!(
        took < ANSWER * REQUESTS / 2,
        "one after the other: {took:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_go_at_the_same_time_and_are_reported_in_their_order() {
    let platform = Recorder::answering(|request| {
        // The first is the last to be answered.
        match request.text().contains("slow") {
            true => Reply::json("{}").after(Duration::from_millis(600)),
            false => outcome("rejected", "").after(Duration::from_millis(300)),
        }
    })
    .await;
    let shop = Shop::start(platform, "", "limits = { concurrency = 8 }").await;
    let mut items = vec![r#"{"n":"slow"}"#.to_owned()];
    items.extend((1..8).map(|n| format!(r#"{{"n":"{n}"}}"#)));
    let report = shop.call("read", &format!("[{}]", items.join(","))).await;
    let statuses: Vec<ItemStatus> = report.items.iter().map(|item| item.status).collect();
    assert_eq!(statuses[0], ItemStatus::Accepted);
    assert!(statuses[1..].iter().all(|one| *one == ItemStatus::Rejected));
    assert_eq!(report.requests.len(), 8);
    assert!(report.requests[0].ms >= 600, "{:?}", report.requests);
    assert!(report.requests[1..].iter().all(|one| one.ms < 600));
    let all: u64 = report.requests.iter().map(|one| one.ms).sum();
    println!("8 reads, {all} ms together");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_records_about_one_thing_in_requests_of_their_own() {
    let platform = Recorder::start().await;
    let shop = Shop::start(platform, "", "settings = { per_request = 10 }").await;
    let body = r#"[{"sku":"1","n":1},{"sku":"2","n":2},{"sku":"1","n":3}]"#;
    let call = crossdock_tests::bed::call("acme", "shop", "keyed", body);
    let dry = shop.host.dry_run(call).await.expect("a dry run");
    let carried: Vec<_> = dry.requests.iter().map(|request| &request.items).collect();
    assert_eq!(carried, [&vec![0, 1], &vec![2]]);
    let report = shop.call("keyed", body).await;
    assert_eq!(report.status, DeliveryStatus::Accepted);
    let sent: Vec<Option<String>> = shop.bodies().into_iter().map(Some).collect();
    let shown: Vec<_> = dry
        .requests
        .into_iter()
        .map(|request| request.body)
        .collect();
    assert_eq!(sent, shown);
}
