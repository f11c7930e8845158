//! Which host is asked, with which token, and whose flows are meant.

use clap::Args;
use serde_json::Value;

use super::super::asked::Asked;
use super::super::deliveries::encoded;
use super::super::failure::Failure;
use super::super::{Global, client};

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
pub(super) struct Host(Asked);

/// Names and values of a query.
pub(super) type Pairs = Vec<(&'static str, String)>;

impl Asking {
    pub fn host(self, global: &Global) -> Result<Host, Failure> {
        Ok(Host(Asked::new(self.reach, self.tenant, global)?))
    }
}

impl Host {
    /// Asks for what is below the tenant's flows.
    pub async fn get(&self, below: &[&str], pairs: &Pairs) -> Result<Value, Failure> {
        self.0.get(&self.path(below, pairs)).await
    }

    /// Has something done below them.
    pub async fn post(&self, below: &[&str], pairs: &Pairs) -> Result<Value, Failure> {
        self.0.post(&self.path(below, pairs), None).await
    }

    fn path(&self, below: &[&str], pairs: &Pairs) -> String {
        let mut path = self.0.path(&[&["flows"], below].concat());
        for (index, (name, value)) in pairs.iter().enumerate() {
            path.push(if index == 0 { '?' } else { '&' });
            path.push_str(&format!("{name}={}", encoded(value)));
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_path_is_encoded() {
        let host = Host(Asked::nobody("ac/me"));
        let pairs = vec![("target", "a&b".to_owned()), ("limit", "5".to_owned())];
        assert_eq!(
            host.path(&["stock", "runs", "1?"], &pairs),
            "/v1/ac%2Fme/flows/stock/runs/1%3F?target=a%26b&limit=5"
        );
        assert_eq!(host.path(&[], &Pairs::new()), "/v1/ac%2Fme/flows");
    }
}
