//! A host that a command asks for one tenant.

use axum::body::Bytes;
use serde_json::Value;

use super::Global;
use super::client::{self, Answer, NoAnswer, Reach};
use super::deliveries::{encoded, failure, read};
use super::failure::Failure;

/// Where the host is, which token it gets, and whose things are meant.
pub(super) struct Asked {
    url: String,
    token: Option<String>,
    token_env: String,
    tenant: String,
}

impl Asked {
    /// # Errors
    /// If no URL was given, and the configuration cannot be read.
    pub fn new(reach: Reach, tenant: String, global: &Global) -> Result<Self, Failure> {
        Ok(Self {
            url: reach.url(global)?,
            token: reach.token(),
            token_env: reach.token_env,
            tenant,
        })
    }

    /// Whose things are meant.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// A path below the tenant's, each part encoded.
    pub fn path(&self, below: &[&str]) -> String {
        let mut path = format!("/v1/{}", encoded(&self.tenant));
        for part in below {
            path.push('/');
            path.push_str(&encoded(part));
        }
        path
    }

    /// Asks for what is there.
    pub async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.read(client::get(&self.url, path, self.token.as_deref()).await)
    }

    /// Has something done there.
    pub async fn post(&self, path: &str, body: Option<Bytes>) -> Result<Value, Failure> {
        self.read(client::post(&self.url, path, self.token.as_deref(), body).await)
    }

    /// Has it forgotten.
    pub async fn delete(&self, path: &str) -> Result<Value, Failure> {
        self.read(client::delete(&self.url, path, self.token.as_deref()).await)
    }

    fn read(&self, answer: Result<Answer, NoAnswer>) -> Result<Value, Failure> {
        read(&self.url, &answer.map_err(failure)?, || self.unauthorized())
    }

    fn unauthorized(&self) -> Failure {
        let wanted = format!("a token of tenant `{}`, or an admin token", self.tenant);
        let given = self.token.is_some();
        let said = client::not_let_in(&self.url, given, &wanted, &self.token_env);
        anyhow::anyhow!("{said}").into()
    }

    /// A host that nobody asks, whose paths are looked at.
    #[cfg(test)]
    pub fn nobody(tenant: &str) -> Self {
        Self {
            url: "http://127.0.0.1:8080".into(),
            token: None,
            token_env: "X".into(),
            tenant: tenant.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_token_is_told_from_a_missing_one() {
        let said = |host: &Asked| match host.unauthorized() {
            Failure::Other(error) => error.to_string(),
            Failure::Problems(problems) => panic!("{problems:?}"),
        };
        let mut host = Asked::nobody("acme");
        assert_eq!(
            said(&host),
            "the host at http://127.0.0.1:8080 wants a token of tenant `acme`, or an admin token; put one into the environment variable X"
        );
        host.token = Some("cd_wrong".into());
        assert_eq!(
            said(&host),
            "the host at http://127.0.0.1:8080 does not accept the token in the environment variable X; it wants a token of tenant `acme`, or an admin token"
        );
    }
}
