//! From a component's bytes to machine code, within bounds.
//!
//! Compiling is the one step that takes what the file's author decides of memory
//! and time. The `crossdock` command does it in a process of its own: the same
//! binary, under limits, with nothing of the host's but the bytes. A library that
//! embeds the host has no such binary and compiles in its own process.
//!
//! | file | what is in it |
//! |---|---|
//! | `child` | the host's side: start it, feed it, bound it, judge how it ended |
//! | `worker` | the process' side: take the limits on, compile, answer |
//! | `frame` | the answer's form |
//! | `remembered` | plugins that took the process down, which are not tried again |

mod child;
mod frame;
pub(super) mod remembered;
pub mod worker;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::{Engine, OptLevel};

use super::sandbox;
use super::verify::Kind;
use crate::config::HostLimits;
use crate::text::one_line;

/// Plugins compiled at once. One that takes all its time must not hold back the
/// next, and each may take as much memory as the limit says.
const AT_ONCE: usize = 2;

/// How well a component is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Optimise {
    /// Without Cranelift's optimisations. It takes a sixth of the time off a swap,
    /// and an adapter's calls cost 4 % more: rustc has optimised them.
    None,
    /// With them: a script engine's calls would cost 20 % more without, and so
    /// would a language runtime's.
    Speed,
}

impl Optimise {
    /// What pays for a contract.
    pub fn of(kind: Kind) -> Self {
        match kind {
            Kind::Adapter => Self::None,
            Kind::ScriptEngine | Kind::LanguageRuntime => Self::Speed,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Speed => "speed",
        }
    }

    fn level(self) -> OptLevel {
        match self {
            Self::None => OptLevel::None,
            Self::Speed => OptLevel::Speed,
        }
    }
}

/// What compiling one plugin may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileLimits {
    /// Bytes of memory.
    pub memory: usize,
    /// Wall time.
    pub timeout: Duration,
}

impl CompileLimits {
    fn mib(self) -> usize {
        self.memory >> 20
    }
}

/// What a plugin did to the process that compiled it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Down {
    /// It wanted more memory than it may have.
    Memory,
    /// It took longer than it may.
    Time,
    /// The compiler failed.
    Crash,
    /// The whole host ended while it was compiled, and not in good order.
    Host,
}

/// Why there is no compiled code.
#[derive(Debug)]
pub enum CompileFailure {
    /// The bytes are no valid component.
    Invalid(String),
    /// It took the compiling process down.
    Down(Down, CompileLimits),
    /// The machine has no process to give now, or the host is shutting down.
    NotNow(String),
}

/// Compiles components.
#[derive(Clone)]
pub struct Compiler {
    /// What is run for it; nothing to compile in this process.
    program: Option<Arc<PathBuf>>,
    limits: CompileLimits,
    turns: Arc<Semaphore>,
    own: Arc<OnceLock<Option<rayon::ThreadPool>>>,
}

impl Compiler {
    /// One that runs `program` as `crossdock compile-component`, or compiles in
    /// this process, where no limit holds.
    pub fn new(program: Option<PathBuf>, limits: &HostLimits) -> Self {
        Self {
            program: program.map(Arc::new),
            limits: CompileLimits {
                memory: limits.compile_memory,
                timeout: limits.compile_timeout,
            },
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            own: Arc::default(),
        }
    }

    /// What compiling may take, where it is bounded.
    pub fn limits(&self) -> Option<CompileLimits> {
        self.program.as_ref().map(|_| self.limits)
    }

    /// Waits until one more plugin may be compiled.
    pub async fn turn(&self) -> Result<OwnedSemaphorePermit, CompileFailure> {
        let turn = self.turns.clone().acquire_owned().await;
        turn.map_err(|_| CompileFailure::NotNow("the host is shutting down".into()))
    }

    /// Machine code of a component, for the engine of this host's settings. It
    /// comes from the compiler of this very binary and from nowhere else.
    pub async fn compile(
        &self,
        bytes: &Arc<Vec<u8>>,
        optimise: Optimise,
    ) -> Result<Vec<u8>, CompileFailure> {
        match &self.program {
            Some(program) => child::compile(program, bytes, optimise, self.limits).await,
            None => self.here(bytes.clone(), optimise).await,
        }
    }

    async fn here(
        &self,
        bytes: Arc<Vec<u8>>,
        optimise: Optimise,
    ) -> Result<Vec<u8>, CompileFailure> {
        let own = self.own.clone();
        let compiled = tokio::task::spawn_blocking(move || {
            let pool = own.get_or_init(|| {
                threads(usize::MAX)
                    .map_err(|error| tracing::warn!(%error, "no separate threads for compiling"))
                    .ok()
            });
            match pool {
                Some(pool) => pool.install(|| precompile(&bytes, optimise)),
                None => precompile(&bytes, optimise),
            }
        });
        match compiled.await {
            Ok(Ok(code)) => Ok(code),
            Ok(Err(error)) => Err(CompileFailure::Invalid(one_line(&format!("{error:#}")))),
            Err(error) if error.is_panic() => {
                Err(CompileFailure::Invalid("the compiler failed on it".into()))
            }
            Err(_) => Err(CompileFailure::NotNow("the host is shutting down".into())),
        }
    }
}

/// All cores but one, so that calls being served keep that one.
fn threads(most: usize) -> Result<rayon::ThreadPool, rayon::ThreadPoolBuildError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    rayon::ThreadPoolBuilder::new()
        .num_threads(cores.saturating_sub(1).clamp(1, most))
        .thread_name(|i| format!("compile-{i}"))
        .build()
}

/// An engine compiles here and runs nothing; its code runs in the sandbox's,
/// which differs in nothing but its optimisations and how it gets memory.
fn precompile(bytes: &[u8], optimise: Optimise) -> wasmtime::Result<Vec<u8>> {
    Engine::new(&sandbox::config(optimise.level()))?.precompile_component(bytes)
}
