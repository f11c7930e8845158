//! What the generations of every connection share, by tenant and connection.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::connection_limits::SharedChannel;
use super::keeping::{Keeper, Kept, Slot, Writing};
use crate::config::HostNetwork;
use crate::telemetry::Telemetry;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::observed::ObservedConnection;

/// Tenant and connection.
type Names = (Arc<str>, Arc<str>);

/// What the generations of each connection share, by tenant and connection.
#[derive(Default)]
pub struct Channels {
    by_name: Mutex<HashMap<Names, Arc<SharedChannel>>>,
    keeper: Slot,
    /// What another process left of connections that are not there yet.
    left: Mutex<HashMap<(String, String), Kept>>,
    telemetry: Telemetry,
    network: Arc<HostNetwork>,
    /// Whether anybody in this process gets tokens.
    engine: Arc<AtomicBool>,
}

impl Channels {
    /// None yet; what is counted about them goes here.
    pub fn observed(telemetry: Telemetry) -> Self {
        Self {
            telemetry,
            ..Self::default()
        }
    }

    /// The same with the host's way out.
    pub fn through(self, network: HostNetwork) -> Self {
        Self {
            network: Arc::new(network),
            ..self
        }
    }

    /// What is counted about them.
    pub fn metrics(&self) -> &Metrics {
        &self.telemetry.metrics
    }

    fn by_name(&self) -> MutexGuard<'_, HashMap<Names, Arc<SharedChannel>>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn left(&self) -> MutexGuard<'_, HashMap<(String, String), Kept>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection's, made when it is new.
    pub fn of(&self, tenant: &Arc<str>, connection: &Arc<str>) -> Arc<SharedChannel> {
        let mut by_name = self.by_name();
        let names = (tenant.clone(), connection.clone());
        let channel = by_name.entry(names).or_insert_with(|| {
            let channel = {
                let telemetry = &self.telemetry;
                let observed = ObservedConnection {
                    meter: telemetry.metrics.connection(tenant, connection),
                    traces: telemetry.traces.clone(),
                };
                let (keeper, network) = (self.keeper.clone(), self.network.clone());
                let engine = self.engine.clone();
                SharedChannel::new(tenant, connection, keeper, observed, network, engine)
            };
            let names = (tenant.to_string(), connection.to_string());
            if let Some(left) = self.left().remove(&names) {
                channel.resume(left);
            }
            Arc::new(channel)
        });
        channel.clone()
    }

    /// Forgets those of a tenant that is gone.
    pub fn forget(&self, tenant: &str) {
        self.by_name().retain(|(name, _), _| &**name != tenant);
        self.telemetry.metrics.forget(tenant);
    }

    /// Somebody keeps from now on what is to outlive the process, and has this
    /// from the one before: tenant, connection, state.
    pub fn keep(
        &self,
        keeper: Arc<dyn Keeper>,
        left: impl IntoIterator<Item = (String, String, Vec<u8>)>,
    ) {
        let by_name = self.by_name();
        for (tenant, connection, state) in left {
            let Some(kept) = Kept::read(&state) else {
                tracing::warn!(
                    tenant,
                    connection,
                    "what is known of the connection's limits cannot be read; they begin anew"
                );
                continue;
            };
            let names = (Arc::from(&*tenant), Arc::from(&*connection));
            match by_name.get(&names) {
                Some(channel) => channel.resume(kept),
                None => {
                    self.left().insert((tenant, connection), kept);
                }
            }
        }
        // A second one would keep the same.
        let _ = self.keeper.set(keeper);
    }

    /// Somebody gets tokens from now on, or does not any more.
    pub fn granting(&self, granting: bool) {
        self.engine.store(granting, Ordering::Release);
    }

    /// What has changed of connections, at most so many. `last` is for a process
    /// that ends in good order: nothing is promised ahead then.
    pub fn to_keep(&self, most: usize, last: bool) -> Vec<Writing> {
        let channels: Vec<_> = self.by_name().values().cloned().collect();
        let changed = channels.iter().filter_map(|channel| channel.to_keep(last));
        changed.take(most).collect()
    }
}
