//! What the query and the headers of a call ask for.

use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderName};
use axum::http::{HeaderMap, StatusCode};

use super::problem::Refused;
use crate::problem::Problem;

/// Longest `Idempotency-Key`.
const MOST_KEY_BYTES: usize = 255;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Headers of which a second one contradicts the first.
const SINGLE: [HeaderName; 3] = [HOST, AUTHORIZATION, CONTENT_TYPE];

/// What the query asks for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Options {
    pub dry_run: bool,
    /// Nothing where the connection's own setting decides.
    pub queue: Option<bool>,
}

impl Options {
    /// Reads a query. A parameter that is not known is refused, and so is one
    /// that is there twice: whoever mistypes or contradicts `dry_run` must not
    /// send for real.
    pub fn read(query: &str) -> Result<Self, Refused> {
        let (mut dry_run, mut queue) = (None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, "true"));
            let option = match name {
                "dry_run" => &mut dry_run,
                "queue" => &mut queue,
                _ => {
                    return Err(Refused::bad_request(
                        "invalid-query",
                        "the query has a parameter that is not known; `dry_run` and `queue` are",
                    ));
                }
            };
            let value = match value {
                "true" => true,
                "false" => false,
                _ => {
                    return Err(Refused::bad_request(
                        "invalid-query",
                        format!("`{name}` must be `true` or `false`"),
                    ));
                }
            };
            if option.replace(value).is_some() {
                return Err(Refused::bad_request(
                    "invalid-query",
                    format!("`{name}` is in the query twice; write it once"),
                ));
            }
        }
        Ok(Self {
            dry_run: dry_run.unwrap_or_default(),
            queue,
        })
    }
}

/// Refuses a header that is there twice and can only be meant once.
pub(super) fn single(headers: &HeaderMap) -> Result<(), Refused> {
    for name in &SINGLE {
        if headers.get_all(name).iter().nth(1).is_some() {
            return Err(Refused::bad_request(
                "repeated-header",
                format!("the request has `{name}` more than once; send it once"),
            ));
        }
    }
    Ok(())
}

pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Refused> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(key) if !key.is_empty() && key.len() <= MOST_KEY_BYTES && values.next().is_none() => {
            Ok(Some(key.to_owned()))
        }
        _ => Err(Refused::bad_request(
            "invalid-idempotency-key",
            format!(
                "`Idempotency-Key` must be there once, with 1 to {MOST_KEY_BYTES} printable ASCII characters"
            ),
        )),
    }
}

/// How a body has its items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As one JSON document.
    Json,
    /// One a line.
    Lines,
}

/// What one item a line is called.
const LINES: [&str; 3] = [
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
];

/// `application/json`, anything `+json`, or nothing at all; or one of the names of
/// NDJSON.
pub(super) fn content_type(headers: &HeaderMap) -> Result<Form, Refused> {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Ok(Form::Json);
    };
    if value == "application/json" {
        return Ok(Form::Json);
    }
    let essence = value
        .to_str()
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let structured = essence.starts_with("application/") && essence.ends_with("+json");
    if essence == "application/json" || structured {
        return Ok(Form::Json);
    }
    if LINES.contains(&&*essence) {
        return Ok(Form::Lines);
    }
    Err(Refused::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Problem::caller(
            "unsupported-media-type",
            "the body must be JSON: send `Content-Type: application/json`, or `application/x-ndjson` for one item a line",
        ),
    ))
}

/// Whether the body is packed with gzip, which is the one coding that is taken.
pub(super) fn is_gzip(headers: &HeaderMap) -> Result<bool, Refused> {
    let mut gzip = false;
    for value in headers.get_all(CONTENT_ENCODING) {
        let codings = value.to_str().unwrap_or("?").split(',').map(str::trim);
        for coding in codings.filter(|coding| !coding.is_empty()) {
            let known = ["gzip", "x-gzip"]
                .iter()
                .any(|name| coding.eq_ignore_ascii_case(name));
            if known && !gzip {
                gzip = true;
            } else if !coding.eq_ignore_ascii_case("identity") {
                return Err(Refused::new(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    Problem::caller(
                        "unsupported-content-encoding",
                        "the body's `Content-Encoding` cannot be undone; send the body as it is, or packed once with `gzip`",
                    ),
                ));
            }
        }
    }
    Ok(gzip)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn a_mistyped_parameter_never_sends_for_real() {
        let dry = Options::read("dry_run=true").unwrap();
        assert!(dry.dry_run && dry.queue.is_none());
        assert!(Options::read("dry_run").unwrap().dry_run);
        assert_eq!(Options::read("").unwrap(), Options::default());
        assert_eq!(Options::read("dry_run=false").unwrap(), Options::default());
        for query in [
            "dryrun=true",
            "dry_run=yes",
            "dry_run=",
            "x",
            "dry%5Frun=true",
        ] {
            let refused = Options::read(query).unwrap_err();
            assert_eq!(refused.problem.code, "invalid-query", "{query}");
        }
    }

    #[test]
    fn a_parameter_given_twice_never_sends_for_real() {
        for query in [
            "dry_run=true&dry_run=false",
            "dry_run=true&dry_run=true",
            "dry_run&dry_run=false",
            "dry_run=false&&dry_run",
            "queue=false&dry_run=true&queue=false",
        ] {
            let refused = Options::read(query).unwrap_err();
            assert_eq!(refused.problem.code, "invalid-query", "{query}");
            assert!(refused.problem.detail.contains("twice"), "{query}");
        }
    }

    #[test]
    fn a_body_may_be_called_json_or_nothing() {
        for (value, accepted) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/vnd.acme.stock+json", true),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("text/json", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(value));
            assert_eq!(content_type(&headers).is_ok(), accepted, "{value}");
        }
        assert!(content_type(&HeaderMap::new()).is_ok());
    }

    #[test]
    fn a_coding_is_gzip_once_or_none() {
        let coding = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_ENCODING, HeaderValue::from_static(value));
            }
            is_gzip(&headers).map_err(|refused| refused.status.as_u16())
        };
        for (values, expected) in [
            (&[][..], Ok(false)),
            (&["identity"], Ok(false)),
            (&["gzip"], Ok(true)),
            (&["X-GZIP, identity"], Ok(true)),
            (&["br"], Err(415)),
            (&["gzip, gzip"], Err(415)),
            (&["gzip", "deflate"], Err(415)),
        ] {
            assert_eq!(coding(values), expected, "{values:?}");
        }
    }
}
