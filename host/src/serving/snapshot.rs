//! One consistent view of everything loaded. A call takes the view once and
//! keeps it, so that it is served wholly by one generation of each part.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::connection::ConnectionGeneration;
use super::tenant_flow::FlowGeneration;
use crate::config::TenantConfig;
use crate::plugin::generation::AdapterGeneration;
use crate::plugin::load::Loaded;
use crate::plugin::script_engine::EngineGeneration;
use crate::script::Script;

/// Everything that serves.
#[derive(Debug, Default, Clone)]
pub struct Snapshot {
    /// By the adapter's name.
    pub adapters: HashMap<String, Arc<AdapterGeneration>>,
    /// By the script's file extension.
    pub engines: HashMap<String, Arc<EngineGeneration>>,
    /// By name.
    pub tenants: BTreeMap<Arc<str>, Arc<TenantGeneration>>,
}

impl Snapshot {
    /// A plugin serves, in place of whatever provided the same.
    pub fn put(&mut self, plugin: &Loaded) {
        match plugin {
            Loaded::Adapter(adapter) => {
                self.adapters
                    .insert(adapter.identity.name.clone(), adapter.clone());
            }
            Loaded::Engine(engine) => {
                self.engines
                    .insert(engine.manifest.extension.clone(), engine.clone());
            }
            // No call asks for it: its adapters have what they need of it.
            Loaded::Runtime(_) => {}
        }
    }
}

/// One loaded version of a tenant's folder.
#[derive(Debug)]
pub struct TenantGeneration {
    /// 1 for the first, then 2, 3, ….
    pub number: u32,
    /// What its files say.
    pub config: TenantConfig,
    /// Its connections, by name.
    pub connections: HashMap<String, Arc<ConnectionGeneration>>,
    /// Its flows, by name.
    pub flows: HashMap<String, Arc<FlowGeneration>>,
    /// When it began to serve, Unix milliseconds.
    pub loaded_at_ms: u64,
}

impl TenantGeneration {
    /// Every script of its connections and flows.
    pub fn all_scripts(&self) -> impl Iterator<Item = &Script> {
        let connections = self.connections.values();
        let connections = connections.flat_map(|connection| connection.all_scripts());
        connections.chain(self.flows.values().flat_map(|flow| flow.all_scripts()))
    }
}
