//! 门店商品服务 and 门店价格服务.

use serde_json::{Map, Value, json};

use super::route::Request;
use super::state::State;
use super::{Dingliyun, rows, text};
use crate::platforms::Outcome;

/// 1.4.1. 批量更新门店商品货架位: 覆盖更新，空数组则清空.
pub fn update_shelves(dingliyun: &Dingliyun, request: Request) -> Outcome {
    update(
        dingliyun,
        request,
        "store_sku_shelf_position_codes",
        |state, key, row, _| {
            let codes = row
                .get("shelf_position_codes")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            let codes = codes.filter_map(Value::as_str).map(str::to_owned).collect();
            state.shelves.insert(key, codes);
        },
    )
}

/// 1.4.2. 批量更新门店商品: 不存在则创建，存在则修改.
pub fn update_skus(dingliyun: &Dingliyun, request: Request) -> Outcome {
    update(
        dingliyun,
        request,
        "store_skus",
        |state, key, row, stamp| {
            state.store_skus.entry(key).or_default().write(row, stamp);
        },
    )
}

/// Writes one row under (store, sku).
type Write = fn(&mut State, (String, String), Map<String, Value>, &str);

fn update(dingliyun: &Dingliyun, mut request: Request, list: &str, write: Write) -> Outcome {
    let rows = rows(&mut request.body, list);
    let (count, store_id, stamp) = (rows.len(), request.id(0).to_owned(), dingliyun.stamp());
    let mut state = dingliyun.state();
    let mut errors = Vec::new();
    for row in rows {
        let sku_id = text(&row, "sku_id");
        match state.refused_rows.get(&sku_id) {
            Some(refusal) => {
                errors.push(json!({
                    "code": refusal.code,
                    "message": refusal.message,
                    "store_id": store_id,
                    "sku_id": sku_id,
                }));
            }
            None => write(&mut state, (store_id.clone(), sku_id), row, &stamp),
        }
    }
    dingliyun.with_errors(count, errors)
}

/// 1.5.1. POS更新门店商品价格到鼎力云
pub fn update_prices(dingliyun: &Dingliyun, mut request: Request) -> Outcome {
    let rows = rows(&mut request.body, "skus");
    let stamp = dingliyun.stamp();
    let mut state = dingliyun.state();
    if let Some(refused) = dingliyun.all_or_nothing(&state, &rows, "sku_id") {
        return refused;
    }
    for row in rows {
        let key = (request.id(0).to_owned(), text(&row, "sku_id"));
        state.prices.entry(key).or_default().write(row, &stamp);
    }
    Outcome::applied(dingliyun.success())
}
