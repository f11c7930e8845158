//! Which host is asked, with which token, and whose records are meant.

use std::io::Write;

use axum::body::Bytes;
use clap::Args;
use http::StatusCode;
use percent_encoding::utf8_percent_encode;
use serde_json::Value;

use super::super::Global;
use super::super::client::{self, Answer, NoAnswer, Told};
use super::super::failure::Failure;
use super::filter::says_something;
use crate::http::UNRESERVED;

/// What every command about deliveries takes.
#[derive(Debug, Args)]
pub(super) struct Asking {
    /// Only this tenant's, with its token or an admin token
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    #[command(flatten)]
    reach: client::Reach,
}

/// Names and values of a query.
pub(super) type Pairs = Vec<(&'static str, String)>;

/// A host that is asked.
pub(super) struct Host {
    url: String,
    token: Option<String>,
    token_env: String,
    tenant: Option<String>,
}

/// Whose interface is asked: that of one tenant, or that of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Tenant,
    Admin,
}

impl Asking {
    pub fn host(self, global: &Global) -> Result<Host, Failure> {
        says_something("tenant", self.tenant.as_deref())?;
        Ok(Host {
            url: self.reach.url(global)?,
            token: self.reach.token(),
            token_env: self.reach.token_env,
            tenant: self.tenant,
        })
    }
}

impl Host {
    /// Asks for what is below the deliveries.
    pub async fn get(&self, below: &str, pairs: &Pairs) -> Result<Value, Failure> {
        for door in self.doors() {
            let path = self.path(*door, below, pairs);
            let answer = client::get(&self.url, &path, self.token.as_deref()).await;
            if let Some(answer) = self.through(*door, answer)? {
                return self.read(&answer);
            }
        }
        Err(self.unauthorized())
    }

    /// Has something done below the deliveries.
    pub async fn post(
        &self,
        below: &str,
        pairs: &Pairs,
        body: Option<Bytes>,
    ) -> Result<Value, Failure> {
        for door in self.doors() {
            let path = self.path(*door, below, pairs);
            let token = self.token.as_deref();
            let answer = client::post(&self.url, &path, token, body.clone()).await;
            // Whoever was not let in has done nothing.
            if let Some(answer) = self.through(*door, answer)? {
                return self.read(&answer);
            }
        }
        Err(self.unauthorized())
    }

    /// Copies a long answer as it comes.
    pub async fn copy(
        &self,
        below: &str,
        pairs: &Pairs,
        to: &mut (dyn Write + Send),
    ) -> Result<(), Failure> {
        for door in self.doors() {
            let path = self.path(*door, below, pairs);
            let refused = client::copy(&self.url, &path, self.token.as_deref(), to).await;
            let Some(refused) = refused.map_err(failure)? else {
                return Ok(());
            };
            if let Some(answer) = self.through(*door, Ok(refused))? {
                return self.read(&answer).map(|_| ());
            }
        }
        Err(self.unauthorized())
    }

    /// A tenant's own token opens its own interface, an admin token that of all.
    fn doors(&self) -> &'static [Door] {
        match self.tenant {
            Some(_) => &[Door::Tenant, Door::Admin],
            None => &[Door::Admin],
        }
    }

    fn path(&self, door: Door, below: &str, pairs: &Pairs) -> String {
        let tenant = self.tenant.as_deref();
        let mut path = match (door, tenant) {
            (Door::Tenant, Some(tenant)) => format!("/v1/{}/deliveries{below}", encoded(tenant)),
            _ => format!("/v1/deliveries{below}"),
        };
        // What names a delivery needs no tenant, and takes none.
        let chooses = matches!(below, "" | "/export" | "/retry" | "/discard");
        let named = match (door, tenant) {
            (Door::Admin, Some(tenant)) if chooses => Some(("tenant", tenant)),
            _ => None,
        };
        let pairs = pairs.iter().map(|(name, value)| (*name, value.as_str()));
        for (index, (name, value)) in named.into_iter().chain(pairs).enumerate() {
            path.push(if index == 0 { '?' } else { '&' });
            path.push_str(&format!("{name}={}", encoded(value)));
        }
        path
    }

    /// An answer, or nothing where another door is to be tried.
    fn through(
        &self,
        door: Door,
        answer: Result<Answer, NoAnswer>,
    ) -> Result<Option<Answer>, Failure> {
        let answer = answer.map_err(failure)?;
        let last = self.doors().last() == Some(&door);
        Ok((last || answer.status != StatusCode::UNAUTHORIZED).then_some(answer))
    }

    fn read(&self, answer: &Answer) -> Result<Value, Failure> {
        read(&self.url, answer, || self.unauthorized())
    }

    fn unauthorized(&self) -> Failure {
        let whose = match &self.tenant {
            Some(tenant) => format!("a token of tenant `{tenant}`, or an admin token"),
            None => "an admin token, or with --tenant a token of that tenant".to_owned(),
        };
        let given = self.token.is_some();
        let said = client::not_let_in(&self.url, given, &whose, &self.token_env);
        anyhow::anyhow!("{said}").into()
    }
}

/// What the host at `url` answered.
pub(in super::super) fn read(
    url: &str,
    answer: &Answer,
    unauthorized: impl FnOnce() -> Failure,
) -> Result<Value, Failure> {
    if !answer.status.is_success() {
        return Err(match serde_json::from_slice::<Told>(&answer.body) {
            Ok(told) if told.code == "unauthorized" => unauthorized(),
            Ok(told) => anyhow::anyhow!("the host at {url} says: {}", told.detail).into(),
            Err(_) => anyhow::anyhow!("what answers at {url} is not a crossdock host").into(),
        });
    }
    serde_json::from_slice(&answer.body).map_err(|error| {
        let why = crate::json_failure::sentence(&error);
        anyhow::anyhow!(
            "the answer of the host at {url} cannot be read ({why}); is it another version of crossdock?"
        )
        .into()
    })
}

/// What to do where there is no answer.
pub(in super::super) fn failure(why: NoAnswer) -> Failure {
    match why {
        NoAnswer::Nobody { .. } => anyhow::anyhow!(
            "{why}; start the host with `crossdock serve`, or name another one with --url"
        ),
        NoAnswer::Late { .. } | NoAnswer::Request(_) => anyhow::anyhow!("{why}"),
    }
    .into()
}

/// A value as a part of a URL.
pub(in super::super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(tenant: Option<&str>) -> Host {
        Host {
            url: "http://127.0.0.1:8080".into(),
            token: None,
            token_env: "X".into(),
            tenant: tenant.map(str::to_owned),
        }
    }

    #[test]
    fn a_path_is_that_of_the_door_and_every_value_is_encoded() {
        let pairs = vec![("label", "a&b=c d/红".to_owned())];
        let one = host(Some("acme"));
        assert_eq!(
            one.path(Door::Tenant, "", &pairs),
            "/v1/acme/deliveries?label=a%26b%3Dc%20d%2F%E7%BA%A2"
        );
        assert_eq!(
            one.path(Door::Admin, "/export", &Pairs::new()),
            "/v1/deliveries/export?tenant=acme"
        );
        assert_eq!(
            one.path(Door::Admin, "/x/retry", &Pairs::new()),
            "/v1/deliveries/x/retry"
        );
        assert_eq!(
            host(None).path(Door::Admin, "", &Pairs::new()),
            "/v1/deliveries"
        );
        assert_eq!(host(None).doors(), [Door::Admin]);
    }
}
