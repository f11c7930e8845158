//! Calls and their errors.

use super::*;
use tokio::io::AsyncWriteExt;

const STOCK: &str = "/v1/acme/shop/stock.update";

#[tokio::test]
async fn a_delivery_is_answered_with_its_report() {
    let host = start_open().await;
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", "order-7"),
    ];
    let answer = host.post(STOCK, &headers, r#"{"sku":"1"}"#).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.json()["status"], "accepted");
    let calls = host.fake.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].tenant, "acme");
    assert_eq!(calls[0].connection, "shop");
    assert_eq!(calls[0].operation, "stock.update");
    assert_eq!(calls[0].body, r#"{"sku":"1"}"#);
    assert_eq!(calls[0].idempotency_key.as_deref(), Some("order-7"));
}

#[tokio::test]
async fn refused_items_are_a_report_and_not_an_http_error() {
    let host = start_open().await;
    let answer = host.post("/v1/acme/refusing/stock.update", &[], "{}").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["status"], "rejected");
}

#[tokio::test]
async fn a_dry_run_sends_nothing() {
    let host = start_open().await;
    let answer = host.post(&format!("{STOCK}?dry_run=true"), &[], "{}").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["dry_run"], true);
    assert!(host.fake.calls().is_empty());
}

#[tokio::test]
async fn every_error_is_a_problem_that_says_who_has_to_act() {
    let host = start_open().await;
    for (path, status, code) in [
        ("/v1/acme/nowhere/stock.update", 404, "unknown-connection"),
        ("/v1/acme/script/stock.update", 422, "script-failed"),
        ("/v1/acme/broken/stock.update", 500, "internal-error"),
        ("/v1/acme/shop", 404, "unknown-path"),
        ("/v1/acme/%ff/stock.update", 400, "invalid-path"),
        (
            "/v1/acme/shop/stock.update?dryrun=true",
            400,
            "invalid-query",
        ),
        (
            "/v1/acme/shop/stock.update?queue=true",
            501,
            "queue-not-available",
        ),
    ] {
        let answer = host.post(path, &[], "{}").await;
        answer.is_problem(status, code);
    }
    let answer = host.get(STOCK, &[]).await;
    answer.is_problem(405, "method-not-allowed");
    assert_eq!(answer.headers["allow"], "POST");

    let script = host.post("/v1/acme/script/stock.update", &[], "{}").await;
    let script = script.json();
    assert_eq!(script["blame"], "script");
    assert_eq!(script["pointer"], "/sku");
    assert_eq!(script["item"], 1);
    assert_eq!(script["place"]["line"], 2);
}

#[tokio::test]
async fn headers_that_cannot_be_meant_are_refused() {
    let host = start_open().await;
    let long = "k".repeat(256);
    for (name, value, status, code) in [
        ("content-type", "text/plain", 415, "unsupported-media-type"),
        ("idempotency-key", "", 400, "invalid-idempotency-key"),
        (
            "idempotency-key",
            long.as_str(),
            400,
            "invalid-idempotency-key",
        ),
    ] {
        let answer = host.post(STOCK, &[(name, value)], "{}").await;
        answer.is_problem(status, code);
    }
    assert!(host.fake.calls().is_empty());
}

#[tokio::test]
async fn a_body_beyond_the_cap_is_refused_whether_its_length_is_announced_or_not() {
    let host = start(Setup {
        limits: HostLimits {
            request_body: 1000,
            ..HostLimits::default()
        },
        tenants: vec![("acme", Vec::new())],
        ..Setup::default()
    })
    .await;
    let answer = host.post(STOCK, &[], vec![b' '; 1000]).await;
    assert_eq!(answer.status, 200);
    let answer = host.post(STOCK, &[], vec![b' '; 1001]).await;
    answer.is_problem(413, "body-too-large");
    // Larger than what the sockets buffer: the client writes it all first.
    let answer = host.post(STOCK, &[], vec![b' '; 20 << 20]).await;
    answer.is_problem(413, "body-too-large");

    let mut socket = connect(&host).await;
    let head = "POST /v1/acme/shop/stock.update HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";
    socket.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..2 {
        let chunk = format!("258\r\n{}\r\n", " ".repeat(600));
        socket.write_all(chunk.as_bytes()).await.unwrap();
    }
    let answer = read_some(&mut socket, "body-too-large").await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(host.fake.calls().len(), 1);
}

#[tokio::test]
async fn a_head_beyond_its_bound_is_refused() {
    let host = start_open().await;
    let mut socket = connect(&host).await;
    let head = format!(
        "GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: {}",
        "x".repeat(70 << 10)
    );
    socket.write_all(head.as_bytes()).await.ok();
    let answer = read_some(&mut socket, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_answered_all_the_same() {
    let host = start(Setup {
        limits: HostLimits {
            call_timeout: Duration::from_millis(1),
            ..HostLimits::default()
        },
        tenants: vec![("acme", Vec::new())],
        ..Setup::default()
    })
    .await;
    let answer = host.post("/v1/acme/endless/stock.update", &[], "{}").await;
    answer.is_problem(504, "call-timeout");
}

#[tokio::test]
async fn a_delivery_goes_on_when_its_caller_hangs_up() {
    let host = start_open().await;
    let mut socket = connect(&host).await;
    let request = "POST /v1/acme/slow/stock.update HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}";
    socket.write_all(request.as_bytes()).await.unwrap();
    host.fake.until_begun().await;
    drop(socket);
    // The host has noticed when it answers somebody else on the same thread.
    assert_eq!(host.get("/healthz", &[]).await.status, 200);
    host.fake.release();
    host.fake.until_ended().await;
}
