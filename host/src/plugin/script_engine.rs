//! One loaded version of a script engine, and warm scripts in it.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wasmtime::component::ResourceAny;

use super::bindings::script::exports::crossdock::script::engine::Diagnostic;
use super::bindings::script::{ScriptEngine, ScriptEnginePre};
use super::generation::Identity;
use super::guest::{Attempts, GuestFailure, Home, Instance, Lease};
use super::sandbox::Sandbox;
use super::state::GuestState;
use super::tables::LookupTables;
use super::warm::WarmKey;

/// Where warm scripts live.
pub type ScriptHome = Home<WarmScript>;

/// What a script engine's `describe` returns.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineManifest {
    /// The language's name, for people.
    pub language: String,
    /// The file extension that chooses this engine, without its dot.
    pub extension: String,
}

impl EngineManifest {
    /// Checks names and lengths.
    pub fn check(&self) -> Result<(), String> {
        let plain = |text: &str| {
            !text.is_empty()
                && text.len() <= 32
                && text
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        };
        if !plain(&self.language) || !plain(&self.extension) {
            return Err(
                "`language` and `extension` must be 1 to 32 lower-case letters or digits".into(),
            );
        }
        Ok(())
    }
}

/// One loaded version of a script engine.
pub struct EngineGeneration {
    /// Which one it is.
    pub identity: Identity,
    /// What it says of itself.
    pub manifest: EngineManifest,
    pre: ScriptEnginePre<GuestState>,
    wants_wasi: bool,
    looks_up: bool,
    home: Arc<ScriptHome>,
}

impl std::fmt::Debug for EngineGeneration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineGeneration")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

/// An engine instance with one script compiled in it.
pub struct WarmScript {
    engine: ScriptEngine,
    script: ResourceAny,
}

/// A script to run: whose, which, and with what context.
#[derive(Debug, Clone)]
pub struct ScriptSpec {
    /// The tenant it belongs to.
    pub tenant: Arc<str>,
    /// Tells this text and context from every other; unique in this process.
    pub id: u64,
    /// The script's text.
    pub source: Arc<String>,
    /// What it sees as `$context` or `context`: a JSON document.
    pub context: Arc<String>,
    /// What it looks rows up in, where its engine does.
    pub tables: Arc<LookupTables>,
}

/// Why a script did not compile.
#[derive(Debug, Clone)]
pub enum CompileError {
    /// The script is wrong.
    Script(Diagnostic),
    /// The engine failed on it.
    Guest(GuestFailure),
}

impl EngineGeneration {
    pub(crate) fn new(
        identity: Identity,
        manifest: EngineManifest,
        pre: ScriptEnginePre<GuestState>,
        wants_wasi: bool,
        looks_up: bool,
        home: Arc<ScriptHome>,
    ) -> Self {
        Self {
            identity,
            manifest,
            pre,
            wants_wasi,
            looks_up,
            home,
        }
    }

    /// Whether its scripts look rows up that stay in the host.
    pub fn looks_up(&self) -> bool {
        self.looks_up
    }

    /// The compiled component.
    pub fn component(&self) -> &wasmtime::component::Component {
        self.pre.instance_pre().component()
    }

    /// Drops what is kept warm of a script that is not run again.
    pub fn forget(&self, spec: &ScriptSpec) {
        self.home.warm().purge(|key| key.script == spec.id);
    }

    /// The script ready to apply: warm if it was used before, else compiled now.
    pub async fn lease(&self, spec: &ScriptSpec) -> Result<ScriptLease, CompileError> {
        let key = WarmKey {
            generation: self.identity.id,
            tenant: spec.tenant.clone(),
            script: spec.id,
        };
        let permit = self.home.permit().await.map_err(CompileError::Guest)?;
        let deadline = self.home.sandbox().limits().deadline;
        if let Some(instance) = self.home.warm().take(&key) {
            return Ok(ScriptLease {
                lease: Lease::new(instance, self.home.clone(), key, permit),
                deadline,
                wants_wasi: self.wants_wasi,
            });
        }
        let (mut store, engine) = instantiate(
            self.home.sandbox(),
            &self.pre,
            &spec.tenant,
            self.wants_wasi,
        )
        .await
        .map_err(CompileError::Guest)?;
        store.data_mut().set_tables(spec.tables.clone());
        store.data_mut().begin(deadline);
        let compiled = Lease::<WarmScript>::bounded(
            deadline,
            self.wants_wasi,
            engine.crossdock_script_engine().script().call_compile(
                &mut store,
                &spec.source,
                &spec.context,
            ),
        )
        .await;
        store.data_mut().end();
        let script = match compiled {
            Ok(Ok(script)) => script,
            Ok(Err(diagnostic)) => return Err(CompileError::Script(diagnostic)),
            Err(error) => {
                return Err(CompileError::Guest(GuestFailure::from_call(
                    &error,
                    store.data(),
                    self.home.sandbox(),
                )));
            }
        };
        let instance = Instance::new(store, WarmScript { engine, script });
        Ok(ScriptLease {
            lease: Lease::new(instance, self.home.clone(), key, permit),
            deadline,
            wants_wasi: self.wants_wasi,
        })
    }
}

impl Drop for EngineGeneration {
    fn drop(&mut self) {
        let id = self.identity.id;
        self.home.warm().purge(|key| key.generation == id);
    }
}

/// A warm script for the duration of a call.
pub struct ScriptLease {
    lease: Lease<WarmScript>,
    deadline: Duration,
    wants_wasi: bool,
}

/// What one document became: its documents, or why it failed.
pub type Applied = Result<Vec<String>, Diagnostic>;

impl ScriptLease {
    /// Applies the script to documents, within at most `budget` of guest time
    /// (never more than the host's own deadline). One answer per document.
    pub async fn apply(
        &mut self,
        documents: &[String],
        budget: Option<Duration>,
    ) -> Result<Vec<Applied>, GuestFailure> {
        let deadline = budget.map_or(self.deadline, |budget| budget.min(self.deadline));
        self.lease.begin(deadline, None)?;
        let result = {
            let instance = self.lease.instance_mut()?;
            let exports = &instance.exports;
            let guest = exports.engine.crossdock_script_engine().script();
            let call = guest.call_apply(&mut instance.store, exports.script, documents);
            Lease::<WarmScript>::bounded(deadline, self.wants_wasi, call).await
        };
        let applied = self.lease.end(result)?;
        if applied.len() != documents.len() {
            // Whatever is the matter with it, it must not see another item.
            self.lease.discard();
            return Err(GuestFailure::broken_contract(format!(
                "the script engine gave {} answers for {} documents",
                applied.len(),
                documents.len()
            )));
        }
        Ok(applied)
    }

    /// Guest time of the last call, in whole ticks.
    pub fn spent(&self) -> Duration {
        self.lease.spent()
    }
}

async fn instantiate(
    sandbox: &Sandbox,
    pre: &ScriptEnginePre<GuestState>,
    tenant: &Arc<str>,
    wants_wasi: bool,
) -> Result<(wasmtime::Store<GuestState>, ScriptEngine), GuestFailure> {
    let mut attempts = Attempts::new(sandbox)?;
    loop {
        let mut store = GuestState::store(sandbox, tenant, wants_wasi);
        let error = match pre.instantiate_async(&mut store).await {
            Ok(engine) => return Ok((store, engine)),
            Err(error) => error,
        };
        // What it got before it failed is room, too.
        drop(store);
        attempts.again(error).await?;
    }
}

/// Asks a script engine for its language.
pub async fn describe(
    sandbox: &Sandbox,
    pre: &ScriptEnginePre<GuestState>,
    wants_wasi: bool,
) -> Result<String, GuestFailure> {
    let (mut store, engine) = instantiate(sandbox, pre, &"".into(), wants_wasi).await?;
    let deadline = sandbox.limits().deadline;
    store.data_mut().begin(deadline);
    let call = engine.crossdock_script_engine().call_describe(&mut store);
    Lease::<WarmScript>::bounded(deadline, wants_wasi, call)
        .await
        .map_err(|error| GuestFailure::from_call(&error, store.data(), sandbox))
}

impl EngineGeneration {
    /// Guest time of one call.
    pub fn deadline(&self) -> Duration {
        self.home.sandbox().limits().deadline
    }
}
