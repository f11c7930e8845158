//! What waits for a person, or for another script.

use crossdock_tests::recorder::{Recorder, Reply};
use http::{Method, StatusCode};

use crate::setting::{bed, ended, item_is, put_tenant, queue, serve};

const MAPPED: &str = "mappings.keyed = \"map.jq\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_script_fails_on_waits_for_another_script_and_then_goes_out() {
    let platform = Recorder::start().await;
    let bed = bed(&platform, MAPPED);
    bed.put_tenant("acme", "map.jq", ". + {sku: .code.of}");
    put_tenant(&bed, &platform, MAPPED);
    let host = serve(&bed).await;
    let client = host.client();
    let id = queue(&client, r#"{"code":"17","repeatable":true}"#).await;
    let held = item_is(&client, &id, 0, "held").await;
    assert_eq!(held["blame"], "script", "{held}");
    assert!(
        held["waits_for_another"]
            .as_str()
            .unwrap()
            .starts_with("map.jq"),
        "{held}"
    );
    assert_eq!(platform.count(), 0);
    // Its turn came, and nothing left.
    let path = format!("/v1/acme/deliveries/{id}/items/0");
    let attempt = client.get(&path).await.unwrap()["history"][0].clone();
    assert_eq!(
        (&attempt["left"], &attempt["code"]),
        (&false.into(), &held["code"]),
        "{attempt}"
    );
    let more = queue(&client, r#"{"code":"18","repeatable":true}"#).await;
    item_is(&client, &more, 0, "held").await;
    bed.put_tenant("acme", "map.jq", ". + {sku: .code}");
    let shown = ended(&client, &id).await;
    assert_eq!(shown["status"], "accepted", "{shown}");
    assert_eq!(ended(&client, &more).await["status"], "accepted");
    let sent: Vec<String> = platform.requests().iter().map(|sent| sent.text()).collect();
    assert!(sent.concat().contains(r#""sku":"17""#), "{sent:?}");
    // The log has it once, and not for each record and attempt.
    host.terminate().await;
    let log = host.ended().await.stderr;
    assert_eq!(log.matches("a script failed").count(), 1, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_record_is_listed_by_what_is_known_of_it_and_given_up_with_a_reason() {
    let platform = Recorder::answering(|request| match request.text().contains("bad") {
        true => Reply::text(400, "no"),
        false => Reply::json("{}"),
    })
    .await;
    let bed = bed(&platform, "");
    let host = serve(&bed).await;
    let client = host.client();
    let good = queue(&client, r#"{"sku":"good"}"#).await;
    let bad = queue(&client, r#"{"sku":"bad 1"}"#).await;
    ended(&client, &good).await;
    let shown = ended(&client, &bad).await;
    let status = shown["status"].as_str().unwrap().to_owned();
    let path = format!("/v1/acme/deliveries?status={status}&connection=shop&label=bad");
    let listed = client.get(&path).await.unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed["items"][0]["delivery"], bad.as_str());
    let none = client
        .get("/v1/acme/deliveries?label=nothing")
        .await
        .unwrap();
    assert_eq!(none["items"].as_array().unwrap().len(), 0);
    let (status, answer) = client
        .send(
            Method::POST,
            &format!("/v1/acme/deliveries/{bad}/discard"),
            None,
        )
        .await
        .unwrap();
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    let path = format!("/v1/acme/deliveries/{bad}/discard?reason=sold+out");
    let done = client.post(&path, "").await.unwrap();
    assert_eq!((&done["changed"], &done["left"]), (&1.into(), &0.into()));
    item_is(&client, &bad, 0, "discarded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_sees_only_what_is_its_own() {
    let platform = Recorder::start().await;
    let bed = bed(&platform, "");
    let text = crossdock_tests::bed::connection("shop", "test-adapter", &platform.base_url(), "");
    bed.put_tenant("other", "tenant.toml", &text);
    let host = serve(&bed).await;
    let client = host.client();
    let id = queue(&client, r#"{"sku":"1"}"#).await;
    for (method, path) in [
        (Method::GET, format!("/v1/other/deliveries/{id}")),
        (Method::POST, format!("/v1/other/deliveries/{id}/retry")),
        (
            Method::POST,
            format!("/v1/other/deliveries/{id}/discard?reason=x"),
        ),
        (Method::GET, "/v1/acme/deliveries/not-an-id".to_owned()),
    ] {
        let (status, answer) = client.send(method, &path, None).await.unwrap();
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}: {answer}");
        assert_eq!(answer["code"], "unknown-delivery");
    }
    let listed = client.get("/v1/other/deliveries").await.unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len(), 0);
}
