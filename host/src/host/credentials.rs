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
        tenant: &str,
        connection: &str,
    ) -> Result<CredentialsShown, Problem> {
        self.grants()?.shown(tenant, connection)
    }

    /// Sends a person to the platform, to agree there.
    ///
    /// # Errors
    /// If nobody has to agree to anything, or it cannot be written down.
    pub async fn authorize(&self, tenant: &str, connection: &str) -> Result<Authorizing, Problem> {
        self.grants()?.authorize(tenant, connection).await
    }

    /// Takes what a person brought back and pasted. Without a state, it belongs to
    /// the newest authorization of the connection.
    ///
    /// # Errors
    /// If nobody was sent, that was too long ago, or the platform refuses it.
    pub async fn grant_code(
        &self,
        tenant: &str,
        connection: &str,
        code: Secret,
        state: Option<String>,
    ) -> Result<CredentialsShown, Problem> {
        let grants = self.grants()?;
        grants
            .code(tenant, connection, code, state.as_deref())
            .await
    }

    /// Takes what a person's browser brought back. The state is used up, whatever
    /// comes of it.
    ///
    /// # Errors
    /// If the state is unknown or over, or the platform refuses the code.
    pub async fn grant_callback(
        &self,
        tenant: &str,
        connection: &str,
        code: Secret,
        state: String,
    ) -> Result<CredentialsShown, Problem> {
        let grants = self.grants()?;
        grants.code(tenant, connection, code, Some(&state)).await
    }

    /// Renews the token now, and waits for that.
    ///
    /// # Errors
    /// If there is nothing to renew, or it fails.
    pub async fn renew_credentials(
        &self,
        tenant: &str,
        connection: &str,
    ) -> Result<CredentialsShown, Problem> {
        self.grants()?.renew(tenant, connection).await
    }

    /// Forgets what was granted.
    ///
    /// # Errors
    /// If it cannot be written down.
    pub async fn revoke_credentials(
        &self,
        tenant: &str,
        connection: &str,
    ) -> Result<CredentialsShown, Problem> {
        self.grants()?.revoke(tenant, connection).await
    }
}
