//! The query's parameters: who calls what, when, and the signature over it.

use std::collections::BTreeMap;

use super::{WangdianOptions, failure};
use crate::check::{Breach, Violation};
use crate::digest::md5_hex;
use crate::exchange::{Answer, Call};
use crate::platforms::{Checked, ensure};

/// The parameters by name.
pub type Query = BTreeMap<String, String>;

/// 2012-01-01 00:00:00 in China, where the platform's seconds start.
const EPOCH: i64 = 1_325_347_200;

const MANDATORY: &[&str] = &["sid", "key", "salt", "method", "v", "timestamp", "sign"];
/// Whole numbers all three.
const PAGING: &[&str] = &["page_size", "page_no", "calc_total"];

/// The query as a map; what does not belong there is listed.
pub fn read(call: &Call, violations: &mut Vec<Violation>) -> Query {
    let mut query = Query::new();
    for (name, value) in call.checked_query(violations) {
        if !MANDATORY.contains(&name.as_str()) && !PAGING.contains(&name.as_str()) {
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

/// Checks the parameters; the first failure answers. `now` is in Unix seconds.
pub fn check(query: &Query, body: &str, account: &WangdianOptions, now: i64) -> Checked<Answer> {
    let value = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    let wrong = |breach: Breach, name: &str, message: &str| {
        Violation::new(breach, format!("query/{name}"), message)
    };
    for name in MANDATORY {
        ensure(query.contains_key(*name), || {
            (
                wrong(Breach::Missing, name, "a public parameter is absent"),
                failure(1, "参数错误"),
            )
        })?;
    }
    for (name, expected, message) in [
        ("sid", &account.sid, "sid is not exists"),
        ("key", &account.key, "app auth fail"),
        ("salt", &account.salt, "验证失败"),
    ] {
        ensure(value(name) == expected, || {
            (
                wrong(Breach::Credentials, name, "not the configured account"),
                failure(1, message),
            )
        })?;
    }
    ensure(value("v") == "1.0", || {
        (
            wrong(Breach::Enumeration, "v", "not version 1.0"),
            failure(8, "版本错误"),
        )
    })?;
    // The platform reads an int: a text that is none gives Java's message.
    let timestamp = value("timestamp");
    let sent_at = timestamp.parse::<i32>().ok();
    ensure(sent_at.is_some(), || {
        let message = format!("For input string: \"{timestamp}\"");
        (
            wrong(
                Breach::Type,
                "timestamp",
                "not seconds since 2012-01-01 in China",
            ),
            failure(1, &message),
        )
    })?;
    let in_time = |at: i32| (now - EPOCH).abs_diff(i64::from(at)) <= account.tolerance;
    ensure(sent_at.is_some_and(in_time), || {
        let message = format!(
            "more than {} s from the platform's clock",
            account.tolerance
        );
        (
            wrong(Breach::Time, "timestamp", &message),
            failure(7, "时间戳错误"),
        )
    })?;
    ensure(value("sign") == sign(query, body, &account.secret), || {
        let message = "not the MD5 of secret, sorted parameters with the body, and secret";
        (
            wrong(Breach::Signature, "sign", message),
            failure(1, "验证失败"),
        )
    })?;
    for name in PAGING {
        ensure(
            query
                .get(*name)
                .is_none_or(|value| value.parse::<u32>().is_ok()),
            || {
                (
                    wrong(Breach::Type, name, "not a whole number"),
                    failure(1, "argument type mismatch"),
                )
            },
        )?;
    }
    Ok(())
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
