//! 旺店通旗舰版: one endpoint, the call's name in the query, positional
//! arguments in the body.
//!
//! Codes and texts of this module are from the platform's own error guide.

mod goods;
mod goods_tables;
mod stock;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::check::{self, Breach, Violation};
use crate::digest::md5_hex;
use crate::exchange::{Answer, Call};
use crate::misbehave::Refusal;
use crate::platforms::{Inspection, Platform, undocumented};
use crate::time::{self, PlatformClock};

pub use goods::Goods;
pub use stock::{ApiGoods, Confirmation};

/// 2012-01-01 00:00:00 in China, where the platform's seconds start.
const EPOCH: i64 = 1_325_347_200;

#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WangdianOptions {
    pub sid: String,
    pub key: String,
    /// The part of the appsecret before the colon.
    pub secret: String,
    /// The part of the appsecret behind the colon.
    pub salt: String,
    /// Seconds a timestamp may be off.
    pub tolerance: i64,
    /// What the rows of a call with more than 50 goods are told; the document
    /// gives the limit and not the text.
    pub too_many_goods: String,
    /// The text for an `apiGoodsId` that nobody knows; not documented.
    pub unknown_api_goods: String,
    /// Whether a page without ids still has its `position`; the table says
    /// that it need not.
    pub position_on_empty_page: bool,
    /// Whether a confirmed item leaves the pending list only if its
    /// `stock_change_count` is still current. The field's description suggests
    /// it, no text says it.
    pub confirm_needs_current_count: bool,
    /// Whether syncFail leaves the item pending; not documented.
    pub failed_stays_pending: bool,
}

impl Default for WangdianOptions {
    fn default() -> Self {
        Self {
            sid: "wdtapi3".to_owned(),
            key: "appkey".to_owned(),
            secret: "testsecret".to_owned(),
            salt: "testsalt".to_owned(),
            tolerance: 120,
            too_many_goods: "货品条数不得超过50条".to_owned(),
            unknown_api_goods: "平台货品不存在".to_owned(),
            position_on_empty_page: true,
            confirm_needs_current_count: true,
            failed_stays_pending: true,
        }
    }
}

/// The query's parameters: name, mandatory.
const PUBLIC: &[(&str, bool)] = &[
    ("sid", true),
    ("key", true),
    ("salt", true),
    ("method", true),
    ("v", true),
    ("timestamp", true),
    ("sign", true),
    ("page_size", false),
    ("page_no", false),
    ("calc_total", false),
];

/// The stand-in.
pub struct Wangdian {
    options: WangdianOptions,
    clock: Arc<PlatformClock>,
    state: Mutex<State>,
}

/// Everything the platform keeps.
#[derive(Debug)]
struct State {
    stock: stock::Stock,
    goods: goods::Catalogue,
}

impl Default for State {
    fn default() -> Self {
        Self {
            stock: stock::Stock::of_the_documents(),
            goods: goods::Catalogue::default(),
        }
    }
}

type Query = BTreeMap<String, String>;

impl Wangdian {
    pub fn new(options: WangdianOptions, clock: Arc<PlatformClock>) -> Self {
        Self {
            options,
            clock,
            state: Mutex::default(),
        }
    }

    /// A row of the platform's goods, by `rec_id`.
    pub fn api_goods(&self, rec_id: i64) -> Option<ApiGoods> {
        self.state().stock.goods(rec_id).cloned()
    }

    /// Adds or replaces a row, with the values of the document's example but
    /// for its id and quantity; not pending.
    pub fn put_api_goods(&self, rec_id: i64, syn_stock: i64) {
        self.state().stock.put(rec_id, syn_stock);
    }

    /// Switches a row's synchronisation off, as a person does in the ERP.
    pub fn disable(&self, rec_id: i64) {
        self.state().stock.disable(rec_id);
    }

    /// Changes the quantity to be synchronised: counts the change and makes
    /// the row pending.
    pub fn change_stock(&self, rec_id: i64, syn_stock: i64) {
        self.state().stock.change(rec_id, syn_stock);
    }

    /// The ids that wait to be synchronised, in the order of their positions.
    pub fn pending(&self) -> Vec<i64> {
        self.state().stock.pending()
    }

    /// Goods that were pushed, by `goods_no`.
    pub fn goods(&self, goods_no: &str) -> Option<Goods> {
        self.state().goods.get(goods_no).cloned()
    }

    /// How many goods were pushed.
    pub fn goods_count(&self) -> usize {
        self.state().goods.len()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The present as the platform writes it.
    fn stamp(&self) -> String {
        time::format_china(self.clock.now())
    }

    /// The public parameters, first failure first.
    fn check_public(&self, query: &Query, body: &str) -> Option<(Violation, Answer)> {
        let at = |name: &str| format!("query/{name}");
        if let Some((name, _)) = PUBLIC
            .iter()
            .find(|(name, mandatory)| *mandatory && !query.contains_key(*name))
        {
            let violation =
                Violation::new(Breach::Missing, at(name), "a public parameter is absent");
            return Some((violation, failure(1, "参数错误")));
        }
        let value = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
        if value("sid") != self.options.sid {
            return Some((
                Violation::new(Breach::Credentials, at("sid"), "no such seller"),
                failure(1, "sid is not exists"),
            ));
        }
        if value("key") != self.options.key {
            return Some((
                Violation::new(Breach::Credentials, at("key"), "no such app"),
                failure(1, "app auth fail"),
            ));
        }
        if value("salt") != self.options.salt {
            return Some((
                Violation::new(Breach::Credentials, at("salt"), "not this app's salt"),
                failure(1, "验证失败"),
            ));
        }
        if value("v") != "1.0" {
            return Some((
                Violation::new(Breach::Enumeration, at("v"), "not version 1.0"),
                failure(8, "版本错误"),
            ));
        }
        let timestamp = value("timestamp");
        // The platform reads an int: a text that is none gives Java's message.
        let Ok(sent_at) = timestamp.parse::<i32>() else {
            let violation = Violation::new(
                Breach::Type,
                at("timestamp"),
                "not seconds since 2012-01-01 in China",
            );
            return Some((
                violation,
                failure(1, &format!("For input string: \"{timestamp}\"")),
            ));
        };
        let now = self.clock.now() - EPOCH;
        if (now - i64::from(sent_at)).abs() > self.options.tolerance {
            let message = format!(
                "more than {} s from the platform's clock",
                self.options.tolerance
            );
            return Some((
                Violation::new(Breach::Time, at("timestamp"), message),
                failure(7, "时间戳错误"),
            ));
        }
        if value("sign") != sign(query, body, &self.options.secret) {
            let message = "not the MD5 of secret, sorted parameters with the body, and secret";
            return Some((
                Violation::new(Breach::Signature, at("sign"), message),
                failure(1, "验证失败"),
            ));
        }
        for name in ["page_size", "page_no", "calc_total"] {
            if query
                .get(name)
                .is_some_and(|value| value.parse::<u32>().is_err())
            {
                let violation = Violation::new(Breach::Type, at(name), "not a whole number");
                return Some((violation, failure(1, "argument type mismatch")));
            }
        }
        None
    }

    fn dispatch<'a>(&'a self, method: &str, arguments: Vec<Value>) -> Inspection<'a> {
        match method {
            "sales.StockSync.calcStock" => stock::calc(self, &arguments),
            "sales.StockSync.getSelfWaitSyncIdListOpen" => stock::pending(self, &arguments),
            "sales.StockSync.syncSuccess" => stock::confirm(self, arguments, true),
            "sales.StockSync.syncFail" => stock::confirm(self, arguments, false),
            "goods.Goods.batchPush" => goods::push(self, arguments),
            _ => {
                let violation = Violation::new(
                    Breach::Enumeration,
                    "query/method",
                    "this stand-in has no such method",
                );
                Inspection::refuse(vec![violation], failure(100, "权限不足"))
            }
        }
    }
}

/// A failure in the platform's envelope.
fn failure(status: i64, message: &str) -> Answer {
    Answer::json(&json!({"status": status, "message": message}))
}

/// A success in the platform's envelope.
fn success(data: Value) -> Answer {
    Answer::json(&json!({"status": 0, "data": data}))
}

/// secret + (name + value, names ascending, without sign, with the body) + secret, MD5.
fn sign(query: &Query, body: &str, secret: &str) -> String {
    let mut signed: BTreeMap<&str, &str> = query
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| *name != "sign")
        .collect();
    signed.insert("body", body);
    let mut text = secret.to_owned();
    for (name, value) in signed {
        text.push_str(name);
        text.push_str(value);
    }
    text.push_str(secret);
    md5_hex(&text)
}

/// What the platform answers when an argument's type or number is wrong.
fn refuse_arguments<'a>(violations: Vec<Violation>) -> Inspection<'a> {
    let breach = |wanted: Breach| {
        violations
            .iter()
            .find(|violation| violation.breach == wanted)
    };
    let answer = if breach(Breach::Type).is_some() {
        failure(1, "argument type mismatch")
    } else if let Some(unknown) = breach(Breach::Unknown) {
        failure(2, unknown.field())
    } else if let Some(missing) = breach(Breach::Missing) {
        failure(100, &format!("{}不能为空", missing.field()))
    } else if let Some(long) = breach(Breach::Length) {
        failure(100, &too_long(long.field()))
    } else {
        failure(100, &undocumented(&violations))
    };
    Inspection::refuse(violations, answer)
}

fn too_long(field: &str) -> String {
    format!("Data truncation: Data too long for column {field}")
}

/// The arguments are not as many as the method has.
fn wrong_count<'a>(found: usize, wanted: usize) -> Inspection<'a> {
    let message = format!("{found} arguments where the method has {wanted}");
    Inspection::refuse(
        vec![Violation::new(Breach::Type, "", message)],
        failure(1, "invalid argument count"),
    )
}

impl Platform for Wangdian {
    fn name(&self) -> &'static str {
        "wangdian"
    }

    fn inspect<'a>(&'a self, call: &'a Call) -> Inspection<'a> {
        if call.path != "/openapi" {
            return Inspection::not_found(call);
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
        if !matches!(call.media_type().as_deref(), Some("application/json")) {
            violations.push(Violation::new(
                Breach::ContentType,
                "header/content-type",
                "not application/json",
            ));
        }
        if !violations.is_empty() {
            return Inspection::refuse(violations, failure(1, "参数错误"));
        }
        let body = String::from_utf8_lossy(&call.body);
        if let Some((violation, answer)) = self.check_public(&query, &body) {
            return Inspection::refuse(vec![violation], answer);
        }
        match check::parse_json(&call.body) {
            Ok(Value::Array(arguments)) => {
                let method = query.get("method").map(String::as_str).unwrap_or_default();
                self.dispatch(method, arguments)
            }
            Ok(_) => {
                let violation =
                    Violation::new(Breach::Type, "", "not a list of positional arguments");
                Inspection::refuse(vec![violation], failure(1, "参数错误"))
            }
            Err(violation) => Inspection::refuse(vec![violation], failure(1, "参数错误")),
        }
    }

    fn refusal(&self, refusal: &Refusal) -> Answer {
        failure(refusal.code.parse().unwrap_or(99), &refusal.message)
    }

    fn throttled(&self) -> Answer {
        failure(100, "超过每分钟最大调用频率限制，请稍后重试")
    }

    fn state(&self) -> Value {
        let state = self.state();
        json!({"stock": state.stock.to_json(), "goods": state.goods.to_json()})
    }

    fn reset(&self) {
        *self.state() = State::default();
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

    /// From a third party's tests.
    #[test]
    fn the_third_partys_signature_comes_out() {
        let public = query(&[
            ("key", "wdt_test"),
            ("method", "system.Core.now"),
            ("salt", "dd"),
            ("sid", "wdtapi3"),
            ("timestamp", "100"),
            ("v", "1.0"),
        ]);
        assert_eq!(
            sign(&public, "[]", "aa"),
            "b5745bf1f4721a0d16e9a68cb7513032"
        );
    }

    /// Computed, not published.
    #[test]
    fn the_computed_signatures_come_out() {
        let mut public = query(&[
            ("key", "appkey"),
            ("method", "sales.StockSync.calcStock"),
            ("salt", "testsalt"),
            ("sid", "wdtapi3"),
            ("timestamp", "100000000"),
            ("v", "1.0"),
        ]);
        assert_eq!(
            sign(&public, "[2447,false]", "testsecret"),
            "ede1881f21147afe1ac3ef5a067fd5d7"
        );
        public.insert("method".to_owned(), "goods.Goods.batchPush".to_owned());
        let body =
            r#"[[{"goods_no":"A1","goods_name":"苹果手机","spec_list":[{"spec_no":"A1-1"}]}]]"#;
        assert_eq!(
            sign(&public, body, "testsecret"),
            "c390253f307f5158de41cf0b10b1dd8a"
        );
    }
}
