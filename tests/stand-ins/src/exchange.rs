//! One request and its answer, as a platform sees them.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, Method};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::check::{Breach, Violation};

/// A request below a platform's prefix, its body read to the end.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: Method,
    /// The platform's own path as it was on the wire, percent-encoding kept.
    pub path: String,
    /// What followed the question mark, as it was on the wire; empty without one.
    pub raw_query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Call {
    /// The query's pairs in their order, decoded.
    pub fn query(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.raw_query.as_bytes())
            .into_owned()
            .collect()
    }

    /// The same; a byte of the query that should have been encoded is a finding.
    pub fn checked_query(&self, violations: &mut Vec<Violation>) -> Vec<(String, String)> {
        let is_query_byte = |byte: u8| is_segment_byte(byte) || b"/?".contains(&byte);
        if decode(&self.raw_query, is_query_byte).is_none() {
            let message = "a byte of the query is not percent-encoded UTF-8";
            violations.push(Violation::new(Breach::Encoding, "query", message));
        }
        self.query()
    }

    /// A header's value, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The media type of the body without its parameters, in lower case.
    pub fn media_type(&self) -> Option<String> {
        let value = self.header("content-type")?;
        let media_type = value.split(';').next().unwrap_or_default().trim();
        Some(media_type.to_ascii_lowercase())
    }

    /// The path's segments, decoded. `None` where a segment is not encoded
    /// UTF-8 or contains a byte that RFC 3986 wants encoded.
    pub fn segments(&self) -> Option<Vec<String>> {
        self.path
            .strip_prefix('/')?
            .split('/')
            .map(decode_segment)
            .collect()
    }

    /// Looks for a piece of text in the path and query, for faults that are
    /// meant for one call of a platform only.
    pub fn mentions(&self, text: &str) -> bool {
        self.path.contains(text) || self.raw_query.contains(text)
    }
}

/// `pchar` of RFC 3986 without the percent sign.
fn is_segment_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte)
}

fn decode_segment(raw: &str) -> Option<String> {
    decode(raw, is_segment_byte)
}

/// Decodes text in which only the bytes that `stands` allows stand for themselves.
fn decode(raw: &str, stands: impl Fn(u8) -> bool) -> Option<String> {
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        let fine = match byte {
            b'%' => {
                let digits = (bytes.next(), bytes.next());
                matches!(digits, (Some(a), Some(b)) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
            }
            other => stands(other),
        };
        if !fine {
            return None;
        }
    }
    percent_decode_str(raw)
        .decode_utf8()
        .ok()
        .map(Cow::into_owned)
}

/// What a platform answers.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub content_type: Cow<'static, str>,
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
}

impl Answer {
    /// A JSON answer with HTTP 200, which all these platforms use for success
    /// and refusal alike.
    pub fn json(body: &Value) -> Self {
        Self::json_text(body.to_string())
    }

    /// The same from text that is already JSON.
    pub fn json_text(body: impl Into<Bytes>) -> Self {
        Self {
            status: 200,
            content_type: Cow::Borrowed("application/json;charset=UTF-8"),
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// A plain-text answer of the HTTP layer, for what no platform documents.
    pub fn text(status: u16, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            content_type: Cow::Borrowed("text/plain; charset=utf-8"),
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// The same answer with another HTTP status.
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(path: &str) -> Call {
        Call {
            method: Method::GET,
            path: path.to_owned(),
            raw_query: String::new(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    #[test]
    fn encoded_segments_come_out_decoded() {
        let segments = call("/t%2F1/invc/%E8%B4%A7").segments();
        assert_eq!(
            segments,
            Some(vec!["t/1".to_owned(), "invc".to_owned(), "货".to_owned()])
        );
    }

    #[test]
    fn a_segment_with_a_bare_reserved_byte_or_a_broken_escape_is_none() {
        assert_eq!(call("/货").segments(), None);
        assert_eq!(call("/a%2").segments(), None);
        assert_eq!(call("/a%ff").segments(), None);
        assert_eq!(call("/a\"b").segments(), None);
    }
}
