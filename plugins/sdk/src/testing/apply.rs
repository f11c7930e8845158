//! What the host does with the edits of `sign`.

use crate::composing::{Edit, Encoding, Piece};
use crate::encode;
use crate::json;
use crate::types::{Body, Draft};
use std::collections::BTreeMap;

/// Puts an edit into a draft. Setting a name that is there already replaces it.
pub(super) fn apply(
    draft: &mut Draft,
    edit: Edit,
    secrets: &BTreeMap<String, String>,
) -> Result<(), String> {
    let named = |secret: &str| {
        let value = secrets.get(secret).cloned();
        value.ok_or_else(|| format!("the example has no secret `{secret}`"))
    };
    let filled = |(name, secret): (String, String)| Ok::<_, String>((name, named(&secret)?));
    match edit {
        Edit::SetQuery(pair) => set(&mut draft.query, pair, |a, b| a == b),
        Edit::SetHeader(pair) => set(&mut draft.headers, pair, |a, b| a.eq_ignore_ascii_case(b)),
        Edit::ReplaceBody(body) => draft.body = body,
        Edit::SecretQuery(pair) => set(&mut draft.query, filled(pair)?, |a, b| a == b),
        Edit::SecretHeader(pair) => {
            set(&mut draft.headers, filled(pair)?, |a, b| {
                a.eq_ignore_ascii_case(b)
            });
        }
        Edit::ComposeBody(pieces) => {
            let mut whole = Vec::new();
            for piece in pieces {
                match piece {
                    Piece::Text(text) => whole.extend_from_slice(text.as_bytes()),
                    Piece::Bytes(bytes) => whole.extend(bytes),
                    Piece::Secret(secret) => {
                        let value = written(&named(&secret.name)?, secret.encoding);
                        whole.extend_from_slice(value.as_bytes());
                    }
                }
            }
            draft.body = match String::from_utf8(whole) {
                Ok(text) if text.is_empty() => Body::Empty,
                Ok(text) => Body::Text(text),
                Err(error) => Body::Bytes(error.into_bytes()),
            };
        }
    }
    Ok(())
}

/// A secret as it stands in a body.
fn written(value: &str, encoding: Encoding) -> String {
    match encoding {
        Encoding::Raw => value.to_owned(),
        Encoding::Form => {
            let pair = encode::form(&[("", value)]);
            pair.trim_start_matches('=').to_owned()
        }
        Encoding::Json => {
            let mut quoted = String::new();
            json::push_string(&mut quoted, value);
            quoted[1..quoted.len() - 1].to_owned()
        }
        Encoding::Base64 => encode::base64(value.as_bytes()),
    }
}

fn set(
    pairs: &mut Vec<(String, String)>,
    pair: (String, String),
    same: impl Fn(&str, &str) -> bool,
) {
    // As the host does: in the place of the first, without the others.
    let Some(first) = pairs.iter().position(|(name, _)| same(name, &pair.0)) else {
        pairs.push(pair);
        return;
    };
    let mut index = 0;
    pairs.retain(|(name, _)| {
        let keep = index <= first || !same(name, &pair.0);
        index += 1;
        keep
    });
    pairs[first] = pair;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::composing::{secret, text};

    #[test]
    fn a_secret_is_written_as_the_body_wants_it() {
        let secrets = BTreeMap::from([("token".to_owned(), "a b&\"=\n".to_owned())]);
        for (encoding, expected) in [
            (Encoding::Raw, "<a b&\"=\n>"),
            (Encoding::Form, "<a+b%26%22%3D%0A>"),
            (Encoding::Json, "<a b&\\\"=\\n>"),
            (Encoding::Base64, "<YSBiJiI9Cg==>"),
        ] {
            let mut draft = Draft::post("/");
            let pieces = vec![text("<"), secret("token", encoding), text(">")];
            apply(&mut draft, Edit::ComposeBody(pieces), &secrets).expect("a body");
            assert_eq!(draft.body, Body::Text(expected.into()));
        }
        let other = Edit::ComposeBody(vec![secret("other", Encoding::Raw)]);
        assert!(apply(&mut Draft::post("/"), other, &secrets).is_err());
    }
}
