//! An answer as the adapter gets it.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::CONTENT_TYPE;

use crate::http::Answer;
use crate::plugin::contract::{Body, Reply};

/// The body is text where it is, or its charset turns it into, UTF-8.
pub fn reply(answer: Answer) -> Reply {
    let body = body(&answer.headers, answer.body);
    Reply {
        status: answer.status.as_u16(),
        headers: answer
            .headers
            .iter()
            .map(|(name, value)| {
                (
                    name.as_str().to_owned(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect(),
        body,
    }
}

fn body(headers: &HeaderMap, bytes: bytes::Bytes) -> Body {
    if bytes.is_empty() {
        return Body::Empty;
    }
    if let Some(charset) = charset(headers)
        && charset != encoding_rs::UTF_8
    {
        let (text, _, broken) = charset.decode(&bytes);
        if !broken {
            return Body::Text(text.into_owned());
        }
    }
    // A byte order mark is not part of the document.
    let bytes = bytes
        .strip_prefix(b"\xef\xbb\xbf")
        .map_or(Cow::Borrowed(&bytes[..]), Cow::Borrowed);
    match std::str::from_utf8(&bytes) {
        Ok(text) => Body::Text(text.to_owned()),
        Err(_) => Body::Bytes(bytes.into_owned()),
    }
}

fn charset(headers: &HeaderMap) -> Option<&'static encoding_rs::Encoding> {
    let content_type = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let label = content_type
        .split(';')
        .skip(1)
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))?
        .1;
    encoding_rs::Encoding::for_label(label.trim().trim_matches('"').as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(content_type: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_TYPE, http::HeaderValue::from_static(content_type))])
    }

    #[test]
    fn a_body_becomes_text_where_its_charset_allows() {
        let gbk: &[u8] = b"\xb3\xc9\xb9\xa6";
        for (content_type, bytes, expected) in [
            ("application/json; charset=GBK", gbk, Some("成功")),
            ("application/json", "成功".as_bytes(), Some("成功")),
            (
                "application/json; charset=\"utf-8\"",
                b"\xef\xbb\xbf{}",
                Some("{}"),
            ),
            ("application/octet-stream", gbk, None),
        ] {
            let body = body(&typed(content_type), bytes::Bytes::copy_from_slice(bytes));
            match (body, expected) {
                (Body::Text(text), Some(expected)) => assert_eq!(text, expected),
                (Body::Bytes(_), None) => {}
                (body, expected) => panic!("{body:?} for {expected:?}"),
            }
        }
    }
}
