//! A token server of OAuth 2.0: RFC 6749 with PKCE (RFC 7636).
//!
//! | request | does |
//! |---|---|
//! | `GET /authorize` | agrees at once, as a person would, and leads back with a code |
//! | `POST /token` | `authorization_code`, `refresh_token`, `client_credentials` |
//! | `GET`, `POST /resource` | answers 200 to a bearer token that is valid now, and 401 to any other |
//!
//! It is stricter than the documents have to be: a `state` and PKCE with S256
//! are demanded of everybody, a code works once, a refresh token works once
//! (what happens to its second use is an option), parameters that no document
//! has are refused unless an option names them. It keeps every token that it
//! ever gave with every use of it.

mod authorize;
mod client;
mod ledger;
mod token;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::check::{Breach, Violation};
use crate::exchange::{Answer, Call};
use crate::misbehave::Refusal;
use crate::platforms::{Inspection, Outcome, Platform};

pub use client::{ClientAuth, OauthClient};
pub use ledger::{Issued, RefreshUses, Use, Validity};
pub use token::Dialect;

use ledger::Ledger;

/// The server's own choices, which the RFCs leave open.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OauthOptions {
    pub clients: Vec<OauthClient>,
    /// How long an access token really works.
    pub access_lifetime_ms: u64,
    /// What `expires_in` says, in seconds; absent: the real lifetime, rounded up.
    pub expires_in: Option<u64>,
    /// Whether `expires_in` is there at all: RFC 6749 only recommends it.
    pub tells_expiry: bool,
    /// How long a refresh token works if it is not used; absent: for ever.
    pub refresh_lifetime_ms: Option<u64>,
    pub code_lifetime_ms: u64,
    /// Whether using a refresh token gives another one and ends it.
    pub rotate: bool,
    /// How long a used refresh token gives the same answer again.
    pub grace_ms: u64,
    /// Whether a second use of a refresh token takes back the whole grant, as
    /// RFC 9700, section 4.14.2, describes.
    pub reuse_revokes: bool,
    /// Parameters of token requests that are taken beside the RFC's, such as
    /// `audience`.
    pub parameters: Vec<String>,
    /// Whether the person at `/authorize` says no.
    pub denies: bool,
    /// Another seed gives other tokens.
    pub seed: u64,
}

impl Default for OauthOptions {
    fn default() -> Self {
        Self {
            clients: OauthClient::everybodys(),
            access_lifetime_ms: 7_200_000,
            expires_in: None,
            tells_expiry: true,
            refresh_lifetime_ms: None,
            code_lifetime_ms: 60_000,
            rotate: true,
            grace_ms: 0,
            reuse_revokes: true,
            parameters: vec!["audience".to_owned()],
            denies: false,
            seed: 0,
        }
    }
}

impl OauthOptions {
    fn access_lifetime(&self) -> Duration {
        Duration::from_millis(self.access_lifetime_ms)
    }

    fn refresh_lifetime(&self) -> Option<Duration> {
        self.refresh_lifetime_ms.map(Duration::from_millis)
    }

    fn code_lifetime(&self) -> Duration {
        Duration::from_millis(self.code_lifetime_ms)
    }

    fn grace(&self) -> Duration {
        Duration::from_millis(self.grace_ms)
    }

    fn told_lifetime(&self) -> Option<u64> {
        let rounded = self.access_lifetime_ms.div_ceil(1000);
        self.tells_expiry
            .then(|| self.expires_in.unwrap_or(rounded))
    }

    fn client(&self, id: &str) -> Option<&OauthClient> {
        self.clients.iter().find(|client| client.id == id)
    }
}

/// The stand-in.
pub struct Oauth {
    options: Mutex<OauthOptions>,
    ledger: Mutex<Ledger>,
}

impl Oauth {
    pub fn new(options: OauthOptions) -> Self {
        Self {
            options: Mutex::new(options),
            ledger: Mutex::default(),
        }
    }

    /// Whether an access token works at this moment.
    pub fn validity(&self, token: &str) -> Validity {
        self.ledger().validity(token)
    }

    /// Since when an access token has been over; `None` while it works, and for
    /// what was never issued.
    pub fn over_for(&self, token: &str) -> Option<Duration> {
        self.ledger().over_for(token)
    }

    /// Every refresh token with its uses, oldest first.
    pub fn uses(&self) -> Vec<RefreshUses> {
        self.ledger().uses()
    }

    /// How many access tokens were issued.
    pub fn issued(&self) -> usize {
        self.ledger().issued()
    }

    /// Every code and token so far: what must be found nowhere else.
    pub fn texts(&self) -> Vec<String> {
        self.ledger().texts()
    }

    /// Tokens as if a person had agreed, without the way over `/authorize`.
    pub fn grant(&self, client: &str, scopes: &str) -> Issued {
        let options = self.options();
        self.ledger().grant(&options, client, scopes)
    }

    /// Takes back everything that a client has.
    pub fn revoke(&self, client: &str) {
        self.ledger().revoke(client);
    }

    /// Lets all access tokens expire now, earlier than was said.
    pub fn expire_access(&self) {
        self.ledger().expire_access();
    }

    /// Changes the options while requests come in.
    pub fn change(&self, change: impl FnOnce(&mut OauthOptions)) {
        change(&mut self.options.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn options(&self) -> OauthOptions {
        let options = self.options.lock();
        options.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn ledger(&self) -> std::sync::MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A token request at whatever path a platform has for it.
    pub fn inspect_token<'a>(&'a self, call: &'a Call, dialect: Dialect) -> Inspection<'a> {
        token::inspect(self, call, dialect)
    }

    /// A resource that RFC 6750 protects.
    fn inspect_resource<'a>(&'a self, call: &'a Call) -> Inspection<'a> {
        let token = call
            .header("authorization")
            .and_then(|value| value.strip_prefix("Bearer "));
        let refuse = |message: &str, challenge: &str| {
            let violation = Violation::new(
                Breach::Credentials,
                "header/authorization",
                message.to_owned(),
            );
            let answer = Answer::json(&json!({"error": message}))
                .with_status(401)
                .with_header("www-authenticate", challenge);
            (violation, answer)
        };
        let Some(token) = token else {
            let (violation, answer) = refuse("no bearer token", "Bearer");
            return Inspection::refuse(vec![violation], answer);
        };
        match self.validity(token) {
            Validity::Valid { client, scopes } => {
                let answer = json!({"client": client, "scope": scopes});
                Inspection::apply(move || Outcome::applied(Answer::json(&answer)))
            }
            // Not a fault of whoever asks: it may have expired on its way.
            Validity::Expired | Validity::Revoked => {
                let (_, answer) = refuse(
                    "the token is over",
                    "Bearer error=\"invalid_token\", error_description=\"the token is over\"",
                );
                Inspection::refuse(Vec::new(), answer)
            }
            Validity::Unknown => {
                let (violation, answer) = refuse(
                    "the token was never issued",
                    "Bearer error=\"invalid_token\"",
                );
                Inspection::refuse(vec![violation], answer)
            }
        }
    }
}

impl Platform for Oauth {
    fn name(&self) -> &'static str {
        "oauth"
    }

    fn inspect<'a>(&'a self, call: &'a Call) -> Inspection<'a> {
        match (&call.method, call.path.as_str()) {
            (&Method::GET, "/authorize") => authorize::inspect(self, call),
            (_, "/authorize") => Inspection::wrong_method(call, "GET"),
            (&Method::POST, "/token") => self.inspect_token(call, Dialect::Rfc),
            (_, "/token") => Inspection::wrong_method(call, "POST"),
            (_, "/resource") => self.inspect_resource(call),
            _ => Inspection::not_found(call),
        }
    }

    fn refusal(&self, refusal: &Refusal) -> Answer {
        let code = match refusal.code.as_str() {
            "" => "invalid_grant",
            code => code,
        };
        token::refused(code, &refusal.message)
    }

    fn state(&self) -> Value {
        // No token: this is for people to look at, and a log may keep it.
        let uses = self.uses().into_iter().map(
            |token| json!({"client": token.client, "uses": token.uses, "token": &token.token[..8]}),
        );
        json!({"issued": self.issued(), "refresh_tokens": uses.collect::<Vec<_>>()})
    }

    fn reset(&self) {
        *self.ledger() = Ledger::default();
    }
}
