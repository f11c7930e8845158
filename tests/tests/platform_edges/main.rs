//! What is easily wrong between a record and a platform: characters that mean
//! something to URLs, forms and JSON, numbers longer than a float, fields that
//! are not there, signatures of a second attempt, and answers of HTTP 200 that
//! are no success.

mod answers;
mod characters;
mod readable;

use crossdock::report::DeliveryStatus;
use crossdock_stand_ins::{Misbehaviour, Options, Recorded, Times};
use crossdock_tests::platforms::{Connection, PLATFORMS, Platforms, data};
use serde_json::{Value, json};

async fn accepted(
    platforms: &Platforms,
    platform: &str,
    operation: &str,
    document: Value,
) -> Value {
    let report = platforms.deliver(platform, operation, &document).await;
    assert_eq!(
        report.status,
        DeliveryStatus::Accepted,
        "{operation}: {report:?}"
    );
    let violations = platforms.stand_ins.violations(platform);
    assert!(violations.is_empty(), "{operation}: {violations:?}");
    data(&report.items[0])
}

fn last(platforms: &Platforms, platform: &str) -> Recorded {
    let requests = platforms.stand_ins.requests(platform);
    requests.last().expect("a request").clone()
}

/// What the documents leave to the vendor is a setting, and each of its values
/// is taken by the platform.
#[tokio::test(flavor = "multi_thread")]
async fn paths_transports_and_signatures_are_as_the_settings_say() {
    let fengchao = |name: &str, setting: &str, value: &str| {
        let value = json!(value).to_string();
        Connection::to("fengchao")
            .named(name)
            .setting(setting, value)
    };
    let connections = [
        fengchao("one-word", "path", "/gateway/dd/sku/syncstock"),
        fengchao("two-words", "path", "/gateway/dd/sku/sync/stock"),
        fengchao("multipart", "transport", "multipart"),
        Connection::to("doudian"),
        Connection::to("doudian")
            .named("md5")
            .setting("sign_method", "\"md5\""),
        Connection::to("doudian")
            .named("unix")
            .setting("time_format", "\"unix\""),
    ];
    let platforms = Platforms::start(Options::default(), &connections).await;
    let record = json!({"sku": "a", "quantity": 1});
    for (connection, platform, path, content_type) in [
        (
            "one-word",
            "fengchao",
            "/gateway/dd/sku/syncstock",
            "application/x-www-form-urlencoded",
        ),
        (
            "two-words",
            "fengchao",
            "/gateway/dd/sku/sync/stock",
            "application/x-www-form-urlencoded",
        ),
        (
            "multipart",
            "fengchao",
            "/gateway/dd/sku/syncstock",
            "multipart/form-data",
        ),
        ("doudian", "doudian", "/sku/syncStock", "application/json"),
        ("md5", "doudian", "/sku/syncStock", "application/json"),
        ("unix", "doudian", "/sku/syncStock", "application/json"),
    ] {
        let report = platforms.deliver(connection, "stock.update", &record).await;
        assert_eq!(
            report.status,
            DeliveryStatus::Accepted,
            "{connection}: {report:?}"
        );
        let violations = platforms.stand_ins.violations(platform);
        assert!(violations.is_empty(), "{connection}: {violations:?}");
        let request = last(&platforms, platform);
        assert_eq!(request.path, path, "{connection}");
        let sent = request.header("content-type").unwrap_or_default();
        assert!(sent.starts_with(content_type), "{connection}: {sent}");
        let sign = request.query_value("sign").map(str::len);
        match connection {
            "doudian" | "unix" => assert_eq!(sign, Some(64), "HMAC-SHA256 in hex"),
            "md5" => assert_eq!(sign, Some(32), "MD5 in hex"),
            _ => {}
        }
    }
}

/// The host's check sees the last of two members with one name; so does the
/// platform.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_comes_twice_is_sent_once_with_the_value_that_was_checked() {
    let platforms = Platforms::start(Options::default(), &PLATFORMS.map(Connection::to)).await;
    for (platform, operation, document, sent) in [
        (
            "lingzhi",
            "stock.update",
            r#"{"sku":"2^^^b","sku":"1^^^a","quantity":"x","quantity":1,"location":"s"}"#,
            r#"[{"type":"normal","key":"1^^^a","stock":1,"store_code":"s"}]"#,
        ),
        (
            "doudian",
            "stock.update",
            r#"{"sku":"a","quantity":1,"supplier_id":"","supplier_id":"1"}"#,
            r#"{"code":"a","stock_num":1,"supplier_id":"1"}"#,
        ),
        (
            "wangdian",
            "goods.push",
            r#"{"goods_no":7,"goods_no":"a","goods_name":"b","spec_list":[{"spec_no":7,"spec_no":"c"}]}"#,
            r#"[[{"goods_no":"a","goods_name":"b","spec_list":[{"spec_no":"c"}]}]]"#,
        ),
        (
            "wangdian",
            "stock.confirm",
            r#"{"api_goods_id":2448,"api_goods_id":2447,"success":true,"syn_stock":1,
                "stock_change_count":2,"stock_syn_rule_id":{},"stock_syn_rule_id":1,
                "stock_syn_rule_no":"","stock_syn_warehouses":"6","stock_syn_mask":0,
                "stock_syn_percent":100,"stock_syn_plus":1,"stock_syn_min":1,"stock_syn_max":5,
                "is_auto_listing":1,"is_auto_delisting":1}"#,
            r#"[2447,{"stock_syn_min":1,"stock_syn_rule_id":1,"stock_syn_mask":0,"stock_syn_warehouses":"6","stock_syn_max":5,"stock_syn_percent":100,"is_auto_delisting":true,"stock_syn_plus":1,"is_auto_listing":true,"stock_syn_rule_no":"","syn_stock":1,"stock_change_count":2}]"#,
        ),
        (
            "dingliyun",
            "brand.update",
            r#"{"id":7,"id":"a","name":{},"name":"n"}"#,
            r#"{"brands":[{"id":"a","name":"n"}]}"#,
        ),
    ] {
        let report = platforms.deliver_text(platform, operation, document).await;
        assert_eq!(
            report.status,
            DeliveryStatus::Accepted,
            "{operation}: {report:?}"
        );
        let body = last(&platforms, platform).body;
        assert_eq!(
            String::from_utf8_lossy(&body),
            sent,
            "{platform} {operation}"
        );
    }
}

/// Decimal(19,4) and ids of 19 digits, as they are and through a script that
/// takes them from a record of another shape.
#[tokio::test(flavor = "multi_thread")]
async fn long_numbers_keep_every_digit_with_and_without_a_script() {
    let connections = [
        Connection::to("wangdian"),
        Connection::to("wangdian").named("wangdian-jq").script(
            "goods.push",
            "{goods_no: .no, goods_name: .no, spec_list: [{spec_no: .no, retail_price: .price}]}",
        ),
        Connection::to("doudian"),
        Connection::to("doudian").named("doudian-jq").script(
            "stock.update",
            "{sku: .no, quantity: .stock, product_id: .product, store_id: .store}",
        ),
        Connection::to("dingliyun"),
        Connection::to("dingliyun").named("dingliyun-jq").script(
            "price.update",
            "{sku_id: .no, store_id: .store, price: .price}",
        ),
    ];
    let platforms = Platforms::start(Options::default(), &connections).await;
    let price = "123456789012345.6780";
    let id = "3539925204033339668";
    let stock = "9007199254740993";
    for (connection, platform, operation, record, arrives) in [
        (
            "wangdian",
            "wangdian",
            "goods.push",
            format!(
                r#"{{"goods_no":"a","goods_name":"a","spec_list":[{{"spec_no":"a","retail_price":{price}}}]}}"#
            ),
            vec![format!(r#""retail_price":{price}"#)],
        ),
        (
            "wangdian-jq",
            "wangdian",
            "goods.push",
            format!(r#"{{"no":"a","price":{price}}}"#),
            vec![format!(r#""retail_price":{price}"#)],
        ),
        (
            "doudian",
            "doudian",
            "stock.update",
            format!(r#"{{"sku":"a","quantity":{stock},"product_id":{id},"store_id":"{id}"}}"#),
            vec![
                format!(r#""product_id":{id}"#),
                format!(r#""store_id":{id}"#),
                format!(r#""stock_num":{stock}"#),
            ],
        ),
        (
            "doudian-jq",
            "doudian",
            "stock.update",
            format!(r#"{{"no":"a","stock":{stock},"product":{id},"store":{id}}}"#),
            vec![
                format!(r#""product_id":{id}"#),
                format!(r#""store_id":{id}"#),
                format!(r#""stock_num":{stock}"#),
            ],
        ),
        (
            "dingliyun",
            "dingliyun",
            "price.update",
            format!(r#"{{"sku_id":"a","store_id":"s","price":{price},"cost_price":0.100000550}}"#),
            vec![
                format!(r#""price":{price}"#),
                r#""cost_price":0.100000550"#.to_owned(),
            ],
        ),
        (
            "dingliyun-jq",
            "dingliyun",
            "price.update",
            format!(r#"{{"no":"a","store":"s","price":{price}}}"#),
            vec![format!(r#""price":{price}"#)],
        ),
    ] {
        let report = platforms.deliver_text(connection, operation, record).await;
        assert_eq!(
            report.status,
            DeliveryStatus::Accepted,
            "{connection}: {report:?}"
        );
        let body = last(&platforms, platform).body;
        let body = String::from_utf8_lossy(&body);
        for number in arrives {
            assert!(
                body.contains(&number),
                "{connection}: {number} is not in {body}"
            );
        }
    }
}

/// What a document leaves out is not sent: no null, no empty text, no default.
#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_left_out_is_not_sent() {
    let platforms = Platforms::start(Options::default(), &PLATFORMS.map(Connection::to)).await;
    for (platform, operation, document, body) in [
        (
            "doudian",
            "stock.update",
            r#"{"sku":"a","quantity":1}"#,
            r#"{"code":"a","stock_num":1}"#,
        ),
        (
            "wangdian",
            "goods.push",
            r#"{"goods_no":"a","goods_name":"b","spec_list":[{"spec_no":"c"}]}"#,
            r#"[[{"goods_no":"a","goods_name":"b","spec_list":[{"spec_no":"c"}]}]]"#,
        ),
        (
            "wangdian",
            "stock.calc",
            r#"{"api_goods_id":2447}"#,
            "[2447,false]",
        ),
        (
            "dingliyun",
            "stock.update",
            r#"{"sku":"a","quantity":1,"location":"s"}"#,
            r#"{"skus":[{"available":1,"sku_id":"a"}]}"#,
        ),
        (
            "dingliyun",
            "brand.update",
            r#"{"id":"a"}"#,
            r#"{"brands":[{"id":"a"}]}"#,
        ),
        (
            "dingliyun",
            "image.update",
            r#"{"sku_id":"a"}"#,
            r#"{"sku_images":[{"sku_id":"a"}]}"#,
        ),
        (
            "dingliyun",
            "store-sku.update",
            r#"{"sku_id":"a","store_id":"s"}"#,
            r#"{"store_skus":[{"sku_id":"a","store_id":"s"}]}"#,
        ),
        ("dingliyun", "brand.query", "{}", "{}"),
    ] {
        let report = platforms.deliver_text(platform, operation, document).await;
        assert_eq!(report.status, DeliveryStatus::Accepted, "{report:?}");
        let request = last(&platforms, platform);
        assert_eq!(String::from_utf8_lossy(&request.body), body, "{operation}");
        assert!(request.query_value("operator").is_none(), "{operation}");
    }
    let report = platforms
        .deliver_text("fengchao", "stock.update", r#"{"sku":"a","quantity":1}"#)
        .await;
    assert_eq!(report.status, DeliveryStatus::Accepted, "{report:?}");
    let body = last(&platforms, "fengchao").body;
    let names: Vec<String> = url::form_urlencoded::parse(&body)
        .map(|(name, _)| name.into_owned())
        .collect();
    let wanted = [
        "appid",
        "seller_nick",
        "code",
        "stock_num",
        "timestamp",
        "sign",
    ];
    assert_eq!(names, wanted);
}

/// A second attempt is stamped and signed anew, and is the same otherwise: the
/// platform that remembers ids knows it again.
#[tokio::test(flavor = "multi_thread")]
async fn every_attempt_has_its_own_time_and_signature_and_the_same_id() {
    let platforms = Platforms::start(Options::default(), &PLATFORMS.map(Connection::to)).await;
    let change = r#"{"sku":"a","quantity":1,"mode":"adjust"}"#;
    for (platform, operation, document) in [
        ("fengchao", "stock.update", change),
        ("doudian", "stock.update", change),
        ("wangdian", "stock.calc", r#"{"api_goods_id":2447}"#),
    ] {
        // The stamps have seconds: the pause is one.
        let throttled = Misbehaviour::Throttled { retry_after: 1 };
        platforms
            .stand_ins
            .misbehave(platform, throttled, Times::Once);
        let report = platforms.deliver_text(platform, operation, document).await;
        assert_eq!(report.status, DeliveryStatus::Accepted, "{report:?}");
        let violations = platforms.stand_ins.violations(platform);
        assert!(violations.is_empty(), "{platform}: {violations:?}");
        let requests = platforms.stand_ins.requests(platform);
        let [first, second] = requests.as_slice() else {
            panic!("{} requests", requests.len());
        };
        let (first, second) = (pairs(first), pairs(second));
        let differ: Vec<&str> = first
            .iter()
            .zip(&second)
            .filter(|(before, after)| before != after)
            .map(|((name, _), _)| name.as_str())
            .collect();
        assert_eq!(first.len(), second.len(), "{platform}");
        assert_eq!(differ, ["sign", "timestamp"], "{platform}");
    }
}

/// Query and body of a request as pairs, by name.
fn pairs(request: &Recorded) -> Vec<(String, String)> {
    let mut pairs = request.query.clone();
    let is_form = request
        .header("content-type")
        .is_some_and(|kind| kind.contains("form"));
    if is_form {
        pairs.extend(url::form_urlencoded::parse(&request.body).into_owned());
    } else {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        pairs.push(("body".into(), body));
    }
    pairs.sort();
    pairs
}
