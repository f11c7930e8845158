//! `crossdock.toml` and `tenants/*/tenant.toml`: files to checked values.
//!
//! What was typed and what was decided are two things: the readers in
//! `host_file` and `tenant_file` turn TOML into the types below and report
//! *all* problems at once, each with file, line and key.

mod auth;
mod connection;
mod disk;
mod host_file;
mod nearest;
mod reader;
mod report;
mod scripts;
mod secret;
mod settings;
mod tables;
mod tenant_file;
mod token;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use url::Url;

pub use host_file::load_host;
pub use scripts::tests_beside;
pub use secret::Secret;
pub use tenant_file::{TenantFile, load_tenant, tenant_dirs};
pub use token::{Token, TokenHash, TokenHashError};

/// Bytes of a mebibyte, the unit of every `_mb` key.
const MIB: usize = 1 << 20;

/// `crossdock.toml`, checked. Every key is optional.
#[derive(Debug, Clone)]
pub struct HostConfig {
    /// Where inbound HTTP listens; `[server] listen`, default `127.0.0.1:8080`.
    pub listen: SocketAddr,
    /// Hashes of the tokens that may use `/v1/plugins` and `/v1/tenants`;
    /// `[server] admin_tokens = ["sha256:…"]`.
    pub admin_tokens: Vec<TokenHash>,
    /// `[plugins] dir`, default `plugins`.
    pub plugins_dir: PathBuf,
    /// `[plugins] retire_missing`, default false: a vanished plugin file
    /// retires its adapter only when this is set.
    pub retire_missing: bool,
    /// `[tenants] dir`, default `tenants`.
    pub tenants_dir: PathBuf,
    /// `[data] dir`, default `data`.
    pub data_dir: PathBuf,
    /// `[watch] poll_ms`: poll instead of being notified, for network file
    /// systems; absent by default.
    pub watch_poll: Option<Duration>,
    /// `[recording]`.
    pub recording: RecordingConfig,
    /// `[limits]`.
    pub limits: HostLimits,
}

/// `[recording]` of `crossdock.toml`: the last items of each connection and
/// operation.
#[derive(Debug, Clone)]
pub struct RecordingConfig {
    /// `enabled`; default true.
    pub enabled: bool,
    /// `items`: most of one connection and operation; default 100.
    pub items: usize,
    /// `kb`: most bytes of one connection and operation, in KiB; default 1024.
    pub bytes: u64,
    /// `total_mb`: most bytes over all, in MiB; default 1024.
    pub total: u64,
    /// `encrypt`; default true.
    pub encrypt: bool,
    /// `key`: where the key comes from.
    pub key: RecordingKey,
}

/// Where the key of recorded items comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordingKey {
    /// Made at the first start and kept in the data folder.
    Generated,
    /// `{ env = "…" }`: 64 hex digits.
    Environment(String),
    /// `{ file = "…" }`: 64 hex digits.
    File(PathBuf),
}

impl Default for RecordingConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            items: 100,
            bytes: MIB as u64,
            total: 1024 * MIB as u64,
            encrypt: true,
            key: RecordingKey::Generated,
        }
    }
}

/// `[limits]` of `crossdock.toml`. Every bound has a default.
#[derive(Debug, Clone)]
pub struct HostLimits {
    /// `guest_deadline_ms`: guest time one call into a plugin may take; default 500.
    pub guest_deadline: Duration,
    /// `guest_memory_mb`: memory one instance may grow to, in MiB; default 64.
    pub guest_memory: usize,
    /// `guest_output_mb`: most bytes one guest call may hand to the host, in MiB; default 16.
    pub guest_output: usize,
    /// `warm_instances`: idle guest instances kept of each kind (adapters,
    /// scripts) over all tenants, at most a quarter of `guest_instances`;
    /// default 256.
    pub warm_instances: usize,
    /// `warm_memory_mb`: memory of the idle instances of each kind, in MiB;
    /// default 512.
    pub warm_memory: usize,
    /// `guest_instances`: guest instances alive at once; default 1024.
    pub guest_instances: u32,
    /// `request_body_mb`: largest inbound body, in MiB; default 8.
    pub request_body: usize,
    /// `items_per_call`: most items in one inbound call; default 10000.
    pub items_per_call: usize,
    /// `response_body_mb`: largest answer of a platform after decoding, in MiB; default 8.
    pub response_body: usize,
    /// `call_timeout_ms`: longest a whole synchronous call may take; default 60000.
    pub call_timeout: Duration,
    /// `shutdown_ms`: how long calls in flight may finish after SIGTERM; default 15000.
    pub shutdown: Duration,
    /// `follow_up_requests`: most follow-up requests (pages, read-backs) per request; default 100.
    pub follow_ups: usize,
    /// `plugin_mb`: largest plugin file, in MiB; default 64.
    pub plugin_size: usize,
}

impl Default for HostLimits {
    fn default() -> Self {
        Self {
            guest_deadline: Duration::from_millis(500),
            guest_memory: 64 * MIB,
            guest_output: 16 * MIB,
            warm_instances: 256,
            warm_memory: 512 * MIB,
            guest_instances: 1024,
            request_body: 8 * MIB,
            items_per_call: 10_000,
            response_body: 8 * MIB,
            call_timeout: Duration::from_secs(60),
            shutdown: Duration::from_secs(15),
            follow_ups: 100,
            plugin_size: 64 * MIB,
        }
    }
}

/// One tenant's folder, checked, except for what only its adapters can tell
/// (settings, required secrets, operations).
#[derive(Debug, Clone)]
pub struct TenantConfig {
    /// The folder's name.
    pub name: Arc<str>,
    /// The tenant's file.
    pub file: PathBuf,
    /// Hashes of the bearer tokens that may call for this tenant;
    /// `tokens = ["sha256:…"]` at the top of the file.
    pub tokens: Vec<TokenHash>,
    /// `require_tests`: every script needs tests beside it, and a change under
    /// which one fails is refused; default false.
    pub require_tests: bool,
    /// `recording`: whether items of its calls are recorded; default true.
    pub recording: bool,
    /// By name.
    pub connections: BTreeMap<String, ConnectionConfig>,
}

/// `[connections.NAME]`.
#[derive(Debug, Clone)]
pub struct ConnectionConfig {
    /// The connection's name.
    pub name: Arc<str>,
    /// Name of the adapter.
    pub adapter: String,
    /// Where requests go, and nowhere else. `http` or `https`, no query, no
    /// fragment, no user; ends with `/` in `path()` only if it was typed so.
    pub base_url: Url,
    /// Checked against the adapter's settings schema later; default `{}`.
    pub settings: serde_json::Value,
    /// By name.
    pub secrets: BTreeMap<String, Secret>,
    /// A standard scheme the host applies by itself.
    pub auth: Option<Auth>,
    /// Mapping scripts by operation.
    pub mappings: BTreeMap<String, ScriptSource>,
    /// Reply scripts by operation: what becomes of an outcome's `data`.
    pub replies: BTreeMap<String, ScriptSource>,
    /// Lookup tables by name, which the connection's scripts see.
    pub tables: BTreeMap<String, TableSource>,
    /// `[connections.NAME.limits]`.
    pub limits: ConnectionLimits,
    /// `ca_file`: PEM certificates trusted besides the platform's roots.
    pub extra_roots: Option<Arc<[u8]>>,
    /// `allow_private = true`: private, loopback and link-local addresses may
    /// be called.
    pub allow_private: bool,
    /// Line of each key that a later check may have to name, by dotted key
    /// below the connection (`adapter`, `settings`, `settings.path`,
    /// `secrets.token`, `mappings.stock.update`, …); the connection's own
    /// header under the empty key.
    pub lines: BTreeMap<String, u32>,
}

/// `auth = { … }`: standard schemes that need no adapter code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// `{ basic = { user = "…", secret = "…" } }`; RFC 7617, UTF-8.
    Basic {
        /// Sent as it is.
        user: String,
        /// Name of the secret that is the password.
        secret: String,
    },
    /// `{ bearer = { secret = "…" } }`; RFC 6750.
    Bearer {
        /// Name of the secret.
        secret: String,
    },
    /// `{ header = { name = "…", secret = "…" } }`.
    Header {
        /// Header name.
        name: String,
        /// Name of the secret.
        secret: String,
    },
    /// `{ query = { name = "…", secret = "…" } }`.
    Query {
        /// Parameter name.
        name: String,
        /// Name of the secret.
        secret: String,
    },
}

/// A mapping script as it was on disk when its tenant was read.
#[derive(Debug, Clone)]
pub struct ScriptSource {
    /// The file.
    pub path: PathBuf,
    /// Its text; at most 1 MiB.
    pub text: Arc<str>,
    /// The extension without its dot, which names the language.
    pub extension: String,
    /// The tests beside it; read only where the tenant requires them.
    pub tests: Option<TestSource>,
}

/// The tests beside a script, as they were on disk when their tenant was read.
#[derive(Debug, Clone)]
pub struct TestSource {
    /// The file: `stock.test.json` beside `stock.jq`.
    pub path: PathBuf,
    /// Its text; at most 1 MiB.
    pub text: Arc<str>,
}

/// A lookup table as it was on disk when its tenant was read.
#[derive(Debug, Clone)]
pub struct TableSource {
    /// The file.
    pub path: PathBuf,
    /// JSON text: a JSON file's own, or what a CSV file became.
    pub json: Arc<RawValue>,
}

/// `[connections.NAME.limits]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// `requests_per_minute`; absent: not limited by the host.
    pub requests_per_minute: Option<u32>,
    /// `concurrency`: requests in flight at once; default 4.
    pub concurrency: usize,
    /// `timeout_ms`: one request, from connecting to the last byte of the answer; default 10000.
    pub timeout: Duration,
    /// `connect_timeout_ms`; default 3000.
    pub connect_timeout: Duration,
    /// `attempts`: most attempts of one request within a synchronous call; default 3.
    pub attempts: u32,
    /// `response_body_mb`: largest answer, if lower than the host's own limit.
    pub response_body: Option<usize>,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            requests_per_minute: None,
            concurrency: 4,
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(3),
            attempts: 3,
            response_body: None,
        }
    }
}
