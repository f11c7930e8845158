//! Looks for secrets and signatures, in every spelling, where none may be.

use std::collections::{BTreeSet, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// RFC 3986: what may stand in a URL as it is.
pub const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Characters of a spelling that already give away too much: a text that was
/// cut off may end with the beginning of a secret.
const BEGINNING: usize = 12;

/// Bytes by which spellings are looked up: a month has thousands of them, and all are
/// looked for at once.
const START: usize = 4;

/// What must not be found.
#[derive(Default)]
pub struct Leaks {
    /// What it is, and the bytes of its beginning.
    spellings: Vec<(String, Vec<u8>)>,
}

impl Leaks {
    /// A secret's text.
    pub fn secret(&mut self, name: &str, text: &str) {
        let bytes = text.as_bytes();
        let json = serde_json::Value::from(text).to_string();
        self.text(name, "as it is", text);
        self.text(name, "in JSON", json.trim_matches('"'));
        self.text(name, "as a URL's", &form(text));
        self.bytes(name, bytes);
    }

    /// What HTTP basic authentication makes of a user and a secret.
    pub fn basic(&mut self, user: &str, text: &str) {
        self.bytes("basic", format!("{user}:{text}").as_bytes());
    }

    /// A hash or HMAC.
    pub fn signature(&mut self, bytes: &[u8]) {
        let name = hex::encode(&bytes[..4]);
        let name = format!("signature {name}…");
        self.bytes(&name, bytes);
        self.text(
            &name,
            "of hex, in base64",
            &STANDARD.encode(hex::encode(bytes)),
        );
        let decimals: Vec<String> = bytes.iter().map(u8::to_string).collect();
        self.text(&name, "as a list", &decimals.join(", "));
        self.text(&name, "as a JSON list", &decimals.join(","));
    }

    fn bytes(&mut self, name: &str, bytes: &[u8]) {
        let base64 = STANDARD_NO_PAD.encode(bytes);
        self.add(name, "as bytes", bytes);
        self.text(name, "in hex", &hex::encode(bytes));
        self.text(name, "in HEX", &hex::encode_upper(bytes));
        self.text(name, "in base64", &base64);
        self.text(name, "in base64 for URLs", &URL_SAFE_NO_PAD.encode(bytes));
        for (what, text) in [
            ("percent-encoded", percent_encode(bytes, UNRESERVED)),
            (
                "in base64, percent-encoded",
                percent_encode(base64.as_bytes(), UNRESERVED),
            ),
        ] {
            let text = text.to_string();
            self.text(name, what, &text);
            self.text(name, what, &lower_percent(&text));
        }
    }

    fn text(&mut self, name: &str, how: &str, text: &str) {
        self.add(name, how, text.as_bytes());
    }

    fn add(&mut self, name: &str, how: &str, bytes: &[u8]) {
        let beginning = &bytes[..bytes.len().min(BEGINNING)];
        if !self.spellings.iter().any(|(_, known)| *known == beginning) {
            let beginning = beginning.to_owned();
            self.spellings.push((format!("{name} {how}"), beginning));
        }
    }

    /// The names of all that is found in `bytes`.
    pub fn found(&self, bytes: &[u8]) -> Vec<&str> {
        let mut starts: HashMap<&[u8], Vec<usize>> = HashMap::new();
        let mut found = BTreeSet::new();
        for (index, (_, spelling)) in self.spellings.iter().enumerate() {
            match spelling.get(..START) {
                Some(start) => starts.entry(start).or_default().push(index),
                None if bytes
                    .windows(spelling.len().max(1))
                    .any(|it| it == spelling) =>
                {
                    found.insert(index);
                }
                None => {}
            }
        }
        for (at, window) in bytes.windows(START).enumerate() {
            for index in starts.get(window).into_iter().flatten() {
                if bytes[at..].starts_with(&self.spellings[*index].1) {
                    found.insert(*index);
                }
            }
        }
        let names = found.into_iter().map(|index| &*self.spellings[index].0);
        names.collect()
    }

    /// # Panics
    /// When anything is found.
    pub fn none_in(&self, place: &str, bytes: &[u8]) {
        let found = self.found(bytes);
        assert!(found.is_empty(), "{place} shows {found:?}");
    }
}

/// `application/x-www-form-urlencoded`.
fn form(text: &str) -> String {
    let pairs = [("", text)];
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let encoded = query.extend_pairs(pairs).finish();
    encoded.trim_start_matches('=').to_owned()
}

fn lower_percent(text: &str) -> String {
    let mut escape = 0;
    let lower = |c: char| {
        escape = if c == '%' {
            2
        } else {
            i32::max(escape - 1, -1)
        };
        match escape {
            0 | 1 => c.to_ascii_lowercase(),
            _ => c,
        }
    };
    text.chars().map(lower).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_found() {
        let mut leaks = Leaks::default();
        leaks.secret("token", "s3cr3t/\"to ken\"+库");
        leaks.basic("acme", "s3cr3t/\"to ken\"+库");
        leaks.signature(&[0x0a, 0xfb, 0xff, 0x3e, 0x9c, 0x01, 0x77, 0x45, 0xd0]);
        for text in [
            "x s3cr3t/\"to ken\"+库 x",
            r#"s3cr3t/\"to ken\"+库"#,
            "s3cr3t%2F%22to%20ken%22%2B%E5%BA%93",
            "s3cr3t%2f%22to%20ken%22%2b%e5%ba%93",
            "s3cr3t%2F%22to+ken%22%2B",
            "czNjcjN0LyJ0byBrZW4iK+W6kw==",
            "733363723374",
            "YWNtZTpzM2NyM3QvInRvIGtlbiIr5bqT",
            "0afbff3e9c017745d0",
            "0AFBFF3E9C017745D0",
            "Cvv/PpwBd0XQ",
            "Cvv_PpwBd0XQ",
            "10, 251, 255, 62, 156",
            "10,251,255,62,156",
            "the beginning s3cr3t/\"to k…",
        ] {
            assert!(!leaks.found(text.as_bytes()).is_empty(), "{text}");
        }
        assert!(
            !leaks
                .found(b"..\x0a\xfb\xff\x3e\x9c\x01\x77\x45\xd0..")
                .is_empty()
        );
        for text in ["", "s3cr3t", "«token»", "0afbff3e"] {
            assert!(leaks.found(text.as_bytes()).is_empty(), "{text}");
        }
    }
}
