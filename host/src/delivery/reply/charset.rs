//! Which characters an answer's bytes are.
//!
//! Labels lie: gateways add a charset that the application behind them does
//! not write, and older platforms write GBK and say nothing. What the bytes
//! themselves prove comes first, then the label, then what such platforms
//! usually mean:
//!
//! | bytes | read as |
//! |---|---|
//! | a byte order mark of UTF-8, UTF-16LE or UTF-16BE | that, without the mark |
//! | UTF-8, under no label or that of a charset that has ASCII's bytes | UTF-8: text of another charset is UTF-8 by accident only where it is very short |
//! | UTF-8 that is JSON, under any other label (UTF-16, ISO-2022-JP) | UTF-8 |
//! | what the label's charset has no error in | the label's |
//! | every second byte of the first four is 0 | UTF-16, as RFC 4627 finds it |
//! | UTF-8 but for a few bytes: a character cut in two | UTF-8, U+FFFD for these |
//! | GBK (GB 18030) without an error, of a text type, of none, or JSON | GBK |
//! | JSON, if broken characters of the label's charset, or of GBK, become U+FFFD | that |
//! | anything else | no text |

use encoding_rs::{Encoding, GB18030, UTF_8, UTF_16BE, UTF_16LE};
use http::HeaderMap;
use http::header::CONTENT_TYPE;

/// An answer's text; `None` if it is none.
pub fn text(headers: &HeaderMap, bytes: &[u8]) -> Option<String> {
    if let Some((charset, mark)) = Encoding::for_bom(bytes) {
        return decoded(charset, &bytes[mark..]).or_else(|| nearly_utf8(&bytes[mark..]));
    }
    let content_type = content_type(headers);
    let label = content_type.and_then(charset).filter(|it| *it != UTF_8);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let utf8 = match label {
            None => utf16_by_zeros(bytes).is_none(),
            Some(label) if label.is_ascii_compatible() => true,
            Some(_) => is_json(text),
        };
        if utf8 {
            return Some(text.to_owned());
        }
    }
    if let Some(text) = label.and_then(|label| decoded(label, bytes)) {
        return Some(text);
    }
    if let Some(text) = utf16_by_zeros(bytes).and_then(|utf16| decoded(utf16, bytes)) {
        return Some(text);
    }
    if let Some(text) = nearly_utf8(bytes) {
        return Some(text);
    }
    if let Some(text) = decoded(GB18030, bytes)
        && (content_type.is_none_or(is_textual) || is_json(&text))
    {
        return Some(text);
    }
    [label, Some(GB18030)]
        .into_iter()
        .flatten()
        .map(|charset| charset.decode_without_bom_handling(bytes).0.into_owned())
        .find(|text| is_json(text))
}

fn decoded(charset: &'static Encoding, bytes: &[u8]) -> Option<String> {
    let text = charset.decode_without_bom_handling_and_without_replacement(bytes)?;
    Some(text.into_owned())
}

/// UTF-8 of which a few characters are broken: fewer than half as many as the
/// whole ones beyond ASCII. GBK looks the other way round.
fn nearly_utf8(bytes: &[u8]) -> Option<String> {
    let (mut whole, mut broken) = (0, 0);
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        whole += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
            broken += 1;
        }
    }
    (broken * 2 < whole).then_some(text)
}

/// JSON begins with two characters of ASCII, so UTF-16 shows in its zeros.
fn utf16_by_zeros(bytes: &[u8]) -> Option<&'static Encoding> {
    match *bytes.first_chunk::<4>()? {
        [a, 0, b, 0] if a != 0 && b != 0 => Some(UTF_16LE),
        [0, a, 0, b] if a != 0 && b != 0 => Some(UTF_16BE),
        _ => None,
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(CONTENT_TYPE)?.to_str().ok()
}

/// Types whose content people can read. Others hold GBK by accident only.
fn is_textual(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    essence.is_empty()
        || essence.starts_with("text/")
        || ["json", "xml", "html", "javascript", "x-www-form-urlencoded"]
            .iter()
            .any(|kind| essence.contains(kind))
}

fn charset(content_type: &str) -> Option<&'static Encoding> {
    let label = content_type
        .split(';')
        .skip(1)
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))?
        .1;
    let label = label.trim().trim_matches(['"', '\'']);
    Encoding::for_label(label.as_bytes())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(content_type: &'static str, bytes: &[u8]) -> Option<String> {
        let mut headers = HeaderMap::new();
        if !content_type.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        text(&headers, bytes)
    }

    fn utf16(text: &str, big: bool) -> Vec<u8> {
        let bytes = |unit: u16| {
            if big {
                unit.to_be_bytes()
            } else {
                unit.to_le_bytes()
            }
        };
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn an_answer_that_is_readable_is_read_whatever_its_label() {
        const JSON: &str = r#"{"code":5,"msg":"库存不足"}"#;
        let gbk = encoding_rs::GBK.encode(JSON).0.into_owned();
        let utf8 = JSON.as_bytes();
        let bom = [b"\xef\xbb\xbf", utf8].concat();
        let le = utf16(JSON, false);
        let be = utf16(JSON, true);
        let bom_le = [&b"\xff\xfe"[..], &le].concat();
        let bom_be = [&b"\xfe\xff"[..], &be].concat();
        for (content_type, bytes) in [
            // UTF-8 under every kind of label.
            ("application/json", utf8),
            ("", utf8),
            ("application/json; charset=\"utf-8\"", utf8),
            ("application/json;charset=GBK", utf8),
            ("application/json;charset=gb2312", utf8),
            ("application/json;charset=ISO-8859-1", utf8),
            ("application/json;charset=windows-1252", utf8),
            ("application/json;charset=utf-16", utf8),
            ("application/json;charset=nonsense", utf8),
            ("application/octet-stream", utf8),
            // With a mark, which outranks the label.
            ("application/json", &bom),
            ("application/json;charset=GBK", &bom),
            ("application/json;charset=GBK", &bom_le),
            ("application/json", &bom_be),
            // GBK, labelled or not, or mislabelled.
            ("application/json;charset=GBK", &gbk),
            ("application/json;charset='gbk'", &gbk),
            ("application/json;charset=GB18030", &gbk),
            ("application/json", &gbk),
            ("", &gbk),
            ("text/html;charset=utf-8", &gbk),
            ("application/octet-stream", &gbk),
            // UTF-16, labelled or not.
            ("application/json;charset=utf-16le", &le),
            ("application/json;charset=utf-16be", &be),
            ("application/json", &le),
            ("application/json;charset=utf-8", &be),
        ] {
            let found = read(content_type, bytes);
            assert_eq!(found.as_deref(), Some(JSON), "{content_type} {bytes:x?}");
        }
    }

    #[test]
    fn a_broken_character_costs_itself() {
        let utf8 = "{\"code\":5,\"msg\":\"库存不足\"}".as_bytes();
        let cut = [&utf8[..utf8.len() - 3], &utf8[utf8.len() - 2..]].concat();
        for content_type in ["application/json", "", "application/json;charset=utf-8"] {
            assert_eq!(
                read(content_type, &cut).as_deref(),
                Some("{\"code\":5,\"msg\":\"库存不\u{fffd}\"}"),
                "{content_type}"
            );
        }
        let gbk = b"{\"code\":5,\"msg\":\"\xbf\xe2\xb4\xe6\xb2\"}";
        for content_type in ["application/json;charset=GBK", "application/json"] {
            assert_eq!(
                read(content_type, gbk).as_deref(),
                Some("{\"code\":5,\"msg\":\"库存\u{fffd}\"}"),
                "{content_type}"
            );
        }
    }

    #[test]
    fn pages_are_text_too_and_what_is_none_stays_bytes() {
        let page = encoding_rs::GBK.encode("<p>访问被阻断</p>").0.into_owned();
        for (content_type, bytes, expected) in [
            ("text/html", &page[..], Some("<p>访问被阻断</p>")),
            ("text/html;charset=GBK", &page, Some("<p>访问被阻断</p>")),
            ("text/html;charset=iso-8859-1", b"caf\xe9", Some("café")),
            (
                "text/html;charset=iso-8859-1",
                "café".as_bytes(),
                Some("café"),
            ),
            ("application/octet-stream", &page, None),
            ("image/png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", None),
            ("application/json", b"\xff\xff\xff\xff", None),
        ] {
            let found = read(content_type, bytes);
            assert_eq!(found.as_deref(), expected, "{content_type}");
        }
    }
}
