//! Documents 002 and 003, and the two ends of the stock workflow of facts 1.7.

use crossdock::report::ItemStatus;
use serde_json::{Value, json};

use crate::case::{Becomes, Case, WANGDIAN_CALC, WANGDIAN_PUSH};

const FACTS: &str = "facts 1.7 (official pages, copied)";

/// 公共请求参数; the method is the case's own.
const PUBLIC: &[&str] = &["sid", "key", "salt", "v", "timestamp", "sign"];

const EXAMPLE: &str = "5 请求示例, 6.1 正常响应示例, 6.2 异常响应示例";

/// The text of 6.2 of document 003.
const SPEC_COUNT: &str = "单品条数不得超过500条或为空";

fn case(case: Case, operation: &'static str) -> Case {
    case.operation("wangdian", operation).public(PUBLIC)
}

pub fn cases() -> Vec<Case> {
    let mut cases = vec![calc()];
    cases.extend(push());
    cases.push(pending());
    cases.extend([
        confirm("sales.StockSync.syncSuccess", true),
        confirm("sales.StockSync.syncFail", false),
    ]);
    cases
}

fn calc() -> Case {
    let data = |answer: &Value| vec![Becomes::accepted(answer["data"].clone())];
    let example = Case::of(WANGDIAN_CALC, EXAMPLE);
    let answered = example.example()["answer"].clone();
    case(example, "stock.calc")
        // The example's positional arguments under the names of the table.
        .record(json!({"apiGoodsId": 2447, "forceSync": false}))
        .script("{api_goods_id: .apiGoodsId, force_sync: .forceSync}")
        // The stand-in's state is the document's example.
        .stand_in(data(&answered))
        .answer(data)
        .failure(|failure| {
            let text = failure["message"].as_str().unwrap_or_default();
            vec![Becomes::not(ItemStatus::Rejected, "100", text)]
        })
}

fn push() -> Vec<Case> {
    let accepted = || vec![Becomes::accepted(json!({})); 2];
    let example = || Case::of(WANGDIAN_PUSH, EXAMPLE);
    let list = example().record[0].clone();
    // The same with the goods that the failure's example is about.
    let mut named = list.clone();
    for (index, goods) in named.as_array_mut().into_iter().flatten().enumerate() {
        goods["goods_no"] = json!(format!("testGoodsQ12-21 10:52:32_{index}"));
    }
    let unknown = Becomes::not(ItemStatus::Unknown, "error_list", SPEC_COUNT);
    let rejected = Becomes::not(ItemStatus::Rejected, "error_list", SPEC_COUNT);
    vec![
        case(example(), "goods.push")
            .record(list)
            .followed(
                "6.2 refuses goods that 5 does not have: nothing is said of those that were sent. \
                 is_not_need_examine and is_single_batch are in the example, not in the table: sent",
            )
            .stand_in(accepted())
            .answer(|_| accepted())
            .failure(|_| vec![unknown; 2]),
        case(example(), "goods.push")
            .record(named.clone())
            .body(json!([named]))
            .followed("the example's goods under the numbers of 6.2")
            .stand_in(accepted())
            .failure(|_| vec![rejected; 2]),
    ]
}

/// getSelfWaitSyncIdListOpen; the stand-in's state is its example.
fn pending() -> Case {
    let example = json!({
        "section": "getSelfWaitSyncIdListOpen 5, 6.1",
        "method": "POST",
        "path": "/openapi?method=sales.StockSync.getSelfWaitSyncIdListOpen",
        "body": [500, 0],
        "answer": {"status": 0, "data": {"id_list": [
            174004, 175511, 175512, 175522, 175523, 175524, 175525, 175526, 175527, 175533, 175534,
            175535, 175536, 175537, 175538, 175539, 175540, 175541, 175568, 175574, 175576, 173687,
            173688
        ], "position": 239126414}}
    });
    let data = vec![Becomes::accepted(example["answer"]["data"].clone())];
    case(Case::from_example(FACTS, example), "stock.pending")
        .record(json!({"count": 500, "position": 0}))
        .followed("the page's PHP has numbers, its JSON has strings: numbers")
        .stand_in(data.clone())
        .answer(|_| data)
}

fn confirm(method: &str, success: bool) -> Case {
    // As in the page's examples, which have true where calcStock has 1.
    let info = r#"{"stock_syn_min":1.0000,"stock_syn_rule_id":-10000,"stock_syn_mask":0,
        "stock_syn_warehouses":"6","stock_syn_max":550.0000,"stock_syn_percent":100,
        "is_auto_delisting":true,"stock_syn_plus":1.0000,"is_auto_listing":true,
        "stock_syn_rule_no":"","syn_stock":1,"stock_change_count":2}"#;
    let info: Value = serde_json::from_str(info).expect("the example");
    let example = json!({
        "section": format!("{method} 5, 6.1, 6.2"),
        "method": "POST",
        "path": format!("/openapi?method={method}"),
        "body": [2447, info],
        "answer": {"status": 0},
        "failure": {"status": 1064, "message": " Unknown Database Error"}
    });
    let accepted = || vec![Becomes::accepted(json!({}))];
    case(Case::from_example(FACTS, example), "stock.confirm")
        .record(json!({"apiGoodsId": 2447, "info": info, "ok": success}))
        .script("{api_goods_id: .apiGoodsId, success: .ok} + .info")
        .followed("the table marks 16 fields, the example sends 12: all that are given are sent")
        .stand_in(accepted())
        .answer(|_| accepted())
        .failure(|_| {
            vec![Becomes::not(
                ItemStatus::Unknown,
                "1064",
                " Unknown Database Error",
            )]
        })
}
