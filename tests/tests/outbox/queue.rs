//! 202, and what follows when nothing goes wrong; and when the platform does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crossdock_tests::recorder::{Recorder, Reply};
use crossdock_tests::wait::{until, until_async};
use http::{Method, StatusCode};

use crate::setting::{KEYED, bed, ended, item_is, put_tenant, queue, serve, show};

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_was_taken_in_is_delivered_and_its_delivery_says_so() {
    let platform = Recorder::start().await;
    let bed = bed(&platform, "");
    let host = serve(&bed).await;
    let client = host.client();
    let id = queue(&client, r#"[{"sku":"1","repeatable":true},{"sku":"2"}]"#).await;
    let shown = ended(&client, &id).await;
    assert_eq!(shown["status"], "accepted", "{shown}");
    assert_eq!(shown["delivery"], id.as_str());
    assert_eq!(shown["operation"], "keyed");
    for (index, item) in shown["items"].as_array().unwrap().iter().enumerate() {
        assert_eq!(item["index"], index, "{item}");
        assert_eq!(
            (&item["status"], &item["attempts"]),
            (&"accepted".into(), &1.into())
        );
        assert!(item["data"].is_object(), "{item}");
    }
    assert_eq!(platform.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_platform_cannot_take_now_goes_again_by_itself() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let platform = Recorder::answering(move |_| match counted.fetch_add(1, Ordering::Relaxed) {
        0 | 1 => Reply::text(503, "not now"),
        _ => Reply::json("{}"),
    })
    .await;
    let bed = bed(&platform, "");
    let host = serve(&bed).await;
    let client = host.client();
    let id = queue(&client, r#"{"sku":"1","repeatable":true}"#).await;
    let shown = ended(&client, &id).await;
    assert_eq!(shown["status"], "accepted", "{shown}");
    assert_eq!(shown["items"][0]["attempts"], 3, "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_total_takes_the_place_of_one_that_waits_and_a_change_never_does() {
    let open = Arc::new(AtomicBool::new(false));
    let gate = open.clone();
    let platform = Recorder::answering(move |_| match gate.load(Ordering::Relaxed) {
        false => Reply::json(r#"{"outcome":"retry","after_ms":3000}"#),
        true => Reply::json("{}"),
    })
    .await;
    let bed = bed(&platform, "");
    let host = serve(&bed).await;
    let client = host.client();
    let record = |sku: &str, quantity: u32, mode: &str| {
        format!(r#"{{"sku":"{sku}","quantity":{quantity},"mode":"{mode}","repeatable":true}}"#)
    };
    let first = queue(&client, &record("a", 1, "set")).await;
    let change = queue(&client, &record("b", 1, "adjust")).await;
    // Both have been tried and wait for their next attempt.
    for id in [&first, &change] {
        until_async("it to be tried", async || {
            let item = show(&client, id).await["items"][0].clone();
            (item["status"] == "queued" && item["attempts"] == 1).then_some(())
        })
        .await;
    }
    let second = queue(&client, &record("a", 2, "set")).await;
    let other = queue(&client, &record("b", 2, "adjust")).await;
    let old = item_is(&client, &first, 0, "superseded").await;
    let new = show(&client, &second).await;
    assert_eq!(old["superseded_by"], new["items"][0]["id"]);
    assert_eq!(show(&client, &other).await["items"][0]["status"], "behind");
    open.store(true, Ordering::Relaxed);
    for id in [&second, &change, &other] {
        assert_eq!(ended(&client, id).await["status"], "accepted");
    }
    let sent: Vec<String> = platform
        .requests()
        .iter()
        .map(|request| request.text())
        .collect();
    let after = |text: &str| sent.iter().rposition(|body| body.contains(text));
    assert!(
        after(r#""b","quantity":1"#) < after(r#""b","quantity":2"#),
        "{sent:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_total_that_fails_while_a_newer_one_waits_behind_it_is_not_sent_again() {
    let open = Arc::new(AtomicBool::new(false));
    let gate = open.clone();
    let platform = Recorder::answering(move |_| match gate.load(Ordering::Relaxed) {
        false => Reply::text(503, "not now").after(Duration::from_secs(2)),
        true => Reply::json("{}"),
    })
    .await;
    let bed = bed(&platform, "");
    let host = serve(&bed).await;
    let client = host.client();
    let record = |quantity: u32| {
        format!(r#"{{"sku":"a","quantity":{quantity},"mode":"set","repeatable":true}}"#)
    };
    let stale = queue(&client, &record(1)).await;
    until("its request", || (platform.count() == 1).then_some(())).await;
    // While it is under way, two newer ones come.
    let between = queue(&client, &record(2)).await;
    let newest = queue(&client, &record(3)).await;
    assert_eq!(show(&client, &newest).await["items"][0]["status"], "behind");
    let number = show(&client, &newest).await["items"][0]["id"].clone();
    let old = item_is(&client, &stale, 0, "superseded").await;
    assert_eq!(old["superseded_by"], number, "{old}");
    assert_eq!(old["attempts"], 1, "{old}");
    item_is(&client, &between, 0, "superseded").await;
    open.store(true, Ordering::Relaxed);
    assert_eq!(ended(&client, &newest).await["status"], "accepted");
    let sent = platform.requests();
    let stale = r#""quantity":1"#;
    let of_stale = sent.iter().filter(|sent| sent.text().contains(stale));
    assert_eq!(of_stale.count(), 1, "the stale number was sent again");
    assert!(platform.last().text().contains(r#""quantity":3"#));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_is_the_same_delivery_and_another_body_is_refused() {
    let platform = Recorder::start().await;
    let bed = bed(&platform, "");
    let host = serve(&bed).await;
    let client = host.client().with_header("idempotency-key", "order 17");
    let body = r#"{"sku":"1"}"#;
    let id = queue(&client, body).await;
    assert_eq!(queue(&client, body).await, id);
    let other = client.send(Method::POST, KEYED, Some(r#"{"sku":"2"}"#));
    let (status, answer) = other.await.unwrap();
    assert_eq!(status, StatusCode::CONFLICT, "{answer}");
    assert_eq!(answer["code"], "idempotency-key-reused");
    ended(&client, &id).await;
    let again = client.post(KEYED, body).await.unwrap();
    assert_eq!(
        (&again["delivery"], &again["status"]),
        (&id.into(), &"accepted".into())
    );
    assert_eq!(platform.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_leaves_in_several_requests_at_once_is_delivered_whole() {
    let platform = Recorder::start().await;
    let bed = bed(&platform, "");
    bed.put_tenant("acme", "map.jq", ". + {sku: (\"a\", \"b\", \"c\", \"d\")}");
    put_tenant(&bed, &platform, "mappings.keyed = \"map.jq\"\n");
    let host = serve(&bed).await;
    let client = host.client();
    for _ in 0..10 {
        let id = queue(&client, "{}").await;
        let shown = ended(&client, &id).await;
        assert_eq!(shown["status"], "accepted", "{shown}");
    }
    assert_eq!(platform.count(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_queued_call_is_refused_and_nothing_is_kept() {
    let platform = Recorder::start().await;
    let bed = bed(&platform, "");
    let host = serve(&bed).await;
    let client = host.client();
    for (path, body, expected) in [
        ("/v1/acme/shop/keyed?queue=true&dry_run=true", "{}", 400),
        ("/v1/acme/shop/keyed?queue=true", "[]", 422),
        ("/v1/acme/shop/keyed?queue=true", "{", 400),
        ("/v1/acme/shop/nothing?queue=true", "{}", 404),
        ("/v1/acme/nobody/keyed?queue=true", "{}", 404),
    ] {
        let (status, answer) = client.send(Method::POST, path, Some(body)).await.unwrap();
        assert_eq!(status.as_u16(), expected, "{path} {body}: {answer}");
    }
    let listed = client.get("/v1/acme/deliveries").await.unwrap();
    assert_eq!(
        listed["items"].as_array().map(Vec::len),
        Some(0),
        "{listed}"
    );
    assert_eq!(platform.count(), 0);
}
