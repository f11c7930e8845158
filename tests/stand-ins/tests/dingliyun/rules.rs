//! Account, paths, tables and limits.

use super::*;

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
