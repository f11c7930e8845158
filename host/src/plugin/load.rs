//! From a file's bytes to a generation that may serve. Every step can refuse,
//! and says why; nothing that serves is touched meanwhile.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::Component;

use super::artifact::{Artifact, ReadError};
use super::bindings::adapter::PlatformPre;
use super::bindings::script::ScriptEnginePre;
use super::cache::CodeCache;
use super::generation::{
    AdapterGeneration, AdapterHome, Identity, LoadTimes, PreparedOperation, next_id, now_ms,
};
use super::golden::{self, ExampleFailed};
use super::guest::{GuestFailure, Home};
use super::manifest::Manifest;
use super::sandbox::Sandbox;
use super::verify::{Kind, verify};
use super::warm::{Room, WarmKey};
use crate::config::HostLimits;
use crate::script::engine::{EngineGeneration, EngineManifest, ScriptHome};

/// A manifest larger than this is not read.
const MANIFEST_BYTES: usize = 4 << 20;

/// Why a candidate may not serve.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refusal {
    /// The file could not be read.
    #[error("{0}")]
    Read(String),
    /// Not a component, or not a valid one.
    #[error("it is not a WebAssembly component: {0}")]
    NotAComponent(String),
    /// It wants something that no plugin gets.
    #[error(
        "it imports {}, which no plugin gets; a plugin may import `keys`, `log` and WASI 0.2 only",
        list(names)
    )]
    UnknownImports {
        /// The imports, by name.
        names: Vec<String>,
    },
    /// It implements neither contract.
    #[error(
        "it exports neither {} but {}; build it against `wit/`",
        either(expected),
        list(found)
    )]
    MissingExport {
        /// What would have been accepted.
        expected: Vec<&'static str>,
        /// What it exports.
        found: Vec<String>,
    },
    /// It has the right names with the wrong types.
    #[error("its interface differs from the contract: {0}; build it against this host's `wit/`")]
    Interface(String),
    /// `describe` failed.
    #[error("`describe` failed: {0}")]
    Describe(#[from] GuestFailure),
    /// `describe` answered something that is not a manifest.
    #[error("its manifest is not valid: {0}")]
    Manifest(String),
    /// A golden example did not come out as it says.
    #[error(transparent)]
    Example(#[from] ExampleFailed),
    /// Another file already provides a plugin of this name.
    #[error("`{name}` is already provided by {}; remove one of the two files", other.display())]
    NameTaken {
        /// The name.
        name: String,
        /// The file that serves it.
        other: std::path::PathBuf,
    },
    /// A file changed its plugin's name while that serves.
    #[error(
        "it calls itself `{found}`, but this file serves `{serving}`; put it into a file of its own"
    )]
    NameChanged {
        /// The name that serves.
        serving: String,
        /// The candidate's name.
        found: String,
    },
    /// A connection uses something the candidate lacks.
    #[error("it would break {}", .0.join("; "))]
    BreaksTenants(Vec<String>),
}

/// A message of several lines as one sentence.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn list(names: &[String]) -> String {
    match names {
        [] => "nothing".into(),
        names => names
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

fn either(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(" nor ")
}

impl Refusal {
    /// The step that refused, in kebab-case.
    pub fn step(&self) -> &'static str {
        match self {
            Self::Read(_) => "read",
            Self::NotAComponent(_) => "parse",
            Self::UnknownImports { .. } => "imports",
            Self::MissingExport { .. } | Self::Interface(_) => "exports",
            Self::Describe(_) => "describe",
            Self::Manifest(_) => "manifest",
            Self::Example(_) => "examples",
            Self::NameTaken { .. } | Self::NameChanged { .. } => "name",
            Self::BreaksTenants(_) => "tenants",
        }
    }
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        Self::Read(error.to_string())
    }
}

/// A candidate that passed every step.
#[derive(Debug, Clone)]
pub enum Loaded {
    /// An adapter.
    Adapter(Arc<AdapterGeneration>),
    /// A script engine.
    Engine(Arc<EngineGeneration>),
}

impl Loaded {
    /// What only one plugin can provide at a time: an adapter by its name, a
    /// script engine by the extension of its scripts.
    pub fn provides(&self) -> (Kind, &str) {
        match self {
            Self::Adapter(adapter) => (Kind::Adapter, &adapter.identity.name),
            Self::Engine(engine) => (Kind::ScriptEngine, &engine.manifest.extension),
        }
    }

    /// Which plugin and generation it is.
    pub fn identity(&self) -> &Identity {
        match self {
            Self::Adapter(adapter) => &adapter.identity,
            Self::Engine(engine) => &engine.identity,
        }
    }

    /// The compiled component.
    pub fn component(&self) -> &Component {
        match self {
            Self::Adapter(adapter) => adapter.component(),
            Self::Engine(engine) => engine.component(),
        }
    }
}

/// What loading needs; made once.
pub struct Loader {
    sandbox: Sandbox,
    cache: CodeCache,
    adapters: Arc<AdapterHome>,
    scripts: Arc<ScriptHome>,
}

impl Loader {
    /// A loader whose instances live within `limits`.
    pub fn new(sandbox: Sandbox, cache: CodeCache, limits: &HostLimits) -> Self {
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
            sandbox,
            cache,
        }
    }

    /// Bytes of memory that idle scripts have.
    pub fn warm_script_bytes(&self) -> usize {
        self.scripts.warm().held().bytes
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
        let (artifact, component, from_cache) = self.component(artifact).await?;
        let mut times = LoadTimes {
            compile_ms: millis(started.elapsed()),
            from_cache,
            ..LoadTimes::default()
        };
        let verified = verify(self.sandbox.engine(), &component)?;
        let pre = self
            .sandbox
            .linker(verified.wants_wasi)
            .instantiate_pre(&component)
            .map_err(|error| Refusal::Interface(one_line(&format!("{error:#}"))))?;
        let identity = Identity {
            id: next_id(),
            number,
            name: String::new(),
            version: None,
            kind: verified.kind,
            file: artifact.path,
            sha256: artifact.sha256,
            bytes: artifact.bytes.len(),
            loaded_at_ms: now_ms(),
            times: LoadTimes::default(),
        };
        let interface =
            |error: wasmtime::Error| Refusal::Interface(one_line(&format!("{error:#}")));
        match verified.kind {
            Kind::Adapter => {
                let pre = PlatformPre::new(pre).map_err(interface)?;
                let adapter = self
                    .adapter(pre, verified.wants_wasi, identity, &mut times)
                    .await?;
                Ok(Loaded::Adapter(adapter))
            }
            Kind::ScriptEngine => {
                let pre = ScriptEnginePre::new(pre).map_err(interface)?;
                let described = Instant::now();
                let manifest = self.engine_manifest(&pre, verified.wants_wasi).await?;
                times.describe_ms = millis(described.elapsed());
                let identity = Identity {
                    name: manifest.language.clone(),
                    times,
                    ..identity
                };
                Ok(Loaded::Engine(Arc::new(EngineGeneration::new(
                    identity,
                    manifest,
                    pre,
                    verified.wants_wasi,
                    self.scripts.clone(),
                ))))
            }
        }
    }

    async fn component(&self, artifact: Artifact) -> Result<(Artifact, Component, bool), Refusal> {
        let (sandbox, cache) = (self.sandbox.clone(), self.cache.clone());
        let work = move || {
            let engine = sandbox.engine();
            if let Some(component) = cache.get(engine, artifact.sha256) {
                return Ok((artifact, component, true));
            }
            let component = sandbox
                .compile(&artifact.bytes)
                .map_err(|error| Refusal::NotAComponent(one_line(&format!("{error:#}"))))?;
            // Keeping it is not needed to serve.
            let (keep, sha) = (component.clone(), artifact.sha256);
            let engine = engine.clone();
            std::thread::Builder::new()
                .name("code-cache".into())
                .spawn(move || cache.put(&engine, sha, &keep))
                .map_err(|error| tracing::warn!(%error, "compiled code was not kept"))
                .ok();
            Ok((artifact, component, false))
        };
        tokio::task::spawn_blocking(work)
            .await
            .unwrap_or_else(|error| {
                Err(Refusal::NotAComponent(format!("compiling failed: {error}")))
            })
    }

    async fn adapter(
        &self,
        pre: PlatformPre<super::state::GuestState>,
        wants_wasi: bool,
        identity: Identity,
        times: &mut LoadTimes,
    ) -> Result<Arc<AdapterGeneration>, Refusal> {
        let described = Instant::now();
        // An adapter without operations, so that `describe` runs like any call.
        let bare = Arc::new(AdapterGeneration {
            identity: identity.clone(),
            label: Arc::default(),
            manifest: Manifest::empty(),
            settings: jsonschema::Validator::new(&serde_json::Value::Bool(true))
                .map_err(|error| Refusal::Manifest(error.to_string()))?,
            operations: HashMap::new(),
            declared: Arc::default(),
            pre: pre.clone(),
            wants_wasi,
            home: self.adapters.clone(),
        });
        let text = bare.lease(&"".into()).await?.describe().await?;
        let prepared = prepare(&text)?;
        times.describe_ms = millis(described.elapsed());

        let identity = Identity {
            id: next_id(),
            name: prepared.manifest.name.clone(),
            version: Some(prepared.manifest.version.clone()),
            times: *times,
            ..identity
        };
        let generation = Arc::new(AdapterGeneration {
            label: identity.label().into(),
            identity,
            manifest: prepared.manifest,
            settings: prepared.settings,
            operations: prepared.operations,
            declared: prepared.declared,
            pre,
            wants_wasi,
            home: self.adapters.clone(),
        });
        let examples = Instant::now();
        golden::run(&generation).await?;
        times.examples_ms = millis(examples.elapsed());
        // Nobody else has the generation yet.
        Ok(match Arc::try_unwrap(generation) {
            Ok(mut generation) => {
                generation.identity.times = *times;
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
        let text = crate::script::engine::describe(&self.sandbox, pre, wants_wasi).await?;
        let manifest: EngineManifest =
            serde_json::from_str(&text).map_err(|error| Refusal::Manifest(error.to_string()))?;
        manifest.check().map_err(Refusal::Manifest)?;
        Ok(manifest)
    }
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

struct Prepared {
    manifest: Manifest,
    settings: jsonschema::Validator,
    operations: HashMap<String, PreparedOperation>,
    declared: Arc<BTreeSet<String>>,
}

/// Reads a manifest and compiles its schemas.
fn prepare(text: &str) -> Result<Prepared, Refusal> {
    if text.len() > MANIFEST_BYTES {
        return Err(Refusal::Manifest(format!(
            "it has {} bytes, more than {MANIFEST_BYTES}",
            text.len()
        )));
    }
    let manifest = Manifest::read(text).map_err(Refusal::Manifest)?;
    let compile = |schema: &serde_json::Value, what: String| {
        jsonschema::Validator::new(schema)
            .map_err(|error| Refusal::Manifest(format!("{what} is not a JSON Schema: {error}")))
    };
    let settings = compile(&manifest.settings, "`settings`".into())?;
    let operations = manifest
        .operations
        .iter()
        .map(|operation| {
            let name = &operation.name;
            compile(&operation.result, format!("`result` of `{name}`"))?;
            let prepared = PreparedOperation {
                document: compile(&operation.document, format!("`document` of `{name}`"))?,
                repeatable: operation.repeatable,
                max_items: operation.max_items,
            };
            Ok((name.clone(), prepared))
        })
        .collect::<Result<_, Refusal>>()?;
    let declared = manifest
        .secrets
        .iter()
        .map(|secret| secret.name.clone())
        .collect();
    Ok(Prepared {
        settings,
        operations,
        declared: Arc::new(declared),
        manifest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_no_component_is_told_in_one_line() {
        let limits = HostLimits::default();
        let dir = tempfile::tempdir().expect("a folder");
        let sandbox = Sandbox::new(&limits).expect("a sandbox");
        let loader = Loader::new(sandbox, CodeCache::new(dir.path().into()), &limits);
        for bytes in [
            &b""[..],
            b"no component",
            b"(module)\n(module)\n",
            b"\0asm\x0d\0\x01\0\xff\xff",
            b"\0asm\x01\0\0\0",
        ] {
            let path = dir.path().join("p.wasm");
            std::fs::write(&path, bytes).expect("writing");
            let (artifact, _) = Artifact::read(&path, 1 << 20).expect("a file");
            let refusal = loader.load(artifact, 1).await.expect_err("no component");
            let said = refusal.to_string();
            assert_eq!(refusal.step(), "parse", "{said}");
            assert!(!said.contains('\n'), "{said:?}");
        }
    }
}
