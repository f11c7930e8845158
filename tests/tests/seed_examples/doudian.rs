//! Doudian's own sku.syncStock, to which document 001 refers: facts 2b.

use crossdock::report::ItemStatus;
use serde_json::{Value, json};

use crate::case::{Becomes, Case, FENGCHAO};

const FACTS: &str = "facts 2b 抖店 sku.syncStock (official SDK and tables)";

/// Public parameters.
const PUBLIC: &[&str] = &[
    "app_key",
    "access_token",
    "timestamp",
    "v",
    "sign_method",
    "sign",
];

fn answer(code: i64, msg: &str, sub_code: &str, sub_msg: &str) -> Value {
    json!({"code": code, "msg": msg, "sub_code": sub_code, "sub_msg": sub_msg, "data": {}, "log_id": "20250102030405"})
}

fn case(document: &'static str, example: Value) -> Case {
    Case::from_example(document, example)
        .operation("doudian", "stock.update")
        .path("/sku/syncStock")
        .query("method", "sku.syncStock")
        .public(PUBLIC)
}

fn accepted() -> Vec<Becomes> {
    vec![Becomes::accepted(json!({"data": {}}))]
}

pub fn cases() -> Vec<Case> {
    let incremental = json!({
        "section": "2b.2, 2b.3",
        "method": "POST",
        "body": {"code": "dy001", "idempotent_id": "202206021500001001", "incremental": true, "stock_num": -5},
        "answer": answer(10000, "success", "", "")
    });
    let table = Case::of(FENGCHAO, "业务参数, 示例值").record;
    let table = json!({
        "section": "业务参数, 示例值, sent to 抖店 itself (facts 2b)",
        "method": "POST",
        "body": crate::case::but(&table, &["incremental"]),
        "answer": answer(10000, "success", "", "")
    });
    let refused = |status, code: &str, message: &str| vec![Becomes::not(status, code, message)];
    let duplicate = Becomes {
        status: ItemStatus::Duplicate,
        ..Becomes::accepted(json!({"data": {}}))
    };
    vec![
        case(FACTS, incremental)
            .script(
                "{sku: .code, quantity: .stock_num, mode: \"adjust\", idempotency_key: .idempotent_id}",
            )
            .stand_in(refused(
                ItemStatus::Rejected,
                "isv.business-failed:2010012",
                "更新库存数失败: 库存不足",
            ))
            .answer(|_| accepted())
            .other(
                "40010, the id was executed",
                answer(
                    40004,
                    "业务参数错误",
                    "isv.parameter-invalid:40010",
                    "[idempotent_id]重复，操作已执行",
                ),
                vec![duplicate],
            )
            .other(
                "10001, partly failed",
                answer(10001, "部分失败", "isv.business-part-failed", ""),
                refused(ItemStatus::Unknown, "isv.business-part-failed", "部分失败"),
            )
            .other(
                "40003, the token has expired",
                answer(
                    40003,
                    "公共参数错误",
                    "isv.access-token-expired",
                    "access_token已过期",
                ),
                refused(
                    ItemStatus::Failed,
                    "isv.access-token-expired",
                    "access_token已过期",
                ),
            ),
        case(FENGCHAO, table)
            .script(
                "{sku: .code, quantity: .stock_num, idempotency_key: .idempotent_id}
                 + del(.code, .stock_num, .idempotent_id)",
            )
            .followed("incremental=false is the default and is not sent")
            .stand_in(accepted())
            .answer(|_| accepted()),
    ]
}
