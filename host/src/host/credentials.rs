//! The credentials of connections that renew themselves.

use super::Host;
use crate::config::Secret;
use crate::grants::{Authorizing, CredentialsShown};
use crate::problem::Problem;

impl Host {
    /// How the credentials of a connection are getting on.
    ///
    /// # Errors
    /// If there is no such connection.
    pub async fn credentials(
        &self,
        _tenant: &str,
        _connection: &str,
    ) -> Result<CredentialsShown, Problem> {
        Err(soon())
    }

    /// Sends a person to the platform, to agree there.
    ///
    /// # Errors
    /// If nobody has to agree to anything, or it cannot be written down.
    pub async fn authorize(
        &self,
        _tenant: &str,
        _connection: &str,
    ) -> Result<Authorizing, Problem> {
        Err(soon())
    }

    /// Takes what a person brought back and pasted. Without a state, it belongs to
    /// the newest authorization of the connection.
    ///
    /// # Errors
    /// If nobody was sent, that was too long ago, or the platform refuses it.
    pub async fn grant_code(
        &self,
        _tenant: &str,
        _connection: &str,
        _code: Secret,
        _state: Option<String>,
    ) -> Result<CredentialsShown, Problem> {
        Err(soon())
    }

    /// Takes what a person's browser brought back. The state is used up, whatever
    /// comes of it.
    ///
    /// # Errors
    /// If the state is unknown or over, or the platform refuses the code.
    pub async fn grant_callback(
        &self,
        _tenant: &str,
        _connection: &str,
        _code: Secret,
        _state: String,
    ) -> Result<CredentialsShown, Problem> {
        Err(soon())
    }

    /// Renews the token now, and waits for that.
    ///
    /// # Errors
    /// If there is nothing to renew, or it fails.
    pub async fn renew_credentials(
        &self,
        _tenant: &str,
        _connection: &str,
    ) -> Result<CredentialsShown, Problem> {
        Err(soon())
    }

    /// Forgets what was granted.
    ///
    /// # Errors
    /// If it cannot be written down.
    pub async fn revoke_credentials(
        &self,
        _tenant: &str,
        _connection: &str,
    ) -> Result<CredentialsShown, Problem> {
        Err(soon())
    }
}

fn soon() -> Problem {
    Problem::host("no-grant", "not there yet")
}
