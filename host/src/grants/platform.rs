//! What serves of a connection that has a grant, and the way to its platform.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use url::Url;

use super::oauth2::{self, OAuth2};
use super::{Ask, Granting, NotGranted, Tokens, adapter};
use crate::clock::now_ms;
use crate::config::{Auth, OAUTH2_TOKEN, OAuth2Grant, Secret};
use crate::outbox::Serving;
use crate::plugin::manifest::{Grant, GrantBy};
use crate::problem::Problem;
use crate::serving::credentials::{Cell, GrantKind, grant_of};

/// Everything about a connection that whoever looks after its grant has to know.
#[derive(Clone)]
pub(super) struct Declared {
    /// Where its token is.
    pub cell: Arc<Cell>,
    /// What it is granted to.
    pub place: String,
    /// The secrets' names: the token's, and that of what renews it.
    pub token: String,
    pub refresh: String,
    /// Whether the first token is had without a person.
    pub first: bool,
    /// How near to its end a token may be renewed, if the platform is like that.
    pub within: Option<Duration>,
    /// The file's own secrets: with others, it is tried anew.
    pub secrets: Arc<BTreeMap<String, Secret>>,
}

impl Declared {
    /// Whether a file has other secrets than before.
    pub fn has_other_secrets(&self, before: &BTreeMap<String, Secret>) -> bool {
        let pair = |(name, secret): (&String, &Secret)| (name.clone(), secret.clone());
        let now: Vec<_> = self.secrets.iter().map(pair).collect();
        let then: Vec<_> = before.iter().map(pair).collect();
        let same = now.len() == then.len()
            && now
                .iter()
                .zip(&then)
                .all(|((name, secret), (other, before))| {
                    name == other && secret.expose() == before.expose()
                });
        !same
    }
}

/// A platform as whoever looks after a grant sees it.
pub(super) trait Platform: Send + Sync {
    /// What serves now; nothing where the connection has no grant any more.
    fn look(&self) -> Option<Declared>;

    /// Asks for tokens.
    fn obtain(&self, ask: Ask, deadline: Instant) -> BoxFuture<'_, Result<Tokens, NotGranted>>;

    /// There is another token: what was stopped for want of one goes on.
    fn resume(&self);

    /// Unix milliseconds.
    fn now_ms(&self) -> u64;

    /// How long that is for this process. Tests have faster clocks.
    fn real(&self, time: Duration) -> Duration {
        time
    }
}

/// A connection of the files that serve.
pub(super) struct Served {
    pub serving: Serving,
    pub tenant: Arc<str>,
    pub connection: Arc<str>,
}

impl Served {
    /// What serves of it.
    pub fn granting(&self, deadline: Instant) -> Option<(Granting, GrantKind)> {
        let snapshot = (self.serving)();
        let tenant = snapshot.tenants.get(&self.tenant)?.clone();
        let connection = tenant.connections.get(&*self.connection)?.clone();
        let adapter = snapshot.adapters.get(&connection.config.adapter)?.clone();
        let kind = grant_of(&connection.config, &adapter)?;
        let granting = Granting {
            snapshot,
            tenant,
            connection,
            adapter,
            deadline,
        };
        Some((granting, kind))
    }

    /// Where a person agrees, and what proves afterwards that this host had sent
    /// the person.
    ///
    /// # Errors
    /// If no person is asked.
    pub fn authorize_url(
        granting: &Granting,
        redirect: Option<&Url>,
        state: &str,
    ) -> Result<(Option<Url>, Option<Secret>), Problem> {
        let connection = &granting.connection;
        let name = &connection.config.name;
        let nobody = || {
            let detail = format!(
                "nobody has to agree to anything for connection `{name}`: its token is had with its own secrets"
            );
            Problem::caller("no-authorization", detail)
        };
        if let Some(Auth::OAuth2(config)) = &connection.config.auth {
            let url = oauth2::authorize_url(config, redirect, state).ok_or_else(nobody)?;
            return Ok((Some(url.0), Some(url.1)));
        }
        let grant = granting.adapter.manifest.grant.as_ref();
        let settings = &connection.config.settings;
        let asks = |grant: &&Grant| grant.is_by(GrantBy::Code) && !grant.needs_nobody(settings);
        let grant = grant.filter(asks).ok_or_else(nobody)?;
        let url = grant.authorize_url(settings, state, redirect);
        let url = url.map_err(|why| Problem::host("invalid-settings", why))?;
        Ok((url, None))
    }
}

impl Platform for Served {
    fn look(&self) -> Option<Declared> {
        let (granting, kind) = self.granting(Instant::now())?;
        let connection = &granting.connection;
        let grant = granting.adapter.manifest.grant.as_ref();
        let (token, refresh, first, within) = match (kind, &connection.config.auth) {
            (GrantKind::OAuth2, Some(Auth::OAuth2(config))) => {
                let by_person = matches!(config.grant, OAuth2Grant::AuthorizationCode { .. });
                let refresh = "oauth2_refresh_token".to_owned();
                (OAUTH2_TOKEN.to_owned(), refresh, !by_person, None)
            }
            _ => {
                let grant = grant?;
                let refresh = grant.refresh.clone();
                let within = grant.renew_within.map(u64::from).map(Duration::from_secs);
                (
                    grant.token.clone(),
                    refresh.unwrap_or_else(|| "refresh_token".into()),
                    grant.needs_nobody(&connection.config.settings),
                    within,
                )
            }
        };
        let cell = connection.credentials.cell().clone();
        Some(Declared {
            place: cell.place().to_owned(),
            cell,
            token,
            refresh,
            first,
            within,
            secrets: connection.credentials.base().clone(),
        })
    }

    fn obtain(&self, ask: Ask, deadline: Instant) -> BoxFuture<'_, Result<Tokens, NotGranted>> {
        Box::pin(async move {
            let Some((granting, kind)) = self.granting(deadline) else {
                return Err(NotGranted::Later {
                    code: "not-serving".into(),
                    message: "the connection does not serve now".into(),
                    after: None,
                });
            };
            match kind {
                GrantKind::OAuth2 => match OAuth2::of(&granting.connection) {
                    Some(oauth2) => oauth2.obtain(ask, deadline).await,
                    None => Err(NotGranted::Broken(Problem::host(
                        "internal-error",
                        "the connection has no way to its token server",
                    ))),
                },
                GrantKind::Adapter => adapter::obtain(&granting, ask).await,
            }
        })
    }

    fn resume(&self) {
        let snapshot = (self.serving)();
        let tenant = snapshot.tenants.get(&self.tenant);
        let connection = tenant.and_then(|tenant| tenant.connections.get(&*self.connection));
        if let Some(connection) = connection {
            connection.channel.rearmed();
        }
    }

    fn now_ms(&self) -> u64 {
        now_ms()
    }
}
