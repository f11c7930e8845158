//! An answer as the adapter gets it.

mod charset;
mod surrogate;

use crate::http::Answer;
use crate::plugin::contract::{Body, Reply};
use crate::redact::Redactor;

/// Characters of an unreadable answer that are shown.
const SHOWN_CHARS: usize = 300;

/// Bytes of it that are looked through for them.
const SHOWN_BYTES: usize = 4 << 10;

/// Bytes that are read as text for that: with room for a secret at the end of
/// those that are looked through.
const READ_BYTES: usize = 64 << 10;

/// The body is text wherever it can be read as text: see `charset::text`.
pub fn reply(answer: Answer) -> Reply {
    let body = match charset::text(&answer.headers, &answer.body) {
        _ if answer.body.is_empty() => Body::Empty,
        Some(text) => Body::Text(surrogate::mended(text)),
        None => Body::Bytes(answer.body.to_vec()),
    };
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

/// The beginning of an answer that could not be read, without secrets and on
/// one line: a gateway's page says whom to ask. `None` for an empty one.
pub fn beginning(body: &Body, redaction: &Redactor) -> Option<String> {
    let whole = match body {
        Body::Empty => return None,
        Body::Text(text) => text.as_bytes(),
        Body::Bytes(bytes) => bytes,
    };
    let head = String::from_utf8_lossy(&whole[..whole.len().min(READ_BYTES)]);
    let clean = redaction.start_of(&head, SHOWN_BYTES);
    let mut shown = String::new();
    let mut chars = 0;
    let (looked_at, mut more) = match clean.strip_suffix('…') {
        Some(start) => (start, true),
        None => (&*clean, whole.len() > head.len()),
    };
    let words = looked_at.split(|c: char| c.is_whitespace() || c.is_control());
    'words: for word in words.filter(|word| !word.is_empty()) {
        if chars > 0 {
            shown.push(' ');
            chars += 1;
        }
        for character in word.chars() {
            if chars >= SHOWN_CHARS {
                more = true;
                break 'words;
            }
            shown.push(character);
            chars += 1;
        }
    }
    if shown.is_empty() {
        return None;
    }
    if more {
        shown.push('…');
    }
    Some(shown)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, StatusCode, header::CONTENT_TYPE};

    use super::*;

    fn read(content_type: &'static str, bytes: &[u8]) -> Body {
        let headers =
            HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        reply(Answer {
            status: StatusCode::OK,
            headers,
            body: bytes::Bytes::copy_from_slice(bytes),
            elapsed: std::time::Duration::ZERO,
        })
        .body
    }

    #[test]
    fn half_a_surrogate_pair_costs_one_character_and_not_the_message() {
        let body = read("application/json", br#"{"msg":"no\ud83d","n":1.50}"#);
        let Body::Text(text) = body else {
            panic!("{body:?}");
        };
        assert_eq!(text, r#"{"msg":"no\ufffd","n":1.50}"#);
    }

    #[test]
    fn an_empty_answer_is_empty_whatever_its_charset() {
        for content_type in ["application/json", "text/plain;charset=utf-16"] {
            assert!(matches!(read(content_type, b""), Body::Empty));
        }
    }

    #[test]
    fn the_beginning_of_an_answer_is_one_bounded_line_without_secrets() {
        let secret = crate::config::Secret::new("sesame-4711".to_owned());
        let redaction = Redactor::new([("token".to_owned(), secret)].into_iter());
        let shown = |body: &Body| beginning(body, &redaction);
        assert_eq!(shown(&Body::Empty), None);
        assert_eq!(shown(&Body::Text(" \r\n ".into())), None);
        assert_eq!(
            shown(&Body::Text(
                "<html>\n\t<b>访问\u{1b}[31m被阻断</b> sesame-4711\0!".into()
            ))
            .as_deref(),
            Some("<html> <b>访问 [31m被阻断</b> «token» !")
        );
        assert_eq!(
            shown(&Body::Bytes(b"caf\xe9 au lait".to_vec())).as_deref(),
            Some("caf\u{fffd} au lait")
        );
        let long = shown(&Body::Text("库".repeat(10_000))).expect("something");
        assert_eq!(long, format!("{}…", "库".repeat(SHOWN_CHARS)));
        // White space is no way to bring a secret to the edge of what is seen.
        for spaces in SHOWN_BYTES - 20..SHOWN_BYTES + 5 {
            let body = Body::Text(format!("a{}sesame-4711 b", " ".repeat(spaces)));
            let line = shown(&body).expect("something");
            assert!(!line.contains("ses"), "{spaces}: {line}");
        }
    }
}
