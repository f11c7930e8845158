//! Where a component's machine code comes from: the cache, or the compiler.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::Semaphore;
use wasmtime::component::Component;

use super::artifact::Sha;
use super::cache::CodeCache;
use super::compile::remembered::Remembered;
use super::compile::{CompileFailure, Compiler, Optimise};
use super::load::Refusal;
use super::sandbox::Sandbox;
use super::verify::Kind;
use super::writes;
use crate::text::one_line;

/// Threads that read and map compiled code at once. What many files want waits
/// without a thread.
const READERS: usize = 4;

/// Compiled code, kept and made.
pub(super) struct CodeStore {
    sandbox: Sandbox,
    compiler: Compiler,
    cache: CodeCache,
    remembered: Remembered,
    readers: Arc<Semaphore>,
    try_again: bool,
}

impl CodeStore {
    pub fn new(sandbox: Sandbox, compiler: Compiler, cache: CodeCache) -> Self {
        writes::sweep(cache.dir());
        Self {
            remembered: Remembered::new(cache.dir()),
            sandbox,
            compiler,
            cache,
            readers: Arc::new(Semaphore::new(READERS)),
            try_again: false,
        }
    }

    /// Compiles what took the compiling process down before, too.
    pub fn try_again(&mut self) {
        self.try_again = true;
    }

    /// The component, and whether its code was kept.
    pub async fn component(
        &self,
        bytes: &Arc<Vec<u8>>,
        sha: Sha,
        kind: Kind,
    ) -> Result<(Component, bool), Refusal> {
        let (sandbox, cache) = (self.sandbox.clone(), self.cache.clone());
        let kept = self.apart(move || cache.get(sandbox.engine(), sha)).await?;
        if let Some(component) = kept {
            return Ok((component, true));
        }
        let turn = self.compiler.turn().await?;
        let code = Arc::new(self.compiled(bytes, sha, kind).await?);
        let (sandbox, made) = (self.sandbox.clone(), code.clone());
        let component = self
            .apart(move || sandbox.component(&made))
            .await?
            .map_err(|error| Refusal::NotAComponent(one_line(&format!("{error:#}"))))?;
        // Keeping it is not needed to serve, and takes part of the same turn, so
        // that many plugins are not many threads.
        let write = writes::begin();
        let (cache, engine) = (self.cache.clone(), self.sandbox.engine().clone());
        std::thread::Builder::new()
            .name("code-cache".into())
            .spawn(move || {
                cache.put(&engine, sha, &code);
                drop(turn);
                drop(write);
            })
            .map_err(|error| tracing::warn!(%error, "compiled code was not kept"))
            .ok();
        Ok((component, false))
    }

    async fn compiled(
        &self,
        bytes: &Arc<Vec<u8>>,
        sha: Sha,
        kind: Kind,
    ) -> Result<Vec<u8>, Refusal> {
        let optimise = Optimise::of(kind);
        // In this process nothing is bounded, so nothing is remembered.
        let Some(limits) = self.compiler.limits() else {
            return Ok(self.compiler.compile(bytes, optimise).await?);
        };
        if let Some(down) = self.remembered.against(sha, limits)
            && !self.try_again
        {
            return Err(Refusal::TookCompilerDown {
                down,
                limits,
                before: true,
            });
        }
        let begun = self.remembered.begin(sha, limits);
        let result = self.compiler.compile(bytes, optimise).await;
        if let Err(CompileFailure::Down(down, limits)) = &result {
            self.remembered.down(sha, *down, *limits, begun);
        }
        Ok(result?)
    }

    /// Does work that waits for the disk off the serving threads.
    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let not_now = |why: &str| Refusal::NotNow(why.to_owned());
        let reader = self.readers.clone().acquire_owned().await;
        let reader = reader.map_err(|_| not_now("the host is shutting down"))?;
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(reader);
            result
        });
        done.await
            .map_err(|error| not_now(&format!("its code cannot be taken: {error}")))
    }
}

/// The folder of compiled code below the data folder.
pub fn folder(data_dir: &Path) -> std::path::PathBuf {
    data_dir.join("code")
}
