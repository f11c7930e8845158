//! The values of a JSON text, one by one.

use std::borrow::Cow;

/// A JSON text with every string (names, too) and every number replaced by what
/// `change` makes of it. What changes becomes a string; everything else keeps
/// its bytes.
pub(super) fn each_value(json: &str, change: impl Fn(&str) -> Cow<'_, str>) -> String {
    let mut out = String::with_capacity(json.len());
    let bytes = json.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let end = match byte {
            b'"' => end_of_string(bytes, at),
            b'-' | b'0'..=b'9' => end_of_number(bytes, at),
            _ => {
                let next = bytes[at..]
                    .iter()
                    .position(|byte| matches!(byte, b'"' | b'-' | b'0'..=b'9'));
                let end = next.map_or(bytes.len(), |next| at + next);
                out.push_str(&json[at..end]);
                at = end;
                continue;
            }
        };
        let token = &json[at..end];
        // A lone surrogate is no text: then what stands for it is looked at.
        let text = match serde_json::from_str::<String>(token) {
            Ok(text) => Cow::Owned(text),
            Err(_) => Cow::Borrowed(token.trim_matches('"')),
        };
        match change(&text) {
            Cow::Borrowed(_) => out.push_str(token),
            Cow::Owned(text) => out.push_str(&serde_json::Value::String(text).to_string()),
        }
        at = end;
    }
    out
}

/// After the closing quotation mark, or at the end.
fn end_of_string(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = json.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    json.len()
}

fn end_of_number(json: &[u8], start: usize) -> usize {
    let rest = json[start..].iter();
    let length = rest
        .take_while(|byte| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'))
        .count();
    start + length
}
