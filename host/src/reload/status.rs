//! What the interfaces say of plugins and tenants.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::passing::Retry;
use crate::config::FlowConfig;
use crate::flows::shown;
use crate::plugin::generation::Identity;
use crate::problem::Problem;

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
    /// Its newest bytes are being compiled and checked.
    pub checking: bool,
    /// Since when the file is there and cannot be read, Unix milliseconds.
    pub unreadable_since_ms: Option<u64>,
    /// When it is tried again by itself.
    pub retry: Option<Retry>,
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

/// A flow that serves: where its records come from, when, and where they go.
#[derive(Debug, Clone, Serialize)]
pub struct FlowStatus {
    /// `operation`, `inbound`, `folder`, `database` or `webhook`.
    pub source: &'static str,
    /// Where its records come from, for people.
    pub from: String,
    /// When it runs: `every 5m`, `cron */5 * * * * UTC`, `on demand`, `when something
    /// arrives`.
    pub runs: String,
    /// The names of its targets.
    pub targets: Vec<String>,
}

impl From<&FlowConfig> for FlowStatus {
    fn from(flow: &FlowConfig) -> Self {
        let targets = flow.targets.iter().map(|target| target.name().to_owned());
        Self {
            source: flow.source.kind(),
            from: shown::from(flow),
            runs: shown::runs(flow),
            targets: targets.collect(),
        }
    }
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
    /// The flows that serve, by name.
    pub flows: BTreeMap<String, FlowStatus>,
    /// What is wrong with the newest files; they do not serve then.
    pub problems: Vec<Problem>,
    /// When the serving generation began, Unix milliseconds.
    pub loaded_at_ms: Option<u64>,
    /// Its newest files are being checked.
    pub checking: bool,
    /// Since when its files are there and cannot be read, Unix milliseconds.
    pub unreadable_since_ms: Option<u64>,
    /// When it is tried again by itself.
    pub retry: Option<Retry>,
    /// Its newest files are right for a plugin that is refused because other
    /// tenants are not: both serve as soon as those are.
    pub waits_with: Option<PathBuf>,
}
