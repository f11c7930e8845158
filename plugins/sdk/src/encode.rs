//! Percent-encoding, forms, hexadecimal, Base64.

use crate::types::Fault;

/// Percent-encodes everything but the unreserved characters of RFC 3986, for
/// path segments and for platforms that sign encoded values.
pub fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            other => push_percent(&mut out, other),
        }
    }
    out
}

/// One segment of a path, from the data at `pointer`, percent-encoded. `.` and
/// `..` are no names: whoever normalises the path would take them for folders, and
/// so would a server that decodes slashes first or strips what follows a `;`.
/// Control characters are in nobody's name, and the host sends none in a path.
///
/// # Errors
/// [`Fault::InvalidInput`] for these, and for an empty segment.
pub fn segment(pointer: &str, text: &str) -> Result<String, Fault> {
    let folder = |piece: &str| {
        let name = piece.split(';').next().unwrap_or_default();
        matches!(name, "." | "..")
    };
    let refused = text.is_empty()
        || text.chars().any(char::is_control)
        || text.split(['/', '\\']).any(folder);
    if refused {
        return Err(Fault::invalid_input(
            pointer,
            format!("{text:?} cannot be part of a path"),
        ));
    }
    Ok(percent(text))
}

/// The text that [`percent`] encoded; `None` if it is not well encoded UTF-8.
pub fn from_percent(encoded: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let high = char::from(rest.next()?).to_digit(16)?;
        let low = char::from(rest.next()?).to_digit(16)?;
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// `application/x-www-form-urlencoded` (WHATWG URL), in the order given.
pub fn form<N: AsRef<str>, V: AsRef<str>>(fields: &[(N, V)]) -> String {
    let mut out = String::new();
    for (name, value) in fields {
        if !out.is_empty() {
            out.push('&');
        }
        push_form(&mut out, name.as_ref());
        out.push('=');
        push_form(&mut out, value.as_ref());
    }
    out
}

fn push_form(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            other => push_percent(out, other),
        }
    }
}

/// The fields of an `application/x-www-form-urlencoded` text, decoded, in their
/// order. What is no escape stays as it is; bytes that are no UTF-8 become
/// U+FFFD.
pub fn form_fields(form: &str) -> Vec<(String, String)> {
    form.split('&')
        .filter(|field| !field.is_empty())
        .map(|field| {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            (from_form(name), from_form(value))
        })
        .collect()
}

fn from_form(text: &str) -> String {
    let nibble = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut position = 0;
    while let Some(&byte) = bytes.get(position) {
        position += 1;
        match byte {
            b'+' => out.push(b' '),
            b'%' => match (nibble(bytes.get(position)), nibble(bytes.get(position + 1))) {
                (Some(high), Some(low)) => {
                    out.push((high * 16 + low) as u8);
                    position += 2;
                }
                _ => out.push(byte),
            },
            other => out.push(other),
        }
    }
    match String::from_utf8(out) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}

/// A `multipart/form-data` body (RFC 7578) of text fields in UTF-8, in the order
/// given. The boundary must not occur in a value: the context's nonce does not.
pub fn multipart<N: AsRef<str>, V: AsRef<str>>(boundary: &str, fields: &[(N, V)]) -> String {
    let mut out = String::new();
    for (name, value) in fields {
        out.push_str("--");
        out.push_str(boundary);
        out.push_str("\r\nContent-Disposition: form-data; name=\"");
        for character in name.as_ref().chars() {
            match character {
                '"' => out.push_str("%22"),
                '\r' => out.push_str("%0D"),
                '\n' => out.push_str("%0A"),
                other => out.push(other),
            }
        }
        out.push_str("\"\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\n");
        out.push_str(value.as_ref());
        out.push_str("\r\n");
    }
    out.push_str("--");
    out.push_str(boundary);
    out.push_str("--\r\n");
    out
}

const LOWER: &[u8; 16] = b"0123456789abcdef";
const UPPER: &[u8; 16] = b"0123456789ABCDEF";

fn push_percent(out: &mut String, byte: u8) {
    out.push('%');
    push_hex(out, byte, UPPER);
}

fn push_hex(out: &mut String, byte: u8, digits: &[u8; 16]) {
    out.push(char::from(digits[usize::from(byte >> 4)]));
    out.push(char::from(digits[usize::from(byte & 15)]));
}

pub(crate) fn push_hex_lower(out: &mut String, byte: u8) {
    push_hex(out, byte, LOWER);
}

fn hex(bytes: &[u8], digits: &[u8; 16]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for &byte in bytes {
        push_hex(&mut out, byte, digits);
    }
    out
}

/// Lower-case hexadecimal.
pub fn hex_lower(bytes: &[u8]) -> String {
    hex(bytes, LOWER)
}

/// Upper-case hexadecimal.
pub fn hex_upper(bytes: &[u8]) -> String {
    hex(bytes, UPPER)
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The bytes of hexadecimal digits in either case.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| (byte as char).to_digit(16);
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    });
    pairs.collect()
}

/// Base64 with the standard alphabet and padding (RFC 4648, section 4).
pub fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for position in 0..4 {
            if position <= group.len() {
                let index = bits >> (18 - 6 * position) & 63;
                out.push(char::from(ALPHABET[index as usize]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

/// Bytes from Base64 with the standard alphabet and padding; `None` for
/// anything else.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let digits = text.trim_end_matches('=');
    if text.len() - digits.len() > 2 {
        return None;
    }
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0u32, 0);
    for digit in digits.bytes() {
        let value = ALPHABET.iter().position(|known| *known == digit)? as u32;
        bits = bits << 6 | value;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held & 255) as u8);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_keeps_only_unreserved_characters() {
        assert_eq!(percent("a b/门~1.2_3-4"), "a%20b%2F%E9%97%A8~1.2_3-4");
    }

    #[test]
    fn a_segment_survives_encoding_and_decoding() {
        for (text, encoded) in [
            ("A 1/门店", "A%201%2F%E9%97%A8%E5%BA%97"),
            ("100%", "100%25"),
            ("a?b#c&d=e", "a%3Fb%23c%26d%3De"),
        ] {
            assert_eq!(segment("/id", text).as_deref(), Ok(encoded));
            assert_eq!(from_percent(encoded).as_deref(), Some(text));
        }
        for text in ["%", "%4", "%zz", "%ff"] {
            assert_eq!(from_percent(text), None, "{text}");
        }
    }

    #[test]
    fn folders_are_no_names() {
        for text in ["", ".", "..", "a/../b", "..\\a", "..;x", "a\r\nb", "\0"] {
            assert!(matches!(
                segment("/location", text),
                Err(Fault::InvalidInput(detail)) if detail.pointer == "/location"
            ));
        }
    }

    #[test]
    fn a_form_writes_spaces_as_plus() {
        assert_eq!(
            form(&[("a", "1 2"), ("b&", "é*~")]),
            "a=1+2&b%26=%C3%A9*%7E"
        );
    }

    #[test]
    fn a_form_is_read_back() {
        let fields = [("a", "1 2+3"), ("b&", "é*~=%41"), ("", ""), ("门", "")];
        let owned = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(form_fields(&form(&fields)), owned);
        assert_eq!(
            form_fields("&a=%4&b=%zz%"),
            [("a", "%4"), ("b", "%zz%")].map(|(n, v)| (n.into(), v.into()))
        );
        assert_eq!(form_fields(""), []);
    }

    #[test]
    fn multipart_fields_are_text_parts() {
        assert_eq!(
            multipart("b", &[("a\"", "1\n"), ("门", "店")]),
            "--b\r\nContent-Disposition: form-data; name=\"a%22\"\r\n\
             Content-Type: text/plain; charset=UTF-8\r\n\r\n1\n\r\n\
             --b\r\nContent-Disposition: form-data; name=\"门\"\r\n\
             Content-Type: text/plain; charset=UTF-8\r\n\r\n店\r\n--b--\r\n"
        );
    }

    #[test]
    fn bytes_become_hexadecimal() {
        assert_eq!(hex_lower(&[0, 0xab]), "00ab");
        assert_eq!(hex_upper(&[0, 0xab]), "00AB");
    }

    #[test]
    fn what_is_not_base64_is_nothing() {
        for text in ["Zg", "Zg=", "Z===", "Zm9v!A=="] {
            assert_eq!(from_base64(text), None, "{text}");
        }
    }

    /// RFC 4648, section 10.
    #[test]
    fn base64_is_padded() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
            assert_eq!(from_base64(text).as_deref(), Some(bytes.as_bytes()));
        }
    }
}
