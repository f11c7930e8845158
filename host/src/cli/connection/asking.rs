//! Which host is asked, with which token, and which connection is meant.

use axum::body::Bytes;
use clap::Args;
use serde_json::Value;

use super::super::asked::Asked;
use super::super::failure::Failure;
use super::super::{Global, client};

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
    asked: Asked,
    connection: String,
}

impl Asking {
    pub fn host(self, global: &Global) -> Result<Host, Failure> {
        Ok(Host {
            asked: Asked::new(self.reach, self.tenant, global)?,
            connection: self.connection,
        })
    }
}

impl Host {
    /// How they are getting on.
    pub async fn get(&self) -> Result<Value, Failure> {
        self.asked.get(&self.path(&[])).await
    }

    /// Has something done about them.
    pub async fn post(&self, what: &str, body: Option<Bytes>) -> Result<Value, Failure> {
        self.asked.post(&self.path(&[what]), body).await
    }

    /// Has them forgotten.
    pub async fn delete(&self) -> Result<Value, Failure> {
        self.asked.delete(&self.path(&[])).await
    }

    /// The connection, as a person types it.
    pub fn named(&self) -> String {
        format!("{} {}", self.asked.tenant(), self.connection)
    }

    fn path(&self, below: &[&str]) -> String {
        let here = [&*self.connection, "credentials"];
        self.asked.path(&[&here, below].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_path_is_encoded() {
        let host = Host {
            asked: Asked::nobody("ac/me"),
            connection: "s?hop".into(),
        };
        assert_eq!(
            host.path(&["renew"]),
            "/v1/ac%2Fme/s%3Fhop/credentials/renew"
        );
        assert_eq!(host.named(), "ac/me s?hop");
    }
}
