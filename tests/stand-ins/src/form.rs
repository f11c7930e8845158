//! Form bodies: url-encoded, and multipart with text parts.

use crate::check::{Breach, Violation};
use crate::exchange::Call;

/// Parts of one form; no document comes near.
const MOST_PARTS: usize = 200;

/// The fields of a form in their order.
///
/// # Errors
/// The body is no form, or not the form its content type says.
pub fn parse(call: &Call) -> Result<Vec<(String, String)>, Violation> {
    match call.media_type().as_deref() {
        Some("application/x-www-form-urlencoded") => url_encoded(&call.body),
        Some("multipart/form-data") => {
            let content_type = call.header("content-type").unwrap_or_default();
            let boundary = boundary(content_type).ok_or_else(|| {
                Violation::new(Breach::ContentType, "header/content-type", "no boundary")
            })?;
            let text =
                std::str::from_utf8(&call.body).map_err(|_| syntax("the form is not UTF-8"))?;
            multipart(text, &boundary).ok_or_else(|| syntax("no multipart form of text parts"))
        }
        _ => {
            let message = "neither multipart/form-data nor application/x-www-form-urlencoded";
            Err(Violation::new(
                Breach::ContentType,
                "header/content-type",
                message,
            ))
        }
    }
}

fn syntax(message: &str) -> Violation {
    Violation::new(Breach::Syntax, "", message)
}

fn url_encoded(body: &[u8]) -> Result<Vec<(String, String)>, Violation> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"*-._+&=%~".contains(byte);
    if !body.iter().all(plain) {
        return Err(Violation::new(
            Breach::Encoding,
            "",
            "a byte of the form is not url-encoded",
        ));
    }
    let fields: Vec<_> = url::form_urlencoded::parse(body)
        .into_owned()
        .take(MOST_PARTS)
        .collect();
    if fields
        .iter()
        .any(|(name, value)| name.contains('\u{fffd}') || value.contains('\u{fffd}'))
    {
        return Err(Violation::new(
            Breach::Encoding,
            "",
            "the form is not UTF-8",
        ));
    }
    Ok(fields)
}

fn boundary(content_type: &str) -> Option<String> {
    let mut parameters = content_type.split(';').skip(1);
    parameters.find_map(|parameter| {
        let (name, value) = parameter.trim().split_once('=')?;
        name.eq_ignore_ascii_case("boundary")
            .then(|| value.trim_matches('"').to_owned())
    })
}

/// RFC 7578 with text parts only: a file name makes it no form of these documents.
fn multipart(text: &str, boundary: &str) -> Option<Vec<(String, String)>> {
    let delimiter = format!("\r\n--{boundary}");
    let mut rest = text.strip_prefix(&delimiter[2..])?;
    let mut fields = Vec::new();
    loop {
        if let Some(end) = rest.strip_prefix("--") {
            return end.trim_matches(['\r', '\n']).is_empty().then_some(fields);
        }
        let part = rest.strip_prefix("\r\n")?;
        let (part, after) = part.split_once(&delimiter)?;
        let (head, value) = part.split_once("\r\n\r\n")?;
        fields.push((part_name(head)?, value.to_owned()));
        if fields.len() > MOST_PARTS {
            return None;
        }
        rest = after;
    }
}

fn part_name(head: &str) -> Option<String> {
    let disposition = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-disposition")
            .then_some(value)
    })?;
    let mut parameters = disposition.split(';').map(str::trim);
    if parameters.next() != Some("form-data") {
        return None;
    }
    let mut name = None;
    for parameter in parameters {
        match parameter.split_once('=')? {
            ("name", value) => name = Some(value.trim_matches('"').to_owned()),
            _ => return None,
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, Method};

    use super::*;

    fn call(content_type: &'static str, body: &'static str) -> Call {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static(content_type));
        Call {
            method: Method::POST,
            path: "/".to_owned(),
            raw_query: String::new(),
            headers,
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn both_kinds_of_form_give_the_same_fields() {
        let expected = pairs(&[("code", "白 1"), ("stock_num", "-5")]);
        let encoded = call(
            "application/x-www-form-urlencoded",
            "code=%E7%99%BD+1&stock_num=-5",
        );
        assert_eq!(parse(&encoded).ok(), Some(expected.clone()));
        let parts = call(
            "multipart/form-data; boundary=\"b-1\"",
            "--b-1\r\nContent-Disposition: form-data; name=\"code\"\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\n\
             白 1\r\n--b-1\r\ncontent-disposition: form-data; name=\"stock_num\"\r\n\r\n-5\r\n--b-1--\r\n",
        );
        assert_eq!(parse(&parts).ok(), Some(expected));
    }

    #[test]
    fn what_is_no_form_is_said_to_be_none() {
        let breach = |content_type, body| {
            parse(&call(content_type, body))
                .err()
                .map(|violation| violation.breach)
        };
        assert_eq!(breach("application/json", "{}"), Some(Breach::ContentType));
        assert_eq!(
            breach("multipart/form-data", "--x--"),
            Some(Breach::ContentType)
        );
        assert_eq!(
            breach("multipart/form-data; boundary=x", "--x\r\n\r\n"),
            Some(Breach::Syntax)
        );
        assert_eq!(
            breach("application/x-www-form-urlencoded", "a=白"),
            Some(Breach::Encoding)
        );
        assert_eq!(
            breach("application/x-www-form-urlencoded", "a=%ff"),
            Some(Breach::Encoding)
        );
    }
}
