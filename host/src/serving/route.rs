//! The names of a call, and what serves under them.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::connection::ConnectionGeneration;
use super::snapshot::{Snapshot, TenantGeneration};
use crate::budget::bounds::Bounds;
use crate::config::did_you_mean;
use crate::plugin::generation::{AdapterGeneration, CompiledOperation};
use crate::plugin::script_engine::EngineGeneration;
use crate::problem::Problem;
use crate::script::Script;
use crate::telemetry::observed::Observed;

/// What serves under the names of a call. Everything of one delivery comes
/// from here, so that no swap can be seen half way.
#[derive(Clone)]
pub struct Route {
    /// The tenant's generation.
    pub tenant: Arc<TenantGeneration>,
    /// The connection.
    pub connection: Arc<ConnectionGeneration>,
    /// The adapter's generation.
    pub adapter: Arc<AdapterGeneration>,
    /// The operation's name.
    pub operation: String,
    /// The snapshot it all came from; scripts find their engine in it.
    pub snapshot: Arc<Snapshot>,
    /// What the delivery may take.
    pub bounds: Bounds,
    /// What it counts, and which trace it is in.
    pub observed: Observed,
    /// Set once it is in the log that the script fails; nothing where each failure
    /// is logged.
    pub told: Option<Arc<AtomicBool>>,
}

impl Route {
    /// Looks the names up.
    pub fn find(
        snapshot: Arc<Snapshot>,
        tenant: &str,
        connection: &str,
        operation: &str,
    ) -> Result<Self, Problem> {
        let tenant = snapshot.tenants.get(tenant).cloned().ok_or_else(|| {
            Problem::caller(
                "unknown-tenant",
                format!("there is no tenant `{tenant}`; see `crossdock check` for what is loaded"),
            )
        })?;
        let connection = tenant.connections.get(connection).cloned().ok_or_else(|| {
            Problem::caller(
                "unknown-connection",
                format!(
                    "tenant `{}` has no connection `{connection}`; {}; where its file has it, \
                     `crossdock check` says why that was refused, and what it had before serves",
                    tenant.config.name,
                    did_you_mean(connection, names(tenant.connections.keys()), "it has")
                ),
            )
        })?;
        let adapter = snapshot
            .adapters
            .get(&connection.config.adapter)
            .cloned()
            .ok_or_else(|| {
                Problem::host(
                    "adapter-retired",
                    format!(
                        "adapter `{}` was retired; put its file back into the plugins folder",
                        connection.config.adapter
                    ),
                )
            })?;
        if !adapter.operations.contains_key(operation) {
            return Err(Problem::caller(
                "unknown-operation",
                format!(
                    "adapter `{}` has no operation `{operation}`; {}",
                    adapter.identity.name,
                    did_you_mean(operation, names(adapter.operations.keys()), "it has")
                ),
            ));
        }
        let observed = Observed::new(&connection.channel.observed, operation);
        Ok(Self {
            tenant,
            connection,
            adapter,
            operation: operation.to_owned(),
            snapshot,
            bounds: Bounds::default(),
            observed,
            told: None,
        })
    }

    /// The operation's schema and limits.
    pub fn compiled(&self) -> Result<&CompiledOperation, Problem> {
        self.adapter.operations.get(&self.operation).ok_or_else(|| {
            Problem::host("unknown-operation", "the operation is not there any more")
        })
    }

    /// The engine for a script's language.
    pub fn engine(&self, script: &Script) -> Result<&EngineGeneration, Problem> {
        let engine = self.snapshot.engines.get(&script.extension);
        engine.map(|engine| &**engine).ok_or_else(|| {
            Problem::host(
                "script-engine-retired",
                format!("the engine for `.{}` scripts was retired", script.extension),
            )
        })
    }
}

fn names<'a>(names: impl Iterator<Item = &'a String>) -> Vec<&'a str> {
    names.map(String::as_str).collect()
}
