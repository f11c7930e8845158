//! Credentials that renew themselves: tokens that platforms grant, kept on disk and
//! renewed before they are over.
//!
//! | part | what it does |
//! |---|---|
//! | `table` | which connections have grants now, each with its task |
//! | `run` | the task of one: what is to be done next |
//! | `renew` | one renewal, and what becomes of one that fails |
//! | `when` | when a token is renewed, and when that it fails is told |
//! | `platform` | what serves of the connection, and the way to its platform |
//! | [`adapter`] | a platform's own way, as its adapter maps, signs and reads it |
//! | `ask` | what is asked of a platform, and what it grants |
//! | [`oauth2`] | tokens by OAuth 2.0, for connections whose file says so |
//! | `kept`, `keep` | what is kept of a grant; the way to the disk, encrypted |
//! | `part` | a grant as everybody but its task sees it |
//! | `people` | what a person sees and does |
//! | `shown` | a grant as people see it |
//! | [`events`] | what happens to grants, for whoever listens |
//! | `told` | the same, where tenants want to hear of it |
//!
//! [`crate::serving::credentials`] is what deliveries see of it.

pub mod adapter;
mod ask;
pub mod events;
mod keep;
mod kept;
pub mod oauth2;
mod part;
mod people;
mod platform;
mod renew;
mod run;
mod shown;
mod table;
#[cfg(test)]
mod tests;
mod told;
mod when;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::now_ms;
use crate::config::HostConfig;
use crate::outbox::newest::Feed;
use crate::outbox::{Outbox, Serving};
use crate::serving::connection_limits::Channels;
use crate::telemetry::page::GrantMoment;
use crate::vital::Trouble;
use events::CredentialsEvent;
use keep::Keep;
use part::{Part, RESULTS};

pub use ask::{Ask, Granting, NotGranted, Tokens};
pub use shown::{Authorizing, CredentialsShown, FailureShown};

/// Tenant and connection.
type Names = (Arc<str>, Arc<str>);

/// The grants of a host that serves. Cloning gives the same ones.
#[derive(Clone)]
pub struct Grants {
    shared: Arc<Shared>,
    /// The task that looks after all others.
    table: AbortHandle,
}

struct Shared {
    serving: Serving,
    config: Arc<HostConfig>,
    keep: Arc<Keep>,
    parts: Mutex<BTreeMap<Names, (Arc<Part>, AbortHandle)>>,
    closing: CancellationToken,
    tasks: TaskTracker,
    feed: Arc<Feed<CredentialsEvent>>,
    /// The feed's place at the start.
    begun: u64,
    outbox: Outbox,
}

impl Grants {
    /// Has tokens got and renewed, until [`close`](Self::close).
    pub fn start(
        outbox: &Outbox,
        serving: Serving,
        config: Arc<HostConfig>,
        channels: &Channels,
    ) -> Self {
        let feed = Arc::new(Feed::new(now_ms()));
        let shared = Arc::new(Shared {
            begun: feed.newest(),
            feed,
            outbox: outbox.clone(),
            serving,
            keep: Keep::new(outbox.grant_store(), config.clone()),
            config,
            parts: Mutex::default(),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        channels.granting(true);
        shared.tasks.spawn(told::run(shared.clone()));
        let table = shared.tasks.spawn(table::run(shared.clone()));
        let table = table.abort_handle();
        Self { shared, table }
    }

    /// Whether grants are looked after, or were told to end.
    pub fn is_alive(&self) -> bool {
        self.shared.closing.is_cancelled() || !self.table.is_finished()
    }

    /// Begins nothing more, and waits for what is under way, at most so long. What a
    /// renewal may have used up is known at the next start.
    pub async fn close(&self, patience: Duration) {
        self.shared.closing.cancel();
        self.shared.tasks.close();
        let _ = tokio::time::timeout(patience, self.shared.tasks.wait()).await;
    }

    /// What somebody should see to.
    pub fn trouble(&self) -> Option<Trouble> {
        let parts = self.shared.parts();
        let looks = parts.values().map(|(part, _)| part.look());
        let looks: Vec<_> = looks.filter(|look| look.alarm).collect();
        let of = |state: &str| looks.iter().filter(|it| it.shown.state == state).count();
        let (failing, person) = (of("failing"), of("needs-person"));
        (!looks.is_empty()).then(|| {
            Trouble::new(
                "grants",
                format!(
                    "the credentials of connections cannot be renewed: {person} are `needs-person`, somebody has to authorize them anew or mend their secrets, and {failing} are `failing`, they are tried again; the log says which, and `crossdock connection status` says why"
                ),
            )
        })
    }

    /// What the page of metrics shows.
    pub fn moment(&self) -> Vec<GrantMoment> {
        let parts = self.shared.parts();
        let moments = parts.iter().map(|((tenant, connection), (part, _))| {
            let look = part.look();
            GrantMoment {
                tenant: tenant.clone(),
                connection: connection.clone(),
                state: look.shown.state,
                expires_ms: look.shown.expires_ms,
                renewals: RESULTS.into_iter().zip(look.results).collect(),
            }
        });
        moments.collect()
    }
}

impl Shared {
    fn parts(&self) -> MutexGuard<'_, BTreeMap<Names, (Arc<Part>, AbortHandle)>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the task of any grant has ended.
    fn has_ended(&self) -> bool {
        let parts = self.parts();
        parts.values().any(|(_, task)| task.is_finished())
    }
}
