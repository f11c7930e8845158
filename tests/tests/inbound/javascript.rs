//! An adapter that is a file, in the style of 抖店's message push.

use crossdock::inbound::Refusal;
use crossdock_tests::bed::connection;
use crossdock_tests::recorder::Recorder;
use md5::{Digest, Md5};

use crate::setting::{SECRET, bed, flow, host, items, push, reached, told};

const ADAPTER: &str = include_str!("doudian-push.js");

fn sign(secret: &str, body: &str) -> String {
    hex::encode(Md5::digest(format!("app-1{body}{secret}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_verifies_splits_and_answers_what_its_platform_pushes() {
    let shop = Recorder::start().await;
    let more =
        "secrets = { app-secret = { file = \"key.txt\" } }\nsettings = { app_key = \"app-1\" }";
    let platform = connection("douyin", "doudian-push", &shop.base_url(), more);
    let flow = flow("{ connection = \"douyin\", inbound = true }");
    let bed = bed(&["runtime-js"], &shop, &(platform + &flow));
    std::fs::write(bed.path("plugins/doudian-push.js"), ADAPTER).expect("writing");
    let host = host(&bed).await;
    let message = |id: &str, sku: &str| {
        let data = format!("{{\\\"sku\\\":\\\"{sku}\\\",\\\"id\\\":12345678901234567890}}");
        format!("{{\"tag\":\"100\",\"msg_id\":\"{id}\",\"data\":\"{data}\"}}")
    };
    let body = format!("[{},{}]", message("m-1", "a"), message("m-2", "b"));
    let signed = sign(SECRET, &body);
    for _ in 0..2 {
        let pushed = push(&[("event-sign", &*signed)], &body);
        let answer = host.push("acme", "douyin", pushed).await;
        assert_eq!(
            told(answer),
            (200, "{\"code\":0,\"msg\":\"success\"}".into())
        );
    }
    // Whether somebody is there.
    let probe = "[{\"tag\":\"0\",\"msg_id\":\"0\",\"data\":\"x\"}]";
    let signed = sign(SECRET, probe);
    let answer = host
        .push("acme", "douyin", push(&[("event-sign", &*signed)], probe))
        .await;
    assert_eq!(told(answer).0, 200);
    for signed in [sign("another secret", &body), "zz".into(), String::new()] {
        let pushed = push(&[("event-sign", &*signed)], &body);
        let answer = host.push("acme", "douyin", pushed).await;
        assert!(matches!(answer, Err(Refusal::Stranger)), "{answer:?}");
    }
    let found = reached(&shop, 2).await;
    let skus: Vec<_> = found.iter().map(|item| item["sku"].as_str()).collect();
    assert_eq!(skus, [Some("a"), Some("b")]);
    assert_eq!(found[0]["id"].to_string(), "12345678901234567890");
    assert_eq!(items(&shop).len(), 2);
}
