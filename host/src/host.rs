//! The parts put together: what the command line and inbound HTTP talk to.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::{HostConfig, RecordingKey};
use crate::delivery::dry_run::dry_run;
use crate::delivery::intake::{Route, items};
use crate::delivery::path::{DeliveryId, deliver};
use crate::delivery::report::{DryRun, Report};
use crate::delivery::state::States;
use crate::plugin::cache::CodeCache;
use crate::plugin::load::Loader;
use crate::plugin::sandbox::Sandbox;
use crate::problem::Problem;
use crate::recording::{self, Recorded, Recorder, Subject};
use crate::reload::manager::{self, Handle};
use crate::reload::snapshot::{PluginStatus, Snapshot, TenantStatus};
use crate::script::ScriptRun;
use crate::script::diff::{CompareRequest, Comparison};
use crate::script::suite::Suite;

/// A running host. Cloning is cheap.
#[derive(Clone)]
pub struct Host {
    config: Arc<HostConfig>,
    loaded: Handle,
    loader: Arc<Loader>,
    /// Nothing where recording is off.
    recorder: Option<Arc<Recorder>>,
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
        let recorder = if config.recording.enabled {
            recorder(&config)?
        } else {
            None
        };
        let config = Arc::new(config);
        let states = Arc::new(States::default());
        let loaded = manager::start(config.clone(), loader.clone(), states, watch).await?;
        Ok(Self {
            config,
            loaded,
            loader,
            recorder,
        })
    }

    /// With plugins only: for what is about scripts in files and not about what
    /// serves.
    pub async fn without_tenants(mut config: HostConfig) -> Result<Self, Problem> {
        config.tenants_dir = config.data_dir.join("no-tenants");
        config.recording.enabled = false;
        Self::start(config, false).await
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

    /// Bytes of memory that idle scripts have.
    pub fn warm_script_bytes(&self) -> usize {
        self.loader.warm_script_bytes()
    }

    /// One delivery, now. An error means that nothing was sent. Whoever drops
    /// the future ends the delivery where it stands: half of it may have been
    /// sent, and nobody learns what became of it.
    pub async fn call(&self, call: Call) -> Result<Report, Problem> {
        let (route, id, items) = self.accept(&call)?;
        if let Some(recorder) = &self.recorder
            && route.tenant.config.recording
        {
            recorder.offer(&route, &call.body);
        }
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

    /// Calls whose items were not recorded for want of room.
    pub fn recordings_dropped(&self) -> u64 {
        self.recorder
            .as_ref()
            .map_or(0, |recorder| recorder.dropped())
    }

    /// The newest recorded items of an operation, oldest first. What was called
    /// less than a moment ago may not be among them.
    pub fn recorded(&self, subject: &Subject, most: usize) -> Result<Vec<Recorded>, Problem> {
        recording::read(&self.config.recording, &self.config.data_dir, subject, most)
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

    /// What a new mapping script would change, item by item; nothing is sent.
    pub async fn compare_scripts(&self, request: &CompareRequest) -> Result<Comparison, Problem> {
        crate::script::diff::compare(self.snapshot(), &self.config, request).await
    }

    /// Runs the tests beside scripts: those of the named files and folders, or
    /// of all tenants' folders. `tenants` is the tenants folder: a script there
    /// is tested in the context of each connection that uses it.
    pub async fn test_scripts(
        &self,
        tenants: &Path,
        paths: &[PathBuf],
    ) -> Result<Vec<Suite>, Problem> {
        crate::script::suite::run(&self.snapshot(), tenants, paths).await
    }

    /// Confirms that a plugin whose file vanished may be retired.
    pub async fn retire(&self, plugin: &str) -> Result<(), Problem> {
        self.loaded.retire(plugin).await
    }
}

/// A key that was configured has to be there; without a place for one that is
/// made here, the host does without recording.
fn recorder(config: &HostConfig) -> Result<Option<Arc<Recorder>>, Problem> {
    match Recorder::start(&config.recording, &config.data_dir) {
        Ok(recorder) => Ok(Some(Arc::new(recorder))),
        Err(problem) if config.recording.key == RecordingKey::Generated => {
            tracing::warn!(%problem, "items are not recorded");
            Ok(None)
        }
        Err(problem) => Err(problem),
    }
}
