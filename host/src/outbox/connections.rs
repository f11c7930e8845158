//! How a tenant's connections are getting on: what waits for each, and whether
//! their platforms take it.

use std::collections::BTreeMap;

use crossdock_store::{Phase, State};
use serde::Serialize;

use super::Outbox;
use crate::problem::Problem;
use crate::serving::pace::PaceShown;

/// A tenant's connections.
#[derive(Debug, Serialize)]
pub struct ConnectionsShown {
    /// By name.
    pub connections: Vec<ConnectionShown>,
}

/// One of them.
#[derive(Debug, Serialize)]
pub struct ConnectionShown {
    /// Its name.
    pub connection: String,
    /// Its adapter.
    pub adapter: String,
    /// Whether a call is queued that does not say otherwise.
    pub queues_by_default: bool,
    /// Records that wait: queued, behind, sending or held.
    pub waiting: u64,
    /// Records that wait for a person: rejected, failed or unknown.
    pub dead: u64,
    /// When the first of the queued ones was or is due, Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_due_ms: Option<u64>,
    /// Whether queued records leave, and how many at once.
    #[serde(flatten)]
    pub pace: PaceShown,
}

/// What came of [`Outbox::resume`].
#[derive(Debug, Serialize)]
pub struct Resumed {
    /// Whether anything was held back.
    pub resumed: bool,
}

impl Outbox {
    /// The connections of a tenant.
    ///
    /// # Errors
    /// If the tenant does not serve, or the outbox cannot be read.
    pub async fn connections(&self, tenant: &str) -> Result<ConnectionsShown, Problem> {
        #[derive(Default)]
        struct Sum {
            waiting: u64,
            dead: u64,
            oldest: Option<u64>,
        }
        let name = tenant.to_owned();
        let sums = self.shared.with(move |store| {
            let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
            for depth in store.depths()? {
                let Some(lane) = store.lane(depth.lane).filter(|lane| lane.tenant == name) else {
                    continue;
                };
                let sum = sums.entry(lane.connection).or_default();
                for (state, count) in depth.items {
                    match State::phase(state) {
                        Phase::Open => sum.waiting += count,
                        Phase::Dead => sum.dead += count,
                        Phase::Done => {}
                    }
                }
                let oldest = sum.oldest.into_iter().chain(depth.oldest_due);
                sum.oldest = oldest.min();
            }
            Ok(sums)
        });
        let mut sums = sums.await?;
        let serving = (self.shared.serving)();
        let Some(tenant) = serving.tenants.get(tenant) else {
            return Err(unknown(format!("there is no tenant `{}`", shown(tenant))));
        };
        let connections = tenant.connections.iter().map(|(name, connection)| {
            let sum = sums.remove(name).unwrap_or_default();
            ConnectionShown {
                connection: name.clone(),
                adapter: connection.config.adapter.clone(),
                queues_by_default: connection.config.queue_by_default,
                waiting: sum.waiting,
                dead: sum.dead,
                oldest_due_ms: sum.oldest,
                pace: connection.channel.shown(),
            }
        });
        let mut connections: Vec<_> = connections.collect();
        connections.sort_by(|a, b| a.connection.cmp(&b.connection));
        Ok(ConnectionsShown { connections })
    }

    /// A person says that a connection works again: one request finds out.
    ///
    /// # Errors
    /// If there is no such connection.
    pub fn resume(&self, tenant: &str, connection: &str) -> Result<Resumed, Problem> {
        let serving = (self.shared.serving)();
        let found = serving.tenants.get(tenant);
        let found = found.and_then(|tenant| tenant.connections.get(connection));
        let Some(found) = found else {
            let (tenant, connection) = (shown(tenant), shown(connection));
            let detail = format!("tenant `{tenant}` has no connection `{connection}`");
            return Err(unknown(detail));
        };
        let resumed = found.channel.resume();
        if resumed {
            tracing::info!(target: "crossdock::outbox", tenant, connection, "a person lets queued deliveries go on: one request finds out whether the platform works");
        }
        Ok(Resumed { resumed })
    }
}

fn unknown(detail: String) -> Problem {
    Problem::caller("unknown-connection", detail)
}

/// A name that somebody sent, cut.
fn shown(name: &str) -> String {
    name.chars().take(40).collect()
}
