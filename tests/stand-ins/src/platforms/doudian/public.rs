//! The query's parameters: who calls what, when, and the signature over it.

use std::collections::BTreeMap;

use super::DoudianOptions;
use super::refused::Refused;
use super::tokens::Known;
use crate::check::{Breach, Violation};
use crate::digest::{hmac_sha256_hex, md5_hex};
use crate::exchange::Call;
use crate::platforms::{Checked, ensure};
use crate::time;

/// The parameters by name.
pub type Query = BTreeMap<String, String>;

/// Mandatory ones, with what their absence is answered.
const MANDATORY: &[(&str, &str, &str)] = &[
    ("app_key", "isv.app-id-missing", "认证失败，app_key不存在"),
    (
        "access_token",
        "isv.access-token-missing",
        "认证失败，access_token不能为空",
    ),
    (
        "sign",
        "isv.signature-missing",
        "获取签名失败，请根据文档确保参数拼装正确",
    ),
    ("method", "isv.parameter-missing", "缺少参数"),
    ("timestamp", "isv.parameter-missing", "缺少参数"),
    ("v", "isv.parameter-missing", "缺少参数"),
];
const TOKEN: &str = "access_token";
const OPTIONAL: &str = "sign_method";

/// The query as a map; what does not belong there is listed.
pub fn read(call: &Call, violations: &mut Vec<Violation>) -> Query {
    let mut query = Query::new();
    for (name, value) in call.checked_query(violations) {
        if name != OPTIONAL && !MANDATORY.iter().any(|(known, _, _)| *known == name) {
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
    query
}

/// What the parameters are held to.
#[derive(Clone, Copy)]
pub struct Wanted<'w> {
    pub account: &'w DoudianOptions,
    /// The call's method.
    pub method: &'static str,
    /// How tokens are known; nothing for a call that needs none.
    pub token: Option<&'w dyn Fn(&str) -> Known>,
}

/// Checks the parameters in the platform's order; the first failure answers.
pub fn check(query: &Query, body: &str, wanted: Wanted<'_>, now: i64) -> Checked<Refused> {
    let Wanted {
        account,
        method,
        token,
    } = wanted;
    let value = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    let wrong = |breach: Breach, name: &str, message: &str| {
        Violation::new(breach, format!("query/{name}"), message)
    };
    for (name, sub_code, sub_msg) in MANDATORY {
        if token.is_none() && *name == TOKEN {
            continue;
        }
        ensure(!value(name).is_empty(), || {
            (
                wrong(Breach::Missing, name, "a public parameter is absent"),
                Refused::new(40001, sub_code, sub_msg),
            )
        })?;
    }
    ensure(value("app_key") == account.app_key, || {
        let sub_msg = "认证失败，app_key格式不正确，应为19位纯数字";
        let refused = Refused::new(40003, "isv.app-id-invalid", sub_msg);
        (
            wrong(Breach::Credentials, "app_key", "no such app"),
            refused,
        )
    })?;
    let known = token.map_or(Known::Live, |know| know(value(TOKEN)));
    ensure(known == Known::Live, || {
        let (sub_code, sub_msg, message) = match known {
            Known::Over => (
                "isv.access-token-expired",
                "access_token已过期",
                "a token that is over",
            ),
            _ => (
                "isv.access-token-no-existed",
                "access_token不存在，请使用最新的access_token访问",
                "no such token",
            ),
        };
        let refused = Refused::new(40003, sub_code, sub_msg);
        (wrong(Breach::Credentials, TOKEN, message), refused)
    })?;
    for (name, allowed) in [
        ("method", [method].as_slice()),
        ("v", &["2"]),
        (OPTIONAL, &["", "md5", "hmac-sha256"]),
    ] {
        ensure(allowed.contains(&value(name)), || {
            let message = format!("not one of {allowed:?}");
            (
                wrong(Breach::Enumeration, name, &message),
                Refused::public_parameter_invalid(),
            )
        })?;
    }
    let timestamp = value("timestamp");
    let sent_at = timestamp
        .parse()
        .ok()
        .or_else(|| time::parse_china(timestamp));
    ensure(sent_at.is_some(), || {
        let refused = Refused::new(40003, "isv.timestamp-format-error", "时间戳格式错误");
        (
            wrong(
                Breach::Type,
                "timestamp",
                "neither yyyy-MM-dd HH:mm:ss nor Unix seconds",
            ),
            refused,
        )
    })?;
    ensure(
        sent_at.is_some_and(|at: i64| now.abs_diff(at) <= account.tolerance),
        || {
            let message = format!(
                "more than {} s from the platform's clock",
                account.tolerance
            );
            let refused = Refused::new(40003, "isv.timestamp-invalid", "时间戳不合法");
            (wrong(Breach::Time, "timestamp", &message), refused)
        },
    )?;
    ensure(value("sign") == sign(query, body, &account.secret), || {
        let message =
            "not the digest of secret, app_key, method, param_json, timestamp, v and secret";
        (
            wrong(Breach::Signature, "sign", message),
            Refused::signature_invalid(),
        )
    })
}

fn sign(query: &Query, body: &str, secret: &str) -> String {
    let value = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    let text = format!(
        "{secret}app_key{}method{}param_json{body}timestamp{}v{}{secret}",
        value("app_key"),
        value("method"),
        value("timestamp"),
        value("v"),
    );
    match value(OPTIONAL) {
        "hmac-sha256" => hmac_sha256_hex(secret, &text),
        _ => md5_hex(&text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first from a third party's test, the second computed.
    #[test]
    fn the_known_signatures_come_out() {
        let pairs = [
            ("app_key", "app-key"),
            ("method", "product.detail"),
            ("timestamp", "2025-01-02 03:04:05"),
            ("v", "2"),
            ("sign_method", "hmac-sha256"),
        ];
        let mut query: Query = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let body = r#"{"a":1,"b":2}"#;
        let expected = "4eaefa2d3044c9f9711928edc8cfe5df1b7a8fd2d79d5d62866c79bbc4a09f2a";
        assert_eq!(sign(&query, body, "secret"), expected);
        query.remove("sign_method");
        assert_eq!(
            sign(&query, body, "secret"),
            "0f859a7475d5f9fb52a9b319ceba8db4"
        );
    }
}
