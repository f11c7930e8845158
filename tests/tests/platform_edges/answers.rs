//! HTTP 200 says nothing: only what a document calls a success is one.

use crossdock::report::ItemStatus;
use crossdock_stand_ins::{Misbehaviour, Options, Times};
use crossdock_tests::platforms::{BUNDLED, Connection, Platforms};

/// Every operation with a good document.
const OPERATIONS: &[(&str, &str, &str)] = &[
    ("shopify", "stock.update", r#"{"sku":"1","quantity":1}"#),
    (
        "lingzhi",
        "stock.update",
        r#"{"sku":"1^^^a","quantity":1,"location":"s"}"#,
    ),
    ("fengchao", "stock.update", r#"{"sku":"a","quantity":1}"#),
    ("doudian", "stock.update", r#"{"sku":"a","quantity":1}"#),
    (
        "wangdian",
        "goods.push",
        r#"{"goods_no":"a","goods_name":"b","spec_list":[{"spec_no":"c"}]}"#,
    ),
    ("wangdian", "stock.calc", r#"{"api_goods_id":2447}"#),
    ("wangdian", "stock.pending", "{}"),
    (
        "wangdian",
        "stock.confirm",
        r#"{"api_goods_id":2447,"success":true,"syn_stock":1,"stock_change_count":2,
            "stock_syn_rule_id":1,"stock_syn_rule_no":"","stock_syn_warehouses":"6",
            "stock_syn_mask":0,"stock_syn_percent":100,"stock_syn_plus":1,"stock_syn_min":1,
            "stock_syn_max":550,"is_auto_listing":1,"is_auto_delisting":1}"#,
    ),
    (
        "dingliyun",
        "stock.update",
        r#"{"sku":"a","quantity":1,"location":"s"}"#,
    ),
    ("dingliyun", "brand.query", "{}"),
    ("dingliyun", "brand.update", r#"{"id":"a"}"#),
    ("dingliyun", "category.query", "{}"),
    ("dingliyun", "category.update", r#"{"id":"a"}"#),
    ("dingliyun", "product.update", r#"{"id":"a"}"#),
    ("dingliyun", "image.update", r#"{"sku_id":"a"}"#),
    ("dingliyun", "sku.get", r#"{"id":"a"}"#),
    ("dingliyun", "sku.list", r#"{"ids":["a"]}"#),
    ("dingliyun", "sku.search", "{}"),
    ("dingliyun", "sku.update", r#"{"id":"a"}"#),
    ("dingliyun", "tag.update", r#"{"code":"a"}"#),
    (
        "dingliyun",
        "shelf.update",
        r#"{"sku_id":"a","store_id":"s","shelf_position_codes":[]}"#,
    ),
    (
        "dingliyun",
        "store-sku.update",
        r#"{"sku_id":"a","store_id":"s"}"#,
    ),
    (
        "dingliyun",
        "price.update",
        r#"{"sku_id":"a","store_id":"s"}"#,
    ),
    (
        "dingliyun",
        "order.lock",
        r#"{"order_id":"o","store_id":"s","items":[{"sku_id":"a","qty":1}]}"#,
    ),
    ("dingliyun", "order.lock-result", r#"{"order_id":"o"}"#),
    ("dingliyun", "order.stocks", r#"{"sku_ids":["a"]}"#),
    ("dingliyun", "order.ship", r#"{"order_id":"o"}"#),
    ("dingliyun", "order.unlock", r#"{"order_id":"o"}"#),
];

/// Bodies of HTTP 200 that no document calls a success.
const NO_SUCCESS: &[&str] = &[
    "",
    " ",
    "ok",
    "{}",
    "[]",
    "null",
    "true",
    "0",
    "\"success\"",
    "<html><body>网关</body></html>",
    r#"{"ok":true}"#,
    r#"{"message":"success"}"#,
    r#"{"code":"0","status":"0","success":"true","data":{}}"#,
    r#"{"code":null,"status":null,"success":null,"data":null}"#,
    r#"{"code":0.5,"status":0.5,"success":1}"#,
    r#"{"code":0,"status":0,"success":tr"#,
    r#"{"code":-1,"status":-1,"success":false}"#,
];

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_no_success_because_it_is_http_200() {
    let connections = BUNDLED.map(|platform| Connection::to(platform).limit("attempts", 1));
    let platforms = Platforms::start(Options::default(), &connections).await;
    let snapshot = platforms.host.snapshot();
    let known: usize = snapshot
        .adapters
        .values()
        .map(|adapter| adapter.manifest.operations.len())
        .sum();
    assert_eq!(OPERATIONS.len(), known, "every operation is in the table");
    let mut wrong = Vec::new();
    for (platform, operation, document) in OPERATIONS {
        for body in NO_SUCCESS {
            let answer = Misbehaviour::Answer {
                status: 200,
                content_type: "application/json".into(),
                body: (*body).into(),
            };
            platforms.stand_ins.reset(platform);
            // A read-back gets the same.
            platforms
                .stand_ins
                .misbehave(platform, answer, Times::Always);
            let report = platforms.deliver_text(platform, operation, *document).await;
            let item = &report.items[0];
            let violations = platforms.stand_ins.violations(platform);
            if !violations.is_empty() {
                wrong.push(format!(
                    "{platform} {operation} is not good: {violations:?}"
                ));
            }
            if !matches!(item.status, ItemStatus::Rejected | ItemStatus::Unknown) {
                wrong.push(format!("{platform} {operation} {body}: {item:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
