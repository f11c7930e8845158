//! How a value may be written.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_encode, utf8_percent_encode};
use zeroize::Zeroizing;

/// RFC 3986 §2.3: what the host itself writes.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// RFC 1738, where `~` was not safe: Python's `quote` before 3.7, PHP's
/// `rawurlencode` before 5.3.
const RFC1738: &AsciiSet = &UNRESERVED.add(b'~');

/// ECMAScript's `encodeURIComponent`.
const COMPONENT: &AsciiSet = &UNRESERVED
    .remove(b'!')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*');

/// WHATWG URL, `application/x-www-form-urlencoded`; a space becomes `+`.
const FORM: &AsciiSet = &UNRESERVED.add(b'~').remove(b'*').remove(b' ');

/// WHATWG URL, query of an http URL.
const QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\'');

/// WHATWG URL, path.
const PATH: &AsciiSet = &QUERY
    .remove(b'\'')
    .add(b'?')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'}');

/// A shorter secret is looked for as it is, escaped and percent-encoded, but not
/// in hex and base64: those would be a few ordinary letters and digits.
const MIN_CODED: usize = 4;

/// A shorter stretch from the middle of someone else's base64 may be there by
/// chance.
const MIN_INNER: usize = 8;

/// One way to write a value.
pub(super) struct Spelling {
    pub bytes: Vec<u8>,
    /// It is base64 without padding, which may follow.
    pub base64: bool,
}

/// The spellings of a secret, some of them more than once.
pub(super) fn of_text(text: &str, mut add: impl FnMut(Spelling)) {
    let mut plain = |bytes: String| add(spelling(bytes));
    // A header's value, or a line read from a file, loses its outer spaces.
    for text in [text, text.trim()] {
        plain(text.to_owned());
        json(text, &mut plain);
        for set in [UNRESERVED, RFC1738, COMPONENT, QUERY, PATH] {
            both_cases(utf8_percent_encode(text, set).to_string(), &mut plain);
        }
        let form = utf8_percent_encode(text, FORM).to_string();
        both_cases(form.replace(' ', "+"), &mut plain);
    }
    let bytes = text.as_bytes();
    if bytes.len() >= MIN_CODED {
        plain(hex::encode(bytes));
        plain(hex::encode_upper(bytes));
        whole_base64(bytes, &mut add);
        inner_base64(bytes, &mut add);
    }
}

/// The spellings of a digest or MAC.
pub(super) fn of_derived(bytes: &[u8], mut add: impl FnMut(Spelling)) {
    if bytes.len() < MIN_CODED {
        return;
    }
    add(Spelling {
        bytes: bytes.to_vec(),
        base64: false,
    });
    let raw = percent_encode(bytes, UNRESERVED).to_string();
    both_cases(raw, &mut |text| add(spelling(text)));
    // A list of bytes as programs print it, and as JSON.
    let decimals: Vec<String> = bytes.iter().map(u8::to_string).collect();
    for separator in [", ", ","] {
        add(spelling(decimals.join(separator)));
    }
    whole_base64(bytes, &mut add);
    // Platforms like to wrap the hex digits: base64(hex(md5(…))).
    for digits in [hex::encode(bytes), hex::encode_upper(bytes)] {
        whole_base64(digits.as_bytes(), &mut add);
        inner_base64(digits.as_bytes(), &mut add);
        add(spelling(digits));
    }
}

fn spelling(text: String) -> Spelling {
    Spelling {
        bytes: text.into_bytes(),
        base64: false,
    }
}

/// A percent-encoded text with upper-case digits, and with lower-case ones.
fn both_cases(upper: String, add: &mut impl FnMut(String)) {
    if upper.contains('%') {
        let mut lower = upper.clone().into_bytes();
        let mut at = 0;
        while at < lower.len() {
            if lower[at] == b'%' {
                let end = lower.len().min(at + 3);
                lower[at..end].make_ascii_lowercase();
                at = end;
            } else {
                at += 1;
            }
        }
        if let Ok(lower) = String::from_utf8(lower) {
            add(lower);
        }
    }
    add(upper);
}

/// The escapes of a JSON string, as different libraries write them.
fn json(text: &str, add: &mut impl FnMut(String)) {
    let clean = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ');
    if text.chars().all(clean) {
        return;
    }
    // What RFC 8259 demands, as most write it.
    add(escape(text, |_| false, false));
    // PHP escapes the slash, and like Python everything outside ASCII.
    add(escape(text, |_| false, false).replace('/', "\\/"));
    for upper in [false, true] {
        let ascii = escape(text, |c| !c.is_ascii(), upper);
        add(ascii.replace('/', "\\/"));
        add(ascii);
        // Gson and Go keep JSON safe within HTML.
        add(escape(text, |c| matches!(c, '<' | '>' | '&'), upper));
        add(escape(
            text,
            |c| matches!(c, '<' | '>' | '&' | '=' | '\''),
            upper,
        ));
    }
}

/// A JSON string's inside; `more` says which characters get a `\u` escape
/// besides the control characters.
fn escape(text: &str, more: impl Fn(char) -> bool, upper: bool) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' || more(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&match upper {
                        true => format!("\\u{unit:04X}"),
                        false => format!("\\u{unit:04x}"),
                    });
                }
            }
            c => out.push(c),
        }
    }
    out
}

/// The value's own base64, without padding.
fn whole_base64(bytes: &[u8], add: &mut impl FnMut(Spelling)) {
    in_places(STANDARD_NO_PAD.encode(bytes), true, add);
}

/// The part of a longer base64 text that depends on nothing but the value, if
/// the value begins at the first, second or third byte of a group.
fn inner_base64(bytes: &[u8], add: &mut impl FnMut(Spelling)) {
    for offset in 0..3 {
        let mut padded = Zeroizing::new(Vec::with_capacity(offset + bytes.len()));
        padded.resize(offset, 0);
        padded.extend_from_slice(bytes);
        // Six bits a character: the first whole one after the offset, and the
        // last whole one.
        let (first, last) = ((offset * 8).div_ceil(6), padded.len() * 8 / 6);
        if last - first < MIN_INNER {
            continue;
        }
        let mut text = STANDARD_NO_PAD.encode(&*padded);
        text.truncate(last);
        text.drain(..first);
        in_places(text, false, add);
    }
}

/// A base64 text as it is, in a URL, in PHP's JSON, and in the alphabet for URLs
/// (RFC 4648 §5).
fn in_places(text: String, base64: bool, add: &mut impl FnMut(Spelling)) {
    let mut plain = |text: String| {
        add(Spelling {
            bytes: text.into_bytes(),
            base64,
        });
    };
    if text.contains(['+', '/']) {
        plain(text.replace('+', "-").replace('/', "_"));
        plain(text.replace('/', "\\/"));
        both_cases(
            utf8_percent_encode(&text, UNRESERVED).to_string(),
            &mut plain,
        );
    }
    plain(text);
}
