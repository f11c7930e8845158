//! 抖店: `sku.syncStock` of the open platform, signature version 2.
//!
//! Codes and texts are the platform's published ones. Where only the batch
//! call's codes are published (too little stock, missing and bad parameters),
//! they are options with the batch call's values.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::check::{self, Breach, Field, Shape, Violation, optional, required};
use crate::digest::{hmac_sha256_hex, md5_hex};
use crate::exchange::{Answer, Call};
use crate::misbehave::Refusal;
use crate::platforms::shop_stock::{Change, IdUse, Met, ShopStock, Stock, Target, UnknownSku};
use crate::platforms::{Inspection, Outcome, Platform};
use crate::time::{self, PlatformClock};

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

/// The query's parameters: name, mandatory.
const PUBLIC: &[(&str, bool)] = &[
    ("app_key", true),
    ("method", true),
    ("access_token", true),
    ("timestamp", true),
    ("v", true),
    ("sign_method", false),
    ("sign", true),
];

#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DoudianOptions {
    pub app_key: String,
    pub secret: String,
    pub access_token: String,
    /// Seconds a timestamp may be off.
    pub tolerance: i64,
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

/// A refusal's four fields.
#[derive(Clone, Deserialize)]
pub struct Refused {
    pub code: i64,
    pub msg: String,
    pub sub_code: String,
    pub sub_msg: String,
}

impl Refused {
    fn new(code: i64, msg: &str, sub_code: &str, sub_msg: &str) -> Self {
        Self {
            code,
            msg: msg.to_owned(),
            sub_code: sub_code.to_owned(),
            sub_msg: sub_msg.to_owned(),
        }
    }

    fn missing_public(sub_code: &str, sub_msg: &str) -> Self {
        Self::new(40001, "缺少必选参数", sub_code, sub_msg)
    }

    fn invalid_public(sub_code: &str, sub_msg: &str) -> Self {
        Self::new(40003, "非法的参数", sub_code, sub_msg)
    }
}

impl Default for DoudianOptions {
    fn default() -> Self {
        Self {
            app_key: "app-key".to_owned(),
            secret: "secret".to_owned(),
            access_token: "token-demo".to_owned(),
            tolerance: 600,
            insufficient: Refused::new(
                50002,
                "业务处理失败",
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
    answers: AtomicU64,
}

type Query = BTreeMap<String, String>;

impl Doudian {
    pub fn new(options: DoudianOptions, clock: Arc<PlatformClock>) -> Self {
        Self {
            options,
            clock,
            shop: ShopStock::default(),
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
        let number = self.answers.fetch_add(1, Ordering::Relaxed);
        Answer::json(&json!({
            "code": refused.code,
            "msg": refused.msg,
            "sub_code": refused.sub_code,
            "sub_msg": refused.sub_msg,
            "data": {},
            "log_id": format!("{}{number:018X}", time::format_china(self.clock.now()).replace(['-', ':', ' '], "")),
        }))
    }

    fn refuse(&self, violations: Vec<Violation>, refused: &Refused) -> Inspection<'_> {
        Inspection::refuse(violations, self.envelope(refused))
    }

    /// The public parameters, first failure first. Gives what the platform
    /// would answer and why.
    fn check_public(&self, query: &Query, body: &str) -> Option<(Violation, Refused)> {
        let at = |name: &str| format!("query/{name}");
        for (name, mandatory) in PUBLIC {
            if *mandatory && query.get(*name).is_none_or(String::is_empty) {
                let refused = match *name {
                    "app_key" => {
                        Refused::missing_public("isv.app-id-missing", "认证失败，app_key不存在")
                    }
                    "access_token" => Refused::missing_public(
                        "isv.access-token-missing",
                        "认证失败，access_token不能为空",
                    ),
                    "sign" => Refused::missing_public(
                        "isv.signature-missing",
                        "获取签名失败，请根据文档确保参数拼装正确",
                    ),
                    _ => Refused::missing_public("isv.parameter-missing", "缺少参数"),
                };
                return Some((
                    Violation::new(Breach::Missing, at(name), "a public parameter is absent"),
                    refused,
                ));
            }
        }
        let value = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
        let invalid = Refused::invalid_public("isv.parameter-invalid", "参数错误");
        if value("app_key") != self.options.app_key {
            let refused = Refused::invalid_public(
                "isv.app-id-invalid",
                "认证失败，app_key格式不正确，应为19位纯数字",
            );
            return Some((
                Violation::new(Breach::Credentials, at("app_key"), "no such app"),
                refused,
            ));
        }
        if value("access_token") != self.options.access_token {
            let sub_msg = "access_token不存在，请使用最新的access_token访问";
            let refused = Refused::invalid_public("isv.access-token-no-existed", sub_msg);
            return Some((
                Violation::new(Breach::Credentials, at("access_token"), "no such token"),
                refused,
            ));
        }
        if value("method") != METHOD {
            return Some((
                Violation::new(Breach::Enumeration, at("method"), "not the path's method"),
                invalid,
            ));
        }
        if value("v") != "2" {
            return Some((
                Violation::new(Breach::Enumeration, at("v"), "not version 2"),
                invalid,
            ));
        }
        if !matches!(value("sign_method"), "" | "md5" | "hmac-sha256") {
            return Some((
                Violation::new(
                    Breach::Enumeration,
                    at("sign_method"),
                    "neither md5 nor hmac-sha256",
                ),
                invalid,
            ));
        }
        let timestamp = value("timestamp");
        let Some(sent_at) = timestamp
            .parse()
            .ok()
            .or_else(|| time::parse_china(timestamp))
        else {
            let refused = Refused::invalid_public("isv.timestamp-format-error", "时间戳格式错误");
            let message = "neither yyyy-MM-dd HH:mm:ss nor Unix seconds";
            return Some((
                Violation::new(Breach::Type, at("timestamp"), message),
                refused,
            ));
        };
        if (self.clock.now() - sent_at).abs() > self.options.tolerance {
            let refused = Refused::invalid_public("isv.timestamp-invalid", "时间戳不合法");
            let message = format!(
                "more than {} s from the platform's clock",
                self.options.tolerance
            );
            return Some((
                Violation::new(Breach::Time, at("timestamp"), message),
                refused,
            ));
        }
        if value("sign") != sign(query, body, &self.options.secret) {
            let message =
                "not the digest of secret, app_key, method, param_json, timestamp, v and secret";
            return Some((
                Violation::new(Breach::Signature, at("sign"), message),
                signature_invalid(),
            ));
        }
        None
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
                return Outcome::applied(self.envelope(&Refused::new(10000, "success", "", "")));
            }
            Met::Insufficient => self.options.insufficient.clone(),
            Met::Repeated => Refused::new(
                40004,
                "非法的参数",
                "isv.parameter-invalid:40010",
                "[idempotent_id]重复，操作已执行",
            ),
            Met::UnknownSku => {
                let sku = change.target.sku_id.as_deref().unwrap_or("0");
                let sub_msg = format!("sku_id: {sku}, 找不到对应的sku");
                Refused::new(40004, "非法的参数", "isv.parameter-invalid:5", &sub_msg)
            }
        };
        Outcome::refused(self.envelope(&refused))
    }
}

/// The published text of a code.
fn msg_of(code: i64) -> &'static str {
    match code {
        10000 => "success",
        20000 => "系统错误",
        30001 => "操作权限不足",
        40001 | 40002 => "缺少必选参数",
        40003 | 40004 => "非法的参数",
        50001 => "平台处理失败",
        50002 => "业务处理失败",
        60000 => "触发限流，请稍后重试",
        70000 => "接口服务已下线",
        _ => "其他异常",
    }
}

fn signature_invalid() -> Refused {
    Refused::invalid_public("isv.signature-invalid", "签名校验失败")
}

fn sign(query: &Query, body: &str, secret: &str) -> String {
    let value = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    let text = format!(
        "{secret}app_key{}method{}param_json{body}timestamp{}v{}{secret}",
        value("app_key"),
        value("method"),
        value("timestamp"),
        value("v"),
    );
    match value("sign_method") {
        "hmac-sha256" => hmac_sha256_hex(secret, &text),
        _ => md5_hex(&text),
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
        let message = "none of code, sku_id and out_sku_id names a sku";
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
        if call.path != PATH {
            let message = format!("this stand-in has no {}", call.path);
            let violation = Violation::new(Breach::Path, "path", message);
            let refused = Refused::new(
                70000,
                "接口服务已下线",
                "isp.api-service-off",
                "API不存在或API已下线",
            );
            return self.refuse(vec![violation], &refused);
        }
        if call.method != Method::POST {
            return Inspection::wrong_method(call, "POST");
        }
        let mut violations = Vec::new();
        let mut query = Query::new();
        for (name, value) in call.checked_query(&mut violations) {
            if !PUBLIC.iter().any(|(known, _)| *known == name) {
                let message = "no public parameter of this name";
                violations.push(Violation::new(
                    Breach::Unknown,
                    format!("query/{name}"),
                    message,
                ));
            } else if query.insert(name.clone(), value).is_some() {
                violations.push(Violation::new(
                    Breach::Syntax,
                    format!("query/{name}"),
                    "sent twice",
                ));
            }
        }
        if call.media_type().as_deref() != Some("application/json") {
            violations.push(Violation::new(
                Breach::ContentType,
                "header/content-type",
                "not application/json",
            ));
        }
        let invalid = Refused::invalid_public("isv.parameter-invalid", "参数错误");
        if !violations.is_empty() {
            return self.refuse(violations, &invalid);
        }
        let body = String::from_utf8_lossy(&call.body);
        if let Some((violation, refused)) = self.check_public(&query, &body) {
            return self.refuse(vec![violation], &refused);
        }
        let parameters = match check::parse_json(&call.body) {
            Ok(parameters) => parameters,
            Err(violation) => {
                let sub_msg = "业务参数json解析失败，所有参数需为string类型";
                let refused = Refused::invalid_public("isv.parameter-format-invalid", sub_msg);
                return self.refuse(vec![violation], &refused);
            }
        };
        if canonical(&parameters).to_string() != body {
            let message = "param_json is not compact with sorted names at every level";
            return self.refuse(
                vec![Violation::new(Breach::Encoding, "", message)],
                &signature_invalid(),
            );
        }
        let (change, violations) = check_parameters(&parameters);
        let Some(first) = violations.first() else {
            return Inspection::apply(move || self.apply(&change));
        };
        let refused = match first.breach {
            Breach::Missing => Refused::new(
                40002,
                "缺少必选参数",
                &self.options.missing_sub_code,
                "参数缺失",
            ),
            _ => Refused::new(
                40004,
                "非法的参数",
                &self.options.invalid_sub_code,
                &first.message,
            ),
        };
        self.refuse(violations, &refused)
    }

    fn refusal(&self, refusal: &Refusal) -> Answer {
        let code = refusal.code.parse().unwrap_or(90000);
        self.envelope(&Refused::new(
            code,
            msg_of(code),
            &refusal.sub_code,
            &refusal.message,
        ))
    }

    fn throttled(&self) -> Answer {
        self.envelope(&Refused::new(
            60000,
            "触发限流，请稍后重试",
            "isv.traffic-limited",
            "请求太频繁，请稍后重试",
        ))
    }

    fn state(&self) -> Value {
        self.shop.state()
    }

    fn reset(&self) {
        self.shop.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(list: &[(&str, &str)]) -> Query {
        list.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    /// The first from a third party's test, the others computed.
    #[test]
    fn the_known_signatures_come_out() {
        let mut public = query(&[
            ("app_key", "app-key"),
            ("method", "product.detail"),
            ("timestamp", "2025-01-02 03:04:05"),
            ("v", "2"),
            ("sign_method", "hmac-sha256"),
        ]);
        let body = r#"{"a":1,"b":2}"#;
        let expected = "4eaefa2d3044c9f9711928edc8cfe5df1b7a8fd2d79d5d62866c79bbc4a09f2a";
        assert_eq!(sign(&public, body, "secret"), expected);
        public.remove("sign_method");
        assert_eq!(
            sign(&public, body, "secret"),
            "0f859a7475d5f9fb52a9b319ceba8db4"
        );
    }

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
