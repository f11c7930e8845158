//! A host with a tenant `acme`, whose connection `shop` leads to a platform.

use std::path::Path;

use crossdock_tests::bed::{Bed, connection};
use crossdock_tests::client::Client;
use crossdock_tests::guests;
use crossdock_tests::process::Serving;
use crossdock_tests::recorder::Recorder;
use crossdock_tests::wait::until_async;
use http::{Method, StatusCode};
use serde_json::Value;

use crate::exposition::Page;

/// Where calls go.
pub const KEYED: &str = "/v1/acme/shop/keyed";

/// `host` is `crossdock.toml`, `more` are further keys of the connection.
pub fn bed(platform: &Recorder, host: &str, more: &str) -> Bed {
    let bed = Bed::with_plugins(&["script-jq"]);
    bed.put_plugin("test-adapter", &guests::test_adapter("normal", "a"));
    bed.share_compiled_code();
    bed.configure(host);
    put_tenant(&bed, platform, "acme", more);
    bed
}

/// A tenant with such a connection.
pub fn put_tenant(bed: &Bed, platform: &Recorder, tenant: &str, more: &str) {
    let text = connection("shop", "test-adapter", &platform.base_url(), more);
    bed.put_tenant(tenant, "tenant.toml", &text);
}

/// A host over it, as a process, whose tenant serves.
pub async fn serve(bed: &Bed) -> Serving {
    let host = Serving::start(Path::new(&bed.path(""))).await;
    let client = host.client();
    until_async("the tenant to serve", async || {
        let page = page(&client).await;
        (page.number("crossdock_tenants", &[("state", "serving")])? >= 1.0).then_some(())
    })
    .await;
    host
}

/// `/metrics` now.
pub async fn page(client: &Client) -> Page {
    let (status, kind, text) = client.text("/metrics").await.expect("/metrics");
    assert_eq!(status, StatusCode::OK, "{text}");
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    Page::parse(&text)
}

/// A call, and its report.
pub async fn call(client: &Client, body: &str) -> Value {
    client.post(KEYED, body).await.expect("a report")
}

/// Queues a record; gives the delivery's id.
pub async fn queue(client: &Client, body: &str) -> String {
    let path = format!("{KEYED}?queue=true");
    let (status, answer) = client.send(Method::POST, &path, Some(body)).await.unwrap();
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    answer["delivery"].as_str().expect("its id").to_owned()
}

/// Waits until an item of a delivery is as said.
pub async fn item_is(client: &Client, id: &str, status: &str) -> Value {
    until_async(&format!("the item to be {status}"), async || {
        let path = format!("/v1/acme/deliveries/{id}");
        let shown = client.get(&path).await.ok()?["items"][0].clone();
        (shown["status"] == status).then_some(shown)
    })
    .await
}
