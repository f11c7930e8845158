//! How a value may be written, apart from escapes: those are taken out of the
//! text instead.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

use super::unescape::{ALL, DEPTH, unescape};

/// A shorter secret is looked for as it is, but not in hex and base64: those
/// would be a few ordinary letters and digits.
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
    // A header's value, or a line read from a file, loses its outer spaces.
    for text in [text, text.trim()] {
        readings(text.as_bytes(), &mut add);
        // A form's encoder writes a space as `+`, and escapes a `+`.
        if text.contains(' ') {
            readings(text.replace(' ', "+").as_bytes(), &mut add);
        }
    }
    let bytes = text.as_bytes();
    if bytes.len() >= MIN_CODED {
        add(plain(hex::encode(bytes)));
        add(plain(hex::encode_upper(bytes)));
        whole_base64(bytes, &mut add);
        inner_base64(bytes, &mut add);
    }
}

/// The spellings of a digest or MAC.
pub(super) fn of_derived(bytes: &[u8], mut add: impl FnMut(Spelling)) {
    if bytes.len() < MIN_CODED {
        return;
    }
    add(plain(bytes));
    // A list of bytes as programs print it, and as JSON.
    let decimals: Vec<String> = bytes.iter().map(u8::to_string).collect();
    for separator in [", ", ","] {
        add(plain(decimals.join(separator)));
    }
    whole_base64(bytes, &mut add);
    // Platforms like to wrap the hex digits: base64(hex(md5(…))).
    for digits in [hex::encode(bytes), hex::encode_upper(bytes)] {
        whole_base64(digits.as_bytes(), &mut add);
        inner_base64(digits.as_bytes(), &mut add);
        add(plain(digits));
    }
}

/// A value as it is, and as it reads in a text whose escapes were taken out: it
/// may look like an escape itself.
fn readings(bytes: &[u8], add: &mut impl FnMut(Spelling)) {
    add(plain(bytes));
    let Some(first) = unescape(bytes, ALL) else {
        return;
    };
    let each = first.signs.iter().map(std::slice::from_ref);
    for signs in std::iter::once(ALL).chain(each) {
        let mut reading = Zeroizing::new(bytes.to_vec());
        for _ in 0..DEPTH {
            let Some(unescaped) = unescape(&reading, signs) else {
                break;
            };
            reading = Zeroizing::new(unescaped.bytes);
            add(plain(reading.as_slice()));
        }
    }
}

fn plain(text: impl Into<Vec<u8>>) -> Spelling {
    Spelling {
        bytes: text.into(),
        base64: false,
    }
}

/// The value's own base64, without padding.
fn whole_base64(bytes: &[u8], add: &mut impl FnMut(Spelling)) {
    both_alphabets(STANDARD_NO_PAD.encode(bytes), true, add);
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
        both_alphabets(text, false, add);
    }
}

/// A base64 text as it is, and in the alphabet for URLs (RFC 4648 §5).
fn both_alphabets(text: String, base64: bool, add: &mut impl FnMut(Spelling)) {
    let mut add = |text: String| {
        add(Spelling {
            bytes: text.into_bytes(),
            base64,
        });
    };
    if text.contains(['+', '/']) {
        add(text.replace('+', "-").replace('/', "_"));
    }
    add(text);
}
