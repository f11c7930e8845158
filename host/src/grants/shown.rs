//! A grant as people see it.

use serde::Serialize;

use crate::problem::Blame;

/// How the credentials of a connection are getting on. No secret is in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CredentialsShown {
    /// The connection.
    pub connection: String,
    /// `none` (nothing is granted to it), `missing`, `ready`, `failing`,
    /// `needs-person` or `revoked`.
    pub state: &'static str,
    /// Whose account it is, as the platform says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// What is allowed, as the platform says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<String>,
    /// When the token is over, Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
    /// When what renews it is over, Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_expires_ms: Option<u64>,
    /// When the token came, Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renewed_ms: Option<u64>,
    /// How often it was renewed since a person agreed.
    pub renewals: u64,
    /// Why it is not renewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureShown>,
}

impl CredentialsShown {
    /// Of a connection that has no grant.
    pub fn none(connection: &str) -> Self {
        Self {
            connection: connection.to_owned(),
            state: "none",
            account: None,
            scopes: None,
            expires_ms: None,
            refresh_expires_ms: None,
            renewed_ms: None,
            renewals: 0,
            failure: None,
        }
    }
}

/// Why a token is not renewed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FailureShown {
    /// Whose fault it is.
    pub blame: Blame,
    /// The platform's code, or the host's.
    pub code: String,
    /// One sentence.
    pub message: String,
    /// Since when, Unix milliseconds.
    pub since_ms: u64,
    /// When it is tried again, Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_ms: Option<u64>,
}

/// A person is on the way to the platform.
#[derive(Debug, Clone, Serialize)]
pub struct Authorizing {
    /// Where to go.
    pub url: String,
    /// What the platform sends back.
    pub state: String,
    /// Until when, Unix milliseconds.
    pub expires_ms: u64,
}
