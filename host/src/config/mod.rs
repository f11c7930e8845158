//! `crossdock.toml` and `tenants/*/tenant.toml`: files to checked values.
//!
//! What was typed and what was decided are two things: the readers in
//! `host_file` and `tenant_file` turn TOML into the types below and report
//! *all* problems at once, each with file, line and key.

mod auth;
mod connection;
mod did_you_mean;
mod disk;
mod flow;
mod host_file;
mod limits;
mod mistakes;
mod network;
mod network_table;
mod notify;
mod oauth2;
mod reader;
mod scripts;
mod secret;
mod secret_table;
mod settings;
pub mod table;
mod tables;
mod telemetry_table;
mod tenant_file;
mod token;
mod trust;
mod vault_table;
mod webhook;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::problem::Problem;
use crate::secrets::SecretsConfig;
use crate::telemetry::traces::Settings;

pub(crate) use did_you_mean::{did_you_mean, nearest};
pub use flow::{
    CursorRule, FlowConfig, FlowConfirm, FlowSource, FlowStep, FlowTarget, Missed, Overlap, Trigger,
};
pub use host_file::load_host;
pub use limits::{ConnectionLimits, ConnectionOutbox, HostLimits};
pub use network::{ConnectionNetwork, Exceptions, HostNetwork, ProxyChoice};
pub use notify::{NotifyConfig, SigningKey};
pub use oauth2::{ClientAuth, OAUTH2_TOKEN, OAuth2Config, OAuth2Grant, TokenFormat, TokenPlace};
pub use scripts::tests_beside;
pub use secret::Secret;
pub use table::Table;
pub(crate) use tables::MAX_IN_CONTEXT;
use tables::{HeldTables, MAX_PER_CONNECTION};
pub use tenant_file::{TenantFile, load_tenant, tenant_dirs};
pub use token::{Token, TokenHash, TokenHashError};
pub use trust::{SignatureConfig, TrustConfig};
pub use webhook::{WebhookDigest, WebhookEncoding, WebhookGate, WebhookKey, WebhookSource};

/// Bytes of a mebibyte, the unit of every `_mb` key.
const MIB: usize = 1 << 20;

/// `crossdock.toml`, checked. Every key is optional.
#[derive(Debug, Clone)]
pub struct HostConfig {
    /// Where inbound HTTP listens; `[server] listen`, default `127.0.0.1:8080`.
    pub listen: SocketAddr,
    /// Where `/healthz` and `/readyz` are answered besides; `[server]
    /// health_listen`, absent by default.
    pub health_listen: Option<SocketAddr>,
    /// Under which address others reach this host, for what is given to them to come
    /// back to; `[server] public_url`, absent by default.
    pub public_url: Option<Url>,
    /// Hashes of the tokens that may use `/v1/plugins` and `/v1/tenants`;
    /// `[server] admin_tokens = ["sha256:…"]`.
    pub admin_tokens: Vec<TokenHash>,
    /// `[plugins] dir`, default `plugins`.
    pub plugins_dir: PathBuf,
    /// `[plugins] retire_missing`, default false: a vanished plugin file
    /// retires its adapter only when this is set.
    pub retire_missing: bool,
    /// `[plugins] sources`, default true: whether source files in the plugins
    /// folder are adapters.
    pub sources: bool,
    /// `[plugins.pin]` and `[plugins.signatures]`: which plugin files are taken.
    pub trust: TrustConfig,
    /// `[tenants] dir`, default `tenants`.
    pub tenants_dir: PathBuf,
    /// `[data] dir`, default `data`.
    pub data_dir: PathBuf,
    /// `[watch] poll_ms`: poll instead of being notified, for network file
    /// systems; absent by default.
    pub watch_poll: Option<Duration>,
    /// The program that compiles plugins, `crossdock` itself; nothing to compile
    /// them in this process, without limits. No key: the command sets it.
    pub compile_program: Option<PathBuf>,
    /// `[recording]`.
    pub recording: RecordingConfig,
    /// `[telemetry]`.
    pub telemetry: TelemetryConfig,
    /// `[outbox]`.
    pub outbox: OutboxConfig,
    /// `[network]`.
    pub network: HostNetwork,
    /// `[secrets]` and `[vault]`.
    pub secrets: SecretsConfig,
    /// `[limits]`.
    pub limits: HostLimits,
}

impl HostConfig {
    /// The parts that are not as they were, apart from the admin tokens.
    pub fn changed_parts(&self, before: &Self) -> Vec<&'static str> {
        let shown = |value: &dyn std::fmt::Debug| format!("{value:?}");
        let mut changed = Vec::new();
        for (part, now, then) in [
            ("server.listen", shown(&self.listen), shown(&before.listen)),
            (
                "server.health_listen",
                shown(&self.health_listen),
                shown(&before.health_listen),
            ),
            (
                "server.public_url",
                shown(&self.public_url),
                shown(&before.public_url),
            ),
            (
                "plugins",
                shown(&(&self.plugins_dir, self.retire_missing, self.sources)),
                shown(&(&before.plugins_dir, before.retire_missing, before.sources)),
            ),
            (
                "plugins.pin",
                shown(&self.trust.pins),
                shown(&before.trust.pins),
            ),
            (
                "plugins.signatures",
                shown(&self.trust.signatures),
                shown(&before.trust.signatures),
            ),
            (
                "tenants",
                shown(&self.tenants_dir),
                shown(&before.tenants_dir),
            ),
            ("data", shown(&self.data_dir), shown(&before.data_dir)),
            ("watch", shown(&self.watch_poll), shown(&before.watch_poll)),
            (
                "recording",
                shown(&self.recording),
                shown(&before.recording),
            ),
            (
                "telemetry",
                shown(&self.telemetry),
                shown(&before.telemetry),
            ),
            ("outbox", shown(&self.outbox), shown(&before.outbox)),
            ("network", shown(&self.network), shown(&before.network)),
            ("secrets", shown(&self.secrets), shown(&before.secrets)),
            ("limits", shown(&self.limits), shown(&before.limits)),
        ] {
            if now != then {
                changed.push(part);
            }
        }
        changed
    }
}

/// `[telemetry]` of `crossdock.toml`.
#[derive(Debug, Clone, PartialEq)]
pub struct TelemetryConfig {
    /// `metrics_connections`: connections that `/metrics` shows by name; default
    /// 500.
    pub connections: usize,
    /// `metrics_on_health`: whether the health listener answers `/metrics`, to
    /// whoever asks; default false.
    pub on_health: bool,
    /// `endpoint` and `sample_ratio`: where traces go; nowhere by default.
    pub traces: Option<Settings>,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            connections: crate::telemetry::MOST_CONNECTIONS,
            on_health: false,
            traces: None,
        }
    }
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
    /// `old_keys`: keys of before, with which something may still be encrypted.
    pub old_keys: Vec<RecordingKey>,
}

/// `[outbox]` of `crossdock.toml`.
#[derive(Debug, Clone, Default)]
pub struct OutboxConfig {
    /// `encrypt`: whether what is written from now on is encrypted with the key
    /// of `[recording]`; default false.
    pub encrypt: bool,
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
            old_keys: Vec::new(),
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
    /// `[notify]`: where it wants to hear what became of its records.
    pub notify: Option<NotifyConfig>,
    /// By name.
    pub connections: BTreeMap<String, ConnectionConfig>,
    /// `[flows.NAME]`, by name.
    pub flows: BTreeMap<String, FlowConfig>,
    /// What is wrong with its files. With any of it the tenant is not loaded; it
    /// is here so that what else stands against it is said at the same time.
    pub faults: Vec<Problem>,
}

impl TenantConfig {
    /// In the place of tables whose files are no tables puts those that serve, so
    /// that a slip in one row keeps no other change from serving. Returns what is wrong
    /// with the files; of a table that never served, that is a fault, and so it is of one
    /// that is too much beside the tables that did change.
    pub fn keep_tables(&mut self, serving: Option<&Self>) -> Vec<Problem> {
        let mut kept = Vec::new();
        let mut held = HeldTables::default();
        for table in self
            .connections
            .values()
            .flat_map(|one| one.tables.values())
        {
            // Read within the bound already.
            held.add(&table.table);
        }
        for (name, connection) in &mut self.connections {
            let before = serving.and_then(|serving| serving.connections.get(name));
            for (table, mut problem) in std::mem::take(&mut connection.bad_tables) {
                let took: usize = connection.tables.values().map(held_bytes).sum();
                let fits = |source: &TableSource| took + held_bytes(source) <= MAX_PER_CONNECTION;
                match before.and_then(|before| before.tables.get(&table)) {
                    Some(source) if fits(source) && held.add(&source.table) => {
                        connection.tables.insert(table, source.clone());
                        problem.detail =
                            format!("{} What was read before goes on serving.", problem.detail);
                        kept.push(problem);
                    }
                    Some(_) => {
                        problem.detail = format!(
                            "{} What was read before is too much beside the tables that have grown.",
                            problem.detail
                        );
                        self.faults.push(problem);
                    }
                    None => self.faults.push(problem),
                }
            }
        }
        kept
    }

    /// Every script of its connections and flows.
    pub fn scripts(&self) -> impl Iterator<Item = &ScriptSource> {
        let connections = self.connections.values().flat_map(|connection| {
            let mappings = connection.mappings.values();
            mappings.chain(connection.replies.values())
        });
        let flows = self.flows.values().flat_map(FlowConfig::scripts);
        connections.chain(flows.map(|(_, script)| script))
    }
}

fn held_bytes(source: &TableSource) -> usize {
    source.table.held_bytes()
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
    /// Tables whose files are no tables, by name, and why. The connection serves with
    /// what they were before, if they were anything.
    pub bad_tables: BTreeMap<String, Problem>,
    /// `[connections.NAME.limits]`.
    pub limits: ConnectionLimits,
    /// `[connections.NAME.outbox] default`: a call that does not say otherwise is
    /// queued, unless its operation only reads; default false.
    pub queue_by_default: bool,
    /// `[connections.NAME.outbox]`.
    pub outbox: ConnectionOutbox,
    /// `ca_file`: PEM certificates trusted besides the platform's roots.
    pub extra_roots: Option<Arc<[u8]>>,
    /// `allow_private = true`: private, loopback and link-local addresses may
    /// be called.
    pub allow_private: bool,
    /// The way out.
    pub network: ConnectionNetwork,
    /// `send_traceparent = true`: requests name the trace that they are part of.
    pub send_traceparent: bool,
    /// Line and column of each key that a later check may have to name, by dotted key
    /// below the connection (`adapter`, `settings`, `settings.path`,
    /// `secrets.token`, `mappings.stock.update`, …); the connection's own
    /// header under the empty key.
    pub places: BTreeMap<String, (u32, u32)>,
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
    /// `{ oauth2 = { … } }`: a token that the host gets and renews by itself.
    OAuth2(Box<OAuth2Config>),
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
    /// Its rows. A file whose bytes did not change keeps them.
    pub table: Arc<Table>,
}
