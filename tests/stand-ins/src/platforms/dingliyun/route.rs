//! The document's 21 calls, from method and path to the code that serves them.

use http::Method;
use serde_json::Value;

use super::{Dingliyun, inventory, item, order, store, tables};
use crate::check::{Breach, Field, Violation};
use crate::exchange::Call;
use crate::platforms::Outcome;

/// A checked request.
pub struct Request {
    /// What stood in the path's placeholders after the tenant.
    pub ids: Vec<String>,
    /// Decoded, in order.
    pub query: Vec<(String, String)>,
    /// Null for calls without a body.
    pub body: Value,
}

impl Request {
    /// The first value of a query parameter.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// All values of a query parameter.
    pub fn query_all(&self, name: &str) -> Vec<&str> {
        self.query
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// A placeholder of the path.
    pub fn id(&self, index: usize) -> &str {
        self.ids.get(index).map(String::as_str).unwrap_or_default()
    }
}

/// What a query parameter must look like.
#[derive(Clone, Copy)]
pub enum Param {
    Text,
    /// The document has no such column, but nothing can be done without it.
    NeededText,
    Bool,
    IntIn(i64, i64),
    OneOf(&'static [&'static str]),
    /// May come so often; `usize::MAX` for array(multi).
    Repeated(usize),
}

/// One call.
pub struct Endpoint {
    pub method: Method,
    /// Behind the tenant; `*` is a placeholder.
    pub path: &'static str,
    pub query: &'static [(&'static str, Param)],
    pub body: Option<&'static [Field]>,
    pub serve: fn(&Dingliyun, Request) -> Outcome,
}

const OPERATOR: (&str, Param) = ("operator", Param::Text);
const PAGE: (&str, Param) = ("page", Param::IntIn(0, i32::MAX as i64));
const PAGE_SIZE: (&str, Param) = ("page_size", Param::IntIn(1, 1000));
const DESC: (&str, Param) = ("desc", Param::Bool);
const SORT: (&str, Param) = ("sort_key", Param::OneOf(&["modified", "id", "name"]));

const fn post(
    path: &'static str,
    query: &'static [(&'static str, Param)],
    body: &'static [Field],
    serve: fn(&Dingliyun, Request) -> Outcome,
) -> Endpoint {
    Endpoint {
        method: Method::POST,
        path,
        query,
        body: Some(body),
        serve,
    }
}

const fn without_body(
    method: Method,
    path: &'static str,
    query: &'static [(&'static str, Param)],
    serve: fn(&Dingliyun, Request) -> Outcome,
) -> Endpoint {
    Endpoint {
        method,
        path,
        query,
        body: None,
        serve,
    }
}

/// Section 1, in its order.
static ENDPOINTS: [Endpoint; 21] = [
    post(
        "invc/wrhinvservice/wrh/*/invs",
        &[OPERATOR],
        tables::QUANTITIES,
        inventory::update_warehouse,
    ),
    post(
        "invc/itemservice/brands/query",
        &[DESC, PAGE, PAGE_SIZE, SORT],
        tables::BRAND_FILTER,
        item::query_brands,
    ),
    post(
        "invc/itemservice/brands/update",
        &[OPERATOR],
        tables::BRANDS,
        item::update_brands,
    ),
    // The range of page and page_size is not stated here; the brands' is taken.
    post(
        "invc/itemservice/categories/query",
        &[DESC, PAGE, PAGE_SIZE, SORT],
        tables::CATEGORY_FILTER,
        item::query_categories,
    ),
    post(
        "invc/itemservice/categories/update",
        &[OPERATOR],
        tables::CATEGORIES,
        item::update_categories,
    ),
    post(
        "invc/itemservice/products/update",
        &[OPERATOR],
        tables::PRODUCTS,
        item::update_products,
    ),
    post(
        "invc/itemservice/sku/images/update",
        &[OPERATOR],
        tables::IMAGES,
        item::update_images,
    ),
    without_body(
        Method::GET,
        "invc/itemservice/sku/*",
        &[("parts", Param::Text)],
        item::get_sku,
    ),
    post("invc/itemservice/skus", &[], tables::IDS, item::list_skus),
    post(
        "invc/itemservice/skus/es_query",
        &[
            DESC,
            PAGE,
            PAGE_SIZE,
            (
                "sort_key",
                Param::OneOf(&["title", "barcode", "skuId", "modified"]),
            ),
        ],
        tables::SKU_FILTER,
        item::query_skus,
    ),
    post(
        "invc/itemservice/skus/update",
        &[OPERATOR, ("group_by_product", Param::Bool)],
        tables::SKUS,
        item::update_skus,
    ),
    post(
        "invc/itemservice/tags/update",
        &[OPERATOR],
        tables::TAGS,
        item::update_tags,
    ),
    post(
        "invc/storeinvservice/store/*/invs",
        &[],
        tables::QUANTITIES,
        inventory::update_store,
    ),
    post(
        "invc/storeskuservice/store/*/skus/shelfPositionCode",
        &[OPERATOR],
        tables::SHELVES,
        store::update_shelves,
    ),
    post(
        "invc/storeskuservice/store/*/skus/updates",
        &[OPERATOR],
        tables::STORE_SKUS,
        store::update_skus,
    ),
    post(
        "invc/storepriceservice/store/*/prices",
        &[],
        tables::PRICES,
        store::update_prices,
    ),
    post(
        "invc/orderstockservice/lock",
        &[OPERATOR],
        tables::LOCK,
        order::lock,
    ),
    without_body(
        Method::GET,
        "invc/orderstockservice/order/lockresult",
        &[("order_id", Param::NeededText)],
        order::lock_result,
    ),
    // The document lists shop_id twice, the second time as 门店id; it
    // apparently means store_id, so both spellings are taken.
    without_body(
        Method::GET,
        "invc/orderstockservice/orderstocks",
        &[
            ("platform_id", Param::Text),
            ("shop_id", Param::Repeated(2)),
            ("store_id", Param::Text),
            ("sku_ids", Param::Repeated(usize::MAX)),
        ],
        order::stocks,
    ),
    without_body(
        Method::PUT,
        "invc/orderstockservice/ship/*",
        &[OPERATOR],
        order::ship,
    ),
    without_body(
        Method::POST,
        "invc/orderstockservice/unlock",
        &[
            OPERATOR,
            ("order_id", Param::NeededText),
            ("request_id", Param::Text),
        ],
        order::unlock,
    ),
];

/// The result of a look-up.
pub enum Found {
    /// With what stood in the placeholders.
    Endpoint(&'static Endpoint, Vec<String>),
    /// The path is there, under this method.
    OtherMethod(&'static str),
    Nothing,
}

/// Looks a request up. Fixed segments win over placeholders.
pub fn find(call: &Call, segments: &[String]) -> Found {
    let Some((tenant, rest)) = segments.split_first() else {
        return Found::Nothing;
    };
    if tenant.is_empty() {
        return Found::Nothing;
    }
    let mut other = None;
    for endpoint in &ENDPOINTS {
        if let Some(ids) = endpoint.placeholders(rest) {
            if endpoint.method == call.method {
                return Found::Endpoint(endpoint, ids);
            }
            other = Some(endpoint.method.as_str());
        }
    }
    other.map_or(Found::Nothing, Found::OtherMethod)
}

impl Endpoint {
    fn placeholders(&self, segments: &[String]) -> Option<Vec<String>> {
        let mut ids = Vec::new();
        let mut found = segments.iter();
        for wanted in self.path.split('/') {
            let segment = found.next()?;
            if wanted == "*" && !segment.is_empty() {
                ids.push(segment.clone());
            } else if wanted != segment {
                return None;
            }
        }
        found.next().is_none().then_some(ids)
    }

    /// Everything wrong with the query.
    pub fn check_query(&self, query: &[(String, String)]) -> Vec<Violation> {
        let mut violations = Vec::new();
        let mut add = |breach: Breach, name: &str, message: &str| {
            violations.push(Violation::new(breach, format!("query/{name}"), message));
        };
        for (name, param) in self.query {
            let values: Vec<&str> = query
                .iter()
                .filter(|(key, _)| key == name)
                .map(|(_, value)| value.as_str())
                .collect();
            let most = if let Param::Repeated(most) = param {
                *most
            } else {
                1
            };
            if values.len() > most {
                add(
                    Breach::Syntax,
                    name,
                    "sent more often than the document has it",
                );
            }
            if matches!(param, Param::NeededText) && values.iter().all(|value| value.is_empty()) {
                add(Breach::Missing, name, "the call cannot do without it");
            }
            for value in values {
                if let Some((breach, message)) = param.check(value) {
                    add(breach, name, &message);
                }
            }
        }
        for (name, _) in query {
            if !self.query.iter().any(|(known, _)| known == name) {
                add(Breach::Unknown, name, "the document has no such parameter");
            }
        }
        violations
    }
}

impl Param {
    fn check(self, value: &str) -> Option<(Breach, String)> {
        match self {
            Self::Text | Self::NeededText | Self::Repeated(_) => None,
            Self::Bool => (!matches!(value, "true" | "false"))
                .then(|| (Breach::Type, "neither true nor false".to_owned())),
            Self::IntIn(least, most) => match value.parse::<i64>() {
                Ok(number) if (least..=most).contains(&number) => None,
                Ok(_) => Some((Breach::Range, format!("not within {least} and {most}"))),
                Err(_) => Some((Breach::Type, "not a whole number".to_owned())),
            },
            Self::OneOf(allowed) => (!allowed.contains(&value)).then(|| {
                (
                    Breach::Enumeration,
                    format!("not one of {}", allowed.join(", ")),
                )
            }),
        }
    }
}
