//! Half a surrogate pair in an answer's JSON: `"…\ud83d"`.
//!
//! It is what is left where a platform cuts a message by UTF-16 units. No
//! reader of JSON can make text of it, so one cut emoji would cost the whole
//! answer. Everything that reads the answer after this (the adapter, the
//! merging of pages, a reply script) finds U+FFFD in its place.

/// The same text, escapes of half surrogate pairs replaced by `\ufffd`. Text
/// that is no JSON stays as it is.
pub fn mended(text: String) -> String {
    let is_json = text.trim_start().starts_with(['{', '[', '"']);
    if !is_json || !text.contains("\\u") {
        return text;
    }
    let halves = halves(text.as_bytes());
    if halves.is_empty() {
        return text;
    }
    let mut mended = String::with_capacity(text.len());
    let mut copied = 0;
    for at in halves {
        mended.push_str(&text[copied..at]);
        mended.push_str("\\ufffd");
        copied = at + ESCAPE;
    }
    mended.push_str(&text[copied..]);
    mended
}

/// Bytes of `\ud83d`.
const ESCAPE: usize = 6;

/// Where the escapes begin. A backslash means something within strings only, and
/// the byte after it never begins an escape.
fn halves(text: &[u8]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        if *byte != b'\\' {
            at += 1;
            continue;
        }
        match (unit(text, at), unit(text, at + ESCAPE)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => at += 2 * ESCAPE,
            (Some(0xD800..=0xDFFF), _) => {
                found.push(at);
                at += ESCAPE;
            }
            _ => at += 2,
        }
    }
    found
}

/// The UTF-16 unit that an escape at this place stands for.
fn unit(text: &[u8], at: usize) -> Option<u16> {
    let digits = text.get(at..at + ESCAPE)?.strip_prefix(b"\\u")?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_half_pairs_are_replaced() {
        for (text, expected) in [
            (r#"{"a":"\ud83d"}"#, r#"{"a":"\ufffd"}"#),
            (r#"["\uDE00x\uD83D"]"#, r#"["\ufffdx\ufffd"]"#),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\ud83d\n\u5e93""#, r#""\ufffd\n\u5e93""#),
            // An escaped backslash begins no escape.
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\\\ud83d""#, r#""\\\ufffd""#),
            (r#""\ud8""#, r#""\ud8""#),
            ("{\"a\":\"\\", "{\"a\":\"\\"),
            (r"a page that says \ud83d", r"a page that says \ud83d"),
        ] {
            assert_eq!(mended(text.to_owned()), expected, "{text}");
        }
    }
}
