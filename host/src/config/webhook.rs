//! Reads `webhook = { … }` of a flow's `from`: who may post to the flow, and
//! what of a body is a record.

use http::HeaderName;

use super::Secret;
use super::connection::ConnectionReader;
use super::mistakes::Report;
use super::reader::{Section, Typed, listed};

/// Shortest secret that a caller proves to know: what is shorter is guessed.
const LEAST_SECRET: usize = 16;

/// Longest prefix of a signature.
const MOST_PREFIX: usize = 32;

/// Longest pointer.
const MOST_POINTER: usize = 256;

/// `webhook = { … }`: records that somebody posts to the flow.
#[derive(Debug, Clone)]
pub struct WebhookSource {
    /// How a caller proves who it is.
    pub gate: WebhookGate,
    /// `records`: JSON pointer into the body to its array of records; default: the
    /// body itself is one record, or an array of them.
    pub records: Option<String>,
    /// What a repeat is known by; without it nothing is known as one.
    pub key: Option<WebhookKey>,
}

/// How a caller of a webhook proves who it is.
#[derive(Debug, Clone)]
pub enum WebhookGate {
    /// None of its own: a bearer token of the tenant, as for its calls.
    Bearer,
    /// `hmac = { … }`: a header has the HMAC of the body's bytes.
    Hmac {
        /// `secret`: the key, as its bytes are in UTF-8.
        secret: Secret,
        /// `header`: where the signature is.
        header: HeaderName,
        /// `algorithm`: default `sha256`.
        algorithm: WebhookDigest,
        /// `encoding`: default `hex`.
        encoding: WebhookEncoding,
        /// `prefix`: what is in front of it, as `sha256=`; default empty.
        prefix: String,
    },
    /// `token = { … }`: a header has the secret itself.
    Token {
        /// `secret`: what it has to be.
        secret: Secret,
        /// `header`: where it is.
        header: HeaderName,
        /// `prefix`: what is in front of it, as `Bearer `; default empty.
        prefix: String,
    },
}

/// Where the key of a record is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookKey {
    /// `key`: JSON pointer into each record, to a string or a number.
    Pointer(String),
    /// `key_header`: a header of the request; with several records, each has its
    /// place added.
    Header(HeaderName),
}

/// The hash of a webhook's HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookDigest {
    /// `sha1`, which some platforms still use.
    Sha1,
    /// `sha256`.
    Sha256,
    /// `sha512`.
    Sha512,
}

/// How a webhook's signature is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookEncoding {
    /// `hex`, in either case.
    Hex,
    /// `base64`, with or without padding.
    Base64,
}

/// The setting, or nothing where something is wrong with it, which is reported.
pub(super) fn read_webhook(
    mut section: Section,
    reader: &mut ConnectionReader,
    report: &mut Report,
) -> Option<WebhookSource> {
    let hmac = section.section(report, "hmac");
    let token = section.section(report, "token");
    let gate = match (hmac, token) {
        (Some(_), Some(_)) => {
            let detail = "has both `hmac` and `token`; keep one of them.";
            section.refuse(report, "config-bad-value", detail);
            None
        }
        (Some(hmac), None) => hmac_gate(hmac, reader, report),
        (None, Some(token)) => token_gate(token, reader, report),
        // One that is there and is no table was reported.
        (None, None)
            if ["hmac", "token"]
                .iter()
                .any(|key| section.table().contains_key(*key)) =>
        {
            None
        }
        (None, None) => Some(WebhookGate::Bearer),
    };
    let records = pointer(&mut section, "records", report);
    let pointer = pointer(&mut section, "key", report);
    let header = header(&mut section, "key_header", report);
    let key = match (pointer, header) {
        (Some(_), Some(_)) => {
            let detail = "has both `key` and `key_header`; keep one of them.";
            section.refuse(report, "config-bad-value", detail);
            None
        }
        (Some(pointer), None) => Some(WebhookKey::Pointer(pointer)),
        (None, Some(header)) => Some(WebhookKey::Header(header)),
        (None, None) => None,
    };
    section.finish(report);
    Some(WebhookSource {
        gate: gate?,
        records,
        key,
    })
}

fn hmac_gate(
    mut section: Section,
    reader: &mut ConnectionReader,
    report: &mut Report,
) -> Option<WebhookGate> {
    let secret = secret(&mut section, reader, report);
    let header = required_header(&mut section, report);
    let digests = [
        ("sha1", WebhookDigest::Sha1),
        ("sha256", WebhookDigest::Sha256),
        ("sha512", WebhookDigest::Sha512),
    ];
    let algorithm = one_of(&mut section, "algorithm", &digests, report);
    let encodings = [
        ("hex", WebhookEncoding::Hex),
        ("base64", WebhookEncoding::Base64),
    ];
    let encoding = one_of(&mut section, "encoding", &encodings, report);
    let prefix = prefix(&mut section, report);
    section.finish(report);
    Some(WebhookGate::Hmac {
        secret: secret?,
        header: header?,
        algorithm: algorithm.unwrap_or(WebhookDigest::Sha256),
        encoding: encoding.unwrap_or(WebhookEncoding::Hex),
        prefix: prefix?,
    })
}

fn token_gate(
    mut section: Section,
    reader: &mut ConnectionReader,
    report: &mut Report,
) -> Option<WebhookGate> {
    let secret = secret(&mut section, reader, report);
    let header = required_header(&mut section, report);
    let prefix = prefix(&mut section, report);
    section.finish(report);
    Some(WebhookGate::Token {
        secret: secret?,
        header: header?,
        prefix: prefix?,
    })
}

fn secret(
    section: &mut Section,
    reader: &mut ConnectionReader,
    report: &mut Report,
) -> Option<Secret> {
    let Some(typed) = section.any("secret") else {
        let advice = "name it, as in secret = { file = \"webhook.txt\" }.";
        section.missing(report, "secret", advice);
        return None;
    };
    let entry = section.entries().find(|entry| entry.name == "secret")?;
    let secret = reader.secret(&entry, report)?;
    if secret.expose().len() < LEAST_SECRET {
        let detail = format!(
            "names a text that is shorter than {LEAST_SECRET} bytes, which can be guessed; `openssl rand -hex 32` makes a better one."
        );
        typed.refuse(report, "config-bad-value", detail);
        return None;
    }
    Some(secret)
}

fn required_header(section: &mut Section, report: &mut Report) -> Option<HeaderName> {
    let advice = "say which header has it, as in header = \"X-Signature\".";
    let typed = section.required(report, "header", advice)?;
    header_name(&typed, report)
}

fn header(section: &mut Section, name: &'static str, report: &mut Report) -> Option<HeaderName> {
    let typed = section.text(report, name)?;
    header_name(&typed, report)
}

fn header_name(typed: &Typed<&str>, report: &mut Report) -> Option<HeaderName> {
    let name = HeaderName::from_bytes(typed.value.as_bytes()).ok();
    if name.is_none() {
        let detail = "must be a header's name: letters, digits and dashes.";
        typed.refuse(report, "config-bad-value", detail);
    }
    name
}

/// The prefix, empty where there is none; nothing where it is wrong.
fn prefix(section: &mut Section, report: &mut Report) -> Option<String> {
    if !section.table().contains_key("prefix") {
        // So that it is known as a key.
        section.any("prefix");
        return Some(String::new());
    }
    let typed = section.string(report, "prefix")?;
    let plain = |c: char| c.is_ascii_graphic() || c == ' ';
    if typed.value.len() > MOST_PREFIX || !typed.value.chars().all(plain) {
        let detail = format!("must be at most {MOST_PREFIX} printable ASCII characters.");
        typed.refuse(report, "config-bad-value", detail);
        return None;
    }
    Some(typed.value.to_owned())
}

/// A JSON pointer (RFC 6901).
fn pointer(section: &mut Section, name: &'static str, report: &mut Report) -> Option<String> {
    let typed = section.string(report, name)?;
    let text = typed.value;
    let mut escapes = text.split('~').skip(1);
    let escaped = escapes.all(|rest| rest.starts_with(['0', '1']));
    if text.is_empty() || !text.starts_with('/') || text.len() > MOST_POINTER || !escaped {
        let detail = format!(
            "must be a JSON pointer of at most {MOST_POINTER} bytes, as in \"/items\" or \"/order/id\"."
        );
        typed.refuse(report, "config-bad-value", detail);
        return None;
    }
    Some(text.to_owned())
}

fn one_of<T: Copy>(
    section: &mut Section,
    name: &'static str,
    words: &[(&str, T)],
    report: &mut Report,
) -> Option<T> {
    let typed = section.string(report, name)?;
    let found = words.iter().find(|(word, _)| *word == typed.value);
    if found.is_none() {
        let known = listed(words.iter().map(|(word, _)| *word));
        typed.refuse(
            report,
            "config-bad-value",
            format!("must be one of {known}."),
        );
    }
    found.map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::super::disk::Disk;
    use super::*;
    use crate::config::reader::parse;

    /// What `webhook = …` becomes, or what is said of it.
    fn read(webhook: &str) -> Result<WebhookSource, String> {
        let tenant = tempfile::tempdir().unwrap();
        let dir = tenant.path();
        std::fs::write(dir.join("good.txt"), "a-secret-of-the-shop\n").unwrap();
        std::fs::write(dir.join("short.txt"), "short\n").unwrap();
        let text = format!("webhook = {webhook}\n");
        let file = dir.join("tenant.toml");
        let mut report = Report::new(&file);
        let table = parse(&text, &mut report);
        let mut disk = Disk::default();
        let sources = crate::secrets::Sources::ignored();
        let mut reader = ConnectionReader::new(dir, &mut disk, &|_| None, &sources);
        let section = Section::top(&table).section(&mut report, "webhook");
        let read = section.and_then(|section| read_webhook(section, &mut reader, &mut report));
        let problems = report.finish().err().unwrap_or_default();
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        match (read, said.is_empty()) {
            (Some(read), true) => Ok(read),
            (_, true) => Err("nothing was said".into()),
            (_, false) => Err(said.join("\n")),
        }
    }

    #[test]
    fn a_webhook_says_who_may_post_and_what_a_record_is() {
        let plain = read("{}").unwrap();
        assert!(matches!(plain.gate, WebhookGate::Bearer));
        assert_eq!((plain.records, plain.key), (None, None));
        let signed = read(
            r#"{ hmac = { secret = { file = "good.txt" }, header = "X-Hub-Signature-256", prefix = "sha256=" }, records = "/items", key = "/id" }"#,
        )
        .unwrap();
        assert!(matches!(
            &signed.gate,
            WebhookGate::Hmac { header, algorithm: WebhookDigest::Sha256, encoding: WebhookEncoding::Hex, prefix, .. }
                if header == "x-hub-signature-256" && prefix == "sha256="
        ));
        assert_eq!(signed.records.as_deref(), Some("/items"));
        assert_eq!(signed.key, Some(WebhookKey::Pointer("/id".into())));
        let token = read(
            r#"{ token = { secret = { file = "good.txt" }, header = "X-Token" }, key_header = "X-Id" }"#,
        );
        let token = token.unwrap();
        assert!(matches!(&token.gate, WebhookGate::Token { prefix, .. } if prefix.is_empty()));
        assert!(matches!(token.key, Some(WebhookKey::Header(_))));
        assert!(!format!("{signed:?}").contains("a-secret"));
    }

    #[test]
    fn what_is_wrong_with_a_webhook_is_said_with_its_key() {
        let hmac = |more: &str| {
            format!("{{ hmac = {{ secret = {{ file = \"good.txt\" }}, header = \"X-S\"{more} }} }}")
        };
        for (webhook, expected) in [
            ("3".to_owned(), "`webhook` must be a table"),
            ("{ hmac = 3 }".to_owned(), "`webhook.hmac` must be a table"),
            (
                "{ hmac = { header = \"X-S\" } }".to_owned(),
                "`webhook.hmac.secret` is missing",
            ),
            (
                "{ hmac = { secret = \"text\", header = \"X-S\" } }".to_owned(),
                "must be { env",
            ),
            (
                "{ token = { secret = { file = \"short.txt\" }, header = \"X-S\" } }".to_owned(),
                "can be guessed",
            ),
            (
                "{ token = { secret = { file = \"good.txt\" } } }".to_owned(),
                "`webhook.token.header` is missing",
            ),
            (
                hmac(", algorithm = \"md5\""),
                "one of `sha1`, `sha256`, `sha512`",
            ),
            (hmac(", encoding = \"hexx\""), "one of `hex`, `base64`"),
            (hmac(", prefix = \"\\n\""), "printable"),
            (hmac(", prefx = \"v\""), "did you mean `prefix`?"),
            ("{ records = \"items\" }".to_owned(), "a JSON pointer"),
            ("{ key = \"/a~2\" }".to_owned(), "a JSON pointer"),
            (
                "{ key = \"/id\", key_header = \"X-Id\" }".to_owned(),
                "both `key` and `key_header`",
            ),
            ("{ key_header = \"X Id\" }".to_owned(), "a header's name"),
        ] {
            let said = read(&webhook).unwrap_err();
            assert!(said.contains(expected), "{webhook}: {said}");
            assert!(!said.contains("a-secret"), "{said}");
        }
    }
}
