//! The answer to a grant: its tokens are taken out before the adapter reads it.
//!
//! What is taken out is what the manifest points to, and whatever else is called a
//! token, a secret or a session: a manifest that points elsewhere must not make the
//! adapter see what it does not point to. Only an answer that is JSON reaches the
//! adapter at all.

use std::time::Duration;

use serde_json::Value;
use zeroize::Zeroizing;

use super::contract::{Body, Reply};
use super::manifest::GrantAnswer;
use crate::config::Secret;
use crate::text::{one_line, truncate};

/// What the adapter reads in the place of a token.
pub const TAKEN: &str = "[granted]";

/// Bytes of a token.
const MOST_TOKEN: usize = 16 << 10;

/// Bytes of an account's name and of scopes that are kept.
const MOST_TEXT: usize = 1 << 10;

/// The longest lifetime that is believed: ten years.
const MOST_LIFETIME: u64 = 10 * 365 * 24 * 3600;

/// Numbers beyond it are no seconds from now but a Unix time.
const SECONDS: f64 = 1e9;

/// Numbers beyond it are a Unix time in milliseconds.
const MILLISECONDS: f64 = 1e12;

/// Headers that the adapter reads. Others may carry a session.
const HEADERS: [&str; 3] = ["content-type", "date", "retry-after"];

/// Parts of names whose values are kept from the adapter wherever they stand.
const SECRET_NAMES: [&str; 5] = ["token", "secret", "session", "password", "ticket"];

/// What an answer had.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The token.
    pub token: Option<Secret>,
    /// What renews it.
    pub refresh: Option<Secret>,
    /// How long the token lives.
    pub expires_in: Option<Duration>,
    /// How long what renews it lives.
    pub refresh_expires_in: Option<Duration>,
    /// Whose it is.
    pub account: Option<String>,
    /// What it allows.
    pub scopes: Option<String>,
}

/// Takes out of an answer what it grants. `now_ms` is when it came.
pub fn take(answer: &GrantAnswer, reply: Reply, now_ms: u64) -> (Reply, Found) {
    let read = match &reply.body {
        Body::Text(text) => serde_json::from_str::<Value>(text).ok(),
        Body::Empty | Body::Bytes(_) => None,
    };
    let mut headers = reply.headers;
    headers.retain(|(name, _)| HEADERS.iter().any(|known| name.eq_ignore_ascii_case(known)));
    let Some(mut json) = read else {
        let reply = Reply {
            headers,
            body: Body::Empty,
            ..reply
        };
        return (reply, Found::default());
    };
    let at = |pointer: &Option<String>| pointer.as_ref().and_then(|pointer| json.pointer(pointer));
    let mut found = Found {
        expires_in: at(&answer.expires_in).and_then(|value| lifetime(value, now_ms)),
        refresh_expires_in: at(&answer.refresh_expires_in)
            .and_then(|value| lifetime(value, now_ms)),
        account: at(&answer.account).and_then(text),
        scopes: at(&answer.scopes).and_then(text),
        ..Found::default()
    };
    found.token = taken(&mut json, &answer.token);
    found.refresh = answer
        .refresh
        .as_ref()
        .and_then(|pointer| taken(&mut json, pointer));
    hide(&mut json);
    let reply = Reply {
        headers,
        body: Body::Text(json.to_string()),
        ..reply
    };
    (reply, found)
}

/// The secret at a pointer, in whose place something else is now.
fn taken(json: &mut Value, pointer: &str) -> Option<Secret> {
    let place = json.pointer_mut(pointer)?;
    let taken = match place {
        Value::String(text) => std::mem::take(text),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    *place = Value::from(TAKEN);
    let taken = Zeroizing::new(taken);
    let fits = !taken.trim().is_empty() && taken.len() <= MOST_TOKEN;
    fits.then(|| Secret::new(taken.to_string()))
}

/// Hides what is called as secrets are, wherever it stands.
fn hide(json: &mut Value) {
    // serde_json reads at most 128 levels.
    match json {
        Value::Object(members) => {
            for (name, value) in members {
                let name = name.to_ascii_lowercase();
                match value {
                    Value::String(text) if SECRET_NAMES.iter().any(|part| name.contains(part)) => {
                        drop(Zeroizing::new(std::mem::replace(text, TAKEN.to_owned())));
                    }
                    other => hide(other),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(hide),
        _ => {}
    }
}

/// How long something lives from now on. What is no number, or not above zero, says
/// nothing.
fn lifetime(value: &Value, now_ms: u64) -> Option<Duration> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse::<f64>().ok(),
        _ => None,
    };
    let number = number.filter(|number| number.is_finite() && *number > 0.0)?;
    let now = now_ms as f64 / 1e3;
    let seconds = if number > MILLISECONDS {
        number / 1e3 - now
    } else if number > SECONDS {
        number - now
    } else {
        number
    };
    Some(Duration::from_secs_f64(
        seconds.clamp(0.0, MOST_LIFETIME as f64),
    ))
}

/// A text for people: one line, bounded. A list is written with blanks between.
fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Array(list) => {
            let parts = list.iter().filter_map(Value::as_str);
            parts.collect::<Vec<_>>().join(" ")
        }
        _ => return None,
    };
    let mut text = one_line(&text);
    truncate(&mut text, MOST_TEXT);
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_735_758_245_000;

    fn answer() -> GrantAnswer {
        GrantAnswer {
            token: "/data/access_token".into(),
            refresh: Some("/data/refresh_token".into()),
            expires_in: Some("/data/expires_in".into()),
            refresh_expires_in: None,
            account: Some("/data/shop_id".into()),
            scopes: Some("/data/scope".into()),
        }
    }

    fn reply(body: &str) -> Reply {
        Reply {
            status: 200,
            headers: vec![
                ("content-type".into(), "application/json".into()),
                ("set-cookie".into(), "session=abc".into()),
            ],
            body: Body::Text(body.into()),
        }
    }

    fn took(body: &str) -> (String, Found) {
        let (reply, found) = take(&answer(), reply(body), NOW_MS);
        let Body::Text(text) = reply.body else {
            return (String::new(), found);
        };
        (text, found)
    }

    fn shown(secret: Option<&Secret>) -> Option<&str> {
        secret.map(Secret::expose)
    }

    #[test]
    fn tokens_are_taken_out_and_everything_else_stays() {
        let (body, found) = took(
            r#"{"code":10000,"data":{"access_token":"a-1","refresh_token":"r-1","expires_in":604800,"shop_id":4711,"scope":["a","b"],"amount":1.50}}"#,
        );
        assert_eq!(
            body,
            r#"{"code":10000,"data":{"access_token":"[granted]","refresh_token":"[granted]","expires_in":604800,"shop_id":4711,"scope":["a","b"],"amount":1.50}}"#
        );
        assert_eq!(shown(found.token.as_ref()), Some("a-1"));
        assert_eq!(shown(found.refresh.as_ref()), Some("r-1"));
        assert_eq!(found.expires_in, Some(Duration::from_secs(604_800)));
        assert_eq!(found.account.as_deref(), Some("4711"));
        assert_eq!(found.scopes.as_deref(), Some("a b"));
        let (reply, _) = take(&answer(), reply("{}"), NOW_MS);
        assert_eq!(reply.headers.len(), 1);
    }

    /// A manifest that points past the tokens, or an answer with one more.
    #[test]
    fn a_token_that_nobody_points_to_does_not_reach_the_adapter() {
        let body = r#"{"data":[{"Access_Token":"a-1","id_token":"i-1"}],"sessionKey":"s-1","client_secret":"c-1","access_token":"t","access_token":"u"}"#;
        let (read, found) = took(body);
        assert!(found.token.is_none());
        for secret in ["a-1", "i-1", "s-1", "c-1", "\"t\"", "\"u\""] {
            assert!(!read.contains(secret), "{read}");
        }
        // What is no JSON is not read at all.
        for other in ["access_token=a-1&expires_in=5", "<t>a-1</t>", ""] {
            assert_eq!(took(other).0, "");
        }
        let bytes = Reply {
            body: Body::Bytes(b"a-1".to_vec()),
            ..reply("")
        };
        let body = take(&answer(), bytes, NOW_MS).0.body;
        assert!(matches!(body, Body::Empty));
    }

    #[test]
    fn a_place_without_a_token_gives_none() {
        for value in ["\"\"", "\" \"", "null", "{}", "[]", "true"] {
            let (_, found) = took(&format!(r#"{{"data":{{"access_token":{value}}}}}"#));
            assert!(found.token.is_none(), "{value}");
        }
        let long = "x".repeat(MOST_TOKEN + 1);
        let (read, found) = took(&format!(r#"{{"data":{{"access_token":"{long}"}}}}"#));
        assert!(found.token.is_none() && !read.contains('x'), "{read}");
    }

    #[test]
    fn lifetimes_are_seconds_or_times() {
        let of = |text: &str| {
            let value: Value = serde_json::from_str(text).expect("JSON");
            lifetime(&value, NOW_MS)
        };
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(of("7200"), seconds(7200));
        assert_eq!(of("\"7200\""), seconds(7200));
        // Documents call `expires_in` a time, and it is not.
        assert_eq!(of("530808"), seconds(530_808));
        assert_eq!(of("1735765445"), seconds(7200));
        assert_eq!(of("1735765445000"), seconds(7200));
        // Over already.
        assert_eq!(of("1735750000"), seconds(0));
        assert_eq!(of("1e300"), seconds(MOST_LIFETIME));
        for nothing in ["0", "-1", "\"soon\"", "null", "{}"] {
            assert_eq!(of(nothing), None, "{nothing}");
        }
    }
}
