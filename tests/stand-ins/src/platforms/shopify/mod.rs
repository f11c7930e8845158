//! Shopify: stock by the Admin GraphQL API, versions 2026-04 and later.
//!
//! | request | does |
//! |---|---|
//! | `POST /admin/api/{version}/graphql.json` | `inventorySetQuantities`, `inventoryAdjustQuantities` |
//! | `POST /admin/oauth/access_token` | a token for the app's own credentials, or for a refresh token |
//!
//! The access token is checked at the token server. What no page gives is an
//! option: whether a failing change spoils the others of its call (here it
//! does: the group of changes is absent then), and what a mutation costs.

mod bucket;
mod document;
mod stock;

use std::sync::{Arc, Mutex, PoisonError};

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::check::{self, Breach, Violation};
use crate::exchange::{Answer, Call};
use crate::misbehave::Refusal;
use crate::platforms::oauth::{Dialect, Oauth, Validity};
use crate::platforms::{Inspection, Outcome, Platform};

pub use stock::{Level, Refused};

use bucket::Bucket;
use stock::Stock;

/// The header that carries the token.
pub const TOKEN: &str = "x-shopify-access-token";

const TOKEN_PATH: &str = "/admin/oauth/access_token";

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShopifyOptions {
    /// Versions that are served.
    pub versions: Vec<String>,
    /// Points in the bucket, and points that come back each second: those of
    /// the standard plan.
    pub bucket: f64,
    pub restore_rate: f64,
    /// What a mutation costs: 10 by the page, whatever is in it.
    pub cost: f64,
    /// Inventory items that are not there.
    pub unknown_items: Vec<u64>,
    /// Locations that are not there.
    pub unknown_locations: Vec<u64>,
    /// Whether a token that works for nothing else is taken: for tests of
    /// something else than tokens.
    pub fixed_token: Option<String>,
}

impl Default for ShopifyOptions {
    fn default() -> Self {
        Self {
            versions: vec!["2026-04".into(), "2026-07".into(), "2026-10".into()],
            // The pages give the rate (100 a second); the bucket is twenty
            // seconds of it in their examples.
            bucket: 2000.0,
            restore_rate: 100.0,
            cost: 10.0,
            unknown_items: Vec::new(),
            unknown_locations: Vec::new(),
            fixed_token: Some("shpat-demo".into()),
        }
    }
}

/// The stand-in.
pub struct Shopify {
    options: ShopifyOptions,
    oauth: Arc<Oauth>,
    stock: Mutex<Stock>,
    bucket: Mutex<Bucket>,
}

/// Why a token is not taken.
enum NoToken {
    Absent,
    Over,
    Unknown,
    Scope,
}

impl Shopify {
    pub fn new(options: ShopifyOptions, oauth: Arc<Oauth>) -> Self {
        let bucket = Bucket::new(options.bucket, options.restore_rate);
        Self {
            options,
            oauth,
            stock: Mutex::default(),
            bucket: Mutex::new(bucket),
        }
    }

    /// The stock of an inventory item at a location, as last written.
    pub fn level(&self, item: u64, location: u64) -> Option<Level> {
        self.stock().level(item, location)
    }

    /// Puts a stock there.
    pub fn set_level(&self, item: u64, location: u64, quantity: i64) {
        self.stock().put(item, location, quantity);
    }

    /// How many idempotency keys have been used.
    pub fn keys(&self) -> usize {
        self.stock().keys()
    }

    /// Takes points out of the bucket, as another user of the app does.
    pub fn drain(&self, points: f64) {
        self.bucket().take(points);
    }

    fn stock(&self) -> std::sync::MutexGuard<'_, Stock> {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bucket(&self) -> std::sync::MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_token(&self, call: &Call) -> Result<(), NoToken> {
        let token = call.header(TOKEN).ok_or(NoToken::Absent)?;
        if self.options.fixed_token.as_deref() == Some(token) {
            return Ok(());
        }
        match self.oauth.validity(token) {
            Validity::Valid { scopes, .. } => {
                let may = scopes.split(' ').any(|scope| scope == "write_inventory");
                may.then_some(()).ok_or(NoToken::Scope)
            }
            Validity::Expired | Validity::Revoked => Err(NoToken::Over),
            Validity::Unknown => Err(NoToken::Unknown),
        }
    }

    fn without_token(why: NoToken) -> Inspection<'static> {
        let message = match why {
            NoToken::Absent => "no access token",
            NoToken::Over => "the access token is over",
            NoToken::Unknown => "the access token was never issued",
            NoToken::Scope => "the access token is not for write_inventory",
        };
        // One that is over may have been valid when it was sent.
        let violations = match why {
            NoToken::Over => Vec::new(),
            _ => vec![Violation::new(
                Breach::Credentials,
                format!("header/{TOKEN}"),
                message,
            )],
        };
        let answer = match why {
            NoToken::Scope => errors("ACCESS_DENIED", "Access denied for the field."),
            _ => Answer::json(&json!({
                "errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"
            }))
            .with_status(401),
        };
        Inspection::refuse(violations, answer)
    }

    fn inspect_call<'a>(&'a self, call: &'a Call, version: &str) -> Inspection<'a> {
        if call.method != Method::POST {
            return Inspection::wrong_method(call, "POST");
        }
        if !self.options.versions.iter().any(|known| known == version) {
            return Inspection::not_found(call);
        }
        if let Err(why) = self.check_token(call) {
            return Self::without_token(why);
        }
        let mut violations = Vec::new();
        if call.media_type().as_deref() != Some("application/json") {
            let message = "not application/json";
            violations.push(Violation::new(
                Breach::ContentType,
                "header/content-type",
                message,
            ));
        }
        if !call.raw_query.is_empty() {
            violations.push(Violation::new(Breach::Unknown, "query", "there is none"));
        }
        let body = match check::parse_json(&call.body) {
            Ok(body) => body,
            Err(violation) => {
                violations.push(violation);
                Value::Null
            }
        };
        let mutation = document::read(&body, &mut violations);
        let (Some(mutation), true) = (mutation, violations.is_empty()) else {
            let first = violations.first().map_or("", |it| it.message.as_str());
            let answer =
                json!({"errors": [{"message": first, "locations": [{"line": 1, "column": 1}]}]});
            return Inspection::refuse(violations, Answer::json(&answer));
        };
        if !self.bucket().take(self.options.cost) {
            return Inspection::refuse(Vec::new(), self.throttled());
        }
        Inspection::apply(move || {
            let mut stock = self.stock();
            let outcome = stock.apply(&self.options, &mutation);
            let mut answer = json!({"data": {mutation.kind.field(): outcome.payload}});
            answer["extensions"] = self.cost(Some(self.options.cost));
            let answer = Answer::json(&answer);
            if outcome.applied {
                Outcome::applied(answer)
            } else {
                Outcome::refused(answer)
            }
        })
    }

    fn cost(&self, actual: Option<f64>) -> Value {
        let mut bucket = self.bucket();
        json!({"cost": {
            "requestedQueryCost": self.options.cost,
            "actualQueryCost": actual,
            "throttleStatus": {
                "maximumAvailable": self.options.bucket,
                "currentlyAvailable": bucket.available().floor(),
                "restoreRate": self.options.restore_rate,
            },
        }})
    }
}

fn errors(code: &str, message: &str) -> Answer {
    Answer::json(&json!({"errors": [{"message": message, "extensions": {"code": code}}]}))
}

impl Platform for Shopify {
    fn name(&self) -> &'static str {
        "shopify"
    }

    fn inspect<'a>(&'a self, call: &'a Call) -> Inspection<'a> {
        if call.path == TOKEN_PATH {
            return match call.method {
                Method::POST => self.oauth.inspect_token(call, Dialect::Shopify),
                _ => Inspection::wrong_method(call, "POST"),
            };
        }
        let version = call
            .path
            .strip_prefix("/admin/api/")
            .and_then(|rest| rest.strip_suffix("/graphql.json"));
        match version {
            Some(version) => self.inspect_call(call, version),
            None => Inspection::not_found(call),
        }
    }

    /// An error of the API for a code in capitals with `sub_code` "error", and
    /// otherwise a user error of the mutation.
    fn refusal(&self, refusal: &Refusal) -> Answer {
        if refusal.sub_code == "error" {
            return errors(&refusal.code, &refusal.message);
        }
        Answer::json(&json!({"data": {"inventorySetQuantities": {
            "inventoryAdjustmentGroup": null,
            "userErrors": [{
                "code": refusal.code,
                "field": ["input", "quantities", "0"],
                "message": refusal.message,
            }],
        }}}))
    }

    fn throttled(&self) -> Answer {
        let mut answer = json!({"errors": [{
            "message": "Throttled",
            "extensions": {"code": "THROTTLED", "documentation": "https://shopify.dev/api/usage/rate-limits"},
        }]});
        answer["extensions"] = self.cost(None);
        Answer::json(&answer)
    }

    fn state(&self) -> Value {
        self.stock().state()
    }

    fn reset(&self) {
        *self.stock() = Stock::default();
        *self.bucket() = Bucket::new(self.options.bucket, self.options.restore_rate);
    }
}
