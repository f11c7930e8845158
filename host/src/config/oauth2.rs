//! `auth = { oauth2 = { … } }`: tokens that the host gets and renews by itself.

use std::collections::BTreeMap;

use url::Url;

/// Name of the granted secret with which requests are signed. A connection whose
/// `auth` is `oauth2` has none of this name in its file.
pub const OAUTH2_TOKEN: &str = "oauth2_token";

/// How a connection gets its tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuth2Config {
    /// `grant`: how the first one is had.
    pub grant: OAuth2Grant,
    /// `token_url`: where tokens are given out and renewed.
    pub token_url: Url,
    /// `client_id`: what the platform calls the application.
    pub client_id: String,
    /// `secret`: name of the secret that proves the application; without one it
    /// is a public client.
    pub secret: Option<String>,
    /// `client_auth`: where that secret goes.
    pub client_auth: ClientAuth,
    /// `scopes`: what is asked for.
    pub scopes: Vec<String>,
    /// `parameters`: what else the platform wants with every request for a token.
    pub parameters: BTreeMap<String, String>,
    /// `format`: how requests for tokens are written.
    pub format: TokenFormat,
    /// Where requests to the platform carry the token.
    pub place: TokenPlace,
}

/// How the first token is had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OAuth2Grant {
    /// With the application's own credentials.
    ClientCredentials,
    /// A person agrees, once.
    AuthorizationCode {
        /// `authorize_url`: where.
        authorize_url: Url,
    },
    /// With a refresh token that somebody has already.
    RefreshToken {
        /// Name of the secret that is the first one.
        refresh_token: String,
    },
}

/// Where an application's own secret goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientAuth {
    /// Into `Authorization: Basic`.
    #[default]
    Basic,
    /// Into the body.
    Body,
}

/// How requests for tokens are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenFormat {
    /// As RFC 6749 has it.
    #[default]
    Form,
    /// As an object.
    Json,
}

/// Where requests to the platform carry the token.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TokenPlace {
    /// `Authorization: Bearer`.
    #[default]
    Bearer,
    /// A header of this name.
    Header(String),
    /// A query parameter of this name.
    Query(String),
}
