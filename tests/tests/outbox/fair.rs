//! Fair shares: of the places for requests, of a connection's limit over
//! restarts, and of the disk.

use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crossdock_tests::bed::connection;
use crossdock_tests::client::Client;
use crossdock_tests::recorder::{Recorder, Reply};
use crossdock_tests::wait::{until, until_async};
use http::{Method, StatusCode};

use crate::setting::{bed, ended, queue, serve};

/// The delay of a single record that is stated in docs/outbox.md is far below
/// this: the machine may be busy.
const BOUND: Duration = Duration::from_secs(10);

async fn take_in(client: &Client, path: &str, body: &str) -> String {
    let (status, answer) = client.send(Method::POST, path, Some(body)).await.unwrap();
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    answer["delivery"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_a_backlog_nor_platforms_that_hang_keep_another_tenants_record() {
    const BACKLOG: usize = 20_000;
    let platform = Recorder::answering(|request| match &*request.target {
        "/hang" => Reply::json("{}").after(Duration::from_secs(600)),
        "/slow" => Reply::json("{}").after(Duration::from_secs(1)),
        _ => Reply::json("{}"),
    })
    .await;
    let bed = bed(&platform, "");
    // Sixteen lanes that hang.
    let mut hanging = String::new();
    for number in 0..4 {
        let more = "settings = { path = \"/hang\" }\n\
                    limits = { timeout_ms = 600000 }\noutbox = { gather_ms = 0 }\n";
        let name = format!("shop{number}");
        hanging += &connection(&name, "test-adapter", &platform.base_url(), more);
    }
    bed.put_tenant("hangs", "tenant.toml", &hanging);
    let more = "settings = { path = \"/slow\", per_request = 50 }\n";
    let text = connection("shop", "test-adapter", &platform.base_url(), more);
    bed.put_tenant("large", "tenant.toml", &text);
    let host = serve(&bed).await;
    let client = host.client();
    for number in 0..4 {
        for operation in ["echo", "keyed", "read", "keyed"] {
            let records: Vec<String> = (0..400).map(|n| format!("{{\"sku\":\"{n}\"}}")).collect();
            let path = format!("/v1/hangs/shop{number}/{operation}?queue=true");
            take_in(&client, &path, &format!("[{}]", records.join(","))).await;
        }
    }
    for half in 0..2 {
        let mut records = String::from("[");
        for sku in 0..BACKLOG / 2 {
            let comma = if sku == 0 { "" } else { "," };
            let sku = half * BACKLOG + sku;
            write!(records, "{comma}{{\"sku\":\"{sku}\",\"repeatable\":true}}").unwrap();
        }
        records.push(']');
        take_in(&client, "/v1/large/shop/keyed?queue=true", &records).await;
    }
    let hang = |wanted: &str| {
        let requests = platform.requests();
        requests.iter().filter(|sent| sent.target == wanted).count()
    };
    until("requests to hang", || (hang("/hang") >= 12).then_some(())).await;
    until("the backlog to be under way", || {
        (hang("/slow") >= 4).then_some(())
    })
    .await;
    let mut longest = Duration::ZERO;
    for sku in 0..10 {
        let started = Instant::now();
        let id = queue(&client, &format!(r#"{{"sku":"{sku}","repeatable":true}}"#)).await;
        assert_eq!(ended(&client, &id).await["status"], "accepted");
        longest = longest.max(started.elapsed());
    }
    let shown = client.get("/v1/large/connections").await.unwrap();
    let waiting = shown["connections"][0]["waiting"].as_u64().unwrap();
    eprintln!(
        "a single record took {longest:?} at most, 200 ms of which are its wait for company, beside {waiting} that wait"
    );
    assert!(waiting > 1000, "the backlog was gone: {shown}");
    assert!(longest < BOUND, "{longest:?}");
    // The tenant that hangs has its share and no more.
    assert!(hang("/hang") <= 16, "{}", hang("/hang"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_minute_is_above_its_limit_over_kills_either() {
    // An interval that is longer than a restart takes: a host that had forgotten
    // would send at once.
    const PER_MINUTE: u32 = 12;
    const ROUNDS: usize = 4;
    let interval = Duration::from_secs(60) / PER_MINUTE;
    let arrived: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let seen = arrived.clone();
    let platform = Recorder::answering(move |_| {
        seen.lock().unwrap().push(Instant::now());
        Reply::json("{}")
    })
    .await;
    let count = || arrived.lock().unwrap().len();
    let bed = bed(
        &platform,
        &format!("limits = {{ requests_per_minute = {PER_MINUTE} }}\n"),
    );
    for round in 0..ROUNDS {
        let host = serve(&bed).await;
        let client = host.client();
        let record = format!(r#"{{"sku":"{round}","repeatable":true}}"#);
        // Queued and called: both count.
        if round % 2 == 0 {
            queue(&client, &record).await;
        } else {
            let called = client.post("/v1/acme/shop/keyed", &record).await.unwrap();
            assert_eq!(called["status"], "accepted", "{called}");
        }
        until("a request to have left", || (count() > round).then_some(())).await;
        match round % 3 {
            2 => {
                host.terminate().await;
                host.ended().await;
            }
            _ => host.kill().await,
        }
    }
    let arrived = arrived.lock().unwrap().clone();
    // What the way to the platform took from one and not from the other.
    let jitter = Duration::from_secs(1);
    for pair in arrived.windows(2) {
        let took = pair[1] - pair[0];
        assert!(took + jitter >= interval, "{took:?} between two requests");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_has_its_part_of_the_disk_is_refused_and_nobody_else() {
    let platform = Recorder::answering(|_| Reply::text(503, "not now")).await;
    let bed = bed(&platform, "");
    bed.configure("[limits]\noutbox_tenant_mb = 1\n");
    let text = connection("shop", "test-adapter", &platform.base_url(), "");
    bed.put_tenant("other", "tenant.toml", &text);
    let mut host = serve(&bed).await;
    let mut client = host.client();
    let large = |sku: usize| {
        let padding = "x".repeat(300_000);
        format!(r#"{{"sku":"{sku}","repeatable":true,"padding":"{padding}"}}"#)
    };
    let path = "/v1/acme/shop/keyed?queue=true";
    let first = take_in(&client, path, &large(0)).await;
    take_in(&client, path, &large(1)).await;
    take_in(&client, path, &large(2)).await;
    for round in 0..2 {
        let (status, answer) = client
            .send(Method::POST, path, Some(&large(3)))
            .await
            .unwrap();
        assert_eq!(status, StatusCode::INSUFFICIENT_STORAGE, "{answer}");
        assert_eq!(answer["code"], "outbox-tenant-full");
        assert!(
            answer["detail"]
                .as_str()
                .unwrap()
                .contains("outbox_tenant_mb"),
            "{answer}"
        );
        take_in(&client, "/v1/other/shop/keyed?queue=true", &large(round)).await;
        // What is counted is what is there, and not what this process took in.
        host.kill().await;
        host = serve(&bed).await;
        client = host.client();
    }
    let discard = format!("/v1/acme/deliveries/{first}/discard?reason=room");
    until_async("it to be discarded", async || {
        let done = client.post(&discard, "").await.unwrap();
        (done["changed"] == 1).then_some(())
    })
    .await;
    until_async("room to be there again", async || {
        let (status, _) = client
            .send(Method::POST, path, Some(&large(4)))
            .await
            .ok()?;
        (status == StatusCode::ACCEPTED).then_some(())
    })
    .await;
}
