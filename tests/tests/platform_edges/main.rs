//! What is easily wrong between a record and a platform: characters that mean
//! something to URLs, forms and JSON, numbers longer than a float, fields that
//! are not there, signatures of a second attempt, and answers of HTTP 200 that
//! are no success.

mod answers;

use crossdock::delivery::report::DeliveryStatus;
use crossdock_stand_ins::{Misbehaviour, Options, Recorded, Times};
use crossdock_tests::platforms::{Connection, PLATFORMS, Platforms, data};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// Characters with a meaning in paths, queries, forms, JSON or HTML, and some
/// of more than one byte. 40 of them: 旺店通 takes no more.
const ODD: &str = "a b/%2F?d#e&f=g+h;i:@$,'\"<>\\^`{|}~*门😀../";

/// Everything but the unreserved characters of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

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

#[tokio::test(flavor = "multi_thread")]
async fn odd_characters_arrive_in_every_segment_of_a_path_and_every_query() {
    let platforms = Platforms::start(Options::default(), &[Connection::to("dingliyun")]).await;
    let stock = |kind: &str| json!({"sku": ODD, "quantity": 7, "location": ODD, "location_kind": kind, "operator": ODD});
    let row = |more: Value| {
        let mut row = json!({"sku_id": ODD, "store_id": ODD});
        for (name, value) in more.as_object().into_iter().flatten() {
            row[name] = value.clone();
        }
        row
    };
    let held = json!({"order_id": ODD, "request_id": ODD, "store_id": ODD,
        "items": [{"sku_id": ODD, "qty": 2}], "operator": ODD});
    let odd = encoded(ODD);
    // The operation, its document, and its path below the tenant's.
    let calls = [
        (
            "stock.update",
            stock("store"),
            format!("storeinvservice/store/{odd}/invs"),
        ),
        (
            "stock.update",
            stock("warehouse"),
            format!("wrhinvservice/wrh/{odd}/invs"),
        ),
        (
            "sku.update",
            json!({"id": ODD, "operator": ODD}),
            "itemservice/skus/update".into(),
        ),
        (
            "sku.get",
            json!({"id": ODD, "parts": ODD}),
            format!("itemservice/sku/{odd}"),
        ),
        (
            "store-sku.update",
            row(json!({})),
            format!("storeskuservice/store/{odd}/skus/updates"),
        ),
        (
            "shelf.update",
            row(json!({"shelf_position_codes": [ODD]})),
            format!("storeskuservice/store/{odd}/skus/shelfPositionCode"),
        ),
        (
            "price.update",
            row(json!({"price": 1})),
            format!("storepriceservice/store/{odd}/prices"),
        ),
        ("order.lock", held, "orderstockservice/lock".into()),
        (
            "order.lock-result",
            json!({"order_id": ODD}),
            "orderstockservice/order/lockresult".into(),
        ),
        (
            "order.stocks",
            json!({"sku_ids": [ODD, "a,b"], "store_id": ODD, "platform_id": ODD, "shop_id": ODD}),
            "orderstockservice/orderstocks".into(),
        ),
        (
            "order.ship",
            json!({"order_id": ODD, "operator": ODD}),
            format!("orderstockservice/ship/{odd}"),
        ),
    ];
    for (operation, document, path) in calls {
        let queried: Vec<&str> = match operation {
            "order.stocks" => vec!["store_id", "platform_id", "shop_id", "sku_ids"],
            "order.lock-result" => vec!["order_id"],
            "sku.get" => vec!["parts"],
            "stock.update" if document["location_kind"] == json!("store") => vec![],
            _ if document["operator"].is_string() => vec!["operator"],
            _ => vec![],
        };
        accepted(&platforms, "dingliyun", operation, document).await;
        let request = last(&platforms, "dingliyun");
        assert_eq!(request.path, format!("/demo/invc/{path}"), "{operation}");
        for name in queried {
            assert_eq!(request.query_value(name), Some(ODD), "{operation} {name}");
        }
    }
    let state = platforms.stand_ins.dingliyun().snapshot();
    // 7, of which the order holds 2.
    assert!(state.store_inventory(ODD, ODD).is_some());
    assert!(state.warehouse_inventory(ODD, ODD).is_some());
    assert!(state.prices.contains_key(&(ODD.into(), ODD.into())));
    assert_eq!(state.orders[ODD].state.name(), "shipped");
}

/// The order that is read back is found in the body, the path or the query of
/// what was sent.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_with_odd_characters_is_read_back_after_a_lost_answer() {
    let platforms = Platforms::start(Options::default(), &[Connection::to("dingliyun")]).await;
    let stand_ins = &platforms.stand_ins;
    let stock = json!({"sku": "a", "quantity": 7, "location": "S1"});
    accepted(&platforms, "dingliyun", "stock.update", stock).await;
    for (operation, state) in [
        ("order.lock", "locked"),
        ("order.unlock", "aborted"),
        ("order.lock", "locked"),
        ("order.ship", "shipped"),
    ] {
        let mut document = json!({"order_id": ODD});
        if operation == "order.lock" {
            document["store_id"] = json!("S1");
            document["items"] = json!([{"sku_id": "a", "qty": 2}]);
        }
        let before = stand_ins.counters("dingliyun").received;
        stand_ins.misbehave("dingliyun", Misbehaviour::ResetAfterApplying, Times::Once);
        accepted(&platforms, "dingliyun", operation, document).await;
        assert_eq!(stand_ins.counters("dingliyun").received - before, 2);
        let request = last(&platforms, "dingliyun");
        assert_eq!(request.method, "GET", "{operation}");
        assert_eq!(request.query_value("order_id"), Some(ODD), "{operation}");
        let found = stand_ins.dingliyun().snapshot().orders[ODD].state.name();
        assert_eq!(found, state, "{operation}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_characters_arrive_in_forms_and_signed_bodies() {
    let multipart = Connection::to("fengchao")
        .named("multipart")
        .setting("transport", "\"multipart\"");
    let mut connections: Vec<Connection> = PLATFORMS.map(Connection::to).into();
    connections.push(multipart);
    let platforms = Platforms::start(Options::default(), &connections).await;
    let stand_ins = &platforms.stand_ins;
    let record = json!({"sku": ODD, "quantity": 7, "mode": "adjust", "idempotency_key": ODD});
    for (connection, platform) in [
        ("fengchao", "fengchao"),
        ("multipart", "fengchao"),
        ("doudian", "doudian"),
    ] {
        stand_ins.reset(platform);
        match platform {
            "fengchao" => stand_ins.fengchao().set_stock(&format!("code:{ODD}"), 1),
            _ => stand_ins.doudian().set_stock(&format!("code:{ODD}"), 1),
        }
        let report = platforms.deliver(connection, "stock.update", &record).await;
        assert_eq!(report.status, DeliveryStatus::Accepted, "{report:?}");
        // The signature was checked over what arrived.
        assert!(stand_ins.violations(platform).is_empty());
    }
    for stock in [
        stand_ins.fengchao().stock(&format!("code:{ODD}")),
        stand_ins.doudian().stock(&format!("code:{ODD}")),
    ] {
        assert_eq!(stock.map(|stock| stock.stock), Some(8));
    }
    // Nothing is escaped that JSON does not make escape.
    let body = last(&platforms, "doudian").body;
    let plain = ODD.replace('\\', "\\\\").replace('"', "\\\"");
    let code = format!("\"code\":\"{plain}\"");
    assert!(String::from_utf8_lossy(&body).contains(&code));

    let goods = json!({"goods_no": ODD, "goods_name": ODD, "spec_list": [{"spec_no": ODD}]});
    accepted(&platforms, "wangdian", "goods.push", goods).await;
    assert!(stand_ins.wangdian().goods(ODD).is_some());
    let goods = json!({"sku": format!("1^^^{ODD}"), "quantity": 7, "location": ODD});
    accepted(&platforms, "lingzhi", "stock.update", goods).await;
    let kept = stand_ins
        .lingzhi()
        .stock("normal", &format!("1^^^{ODD}"), ODD);
    assert_eq!(kept.map(|kept| kept.stock), Some(7));
}

/// Accounts, too, may have any character: those that are signed, those that
/// travel in the query, and the Basic password.
#[tokio::test(flavor = "multi_thread")]
async fn odd_characters_arrive_in_accounts_and_secrets() {
    let mut options = Options::default();
    options.wangdian.sid = ODD.into();
    options.wangdian.key = ODD.into();
    options.wangdian.secret = ODD.into();
    options.wangdian.salt = format!("{ODD}salt");
    options.doudian.app_key = ODD.into();
    options.doudian.secret = ODD.into();
    options.doudian.access_token = format!("{ODD}token");
    options.fengchao.appid = ODD.into();
    options.fengchao.sellers = vec![ODD.into()];
    options.fengchao.secret = ODD.into();
    options.dingliyun.tenant_id = ODD.into();
    options.dingliyun.password = ODD.into();
    // A TOML string escapes as JSON does.
    let odd = json!(ODD).to_string();
    let connections = [
        Connection::to("wangdian")
            .setting("sid", &odd)
            .setting("key", &odd)
            .secret("secret", ODD)
            .secret("salt", format!("{ODD}salt")),
        Connection::to("doudian")
            .setting("app_key", &odd)
            .secret("app_secret", ODD)
            .secret("access_token", format!("{ODD}token")),
        Connection::to("fengchao")
            .setting("appid", &odd)
            .setting("seller_nick", &odd)
            .secret("app_secret", ODD),
        Connection::to("dingliyun")
            .setting("tenant_id", &odd)
            .secret("password", ODD),
    ];
    let platforms = Platforms::start(options, &connections).await;
    for (platform, operation, document) in [
        ("wangdian", "stock.calc", json!({"api_goods_id": 2447})),
        (
            "doudian",
            "stock.update",
            json!({"sku": "a", "quantity": 1}),
        ),
        (
            "fengchao",
            "stock.update",
            json!({"sku": "a", "quantity": 1}),
        ),
        ("dingliyun", "brand.update", json!({"id": "a"})),
    ] {
        accepted(&platforms, platform, operation, document).await;
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
