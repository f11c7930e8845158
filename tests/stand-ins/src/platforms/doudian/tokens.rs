//! The tokens of a shop: `token.create`, `token.refresh`, and the page at which a shop
//! agrees, in short.
//!
//! What the document says of a refresh is the default: earlier than an hour before the
//! end the same two tokens come again; in the last hour new ones, and the old ones work
//! for another hour; after the end new ones, and the old ones are void. An option makes
//! refresh tokens work once.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::refused::Refused;
use super::{Doudian, public};
use crate::check::{self, Breach, Field, Shape, Violation, optional, required};
use crate::digest::hmac_sha256_hex;
use crate::exchange::{Answer, Call};
use crate::platforms::{Failed, Inspection, Outcome};

/// Where a person agrees. On the platform it is a page on another host.
pub(super) const AUTHORIZE: &str = "/authorize";

/// The calls: path, method, parameters (from the platform's own SDK).
const CREATE: (&str, &str, &[Field]) = (
    "/token/create",
    "token.create",
    &[
        optional("code", Shape::Text),
        required("grant_type", Shape::Text),
        optional("test_shop", Shape::Text),
        optional("shop_id", Shape::Text),
        optional("auth_id", Shape::Text),
        optional("auth_subject_type", Shape::Text),
    ],
);
const REFRESH: (&str, &str, &[Field]) = (
    "/token/refresh",
    "token.refresh",
    &[
        required("refresh_token", Shape::Text),
        required("grant_type", Shape::Text),
    ],
);

/// The hour before and after a token's end that the document speaks of.
const HOUR: i64 = 3600;

/// What becomes of the tokens that were there when one is refreshed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefreshRule {
    /// As the document says.
    #[default]
    Documented,
    /// A refresh token works once. The token beside it works to its end.
    Once,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenOptions {
    /// The shop that agrees, and of an app for its own use.
    pub shop_id: i64,
    pub shop_name: String,
    /// The app in the service market.
    pub service_id: String,
    /// Seconds for which a token lives.
    pub seconds: i64,
    /// Seconds for which a refresh token lives.
    pub refresh_seconds: i64,
    /// Seconds for which a code works; unknown.
    pub code_seconds: i64,
    pub refresh: RefreshRule,
    /// What a code or a refresh token that does not work is answered; the code is in the
    /// tables, the rest is unknown.
    pub refused: Refused,
}

impl Default for TokenOptions {
    fn default() -> Self {
        Self {
            shop_id: 4_463_798,
            shop_name: "测试店铺".to_owned(),
            service_id: "1234".to_owned(),
            seconds: 7 * 24 * HOUR,
            refresh_seconds: 14 * 24 * HOUR,
            code_seconds: 600,
            refresh: RefreshRule::Documented,
            refused: Refused::new(50001, "dop.token-generate-failed:1", "token生成失败"),
        }
    }
}

/// What was counted of tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct TokenCounts {
    /// Pairs that were given out.
    pub issued: u64,
    /// Refreshes that gave tokens.
    pub refreshes: u64,
    /// Refresh tokens that came again after they had been used up.
    pub reused: u64,
    /// Codes and refresh tokens that were refused, those among them.
    pub refused: u64,
}

/// Two tokens that belong together.
#[derive(Debug, Clone)]
struct Pair {
    access: String,
    refresh: String,
    /// Unix seconds.
    access_until: i64,
    refresh_until: i64,
    used: bool,
}

#[derive(Debug, Default)]
struct Ledger {
    /// Codes that work, and until when.
    codes: BTreeMap<String, i64>,
    pairs: Vec<Pair>,
    counts: TokenCounts,
    numbers: u64,
    /// Seconds, where they are others than the options'.
    seconds: Option<i64>,
}

/// How a token is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    Live,
    Over,
    Never,
}

/// Every token that was given out.
#[derive(Debug, Default)]
pub struct Tokens(Mutex<Ledger>);

impl Tokens {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn know(&self, token: &str, now: i64) -> Known {
        let ledger = self.ledger();
        let pair = ledger.pairs.iter().find(|pair| pair.access == token);
        match pair {
            Some(pair) if pair.access_until > now => Known::Live,
            Some(_) => Known::Over,
            None => Known::Never,
        }
    }

    pub(super) fn reset(&self) {
        *self.ledger() = Ledger::default();
    }

    pub(super) fn state(&self) -> Value {
        json!(self.ledger().counts)
    }
}

impl Ledger {
    /// 36 characters that nobody has seen before.
    fn name(&mut self, what: &str) -> String {
        self.numbers += 1;
        let hex = hmac_sha256_hex("stand-in", &format!("{what} {}", self.numbers));
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
        format!(
            "{}-{}-{}-{}-{}",
            part(0, 8),
            part(8, 12),
            part(12, 16),
            part(16, 20),
            part(20, 32)
        )
    }

    fn issue(&mut self, options: &TokenOptions, now: i64) -> Pair {
        let pair = Pair {
            access: self.name("access"),
            refresh: self.name("refresh"),
            access_until: now + self.seconds.unwrap_or(options.seconds),
            refresh_until: now + options.refresh_seconds,
            used: false,
        };
        self.counts.issued += 1;
        self.pairs.push(pair.clone());
        pair
    }

    fn refresh(&mut self, token: &str, options: &TokenOptions, now: i64) -> Option<Pair> {
        let place = self.pairs.iter().position(|pair| pair.refresh == token)?;
        let pair = &mut self.pairs[place];
        if pair.used && options.refresh == RefreshRule::Once {
            self.counts.reused += 1;
            return None;
        }
        if pair.refresh_until <= now {
            return None;
        }
        pair.used = true;
        if options.refresh == RefreshRule::Documented {
            if pair.access_until - now > HOUR {
                self.counts.refreshes += 1;
                return Some(pair.clone());
            }
            let rest = if pair.access_until > now { HOUR } else { 0 };
            pair.access_until = now + rest;
            pair.refresh_until = now + rest;
        }
        self.counts.refreshes += 1;
        Some(self.issue(options, now))
    }
}

impl Doudian {
    /// A code as a person who agrees gets it. It works once.
    pub fn issue_code(&self) -> String {
        let now = self.clock.now();
        let mut ledger = self.tokens.ledger();
        let code = ledger.name("code");
        let until = now + self.options.tokens.code_seconds;
        ledger.codes.insert(code.clone(), until);
        code
    }

    /// The shop takes its agreement back: no token and no refresh token works any more.
    pub fn revoke_tokens(&self) {
        for pair in &mut self.tokens.ledger().pairs {
            (pair.access_until, pair.refresh_until) = (0, 0);
        }
    }

    /// Every token is over now; refresh tokens go on working.
    pub fn expire_tokens(&self) {
        for pair in &mut self.tokens.ledger().pairs {
            pair.access_until = 0;
        }
    }

    /// How long tokens live that are given out from now on.
    pub fn set_token_seconds(&self, seconds: i64) {
        self.tokens.ledger().seconds = Some(seconds);
    }

    /// What was counted of tokens.
    pub fn token_counts(&self) -> TokenCounts {
        self.tokens.ledger().counts
    }

    /// Every token, refresh token and code that was given out: what must be in nobody's
    /// output.
    pub fn tokens_given(&self) -> Vec<String> {
        let ledger = self.tokens.ledger();
        let pairs = ledger.pairs.iter();
        let pairs = pairs.flat_map(|pair| [pair.access.clone(), pair.refresh.clone()]);
        pairs.chain(ledger.codes.keys().cloned()).collect()
    }

    /// The page at which a shop agrees: it does, and is sent on with a code.
    pub(super) fn agree<'a>(&'a self, call: &'a Call) -> Inspection<'a> {
        if call.method != Method::GET {
            return Inspection::wrong_method(call, "GET");
        }
        let query: BTreeMap<String, String> = call.query().into_iter().collect();
        let value = |name: &str| query.get(name).cloned().unwrap_or_default();
        let (service_id, state) = (value("service_id"), value("state"));
        if service_id != self.options.tokens.service_id || state.is_empty() {
            let message = "no such service, or no state";
            let violation = Violation::new(Breach::Credentials, "query/service_id", message);
            return Inspection::refuse(vec![violation], Answer::text(400, "服务不存在\n"));
        }
        Inspection::apply(move || {
            let code = self.issue_code();
            Outcome::applied(Answer::json(&json!({ "code": code, "state": state })))
        })
    }

    /// The calls that give tokens; nothing for any other path.
    pub(super) fn token_call<'a>(&'a self, call: &'a Call) -> Option<Inspection<'a>> {
        let (_, method, fields) = [CREATE, REFRESH]
            .into_iter()
            .find(|(path, _, _)| *path == call.path)?;
        Some(self.token_inspection(call, method, fields))
    }

    fn token_inspection<'a>(
        &'a self,
        call: &'a Call,
        method: &'static str,
        fields: &'static [Field],
    ) -> Inspection<'a> {
        if call.method != Method::POST {
            return Inspection::wrong_method(call, "POST");
        }
        let mut violations = Vec::new();
        let query = public::read(call, &mut violations);
        if !violations.is_empty() {
            return self.refuse(violations, &Refused::public_parameter_invalid());
        }
        let body = String::from_utf8_lossy(&call.body);
        let checked = public::check(
            &query,
            &body,
            public::Wanted {
                account: &self.options,
                method,
                // Whether one may be there, no document says.
                token: None,
            },
            self.clock.now(),
        );
        if let Err(failed) = checked {
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
        if super::canonical(&parameters).to_string() != body {
            let message = "param_json is not compact with sorted names at every level";
            let violation = Violation::new(Breach::Encoding, "", message);
            return self.refuse(vec![violation], &Refused::signature_invalid());
        }
        let violations = check::check(&parameters, Shape::Object(fields), "");
        if !violations.is_empty() {
            let missing = Refused::new(40002, &self.options.missing_sub_code, "参数缺失");
            return self.refuse(violations, &missing);
        }
        Inspection::apply(move || self.grant(method, &parameters))
    }

    fn grant(&self, method: &str, parameters: &Value) -> Outcome {
        let text = |name: &str| parameters[name].as_str().unwrap_or_default();
        let options = &self.options.tokens;
        let now = self.clock.now();
        let mut ledger = self.tokens.ledger();
        let pair = match (method, text("grant_type")) {
            ("token.create", "authorization_code") => {
                let until = ledger.codes.remove(text("code"));
                until
                    .is_some_and(|until| until > now)
                    .then(|| ledger.issue(options, now))
            }
            ("token.create", "authorization_self") => {
                let own = text("code").is_empty() && text("shop_id") == options.shop_id.to_string();
                own.then(|| ledger.issue(options, now))
            }
            ("token.refresh", "refresh_token") => {
                ledger.refresh(text("refresh_token"), options, now)
            }
            _ => None,
        };
        if pair.is_none() {
            ledger.counts.refused += 1;
        }
        drop(ledger);
        let Some(pair) = pair else {
            return Outcome::refused(self.envelope(&options.refused));
        };
        let data = json!({
            "access_token": pair.access,
            "auth_subject_type": "",
            "authority_id": options.shop_id.to_string(),
            "expires_in": (pair.access_until - now).max(0),
            "refresh_token": pair.refresh,
            "scope": "SCOPE",
            "shop_id": options.shop_id,
            "shop_name": options.shop_name,
        });
        Outcome::applied(self.envelope_with(&Refused::success(), data))
    }
}
