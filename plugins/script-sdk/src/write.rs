//! Values → JSON text: what is the same in every language.

use std::fmt::Write as _;

/// Appends `text` as a JSON string: quotes, backslashes and control characters
/// escaped, all other characters as they are.
// The SDK of adapters has one too, in `plugins/sdk/src/json.rs`, and says why.
pub fn push_string(out: &mut String, text: &str) {
    out.push('"');
    let mut copied = 0;
    for (position, byte) in text.bytes().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[copied..position]);
        copied = position + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            8 => out.push_str("\\b"),
            12 => out.push_str("\\f"),
            control => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{control:04x}");
            }
        }
    }
    out.push_str(&text[copied..]);
    out.push('"');
}
