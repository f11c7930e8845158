//! Document 004: section 1, call by call. The paths' `string` stands for the
//! tenant, the store and the warehouse.

use crossdock::report::ItemStatus;
use serde_json::{Value, json};

use crate::case::{Becomes, Case, DINGLIYUN};

fn case(section: &str, operation: &'static str) -> Case {
    Case::of(DINGLIYUN, section)
        .operation("dingliyun", operation)
        .setting("tenant_id", "\"string\"")
}

/// A call that changes something: the stand-in's ActionResult and the
/// document's.
fn change(section: &str, operation: &'static str) -> Case {
    case(section, operation)
        .stand_in(vec![Becomes::accepted(
            json!({"success": true, "code": "", "message": ""}),
        )])
        .answer(|answer| vec![Becomes::accepted(answer.clone())])
        .other(
            "success false",
            json!({"success": false, "code": "E1", "message": "失败"}),
            vec![Becomes::not(ItemStatus::Rejected, "E1", "失败")],
        )
}

/// The document's answer is a success with an error of a row that was not sent.
fn stray_error(case: Case) -> Case {
    case.stand_in(vec![Becomes::accepted(
        json!({"success": true, "code": "", "message": ""}),
    )])
    .answer(|_| vec![Becomes::not(ItemStatus::Unknown, "string", "string")])
}

/// The document's answer with its error about the row that was sent.
fn own_error(case: Case, row: &[(&str, &str)]) -> Case {
    let mut answer = case.example()["answer"].clone();
    for (name, value) in row {
        answer["errors"][0][*name] = json!(value);
    }
    case.other(
        "an error of the row that was sent",
        answer,
        vec![Becomes::not(ItemStatus::Rejected, "string", "string")],
    )
}

fn answer_is_data(answer: &Value) -> Vec<Becomes> {
    vec![Becomes::accepted(answer.clone())]
}

const STRAY: &str = "success is true and errors has a row that was not sent: what became of the \
                     row that was is not said";
const PAGE_SIZE: &str =
    "the path's page_size=0 is outside of the table's [1,1000]: the table; 10 is sent";

pub fn cases() -> Vec<Case> {
    let mut cases = stock();
    cases.extend(items());
    cases.extend(stores());
    cases.extend(orders());
    cases
}

fn stock() -> Vec<Case> {
    let script = |kind: &str| {
        format!(
            ". as $list | .skus[]
             | {{sku: .sku_id, quantity: .available, location: \"string\", location_kind: \"{kind}\",
                fixed_qty, stock_qty, change_time, task_id}}
               + ($list | {{operator, business_type, business_key}})"
        )
    };
    vec![
        change("1.1.1", "stock.update").script(&script("warehouse")),
        change("1.3.1", "stock.update").script(&script("store")),
    ]
}

fn items() -> Vec<Case> {
    let empty = |list: &str, size: u32| {
        let page = json!({"total": 0, "page": 0, list: [], "page_count": 0, "page_size": size});
        vec![Becomes::accepted(page)]
    };
    let sku = json!({"id": "string"});
    vec![
        case("1.2.1", "brand.query")
            .script(". + {desc: true, page: 0, page_size: 10}")
            .query("page_size", "10")
            .followed(PAGE_SIZE)
            .stand_in(empty("brands", 10))
            .answer(answer_is_data),
        change("1.2.2", "brand.update").script(".brands[] + {operator: \"string\"}"),
        case("1.2.3", "category.query")
            .stand_in(empty("categories", 100))
            .answer(answer_is_data),
        change("1.2.4", "category.update").script(".categories[]"),
        change("1.2.5", "product.update").script(".products[] + {operator: \"string\"}"),
        change("1.2.6", "image.update")
            .script("{upload_type, operator: \"string\"} as $all | .sku_images[] + $all"),
        case("1.2.7", "sku.get")
            .record(sku.clone())
            .stand_in(vec![Becomes::accepted(sku.clone())])
            .answer(answer_is_data),
        case("1.2.8", "sku.list")
            .path("/string/invc/itemservice/skus")
            .record(json!({"ids": ["string"]}))
            .body(json!({"ids": ["string"]}))
            .followed("the document shows no request: 2.11 IdsWrapper is the only type that fits")
            .stand_in(vec![Becomes::accepted(json!({"skus": [sku]}))])
            .answer(answer_is_data),
        case("1.2.9", "sku.search")
            .script(". + {desc: true, page: 0, page_size: 10}")
            .query("page_size", "10")
            .followed(
                "page_size=0 is outside of the table's [1,1000]: the table. exclude_sku_ids is a \
                 list in the table and a string in the example: the example",
            )
            .stand_in(empty("skus", 10))
            .answer(answer_is_data),
        own_error(
            stray_error(
                case("1.2.10", "sku.update")
                    .script(".skus[] + {group_by_product: true, operator: \"string\"}"),
            ),
            &[("id", "484844554")],
        )
        .followed(STRAY),
        change("1.2.11", "tag.update").script(".tags[]"),
    ]
}

fn stores() -> Vec<Case> {
    vec![
        own_error(
            stray_error(case("1.4.1", "shelf.update").script(
                ".store_sku_shelf_position_codes[] + {store_id: \"string\", operator: \"string\"}",
            )),
            &[("sku_id", "12002")],
        )
        .followed(
            "the body's member is storeSkuShelfPositionCodeList in the table: the example's. \
             An error of a row that was not sent says nothing of the one that was",
        ),
        own_error(
            stray_error(
                case("1.4.2", "store-sku.update")
                    .script(".store_skus[] + {operator: \"string\"}")
                    .path("/string/invc/storeskuservice/store/001/skus/updates"),
            ),
            &[("sku_id", "12002"), ("store_id", "001")],
        )
        .followed(
            "the body's member is storeSkus in the table: the example's. The row's store 001 is \
             the path's, too, where the example has a placeholder",
        ),
        change("1.5.1", "price.update")
            .script(".skus[] + {store_id: \"string\"}")
            .followed("the body's member is prices in the table: the example's"),
    ]
}

fn orders() -> Vec<Case> {
    let locked = json!({
        "success": true, "message": "", "stock_state": "locked", "lock_result": "lock_all",
        "lock_id": "string", "store_id": "43435545"
    });
    let lock = |result: &str, success: bool| {
        json!({
            "success": success, "message": "占货失败", "stock_state": "locked",
            "lock_result": result, "lock_id": "string", "store_id": "string"
        })
    };
    let rejected = |code: &str| vec![Becomes::not(ItemStatus::Rejected, code, "占货失败")];
    let mut own = locked.clone();
    own["lock_id"] = json!("lock-1");
    vec![
        case("1.6.1", "order.lock")
            .script(". + {operator: \"string\"}")
            .followed(
                "lock_type 3232323 is no value of the table: sent as given. The answer is a \
                 success, 占货失败, locked and none at once: lock_result decides",
            )
            .stand_in(vec![Becomes::accepted(own)])
            .answer(|_| rejected("none"))
            .other(
                "全部占货",
                lock("lock_all", true),
                vec![Becomes::accepted(lock("lock_all", true))],
            )
            .other("部分占货", lock("lock_part", true), rejected("lock_part")),
        case("1.6.2", "order.lock-result")
            .record(json!({"order_id": "string"}))
            .stand_in(vec![Becomes::accepted(locked)])
            .answer(answer_is_data),
        case("1.6.3", "order.stocks")
            .record(json!({"platform_id": "string", "shop_id": "string", "sku_ids": ["string"]}))
            .followed("shop_id is in the table twice, the second time as 门店id: not sent here")
            .stand_in(vec![Becomes::accepted(
                json!({"operator": "", "skus": [], "business_type": "order", "business_key": ""}),
            )])
            .answer(answer_is_data),
        change("1.6.4", "order.ship").record(json!({"order_id": "string", "operator": "string"})),
        change("1.6.5", "order.unlock").record(json!({"order_id": "string", "operator": "string"})),
    ]
}
