//! The parts put together: what the command line and inbound HTTP talk to.

use std::sync::Arc;

use crate::config::HostConfig;
use crate::delivery::report::{DryRun, Report};
use crate::problem::Problem;
use crate::reload::snapshot::{PluginStatus, Snapshot, TenantStatus};

/// A running host. Cloning is cheap.
#[derive(Clone)]
pub struct Host {
    inner: Arc<Inner>,
}

struct Inner {
    config: HostConfig,
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
    /// makes serving impossible (the sandbox, the data directory); what is wrong
    /// with a plugin or a tenant is in [`plugins`](Self::plugins) and
    /// [`tenants`](Self::tenants).
    pub async fn start(config: HostConfig, watch: bool) -> Result<Self, Problem> {
        todo!()
    }

    /// The configuration it was started with.
    pub fn config(&self) -> &HostConfig {
        &self.inner.config
    }

    /// What serves now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        todo!()
    }

    /// Every plugin file: what serves from it, and why its newest bytes do not.
    pub fn plugins(&self) -> Vec<PluginStatus> {
        todo!()
    }

    /// Every tenant folder: what serves from it, and why its newest files do not.
    pub fn tenants(&self) -> Vec<TenantStatus> {
        todo!()
    }

    /// One delivery, now. An error means that nothing was sent.
    pub async fn call(&self, call: Call) -> Result<Report, Problem> {
        todo!()
    }

    /// What a call would send.
    pub async fn dry_run(&self, call: Call) -> Result<DryRun, Problem> {
        todo!()
    }

    /// Runs one mapping script on its own, in its sandbox: one answer per item.
    pub async fn run_script(
        &self,
        script: &std::path::Path,
        items: &[u8],
    ) -> Result<Vec<crate::script::ScriptRun>, Problem> {
        todo!()
    }

    /// Confirms that an adapter whose file vanished may be retired.
    pub async fn retire(&self, plugin: &str) -> Result<(), Problem> {
        todo!()
    }
}
