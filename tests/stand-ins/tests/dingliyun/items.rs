//! Brands, skus, shelves: what is written is read back.

use super::*;

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
