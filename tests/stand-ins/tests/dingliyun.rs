//! Seed document 004: every call, its example and its rules.

mod common;

use common::*;
use crossdock_stand_ins::decimal::Decimal;
use crossdock_stand_ins::platforms::dingliyun::{Inventory, LockRepeat, OrderState, Place};
use crossdock_stand_ins::{Breach, Misbehaviour, Options, Plan, Refusal, StandIns};
use serde_json::{Map, Value, json};

/// The examples of section 1, taken from the document.
const EXAMPLES: &str = include_str!("../../fixtures/seeds/004-dingliyun.json");
/// `demo-user:demo-password`.
const BASIC: &str = "Basic ZGVtby11c2VyOmRlbW8tcGFzc3dvcmQ=";
const HEADERS: &[(&str, &str)] = &[
    ("authorization", BASIC),
    ("content-type", "application/json;charset=UTF-8"),
    ("accept", "application/json"),
];

async fn call(stand_ins: &StandIns, method: &str, path: &str, body: &Value) -> Reply {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    send(stand_ins, "dingliyun", method, path, HEADERS, body).await
}

async fn post(stand_ins: &StandIns, path: &str, body: Value) -> Value {
    call(stand_ins, "POST", &format!("/demo/invc{path}"), &body)
        .await
        .json()
}

async fn get(stand_ins: &StandIns, path: &str) -> Value {
    call(stand_ins, "GET", &format!("/demo/invc{path}"), &Value::Null)
        .await
        .json()
}

fn put_stock(stand_ins: &StandIns, store: &str, sku: &str, available: &str) {
    let inventory = Inventory {
        available: decimal(available),
        ..Inventory::default()
    };
    stand_ins.dingliyun().change(|state| {
        state
            .inventories
            .insert((Place::Store(store.to_owned()), sku.to_owned()), inventory);
    });
}

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).expect("a decimal")
}

fn available(stand_ins: &StandIns, store: &str, sku: &str) -> String {
    let state = stand_ins.dingliyun().snapshot();
    state
        .store_inventory(store, sku)
        .map(|inventory| inventory.available.to_string())
        .unwrap_or_default()
}

/// Whether two answers have the same members of the same kinds.
fn same_shape(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            let names = |members: &Map<String, Value>| {
                let mut names: Vec<String> = members.keys().cloned().collect();
                names.sort();
                names
            };
            names(found) == names(wanted)
                && found
                    .iter()
                    .all(|(name, value)| same_shape(value, &wanted[name]))
        }
        (Value::Array(found), Value::Array(wanted)) => found.iter().all(|row| {
            wanted
                .first()
                .is_none_or(|example| same_shape(row, example))
        }),
        _ => std::mem::discriminant(found) == std::mem::discriminant(wanted),
    }
}

/// The state that an example needs to be answered as the document does.
async fn prepare(stand_ins: &StandIns, examples: &[Value]) {
    put_stock(stand_ins, "43435545", "12", "100");
    let example = |section: &str| {
        examples
            .iter()
            .find(|example| example["section"] == section)
            .cloned()
            .expect("a section")
    };
    let mut sku = example("1.2.10")["body"].clone();
    sku["skus"][0]["id"] = json!("string");
    call(
        stand_ins,
        "POST",
        "/string/invc/itemservice/skus/update",
        &sku,
    )
    .await;
    let mut lock = example("1.6.1")["body"].clone();
    lock["order_id"] = json!("string");
    lock["platform_id"] = json!("string");
    lock["shop_id"] = json!("string");
    call(
        stand_ins,
        "POST",
        "/string/invc/orderstockservice/lock?operator=string",
        &lock,
    )
    .await;
}

#[tokio::test]
async fn every_example_of_the_document_is_accepted_and_answered_in_its_shape() {
    let examples: Vec<Value> = serde_json::from_str(EXAMPLES).expect("fixtures");
    assert_eq!(examples.len(), 21);
    for example in &examples {
        let mut options = Options::default();
        options.dingliyun.tenant_id = "string".to_owned();
        let stand_ins = start_with(options).await;
        prepare(&stand_ins, &examples).await;
        let section = &example["section"];
        // 1.2.8 has no example request; its body is 2.11 IdsWrapper.
        let path = example["path"]
            .as_str()
            .unwrap_or("/string/invc/itemservice/skus");
        let body = if section == "1.2.8" {
            json!({"ids": ["string"]})
        } else {
            example["body"].clone()
        };
        // The paths' page_size=0 is outside the range that the tables give.
        let path = path.replace("page_size=0", "page_size=10");
        let method = example["method"].as_str().expect("a method");
        let reply = call(&stand_ins, method, &path, &body).await;
        assert_eq!(stand_ins.violations("dingliyun"), [], "{section}");
        assert_eq!(reply.status, 200, "{section}");
        let answer = reply.json();
        assert!(
            same_shape(&answer, &example["answer"]),
            "{section}: {answer}"
        );
        assert!(last(&stand_ins, "dingliyun").verdict.applied, "{section}");
    }
}

#[tokio::test]
async fn the_account_the_tenant_and_the_path_are_checked() {
    let stand_ins = start().await;
    let body = json!({"tags": [{"code": "a"}]}).to_string();
    let path = "/demo/invc/itemservice/tags/update";
    let json = HEADERS[1];
    for headers in [
        vec![json],
        vec![json, ("authorization", "Basic eDp5")],
        vec![json, ("authorization", "Bearer x")],
    ] {
        let reply = send(
            &stand_ins,
            "dingliyun",
            "POST",
            path,
            &headers,
            body.clone(),
        )
        .await;
        assert_eq!(
            (reply.status, breaches(&stand_ins, "dingliyun")),
            (401, vec![Breach::Credentials])
        );
        assert!(reply.headers.contains_key("www-authenticate"));
    }
    let other = path.replace("demo", "other");
    let reply = send(
        &stand_ins,
        "dingliyun",
        "POST",
        &other,
        HEADERS,
        body.clone(),
    )
    .await;
    assert_eq!(reply.json()["success"], false);
    assert_eq!(breaches(&stand_ins, "dingliyun"), [Breach::Credentials]);
    assert_eq!(
        send(
            &stand_ins,
            "dingliyun",
            "POST",
            "/demo/invc/tags",
            HEADERS,
            body.clone()
        )
        .await
        .status,
        404
    );
    assert_eq!(
        send(&stand_ins, "dingliyun", "PUT", path, HEADERS, body.clone())
            .await
            .status,
        405
    );
    let plain = [HEADERS[0], ("content-type", "application/json;charset=GBK")];
    send(&stand_ins, "dingliyun", "POST", path, &plain, body).await;
    assert_eq!(breaches(&stand_ins, "dingliyun"), [Breach::ContentType]);
    assert!(stand_ins.dingliyun().snapshot().tags.is_empty());
}

#[tokio::test]
async fn ids_in_the_path_are_decoded_and_must_have_been_encoded() {
    let stand_ins = start().await;
    let body = json!({"skus": [{"sku_id": "1", "available": 5}]});
    let reply = post(
        &stand_ins,
        "/storeinvservice/store/%E5%BA%97%2F1/invs",
        body.clone(),
    )
    .await;
    assert_eq!(reply["success"], true);
    assert_eq!(available(&stand_ins, "店/1", "1"), "5.0");
    let reply = call(
        &stand_ins,
        "POST",
        "/demo/invc/storeinvservice/store/a%2/invs",
        &body,
    )
    .await;
    assert_eq!(reply.status, 400);
    assert_eq!(breaches(&stand_ins, "dingliyun"), [Breach::Encoding]);
}

#[tokio::test]
async fn reported_stock_replaces_what_was_there_by_place() {
    let stand_ins = start().await;
    let report = |available: &str| {
        parse(&format!(
            r#"{{"skus":[{{"sku_id":"1","available":{available},"stock_qty":2.50,"change_time":"2019-07-30 00:00:00"}}]}}"#
        ))
    };
    for available in ["155.0", "12.345678901"] {
        post(
            &stand_ins,
            "/wrhinvservice/wrh/W1/invs?operator=o",
            report(available),
        )
        .await;
    }
    post(&stand_ins, "/storeinvservice/store/W1/invs", report("7")).await;
    assert_eq!(stand_ins.violations("dingliyun"), []);
    let state = stand_ins.dingliyun().snapshot();
    let inventory = state.warehouse_inventory("W1", "1").expect("stock");
    assert_eq!(
        (inventory.available, inventory.stock_qty, inventory.writes),
        (decimal("12.345678901"), decimal("2.5"), 2)
    );
    assert_eq!(available(&stand_ins, "W1", "1"), "7.0");
    // The store's call has no operator in its table.
    post(
        &stand_ins,
        "/storeinvservice/store/W1/invs?operator=o",
        report("7"),
    )
    .await;
    assert_eq!(breaches(&stand_ins, "dingliyun"), [Breach::Unknown]);
}

#[tokio::test]
async fn each_departure_from_the_tables_is_named_and_nothing_is_applied() {
    let stand_ins = start().await;
    let cases = [
        (
            "/itemservice/brands/update",
            json!({"brands": [{"id": 1}]}),
            Breach::Type,
        ),
        (
            "/itemservice/brands/update",
            json!({"brands": [{"name": "a"}]}),
            Breach::Missing,
        ),
        (
            "/itemservice/brands/update",
            json!({"brands": [{"id": "1", "parent_id": "2"}]}),
            Breach::Unknown,
        ),
        (
            "/itemservice/brands/update?operator=a&operator=b",
            json!({"brands": []}),
            Breach::Syntax,
        ),
        (
            "/itemservice/categories/query",
            json!({"parent_id": "1"}),
            Breach::Unknown,
        ),
        (
            "/itemservice/brands/query?page=-1",
            json!({}),
            Breach::Range,
        ),
        (
            "/itemservice/brands/query?page_size=0",
            json!({}),
            Breach::Range,
        ),
        (
            "/itemservice/brands/query?page_size=1001",
            json!({}),
            Breach::Range,
        ),
        (
            "/itemservice/brands/query?page_size=ten",
            json!({}),
            Breach::Type,
        ),
        (
            "/itemservice/brands/query?sort_key=title",
            json!({}),
            Breach::Enumeration,
        ),
        ("/itemservice/brands/query?desc=1", json!({}), Breach::Type),
        (
            "/itemservice/brands/query",
            json!({"modified_start": "2020-06-17"}),
            Breach::Type,
        ),
        (
            "/itemservice/skus/update",
            json!({"skus": [{"id": "1", "product_type": "odd"}]}),
            Breach::Enumeration,
        ),
        (
            "/itemservice/skus/update",
            json!({"skus": [{"id": "1", "retail_price": "1.5"}]}),
            Breach::Type,
        ),
        (
            "/itemservice/skus/update",
            json!({"skus": [{"id": "1", "remark": null}]}),
            Breach::Type,
        ),
        (
            "/itemservice/sku/images/update",
            json!({"sku_images": [{"sku_id": "1", "image": {"name": "a".repeat(65)}}]}),
            Breach::Length,
        ),
        (
            "/storeskuservice/store/1/skus/updates",
            json!({"storeSkus": []}),
            Breach::Missing,
        ),
        (
            "/storepriceservice/store/1/prices",
            json!({"skus": [{"sku_id": "1", "price_mode": "fixed"}]}),
            Breach::Enumeration,
        ),
        (
            "/orderstockservice/lock",
            json!({"order_id": "1", "store_id": "2", "items": [{"sku_id": "1"}]}),
            Breach::Missing,
        ),
        (
            "/orderstockservice/lock",
            json!({"order_id": "1", "store_id": "2", "items": [], "lock_type": "soft"}),
            Breach::Enumeration,
        ),
        ("/orderstockservice/unlock", Value::Null, Breach::Missing),
        (
            "/orderstockservice/unlock?order_id=1",
            json!({}),
            Breach::Unknown,
        ),
    ];
    for (path, body, breach) in cases {
        let reply = post(&stand_ins, path, body.clone()).await;
        assert_eq!(reply["success"], false, "{path} {body}");
        assert_eq!(
            breaches(&stand_ins, "dingliyun").first(),
            Some(&breach),
            "{path} {body}"
        );
    }
    assert_eq!(stand_ins.counters("dingliyun").applied, 0);
}

#[tokio::test]
async fn lists_of_a_hundred_pass_and_of_one_more_do_not() {
    let stand_ins = start().await;
    let rows = |number: usize, id: &str| -> Vec<Value> {
        let row = |index: usize| {
            let mut row = json!({id: index.to_string()});
            if id == "sku_id" {
                row["shelf_position_codes"] = json!([]);
            }
            row
        };
        (0..number).map(row).collect()
    };
    let cases = [
        ("/itemservice/brands/update", "brands", "id"),
        ("/itemservice/skus/update", "skus", "id"),
        (
            "/storeskuservice/store/1/skus/shelfPositionCode",
            "store_sku_shelf_position_codes",
            "sku_id",
        ),
    ];
    for (path, list, id) in cases {
        for (number, expected) in [(100, vec![]), (101, vec![Breach::Limit])] {
            post(&stand_ins, path, json!({list: rows(number, id)})).await;
            assert_eq!(
                breaches(&stand_ins, "dingliyun"),
                expected,
                "{path} {number}"
            );
        }
    }
    // No limit is stated for categories.
    post(
        &stand_ins,
        "/itemservice/categories/update",
        json!({"categories": rows(150, "id")}),
    )
    .await;
    assert_eq!(breaches(&stand_ins, "dingliyun"), []);
}

#[tokio::test]
async fn updates_create_and_modify_and_queries_page_through_them() {
    let stand_ins = start().await;
    let brands: Vec<Value> = (0..25)
        .map(|index| json!({"id": format!("{index:02}"), "name": format!("耐克{index}")}))
        .collect();
    post(
        &stand_ins,
        "/itemservice/brands/update?operator=o",
        json!({"brands": brands}),
    )
    .await;
    post(
        &stand_ins,
        "/itemservice/brands/update",
        json!({"brands": [{"id": "07", "remark": "无", "parentId": "x"}]}),
    )
    .await;
    let mut ids = Vec::new();
    for page in 0..3 {
        let answer = post(
            &stand_ins,
            &format!("/itemservice/brands/query?page={page}&page_size=10"),
            json!({}),
        )
        .await;
        assert_eq!(
            (&answer["total"], &answer["page_count"], &answer["page"]),
            (&json!(25), &json!(3), &json!(page))
        );
        ids.extend(
            answer["brands"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|brand| brand["id"].clone()),
        );
    }
    assert_eq!(ids.len(), 25);
    let answer = post(
        &stand_ins,
        "/itemservice/brands/query?desc=true&sort_key=id",
        json!({"name_like": "克7"}),
    )
    .await;
    assert_eq!(
        answer["brands"],
        json!([{"id": "07", "name": "耐克7", "remark": "无", "parentId": "x"}])
    );
    let answer = post(
        &stand_ins,
        "/itemservice/brands/query",
        json!({"parent_ids": ["x"], "parent_id_is_null": false}),
    )
    .await;
    assert_eq!(answer["total"], 1);
    let skus = json!({"skus": [
        {"id": "a1", "title": "水", "product_id": "p", "product_type": "fresh", "retail_price": parse("15.150")},
        {"id": "a2", "title": "酒", "product_id": "p", "product_type": "normal", "input_codes": [{"code": "69"}]},
        {"id": "b1", "title": "茶", "product_id": "q"},
    ]});
    post(
        &stand_ins,
        "/itemservice/skus/update?group_by_product=false",
        skus,
    )
    .await;
    for (filter, expected) in [
        (json!({"sku_id_from": "a"}), 2),
        (json!({"sku_id_gt": "a1"}), 2),
        (json!({"product_types": ["fresh"]}), 1),
        (json!({"codes": ["69"]}), 1),
        (json!({"exclude_sku_ids": "a1"}), 2),
        (json!({"exclude_sku_ids": ["a1", "b1"]}), 1),
        (json!({"sku_id_in": ["b1", "zz"]}), 1),
        (json!({"title_like": "水", "product_ids": ["q"]}), 0),
    ] {
        let answer = post(
            &stand_ins,
            "/itemservice/skus/es_query?page=0&page_size=1000",
            filter.clone(),
        )
        .await;
        assert_eq!(answer["total"], expected, "{filter}");
    }
    let found = post(
        &stand_ins,
        "/itemservice/skus",
        json!({"ids": ["b1", "zz", "a1"]}),
    )
    .await;
    assert_eq!(found["skus"][1]["retail_price"].to_string(), "15.150");
    assert_eq!(
        get(&stand_ins, "/itemservice/sku/a2?parts=desc").await["title"],
        "酒"
    );
    assert_eq!(
        call(
            &stand_ins,
            "GET",
            "/demo/invc/itemservice/sku/zz",
            &Value::Null
        )
        .await
        .status,
        404
    );
    assert_eq!(stand_ins.violations("dingliyun"), []);
}

#[tokio::test]
async fn refused_rows_come_back_in_errors_and_the_others_are_applied() {
    let stand_ins = start().await;
    stand_ins
        .dingliyun()
        .refuse_row("bad", Refusal::new("E1", "商品不存在"));
    let answer = post(
        &stand_ins,
        "/itemservice/skus/update",
        json!({"skus": [{"id": "bad"}, {"id": "good"}]}),
    )
    .await;
    assert_eq!(answer["success"], false);
    assert_eq!(
        answer["errors"],
        json!([{"id": "bad", "code": "E1", "message": "商品不存在"}])
    );
    let rows = json!({"store_skus": [{"sku_id": "good"}, {"sku_id": "bad"}]});
    let answer = post(&stand_ins, "/storeskuservice/store/S/skus/updates", rows).await;
    assert_eq!(
        answer["errors"],
        json!([{"code": "E1", "message": "商品不存在", "store_id": "S", "sku_id": "bad"}])
    );
    // Without a list of errors one bad row refuses the call.
    let answer = post(
        &stand_ins,
        "/storepriceservice/store/S/prices",
        json!({"skus": [{"sku_id": "bad"}, {"sku_id": "good"}]}),
    )
    .await;
    assert_eq!(
        answer,
        json!({"success": false, "code": "E1", "message": "商品不存在"})
    );
    let state = stand_ins.dingliyun().snapshot();
    assert_eq!(
        (state.skus.len(), state.store_skus.len(), state.prices.len()),
        (1, 1, 0)
    );
    assert_eq!(stand_ins.violations("dingliyun"), []);
}

#[tokio::test]
async fn a_shelf_is_replaced_and_emptied() {
    let stand_ins = start().await;
    let shelf = |codes: &[&str]| json!({"store_sku_shelf_position_codes": [{"sku_id": "1", "shelf_position_codes": codes}]});
    let path = "/storeskuservice/store/S/skus/shelfPositionCode?operator=o";
    let codes =
        || stand_ins.dingliyun().snapshot().shelves[&("S".to_owned(), "1".to_owned())].clone();
    post(&stand_ins, path, shelf(&["A-1", "A-2"])).await;
    assert_eq!(codes(), ["A-1", "A-2"]);
    post(&stand_ins, path, shelf(&[])).await;
    assert!(codes().is_empty());
}

fn order(order_id: &str, request_id: &str, items: &[(&str, &str)]) -> Value {
    let items: Vec<Value> = items
        .iter()
        .map(|(sku, qty)| parse(&format!(r#"{{"sku_id":"{sku}","qty":{qty}}}"#)))
        .collect();
    json!({
        "items": items, "order_id": order_id, "platform_id": "jdo2o", "shop_id": "H", "store_id": "S",
        "request_id": request_id, "lock_type": "lock",
    })
}

const LOCK: &str = "/orderstockservice/lock?operator=o";

#[tokio::test]
async fn an_order_locks_all_a_part_or_nothing() {
    let stand_ins = start().await;
    put_stock(&stand_ins, "S", "1", "10");
    put_stock(&stand_ins, "S", "2", "1.5");
    let all = post(&stand_ins, LOCK, order("O1", "r1", &[("1", "4.0")])).await;
    assert_eq!(
        (&all["success"], &all["lock_result"], &all["stock_state"]),
        (&json!(true), &json!("lock_all"), &json!("locked"))
    );
    let part = post(
        &stand_ins,
        LOCK,
        order("O2", "r2", &[("1", "2"), ("2", "2")]),
    )
    .await;
    assert_eq!(
        (&part["lock_result"], &part["store_id"]),
        (&json!("lock_part"), &json!("S"))
    );
    let none = post(
        &stand_ins,
        LOCK,
        order("O3", "r3", &[("2", "1"), ("3", "1")]),
    )
    .await;
    assert_eq!(
        (&none["success"], &none["lock_result"], &none["stock_state"]),
        (&json!(false), &json!("none"), &json!("initial"))
    );
    assert_eq!(available(&stand_ins, "S", "1"), "4.0");
    assert_eq!(available(&stand_ins, "S", "2"), "0.0");
    for (order_id, result) in [
        ("O1", "lock_all"),
        ("O2", "lock_part"),
        ("O3", "none"),
        ("O4", "none"),
    ] {
        let found = get(
            &stand_ins,
            &format!("/orderstockservice/order/lockresult?order_id={order_id}"),
        )
        .await;
        assert_eq!(found["lock_result"], result, "{order_id}");
    }
    let held = get(
        &stand_ins,
        "/orderstockservice/orderstocks?platform_id=jdo2o&shop_id=H&shop_id=S&sku_ids=1&sku_ids=2",
    )
    .await;
    assert_eq!(held["skus"][0]["stock_qty"].to_string(), "6.0");
    assert_eq!(held["skus"][1]["stock_qty"].to_string(), "1.5");
    assert_eq!(stand_ins.violations("dingliyun"), []);
}

#[tokio::test]
async fn a_lock_is_released_by_request_or_order_and_ends_with_shipping() {
    let stand_ins = start().await;
    put_stock(&stand_ins, "S", "1", "10");
    post(&stand_ins, LOCK, order("O1", "r1", &[("1", "4")])).await;
    post(&stand_ins, LOCK, order("O1", "r2", &[("1", "1")])).await;
    let unlock = "/orderstockservice/unlock?operator=o&order_id=O1";
    assert_eq!(
        post(&stand_ins, &format!("{unlock}&request_id=r1"), Value::Null).await["success"],
        true
    );
    assert_eq!(available(&stand_ins, "S", "1"), "9.0");
    assert_eq!(post(&stand_ins, unlock, Value::Null).await["success"], true);
    assert_eq!(available(&stand_ins, "S", "1"), "10.0");
    assert_eq!(
        post(&stand_ins, unlock, Value::Null).await["success"],
        false
    );
    let found = get(
        &stand_ins,
        "/orderstockservice/order/lockresult?order_id=O1",
    )
    .await;
    assert_eq!(
        (&found["stock_state"], &found["lock_result"]),
        (&json!("aborted"), &json!("none"))
    );
    post(&stand_ins, LOCK, order("O2", "r3", &[("1", "3")])).await;
    let ship = || {
        call(
            &stand_ins,
            "PUT",
            "/demo/invc/orderstockservice/ship/O2?operator=o",
            &Value::Null,
        )
    };
    assert_eq!(ship().await.json()["success"], true);
    assert_eq!(ship().await.json()["success"], false);
    let state = stand_ins.dingliyun().snapshot();
    assert_eq!(state.orders["O2"].state, OrderState::Shipped);
    let inventory = state.store_inventory("S", "1").expect("stock");
    assert_eq!(
        (inventory.available, inventory.stock_qty),
        (decimal("7"), Decimal::ZERO)
    );
}

#[tokio::test]
async fn a_careless_repeat_holds_stock_twice_unless_the_platform_deduplicates() {
    for (repeat, left) in [
        (LockRepeat::LockAgain, "2.0"),
        (LockRepeat::SameAnswer, "6.0"),
    ] {
        let mut options = Options::default();
        options.dingliyun.lock_repeat = repeat;
        let stand_ins = start_with(options).await;
        put_stock(&stand_ins, "S", "1", "10");
        for _ in 0..2 {
            let answer = post(&stand_ins, LOCK, order("O1", "r1", &[("1", "4")])).await;
            assert_eq!(answer["lock_result"], "lock_all");
        }
        assert_eq!(available(&stand_ins, "S", "1"), left);
    }
}

#[tokio::test]
async fn a_lost_answer_can_be_read_back() {
    let stand_ins = start().await;
    put_stock(&stand_ins, "S", "1", "10");
    let reset = Misbehaviour::ResetAfterApplying;
    stand_ins.misbehave_as("dingliyun", Plan::new(reset).only("/lock"));
    let body = order("O1", "r1", &[("1", "4")]).to_string();
    let lost = try_send(
        &stand_ins,
        "dingliyun",
        "POST",
        "/demo/invc/orderstockservice/lock",
        HEADERS,
        body,
    )
    .await;
    assert!(lost.is_err());
    let found = get(
        &stand_ins,
        "/orderstockservice/order/lockresult?order_id=O1",
    )
    .await;
    assert_eq!(found["lock_result"], "lock_all");
}
