//! What is known of every attempt.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crossdock_tests::client::Client;
use crossdock_tests::recorder::{Recorder, Reply};
use crossdock_tests::wait::until;
use serde_json::Value;

use crate::setting::{bed, ended, put_tenant, queue, serve};

async fn item(client: &Client, id: &str, index: usize) -> Value {
    let path = format!("/v1/acme/deliveries/{id}/items/{index}");
    client.get(&path).await.expect("the item")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_attempt_is_kept_with_its_request_and_the_beginning_of_its_answer() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let platform = Recorder::answering(move |_| match counted.fetch_add(1, Ordering::Relaxed) {
        0 => Reply::text(503, "<html>\n  maintenance, sesame-4711-open"),
        1 => Reply::json(r#"{"outcome":"retry","code":"E7","message":"come back"}"#),
        _ => Reply::json(r#"{"fine":true}"#),
    })
    .await;
    let more = "secrets = { secret = { file = \"secret.txt\" } }\n";
    let bed = bed(&platform, "");
    bed.put_tenant("acme", "secret.txt", "sesame-4711-open");
    put_tenant(&bed, &platform, more);
    let host = serve(&bed).await;
    let client = host.client();
    let id = queue(&client, r#"{"sku":"1","repeatable":true}"#).await;
    assert_eq!(ended(&client, &id).await["status"], "accepted");
    let shown = item(&client, &id, 0).await;
    assert_eq!(shown["input"]["sku"], "1");
    assert_eq!(
        (&shown["attempts"], &shown["label"]),
        (&3.into(), &"1".into())
    );
    let history = shown["history"].as_array().expect("attempts");
    assert_eq!(history.len(), 3, "{shown}");
    for attempt in history {
        let request = &attempt["requests"][0];
        assert_eq!(request["method"], "POST", "{attempt}");
        let url = request["url"].as_str().unwrap();
        assert_eq!(url, format!("{}/echo", platform.base_url()));
        assert!(request["ms"].is_u64() && attempt["ended_ms"].is_u64());
        assert_eq!(
            (&attempt["left"], &attempt["repeatable"]),
            (&true.into(), &true.into())
        );
        let made_by = attempt["generations"].as_str().unwrap();
        assert!(made_by.starts_with("test-adapter"), "{attempt}");
    }
    let [last, second, first] = &history[..] else {
        panic!("{shown}");
    };
    assert_eq!(
        (&last["http_status"], &last["code"]),
        (&200.into(), &Value::Null)
    );
    assert_eq!(last["answer"], r#"{"fine":true}"#);
    assert_eq!(
        (&second["code"], &second["message"]),
        (&"E7".into(), &"come back".into())
    );
    assert_eq!(second["blame"], "platform");
    assert_eq!(first["http_status"], 503);
    assert_eq!(first["answer"], "<html> maintenance, «secret»");
    assert!(!shown.to_string().contains("sesame"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn items_of_one_batch_keep_the_requests_that_carried_them_apart() {
    let platform = Recorder::answering(|request| match request.text().contains("bad") {
        true => Reply::json(r#"{"outcome":"rejected","code":"E1","message":"no such article"}"#),
        false => Reply::json("{}"),
    })
    .await;
    let bed = bed(&platform, "");
    let host = serve(&bed).await;
    let client = host.client();
    let body = r#"[{"sku":"good"},{"sku":"bad"},{"sku":"fine","repeatable":true},{"sku":"bad too","repeatable":true}]"#;
    let id = queue(&client, body).await;
    assert_eq!(ended(&client, &id).await["status"], "partial");
    for (index, code) in [(0, None), (1, Some("E1")), (2, None), (3, Some("E1"))] {
        let shown = item(&client, &id, index).await;
        let attempt = &shown["history"][0];
        assert_eq!(attempt["code"].as_str(), code, "{shown}");
        assert_eq!(attempt["requests"].as_array().unwrap().len(), 1, "{shown}");
        assert_eq!(attempt["items"], 1, "{shown}");
        assert_eq!(attempt["repeatable"], index > 1, "{shown}");
        let refused = attempt["answer"].as_str().unwrap().contains("rejected");
        assert_eq!(refused, code.is_some(), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_under_way_at_a_kill_shows_the_request_that_may_have_arrived() {
    let platform = Recorder::answering(|_| Reply::json("{}").after(Duration::from_secs(60))).await;
    let bed = bed(&platform, "");
    let host = serve(&bed).await;
    let client = host.client();
    let id = queue(&client, r#"{"sku":"1","mode":"adjust"}"#).await;
    until("it to be under way", || {
        (platform.count() == 1).then_some(())
    })
    .await;
    let shown = item(&client, &id, 0).await;
    assert_eq!(shown["history"][0]["ended_ms"], Value::Null, "{shown}");
    host.kill().await;

    let host = serve(&bed).await;
    let client = host.client();
    assert_eq!(ended(&client, &id).await["status"], "unknown");
    let shown = item(&client, &id, 0).await;
    let attempt = &shown["history"][0];
    assert_eq!(
        (&attempt["left"], &attempt["repeatable"]),
        (&true.into(), &false.into())
    );
    let request = &attempt["requests"][0];
    assert_eq!(request["method"], "POST", "{shown}");
    assert!(
        request["url"].as_str().unwrap().ends_with("/echo"),
        "{shown}"
    );
    assert_eq!(
        (&request["status"], &attempt["code"]),
        (&Value::Null, &"host-ended".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_refused_after_an_attempt_without_an_answer_says_so() {
    let first = Arc::new(AtomicBool::new(true));
    let lost = first.clone();
    let platform = Recorder::answering(move |request| {
        let refused = Reply::json(r#"{"outcome":"rejected","code":"E1","message":"no"}"#);
        let is_lost = request.text().contains("lost") && lost.swap(false, Ordering::Relaxed);
        match is_lost {
            true => refused.after(Duration::from_secs(60)),
            false => refused,
        }
    })
    .await;
    let more = "limits = { attempts = 1, timeout_ms = 500 }\noutbox = { first_pause_ms = 10 }\n";
    let bed = bed(&platform, more);
    let host = serve(&bed).await;
    let client = host.client();
    let plain = queue(&client, r#"{"sku":"plain","repeatable":true}"#).await;
    let shown = ended(&client, &plain).await;
    assert_eq!(shown["status"], "rejected", "{shown}");
    assert!(shown["items"][0].get("earlier").is_none(), "{shown}");
    let id = queue(&client, r#"{"sku":"lost","repeatable":true}"#).await;
    let shown = ended(&client, &id).await;
    let item = &shown["items"][0];
    assert_eq!(
        (&item["status"], &item["attempts"], &item["earlier"]),
        (&"rejected".into(), &2.into(), &"unknown".into()),
        "{shown}"
    );
    let listed = client.get("/v1/acme/deliveries?label=lost").await.unwrap();
    assert_eq!(listed["items"][0]["earlier"], "unknown", "{listed}");
}
