//! A flow's webhook.

use crossdock::inbound::records::records;
use crossdock_tests::recorder::Recorder;

use crate::setting::{bed, flow, host, items, reached};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_posted_to_a_flow_reaches_the_shop_and_repeats_are_known() {
    let shop = Recorder::start().await;
    let source = "{ webhook = { hmac = { secret = { file = \"key.txt\" }, header = \"X-Sign\" }, records = \"/items\", key = \"/id\" } }";
    let bed = bed(&[], &shop, &flow(source));
    let host = host(&bed).await;
    let source = host.webhook("acme", "orders").expect("a webhook");
    assert!(host.webhook("acme", "other").is_none());
    let keep = async |body: &str| {
        let headers = http::HeaderMap::new();
        let records = records(&source, &headers, body.as_bytes()).expect("records");
        host.keep("acme", "orders", records).await.expect("kept")
    };
    let first = keep(r#"{"items":[{"id":1,"sku":"a"},{"id":2,"sku":"b"}]}"#).await;
    assert_eq!((first.records, first.new), (2, 2));
    let again = keep(r#"{"items":[{"id":2,"sku":"b"},{"id":3,"sku":"c"}]}"#).await;
    assert_eq!((again.records, again.new), (2, 1));
    let found = reached(&shop, 3).await;
    let skus: Vec<_> = found.iter().map(|item| item["sku"].as_str()).collect();
    assert_eq!(skus, [Some("a"), Some("b"), Some("c")]);
    assert_eq!(items(&shop).len(), 3);
}
