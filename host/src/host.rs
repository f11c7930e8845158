//! The parts put together: what the command line and inbound HTTP talk to.

use std::path::Path;
use std::sync::Arc;

use crate::config::HostConfig;
use crate::delivery::dry_run::dry_run;
use crate::delivery::intake::{Route, items};
use crate::delivery::path::{DeliveryId, deliver};
use crate::delivery::report::{DryRun, Report};
use crate::delivery::state::States;
use crate::plugin::cache::CodeCache;
use crate::plugin::load::Loader;
use crate::plugin::sandbox::Sandbox;
use crate::problem::Problem;
use crate::reload::manager::{self, Handle};
use crate::reload::snapshot::{PluginStatus, Snapshot, TenantStatus};
use crate::script::ScriptRun;

/// A running host. Cloning is cheap.
#[derive(Clone)]
pub struct Host {
    config: Arc<HostConfig>,
    loaded: Handle,
    loader: Arc<Loader>,
}

/// A call of one operation.
#[derive(Debug, Clone)]
pub struct Call {
    /// Name of the tenant.
    pub tenant: String,
    /// Name of the connection.
    pub connection: String,
    /// Name of the operation.
    pub operation: String,
    /// A JSON object or array, as text.
    pub body: bytes::Bytes,
    /// Makes the items' keys stable over repeated calls.
    pub idempotency_key: Option<String>,
}

impl Host {
    /// Loads everything and, with `watch`, keeps it current. Fails only on what
    /// makes serving impossible (the sandbox, the watcher); what is wrong with a
    /// plugin or a tenant is in [`plugins`](Self::plugins) and
    /// [`tenants`](Self::tenants).
    pub async fn start(config: HostConfig, watch: bool) -> Result<Self, Problem> {
        let sandbox = Sandbox::new(&config.limits).map_err(|error| {
            Problem::host(
                "sandbox-failed",
                format!("the sandbox cannot start: {error:#}"),
            )
        })?;
        let cache = CodeCache::new(config.data_dir.join("code"));
        let loader = Arc::new(Loader::new(sandbox, cache, &config.limits));
        let config = Arc::new(config);
        let states = Arc::new(States::default());
        let loaded = manager::start(config.clone(), loader.clone(), states, watch).await?;
        Ok(Self {
            config,
            loaded,
            loader,
        })
    }

    /// The configuration it was started with.
    pub fn config(&self) -> &HostConfig {
        &self.config
    }

    /// What serves now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.loaded.current.snapshot()
    }

    /// Every plugin file: what serves from it, and why its newest bytes do not.
    pub fn plugins(&self) -> Vec<PluginStatus> {
        self.loaded.current.plugins().to_vec()
    }

    /// Every tenant folder: what serves from it, and why its newest files do not.
    pub fn tenants(&self) -> Vec<TenantStatus> {
        self.loaded.current.tenants().to_vec()
    }

    /// Idle adapter and script instances now.
    pub fn warm_instances(&self) -> (usize, usize) {
        self.loader.warm_instances()
    }

    /// One delivery, now. An error means that nothing was sent. Whoever drops
    /// the future ends the delivery where it stands: half of it may have been
    /// sent, and nobody learns what became of it.
    pub async fn call(&self, call: Call) -> Result<Report, Problem> {
        let (route, id, items) = self.accept(&call)?;
        deliver(route, &self.config.limits, id, items).await
    }

    /// What a call would send.
    pub async fn dry_run(&self, call: Call) -> Result<DryRun, Problem> {
        let (route, id, items) = self.accept(&call)?;
        dry_run(route, id, items).await
    }

    fn accept(&self, call: &Call) -> Result<(Route, DeliveryId, Vec<String>), Problem> {
        let snapshot = self.snapshot();
        let route = Route::find(snapshot, &call.tenant, &call.connection, &call.operation)?;
        let items = items(&call.body, self.config.limits.items_per_call)?
            .into_iter()
            .map(|item| item.get().to_owned())
            .collect();
        let id = DeliveryId::new(&route, call.idempotency_key.as_deref());
        Ok((route, id, items))
    }

    /// Runs one mapping script on its own, in its sandbox: one answer per item.
    pub async fn run_script(&self, script: &Path, items: &[u8]) -> Result<Vec<ScriptRun>, Problem> {
        crate::script::run(
            &self.snapshot(),
            script,
            items,
            self.config.limits.items_per_call,
        )
        .await
    }

    /// Confirms that a plugin whose file vanished may be retired.
    pub async fn retire(&self, plugin: &str) -> Result<(), Problem> {
        self.loaded.retire(plugin).await
    }
}
