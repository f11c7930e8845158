//! A host with one or two tenants, event streams, and a receiver of messages.

use std::collections::BTreeMap;
use std::path::Path;

use crossdock_tests::bed::{Bed, connection};
use crossdock_tests::client::Client;
use crossdock_tests::guests;
use crossdock_tests::process::Serving;
use crossdock_tests::recorder::{Recorded, Recorder};
use crossdock_tests::wait::until_async;
use http::{Method, StatusCode};
use serde_json::Value;

pub use crossdock_tests::listener::{BOUND, Stream};

/// A bed with the tenant `acme`, whose file has `more` at its top.
pub fn bed(platform: &Recorder, more: &str) -> Bed {
    let bed = Bed::with_plugins(&["script-jq"]);
    bed.put_plugin("test-adapter", &guests::test_adapter("normal", "a"));
    bed.share_compiled_code();
    bed.configure("");
    put_tenant(&bed, "acme", platform, more);
    bed
}

/// A tenant's file.
pub fn put_tenant(bed: &Bed, tenant: &str, platform: &Recorder, more: &str) {
    let shop = connection("shop", "test-adapter", &platform.base_url(), "");
    bed.put_tenant(tenant, "tenant.toml", &format!("{more}\n{shop}"));
}

/// A host over it, as a process, with these tenants.
pub async fn serve(bed: &Bed, tenants: &[&str]) -> Serving {
    let host = Serving::start(Path::new(&bed.path(""))).await;
    let client = host.client();
    for tenant in tenants {
        serves(&client, tenant).await;
    }
    host
}

/// Waits until a tenant serves.
pub async fn serves(client: &Client, tenant: &str) {
    let path = format!("/v1/{tenant}/shop/echo?dry_run");
    until_async("the tenant to serve", async || {
        let answer = client.send(Method::POST, &path, Some("{}"));
        let (status, _) = answer.await.ok()?;
        (status == StatusCode::OK).then_some(())
    })
    .await;
}

/// Queues one record of a tenant; gives the delivery's id.
pub async fn queue(client: &Client, tenant: &str, body: &str) -> String {
    let path = format!("/v1/{tenant}/shop/keyed?queue=true");
    let (status, answer) = client.send(Method::POST, &path, Some(body)).await.unwrap();
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    answer["delivery"].as_str().expect("its id").to_owned()
}

/// A repeatable record of its own thing.
pub fn record(number: usize) -> String {
    format!(r#"{{"sku":"s{number}","repeatable":true}}"#)
}

/// A secret's text, and its bytes.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// `[notify]` to a receiver; `more` are further keys.
pub fn notify(bed: &Bed, receiver: &Recorder, more: &str) -> String {
    bed.put_tenant("acme", "webhook.txt", SECRET);
    format!(
        "[notify]\nurl = \"{}/hook?from=crossdock\"\nsecret = {{ file = \"webhook.txt\" }}\n\
         allow_private = true\n{more}\n",
        receiver.base_url()
    )
}

/// A message that was received, after its signature was checked with nothing of
/// the host's.
pub fn verified(message: &Recorded) -> (String, Value) {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use hmac::{Hmac, KeyInit, Mac};

    let header = |name: &str| message.header(name).expect(name).to_owned();
    let (id, at) = (header("webhook-id"), header("webhook-timestamp"));
    let key = STANDARD
        .decode(SECRET.strip_prefix("whsec_").unwrap())
        .unwrap();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{id}.{at}.{}", message.text()).as_bytes());
    let expected = STANDARD.encode(mac.finalize().into_bytes());
    assert_eq!(header("webhook-signature"), format!("v1,{expected}"));
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(message.target, "/hook?from=crossdock");
    let at: u64 = at.parse().unwrap();
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!(now.abs_diff(at) < 300, "{at} is not near {now}");
    let body: Value = serde_json::from_slice(&message.body).unwrap();
    assert_eq!(body["type"], "deliveries.changed");
    (id, body)
}

/// Deliveries by message, each message once, in the order in which they came;
/// one that came again has to have said the same.
pub fn told(messages: &[Recorded]) -> Vec<Vec<String>> {
    let (mut seen, mut order): (BTreeMap<String, Vec<String>>, _) = (BTreeMap::new(), Vec::new());
    for message in messages {
        let (id, body) = verified(message);
        let events = body["data"]["events"].as_array().expect("events");
        let deliveries: Vec<String> = events
            .iter()
            .map(|event| event["delivery"].as_str().unwrap().to_owned())
            .collect();
        match seen.get(&id) {
            Some(known) => assert_eq!(*known, deliveries, "{id}"),
            None => {
                order.push(id.clone());
                seen.insert(id, deliveries);
            }
        }
    }
    order.into_iter().map(|id| seen[&id].clone()).collect()
}
