//! A body made of pieces, in which secrets are written by the host.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::contract::{Encoding, Piece};
use super::edits::{EditError, Payload};
use crate::config::Secret;

/// Bytes of a body made of pieces. A name is short and a secret is long: what a guest
/// handed over bounds nothing.
pub const MOST_BYTES: usize = 32 << 20;

/// Secrets that one body may name.
pub const MOST_SECRETS: usize = 64;

/// A body that is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooMuch {
    /// Beyond [`MOST_BYTES`].
    #[error("`sign` composes a body of more than {} MiB", MOST_BYTES >> 20)]
    Bytes,
    /// Beyond [`MOST_SECRETS`].
    #[error("`sign` names more than {MOST_SECRETS} secrets in one body")]
    Secrets,
}

/// The body of these pieces. `secret` knows what is declared and what is set.
pub(super) fn body<'s>(
    pieces: &[Piece],
    secret: impl Fn(&str) -> Result<&'s Secret, EditError>,
) -> Result<Payload, EditError> {
    let mut size = 0_usize;
    let mut secrets = 0;
    let mut parts = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let part = match piece {
            Piece::Text(text) => Part::Plain(text.as_bytes()),
            Piece::Bytes(bytes) => Part::Plain(bytes),
            Piece::Secret(named) => {
                secrets += 1;
                if secrets > MOST_SECRETS {
                    return Err(TooMuch::Secrets.into());
                }
                Part::Secret(written(secret(&named.name)?, named.encoding))
            }
        };
        size = size.saturating_add(part.bytes().len());
        if size > MOST_BYTES {
            return Err(TooMuch::Bytes.into());
        }
        parts.push(part);
    }
    // The whole size first: a vector that grows leaves copies of a secret behind.
    let mut whole = Vec::with_capacity(size);
    for part in &parts {
        whole.extend_from_slice(part.bytes());
    }
    Ok(match String::from_utf8(whole) {
        Ok(text) if text.is_empty() => Payload::Empty,
        Ok(text) => Payload::Text(text),
        Err(error) => Payload::Bytes(error.into_bytes()),
    })
}

enum Part<'p> {
    Plain(&'p [u8]),
    Secret(Zeroizing<String>),
}

impl Part<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Plain(bytes) => bytes,
            Self::Secret(text) => text.as_bytes(),
        }
    }
}

/// A secret as it stands in a body.
fn written(secret: &Secret, encoding: Encoding) -> Zeroizing<String> {
    let text = secret.expose();
    Zeroizing::new(match encoding {
        Encoding::Raw => text.to_owned(),
        Encoding::Form => form_urlencoded::byte_serialize(text.as_bytes()).collect(),
        Encoding::Json => {
            let quoted = Zeroizing::new(serde_json::Value::from(text).to_string());
            let inside = quoted.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
            inside.unwrap_or_default().to_owned()
        }
        Encoding::Base64 => STANDARD.encode(text),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::super::contract::{Body, Draft, Edit, NamedSecret};
    use super::super::edits::{SignedDraft, apply_edits};
    use super::*;

    fn text(text: &str) -> Piece {
        Piece::Text(text.into())
    }

    fn secret(name: &str, encoding: Encoding) -> Piece {
        Piece::Secret(NamedSecret {
            name: name.into(),
            encoding,
        })
    }

    fn composed(value: &str, pieces: Vec<Piece>) -> Result<SignedDraft, EditError> {
        let secrets = BTreeMap::from([("token".to_owned(), Secret::new(value.into()))]);
        let declared = BTreeSet::from(["token".to_owned(), "unset".to_owned()]);
        let draft = Draft {
            method: "POST".into(),
            path: "/".into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Body::Text("as map wrote it".into()),
        };
        apply_edits(draft, vec![Edit::ComposeBody(pieces)], &secrets, &declared)
    }

    #[test]
    fn a_secret_is_written_as_the_body_wants_it() {
        let value = "a b&c=\"d\"\n库";
        for (encoding, expected) in [
            (Encoding::Raw, value),
            (Encoding::Form, "a+b%26c%3D%22d%22%0A%E5%BA%93"),
            (Encoding::Json, r#"a b&c=\"d\"\n库"#),
            (Encoding::Base64, "YSBiJmM9ImQiCuW6kw=="),
        ] {
            let pieces = vec![text("<"), secret("token", encoding), text(">")];
            let signed = composed(value, pieces).expect("a body");
            assert_eq!(signed.body, Payload::Text(format!("<{expected}>")));
        }
    }

    #[test]
    fn a_token_with_quotes_stays_one_json_string() {
        let value = r#"x","admin":"y"#;
        let pieces = vec![
            text(r#"{"token":""#),
            secret("token", Encoding::Json),
            text(r#""}"#),
        ];
        let Payload::Text(body) = composed(value, pieces).expect("a body").body else {
            panic!("no text");
        };
        let read: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(read, serde_json::json!({ "token": value }));
    }

    #[test]
    fn bytes_go_byte_for_byte() {
        let pieces = vec![Piece::Bytes(vec![0xff, 0]), secret("token", Encoding::Raw)];
        let signed = composed("t", pieces).expect("a body");
        assert_eq!(signed.body, Payload::Bytes(vec![0xff, 0, b't']));
        assert_eq!(composed("t", vec![]).expect("none").body, Payload::Empty);
    }

    #[test]
    fn a_body_names_only_what_is_declared_and_set() {
        let one = |name: &str| composed("t", vec![secret(name, Encoding::Raw)]);
        assert_eq!(one("other"), Err(EditError::Undeclared("other".into())));
        assert_eq!(one("unset"), Err(EditError::Unset("unset".into())));
    }

    #[test]
    fn a_name_repeated_does_not_make_a_body_without_bound() {
        let named = |count: usize| vec![secret("token", Encoding::Raw); count];
        assert!(composed("t", named(MOST_SECRETS)).is_ok());
        assert_eq!(
            composed("t", named(MOST_SECRETS + 1)),
            Err(TooMuch::Secrets.into())
        );
        let long = "s".repeat(MOST_BYTES / MOST_SECRETS + 1);
        assert_eq!(
            composed(&long, named(MOST_SECRETS)),
            Err(TooMuch::Bytes.into())
        );
    }
}
