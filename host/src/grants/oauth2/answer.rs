//! What a token server answers, read as leniently as there is one way to read it.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
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
#[derive(Deserialize)]
pub(super) struct Granted {
    access_token: String,
    #[serde(default, deserialize_with = "kind")]
    token_type: Option<String>,
    #[serde(default, deserialize_with = "lifetime")]
    expires_in: Option<Duration>,
    #[serde(default)]
    refresh_token: Option<String>,
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
        let token = Secret::new(self.access_token);
        if !is_token(token.expose()) {
            return Err(unusable(
                "the token server's `access_token` is too short, too long, or has characters that no header carries",
            ));
        }
        // RFC 6749 §7.1: a token of an unknown type must not be used. Where a file says
        // which header or parameter carries it, somebody knows it.
        let kind = self.token_type.as_deref();
        let proving = kind.is_some_and(|kind| matches!(kind, "mac" | "dpop" | "pop"));
        if proving && *place == TokenPlace::Bearer {
            return Err(unusable(
                "the token server gives tokens whose holder has to prove a key, which the host cannot do; ask the platform for bearer tokens",
            ));
        }
        let refresh = self.refresh_token;
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

/// RFC 6749 §5.2.
#[derive(Deserialize)]
pub(super) struct Refusal {
    /// The code.
    pub error: String,
    #[serde(default)]
    error_description: Option<Value>,
    #[serde(default)]
    access_token: Option<serde::de::IgnoredAny>,
}

impl Refusal {
    /// Of an answer that is one, whatever its status: some servers refuse with 200.
    pub fn read(body: &[u8]) -> Option<Self> {
        let read: Self = serde_json::from_slice(body).ok()?;
        (!read.error.is_empty() && read.access_token.is_none()).then_some(read)
    }

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

/// What follows from a refusal.
pub(super) fn judged(Seen { status, after }: Seen, code: &str, said: String) -> NotGranted {
    let status = status.as_u16();
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

/// In lower case: it is compared so.
fn kind<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(text) => Some(text.to_ascii_lowercase()),
        _ => None,
    })
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
