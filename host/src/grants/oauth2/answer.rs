//! What a token server answers, read as leniently as there is one way to read it.

use std::fmt;
use std::time::Duration;

use oauth2::basic::BasicTokenType;
use oauth2::{AccessToken, ErrorResponse, RefreshToken, Scope, TokenResponse};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::super::{NotGranted, Tokens};
use super::Seen;
use crate::config::{Secret, TokenPlace};

/// Longest token. Those that carry claims have a few KiB.
const MOST_TOKEN: usize = 32 << 10;

/// Shortest token: a shorter one could not be taken out of logs safely.
const LEAST_TOKEN: usize = 4;

/// Longest text of scopes.
const MOST_SCOPES: usize = 4 << 10;

/// Longest lifetime that is believed.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// RFC 6749 §5.1, and what is usual besides. Members that are not known here are
/// somebody else's.
#[derive(Debug, Deserialize)]
pub(super) struct Granted {
    access_token: AccessToken,
    #[serde(default, deserialize_with = "kind")]
    token_type: Option<BasicTokenType>,
    #[serde(default, deserialize_with = "lifetime")]
    expires_in: Option<Duration>,
    #[serde(default)]
    refresh_token: Option<RefreshToken>,
    #[serde(default, deserialize_with = "lifetime")]
    refresh_token_expires_in: Option<Duration>,
    #[serde(default, deserialize_with = "lifetime")]
    refresh_expires_in: Option<Duration>,
    #[serde(default, deserialize_with = "scopes")]
    scope: Option<String>,
}

impl Granted {
    /// The tokens, if requests can carry them.
    pub(super) fn tokens(self, place: &TokenPlace) -> Result<Tokens, NotGranted> {
        let unusable = |message: &str| NotGranted::Unknown {
            code: "platform-answer".into(),
            message: message.into(),
        };
        let token = Secret::new(self.access_token.into_secret());
        if !is_token(token.expose()) {
            return Err(unusable(
                "the token server's `access_token` is too short, too long, or has characters that no header carries",
            ));
        }
        // RFC 6749 §7.1: a token of an unknown type must not be used. Where a file says
        // which header or parameter carries it, somebody knows it.
        let kind = self.token_type.as_ref().map(BasicTokenType::as_ref);
        let proving = kind.is_some_and(|kind| matches!(kind, "mac" | "dpop" | "pop"));
        if proving && *place == TokenPlace::Bearer {
            return Err(unusable(
                "the token server gives tokens whose holder has to prove a key, which the host cannot do; ask the platform for bearer tokens",
            ));
        }
        let refresh = self.refresh_token.map(RefreshToken::into_secret);
        let refresh = refresh.filter(|text| !text.is_empty()).map(Secret::new);
        if refresh
            .as_ref()
            .is_some_and(|text| !is_token(text.expose()))
        {
            return Err(unusable(
                "the token server's `refresh_token` is too short, too long, or has control characters",
            ));
        }
        Ok(Tokens {
            token,
            refresh,
            expires_in: self.expires_in,
            refresh_expires_in: self.refresh_token_expires_in.or(self.refresh_expires_in),
            account: None,
            scopes: self.scope,
        })
    }
}

/// Visible ASCII and spaces within, as RFC 6749 A.12 has it.
fn is_token(text: &str) -> bool {
    (LEAST_TOKEN..=MOST_TOKEN).contains(&text.len())
        && text.trim() == text
        && text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

/// For the crate, which also writes answers.
impl Serialize for Granted {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("tokens are not written"))
    }
}

impl TokenResponse for Granted {
    type TokenType = BasicTokenType;

    fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    fn token_type(&self) -> &BasicTokenType {
        self.token_type.as_ref().unwrap_or(&BasicTokenType::Bearer)
    }

    fn expires_in(&self) -> Option<Duration> {
        self.expires_in
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        None
    }
}

/// RFC 6749 §5.2.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Refusal {
    /// The code.
    #[serde(deserialize_with = "code")]
    pub error: String,
    #[serde(default)]
    error_description: Option<Value>,
}

impl Refusal {
    /// What it says, for people.
    pub fn sentence(&self) -> String {
        match &self.error_description {
            Some(Value::String(said)) if !said.trim().is_empty() => {
                format!("{}: {said}", self.error)
            }
            _ => self.error.clone(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.error)
    }
}

impl ErrorResponse for Refusal {}

/// Whether an answer refuses, whatever its status: some servers say so with 200.
pub(super) fn refuses(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Either {
        #[serde(default)]
        error: Option<Value>,
        #[serde(default)]
        access_token: Option<serde::de::IgnoredAny>,
    }
    let read = serde_json::from_slice::<Either>(body);
    read.is_ok_and(|read| {
        let error = matches!(read.error, Some(Value::String(code)) if !code.is_empty());
        error && read.access_token.is_none()
    })
}

/// What follows from a refusal.
pub(super) fn judged(seen: Option<Seen>, code: &str, said: String) -> NotGranted {
    let status = seen.map_or(0, |seen| seen.status.as_u16());
    let after = seen.and_then(|seen| seen.after);
    let message = format!("the token server refuses: {said}");
    match (code, status) {
        // §4.1.2.1, and RFC 8628's, which some use for "too often".
        ("temporarily_unavailable" | "slow_down", _) | (_, 429 | 503) => NotGranted::Later {
            code: name(code),
            message,
            after,
        },
        ("server_error", _) | (_, 500..) => NotGranted::Unknown {
            code: name(code),
            message,
        },
        _ => NotGranted::Refused {
            code: name(code),
            message,
        },
    }
}

/// A server's code as one of this host's: short, and nothing but letters, digits,
/// dashes and underscores.
fn name(code: &str) -> String {
    const MOST: usize = 64;
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = code.chars().filter(plain).take(MOST).collect();
    match name.is_empty() {
        true => "refused".into(),
        false => name,
    }
}

fn code<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let code = String::deserialize(from)?;
    match code.is_empty() {
        true => Err(serde::de::Error::custom("no code")),
        false => Ok(code),
    }
}

fn kind<'de, D: Deserializer<'de>>(from: D) -> Result<Option<BasicTokenType>, D::Error> {
    let kind = match Value::deserialize(from)? {
        Value::String(text) => Some(text.to_ascii_lowercase()),
        _ => None,
    };
    Ok(kind.map(|text| match &*text {
        "bearer" => BasicTokenType::Bearer,
        "mac" => BasicTokenType::Mac,
        _ => BasicTokenType::Extension(text),
    }))
}

/// Seconds as a number or as text. What is no number, or not above 0, says nothing
/// about how long a token lives.
fn lifetime<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let seconds = match Value::deserialize(from)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let seconds = seconds.filter(|seconds: &f64| seconds.is_finite() && *seconds > 0.0);
    Ok(seconds.map(|seconds| Duration::from_secs_f64(seconds.min(LONGEST.as_secs_f64()))))
}

/// Scopes as one text, or as an array of them.
fn scopes<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let text = match Value::deserialize(from)? {
        Value::String(text) => text,
        Value::Array(scopes) => {
            let scopes: Vec<&str> = scopes.iter().filter_map(Value::as_str).collect();
            scopes.join(" ")
        }
        _ => return Ok(None),
    };
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    let mut text = text.trim().to_owned();
    crate::text::truncate(&mut text, MOST_SCOPES);
    Ok((!text.is_empty()).then_some(text))
}
