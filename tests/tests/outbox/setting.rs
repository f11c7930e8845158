//! A host with one connection, and deliveries as its interface shows them.

use std::path::Path;

use crossdock_tests::bed::{Bed, connection};
use crossdock_tests::client::Client;
use crossdock_tests::guests;
use crossdock_tests::process::Serving;
use crossdock_tests::recorder::Recorder;
use crossdock_tests::wait::until_async;
use http::{Method, StatusCode};
use serde_json::Value;

/// Where records about things are queued.
pub const KEYED: &str = "/v1/acme/shop/keyed?queue=true";

/// A tenant `acme` with the connection `shop` to a platform; `more` are further
/// keys of the connection.
pub fn bed(platform: &Recorder, more: &str) -> Bed {
    let bed = Bed::with_plugins(&["script-jq"]);
    bed.put_plugin("test-adapter", &guests::test_adapter("normal", "a"));
    bed.share_compiled_code();
    bed.configure("");
    put_tenant(&bed, platform, more);
    bed
}

/// The tenant's file again.
pub fn put_tenant(bed: &Bed, platform: &Recorder, more: &str) {
    let text = connection("shop", "test-adapter", &platform.base_url(), more);
    bed.put_tenant("acme", "tenant.toml", &text);
}

/// A host over it, as a process.
pub async fn serve(bed: &Bed) -> Serving {
    let host = Serving::start(Path::new(&bed.path("")))
        .await
        .checked()
        .await;
    let client = host.client();
    until_async("the tenant to serve", async || {
        let answer = client.send(Method::POST, "/v1/acme/shop/echo?dry_run", Some("{}"));
        let (status, _) = answer.await.ok()?;
        (status == StatusCode::OK).then_some(())
    })
    .await;
    host
}

/// Queues records; gives the delivery's id.
pub async fn queue(client: &Client, body: &str) -> String {
    let (status, answer) = client.send(Method::POST, KEYED, Some(body)).await.unwrap();
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    answer["delivery"].as_str().expect("its id").to_owned()
}

/// A delivery as it is now.
pub async fn show(client: &Client, id: &str) -> Value {
    let path = format!("/v1/acme/deliveries/{id}");
    client.get(&path).await.expect("the delivery")
}

/// Waits until nothing of a delivery is open.
pub async fn ended(client: &Client, id: &str) -> Value {
    until_async("the delivery to end", async || {
        let shown = show(client, id).await;
        (shown["status"] != "queued").then_some(shown)
    })
    .await
}

/// Waits until an item of a delivery is as said.
pub async fn item_is(client: &Client, id: &str, item: usize, status: &str) -> Value {
    until_async(&format!("item {item} to be {status}"), async || {
        let shown = show(client, id).await["items"][item].clone();
        (shown["status"] == status).then_some(shown)
    })
    .await
}
