//! An adapter in Rust, in the style of Shopify's webhooks.

use crossdock::inbound::Refusal;
use crossdock_tests::bed::{Bed, connection};
use crossdock_tests::recorder::Recorder;

use crate::setting::{SECRET, bed, flow, host, items, push, reached, signature, told};

fn laid_out(shop: &Recorder) -> Bed {
    let secrets = "secrets = { secret = { file = \"key.txt\" } }";
    let platform = connection("platform", "test-adapter", &shop.base_url(), secrets);
    let flow = flow("{ connection = \"platform\", inbound = true }");
    bed(&[], shop, &(platform + &flow))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_platform_pushes_reaches_the_shop_once_however_often_it_is_pushed() {
    let shop = Recorder::start().await;
    let bed = laid_out(&shop);
    let host = host(&bed).await;
    let body = "{\"sku\": \"1\", \"id\": 12345678901234567890}";
    let signed = signature(SECRET, body);
    let headers = [
        ("x-shopify-hmac-sha256", &*signed),
        ("x-shopify-webhook-id", "w-1"),
    ];
    for _ in 0..3 {
        let answer = host.push("acme", "platform", push(&headers, body)).await;
        assert_eq!(told(answer), (200, "taken".into()));
    }
    // One more, which is the last in their order.
    let other = "{\"sku\": \"2\", \"id\": 2}";
    let signed = signature(SECRET, other);
    let headers = [
        ("x-shopify-hmac-sha256", &*signed),
        ("x-shopify-webhook-id", "w-2"),
    ];
    told(host.push("acme", "platform", push(&headers, other)).await);
    let found = reached(&shop, 2).await;
    let skus: Vec<_> = found.iter().map(|item| item["sku"].as_str()).collect();
    assert_eq!(skus, [Some("1"), Some("2")]);
    assert_eq!(found[0]["id"].to_string(), "12345678901234567890");
    let page = host.metrics().await.expect("a page");
    for line in [
        "crossdock_arrivals_total{of=\"platform\",result=\"accepted\"} 4",
        "crossdock_arrivals_repeated_total{of=\"platform\"} 2",
    ] {
        assert!(page.contains(line), "{line}\n{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_taken_of_whoever_does_not_know_the_secret() {
    let shop = Recorder::start().await;
    let bed = laid_out(&shop);
    let host = host(&bed).await;
    let body = "{\"sku\": \"1\", \"id\": 1}";
    let right = signature(SECRET, body);
    let wrong = signature("another secret", body);
    for headers in [
        &[][..],
        &[("x-shopify-hmac-sha256", &*wrong)],
        &[("x-shopify-hmac-sha256", "no base64")],
        // An adapter that forgets to verify lets nobody in.
        &[("x-test", "trusting")],
        &[("x-test", "trusting"), ("x-shopify-hmac-sha256", &*right)],
    ] {
        let answer = host.push("acme", "platform", push(headers, body)).await;
        assert!(matches!(answer, Err(Refusal::Stranger)), "{headers:?}");
    }
    let signed = [("x-shopify-hmac-sha256", &*right)];
    // Of another body, and where there is nothing.
    for (connection, body) in [("platform", "{}"), ("shop", body), ("nowhere", body)] {
        let answer = host.push("acme", connection, push(&signed, body)).await;
        assert!(matches!(answer, Err(Refusal::Stranger)), "{connection}");
    }
    assert!(items(&shop).is_empty());
    let page = host.metrics().await.expect("a page");
    let line = "crossdock_arrivals_total{of=\"platform\",result=\"unverified\"} 8";
    assert!(page.contains(line), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_that_fails_on_a_push_is_told_of_without_the_secret() {
    let shop = Recorder::start().await;
    let bed = laid_out(&shop);
    let host = host(&bed).await;
    let answer = host
        .push("acme", "platform", push(&[("x-test", "panics")], "{}"))
        .await;
    let Err(Refusal::Known(problem)) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(problem.code, "adapter-failed");
    assert!(!problem.detail.contains(SECRET), "{problem}");
    // It is as good as new for the next one.
    let body = "{\"sku\": \"1\", \"id\": 1}";
    let signed = signature(SECRET, body);
    let headers = [("x-shopify-hmac-sha256", &*signed)];
    told(host.push("acme", "platform", push(&headers, body)).await);
    reached(&shop, 1).await;
}
