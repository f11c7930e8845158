//! One consistent view of everything loaded. A call takes the view once and
//! keeps it, so that it is served wholly by one generation of each part.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use crate::delivery::connection::ConnectionGeneration;
use crate::plugin::generation::{AdapterGeneration, Identity};
use crate::problem::Problem;
use crate::script::engine::EngineGeneration;

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

/// One plugin file.
#[derive(Debug, Clone, Serialize)]
pub struct PluginStatus {
    /// The file.
    pub file: PathBuf,
    /// What serves from it.
    pub serving: Option<Identity>,
    /// Why its newest bytes do not serve.
    pub refused: Option<RefusalStatus>,
    /// The file is gone; the loaded generation serves until somebody retires it.
    pub missing: bool,
}

/// Why a candidate was refused.
#[derive(Debug, Clone, Serialize)]
pub struct RefusalStatus {
    /// The step that refused.
    pub step: &'static str,
    /// One sentence.
    pub reason: String,
    /// SHA-256 of the refused bytes, where they could be read.
    pub sha256: Option<String>,
    /// When, Unix milliseconds.
    pub at_ms: u64,
}

/// One tenant folder.
#[derive(Debug, Clone, Serialize)]
pub struct TenantStatus {
    /// The tenant's name.
    pub name: String,
    /// The tenant's file.
    pub file: PathBuf,
    /// Generation that serves: 1 for the first.
    pub generation: Option<u32>,
    /// Names of the connections that serve, with the adapter of each.
    pub connections: BTreeMap<String, String>,
    /// What is wrong with the newest files; they do not serve then.
    pub problems: Vec<Problem>,
    /// When the serving generation began, Unix milliseconds.
    pub loaded_at_ms: Option<u64>,
}

/// One loaded version of a tenant's folder.
#[derive(Debug)]
pub struct TenantGeneration {
    /// 1 for the first, then 2, 3, ….
    pub number: u32,
    /// What its files say.
    pub config: crate::config::TenantConfig,
    /// Its connections, by name.
    pub connections: HashMap<String, Arc<ConnectionGeneration>>,
    /// When it began to serve, Unix milliseconds.
    pub loaded_at_ms: u64,
}
