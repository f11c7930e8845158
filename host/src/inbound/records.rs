//! A webhook's body to records.

use std::borrow::Cow;
use std::collections::HashMap;

use crossdock_store::limits;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Record;
use crate::config::{WebhookKey, WebhookSource};
use crate::json_failure;
use crate::problem::Problem;
use crate::text::without_mark;

/// Longest key of a record.
pub const MOST_KEY_BYTES: usize = 256;

/// The records of a body, as the flow's setting finds them. Numbers keep their
/// digits.
///
/// # Errors
/// The body is no JSON, there are no records where they should be, or one has no
/// key.
pub fn records(
    source: &WebhookSource,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Vec<Record>, Problem> {
    let text = std::str::from_utf8(without_mark(body)).map_err(|error| {
        let at = error.valid_up_to();
        Problem::caller(
            "invalid-json",
            format!("the body is not UTF-8 at byte {at}"),
        )
    })?;
    // Read as a value first: that bounds its depth.
    let not_json = |error: serde_json::Error| {
        let why = json_failure::sentence(&error);
        Problem::caller("invalid-json", format!("the body is not JSON: {why}"))
    };
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(not_json)?;
    let whole: &RawValue = serde_json::from_str(text).map_err(not_json)?;
    let found = match &source.records {
        None => whole,
        Some(pointer) => at(whole, pointer).ok_or_else(|| {
            Problem::caller(
                "webhook-records-missing",
                format!("the body has nothing at `{pointer}`, where the flow's `records` says that its records are"),
            )
            .at(pointer.clone())
        })?,
    };
    let list: Vec<&RawValue> = match found.get().starts_with('[') {
        true => serde_json::from_str(found.get()).map_err(not_json)?,
        false => vec![found],
    };
    if list.len() > limits::FLOW_BATCH {
        let detail = format!(
            "{} records in one body, at most {} are allowed",
            list.len(),
            limits::FLOW_BATCH
        );
        return Err(Problem::caller("too-many-items", detail));
    }
    let single = list.len() == 1;
    let records = list.into_iter().enumerate().map(|(index, record)| {
        Ok(Record {
            key: key(source.key.as_ref(), headers, record, index, single)?,
            body: record.get().to_owned(),
        })
    });
    records.collect()
}

fn key(
    rule: Option<&WebhookKey>,
    headers: &HeaderMap,
    record: &RawValue,
    index: usize,
    single: bool,
) -> Result<Option<Vec<u8>>, Problem> {
    let wrong = |what: String| Problem::caller("webhook-key-missing", what).item(index);
    let key = match rule {
        None => return Ok(None),
        Some(WebhookKey::Pointer(pointer)) => {
            let text = at(record, pointer).map(RawValue::get);
            let text = text.and_then(|text| match text.as_bytes().first() {
                Some(b'"') => serde_json::from_str::<String>(text).ok(),
                Some(b'-' | b'0'..=b'9') => Some(text.to_owned()),
                _ => None,
            });
            text.ok_or_else(|| {
                wrong(format!(
                    "record {index} has no string and no number at `{pointer}`, where the flow's `key` says that its key is"
                ))
            })?
        }
        Some(WebhookKey::Header(name)) => {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            let value = value.ok_or_else(|| {
                wrong(format!(
                    "the request has no header `{name}`, in which the flow's `key_header` says that its key is"
                ))
            })?;
            match single {
                true => value.to_owned(),
                false => format!("{value}\n{index}"),
            }
        }
    };
    if key.is_empty() || key.len() > MOST_KEY_BYTES {
        return Err(wrong(format!(
            "record {index} has a key that is empty or longer than {MOST_KEY_BYTES} bytes"
        )));
    }
    Ok(Some(key.into_bytes()))
}

/// An object's member, with its text as it is.
#[derive(Deserialize)]
struct Members<'a>(#[serde(borrow)] HashMap<Cow<'a, str>, &'a RawValue>);

/// What is at a pointer (RFC 6901), with its text as it is.
pub fn at<'v>(value: &'v RawValue, pointer: &str) -> Option<&'v RawValue> {
    let mut current = value;
    for segment in pointer.split('/').skip(1) {
        let segment = segment.replace("~1", "/").replace("~0", "~");
        let text = current.get();
        current = match text.as_bytes().first()? {
            b'{' => {
                let members: Members = serde_json::from_str(text).ok()?;
                *members.0.get(&*segment)?
            }
            b'[' => {
                let elements: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                *elements.get(segment.parse::<usize>().ok()?)?
            }
            _ => return None,
        };
    }
    Some(current)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;
    use crate::config::WebhookGate;

    fn source(records: Option<&str>, key: Option<WebhookKey>) -> WebhookSource {
        WebhookSource {
            gate: WebhookGate::Bearer,
            records: records.map(str::to_owned),
            key,
        }
    }

    fn pointer(key: &str) -> Option<WebhookKey> {
        Some(WebhookKey::Pointer(key.into()))
    }

    fn read(source: &WebhookSource, body: &str) -> Vec<(Option<String>, String)> {
        let mut headers = HeaderMap::new();
        headers.insert("x-id", HeaderValue::from_static("e-1"));
        let records = records(source, &headers, body.as_bytes()).unwrap();
        let text = |key: Vec<u8>| String::from_utf8(key).unwrap();
        let records = records.into_iter();
        records.map(|it| (it.key.map(text), it.body)).collect()
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn records_keep_their_digits_and_have_the_keys_that_the_setting_finds() {
        let body = r#"{"data":{"a/b":[{"id":12345678901234567890,"n":1.500},{"id":"x"}]}}"#;
        assert_eq!(
            read(&source(Some("/data/a~1b"), pointer("/id")), body),
            [
                (
                    some("12345678901234567890"),
                    r#"{"id":12345678901234567890,"n":1.500}"#.to_owned()
                ),
                (some("x"), r#"{"id":"x"}"#.to_owned()),
            ]
        );
        let header = || Some(WebhookKey::Header(HeaderName::from_static("x-id")));
        let one = read(&source(None, header()), "{}");
        assert_eq!(one, [(some("e-1"), "{}".to_owned())]);
        let two = read(&source(None, header()), "[{},{}]");
        let keys: Vec<_> = two.into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, [some("e-1\n0"), some("e-1\n1")]);
        assert!(read(&source(None, None), "[]").is_empty());
        assert_eq!(read(&source(Some("/1"), None), "[1,{}]")[0].1, "{}");
    }

    #[test]
    fn what_has_no_records_or_no_key_is_refused_with_its_place() {
        let refused = |source: WebhookSource, body: &str| {
            records(&source, &HeaderMap::new(), body.as_bytes()).unwrap_err()
        };
        let problem = refused(source(Some("/items"), None), "{\"data\":[]}");
        assert_eq!(problem.code, "webhook-records-missing");
        assert_eq!(problem.pointer.as_deref(), Some("/items"));
        for body in [
            "[{\"id\":1},{}]",
            "[{\"id\":1},{\"id\":null}]",
            "[{\"id\":1},{\"id\":\"\"}]",
        ] {
            let problem = refused(source(None, pointer("/id")), body);
            assert_eq!(
                (&*problem.code, problem.item),
                ("webhook-key-missing", Some(1))
            );
        }
        let header = Some(WebhookKey::Header(HeaderName::from_static("x-id")));
        assert_eq!(
            refused(source(None, header), "{}").code,
            "webhook-key-missing"
        );
        for body in ["", "{", "nonsense", &"[".repeat(100_000)] {
            assert_eq!(refused(source(None, None), body).code, "invalid-json");
        }
    }
}
