//! The Admin GraphQL API, as shopify.dev describes it.

mod common;

use common::*;
use crossdock_stand_ins::{Breach, Misbehaviour, Options, Times};
use serde_json::{Value, json};

const PATH: &str = "/admin/api/2026-10/graphql.json";
const SET: &str = "mutation Set($input: InventorySetQuantitiesInput!, $key: String!) { \
    inventorySetQuantities(input: $input) @idempotent(key: $key) { \
    inventoryAdjustmentGroup { id } userErrors { code field message } } }";

fn headers(token: &str) -> [(&str, &str); 2] {
    [
        ("content-type", "application/json"),
        ("x-shopify-access-token", token),
    ]
}

fn body(query: &str, key: &str, rows: Value) -> String {
    json!({"query": query, "variables": {"key": key, "input": {
        "name": "available", "reason": "correction", "quantities": rows,
    }}})
    .to_string()
}

fn row(item: u64, quantity: i64) -> Value {
    json!({
        "inventoryItemId": format!("gid://shopify/InventoryItem/{item}"),
        "locationId": "gid://shopify/Location/7",
        "quantity": quantity,
        "changeFromQuantity": null,
    })
}

#[tokio::test]
async fn totals_are_set_once_under_a_key() {
    let stand_ins = start().await;
    let sent = body(SET, "k", json!([row(1, 5), row(2, 6)]));
    let mut answers = Vec::new();
    for _ in 0..2 {
        let reply = send(
            &stand_ins,
            "shopify",
            "POST",
            PATH,
            &headers("shpat-demo"),
            sent.clone(),
        )
        .await;
        answers.push(reply.json()["data"].clone());
    }
    assert_eq!(answers[0], answers[1]);
    let level = stand_ins.shopify().level(1, 7).expect("a level");
    assert_eq!((level.quantity, level.writes), (5, 1));
    let other = body(SET, "k", json!([row(1, 9)]));
    let reply = send(
        &stand_ins,
        "shopify",
        "POST",
        PATH,
        &headers("shpat-demo"),
        other,
    )
    .await;
    let code = reply.json()["data"]["inventorySetQuantities"]["userErrors"][0]["code"].clone();
    assert_eq!(code, "IDEMPOTENCY_KEY_PARAMETER_MISMATCH");
    assert_eq!(stand_ins.violations("shopify"), []);
}

#[tokio::test]
async fn one_bad_row_spoils_its_call() {
    let mut options = Options::default();
    options.shopify.unknown_items = vec![2];
    let stand_ins = start_with(options).await;
    let sent = body(SET, "k", json!([row(1, 5), row(2, 6)]));
    let reply = send(
        &stand_ins,
        "shopify",
        "POST",
        PATH,
        &headers("shpat-demo"),
        sent,
    )
    .await;
    let payload = reply.json()["data"]["inventorySetQuantities"].clone();
    assert_eq!(payload["inventoryAdjustmentGroup"], Value::Null);
    assert_eq!(payload["userErrors"][0]["code"], "INVALID_INVENTORY_ITEM");
    assert_eq!(payload["userErrors"][0]["field"][2], "1");
    assert_eq!(stand_ins.shopify().level(1, 7), None);
}

#[tokio::test]
async fn a_token_of_the_token_server_is_checked_there() {
    let stand_ins = start().await;
    let issued = stand_ins.oauth().grant("shopify-app", "write_inventory");
    let ask = async |token: &str, key: &str| {
        let sent = body(SET, key, json!([row(1, 5)]));
        send(&stand_ins, "shopify", "POST", PATH, &headers(token), sent)
            .await
            .status
    };
    assert_eq!(ask(&issued.access, "1").await, 200);
    stand_ins.oauth().expire_access();
    assert_eq!(ask(&issued.access, "2").await, 401);
    assert_eq!(stand_ins.violations("shopify"), []);
    assert_eq!(ask("nobodys", "3").await, 401);
    assert_eq!(breaches(&stand_ins, "shopify"), [Breach::Credentials]);
}

#[tokio::test]
async fn each_departure_from_the_page_is_named() {
    let stand_ins = start().await;
    let mut no_compare = row(1, 5);
    no_compare
        .as_object_mut()
        .expect("an object")
        .remove("changeFromQuantity");
    let many: Vec<Value> = (0..251).map(|item| row(item, 1)).collect();
    let cases = [
        (
            body(
                &SET.replace(" @idempotent(key: $key)", ""),
                "k",
                json!([row(1, 5)]),
            ),
            Breach::Syntax,
        ),
        (
            body(
                &SET.replace("userErrors", "errors"),
                "k",
                json!([row(1, 5)]),
            ),
            Breach::Syntax,
        ),
        (
            body("query { shop { name } }", "k", json!([row(1, 5)])),
            Breach::Syntax,
        ),
        (body(SET, "", json!([row(1, 5)])), Breach::Missing),
        (body(SET, "k", json!([no_compare])), Breach::Missing),
        (
            body(SET, "k", json!([row(1, 3_000_000_000)])),
            Breach::Range,
        ),
        (body(SET, "k", Value::Array(many)), Breach::Limit),
    ];
    for (sent, breach) in cases {
        let reply = send(
            &stand_ins,
            "shopify",
            "POST",
            PATH,
            &headers("shpat-demo"),
            sent.clone(),
        )
        .await;
        assert!(reply.json()["errors"].is_array(), "{sent}");
        assert_eq!(breaches(&stand_ins, "shopify"), [breach], "{sent}");
    }
    assert_eq!(stand_ins.shopify().level(1, 7), None);
}

#[tokio::test]
async fn calls_are_throttled_by_their_cost() {
    let stand_ins = start().await;
    stand_ins.shopify().drain(1_999.0);
    let sent = body(SET, "k", json!([row(1, 5)]));
    let reply = send(
        &stand_ins,
        "shopify",
        "POST",
        PATH,
        &headers("shpat-demo"),
        sent,
    )
    .await;
    let answer = reply.json();
    assert_eq!(answer["errors"][0]["extensions"]["code"], "THROTTLED");
    assert_eq!(answer["extensions"]["cost"]["requestedQueryCost"], 10.0);
    stand_ins.misbehave("shopify", Misbehaviour::ThrottledByPlatform, Times::Once);
}

#[tokio::test]
async fn the_apps_own_credentials_give_a_token_without_a_type() {
    let stand_ins = start().await;
    let form = "grant_type=client_credentials&client_id=shopify-app&client_secret=shpss-0f1e2d3c4b5a69788796a5b4c3d2e1f0";
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let path = "/admin/oauth/access_token";
    let reply = send(&stand_ins, "shopify", "POST", path, &kind, form).await;
    let answer = reply.json();
    assert!(answer.get("token_type").is_none(), "{answer}");
    assert_eq!(answer["scope"], "read_inventory,write_inventory");
    assert_eq!(stand_ins.violations("shopify"), []);
}
