//! 灵智: 小程序商品更新库存(批量).
//!
//! The document gives one call and the meaning of `code` 0. It is silent about
//! authentication, the batch's size, the codes of failures, negative stock,
//! and whether one bad row spoils the others: all of these are options here.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::check::{self, Breach, Field, Shape, Violation, required};
use crate::exchange::{Answer, Call};
use crate::misbehave::Refusal;
use crate::platforms::{Inspection, Outcome, Platform, undocumented};

/// The path of 请求URL.
pub const PATH: &str = "/gateway/api/erp/update_goods_stock";

/// The table 参数.
const ROW: &[Field] = &[
    required("type", Shape::OneOf(&["normal", "group", "integral"])),
    required("key", Shape::Text),
    required("stock", Shape::Int),
    required("store_code", Shape::Filled),
];

/// The example 返回示例.
const DONE: &str = r#"{"code":0,"data":[],"msg":""}"#;

/// How the platform is told who calls. The document shows nothing, which does
/// not mean that there is nothing.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    #[default]
    None,
    /// A header with this value must be there.
    Header { name: String, value: String },
    /// A query parameter with this value must be there.
    Query { name: String, value: String },
}

/// What the document leaves open.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LingzhiOptions {
    pub auth: Auth,
    /// HTTP status of a request without its authentication; unknown.
    pub unauthenticated_status: u16,
    /// `code` of refusals; the codes are on a page that is not public.
    pub refusal_code: i64,
    /// Most rows of a request; unknown, so unlimited.
    pub most_rows: Option<usize>,
    /// Whether a body must be called `application/json`; unknown, but it is one.
    pub json_content_type: bool,
    /// Whether a negative stock is refused; unknown.
    pub refuse_negative_stock: bool,
}

impl Default for LingzhiOptions {
    fn default() -> Self {
        Self {
            auth: Auth::None,
            unauthenticated_status: 401,
            refusal_code: 1,
            most_rows: None,
            json_content_type: true,
            refuse_negative_stock: false,
        }
    }
}

/// (type, key, store_code).
type StockKey = (String, String, String);

/// One product's stock in one store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stock {
    pub stock: i64,
    /// How often it has been set.
    pub writes: u64,
}

/// The stand-in.
pub struct Lingzhi {
    options: LingzhiOptions,
    stock: Mutex<HashMap<StockKey, Stock>>,
}

impl Lingzhi {
    pub fn new(options: LingzhiOptions) -> Self {
        Self {
            options,
            stock: Mutex::default(),
        }
    }

    /// The stock of a product in a store, as last set.
    pub fn stock(&self, kind: &str, key: &str, store_code: &str) -> Option<Stock> {
        let key = (kind.to_owned(), key.to_owned(), store_code.to_owned());
        self.table().get(&key).copied()
    }

    /// How many products in stores are known.
    pub fn len(&self) -> usize {
        self.table().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn table(&self) -> std::sync::MutexGuard<'_, HashMap<StockKey, Stock>> {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn envelope(code: i64, msg: &str) -> Answer {
        Answer::json(&json!({"code": code, "data": [], "msg": msg}))
    }

    fn check_auth(&self, call: &Call) -> Option<Violation> {
        let found = match &self.options.auth {
            Auth::None => return None,
            Auth::Header { name, value } => {
                (format!("header/{name}"), call.header(name) == Some(value))
            }
            Auth::Query { name, value } => {
                let pairs = call.query();
                let matches = pairs
                    .iter()
                    .any(|(key, found)| key == name && found == value);
                (format!("query/{name}"), matches)
            }
        };
        let (pointer, fits) = found;
        (!fits).then(|| {
            Violation::new(
                Breach::Credentials,
                pointer,
                "absent or not the configured value",
            )
        })
    }

    fn check_query(&self, call: &Call, violations: &mut Vec<Violation>) {
        if call.raw_query.is_empty() {
            return;
        }
        for (name, _) in call.checked_query(violations) {
            if !matches!(&self.options.auth, Auth::Query { name: known, .. } if *known == name) {
                let message = "the document's URL has no such parameter";
                violations.push(Violation::new(
                    Breach::Unknown,
                    format!("query/{name}"),
                    message,
                ));
            }
        }
    }

    fn check_rows(&self, rows: &[Value], violations: &mut Vec<Violation>) {
        if let Some(most) = self.options.most_rows
            && rows.len() > most
        {
            let message = format!("{} rows where {most} are configured", rows.len());
            violations.push(Violation::new(Breach::Limit, "", message));
        }
        for (index, row) in rows.iter().enumerate() {
            let (Some(kind), Some(key)) = (row["type"].as_str(), row["key"].as_str()) else {
                continue;
            };
            if !key_fits(kind, key) && violations.len() < check::MOST_VIOLATIONS {
                let message =
                    "not {商品ID}^^^{规格key} for normal and integral, or not a 商品ID for group";
                violations.push(Violation::new(
                    Breach::Type,
                    format!("/{index}/key"),
                    message,
                ));
            }
            if self.options.refuse_negative_stock
                && row["stock"].as_i64().is_some_and(i64::is_negative)
            {
                violations.push(Violation::new(
                    Breach::Range,
                    format!("/{index}/stock"),
                    "below zero",
                ));
            }
        }
    }

    fn apply(&self, rows: Vec<Value>) -> Outcome {
        let mut table = self.table();
        for row in rows {
            let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
            let key = (text("type"), text("key"), text("store_code"));
            let entry = table.entry(key).or_insert(Stock {
                stock: 0,
                writes: 0,
            });
            entry.stock = row["stock"].as_i64().unwrap_or_default();
            entry.writes += 1;
        }
        Outcome::applied(Answer::json_text(DONE))
    }
}

fn key_fits(kind: &str, key: &str) -> bool {
    match kind {
        "group" => !key.is_empty() && !key.contains("^^^"),
        _ => key
            .split_once("^^^")
            .is_some_and(|(id, spec)| !id.is_empty() && !spec.is_empty()),
    }
}

impl Platform for Lingzhi {
    fn name(&self) -> &'static str {
        "lingzhi"
    }

    fn inspect<'a>(&'a self, call: &'a Call) -> Inspection<'a> {
        if call.path != PATH {
            return Inspection::not_found(call);
        }
        if call.method != Method::POST {
            return Inspection::wrong_method(call, "POST");
        }
        if let Some(violation) = self.check_auth(call) {
            let answer = Self::envelope(
                self.options.refusal_code,
                "stand-in, text not documented: unauthenticated",
            );
            return Inspection::refuse(
                vec![violation],
                answer.with_status(self.options.unauthenticated_status),
            );
        }
        let mut violations = Vec::new();
        if self.options.json_content_type
            && call.media_type().as_deref() != Some("application/json")
        {
            let message = "not application/json";
            violations.push(Violation::new(
                Breach::ContentType,
                "header/content-type",
                message,
            ));
        }
        self.check_query(call, &mut violations);
        let rows = match check::parse_json(&call.body) {
            Ok(body) => {
                violations.extend(check::check(&body, Shape::List(&Shape::Object(ROW)), ""));
                match body {
                    Value::Array(rows) => rows,
                    _ => Vec::new(),
                }
            }
            Err(violation) => {
                violations.push(violation);
                Vec::new()
            }
        };
        self.check_rows(&rows, &mut violations);
        if violations.is_empty() {
            Inspection::apply(move || self.apply(rows))
        } else {
            // Whether one bad row spoils the others is unknown; here it does.
            let answer = Self::envelope(self.options.refusal_code, &undocumented(&violations));
            Inspection::refuse(violations, answer)
        }
    }

    fn refusal(&self, refusal: &Refusal) -> Answer {
        Self::envelope(
            refusal.code.parse().unwrap_or(self.options.refusal_code),
            &refusal.message,
        )
    }

    fn state(&self) -> Value {
        let table = self.table();
        let mut rows: Vec<_> = table.iter().collect();
        rows.sort_by_key(|(key, _)| *key);
        rows.into_iter()
            .map(|((kind, key, store), stock)| {
                json!({"type": kind, "key": key, "store_code": store, "stock": stock.stock, "writes": stock.writes})
            })
            .collect()
    }

    fn reset(&self) {
        self.table().clear();
    }
}
