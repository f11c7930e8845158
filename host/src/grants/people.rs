//! What a person sees and does: looks, agrees, renews, takes back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crossdock_store::{Authorized, GrantName};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;
use zeroize::Zeroizing;

use super::part::{Part, Want};
use super::platform::Served;
use super::{Authorizing, CredentialsShown, Granting, Grants};
use crate::clock::{millis, now_ms};
use crate::config::{Secret, did_you_mean};
use crate::problem::Problem;
use crate::serving::snapshot::TenantGeneration;

/// How long a person may take.
const AUTHORIZING: Duration = Duration::from_secs(10 * 60);

/// Bytes of what a person brings back, at most. Real ones have some hundred.
const MOST_CODE: usize = 8 << 10;

/// What is kept with an authorization.
#[derive(Serialize, Deserialize)]
struct Proof {
    verifier: Option<String>,
    redirect: Option<String>,
}

impl Grants {
    /// How the credentials of a connection are getting on.
    ///
    /// # Errors
    /// If there is no such connection.
    pub fn shown(&self, tenant: &str, connection: &str) -> Result<CredentialsShown, Problem> {
        match self.part(tenant, connection)? {
            Some(part) => Ok(part.look().shown),
            None => Ok(CredentialsShown::none(connection)),
        }
    }

    /// Sends a person to the platform, to agree there.
    ///
    /// # Errors
    /// If nobody has to agree to anything, or it cannot be written down.
    pub async fn authorize(&self, tenant: &str, connection: &str) -> Result<Authorizing, Problem> {
        let granting = self.granting(tenant, connection)?;
        let state = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        let redirect = self.redirect(tenant, connection);
        let (url, verifier) = Served::authorize_url(&granting, redirect.as_ref(), &state)?;
        let now = now_ms();
        let until = now + millis(AUTHORIZING);
        let proof = Proof {
            verifier: verifier.map(|verifier| verifier.expose().to_owned()),
            redirect: redirect.map(String::from),
        };
        let proof = Zeroizing::new(serde_json::to_vec(&proof).unwrap_or_default());
        let name = GrantName {
            tenant: tenant.into(),
            connection: connection.into(),
            place: granting.connection.credentials.cell().place().to_owned(),
        };
        let keep = &self.shared.keep;
        keep.sent(hash(&state), &name, proof, until, now).await?;
        Ok(Authorizing {
            url: url.map(String::from).unwrap_or_default(),
            state,
            expires_ms: until,
        })
    }

    /// Takes what a person brought back. Without a state, it belongs to the newest
    /// authorization of the connection. The authorization is used up, whatever comes
    /// of it.
    ///
    /// # Errors
    /// If nobody was sent, that was too long ago, or the platform refuses it.
    pub async fn code(
        &self,
        tenant: &str,
        connection: &str,
        code: Secret,
        state: Option<&str>,
    ) -> Result<CredentialsShown, Problem> {
        let part = self.granted(tenant, connection)?;
        if code.expose().is_empty() || code.expose().len() > MOST_CODE {
            return Err(Problem::caller(
                "invalid-code",
                "the code is empty or longer than any code; paste what the platform gave you, and nothing else",
            ));
        }
        // The state is looked for by its hash: how long that takes says nothing of it.
        let which = match state {
            Some(state) => Authorized::Hash(hash(state)),
            None => Authorized::Newest {
                tenant: tenant.into(),
                connection: connection.into(),
            },
        };
        let unknown = || {
            Problem::caller(
                "authorization-unknown",
                format!(
                    "no authorization of connection `{connection}` is waiting for this: it was used, or began more than ten minutes ago; begin a new one with `crossdock connection authorize {tenant} {connection}`"
                ),
            )
        };
        let taken = self.shared.keep.back(which, now_ms()).await?;
        let (name, proof) = taken.ok_or_else(unknown)?;
        if name.tenant != tenant || name.connection != connection {
            return Err(unknown());
        }
        let proof: Proof = serde_json::from_slice(&proof).map_err(|_| unknown())?;
        part.want(Want::Code {
            code,
            verifier: proof.verifier.map(Secret::new),
            redirect: proof.redirect.and_then(|url| Url::parse(&url).ok()),
            place: name.place,
        })
        .await?;
        Ok(part.look().shown)
    }

    /// Renews the token now, and waits for that.
    ///
    /// # Errors
    /// If there is nothing to renew, or it fails.
    pub async fn renew(&self, tenant: &str, connection: &str) -> Result<CredentialsShown, Problem> {
        self.do_it(tenant, connection, Want::Renew).await
    }

    /// Forgets what was granted.
    ///
    /// # Errors
    /// If it cannot be written down.
    pub async fn revoke(
        &self,
        tenant: &str,
        connection: &str,
    ) -> Result<CredentialsShown, Problem> {
        self.do_it(tenant, connection, Want::Revoke).await
    }

    async fn do_it(
        &self,
        tenant: &str,
        connection: &str,
        want: Want,
    ) -> Result<CredentialsShown, Problem> {
        let part = self.granted(tenant, connection)?;
        part.want(want).await?;
        Ok(part.look().shown)
    }

    /// Where the platform sends a person back to, if the host knows how it is called.
    fn redirect(&self, tenant: &str, connection: &str) -> Option<Url> {
        let mut url = self.shared.config.public_url.clone()?;
        let path = ["v1", tenant, connection, "oauth", "callback"];
        url.path_segments_mut().ok()?.pop_if_empty().extend(path);
        Some(url)
    }

    /// What serves of a connection with a grant.
    fn granting(&self, tenant: &str, connection: &str) -> Result<Granting, Problem> {
        let (tenant, connection) = self.names(tenant, connection)?;
        let served = Served {
            serving: self.shared.serving.clone(),
            tenant,
            connection: connection.clone(),
        };
        let granting = served.granting(Instant::now());
        granting
            .map(|(granting, _)| granting)
            .ok_or_else(|| no_grant(&connection))
    }

    fn granted(&self, tenant: &str, connection: &str) -> Result<Arc<Part>, Problem> {
        let part = self.part(tenant, connection)?;
        part.ok_or_else(|| no_grant(connection))
    }

    /// A connection's grant, if it has one.
    fn part(&self, tenant: &str, connection: &str) -> Result<Option<Arc<Part>>, Problem> {
        let names = self.names(tenant, connection)?;
        // Files that began to serve a moment ago may have no task yet.
        let parts = self.shared.parts();
        Ok(parts.get(&names).map(|(part, _)| part.clone()))
    }

    /// A tenant that serves.
    pub(super) fn known(&self, tenant: &str) -> Result<(Arc<str>, Arc<TenantGeneration>), Problem> {
        let snapshot = (self.shared.serving)();
        let found = snapshot.tenants.get_key_value(tenant).ok_or_else(|| {
            Problem::caller(
                "unknown-tenant",
                format!("there is no tenant `{tenant}`; see `crossdock check` for what is loaded"),
            )
        })?;
        Ok((found.0.clone(), found.1.clone()))
    }

    fn names(&self, tenant: &str, connection: &str) -> Result<(Arc<str>, Arc<str>), Problem> {
        let (tenant, generation) = self.known(tenant)?;
        let known = generation.connections.get(connection).ok_or_else(|| {
            let names = generation.connections.keys().map(String::as_str);
            let meant = did_you_mean(connection, names, "it has");
            let detail = format!("tenant `{tenant}` has no connection `{connection}`; {meant}");
            Problem::caller("unknown-connection", detail)
        })?;
        Ok((tenant, known.config.name.clone()))
    }
}

fn no_grant(connection: &str) -> Problem {
    Problem::caller(
        "no-grant",
        format!(
            "connection `{connection}` has no credentials that renew themselves: its file sets them, or needs none"
        ),
    )
}

fn hash(state: &str) -> [u8; 32] {
    let hash = Sha256::new_with_prefix("an authorization of crossdock\n");
    hash.chain_update(state).finalize().into()
}
