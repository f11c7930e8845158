//! From a file's bytes to a generation that may serve. Every step can refuse,
//! and says why; nothing that serves is touched meanwhile.
//!
//! Adapters that are a source file: `source`. What is kept of a manifest: `kept`.

mod kept;
mod source;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::Component;

use super::artifact::{Artifact, Sha};
use super::bindings::adapter::PlatformPre;
use super::bindings::inbound::ReceiverPre;
use super::bindings::script::ScriptEnginePre;
use super::bindings::source::LanguageRuntimePre;
use super::cache::CodeCache;
use super::code::CodeStore;
use super::compile::Compiler;
use super::composing::Composing;
use super::generation::{AdapterGeneration, AdapterHome, Identity, LoadTimes, next_id};
use super::golden;
use super::guest::{GuestFailureKind, Home};
use super::inbound::{self, Receiver, ReceiverHome};
use super::language::{LanguageManifest, Linked, RuntimeGeneration};
use super::manifest::Manifest;
use super::packed::{self, SourceFile};
pub use super::refusal::Refusal;
use super::sandbox::Sandbox;
use super::script_engine::{EngineGeneration, EngineManifest, ScriptHome};
use super::shape;
use super::trust::Trust;
use super::verify::{Kind, verify};
use super::warm::{Room, WarmKey};
use crate::clock::now_ms;
use crate::config::HostLimits;
use crate::schema::{self, Schema};
use crate::text::one_line;
use kept::read_manifest;
pub use source::Beside;

/// A candidate that passed every step.
#[derive(Debug, Clone)]
pub enum Loaded {
    /// An adapter.
    Adapter(Arc<AdapterGeneration>),
    /// A script engine.
    Engine(Arc<EngineGeneration>),
    /// A language runtime.
    Runtime(Arc<RuntimeGeneration>),
}

impl Loaded {
    /// What only one plugin can provide at a time: an adapter by its name, a
    /// script engine by the extension of its scripts, a language runtime by its
    /// language.
    pub fn provides(&self) -> (Kind, &str) {
        match self {
            Self::Adapter(adapter) => (Kind::Adapter, &adapter.identity.name),
            Self::Engine(engine) => (Kind::ScriptEngine, &engine.manifest.extension),
            Self::Runtime(runtime) => (Kind::LanguageRuntime, &runtime.manifest.language),
        }
    }

    /// Whether only one of the two can serve.
    pub fn is_rival_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Runtime(one), Self::Runtime(other)) => {
                let (one, other) = (&one.manifest, &other.manifest);
                one.language == other.language || one.extensions.iter().any(|ext| other.serves(ext))
            }
            _ => self.provides() == other.provides(),
        }
    }

    /// Which plugin and generation it is.
    pub fn identity(&self) -> &Identity {
        match self {
            Self::Adapter(adapter) => &adapter.identity,
            Self::Engine(engine) => &engine.identity,
            Self::Runtime(runtime) => &runtime.identity,
        }
    }

    /// The compiled component.
    pub fn component(&self) -> &Component {
        match self {
            Self::Adapter(adapter) => adapter.component(),
            Self::Engine(engine) => engine.component(),
            Self::Runtime(runtime) => runtime.component(),
        }
    }
}

/// What loading needs; made once.
pub struct Loader {
    sandbox: Sandbox,
    store: CodeStore,
    adapters: Arc<AdapterHome>,
    scripts: Arc<ScriptHome>,
    /// Of adapters that are given what begins at the platform.
    receivers: Arc<ReceiverHome>,
    /// Processor time of a candidate's golden examples.
    check_timeout: Duration,
    runs_examples: bool,
    trust: Trust,
}

impl Loader {
    /// A loader whose instances live within `limits`, and which compiles in this
    /// process.
    pub fn new(sandbox: Sandbox, cache: CodeCache, limits: &HostLimits) -> Self {
        Self::compiling_with(Compiler::new(None, limits), sandbox, cache, limits)
    }

    /// The same with a compiler.
    pub fn compiling_with(
        compiler: Compiler,
        sandbox: Sandbox,
        cache: CodeCache,
        limits: &HostLimits,
    ) -> Self {
        // Idle instances of both kinds and busy ones of both kinds share the
        // engine's slots; the busy ones get what the idle ones leave.
        let slots = limits.guest_instances as usize;
        let warm = limits.warm_instances.min(slots / 4);
        let active = (slots - 2 * warm) / 2;
        let warm = Room {
            count: warm,
            bytes: limits.warm_memory,
        };
        Self {
            adapters: Arc::new(Home::new(sandbox.clone(), warm, active)),
            scripts: Arc::new(Home::new(sandbox.clone(), warm, active)),
            // Beside these, since what strangers send must not take their place.
            receivers: inbound::home(&sandbox, warm, active),
            store: CodeStore::new(sandbox.clone(), compiler, cache),
            sandbox,
            check_timeout: limits.check_timeout,
            runs_examples: true,
            trust: Trust::default(),
        }
    }

    /// Takes only files that the operator meant.
    pub fn trusting(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// Leaves the golden examples to somebody who wants to know more of them
    /// than whether they hold.
    pub fn without_examples(mut self) -> Self {
        self.runs_examples = false;
        self
    }

    /// Compiles what took the compiling process down before, too: a person wants
    /// to know.
    pub fn trying_again(mut self) -> Self {
        self.store.try_again();
        self
    }

    /// Bytes of memory that idle scripts have.
    pub fn warm_script_bytes(&self) -> usize {
        self.scripts.warm().held().bytes
    }

    /// Guest time of everything so far.
    pub fn guest_time(&self) -> Duration {
        self.scripts.sandbox().guest_time()
    }

    /// Idle adapter and script instances now.
    pub fn warm_instances(&self) -> (usize, usize) {
        (self.adapters.warm().len(), self.scripts.warm().len())
    }

    /// Drops the idle instances of scripts for which `gone` holds.
    pub fn purge_scripts(&self, gone: impl Fn(&WarmKey) -> bool) {
        self.scripts.warm().purge(gone);
    }

    /// Runs every step on a candidate. Compiling happens off the caller's thread.
    pub async fn load(&self, artifact: Artifact, number: u32) -> Result<Loaded, Refusal> {
        let started = Instant::now();
        // First what costs nothing.
        let signed = self.trust.signed(&artifact)?;
        let verified = verify(&artifact.bytes)?;
        let carried = packed::read(&artifact.bytes).map_err(Refusal::Source)?;
        if let (Some(source), true) = (&carried.source, verified.kind != Kind::LanguageRuntime) {
            return Err(Refusal::Source(format!(
                "it carries the source file `{}` and is no language runtime, so nothing runs that; build it again",
                source.name
            )));
        }
        let identity = identity(&artifact, number, verified.kind, signed);
        // The code is the same whatever is packed with it.
        let mut bytes = artifact.bytes;
        let bare = packed::bare(&bytes).len();
        let code = match bare < bytes.len() {
            true => {
                bytes.truncate(bare);
                Sha::of(&bytes)
            }
            false => identity.sha256,
        };
        let bytes = Arc::new(bytes);
        let (component, from_cache) = self.store.component(&bytes, code, verified.kind).await?;
        let times = LoadTimes {
            compile_ms: millis(started.elapsed()),
            from_cache,
            ..LoadTimes::default()
        };
        let wants_wasi = verified.wants_wasi;
        // In the contract's words if its types differ, and else in the library's.
        let interface = |error: wasmtime::Error| {
            let differs = match verified.kind {
                Kind::Adapter => shape::difference(&bytes),
                _ => None,
            };
            Refusal::Interface(differs.unwrap_or_else(|| one_line(&format!("{error:#}"))))
        };
        let pre = self
            .sandbox
            .linker(wants_wasi)
            .instantiate_pre(&component)
            .map_err(interface)?;
        let identity = Identity { times, ..identity };
        let receiver = match verified.receives {
            true => Some(ReceiverPre::new(pre.clone()).map_err(interface)?),
            false => None,
        };
        let composing = match verified.composes {
            true => Some(Composing::new(&pre).map_err(interface)?),
            false => None,
        };
        match verified.kind {
            Kind::Adapter => {
                let parts = Parts {
                    pre: PlatformPre::new(pre).map_err(interface)?,
                    receiver,
                    composing,
                    wants_wasi,
                    source: None,
                    examples: carried.examples,
                };
                let adapter = self.adapter(parts, identity).await;
                let adapter = adapter.map_err(|refusal| as_interface(refusal, &bytes))?;
                Ok(Loaded::Adapter(adapter))
            }
            Kind::ScriptEngine => {
                let pre = ScriptEnginePre::new(pre).map_err(interface)?;
                let described = Instant::now();
                let manifest = self.engine_manifest(&pre, wants_wasi).await?;
                let mut identity = identity;
                identity.times.describe_ms = millis(described.elapsed());
                identity.name.clone_from(&manifest.language);
                identity.pinned = self.trust.pinned(&identity)?;
                Ok(Loaded::Engine(Arc::new(EngineGeneration::new(
                    identity,
                    manifest,
                    pre,
                    wants_wasi,
                    verified.looks_up,
                    self.scripts.clone(),
                ))))
            }
            Kind::LanguageRuntime => {
                let linked = Linked {
                    platform: PlatformPre::new(pre.clone()).map_err(interface)?,
                    receiver,
                    composing,
                    language: LanguageRuntimePre::new(pre).map_err(interface)?,
                    wants_wasi,
                };
                let described = Instant::now();
                let text = linked.describe(&self.sandbox).await?;
                let manifest = LanguageManifest::read(&text).map_err(Refusal::Manifest)?;
                let mut identity = identity;
                let Some(source) = carried.source else {
                    identity.times.describe_ms = millis(described.elapsed());
                    identity.name.clone_from(&manifest.language);
                    identity.pinned = self.trust.pinned(&identity)?;
                    return Ok(Loaded::Runtime(Arc::new(RuntimeGeneration {
                        identity,
                        manifest,
                        linked,
                    })));
                };
                let runtime = source::Runtime {
                    linked: &linked,
                    manifest: &manifest,
                    sha256: code,
                };
                let adapter = self.of_source(&runtime, source, carried.examples, identity);
                Ok(Loaded::Adapter(adapter.await?))
            }
        }
    }

    async fn adapter(
        &self,
        parts: Parts,
        identity: Identity,
    ) -> Result<Arc<AdapterGeneration>, Refusal> {
        let Parts {
            pre,
            receiver,
            composing,
            wants_wasi,
            source,
            examples,
        } = parts;
        let mut times = identity.times;
        let described = Instant::now();
        // An adapter without operations, so that `describe` runs like any call.
        let bare = Arc::new(AdapterGeneration {
            identity: identity.clone(),
            label: Arc::default(),
            manifest: Manifest::empty(),
            settings: Schema::any().map_err(Refusal::Manifest)?,
            operations: HashMap::new(),
            grant: None,
            declared: Arc::default(),
            pre: pre.clone(),
            composing: composing.clone(),
            wants_wasi,
            source: source.clone(),
            home: self.adapters.clone(),
            receiver: None,
        });
        let text = bare.lease(&"".into()).await?.describe().await?;
        // Schemas and their patterns take long to compile if somebody wants it.
        let read = move || schema::on_deep_stack(|| read_manifest(&text, examples));
        let kept = tokio::task::spawn_blocking(read)
            .await
            .unwrap_or_else(|error| Err(format!("cannot be read: {error}")))
            .unwrap_or_else(|why| Err(Refusal::Manifest(format!("it {why}"))))?;
        times.describe_ms += millis(described.elapsed());

        let mut identity = Identity {
            id: next_id(),
            name: kept.manifest.name.clone(),
            version: Some(kept.manifest.version.clone()),
            times,
            ..identity
        };
        identity.pinned = self.trust.pinned(&identity)?;
        let home = self.receivers.clone();
        let receiver = receiver.map(|pre| Receiver { pre, home });
        let generation = Arc::new(AdapterGeneration {
            label: identity.label().into(),
            identity,
            manifest: kept.manifest,
            settings: kept.settings,
            operations: kept.operations,
            grant: kept.grant,
            declared: kept.declared,
            pre,
            composing,
            wants_wasi,
            source,
            home: self.adapters.clone(),
            receiver,
        });
        // A language runtime has the interface for files that do not have it.
        let generation = match generation.source.is_some() && generation.receives() {
            true => inbound::if_it_receives(generation).await?,
            false => generation,
        };
        let examples = Instant::now();
        if self.runs_examples {
            golden::run(&generation, self.check_timeout).await?;
        }
        times.examples_ms = millis(examples.elapsed());
        // Nobody else has the generation yet.
        Ok(match Arc::try_unwrap(generation) {
            Ok(mut generation) => {
                generation.identity.times = times;
                Arc::new(generation)
            }
            Err(shared) => shared,
        })
    }

    async fn engine_manifest(
        &self,
        pre: &ScriptEnginePre<super::state::GuestState>,
        wants_wasi: bool,
    ) -> Result<EngineManifest, Refusal> {
        let text = super::script_engine::describe(&self.sandbox, pre, wants_wasi).await?;
        let manifest: EngineManifest =
            serde_json::from_str(&text).map_err(|error| Refusal::Manifest(error.to_string()))?;
        manifest.check().map_err(Refusal::Manifest)?;
        Ok(manifest)
    }
}

/// What an adapter is made of.
struct Parts {
    pre: PlatformPre<super::state::GuestState>,
    /// For the messages that begin at the platform, if it takes any.
    receiver: Option<ReceiverPre<super::state::GuestState>>,
    /// Its `sign` that names secrets within bodies, if it has one.
    composing: Option<Composing>,
    wants_wasi: bool,
    /// What its language runtime runs.
    source: Option<Arc<SourceFile>>,
    /// Golden examples besides those of its manifest.
    examples: Vec<serde_json::Value>,
}

/// Of a candidate of which nothing is known yet but its bytes.
fn identity(artifact: &Artifact, number: u32, kind: Kind, signed: bool) -> Identity {
    Identity {
        id: next_id(),
        number,
        name: String::new(),
        version: None,
        kind,
        file: artifact.path.clone(),
        sha256: artifact.sha256,
        bytes: artifact.bytes.len(),
        file_sha256: artifact.sha256,
        pinned: false,
        signed,
        source: None,
        loaded_at_ms: now_ms(),
        times: LoadTimes::default(),
    }
}

/// An adapter of which no instance can be made because its types are others
/// than the contract's: wasmtime compares them only then.
fn as_interface(refusal: Refusal, bytes: &[u8]) -> Refusal {
    match &refusal {
        Refusal::Describe(failure) if failure.kind == GuestFailureKind::Unavailable => {
            shape::difference(bytes).map_or(refusal, Refusal::Interface)
        }
        _ => refusal,
    }
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests;
