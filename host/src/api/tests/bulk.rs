//! Bodies of one item a line.

use super::*;

const LINES: (&str, &str) = ("content-type", "application/x-ndjson");
const QUEUE: &str = "/v1/acme/outbox/stock.update?queue=true";

fn lines(count: usize) -> String {
    (0..count)
        .map(|line| format!("{{\"n\":{line}}}\n"))
        .collect()
}

/// How many items each call had, and under which key.
fn taken(host: &Running) -> Vec<(usize, Option<String>)> {
    let calls = host.fake.calls();
    let calls = calls.into_iter().map(|call| {
        let items: Vec<Value> = serde_json::from_slice(&call.body).unwrap();
        (items.len(), call.idempotency_key)
    });
    calls.collect()
}

#[tokio::test]
async fn lines_are_taken_in_piece_by_piece_and_every_delivery_is_named() {
    let host = start_open().await;
    let answer = host.post(QUEUE, &[LINES], lines(2500)).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    let answer = answer.json();
    assert_eq!(answer["items"], 2500);
    let named = answer["deliveries"].as_array().unwrap();
    let named: Vec<_> = named
        .iter()
        .map(|it| (it["lines"].clone(), it["items"].clone()))
        .collect();
    assert_eq!(
        named,
        [
            (serde_json::json!([1, 1000]), 1000.into()),
            (serde_json::json!([1001, 2000]), 1000.into()),
            (serde_json::json!([2001, 2500]), 500.into()),
        ]
    );
    assert_eq!(taken(&host), [(1000, None), (1000, None), (500, None)]);
}

#[tokio::test]
async fn a_bad_line_ends_it_and_what_was_taken_is_told() {
    let host = start_open().await;
    let body = format!("{}nonsense\n{}", lines(2100), lines(5));
    let key = ("idempotency-key", "upload-7");
    let answer = host.post(QUEUE, &[LINES, key], body.clone()).await;
    answer.is_problem(400, "invalid-json");
    let problem = answer.json();
    assert_eq!(
        (&problem["line"], &problem["lines_taken"]),
        (&2101.into(), &2000.into())
    );
    assert_eq!(problem["deliveries"].as_array().unwrap().len(), 2);
    // It says its place once: the reader's own line is always the first.
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("line 2101: it is not JSON: "),
        "{detail}"
    );
    assert!(detail.contains(" at column "), "{detail}");
    assert!(!detail.contains("line 1 "), "{detail}");
    // Mended and sent again under the same key: what was taken is known by its piece.
    let answer = host
        .post(QUEUE, &[LINES, key], body.replace("nonsense", "{}"))
        .await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    let keys: Vec<_> = taken(&host)
        .into_iter()
        .map(|(_, key)| key.unwrap())
        .collect();
    assert_eq!(keys[..2], keys[2..4]);
    assert_eq!(keys.len(), 5);
    assert!(keys.iter().all(|key| key.starts_with("upload-7\n")));
}

#[tokio::test]
async fn an_item_that_is_refused_is_named_by_its_line() {
    let host = start_open().await;
    let body = format!("\n{}{{\"bad\":1}}\n", lines(1001));
    let answer = host.post(QUEUE, &[LINES], body).await;
    answer.is_problem(400, "invalid-json");
    let problem = answer.json();
    assert_eq!(
        (&problem["line"], &problem["lines_taken"]),
        (&1003.into(), &1001.into())
    );
    assert!(problem["item"].is_null());
    let full = "/v1/acme/full/stock.update?queue=true";
    let answer = host.post(full, &[LINES], lines(3)).await;
    answer.is_problem(507, "outbox-full");
    assert_eq!(answer.json()["lines_taken"], 0);
}

#[tokio::test]
async fn lines_that_are_not_queued_are_one_call() {
    let host = start_open().await;
    let stock = "/v1/acme/shop/stock.update";
    let answer = host.post(stock, &[LINES], "{\"a\":1}\n\n{\"b\":2}").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(host.fake.calls()[0].body, r#"[{"a":1},{"b":2}]"#.as_bytes());
    let answer = host.post(stock, &[LINES], "{}\n[]\n").await;
    answer.is_problem(400, "invalid-json");
    assert_eq!(answer.json()["line"], 2);
    assert_eq!(host.fake.calls().len(), 1);
    let empty = host.post(QUEUE, &[LINES], "\n").await;
    empty.is_problem(422, "no-items");
}
