//! When a record goes again: what its platform's answers say about its connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use crossdock_tests::bed::connection;
use crossdock_tests::client::Client;
use crossdock_tests::recorder::{Recorder, Reply};
use crossdock_tests::wait::{until, until_async};
use http::{Method, StatusCode};
use serde_json::Value;

use crate::setting::{bed, ended, put_tenant, queue, serve, show};

/// What the platform answers now.
#[derive(Clone, Default)]
struct Mood(Arc<AtomicU8>);

impl Mood {
    const FINE: u8 = 0;
    const THROTTLED: u8 = 1;
    const UNAUTHENTICATED: u8 = 2;
    const DOWN: u8 = 3;

    fn set(&self, mood: u8) {
        self.0.store(mood, Ordering::Relaxed);
    }

    async fn platform(&self) -> Recorder {
        let mood = self.clone();
        Recorder::answering(move |request| match mood.0.load(Ordering::Relaxed) {
            // Another connection's is always fine.
            _ if request.target.starts_with("/other") => Reply::json("{}"),
            Self::THROTTLED => Reply::json(r#"{"outcome":"throttled","after_ms":1}"#),
            Self::UNAUTHENTICATED => Reply::text(401, "who are you"),
            Self::DOWN => Reply::text(503, "not now"),
            _ => Reply::json("{}"),
        })
        .await
    }
}

/// How the connection `shop` is getting on.
async fn shop(client: &Client) -> Value {
    let shown = client.get("/v1/acme/connections").await.unwrap();
    let connections = shown["connections"].as_array().unwrap();
    let shop = connections
        .iter()
        .find(|shown| shown["connection"] == "shop");
    shop.unwrap_or_else(|| panic!("{shown}")).clone()
}

async fn shop_is(client: &Client, state: &str) -> Value {
    until_async(&format!("the connection to be {state}"), async || {
        let shown = shop(client).await;
        (shown["state"] == state).then_some(shown)
    })
    .await
}

fn record(sku: usize) -> String {
    format!(r#"{{"sku":"{sku}","repeatable":true}}"#)
}

async fn queue_some(client: &Client, skus: std::ops::Range<usize>) -> Vec<String> {
    let mut queued = Vec::new();
    for sku in skus {
        queued.push(queue(client, &record(sku)).await);
    }
    queued
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_call_is_queued_where_its_connection_says_so() {
    let platform = Recorder::start().await;
    let bed = bed(&platform, "outbox = { default = true }");
    let host = serve(&bed).await;
    let client = host.client();
    for (path, expected) in [
        ("/v1/acme/shop/keyed", StatusCode::ACCEPTED),
        ("/v1/acme/shop/echo", StatusCode::ACCEPTED),
        ("/v1/acme/shop/keyed?queue=true", StatusCode::ACCEPTED),
        ("/v1/acme/shop/keyed?queue=false", StatusCode::OK),
        ("/v1/acme/shop/keyed?dry_run=true", StatusCode::OK),
        // What only reads is wanted now.
        ("/v1/acme/shop/read", StatusCode::OK),
        ("/v1/acme/shop/read?queue=true", StatusCode::ACCEPTED),
        ("/v1/acme/shop/nothing", StatusCode::NOT_FOUND),
    ] {
        let (status, answer) = client.send(Method::POST, path, Some("{}")).await.unwrap();
        assert_eq!(status, expected, "{path}: {answer}");
        if status == StatusCode::ACCEPTED {
            let id = answer["delivery"].as_str().unwrap();
            assert_eq!(ended(&client, id).await["status"], "accepted");
        }
    }
    assert_eq!(shop(&client).await["queues_by_default"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_records_leave_in_one_request_and_a_full_one_at_once() {
    let platform = Recorder::start().await;
    let bed = bed(&platform, "");
    let more = "settings = { per_request = 1000 }\noutbox = { gather_ms = 10000 }\n";
    let other = format!("{more}\n");
    let text = [
        connection("shop", "test-adapter", &platform.base_url(), more),
        connection("other", "test-adapter", &platform.base_url(), &other),
    ];
    bed.put_tenant("acme", "tenant.toml", &text.concat());
    let host = serve(&bed).await;
    let client = host.client();
    let path = "/v1/acme/other/keyed?queue=true";
    let lone = client.post(path, &record(1)).await.unwrap();
    let lone = lone["delivery"].as_str().unwrap();
    let records: Vec<String> = (0..200).map(record).collect();
    let full = queue(&client, &format!("[{}]", records.join(","))).await;
    ended(&client, &full).await;
    // It waits for company still.
    assert_eq!(show(&client, lone).await["status"], "queued");
    assert_eq!(platform.count(), 1);
    // Ten more come one by one, and leave together.
    let some = queue_some(&client, 300..310).await;
    for id in &some {
        let shown = ended(&client, id).await;
        assert_eq!(shown["status"], "accepted", "{shown}");
    }
    ended(&client, lone).await;
    assert!(platform.count() <= 5, "{}", platform.count());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_throttles_gets_fewer_at_once_and_then_more_again() {
    let mood = Mood::default();
    let platform = mood.platform().await;
    let bed = bed(
        &platform,
        "limits = { concurrency = 8 }\noutbox = { gather_ms = 0, first_pause_ms = 10, longest_pause_ms = 50 }\n",
    );
    let host = serve(&bed).await;
    let client = host.client();
    assert_eq!(shop(&client).await["allowed"], 8);
    mood.set(Mood::THROTTLED);
    let queued = queue_some(&client, 0..20).await;
    let shown = until_async("it to be slowed down to one", async || {
        let shown = shop(&client).await;
        (shown["allowed"] == 1).then_some(shown)
    })
    .await;
    assert_eq!(
        (&shown["state"], &shown["concurrency"]),
        (&"slowed".into(), &8.into())
    );
    mood.set(Mood::FINE);
    for id in &queued {
        assert_eq!(ended(&client, id).await["status"], "accepted");
    }
    for id in queue_some(&client, 100..180).await {
        ended(&client, &id).await;
    }
    assert_eq!(shop_is(&client, "open").await["allowed"], 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_credentials_a_connection_waits_until_its_settings_change() {
    let mood = Mood::default();
    let platform = mood.platform().await;
    let tenant = |path: &str| {
        let more = format!("settings = {{ path = \"{path}\" }}\noutbox = {{ gather_ms = 0 }}\n");
        let other = "settings = { path = \"/other\" }\n";
        [
            connection("shop", "test-adapter", &platform.base_url(), &more),
            connection("other", "test-adapter", &platform.base_url(), other),
        ]
        .concat()
    };
    let bed = bed(&platform, "");
    bed.put_tenant("acme", "tenant.toml", &tenant("/a"));
    let mut host = serve(&bed).await;
    let mut client = host.client();
    mood.set(Mood::UNAUTHENTICATED);
    let first = queue(&client, &record(0)).await;
    let stopped = shop_is(&client, "stopped").await;
    assert_eq!(
        (&stopped["allowed"], &stopped["code"]),
        (&0.into(), &"http-401".into())
    );
    assert!(stopped["since_ms"].is_u64(), "{stopped}");
    let later = queue_some(&client, 1..6).await;
    let other = "/v1/acme/other/keyed?queue=true";
    // Another connection's record goes through all of it meanwhile.
    let id = client.post(other, &record(0)).await.unwrap();
    ended(&client, id["delivery"].as_str().unwrap()).await;
    let refused = || {
        let requests = platform.requests();
        requests.iter().filter(|sent| sent.target == "/a").count()
    };
    assert_eq!(refused(), 1);
    assert_eq!(shop(&client).await["waiting"], 6);
    // Over a restart, one request finds out.
    host.kill().await;
    host = serve(&bed).await;
    client = host.client();
    until("one request to find out", || (refused() == 2).then_some(())).await;
    shop_is(&client, "stopped").await;
    // What has changed on the platform alone changes nothing here, until a person
    // says so or the settings change.
    mood.set(Mood::FINE);
    let id = client.post(other, &record(1)).await.unwrap();
    ended(&client, id["delivery"].as_str().unwrap()).await;
    assert_eq!(refused(), 2);
    bed.put_tenant("acme", "tenant.toml", &tenant("/b"));
    for id in later.iter().chain([&first]) {
        assert_eq!(ended(&client, id).await["status"], "accepted");
    }
    // Those that waited have used up no attempts: of all six, two were refused.
    let mut attempts = 0;
    for id in later.iter().chain([&first]) {
        attempts += show(&client, id).await["items"][0]["attempts"]
            .as_u64()
            .unwrap();
    }
    assert_eq!(attempts, 8);
    until_async("the connection to be open", async || {
        let state = shop(&client).await["state"].clone();
        (state == "open" || state == "slowed").then_some(())
    })
    .await;
    drop(host);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_that_a_platform_asked_for_goes_on_over_a_kill() {
    let platform = Recorder::answering(|request| match &*request.target {
        "/other" => Reply::json("{}"),
        _ => Reply::text(429, "slowly").with_header("retry-after", "600"),
    })
    .await;
    let bed = bed(&platform, "");
    let tenant = [
        connection("shop", "test-adapter", &platform.base_url(), ""),
        connection(
            "other",
            "test-adapter",
            &platform.base_url(),
            "settings = { path = \"/other\" }\n",
        ),
    ]
    .concat();
    bed.put_tenant("acme", "tenant.toml", &tenant);
    let host = serve(&bed).await;
    let client = host.client();
    let first = queue(&client, &record(0)).await;
    // It is written down together with the attempt.
    until_async("the attempt to be written down", async || {
        (show(&client, &first).await["items"][0]["attempts"] == 1).then_some(())
    })
    .await;
    let asked = || {
        let requests = platform.requests();
        requests
            .iter()
            .filter(|sent| sent.target != "/other")
            .count()
    };
    assert_eq!(asked(), 1);
    let before = shop(&client).await;
    let until = before["until_ms"].as_u64().expect("its end");
    host.kill().await;

    let host = serve(&bed).await;
    let client = host.client();
    let after = shop(&client).await;
    let kept = after["until_ms"].as_u64().expect("its end");
    assert!(kept.abs_diff(until) <= 2_000, "{before} {after}");
    assert_eq!(after["allowed"], before["allowed"], "{after}");
    // Another connection's record goes through; nothing more leaves for this one.
    queue_some(&client, 1..4).await;
    let path = "/v1/acme/other/keyed?queue=true";
    let id = client.post(path, &record(0)).await.unwrap();
    ended(&client, id["delivery"].as_str().unwrap()).await;
    assert_eq!(asked(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_mended_the_platform_lets_a_stopped_connection_go_on() {
    let mood = Mood::default();
    let platform = mood.platform().await;
    let bed = bed(&platform, "outbox = { gather_ms = 0 }");
    let host = serve(&bed).await;
    let client = host.client();
    let resume = "/v1/acme/connections/shop/resume";
    assert_eq!(client.post(resume, "").await.unwrap()["resumed"], false);
    mood.set(Mood::UNAUTHENTICATED);
    let id = queue(&client, &record(0)).await;
    shop_is(&client, "stopped").await;
    mood.set(Mood::FINE);
    assert_eq!(client.post(resume, "").await.unwrap()["resumed"], true);
    assert_eq!(ended(&client, &id).await["status"], "accepted");
    for path in [
        "/v1/acme/connections/nobody/resume",
        "/v1/nobody/connections/shop/resume",
    ] {
        let (status, answer) = client.send(Method::POST, path, None).await.unwrap();
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_is_down_is_asked_by_one_request_at_a_time() {
    let mood = Mood::default();
    let platform = mood.platform().await;
    let bed = bed(
        &platform,
        "outbox = { gather_ms = 0, first_pause_ms = 1, longest_pause_ms = 10, \
         breaker_requests = 6, breaker_pause_ms = 400 }\n",
    );
    let host = serve(&bed).await;
    let client = host.client();
    mood.set(Mood::DOWN);
    let queued = queue_some(&client, 0..30).await;
    let shown = shop_is(&client, "broken").await;
    assert!(shown["until_ms"].is_u64(), "{shown}");
    // Records that go again after 10 ms are held back by the connection.
    let before = platform.count();
    until("some requests to find out", || {
        (platform.count() >= before + 2).then_some(())
    })
    .await;
    let down = platform.count();
    mood.set(Mood::FINE);
    for id in &queued {
        assert_eq!(ended(&client, id).await["status"], "accepted");
    }
    assert!(
        down < 30,
        "{down} requests for 30 records that go again every 10 ms"
    );
    assert_ne!(shop(&client).await["state"], "broken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_too_old_is_failed_when_it_fails_again() {
    // An hour is the least; the age is that of the record, and so one of a second
    // goes on.
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let platform = Recorder::answering(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        Reply::text(503, "not now").with_header("retry-after", "3600")
    })
    .await;
    let bed = bed(&platform, "outbox = { gather_ms = 0, give_up_hours = 1 }");
    let host = serve(&bed).await;
    let client = host.client();
    let id = queue(&client, &record(0)).await;
    let item = until_async("it to be tried", async || {
        let item = show(&client, &id).await["items"][0].clone();
        (item["attempts"] == 1).then_some(item)
    })
    .await;
    assert_eq!(item["status"], "queued");
    // Not before the platform's own pause.
    let due = item["due_ms"].as_u64().unwrap();
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap();
    let wait = Duration::from_millis(due).saturating_sub(now);
    assert!(wait > Duration::from_secs(3000), "{wait:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_settings_is_said_with_its_line() {
    let platform = Recorder::start().await;
    let bed = bed(&platform, "");
    put_tenant(
        &bed,
        &platform,
        "outbox = { gater_ms = 1, breaker_percent = 0 }\n",
    );
    let checked = crossdock_tests::process::run(&bed.path(""), &["check"]).await;
    let said = checked.stdout + &checked.stderr;
    assert!(said.contains("did you mean `gather_ms`?"), "{said}");
    assert!(said.contains("must be between 1 and 100"), "{said}");
}
