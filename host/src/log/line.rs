//! How long a line may be, and what no line may contain.

use std::borrow::Cow;

use serde_json::Value;

use crate::text::{is_deceptive, shorten};

/// Bytes of a line. What a script or a platform says has bounds of its own, but
/// several of them may meet in one line.
pub const MOST_LINE_BYTES: usize = 16 << 10;

/// Characters that each text of a JSON line keeps when the line is too long,
/// tried one after the other.
const TEXT_CHARS: [usize; 3] = [1024, 128, 16];

/// A whole line, cut if it is too long. A JSON line is JSON afterwards, too,
/// and has nothing in it that a terminal would obey.
pub(super) fn bounded(line: &[u8], json: bool) -> Cow<'_, [u8]> {
    let Ok(text) = std::str::from_utf8(line) else {
        return Cow::Borrowed(line);
    };
    if json {
        let text = if line.len() > MOST_LINE_BYTES {
            Cow::Owned(cut_json(text))
        } else {
            Cow::Borrowed(text)
        };
        return match escape_json(&text) {
            Some(escaped) => Cow::Owned(escaped.into_bytes()),
            None => match text {
                Cow::Borrowed(_) => Cow::Borrowed(line),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            },
        };
    }
    if line.len() <= MOST_LINE_BYTES {
        return Cow::Borrowed(line);
    }
    let end = text.floor_char_boundary(MOST_LINE_BYTES);
    let kept = text.get(..end).unwrap_or_default().trim_end();
    let cut = line.len() - kept.len();
    Cow::Owned(format!("{kept}… ({cut} bytes more)\n").into_bytes())
}

fn cut_json(line: &str) -> String {
    let Ok(Value::Object(mut members)) = serde_json::from_str(line) else {
        return "{\"message\":\"a line was too long\"}\n".into();
    };
    members.insert("cut".into(), true.into());
    let mut object = Value::Object(members);
    for most in TEXT_CHARS {
        cut_texts(&mut object, most);
        let text = object.to_string();
        if text.len() < MOST_LINE_BYTES {
            return text + "\n";
        }
    }
    "{\"message\":\"a line had too many fields\",\"cut\":true}\n".into()
}

fn cut_texts(value: &mut Value, most: usize) {
    match value {
        Value::String(text) => shorten(text, most),
        Value::Array(values) => values.iter_mut().for_each(|value| cut_texts(value, most)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|value| cut_texts(value, most)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// JSON text with what JSON allows and a terminal obeys or is misled by written
/// as `\u….`; nothing where there is none. Such characters can only stand in
/// strings.
pub(crate) fn escape_json(text: &str) -> Option<String> {
    let odd = |c: char| is_deceptive(c) && !matches!(c, '\n' | '\r' | '\t');
    if !text.contains(odd) {
        return None;
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if odd(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            escaped.push(c);
        }
    }
    Some(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_within_its_bound_stays_as_it_is() {
        for json in [true, false] {
            let line = "{\"message\":\"库存\"}\n".as_bytes();
            assert!(matches!(bounded(line, json), Cow::Borrowed(_)));
        }
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let line = format!("{}\n", "库".repeat(MOST_LINE_BYTES));
        let cut = bounded(line.as_bytes(), false).into_owned();
        let cut = String::from_utf8(cut).unwrap();
        assert!(cut.len() < MOST_LINE_BYTES + 64);
        assert!(
            cut.ends_with(" bytes more)\n"),
            "{}",
            &cut[cut.len() - 40..]
        );
        assert_eq!(cut.matches('\n').count(), 1);
    }

    #[test]
    fn a_long_json_line_is_json_after_it_was_cut() {
        let long = "x".repeat(MOST_LINE_BYTES);
        let line = format!(
            "{{\"level\":\"WARN\",\"message\":\"{long}\",\"deep\":[{{\"a\":\"{long}\"}}]}}\n"
        );
        let cut = bounded(line.as_bytes(), true).into_owned();
        assert!(cut.len() < MOST_LINE_BYTES && cut.ends_with(b"}\n"));
        let cut: Value = serde_json::from_slice(&cut).unwrap();
        assert_eq!((&cut["level"], &cut["cut"]), (&"WARN".into(), &true.into()));
        let many: Vec<String> = (0..4000).map(|n| format!("\"field {n}\":{n}")).collect();
        let line = format!("{{{}}}\n", many.join(","));
        let cut = bounded(line.as_bytes(), true).into_owned();
        assert!(serde_json::from_slice::<Value>(&cut).is_ok());
        assert!(cut.len() < MOST_LINE_BYTES);
    }

    #[test]
    fn a_json_line_has_nothing_that_turns_text_around() {
        let line = "{\"message\":\"a\u{202e}b\u{9b}c\u{7f}\"}\n";
        let written = bounded(line.as_bytes(), true).into_owned();
        let text = String::from_utf8(written).unwrap();
        assert_eq!(text, "{\"message\":\"a\\u202eb\\u009bc\\u007f\"}\n");
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["message"], "a\u{202e}b\u{9b}c\u{7f}");
    }
}
