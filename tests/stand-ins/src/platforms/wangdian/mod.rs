//! 旺店通旗舰版: one endpoint, the call's name in the query, positional
//! arguments in the body.
//!
//! Codes and texts of this module are from the platform's own error guide.

mod goods;
mod goods_tables;
mod public;
mod stock;

use std::sync::{Arc, Mutex, PoisonError};

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::check::{self, Breach, Violation};
use crate::exchange::{Answer, Call};
use crate::misbehave::Refusal;
use crate::platforms::{Failed, Inspection, Platform, undocumented};
use crate::time::{self, PlatformClock};

pub use goods::Goods;
pub use stock::{ApiGoods, Confirmation};

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
    pub tolerance: u64,
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

    /// Takes every row off the list of those that wait, the documents' too.
    pub fn clear_pending(&self) {
        self.state().stock.clear_pending();
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
        let query = public::read(call, &mut violations);
        if call.media_type().as_deref() != Some("application/json") {
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
        if let Err(failed) = public::check(&query, &body, &self.options, self.clock.now()) {
            let Failed { violation, answer } = *failed;
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
