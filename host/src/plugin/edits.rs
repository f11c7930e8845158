//! From a draft and the adapter's edits to exactly what is sent.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::compose::{self, TooMuch};
use super::contract::{Body, Draft, Edit};
use crate::config::{Auth, OAUTH2_TOKEN, Secret, TokenPlace, nearest};

/// A request with its authentication, before it is joined to a base URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedDraft {
    /// HTTP method.
    pub method: String,
    /// Path below the base URL.
    pub path: String,
    /// Query pairs, not encoded.
    pub query: Vec<(String, String)>,
    /// Header pairs.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Payload,
}

/// A body by value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// None.
    Empty,
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl From<Body> for Payload {
    fn from(body: Body) -> Self {
        match body {
            Body::Empty => Self::Empty,
            Body::Text(text) => Self::Text(text),
            Body::Bytes(bytes) => Self::Bytes(bytes),
        }
    }
}

/// Why edits cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Not in the adapter's manifest: the adapter's fault.
    #[error("`sign` names secret `{0}`, which the manifest does not declare")]
    Undeclared(String),
    /// Not set by the tenant: the connection has to be completed.
    #[error("the connection does not set secret `{0}`")]
    Unset(String),
    /// Of a body made of pieces: the adapter's fault.
    #[error("{0}")]
    TooMuch(#[from] TooMuch),
}

/// What is said to an author of a secret that is not declared, and what to do.
pub(crate) fn undeclared(name: &str, declared: &BTreeSet<String>) -> String {
    let meant = match nearest(name, declared.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "add it to `secrets`".to_owned(),
    };
    format!("`sign` asks for secret `{name}`, which the manifest does not declare: {meant}")
}

/// Replaces the pair of that name where it stands, or appends it.
fn set(
    pairs: &mut Vec<(String, String)>,
    name: String,
    value: String,
    same: fn(&str, &str) -> bool,
) {
    let mut positions = (0..pairs.len()).filter(|&i| same(&pairs[i].0, &name));
    let Some(first) = positions.next() else {
        pairs.push((name, value));
        return;
    };
    let mut index = 0;
    pairs[first] = (name, value);
    let name = pairs[first].0.clone();
    pairs.retain(|(other, _)| {
        let keep = index <= first || !same(other, &name);
        index += 1;
        keep
    });
}

fn set_query(pairs: &mut Vec<(String, String)>, (name, value): (String, String)) {
    set(pairs, name, value, |a, b| a == b);
}

fn set_header(pairs: &mut Vec<(String, String)>, (name, value): (String, String)) {
    set(pairs, name, value, str::eq_ignore_ascii_case);
}

/// Applies the edits in their order.
pub fn apply_edits(
    draft: Draft,
    edits: Vec<Edit>,
    secrets: &BTreeMap<String, Secret>,
    declared: &BTreeSet<String>,
) -> Result<SignedDraft, EditError> {
    let named = |name: &str| -> Result<&Secret, EditError> {
        if !declared.contains(name) {
            return Err(EditError::Undeclared(name.to_owned()));
        }
        let secret = secrets.get(name);
        secret.ok_or_else(|| EditError::Unset(name.to_owned()))
    };
    let secret = |name: &str| named(name).map(|secret| secret.expose().to_owned());
    let mut signed = SignedDraft {
        method: draft.method,
        path: draft.path,
        query: draft.query,
        headers: draft.headers,
        body: draft.body.into(),
    };
    for edit in edits {
        match edit {
            Edit::SetQuery(pair) => set_query(&mut signed.query, pair),
            Edit::SetHeader(pair) => set_header(&mut signed.headers, pair),
            Edit::ReplaceBody(body) => signed.body = body.into(),
            Edit::SecretQuery((parameter, name)) => {
                let value = secret(&name)?;
                set_query(&mut signed.query, (parameter, value));
            }
            Edit::SecretHeader((header, name)) => {
                let value = secret(&name)?;
                set_header(&mut signed.headers, (header, value));
            }
            Edit::ComposeBody(pieces) => signed.body = compose::body(&pieces, named)?,
        }
    }
    Ok(signed)
}

/// Applies a connection's standard scheme. The secret's existence was checked
/// when the tenant's file was read.
pub fn apply_auth(
    signed: &mut SignedDraft,
    auth: &Auth,
    secrets: &BTreeMap<String, Secret>,
) -> Result<(), EditError> {
    let expose = |name: &str| {
        secrets
            .get(name)
            .map(Secret::expose)
            .ok_or_else(|| EditError::Unset(name.to_owned()))
    };
    match auth {
        Auth::Basic { user, secret } => {
            let value = format!("Basic {}", basic_credentials(user, expose(secret)?));
            set_header(&mut signed.headers, ("authorization".into(), value));
        }
        Auth::Bearer { secret } => {
            let value = format!("Bearer {}", expose(secret)?);
            set_header(&mut signed.headers, ("authorization".into(), value));
        }
        Auth::Header { name, secret } => {
            let value = expose(secret)?.to_owned();
            set_header(&mut signed.headers, (name.clone(), value));
        }
        Auth::Query { name, secret } => {
            let value = expose(secret)?.to_owned();
            set_query(&mut signed.query, (name.clone(), value));
        }
        Auth::OAuth2(config) => {
            let token = expose(OAUTH2_TOKEN)?;
            match &config.place {
                TokenPlace::Bearer => {
                    let value = format!("Bearer {token}");
                    set_header(&mut signed.headers, ("authorization".into(), value));
                }
                TokenPlace::Header(name) => {
                    set_header(&mut signed.headers, (name.clone(), token.to_owned()));
                }
                TokenPlace::Query(name) => {
                    set_query(&mut signed.query, (name.clone(), token.to_owned()));
                }
            }
        }
    }
    Ok(())
}

/// RFC 7617 credentials over UTF-8.
pub fn basic_credentials(user: &str, password: &str) -> String {
    STANDARD.encode(format!("{user}:{password}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> Draft {
        Draft {
            method: "POST".into(),
            path: "/p".into(),
            query: vec![
                ("a".into(), "1".into()),
                ("b".into(), "2".into()),
                ("a".into(), "3".into()),
            ],
            headers: vec![("X-One".into(), "1".into())],
            body: Body::Empty,
        }
    }

    fn pair(a: &str, b: &str) -> (String, String) {
        (a.into(), b.into())
    }

    #[test]
    fn setting_replaces_in_place_and_removes_doubles() {
        let signed = apply_edits(
            draft(),
            vec![
                Edit::SetQuery(pair("a", "9")),
                Edit::SetQuery(pair("c", "4")),
                Edit::SetHeader(pair("x-one", "2")),
            ],
            &BTreeMap::new(),
            &BTreeSet::new(),
        )
        .unwrap();
        assert_eq!(
            signed.query,
            [pair("a", "9"), pair("b", "2"), pair("c", "4")]
        );
        assert_eq!(signed.headers, [pair("x-one", "2")]);
    }

    #[test]
    fn a_misspelt_secret_is_answered_with_the_one_that_is_declared() {
        let declared = BTreeSet::from(["app-secret".to_owned()]);
        let said = undeclared("app-secrt", &declared);
        assert!(
            said.ends_with("declare: did you mean `app-secret`?"),
            "{said}"
        );
        let said = undeclared("other", &declared);
        assert!(said.ends_with("declare: add it to `secrets`"), "{said}");
    }

    #[test]
    fn secrets_must_be_declared_and_set() {
        let secrets = BTreeMap::from([("salt".to_owned(), Secret::new("s4lt".into()))]);
        let declared = BTreeSet::from(["salt".to_owned(), "unset".to_owned()]);
        let edit = |name| vec![Edit::SecretQuery(pair("salt", name))];
        let signed = apply_edits(draft(), edit("salt"), &secrets, &declared).unwrap();
        assert!(signed.query.contains(&pair("salt", "s4lt")));
        assert_eq!(
            apply_edits(draft(), edit("unset"), &secrets, &declared),
            Err(EditError::Unset("unset".into()))
        );
        assert_eq!(
            apply_edits(draft(), edit("other"), &secrets, &declared),
            Err(EditError::Undeclared("other".into()))
        );
    }

    #[test]
    fn basic_agrees_with_rfc_7617() {
        let mut signed = apply_edits(draft(), vec![], &BTreeMap::new(), &BTreeSet::new()).unwrap();
        let secrets = BTreeMap::from([("password".to_owned(), Secret::new("open sesame".into()))]);
        let auth = Auth::Basic {
            user: "Aladdin".into(),
            secret: "password".into(),
        };
        apply_auth(&mut signed, &auth, &secrets).unwrap();
        assert!(
            signed
                .headers
                .contains(&pair("authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="))
        );
    }

    #[test]
    fn a_token_that_the_host_got_goes_where_the_file_says() {
        use url::Url;

        use crate::config::{OAuth2Config, OAuth2Grant};

        let secrets = BTreeMap::from([(OAUTH2_TOKEN.to_owned(), Secret::new("t0ken".into()))]);
        let apply = |place: TokenPlace, secrets: &BTreeMap<String, Secret>| {
            let draft = draft();
            let mut signed =
                apply_edits(draft, vec![], &BTreeMap::new(), &BTreeSet::new()).unwrap();
            let auth = Auth::OAuth2(Box::new(OAuth2Config {
                grant: OAuth2Grant::ClientCredentials,
                token_url: Url::parse("https://a.example/token").unwrap(),
                client_id: "c".into(),
                secret: None,
                client_auth: Default::default(),
                scopes: Vec::new(),
                parameters: BTreeMap::new(),
                format: Default::default(),
                place,
            }));
            apply_auth(&mut signed, &auth, secrets).map(|()| signed)
        };
        let signed = apply(TokenPlace::Bearer, &secrets).unwrap();
        assert!(
            signed
                .headers
                .contains(&pair("authorization", "Bearer t0ken"))
        );
        let signed = apply(TokenPlace::Header("X-Token".into()), &secrets).unwrap();
        assert!(signed.headers.contains(&pair("X-Token", "t0ken")));
        let signed = apply(TokenPlace::Query("access_token".into()), &secrets).unwrap();
        assert!(signed.query.contains(&pair("access_token", "t0ken")));
        let without = apply(TokenPlace::Bearer, &BTreeMap::new());
        assert_eq!(without.err(), Some(EditError::Unset(OAUTH2_TOKEN.into())));
    }
}
