//! Document 001.

use crossdock::report::ItemStatus;
use serde_json::{Value, json};

use crate::case::{Becomes, Case, FENGCHAO};

/// 公共参数.
const PUBLIC: &[&str] = &["appid", "timestamp", "seller_nick", "sign"];

const PATH: &str = "/gateway/dd/sku/syncstock";

const NO_PATH: &str = "the document's 请求URL is empty; the path is the setting `path`";

fn case(section: &str) -> Case {
    Case::of(FENGCHAO, section)
        .operation("fengchao", "stock.update")
        .path(PATH)
        .public(PUBLIC)
}

fn accepted() -> Vec<Becomes> {
    vec![Becomes::accepted(json!({"data": null}))]
}

pub fn cases() -> Vec<Case> {
    // 减库存 of the document's second remark, and its text of the failure.
    let decrease = json!({
        "section": "说明 2 (减库存 -5; 系统错误)",
        "method": "POST",
        "form": {"code": "dy001", "incremental": true, "idempotent_id": "202206021500001001", "stock_num": -5},
        "failure": {"code": 1, "message": "系统错误:更新库存数失败: 31055 40 5", "data": null}
    });
    let failure = |answer: &Value| {
        let text = answer["message"].as_str().unwrap_or_default();
        vec![Becomes::not(ItemStatus::Rejected, "1", text)]
    };
    vec![
        case("2 请求示例代码(Java), 3 返回结果")
            .script("{sku: .code, quantity: .stock_num, step_stock_num}")
            .followed(NO_PATH)
            .stand_in(accepted())
            .answer(|_| accepted()),
        case("业务参数, 示例值")
            .script(
                "{sku: .code, quantity: .stock_num, idempotency_key: .idempotent_id}
                 + del(.code, .stock_num, .incremental, .idempotent_id)",
            )
            .without("incremental")
            .followed("incremental=false is the table's default and is not sent")
            .stand_in(accepted())
            .answer(|_| accepted()),
        Case::from_example(FENGCHAO, decrease)
            .operation("fengchao", "stock.update")
            .path(PATH)
            .public(PUBLIC)
            .script(
                "{sku: .code, quantity: .stock_num, mode: \"adjust\", idempotency_key: .idempotent_id}",
            )
            .followed("the document gives the failure's text and no code")
            // Nothing is there to be taken away.
            .stand_in(failure(
                &json!({"message": "系统错误:更新库存数失败: 31055 40 5"}),
            ))
            .failure(failure),
    ]
}
