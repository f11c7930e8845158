//! 海鼎 鼎力云: 21 calls of six services below `/{tenant_id}/invc`.
//!
//! The document gives paths, tables and examples. It gives no codes, no
//! mandatory fields and no failure examples: refusals are options. Identity is
//! HTTP Basic, as its clients do it.

mod inventory;
mod item;
mod order;
mod query;
mod route;
mod state;
mod store;
mod tables;

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::check::{self, Breach, Shape, Violation};
use crate::exchange::{Answer, Call};
use crate::misbehave::Refusal;
use crate::platforms::{Inspection, Outcome, Platform, undocumented};
use crate::time::{self, PlatformClock};

pub use state::{Entity, Inventory, Lock, Order, OrderState, Place, State};

use route::{Endpoint, Request};
use state::Entities;

/// What a lock with a `request_id` that was used before does. The document
/// calls it an identifier and promises no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockRepeat {
    /// It holds stock a second time: the worst case for a careless caller.
    #[default]
    LockAgain,
    /// It is answered as before.
    SameAnswer,
}

#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DingliyunOptions {
    pub tenant_id: String,
    pub user: String,
    pub password: String,
    /// `code` of a success; the example only has a placeholder.
    pub success_code: String,
    /// `code` of refusals; no table is public.
    pub refusal_code: String,
    /// HTTP status of refusals; clients are known to expect 200 and others.
    pub refused_status: u16,
    /// HTTP status where the thing asked for does not exist; not documented.
    pub not_found_status: u16,
    /// `success` of an answer with some, not all, rows in `errors`; not documented.
    pub success_with_errors: bool,
    /// `success` of a partial lock; not documented.
    pub success_of_partial_lock: bool,
    pub lock_repeat: LockRepeat,
    /// Whether `group_by_product=true` removes the product's other skus. The
    /// document says what it declares, not what follows.
    pub group_by_product_removes: bool,
    /// The page's size where none is sent; not documented.
    pub default_page_size: usize,
}

impl Default for DingliyunOptions {
    fn default() -> Self {
        Self {
            tenant_id: "demo".to_owned(),
            user: "demo-user".to_owned(),
            password: "demo-password".to_owned(),
            success_code: String::new(),
            refusal_code: "stand-in".to_owned(),
            refused_status: 200,
            not_found_status: 404,
            success_with_errors: false,
            success_of_partial_lock: true,
            lock_repeat: LockRepeat::LockAgain,
            group_by_product_removes: false,
            default_page_size: 100,
        }
    }
}

/// The stand-in.
pub struct Dingliyun {
    options: DingliyunOptions,
    clock: Arc<PlatformClock>,
    state: Mutex<State>,
}

impl Dingliyun {
    pub fn new(options: DingliyunOptions, clock: Arc<PlatformClock>) -> Self {
        Self {
            options,
            clock,
            state: Mutex::default(),
        }
    }

    /// A copy of everything that is kept.
    pub fn snapshot(&self) -> State {
        self.state().clone()
    }

    /// Changes what is kept, as the platform's people would.
    pub fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
    }

    /// Refuses the row of this id (brand, sku, …) in every update from now on.
    pub fn refuse_row(&self, id: impl Into<String>, refusal: Refusal) {
        self.state().refused_rows.insert(id.into(), refusal);
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The present as the document writes times.
    fn stamp(&self) -> String {
        time::format_china(self.clock.now())
    }

    fn check_identity(&self, call: &Call) -> Option<Violation> {
        let expected = STANDARD.encode(format!("{}:{}", self.options.user, self.options.password));
        let fits = call.header("authorization").is_some_and(|value| {
            value.split_once(' ').is_some_and(|(scheme, found)| {
                scheme.eq_ignore_ascii_case("basic") && found == expected
            })
        });
        (!fits).then(|| {
            Violation::new(
                Breach::Credentials,
                "header/authorization",
                "not the configured Basic account",
            )
        })
    }

    fn refuse<'a>(&self, violations: Vec<Violation>) -> Inspection<'a> {
        let answer = self
            .failure(&undocumented(&violations))
            .with_status(self.options.refused_status);
        Inspection::refuse(violations, answer)
    }

    /// 2.1 ActionResult.
    fn success(&self) -> Answer {
        Answer::json(&json!({"success": true, "code": self.options.success_code, "message": ""}))
    }

    /// 2.1 ActionResult.
    fn failure(&self, message: &str) -> Answer {
        Answer::json(
            &json!({"success": false, "code": self.options.refusal_code, "message": message}),
        )
    }

    fn not_found(&self, message: &str) -> Outcome {
        Outcome::refused(
            self.failure(message)
                .with_status(self.options.not_found_status),
        )
    }

    /// 2.15 ItemUpdateResponse and 2.42 StoreSkuUpdateResponse.
    fn with_errors(&self, rows: usize, errors: Vec<Value>) -> Outcome {
        let none_left = rows > 0 && errors.len() >= rows;
        let success = errors.is_empty() || (self.options.success_with_errors && !none_left);
        let (code, message) = match errors.first() {
            None => (self.options.success_code.clone(), Value::from("")),
            Some(first) => (self.options.refusal_code.clone(), first["message"].clone()),
        };
        let answer =
            json!({"success": success, "code": code, "message": message, "errors": errors});
        Outcome {
            answer: Answer::json(&answer),
            applied: !none_left,
        }
    }

    /// Writes rows into entities by their id, and gives back the refused ones.
    fn upsert(
        &self,
        state: &mut State,
        rows: Vec<Map<String, Value>>,
        id: &str,
        into: Select,
    ) -> Vec<(String, Refusal)> {
        let stamp = self.stamp();
        let mut refused = Vec::new();
        for row in rows {
            let key = text(&row, id);
            if let Some(refusal) = state.refused_rows.get(&key) {
                refused.push((key, refusal.clone()));
                continue;
            }
            into(state).entry(key).or_default().write(row, &stamp);
        }
        refused
    }

    /// Without an `errors` list, one refused row refuses the call.
    fn all_or_nothing(
        &self,
        state: &State,
        rows: &[Map<String, Value>],
        id: &str,
    ) -> Option<Outcome> {
        let refusal = rows
            .iter()
            .find_map(|row| state.refused_rows.get(&text(row, id)))?;
        Some(Outcome::refused(self.refusal(refusal)))
    }
}

/// Which entities of the state are meant.
type Select = fn(&mut State) -> &mut Entities;

impl Entity {
    fn write(&mut self, row: Map<String, Value>, stamp: &str) {
        // null means: leave it as it is.
        self.fields
            .extend(row.into_iter().filter(|(_, value)| !value.is_null()));
        self.writes += 1;
        stamp.clone_into(&mut self.written_at);
    }
}

/// A text member, empty where it is absent.
fn text(row: &Map<String, Value>, name: &str) -> String {
    row.get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// The rows of a checked body's list.
fn rows(body: &mut Value, member: &str) -> Vec<Map<String, Value>> {
    let Value::Array(list) = body[member].take() else {
        return Vec::new();
    };
    list.into_iter()
        .filter_map(|row| match row {
            Value::Object(fields) => Some(fields),
            _ => None,
        })
        .collect()
}

impl Platform for Dingliyun {
    fn name(&self) -> &'static str {
        "dingliyun"
    }

    fn inspect<'a>(&'a self, call: &'a Call) -> Inspection<'a> {
        let Some(segments) = call.segments() else {
            let violation = Violation::new(
                Breach::Encoding,
                "path",
                "a segment is not percent-encoded UTF-8",
            );
            return Inspection::refuse(vec![violation], Answer::text(400, "Bad Request\n"));
        };
        let (endpoint, ids) = match route::find(call, &segments) {
            route::Found::Endpoint(endpoint, ids) => (endpoint, ids),
            route::Found::OtherMethod(wanted) => return Inspection::wrong_method(call, wanted),
            route::Found::Nothing => return Inspection::not_found(call),
        };
        if let Some(violation) = self.check_identity(call) {
            let answer = Answer::text(401, "Unauthorized\n")
                .with_header("www-authenticate", "Basic realm=\"stand-in\"");
            return Inspection::refuse(vec![violation], answer);
        }
        let mut violations = Vec::new();
        if segments.first() != Some(&self.options.tenant_id) {
            violations.push(Violation::new(
                Breach::Credentials,
                "path",
                "not the account's tenant",
            ));
        }
        let query = call.checked_query(&mut violations);
        violations.extend(endpoint.check_query(&query));
        let body = self.check_body(endpoint, call, &mut violations);
        if violations.is_empty() {
            let request = Request { ids, query, body };
            Inspection::apply(move || (endpoint.serve)(self, request))
        } else {
            self.refuse(violations)
        }
    }

    fn refusal(&self, refusal: &Refusal) -> Answer {
        let code = if refusal.code.is_empty() {
            &self.options.refusal_code
        } else {
            &refusal.code
        };
        Answer::json(&json!({"success": false, "code": code, "message": refusal.message}))
    }

    fn state(&self) -> Value {
        self.state().to_json()
    }

    fn reset(&self) {
        *self.state() = State::default();
    }
}

impl Dingliyun {
    fn check_body(
        &self,
        endpoint: &Endpoint,
        call: &Call,
        violations: &mut Vec<Violation>,
    ) -> Value {
        let Some(fields) = endpoint.body else {
            if !call.body.is_empty() {
                violations.push(Violation::new(
                    Breach::Unknown,
                    "",
                    "a body where the document has none",
                ));
            }
            return Value::Null;
        };
        let content_type = call
            .header("content-type")
            .unwrap_or_default()
            .to_ascii_lowercase();
        let charset = content_type
            .split_once("charset=")
            .map_or("utf-8", |(_, charset)| charset.trim_matches('"'));
        if call.media_type().as_deref() != Some("application/json") || charset != "utf-8" {
            let message = "not application/json in UTF-8";
            violations.push(Violation::new(
                Breach::ContentType,
                "header/content-type",
                message,
            ));
        }
        match check::parse_json(&call.body) {
            Ok(body) => {
                violations.extend(check::check(&body, Shape::Object(fields), ""));
                body
            }
            Err(violation) => {
                violations.push(violation);
                Value::Null
            }
        }
    }
}
