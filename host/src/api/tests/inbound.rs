//! What others send by themselves.

use super::*;

const SIGNED: (&str, &str) = ("x-sign", "good");

fn with_token() -> Setup {
    Setup {
        tenants: vec![("acme", vec![TokenHash::of("cd_x")])],
        ..Setup::default()
    }
}

#[tokio::test]
async fn a_platform_needs_no_token_and_gets_the_answer_that_its_adapter_gives() {
    let host = start(with_token()).await;
    let path = "/v1/acme/shop/inbound/orders/new?b=2&a=%E5%8F%B7&b=1";
    let body = "\u{feff}{ \"a\": 1 }\r\n";
    let answer = host.post(path, &[SIGNED], body).await;
    assert_eq!(
        (answer.status.as_u16(), &*answer.body),
        (201, &b"success"[..])
    );
    assert_eq!(answer.headers["x-echo"], "1");
    let pushes = host.fake.0.pushes.lock().unwrap().clone();
    let pushed = &pushes[0];
    assert_eq!((&*pushed.method, &*pushed.path), ("POST", "/orders/new"));
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        pushed.query,
        [pair("b", "2"), pair("a", "号"), pair("b", "1")]
    );
    // Byte for byte: that is what was signed.
    assert!(matches!(&pushed.body, crate::plugin::contract::Body::Text(text) if text == body));
    let bytes = host
        .post("/v1/acme/shop/inbound", &[SIGNED], &b"\xff\x00"[..])
        .await;
    assert_eq!(bytes.status.as_u16(), 201);
    let pushes = host.fake.0.pushes.lock().unwrap().clone();
    assert!(
        matches!(&pushes[1].body, crate::plugin::contract::Body::Bytes(bytes) if **bytes == *b"\xff\x00")
    );
}

#[tokio::test]
async fn a_stranger_gets_one_answer_whatever_it_is_that_does_not_fit() {
    let host = start(with_token()).await;
    let mut answers = Vec::new();
    for path in [
        "/v1/acme/shop/inbound",
        "/v1/acme/nowhere/inbound",
        "/v1/nobody/shop/inbound",
        "/v1/acme/shop/inbound/more",
        &format!("/v1/{}/shop/inbound", "x".repeat(200)),
    ] {
        let answer = host.post(path, &[("x-sign", "guess")], "{}").await;
        answer.is_problem(401, "unverified");
        answers.push(answer.body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    assert!(host.fake.0.pushes.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_could_not_be_kept_is_sent_again_by_its_platform() {
    let host = start(with_token()).await;
    let answer = host.post("/v1/acme/lost/inbound", &[SIGNED], "{}").await;
    answer.is_problem(507, "outbox-unwritable");
}

#[tokio::test]
async fn a_push_is_read_within_a_bound() {
    let host = start(with_token()).await;
    let long = vec![b' '; (2 << 20) + 1];
    let answer = host.post("/v1/acme/shop/inbound", &[SIGNED], long).await;
    answer.is_problem(413, "body-too-large");
}

#[tokio::test]
async fn a_webhook_without_a_gate_of_its_own_needs_the_tenants_token() {
    let host = start(with_token()).await;
    let path = "/v1/acme/flows/open";
    let token = ("authorization", "Bearer cd_x");
    host.post(path, &[], "{\"id\":1}")
        .await
        .is_problem(401, "unauthorized");
    let answer = host.post(path, &[token], "[{\"id\":1},{\"id\":2}]").await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.json(), serde_json::json!({"records": 2, "new": 2}));
    let again = host.post(path, &[token], "[{\"id\":2},{\"id\":3}]").await;
    assert_eq!(again.json(), serde_json::json!({"records": 2, "new": 1}));
    let nameless = host.post(path, &[token], "{}").await;
    nameless.is_problem(422, "webhook-key-missing");
    let unknown = host.post("/v1/acme/flows/none", &[token], "{}").await;
    unknown.is_problem(404, "unknown-webhook");
}

#[tokio::test]
async fn a_webhook_with_a_gate_takes_what_knows_its_secret_and_counts_the_rest() {
    let host = start(with_token()).await;
    let path = "/v1/acme/flows/signed";
    let known = ("x-token", "a-token-of-the-shop");
    let answer = host.post(path, &[known], "{\"id\":1}").await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    for headers in [
        &[][..],
        &[("x-token", "a-token")],
        &[("authorization", "Bearer cd_x")],
    ] {
        host.post(path, headers, "{\"id\":2}")
            .await
            .is_problem(401, "unverified");
    }
    let webhooks = &host.fake.0.telemetry.metrics.webhooks;
    assert_eq!((webhooks.accepted.get(), webhooks.unverified.get()), (1, 3));
    assert_eq!(host.fake.0.kept.lock().unwrap().len(), 1);
}
