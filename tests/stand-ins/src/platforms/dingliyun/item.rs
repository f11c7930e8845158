//! 商品服务: brands, categories, products, images, skus and tags.
//! All updates are upserts: 不存在则创建,存在则修改.

use serde_json::{Map, Value, json};

use super::query::{brand_passes, sku_passes};
use super::route::Request;
use super::state::State;
use super::{Dingliyun, Select, rows, text};
use crate::exchange::Answer;
use crate::platforms::Outcome;

/// 1.2.1. 分页查询品牌
pub fn query_brands(dingliyun: &Dingliyun, request: Request) -> Outcome {
    let state = dingliyun.state();
    Outcome::applied(Answer::json(&dingliyun.page(
        &state.brands,
        &request,
        "brands",
        brand_passes,
    )))
}

/// 1.2.3. 分页查询类别
pub fn query_categories(dingliyun: &Dingliyun, request: Request) -> Outcome {
    let state = dingliyun.state();
    Outcome::applied(Answer::json(&dingliyun.page(
        &state.categories,
        &request,
        "categories",
        brand_passes,
    )))
}

/// 1.2.9. 分页查询商品，使用es索引
pub fn query_skus(dingliyun: &Dingliyun, request: Request) -> Outcome {
    let state = dingliyun.state();
    Outcome::applied(Answer::json(&dingliyun.page(
        &state.skus,
        &request,
        "skus",
        sku_passes,
    )))
}

/// 1.2.2. 批量更新品牌
pub fn update_brands(dingliyun: &Dingliyun, request: Request) -> Outcome {
    update(dingliyun, request, "brands", "id", |state| {
        &mut state.brands
    })
}

/// 1.2.4. 批量更新类别
pub fn update_categories(dingliyun: &Dingliyun, request: Request) -> Outcome {
    update(dingliyun, request, "categories", "id", |state| {
        &mut state.categories
    })
}

/// 1.2.5. 批量更新产品
pub fn update_products(dingliyun: &Dingliyun, request: Request) -> Outcome {
    update(dingliyun, request, "products", "id", |state| {
        &mut state.products
    })
}

/// 1.2.6. 批量上传商品图片
pub fn update_images(dingliyun: &Dingliyun, request: Request) -> Outcome {
    update(dingliyun, request, "sku_images", "sku_id", |state| {
        &mut state.images
    })
}

/// 1.2.11. 批量更新标签
pub fn update_tags(dingliyun: &Dingliyun, request: Request) -> Outcome {
    update(dingliyun, request, "tags", "code", |state| &mut state.tags)
}

fn update(
    dingliyun: &Dingliyun,
    mut request: Request,
    list: &str,
    id: &str,
    into: Select,
) -> Outcome {
    let rows = rows(&mut request.body, list);
    let mut state = dingliyun.state();
    if let Some(refused) = dingliyun.all_or_nothing(&state, &rows, id) {
        return refused;
    }
    dingliyun.upsert(&mut state, rows, id, into);
    Outcome::applied(dingliyun.success())
}

/// 1.2.10. 批量更新商品
pub fn update_skus(dingliyun: &Dingliyun, mut request: Request) -> Outcome {
    let rows = rows(&mut request.body, "skus");
    let count = rows.len();
    let mut state = dingliyun.state();
    if dingliyun.options.group_by_product_removes
        && request.query("group_by_product") == Some("true")
    {
        remove_others(&mut state, &rows);
    }
    let refused = dingliyun.upsert(&mut state, rows, "id", |state| &mut state.skus);
    let errors = refused
        .into_iter()
        .map(|(id, refusal)| json!({"id": id, "code": refusal.code, "message": refusal.message}))
        .collect();
    dingliyun.with_errors(count, errors)
}

/// Removes the skus of the rows' products that are not among the rows.
fn remove_others(state: &mut State, rows: &[Map<String, Value>]) {
    let products: Vec<String> = rows
        .iter()
        .map(|row| text(row, "product_id"))
        .filter(|id| !id.is_empty())
        .collect();
    let ids: Vec<String> = rows.iter().map(|row| text(row, "id")).collect();
    state.skus.retain(|id, entity| {
        ids.contains(id) || !products.contains(&text(&entity.fields, "product_id"))
    });
}

/// 1.2.7. 指定货号查询商品
pub fn get_sku(dingliyun: &Dingliyun, request: Request) -> Outcome {
    let state = dingliyun.state();
    match state.skus.get(request.id(0)) {
        Some(entity) => Outcome::applied(Answer::json(&Value::Object(entity.fields.clone()))),
        None => dingliyun.not_found("stand-in, text not documented: no such sku"),
    }
}

/// 1.2.8. 批量取指定商品信息. Skus that do not exist are left out.
pub fn list_skus(dingliyun: &Dingliyun, request: Request) -> Outcome {
    let state = dingliyun.state();
    let ids = request.body["ids"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let skus: Vec<Value> = ids
        .filter_map(|id| state.skus.get(id))
        .map(|entity| Value::Object(entity.fields.clone()))
        .collect();
    Outcome::applied(Answer::json(&json!({"skus": skus})))
}
