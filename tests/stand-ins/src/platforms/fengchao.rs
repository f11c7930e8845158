//! 蜂巢: 全量/增量更新商品sku库存.
//!
//! The document gives the fields and the success; the facts add the signature
//! and the time window. Unknown, and therefore options: which of the known
//! paths is current, the codes of failures, what a repeated id is answered and
//! how long ids are remembered.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::check::{Breach, Violation};
use crate::digest::md5_hex;
use crate::exchange::{Answer, Call};
use crate::form;
use crate::misbehave::Refusal;
use crate::platforms::shop_stock::{
    Applied, Change, IdUse, Met, ShopStock, Stock, Target, UnknownSku,
};
use crate::platforms::{Inspection, Outcome, Platform, undocumented};
use crate::time::PlatformClock;

/// 返回结果.
const DONE: &str = r#"{"code":0,"message":"ok","data":null}"#;
/// The document's own text for a decrease below zero. What its numbers mean is
/// not documented, so they are not computed.
const INSUFFICIENT: &str = "系统错误:更新库存数失败: 31055 40 5";
/// Doudian's texts; fengchao relays them, as far as the document shows.
const REPEATED: &str = "[idempotent_id]重复，操作已执行";
const UNKNOWN_SKU: &str = "找不到对应的sku";

/// 长度19位.
const PRODUCT_ID_DIGITS: usize = 19;

/// What a repeated idempotency id is answered; not documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repeat {
    /// Refused with Doudian's text, not applied.
    #[default]
    Refuse,
    /// Answered as success, not applied.
    Accept,
    /// Applied again: a platform that keeps no ids.
    ApplyAgain,
}

#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FengchaoOptions {
    pub appid: String,
    pub secret: String,
    /// `seller_nick` of the shops that have authorised the app.
    pub sellers: Vec<String>,
    /// Which paths answer. Two spellings are known, and not which is current.
    pub paths: Vec<String>,
    /// Seconds a timestamp may be off.
    pub tolerance: u64,
    /// `code` of refusals; no table is public.
    pub refusal_code: i64,
    pub repeat: Repeat,
    /// Seconds an id is remembered; unknown, so for ever.
    pub idempotency_window: Option<i64>,
    pub unknown_sku: UnknownSku,
}

impl Default for FengchaoOptions {
    fn default() -> Self {
        Self {
            appid: "app-demo".to_owned(),
            secret: "secret-demo".to_owned(),
            sellers: vec!["38173182".to_owned()],
            paths: vec![
                "/gateway/dd/sku/syncstock".to_owned(),
                "/gateway/dd/sku/sync/stock".to_owned(),
            ],
            tolerance: 300,
            refusal_code: 1,
            repeat: Repeat::Refuse,
            idempotency_window: None,
            unknown_sku: UnknownSku::Create,
        }
    }
}

/// What a form's value must look like.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Bool,
}

/// 公共参数 and 业务参数: name, kind, mandatory.
const FIELDS: &[(&str, Kind, bool)] = &[
    ("appid", Kind::Text, true),
    ("timestamp", Kind::Number, true),
    ("seller_nick", Kind::Text, true),
    ("sign", Kind::Text, true),
    ("code", Kind::Text, false),
    ("sku_id", Kind::Number, false),
    ("out_sku_id", Kind::Number, false),
    // The table gives no type for the next one and for store_id; both examples are digits.
    ("product_id", Kind::Number, false),
    ("out_product_id", Kind::Number, false),
    ("out_warehouse_id", Kind::Text, false),
    ("supplier_id", Kind::Text, false),
    ("incremental", Kind::Bool, false),
    ("idempotent_id", Kind::Text, false),
    ("stock_num", Kind::Number, true),
    ("step_stock_num", Kind::Number, false),
    ("store_id", Kind::Number, false),
];

/// The stand-in.
pub struct Fengchao {
    options: FengchaoOptions,
    clock: Arc<PlatformClock>,
    shop: ShopStock,
}

type Fields = BTreeMap<String, String>;

impl Fengchao {
    pub fn new(options: FengchaoOptions, clock: Arc<PlatformClock>) -> Self {
        Self {
            options,
            clock,
            shop: ShopStock::default(),
        }
    }

    /// The stock under a key such as `code:sk100`; see [`Target`].
    pub fn stock(&self, key: &str) -> Option<Stock> {
        self.shop.stock(key)
    }

    pub fn set_stock(&self, key: &str, stock: i64) {
        self.shop.set_stock(key, stock);
    }

    /// What was done to a stock, oldest first.
    pub fn history(&self, key: &str) -> Vec<Applied> {
        self.shop.history(key)
    }

    pub fn id(&self, idempotent_id: &str) -> Option<IdUse> {
        self.shop.id(idempotent_id)
    }

    fn envelope(code: i64, message: &str) -> Answer {
        Answer::json(&json!({"code": code, "message": message, "data": null}))
    }

    fn check_identity(&self, fields: &Fields, violations: &mut Vec<Violation>) {
        let is = |name: &str, fits: &dyn Fn(&str) -> bool| {
            fields.get(name).is_none_or(|value| fits(value))
        };
        if !is("appid", &|value| value == self.options.appid) {
            violations.push(violation(Breach::Credentials, "appid", "no such app"));
        }
        if !is("seller_nick", &|value| {
            self.options.sellers.iter().any(|seller| seller == value)
        }) {
            violations.push(violation(
                Breach::Credentials,
                "seller_nick",
                "this shop has not authorised the app",
            ));
        }
        let now = self.clock.now();
        let in_time = |value: &str| {
            value
                .parse::<i64>()
                .is_ok_and(|at| now.abs_diff(at) <= self.options.tolerance)
        };
        if !is("timestamp", &in_time) {
            let message = format!(
                "more than {} s from the platform's clock",
                self.options.tolerance
            );
            violations.push(violation(Breach::Time, "timestamp", message));
        }
        let expected = sign(fields, &self.options.secret);
        if !is("sign", &|value| value == expected) {
            violations.push(violation(
                Breach::Signature,
                "sign",
                "not the MD5 of secret, sorted fields and secret",
            ));
        }
    }

    fn apply(&self, change: &Change) -> Outcome {
        let options = &self.options;
        let now = self.clock.now();
        let again = options.repeat == Repeat::ApplyAgain;
        match self.shop.change(
            change,
            options.unknown_sku,
            now,
            options.idempotency_window,
            again,
        ) {
            Met::Done => Outcome::applied(Answer::json_text(DONE)),
            Met::Insufficient => {
                Outcome::refused(Self::envelope(options.refusal_code, INSUFFICIENT))
            }
            Met::Repeated if options.repeat == Repeat::Accept => {
                Outcome::refused(Answer::json_text(DONE))
            }
            Met::Repeated => Outcome::refused(Self::envelope(options.refusal_code, REPEATED)),
            Met::UnknownSku => Outcome::refused(Self::envelope(options.refusal_code, UNKNOWN_SKU)),
        }
    }
}

fn violation(breach: Breach, field: &str, message: impl Into<String>) -> Violation {
    Violation::new(breach, format!("/{field}"), message)
}

/// secret + (name + value, names ascending, without sign) + secret, MD5.
fn sign(fields: &Fields, secret: &str) -> String {
    let mut text = secret.to_owned();
    for (name, value) in fields.iter().filter(|(name, _)| *name != "sign") {
        text.push_str(name);
        text.push_str(value);
    }
    text.push_str(secret);
    md5_hex(&text)
}

fn check_fields(fields: &Fields, violations: &mut Vec<Violation>) {
    for (name, kind, mandatory) in FIELDS {
        match fields.get(*name) {
            None if *mandatory => violations.push(violation(
                Breach::Missing,
                name,
                "a mandatory field is absent",
            )),
            None => {}
            Some(value) => {
                let fits = match kind {
                    Kind::Text => true,
                    Kind::Number => value.parse::<i64>().is_ok(),
                    Kind::Bool => matches!(value.as_str(), "true" | "false"),
                };
                if !fits {
                    violations.push(violation(
                        Breach::Type,
                        name,
                        "not the table's type, written as text",
                    ));
                }
            }
        }
    }
    for name in fields.keys() {
        if !FIELDS.iter().any(|(known, _, _)| known == name) {
            violations.push(violation(
                Breach::Unknown,
                name,
                "the document has no such field",
            ));
        }
    }
    if fields
        .get("product_id")
        .is_some_and(|id| id.len() != PRODUCT_ID_DIGITS)
    {
        violations.push(violation(Breach::Length, "product_id", "not 19 digits"));
    }
}

/// The rules between the fields.
fn read_change(fields: &Fields, violations: &mut Vec<Violation>) -> Change {
    let text = |name: &str| fields.get(name).cloned();
    let number = |name: &str| fields.get(name).and_then(|value| value.parse().ok());
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
        incremental: fields
            .get("incremental")
            .is_some_and(|value| value == "true"),
        idempotent_id: text("idempotent_id").filter(|id| !id.is_empty()),
        stock_num: number("stock_num").unwrap_or_default(),
        step_stock_num: number("step_stock_num"),
    };
    if !change.target.names_a_sku() {
        violations.push(violation(
            Breach::Missing,
            "code",
            "none of code, sku_id, out_sku_id, and a product with a store_id names a sku",
        ));
    }
    if change.incremental && change.idempotent_id.is_none() {
        violations.push(violation(
            Breach::Missing,
            "idempotent_id",
            "mandatory with incremental=true",
        ));
    }
    if !change.incremental && change.stock_num < 0 {
        violations.push(violation(
            Breach::Range,
            "stock_num",
            "below zero without incremental=true",
        ));
    }
    change
}

impl Platform for Fengchao {
    fn name(&self) -> &'static str {
        "fengchao"
    }

    fn inspect<'a>(&'a self, call: &'a Call) -> Inspection<'a> {
        if !self.options.paths.contains(&call.path) {
            return Inspection::not_found(call);
        }
        if call.method != Method::POST {
            return Inspection::wrong_method(call, "POST");
        }
        let mut violations = Vec::new();
        let mut fields = Fields::new();
        match form::parse(call) {
            Ok(pairs) => {
                for (name, value) in pairs {
                    if fields.insert(name.clone(), value).is_some() {
                        violations.push(violation(Breach::Syntax, &name, "sent twice"));
                    }
                }
            }
            Err(broken) => violations.push(broken),
        }
        if !call.raw_query.is_empty() {
            violations.push(Violation::new(
                Breach::Unknown,
                "query",
                "the form is the body, not the query",
            ));
        }
        if violations.is_empty() {
            self.check_identity(&fields, &mut violations);
            check_fields(&fields, &mut violations);
            let change = read_change(&fields, &mut violations);
            if violations.is_empty() {
                return Inspection::apply(move || self.apply(&change));
            }
        }
        let answer = Self::envelope(self.options.refusal_code, &undocumented(&violations));
        Inspection::refuse(violations, answer)
    }

    fn refusal(&self, refusal: &Refusal) -> Answer {
        Self::envelope(
            refusal.code.parse().unwrap_or(self.options.refusal_code),
            &refusal.message,
        )
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

    /// Computed, not published: the project's fengchao vectors.
    #[test]
    fn the_known_signatures_come_out() {
        let fields = |list: &[(&str, &str)]| -> Fields {
            list.iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        let full = fields(&[
            ("appid", "app-demo"),
            ("timestamp", "1657525936"),
            ("seller_nick", "38173182"),
            ("code", "sk100"),
            ("stock_num", "500"),
            ("step_stock_num", "100"),
            ("sign", "is left out"),
        ]);
        assert_eq!(
            sign(&full, "secret-demo"),
            "db2078c1c506e28f73a49520a7c646ca"
        );
        let incremental = fields(&[
            ("appid", "app-demo"),
            ("timestamp", "1657525936"),
            ("seller_nick", "38173182"),
            ("code", "dy001"),
            ("incremental", "true"),
            ("idempotent_id", "202206021500001001"),
            ("stock_num", "-5"),
        ]);
        assert_eq!(
            sign(&incremental, "secret-demo"),
            "a58e61933733925bc7c265cea9a0c87b"
        );
    }
}
