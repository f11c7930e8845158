//! 抖店: `sku.syncStock` of the open platform, signature version 2, and the tokens that
//! it wants.
//!
//! Codes and texts are the platform's published ones. Where only the batch
//! call's codes are published (too little stock, missing and bad parameters),
//! they are options with the batch call's values.

mod public;
mod refused;
mod tokens;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::check::{self, Breach, Field, Shape, Violation, optional, required};
use crate::exchange::{Answer, Call};
use crate::misbehave::Refusal;
use crate::platforms::shop_stock::{Change, IdUse, Met, ShopStock, Stock, Target, UnknownSku};
use crate::platforms::{Failed, Inspection, Outcome, Platform};
use crate::time::{self, PlatformClock};

pub use refused::Refused;
use tokens::{AUTHORIZE, Known, Tokens};
pub use tokens::{RefreshRule, TokenCounts, TokenOptions};

const PATH: &str = "/sku/syncStock";
const METHOD: &str = "sku.syncStock";

/// The call's parameters, from the platform's own SDK.
const PARAMETERS: &[Field] = &[
    optional("code", Shape::Text),
    optional("sku_id", Shape::Int),
    optional("out_sku_id", Shape::Int),
    // 长度19位
    optional(
        "product_id",
        Shape::IntIn(1_000_000_000_000_000_000, i64::MAX),
    ),
    optional("out_product_id", Shape::Int),
    optional("out_warehouse_id", Shape::Text),
    optional("supplier_id", Shape::Text),
    optional("incremental", Shape::Bool),
    optional("idempotent_id", Shape::Text),
    required("stock_num", Shape::Int),
    optional("step_stock_num", Shape::Int),
    optional("store_id", Shape::Int),
    // Newer; their inside is not known.
    optional("multi_time_stocks", Shape::List(&Shape::Any)),
    optional("batch_stock_items", Shape::List(&Shape::Any)),
];

#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DoudianOptions {
    pub app_key: String,
    pub secret: String,
    /// One that works for ever, beside those that are given out.
    pub access_token: String,
    /// Those that are given out.
    pub tokens: TokenOptions,
    /// Seconds a timestamp may be off.
    pub tolerance: u64,
    /// Published for the batch call only.
    pub insufficient: Refused,
    /// Published for the batch call only.
    pub missing_sub_code: String,
    /// Published for the batch call only.
    pub invalid_sub_code: String,
    /// Seconds an id is remembered; unknown, so for ever.
    pub idempotency_window: Option<i64>,
    pub unknown_sku: UnknownSku,
}

impl Default for DoudianOptions {
    fn default() -> Self {
        Self {
            app_key: "app-key".to_owned(),
            secret: "secret".to_owned(),
            access_token: "token-demo".to_owned(),
            tokens: TokenOptions::default(),
            tolerance: 600,
            insufficient: Refused::new(
                50002,
                "isv.business-failed:2010012",
                "更新库存数失败: 库存不足",
            ),
            missing_sub_code: "isv.missing-parameter:2010004".to_owned(),
            invalid_sub_code: "isv.parameter-invalid:2010013".to_owned(),
            idempotency_window: None,
            unknown_sku: UnknownSku::Create,
        }
    }
}

/// The stand-in.
pub struct Doudian {
    options: DoudianOptions,
    clock: Arc<PlatformClock>,
    shop: ShopStock,
    tokens: Tokens,
    answers: AtomicU64,
}

impl Doudian {
    pub fn new(options: DoudianOptions, clock: Arc<PlatformClock>) -> Self {
        Self {
            options,
            clock,
            shop: ShopStock::default(),
            tokens: Tokens::default(),
            answers: AtomicU64::new(0),
        }
    }

    /// The stock under a key such as `code:dy001`; see [`Target`].
    pub fn stock(&self, key: &str) -> Option<Stock> {
        self.shop.stock(key)
    }

    pub fn set_stock(&self, key: &str, stock: i64) {
        self.shop.set_stock(key, stock);
    }

    pub fn id(&self, idempotent_id: &str) -> Option<IdUse> {
        self.shop.id(idempotent_id)
    }

    fn envelope(&self, refused: &Refused) -> Answer {
        self.envelope_with(refused, json!({}))
    }

    fn envelope_with(&self, refused: &Refused, data: Value) -> Answer {
        let number = self.answers.fetch_add(1, Ordering::Relaxed);
        Answer::json(&json!({
            "code": refused.code,
            "msg": refused.msg,
            "sub_code": refused.sub_code,
            "sub_msg": refused.sub_msg,
            "data": data,
            "log_id": format!("{}{number:018X}", time::format_china(self.clock.now()).replace(['-', ':', ' '], "")),
        }))
    }

    fn refuse(&self, violations: Vec<Violation>, refused: &Refused) -> Inspection<'_> {
        Inspection::refuse(violations, self.envelope(refused))
    }

    fn apply(&self, change: &Change) -> Outcome {
        let met = self.shop.change(
            change,
            self.options.unknown_sku,
            self.clock.now(),
            self.options.idempotency_window,
            false,
        );
        let refused = match met {
            Met::Done => {
                return Outcome::applied(self.envelope(&Refused::success()));
            }
            Met::Insufficient => self.options.insufficient.clone(),
            Met::Repeated => Refused::new(
                40004,
                "isv.parameter-invalid:40010",
                "[idempotent_id]重复，操作已执行",
            ),
            Met::UnknownSku => {
                let sku = change.target.sku_id.as_deref().unwrap_or("0");
                let sub_msg = format!("sku_id: {sku}, 找不到对应的sku");
                Refused::new(40004, "isv.parameter-invalid:5", &sub_msg)
            }
        };
        Outcome::refused(self.envelope(&refused))
    }
}

/// Compact JSON with sorted keys at every level, nothing escaped that need not be.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by_key(|(name, _)| name.as_bytes());
            let members: Map<String, Value> = sorted
                .into_iter()
                .map(|(name, value)| (name.clone(), canonical(value)))
                .collect();
            Value::Object(members)
        }
        Value::Array(rows) => rows.iter().map(canonical).collect(),
        other => other.clone(),
    }
}

fn check_parameters(parameters: &Value) -> (Change, Vec<Violation>) {
    let mut violations = check::check(parameters, Shape::Object(PARAMETERS), "");
    let text = |name: &str| match &parameters[name] {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let change = Change {
        target: Target {
            product_id: text("product_id"),
            out_product_id: text("out_product_id"),
            sku_id: text("sku_id"),
            out_sku_id: text("out_sku_id"),
            code: text("code"),
            out_warehouse_id: text("out_warehouse_id"),
            store_id: text("store_id"),
        },
        incremental: parameters["incremental"].as_bool().unwrap_or(false),
        idempotent_id: text("idempotent_id").filter(|id| !id.is_empty()),
        stock_num: parameters["stock_num"].as_i64().unwrap_or_default(),
        step_stock_num: parameters["step_stock_num"].as_i64(),
    };
    if !change.target.names_a_sku() {
        let message = "none of code, sku_id, out_sku_id, and a product with a store_id names a sku";
        violations.push(Violation::new(Breach::Missing, "/sku_id", message));
    }
    if change.incremental && change.idempotent_id.is_none() {
        violations.push(Violation::new(
            Breach::Missing,
            "/idempotent_id",
            "mandatory with incremental=true",
        ));
    }
    if !change.incremental && change.stock_num < 0 {
        violations.push(Violation::new(
            Breach::Range,
            "/stock_num",
            "below zero without incremental=true",
        ));
    }
    (change, violations)
}

impl Platform for Doudian {
    fn name(&self) -> &'static str {
        "doudian"
    }

    fn inspect<'a>(&'a self, call: &'a Call) -> Inspection<'a> {
        if call.path == AUTHORIZE {
            return self.agree(call);
        }
        if let Some(inspection) = self.token_call(call) {
            return inspection;
        }
        if call.path != PATH {
            let message = format!("this stand-in has no {}", call.path);
            let violation = Violation::new(Breach::Path, "path", message);
            let refused = Refused::new(70000, "isp.api-service-off", "API不存在或API已下线");
            return self.refuse(vec![violation], &refused);
        }
        if call.method != Method::POST {
            return Inspection::wrong_method(call, "POST");
        }
        let mut violations = Vec::new();
        let query = public::read(call, &mut violations);
        if call.media_type().as_deref() != Some("application/json") {
            violations.push(Violation::new(
                Breach::ContentType,
                "header/content-type",
                "not application/json",
            ));
        }
        if !violations.is_empty() {
            return self.refuse(violations, &Refused::public_parameter_invalid());
        }
        let body = String::from_utf8_lossy(&call.body);
        let now = self.clock.now();
        let know = |token: &str| match token == self.options.access_token {
            true => Known::Live,
            false => self.tokens.know(token, now),
        };
        let wanted = public::Wanted {
            account: &self.options,
            method: METHOD,
            token: Some(&know),
        };
        if let Err(failed) = public::check(&query, &body, wanted, now) {
            let Failed { violation, answer } = *failed;
            return self.refuse(vec![violation], &answer);
        }
        let parameters = match check::parse_json(&call.body) {
            Ok(parameters) => parameters,
            Err(violation) => {
                let sub_msg = "业务参数json解析失败，所有参数需为string类型";
                let refused = Refused::new(40003, "isv.parameter-format-invalid", sub_msg);
                return self.refuse(vec![violation], &refused);
            }
        };
        if canonical(&parameters).to_string() != body {
            let message = "param_json is not compact with sorted names at every level";
            return self.refuse(
                vec![Violation::new(Breach::Encoding, "", message)],
                &Refused::signature_invalid(),
            );
        }
        let (change, violations) = check_parameters(&parameters);
        let Some(first) = violations.first() else {
            return Inspection::apply(move || self.apply(&change));
        };
        let refused = match first.breach {
            Breach::Missing => Refused::new(40002, &self.options.missing_sub_code, "参数缺失"),
            _ => Refused::new(40004, &self.options.invalid_sub_code, &first.message),
        };
        self.refuse(violations, &refused)
    }

    fn refusal(&self, refusal: &Refusal) -> Answer {
        let code = refusal.code.parse().unwrap_or(90000);
        self.envelope(&Refused::new(code, &refusal.sub_code, &refusal.message))
    }

    fn throttled(&self) -> Answer {
        self.envelope(&Refused::throttled())
    }

    fn state(&self) -> Value {
        let mut state = self.shop.state();
        if let Some(members) = state.as_object_mut() {
            members.insert("tokens".to_owned(), self.tokens.state());
        }
        state
    }

    fn reset(&self) {
        self.shop.reset();
        self.tokens.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_and_compact_is_told_from_everything_else() {
        let rewritten = |text: &str| {
            let value: Value = serde_json::from_str(text).unwrap_or_default();
            canonical(&value).to_string()
        };
        let is_canonical = |text: &str| rewritten(text) == text;
        assert!(is_canonical(r#"{"a":[{"b":"</&白","c":1.50}],"d":null}"#));
        assert!(!is_canonical(r#"{"b":1,"a":2}"#));
        assert!(!is_canonical(r#"{"a":[{"c":1,"b":2}]}"#));
        assert!(!is_canonical(r#"{"a": 1}"#));
        assert!(!is_canonical(r#"{"a":"\u767d"}"#));
        assert!(!is_canonical(r#"{"a":"\/"}"#));
    }
}
