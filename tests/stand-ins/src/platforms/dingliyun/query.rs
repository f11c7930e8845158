//! Filters, order and pages of the three queries.

use serde_json::{Map, Value, json};

use super::route::Request;
use super::state::{Entities, Entity};
use super::{Dingliyun, text};

/// Whether an entity passes a brand's or a category's filter.
pub fn brand_passes(id: &str, entity: &Entity, filter: &Value) -> bool {
    let name = text(&entity.fields, "name");
    let parent = text(&entity.fields, "parentId");
    // The categories' filter spells some of these differently.
    let either = |one: &str, other: &str| {
        if filter[one].is_null() {
            filter[other].clone()
        } else {
            filter[one].clone()
        }
    };
    is(&either("parent_id", "parentId"), &parent)
        && contains(&filter["name_like"], &name)
        && (contains(&filter["key_like"], id) || contains(&filter["key_like"], &name))
        && among(&filter["ids"], id)
        && among(&filter["parent_ids"], &parent)
        && filter["parent_id_is_null"]
            .as_bool()
            .is_none_or(|wanted| wanted == parent.is_empty())
        && not_before(
            &either("modified_start", "modifiedStart"),
            &entity.written_at,
        )
        && not_after(&either("modified_end", "modifiedEnd"), &entity.written_at)
}

/// Whether a sku passes the filter of es_query. `code_type`, `fetch_parts` and
/// `pre_page` are not explained well enough to filter by.
pub fn sku_passes(id: &str, entity: &Entity, filter: &Value) -> bool {
    let field = |name: &str| text(&entity.fields, name);
    let (name, barcode, title) = (field("name"), field("barcode"), field("title"));
    let (modified, created) = (modified(entity), field("created"));
    let excluded = &filter["exclude_sku_ids"];
    is(&filter["barcode"], &barcode)
        && is(&filter["brand_id"], &field("brand_id"))
        && is(&filter["category_id"], &field("category_id"))
        && contains(&filter["name_like"], &name)
        && contains(&filter["title_like"], &title)
        && contains(&filter["barcode_like"], &barcode)
        && contains(&filter["sku_id_like"], id)
        && (contains(&filter["key_like"], id) || contains(&filter["key_like"], &name))
        && starts(&filter["sku_id_from"], id)
        && starts(&filter["barcode_from"], &barcode)
        && filter["sku_id_gt"].as_str().is_none_or(|bound| id > bound)
        && among(&filter["sku_id_in"], id)
        && among(&filter["barcodes"], &barcode)
        && among(&filter["product_ids"], &field("product_id"))
        && among(&filter["product_types"], &field("product_type"))
        && overlaps(&filter["codes"], &input_codes(&entity.fields))
        && overlaps(&filter["kinds_in"], &texts(entity.fields.get("kind_types")))
        && excluded.as_str() != Some(id)
        && (excluded.as_array().is_none() || !among(excluded, id))
        && not_before(&filter["modified_start"], &modified)
        && not_after(&filter["modified_end"], &modified)
        && not_before(&filter["created_start"], &created)
        && not_after(&filter["created_end"], &created)
}

/// A sku's own time of modification, else the time of its last upload.
fn modified(entity: &Entity) -> String {
    let own = text(&entity.fields, "modified");
    if own.is_empty() {
        entity.written_at.clone()
    } else {
        own
    }
}

fn is(wanted: &Value, found: &str) -> bool {
    wanted.as_str().is_none_or(|wanted| wanted == found)
}

fn contains(wanted: &Value, found: &str) -> bool {
    wanted.as_str().is_none_or(|wanted| found.contains(wanted))
}

fn starts(wanted: &Value, found: &str) -> bool {
    wanted
        .as_str()
        .is_none_or(|wanted| found.starts_with(wanted))
}

fn among(wanted: &Value, found: &str) -> bool {
    wanted
        .as_array()
        .is_none_or(|list| list.iter().any(|wanted| wanted.as_str() == Some(found)))
}

fn overlaps(wanted: &Value, found: &[String]) -> bool {
    wanted
        .as_array()
        .is_none_or(|_| found.iter().any(|found| among(wanted, found)))
}

/// Times of this form are ordered as texts are.
fn not_before(bound: &Value, found: &str) -> bool {
    bound.as_str().is_none_or(|bound| found >= bound)
}

fn not_after(bound: &Value, found: &str) -> bool {
    bound.as_str().is_none_or(|bound| found <= bound)
}

fn texts(value: Option<&Value>) -> Vec<String> {
    value
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn input_codes(fields: &Map<String, Value>) -> Vec<String> {
    let codes = fields
        .get("input_codes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    codes
        .filter_map(|code| code["code"].as_str())
        .map(str::to_owned)
        .collect()
}

impl Dingliyun {
    /// One page of the entities that pass, under the list's own name.
    pub(super) fn page(
        &self,
        entities: &Entities,
        request: &Request,
        list: &str,
        passes: fn(&str, &Entity, &Value) -> bool,
    ) -> Value {
        let mut found: Vec<(&String, &Entity)> = entities
            .iter()
            .filter(|(id, entity)| passes(id, entity, &request.body))
            .collect();
        let key = request.query("sort_key").unwrap_or("id");
        found.sort_by_cached_key(|(id, entity)| {
            let first = match key {
                "id" | "skuId" => String::new(),
                "modified" => modified(entity),
                other => text(&entity.fields, other),
            };
            (first, (*id).clone())
        });
        if request.query("desc") == Some("true") {
            found.reverse();
        }
        let number = |name: &str| {
            request
                .query(name)
                .and_then(|value| value.parse::<usize>().ok())
        };
        let page = number("page").unwrap_or(0);
        let size = number("page_size")
            .unwrap_or(self.options.default_page_size)
            .max(1);
        let total = found.len();
        let start = page.saturating_mul(size);
        let rows: Vec<Value> = found
            .into_iter()
            .skip(start)
            .take(size)
            .map(|(_, entity)| Value::Object(entity.fields.clone()))
            .collect();
        let mut answer = json!({"total": total, "page": page});
        answer[list] = Value::Array(rows);
        answer["page_count"] = json!(total.div_ceil(size));
        answer["page_size"] = json!(size);
        answer
    }
}
