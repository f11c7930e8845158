//! What no schema says: values of the good documents that belong together, and
//! documents that an adapter refuses although they fit its schema.

use serde_json::{Value, json};

use crate::schema::Bad;

/// Makes the documents from the schema such as the platform takes.
pub fn adjust(platform: &str, operation: &str, whole: &mut Value, small: &mut Value) {
    let (more, less) = match (platform, operation) {
        ("lingzhi", _) => (
            json!({"sku": "1^^^a", "location": "s"}),
            json!({"sku": "2^^^b", "location": "s"}),
        ),
        // The sku and the store under two names each.
        ("fengchao" | "doudian", _) => (
            json!({"sku": "dy001", "code": "dy001", "sku_field": "code", "location": "12345",
                "store_id": 12345, "product_id": 3539925204033339668u64}),
            json!({"sku": "dy002"}),
        ),
        ("wangdian", "goods.push") => (
            json!({"goods_no": "G1"}),
            json!({"goods_no": "G2", "spec_list": [{"spec_no": "G2-1"}, {"spec_no": "G2-2"}]}),
        ),
        ("wangdian", "stock.confirm") => (
            json!({"stock_syn_warehouses": "6,7"}),
            json!({"api_goods_id": 174004, "stock_syn_warehouses": "6"}),
        ),
        ("dingliyun", "stock.update") => (
            json!({"location": "S1"}),
            json!({"sku": "other", "location": "S1"}),
        ),
        ("dingliyun", "shelf.update" | "store-sku.update" | "price.update") => (
            json!({"store_id": "S1"}),
            json!({"sku_id": "other", "store_id": "S1"}),
        ),
        ("dingliyun", "order.lock") => (
            json!({"store_id": "S1"}),
            json!({"order_id": "other", "store_id": "S1"}),
        ),
        _ => (json!({}), json!({})),
    };
    merge(whole, more);
    merge(small, less);
}

fn merge(document: &mut Value, more: Value) {
    for (name, value) in more.as_object().into_iter().flatten() {
        document[name] = value.clone();
    }
}

/// What the adapter refuses: the changed fields (null: taken away) and the
/// pointer.
pub fn bad(platform: &str, operation: &str, good: &Value) -> Vec<Bad> {
    let rules: Vec<(Value, &str)> = match (platform, operation) {
        ("lingzhi", _) => vec![
            (json!({"mode": "adjust"}), "/mode"),
            (json!({"location_kind": "warehouse"}), "/location_kind"),
            (json!({"location": null}), "/location"),
            (json!({"quantity": parse("1.50")}), "/quantity"),
            (json!({"quantity": parse("1e99")}), "/quantity"),
        ],
        ("fengchao", _) => shop_rules(),
        ("doudian", _) => {
            let mut rules = shop_rules();
            rules.push((json!({"location": "S1", "store_id": null}), "/location"));
            rules
        }
        ("wangdian", "goods.push") => vec![
            (
                json!({"spec_list": vec![json!({"spec_no": "a"}); 501]}),
                "/spec_list",
            ),
            (
                json!({"spec_list": [{"spec_no": "a"}, {"spec_no": "b", "retail_price": parse("1.00001")}]}),
                "/spec_list/1/retail_price",
            ),
            (
                json!({"spec_list": [{"spec_no": "a", "weight": parse("1234567890123456")}]}),
                "/spec_list/0/weight",
            ),
        ],
        ("wangdian", "stock.confirm") => vec![
            (json!({"stock_syn_max": parse("1e3")}), "/stock_syn_max"),
            (json!({"syn_stock": parse("0.12345")}), "/syn_stock"),
        ],
        ("dingliyun", "stock.update") => vec![
            (json!({"mode": "adjust"}), "/mode"),
            (json!({"location": null}), "/location"),
            (json!({"location": ".."}), "/location"),
            (json!({"quantity": parse("1e99")}), "/quantity"),
            (
                json!({"location": null, "location_kind": "warehouse"}),
                "/location",
            ),
        ],
        ("dingliyun", "brand.query" | "category.query" | "sku.search") => {
            vec![(json!({"all": true, "page": 3}), "/page")]
        }
        ("dingliyun", "sku.update") => vec![(
            json!({"group_by_product": true, "product_id": null}),
            "/product_id",
        )],
        ("dingliyun", "shelf.update" | "store-sku.update" | "price.update") => vec![
            (json!({"store_id": null}), "/store_id"),
            (json!({"store_id": "."}), "/store_id"),
        ],
        ("dingliyun", "sku.get") => vec![(json!({"id": ".."}), "/id")],
        ("dingliyun", "order.ship") => vec![(json!({"order_id": "."}), "/order_id")],
        _ => Vec::new(),
    };
    rules
        .into_iter()
        .map(|(change, pointer)| {
            let mut document = good.clone();
            merge(&mut document, change.clone());
            if let Some(members) = document.as_object_mut() {
                let removed = |name: &String| change.get(name) == Some(&Value::Null);
                members.retain(|name, _| !removed(name));
            }
            let what: String = change.to_string().chars().take(100).collect();
            Bad {
                what,
                document,
                pointer: pointer.to_owned(),
                by_schema: false,
            }
        })
        .collect()
}

fn shop_rules() -> Vec<(Value, &'static str)> {
    vec![
        (json!({"quantity": -1}), "/quantity"),
        (json!({"quantity": parse("1.50")}), "/quantity"),
        (
            json!({"sku": null, "code": null, "sku_id": null, "out_sku_id": null,
                "product_id": null, "out_product_id": null}),
            "/sku",
        ),
        (json!({"code": "another"}), "/code"),
        (
            json!({"sku": "not a number", "sku_field": "sku_id", "sku_id": null}),
            "/sku",
        ),
    ]
}

/// A number with the digits as they are written.
fn parse(number: &str) -> Value {
    serde_json::from_str(number).expect("a number")
}
