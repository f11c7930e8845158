//! Which host is asked, with which token, and which connection is meant.

use axum::body::Bytes;
use clap::Args;
use serde_json::Value;

use super::super::Global;
use super::super::client::{self, Answer, NoAnswer};
use super::super::deliveries::{encoded, failure, read};
use super::super::failure::Failure;

/// What every command about a connection takes.
#[derive(Debug, Args)]
pub(super) struct Asking {
    /// The tenant, with its token or an admin token
    tenant: String,
    /// The connection
    connection: String,
    #[command(flatten)]
    reach: client::Reach,
}

/// A host that is asked about a connection's credentials.
pub(super) struct Host {
    url: String,
    token: Option<String>,
    token_env: String,
    tenant: String,
    connection: String,
}

impl Asking {
    pub fn host(self, global: &Global) -> Result<Host, Failure> {
        Ok(Host {
            url: self.reach.url(global)?,
            token: self.reach.token(),
            token_env: self.reach.token_env,
            tenant: self.tenant,
            connection: self.connection,
        })
    }
}

impl Host {
    /// How they are getting on.
    pub async fn get(&self) -> Result<Value, Failure> {
        let answer = client::get(&self.url, &self.path(""), self.token.as_deref()).await;
        self.read(answer)
    }

    /// Has something done about them.
    pub async fn post(&self, below: &str, body: Option<Bytes>) -> Result<Value, Failure> {
        let path = self.path(below);
        let answer = client::post(&self.url, &path, self.token.as_deref(), body).await;
        self.read(answer)
    }

    /// Has them forgotten.
    pub async fn delete(&self) -> Result<Value, Failure> {
        let answer = client::delete(&self.url, &self.path(""), self.token.as_deref()).await;
        self.read(answer)
    }

    /// The connection, as a person types it.
    pub fn named(&self) -> String {
        format!("{} {}", self.tenant, self.connection)
    }

    fn read(&self, answer: Result<Answer, NoAnswer>) -> Result<Value, Failure> {
        read(&self.url, &answer.map_err(failure)?, || self.unauthorized())
    }

    fn path(&self, below: &str) -> String {
        let (tenant, connection) = (encoded(&self.tenant), encoded(&self.connection));
        format!("/v1/{tenant}/{connection}/credentials{below}")
    }

    fn unauthorized(&self) -> Failure {
        let (url, tenant, variable) = (&self.url, &self.tenant, &self.token_env);
        anyhow::anyhow!(
            "the host at {url} wants a token of tenant `{tenant}`, or an admin token; put one into the environment variable {variable}"
        )
        .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_path_is_encoded() {
        let host = Host {
            url: "http://127.0.0.1:8080".into(),
            token: None,
            token_env: "X".into(),
            tenant: "ac/me".into(),
            connection: "s?hop".into(),
        };
        assert_eq!(host.path("/renew"), "/v1/ac%2Fme/s%3Fhop/credentials/renew");
        assert_eq!(host.named(), "ac/me s?hop");
    }
}
