//! One loaded version of a plugin, and the calls into it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;

use super::artifact::Sha;
use super::bindings::adapter::PlatformPre;
use super::composing::{Composing, Exports};
use super::contract::{Context, Draft, Edit, Fault, Item, Mapped, Parsed, Reply, Request};
use super::guest::{Attempts, GuestFailure, Home, Instance, Lease};
use super::inbound::Receiver;
use super::keys::KeyScope;
use super::manifest::{GRANT, Manifest, Order, Repeatable};
use super::packed::SourceFile;
use super::state::{GuestState, LogLine};
use super::verify::Kind;
use super::warm::WarmKey;
use crate::config::Secret;
use crate::schema::Schema;

/// Where adapter instances live.
pub type AdapterHome = Home<Exports>;

/// How long the steps of loading took.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct LoadTimes {
    /// Compiling, or reading compiled code; milliseconds.
    pub compile_ms: f64,
    /// Whether the compiled code came from the cache.
    pub from_cache: bool,
    /// `describe` and checking what it said; milliseconds.
    pub describe_ms: f64,
    /// The golden examples; milliseconds.
    pub examples_ms: f64,
}

/// What every generation has, whatever its contract.
#[derive(Debug, Clone, Serialize)]
pub struct Identity {
    /// Unique in this process.
    #[serde(skip)]
    pub id: u64,
    /// 1 for the first loaded version of this plugin, then 2, 3, ….
    pub number: u32,
    /// The adapter's name, or the engine's language.
    pub name: String,
    /// The version it gives itself; engines give none.
    pub version: Option<String>,
    /// Its contract.
    pub kind: Kind,
    /// Its file.
    pub file: PathBuf,
    /// SHA-256 of the file's bytes; of a source file, over those of the language
    /// runtime and its own.
    pub sha256: Sha,
    /// Size of the file in bytes.
    pub bytes: usize,
    /// SHA-256 of the file's bytes alone, which is what a pin is of.
    #[serde(skip)]
    pub file_sha256: Sha,
    /// Whether its name is pinned to this file.
    pub pinned: bool,
    /// Whether its file was signed by one of the operator's keys.
    pub signed: bool,
    /// The source file that it is written as, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceIdentity>,
    /// When it began to serve, Unix milliseconds.
    pub loaded_at_ms: u64,
    /// How long loading took.
    pub times: LoadTimes,
}

/// What an adapter that is a source file is made of.
#[derive(Debug, Clone, Serialize)]
pub struct SourceIdentity {
    /// The source file's name.
    pub file: String,
    /// Its language.
    pub language: String,
    /// SHA-256 of the language runtime that runs it.
    pub runtime_sha256: Sha,
}

/// A new id for a generation.
pub fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// An operation, with its schema compiled for checking documents.
pub struct CompiledOperation {
    /// The document's schema, compiled.
    pub document: Arc<Schema>,
    /// Whether requests may be repeated.
    pub repeatable: Repeatable,
    /// Most items in one request.
    pub max_items: Option<u32>,
    /// What must not overtake what.
    pub order: Option<Order>,
}

/// One loaded version of an adapter.
pub struct AdapterGeneration {
    /// Which one it is.
    pub identity: Identity,
    /// Name, version, generation and hash, for reports: every answer has it.
    pub label: Arc<str>,
    /// What it says of itself.
    pub manifest: Manifest,
    /// The connection settings' schema, compiled.
    pub settings: Schema,
    /// By name.
    pub operations: HashMap<String, CompiledOperation>,
    /// How its credentials are had, if it says so: an operation that the host alone
    /// calls.
    pub grant: Option<CompiledOperation>,
    /// Names of the secrets it may use.
    pub declared: Arc<BTreeSet<String>>,
    pub(super) pre: PlatformPre<GuestState>,
    /// Its `sign` that names secrets within bodies, if it has one.
    pub(super) composing: Option<Composing>,
    pub(super) wants_wasi: bool,
    /// What its language runtime runs, if it is a source file.
    pub(super) source: Option<Arc<SourceFile>>,
    pub(super) home: Arc<AdapterHome>,
    /// What takes messages that begin at the platform, if it does.
    pub(super) receiver: Option<Receiver>,
}

impl std::fmt::Debug for AdapterGeneration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdapterGeneration")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

/// What `sign` answered, and what `keys` did while it ran.
pub struct Signed {
    /// The adapter's answer, if it gave one.
    pub answer: Result<Result<Vec<Edit>, Fault>, GuestFailure>,
    /// Every result of `keys`, for redaction; also when no answer came.
    pub derived: Vec<Vec<u8>>,
    /// A secret it asked `keys` for that the manifest does not declare.
    pub undeclared: Option<String>,
    /// A secret it asked `keys` for that is declared, and not set.
    pub unset: Option<String>,
}

impl AdapterGeneration {
    /// Whether it takes messages that begin at the platform.
    pub fn receives(&self) -> bool {
        self.receiver.is_some()
    }

    /// An operation by its name, also the one that only the host calls.
    pub fn compiled(&self, operation: &str) -> Option<&CompiledOperation> {
        let granting = self.grant.as_ref().filter(|_| operation == GRANT);
        granting.or_else(|| self.operations.get(operation))
    }

    /// The compiled component.
    pub fn component(&self) -> &wasmtime::component::Component {
        self.pre.instance_pre().component()
    }

    /// An instance of this generation for one tenant: a warm one if there is
    /// one, else a fresh one.
    pub async fn lease(self: &Arc<Self>, tenant: &Arc<str>) -> Result<AdapterLease, GuestFailure> {
        let key = WarmKey {
            generation: self.identity.id,
            tenant: tenant.clone(),
            script: 0,
        };
        let permit = self.home.permit().await?;
        let instance = match self.home.warm().take(&key) {
            Some(instance) => instance,
            None => self.instantiate(tenant).await?,
        };
        Ok(AdapterLease {
            lease: Lease::new(instance, self.home.clone(), key, permit),
            deadline: self.home.sandbox().limits().deadline,
            wants_wasi: self.wants_wasi,
        })
    }

    async fn instantiate(&self, tenant: &Arc<str>) -> Result<Instance<Exports>, GuestFailure> {
        let sandbox = self.home.sandbox();
        let mut attempts = Attempts::new(sandbox)?;
        loop {
            let mut store = GuestState::store(sandbox, tenant, self.wants_wasi);
            store.data_mut().set_source(self.source.clone());
            let composing = self.composing.as_ref();
            let error = match Exports::instantiate(&self.pre, composing, &mut store).await {
                Ok(exports) => return Ok(Instance::new(store, exports)),
                Err(error) => error,
            };
            // What it got before it failed is room, too.
            drop(store);
            attempts.again(error).await?;
        }
    }
}

impl Drop for AdapterGeneration {
    fn drop(&mut self) {
        let id = self.identity.id;
        self.home.warm().purge(|key| key.generation == id);
        if let Some(receiver) = &self.receiver {
            receiver.home.warm().purge(|key| key.generation == id);
        }
    }
}

/// An adapter instance for the calls of one phase of a delivery.
pub struct AdapterLease {
    lease: Lease<Exports>,
    deadline: Duration,
    wants_wasi: bool,
}

/// One guest call between `begin` and `end` of its lease. A macro, because the
/// generated functions take the store and the exports of the same instance.
macro_rules! guest_call {
    ($self:ident, $clock:expr, |$exports:ident, $store:ident| $call:expr) => {{
        $self.lease.begin($self.deadline, $clock)?;
        let result = {
            let instance = $self.lease.instance_mut()?;
            let $exports = instance.exports.platform.crossdock_adapter_adapter();
            let $store = &mut instance.store;
            Lease::<Exports>::bounded($self.deadline, $self.wants_wasi, $call).await
        };
        $self.lease.end(result)
    }};
}

fn clock(context: &Context) -> Option<(u64, &str)> {
    Some((context.now_ms, &context.nonce))
}

impl AdapterLease {
    /// `describe`.
    pub async fn describe(&mut self) -> Result<String, GuestFailure> {
        guest_call!(self, None, |exports, store| exports.call_describe(store))
    }

    /// `map`.
    pub async fn map(
        &mut self,
        context: &Context,
        operation: &str,
        items: &[Item],
    ) -> Result<Result<Mapped, Fault>, GuestFailure> {
        guest_call!(self, clock(context), |exports, store| {
            exports.call_map(store, context, operation, items)
        })
    }

    /// `sign`, with the keys open for exactly as long as it runs.
    pub async fn sign(
        &mut self,
        context: &Context,
        operation: &str,
        draft: &Draft,
        secrets: Arc<BTreeMap<String, Secret>>,
        declared: Arc<BTreeSet<String>>,
    ) -> Signed {
        let scope = KeyScope::new(secrets, declared);
        let answer = self.sign_within(scope, context, operation, draft).await;
        let (derived, undeclared, unset) = self
            .lease
            .take_keys()
            .map(|scope| {
                let (undeclared, unset) = (scope.undeclared, scope.unset);
                (scope.derived, undeclared.into_inner(), unset.into_inner())
            })
            .unwrap_or_default();
        Signed {
            answer,
            derived,
            undeclared,
            unset,
        }
    }

    async fn sign_within(
        &mut self,
        scope: KeyScope,
        context: &Context,
        operation: &str,
        draft: &Draft,
    ) -> Result<Result<Vec<Edit>, Fault>, GuestFailure> {
        let instance = self.lease.instance_mut()?;
        instance.store.data_mut().keys = Some(scope);
        if instance.exports.composer.is_none() {
            let answer = guest_call!(self, clock(context), |exports, store| {
                exports.call_sign(store, context, operation, draft)
            })?;
            return Ok(answer.map(|edits| edits.into_iter().map(Edit::from).collect()));
        }
        self.lease.begin(self.deadline, clock(context))?;
        let result = {
            let instance = self.lease.instance_mut()?;
            let call = instance
                .exports
                .composed(&mut instance.store, context, operation, draft);
            Lease::<Exports>::bounded(self.deadline, self.wants_wasi, call).await
        };
        self.lease.end(result)
    }

    /// Throws the instance away: it broke a promise.
    pub fn discard(&mut self) {
        self.lease.discard();
    }

    /// `parse-response`.
    pub async fn parse_response(
        &mut self,
        context: &Context,
        operation: &str,
        request: &Request,
        reply: &Reply,
    ) -> Result<Result<Parsed, Fault>, GuestFailure> {
        guest_call!(self, clock(context), |exports, store| {
            exports.call_parse_response(store, context, operation, request, reply)
        })
    }

    /// Guest time of the last call, in whole ticks.
    pub fn spent(&self) -> Duration {
        self.lease.spent()
    }

    /// Whether the adapter used `keys` where there are none, in its last call.
    pub fn keys_refused(&self) -> bool {
        self.lease.keys_refused()
    }

    /// Bytes of memory the instance holds.
    pub fn memory_bytes(&self) -> usize {
        self.lease.memory_bytes()
    }

    /// What the adapter logged since the last time.
    pub fn take_log(&mut self) -> (Vec<LogLine>, usize) {
        self.lease.take_log()
    }
}

impl Identity {
    /// `lingzhi 0.1.0 #2 (1f8a0c2b9d3e)`: name, version, generation, hash.
    pub fn label(&self) -> String {
        let version = self
            .version
            .as_ref()
            .map(|version| format!(" {version}"))
            .unwrap_or_default();
        format!(
            "{}{version} #{} ({})",
            self.name,
            self.number,
            self.sha256.short()
        )
    }
}
