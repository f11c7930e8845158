//! Characters that mean something to paths, queries, forms, JSON or HTML arrive
//! as what they are.

use crossdock::report::{DeliveryStatus, ItemStatus};
use crossdock_stand_ins::{Misbehaviour, Options, Times};
use crossdock_tests::leaks::UNRESERVED;
use crossdock_tests::platforms::{Connection, PLATFORMS, Platforms};
use percent_encoding::utf8_percent_encode;
use serde_json::{Value, json};

use crate::{accepted, last};

/// Characters with a meaning in paths, queries, forms, JSON or HTML, and some
/// of more than one byte. 40 of them: 旺店通 takes no more.
const ODD: &str = "a b/%2F?d#e&f=g+h;i:@$,'\"<>\\^`{|}~*门😀../";

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
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
/// what was sent. What it says is shown; it proves nothing of this request.
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
        let report = platforms.deliver("dingliyun", operation, &document).await;
        assert!(platforms.stand_ins.violations("dingliyun").is_empty());
        let item = &report.items[0];
        assert_eq!(item.status, ItemStatus::Unknown, "{operation}: {report:?}");
        assert!(item.details[0].message.contains(state), "{report:?}");
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
