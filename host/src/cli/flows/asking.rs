//! Which host is asked, with which token, and whose flows are meant.

use clap::Args;
use serde_json::Value;

use super::super::Global;
use super::super::client;
use super::super::deliveries::{encoded, failure, read};
use super::super::failure::Failure;

/// What every command about flows takes.
#[derive(Debug, Args)]
pub(super) struct Asking {
    /// The tenant, with its token or an admin token
    #[arg(long, value_name = "NAME")]
    tenant: String,
    #[command(flatten)]
    reach: client::Reach,
}

/// A host that is asked about a tenant's flows.
pub(super) struct Host {
    url: String,
    token: Option<String>,
    token_env: String,
    tenant: String,
}

/// Names and values of a query.
pub(super) type Pairs = Vec<(&'static str, String)>;

impl Asking {
    pub fn host(self, global: &Global) -> Result<Host, Failure> {
        Ok(Host {
            url: self.reach.url(global)?,
            token: self.reach.token(),
            token_env: self.reach.token_env,
            tenant: self.tenant,
        })
    }
}

impl Host {
    /// Asks for what is below the tenant's flows.
    pub async fn get(&self, below: &[&str], pairs: &Pairs) -> Result<Value, Failure> {
        let path = self.path(below, pairs);
        let answer = client::get(&self.url, &path, self.token.as_deref()).await;
        read(&self.url, &answer.map_err(failure)?, || self.unauthorized())
    }

    /// Has something done below them.
    pub async fn post(&self, below: &[&str], pairs: &Pairs) -> Result<Value, Failure> {
        let path = self.path(below, pairs);
        let answer = client::post(&self.url, &path, self.token.as_deref(), None).await;
        read(&self.url, &answer.map_err(failure)?, || self.unauthorized())
    }

    fn path(&self, below: &[&str], pairs: &Pairs) -> String {
        let mut path = format!("/v1/{}/flows", encoded(&self.tenant));
        for part in below {
            path.push('/');
            path.push_str(&encoded(part));
        }
        for (index, (name, value)) in pairs.iter().enumerate() {
            path.push(if index == 0 { '?' } else { '&' });
            path.push_str(&format!("{name}={}", encoded(value)));
        }
        path
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
        };
        let pairs = vec![("target", "a&b".to_owned()), ("limit", "5".to_owned())];
        assert_eq!(
            host.path(&["stock", "runs", "1?"], &pairs),
            "/v1/ac%2Fme/flows/stock/runs/1%3F?target=a%26b&limit=5"
        );
        assert_eq!(host.path(&[], &Pairs::new()), "/v1/ac%2Fme/flows");
    }
}
