//! A tenant with a flow from what arrives to a shop, and a host over it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crossdock::host::Host;
use crossdock::inbound::Refusal;
use crossdock::plugin::contract::Body;
use crossdock::plugin::inbound::{Answer, Push};
use crossdock_tests::bed::{Bed, connection};
use crossdock_tests::guests;
use crossdock_tests::recorder::Recorder;
use crossdock_tests::wait::{until, until_async};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

/// What the platform signs with.
pub const SECRET: &str = "never-to-be-seen-4711";

/// A flow that gives what arrives to the shop.
pub fn flow(source: &str) -> String {
    format!(
        "[flows.orders]\nfrom = {source}\nto = [ {{ connection = \"shop\", operation = \"keyed\", script = \"order.jq\" }} ]\n"
    )
}

/// A folder with a shop; `connections` and flows come besides.
pub fn bed(plugins: &[&str], shop: &Recorder, more: &str) -> Bed {
    let plugins = [&["script-jq"], plugins].concat();
    let bed = Bed::with_plugins(&plugins);
    bed.put_plugin("test-adapter", &guests::test_adapter("normal", "a"));
    bed.share_compiled_code();
    bed.configure("");
    bed.put_tenant("acme", "key.txt", SECRET);
    bed.put_tenant(
        "acme",
        "order.jq",
        "{sku: (.sku | tostring), id, repeatable: true}",
    );
    let shop = connection("shop", "test-adapter", &shop.base_url(), "");
    bed.put_tenant("acme", "tenant.toml", &(shop + more));
    bed
}

/// A host that serves and runs the flow, in this process.
pub async fn host(bed: &Bed) -> Host {
    let host = bed.host().await.with_outbox().await;
    let host = host.unwrap_or_else(|problem| panic!("{problem}"));
    until_async("the flow to be there", async || {
        let flows = host.flows().ok()?.list("acme").await.ok()?;
        (!flows.flows.is_empty()).then_some(())
    })
    .await;
    host
}

/// A push as it comes.
pub fn push(headers: &[(&str, &str)], body: &str) -> Push {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Push {
        method: "POST".into(),
        path: String::new(),
        query: Vec::new(),
        headers: headers.iter().map(pair).collect(),
        body: Body::Text(body.into()),
    }
}

/// HMAC-SHA256 of a body, in Base64.
pub fn signature(secret: &str, body: &str) -> String {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.update(body.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// The answer's status and text.
pub fn told(answer: Result<Answer, Refusal>) -> (u16, String) {
    let answer = answer.unwrap_or_else(|refusal| panic!("{refusal:?}"));
    let text = match answer.body {
        Body::Text(text) => text,
        other => panic!("{other:?}"),
    };
    (answer.status, text)
}

/// What reached the shop, when that is so many records. They are about different
/// things and leave side by side: they are given in the order of their texts.
pub async fn reached(shop: &Recorder, count: usize) -> Vec<Value> {
    let mut found = until("the records at the shop", || {
        let found = items(shop);
        (found.len() >= count).then_some(found)
    })
    .await;
    found.sort_by_key(Value::to_string);
    found
}

/// What reached the shop so far.
pub fn items(shop: &Recorder) -> Vec<Value> {
    let bodies = shop.requests().into_iter();
    let lists = bodies.map(|request| serde_json::from_slice::<Vec<Value>>(&request.body));
    lists.flat_map(|list| list.expect("a list")).collect()
}
