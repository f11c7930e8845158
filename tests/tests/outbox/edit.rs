//! A record that a person gives another input.

use std::time::Duration;

use crossdock_tests::client::Client;
use crossdock_tests::recorder::{Recorder, Reply};
use crossdock_tests::wait::until;
use http::{Method, StatusCode};

use crate::setting::{bed, ended, item_is, put_tenant, queue, serve};

async fn refused(client: &Client, path: &str, body: &str, status: StatusCode, code: &str) {
    let answer = client.send(Method::POST, path, Some(body)).await.unwrap();
    assert_eq!(
        (answer.0, answer.1["code"].as_str()),
        (status, Some(code)),
        "{path}: {}",
        answer.1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_record_goes_out_and_what_it_was_is_kept() {
    let platform = Recorder::answering(|request| match request.text().contains("bad") {
        true => Reply::json(r#"{"outcome":"rejected","code":"E1","message":"no"}"#),
        false => Reply::json("{}"),
    })
    .await;
    let bed = bed(&platform, "");
    bed.configure("limits.request_body_mb = 1\n");
    bed.put_tenant(
        "acme",
        "map.jq",
        "if .sku == null then error(\"no sku\") else . end",
    );
    put_tenant(&bed, &platform, "mappings.keyed = \"map.jq\"\n");
    let host = serve(&bed).await;
    let client = host.client();
    let id = queue(&client, r#"[{"sku":"good"},{"sku":"bad"}]"#).await;
    assert_eq!(ended(&client, &id).await["status"], "partial");
    let edit = format!("/v1/acme/deliveries/{id}/items/1/edit");
    let with_reason = format!("{edit}?reason=wrong+sku");
    let sent = platform.count();

    refused(
        &client,
        &edit,
        "{}",
        StatusCode::BAD_REQUEST,
        "invalid-query",
    )
    .await;
    for (body, status, code) in [
        ("no json", 400, "invalid-json"),
        ("", 400, "invalid-json"),
        ("7", 400, "invalid-json"),
        (r#"[{"sku":"a"},{"sku":"b"}]"#, 413, "too-many-items"),
        // The script that serves now does not take it.
        (r#"{"other":1}"#, 422, "script-failed"),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        refused(&client, &with_reason, body, status, code).await;
    }
    let large = format!(r#"{{"sku":"{}"}}"#, "x".repeat(2 << 20));
    refused(
        &client,
        &with_reason,
        &large,
        StatusCode::PAYLOAD_TOO_LARGE,
        "body-too-large",
    )
    .await;
    let done = format!("/v1/acme/deliveries/{id}/items/0/edit?reason=x");
    refused(
        &client,
        &done,
        r#"{"sku":"c"}"#,
        StatusCode::CONFLICT,
        "not-open",
    )
    .await;
    let none = format!("/v1/acme/deliveries/{id}/items/2/edit?reason=x");
    refused(
        &client,
        &none,
        r#"{"sku":"c"}"#,
        StatusCode::NOT_FOUND,
        "unknown-item",
    )
    .await;
    let no_number = format!("/v1/acme/deliveries/{id}/items/x/edit?reason=x");
    refused(
        &client,
        &no_number,
        "{}",
        StatusCode::BAD_REQUEST,
        "invalid-path",
    )
    .await;

    let dry = format!("{with_reason}&dry_run=true");
    let dry = client.post(&dry, r#"{"sku":"better"}"#).await.unwrap();
    let body = dry["sends"][0]["run"]["requests"][0]["body"].as_str();
    assert!(body.unwrap().contains("better"), "{dry}");
    let item = format!("/v1/acme/deliveries/{id}/items/1");
    let shown = client.get(&item).await.unwrap();
    assert_eq!(
        (&shown["input"]["sku"], &shown["status"]),
        (&"bad".into(), &"rejected".into())
    );
    assert_eq!(platform.count(), sent);

    let by = format!("{with_reason}&who=Ann");
    let edited = client.post(&by, r#"{"sku":"better"}"#).await.unwrap();
    assert_eq!(edited["changed"], 1, "{edited}");
    assert_eq!(ended(&client, &id).await["status"], "accepted");
    let shown = client.get(&item).await.unwrap();
    assert_eq!(
        (&shown["input"]["sku"], &shown["label"]),
        (&"better".into(), &"better".into())
    );
    let was = &shown["edits"][0];
    assert_eq!(
        (&was["who"], &was["reason"]),
        (&"Ann".into(), &"wrong sku".into()),
        "{shown}"
    );
    assert_eq!(was["before"]["sku"], "bad");
    assert_eq!(shown["history"].as_array().unwrap().len(), 2, "{shown}");
    assert!(platform.last().text().contains("better"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_is_not_edited_retried_or_discarded() {
    let platform = Recorder::answering(|_| Reply::json("{}").after(Duration::from_secs(60))).await;
    let bed = bed(&platform, "");
    let host = serve(&bed).await;
    let client = host.client();
    let id = queue(&client, r#"{"sku":"1","mode":"adjust"}"#).await;
    let behind = queue(&client, r#"{"sku":"1","mode":"adjust"}"#).await;
    until("it to be under way", || {
        (platform.count() == 1).then_some(())
    })
    .await;
    item_is(&client, &id, 0, "sending").await;
    for act in [
        "retry?",
        "discard?reason=x",
        "edit?reason=x",
        "retry?dry_run=true",
    ] {
        let path = format!("/v1/acme/deliveries/{id}/items/0/{act}");
        refused(
            &client,
            &path,
            r#"{"sku":"2"}"#,
            StatusCode::CONFLICT,
            "not-open",
        )
        .await;
    }
    let retry = format!("/v1/acme/deliveries/{behind}/items/0/retry");
    refused(&client, &retry, "", StatusCode::CONFLICT, "not-open").await;
    // As a whole, what cannot be done is counted.
    let done = client
        .post(&format!("/v1/acme/deliveries/{id}/retry"), "")
        .await
        .unwrap();
    assert_eq!((&done["changed"], &done["left"]), (&0.into(), &1.into()));
    // What waits behind it can be mended before it leaves.
    let edit = format!("/v1/acme/deliveries/{behind}/items/0/edit?reason=another+one");
    client
        .post(&edit, r#"{"sku":"2","mode":"adjust"}"#)
        .await
        .unwrap();
    until("the edited one to leave by itself", || {
        (platform.count() == 2).then_some(())
    })
    .await;
    assert!(platform.last().text().contains(r#""sku":"2""#));
}
