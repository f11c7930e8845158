//! Who asks for tokens, and how it says so: RFC 6749, section 2.3.1.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::OauthOptions;
use crate::check::{Breach, Violation};
use crate::exchange::Call;

/// How a client proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// HTTP basic authentication, identifier and secret form-encoded before.
    #[default]
    Basic,
    /// `client_id` and `client_secret` in the body.
    Body,
    /// Not at all: a public client, which only names itself.
    None,
}

/// A client that was registered.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OauthClient {
    pub id: String,
    #[serde(default)]
    pub secret: String,
    #[serde(default)]
    pub auth: ClientAuth,
    /// Names of RFC 6749: `client_credentials`, `authorization_code`,
    /// `refresh_token`.
    pub grants: Vec<String>,
    /// What it may ask for, separated by spaces.
    #[serde(default)]
    pub scopes: String,
    /// Beginnings of addresses that codes may be sent to. The RFC wants whole
    /// addresses; a test's ports are not known before.
    #[serde(default)]
    pub redirects: Vec<String>,
}

impl OauthClient {
    pub fn new(id: &str, secret: &str, auth: ClientAuth, grants: &[&str]) -> Self {
        Self {
            id: id.to_owned(),
            secret: secret.to_owned(),
            auth,
            grants: grants.iter().map(|grant| (*grant).to_owned()).collect(),
            scopes: "read_inventory write_inventory".to_owned(),
            redirects: vec!["http://127.0.0.1:".to_owned(), "https://".to_owned()],
        }
    }

    /// Clients for tests and demo, one of each kind.
    pub fn everybodys() -> Vec<Self> {
        const CODE: [&str; 2] = ["authorization_code", "refresh_token"];
        vec![
            // Characters that basic authentication has to encode.
            Self::new("shop app:1", "s3cret+/% &=:x", ClientAuth::Basic, &CODE),
            Self::new("in-body", "body-secret+/&=", ClientAuth::Body, &CODE),
            Self::new("public", "", ClientAuth::None, &CODE),
            Self::new(
                "machine",
                "machine secret/+=",
                ClientAuth::Basic,
                &["client_credentials"],
            ),
            Self::new(
                "shopify-app",
                "shpss-0f1e2d3c4b5a69788796a5b4c3d2e1f0",
                ClientAuth::Body,
                &["client_credentials", "authorization_code", "refresh_token"],
            ),
        ]
    }

    pub fn may(&self, grant: &str) -> bool {
        self.grants.iter().any(|known| known == grant)
    }
}

/// Why it is nobody.
pub struct Stranger {
    pub violation: Violation,
    /// Whether it tried by a header, which decides how it is told.
    pub by_header: bool,
}

fn decoded(text: &str) -> Option<String> {
    let pair = url::form_urlencoded::parse(text.as_bytes()).next();
    let (name, value) = pair?;
    value.is_empty().then(|| name.into_owned())
}

/// The identifier and secret of a header `Authorization: Basic …`.
fn basic(value: &str) -> Option<(String, String)> {
    let bytes = STANDARD.decode(value.strip_prefix("Basic ")?).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (id, secret) = text.split_once(':')?;
    let encoded = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"*-._+%".contains(&byte))
    };
    if !encoded(id) || !encoded(secret) {
        return None;
    }
    Some((decoded(id)?, decoded(secret)?))
}

/// The client of a token request.
pub fn identify<'a>(
    options: &'a OauthOptions,
    call: &Call,
    fields: &[(String, String)],
) -> Result<&'a OauthClient, Stranger> {
    let field = |name: &str| {
        let found = fields.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    };
    let header = call.header("authorization");
    let by_header = header.is_some();
    let stranger = |pointer: &str, message: &str| Stranger {
        violation: Violation::new(Breach::Credentials, pointer, message),
        by_header,
    };
    let (id, secret, used) = match header {
        Some(value) => {
            let Some((id, secret)) = basic(value) else {
                let message = "not Basic with form-encoded identifier and secret";
                return Err(stranger("header/authorization", message));
            };
            if field("client_secret").is_some() {
                // RFC 6749, section 2.3: not more than one method.
                return Err(stranger("client_secret", "beside the header"));
            }
            if field("client_id").is_some_and(|other| other != id) {
                return Err(stranger("client_id", "another than the header's"));
            }
            (id, Some(secret), ClientAuth::Basic)
        }
        None => {
            let Some(id) = field("client_id") else {
                return Err(stranger("client_id", "nobody says who asks"));
            };
            match field("client_secret") {
                Some(secret) => (id.to_owned(), Some(secret.to_owned()), ClientAuth::Body),
                None => (id.to_owned(), None, ClientAuth::None),
            }
        }
    };
    let Some(client) = options.client(&id) else {
        return Err(stranger("client_id", "no client has this identifier"));
    };
    if client.auth != used {
        return Err(stranger(
            "client_secret",
            "not the way in which this client is registered to prove itself",
        ));
    }
    match secret {
        Some(secret) if secret != client.secret => Err(stranger("client_secret", "wrong")),
        _ => Ok(client),
    }
}
