//! Loading plugin files here, outside a running host.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::bundle;
use crate::config::{HostConfig, did_you_mean};
use crate::plugin::artifact::{Artifact, Sha, is_component};
use crate::plugin::cache::CodeCache;
use crate::plugin::code;
use crate::plugin::compile::Compiler;
use crate::plugin::generation::AdapterGeneration;
use crate::plugin::golden::folder::{self, Case};
use crate::plugin::language::RuntimeGeneration;
use crate::plugin::load::{Beside, Loaded, Loader, Refusal};
use crate::plugin::sandbox::Sandbox;
use crate::plugin::trust::Trust;
use crate::plugin::verify::{Kind, verify};
use crate::problem::Problem;
use crate::reload::plugins::is_plugin;

/// A loader with the host's limits and its cache of compiled code.
pub(super) struct Local {
    loader: Loader,
    plugin_size: usize,
    plugins_dir: PathBuf,
}

impl Local {
    /// Starts the sandbox.
    pub fn new(config: &HostConfig) -> Result<Self, Problem> {
        let sandbox = Sandbox::new(&config.limits).map_err(|error| {
            Problem::host("sandbox-failed", crate::wasm_failure::unstarted(&error))
        })?;
        let compiler = Compiler::new(config.compile_program.clone(), &config.limits);
        let cache =
            CodeCache::new(code::folder(&config.data_dir)).bounded(config.limits.compiled_code);
        Ok(Self {
            loader: Loader::compiling_with(compiler, sandbox, cache, &config.limits)
                .trusting(Trust::new(&config.trust, &config.plugins_dir)),
            plugin_size: config.limits.plugin_size,
            plugins_dir: config.plugins_dir.clone(),
        })
    }

    /// One that compiles what was too much for the compiler before, too.
    pub fn trying_again(config: &HostConfig) -> Result<Self, Problem> {
        let mut local = Self::new(config)?;
        local.loader = local.loader.trying_again();
        Ok(local)
    }

    /// One that leaves the golden examples to its caller.
    pub fn without_examples(config: &HostConfig) -> Result<Self, Problem> {
        let mut local = Self::trying_again(config)?;
        local.loader = local.loader.without_examples();
        Ok(local)
    }

    /// Runs every step of loading on one file. A source file is run by the
    /// language runtime of the plugins folder, or by the one that comes with the
    /// command.
    pub async fn load(&self, file: &Path) -> Result<Loaded, Refusal> {
        // What lies beside it is the command's matter.
        self.load_with(file, Beside::default()).await
    }

    /// The same with the examples beside a source file, as a host loads it.
    pub async fn load_beside(&self, file: &Path) -> Result<Loaded, Refusal> {
        self.load_with(file, Beside::read(file)?).await
    }

    async fn load_with(&self, file: &Path, beside: Beside) -> Result<Loaded, Refusal> {
        let artifact = Artifact::read_any(file, self.plugin_size)?;
        if is_component(file) {
            return self.loader.load(artifact, 1).await;
        }
        let extension = file.extension().unwrap_or_default();
        let extension = extension.to_string_lossy().into_owned();
        match self.runtime(&extension).await {
            Some(runtime) => self.loader.load_source(artifact, 1, &runtime, beside).await,
            None => Err(Refusal::NoRuntime { extension }),
        }
    }

    /// The same on a component's bytes, which were read already.
    pub async fn load_component(&self, artifact: Artifact) -> Result<Loaded, Refusal> {
        self.loader.load(artifact, 1).await
    }

    /// What runs source files with this extension.
    async fn runtime(&self, extension: &str) -> Option<Arc<RuntimeGeneration>> {
        let here = self.files().unwrap_or_default();
        let here = here.into_iter().filter(|file| is_component(file));
        let here = here.filter_map(|file| Artifact::read(&file, self.plugin_size).ok());
        let inside = bundle::plugins().unwrap_or_default();
        let inside = inside.into_iter().map(|plugin| Artifact {
            path: PathBuf::from(plugin.file),
            sha256: Sha::of(&plugin.bytes),
            bytes: plugin.bytes.into_owned(),
        });
        let is_runtime = |artifact: &Artifact| {
            let kind = verify(&artifact.bytes).map(|verified| verified.kind);
            matches!(kind, Ok(Kind::LanguageRuntime))
        };
        for artifact in here.chain(inside).filter(is_runtime) {
            if let Ok(Loaded::Runtime(runtime)) = self.loader.load(artifact, 1).await
                && runtime.manifest.serves(extension)
            {
                return Some(runtime);
            }
        }
        None
    }

    /// Finds a plugin by its name, or loads the file that is named. A name is
    /// looked for in the file that bears it first.
    pub async fn find(&self, plugin: &str) -> Result<Loaded, Problem> {
        let file = Path::new(plugin);
        if is_plugin(file) || file.components().count() > 1 {
            return self
                .load(file)
                .await
                .map_err(|refusal| refused(file, &refusal));
        }
        let mut files = self.files()?;
        files.sort_by_key(|file| file.file_stem().is_none_or(|stem| stem != plugin));
        let mut names = Vec::new();
        for file in files {
            match self.load(&file).await {
                Ok(loaded) if loaded.identity().name == plugin => return Ok(loaded),
                Ok(loaded) => names.push(loaded.identity().name.clone()),
                // The file of that name is most likely the one that is meant.
                Err(refusal) if file.file_stem().is_some_and(|stem| stem == plugin) => {
                    return Err(refused(&file, &refusal));
                }
                Err(_) => {}
            }
        }
        names.sort();
        let names = names.iter().map(String::as_str);
        Err(Problem::caller(
            "unknown-plugin",
            format!(
                "there is no plugin `{plugin}` in {}; {}",
                self.plugins_dir.display(),
                did_you_mean(plugin, names, "what loads there is")
            ),
        ))
    }

    /// The file of a folder that provides what a plugin does.
    pub async fn provider(&self, folder: &Path, like: &Loaded) -> Option<PathBuf> {
        for file in plugins_in(folder).unwrap_or_default() {
            let loaded = self.load(&file).await;
            if loaded.is_ok_and(|loaded| loaded.provides() == like.provides()) {
                return Some(file);
            }
        }
        None
    }

    fn files(&self) -> Result<Vec<PathBuf>, Problem> {
        plugins_in(&self.plugins_dir)
    }
}

fn plugins_in(dir: &Path) -> Result<Vec<PathBuf>, Problem> {
    let entries = std::fs::read_dir(dir).map_err(|error| {
        Problem::host(
            "plugins-dir",
            format!(
                "the plugins folder {} cannot be read: {}",
                dir.display(),
                crate::file_failure::sentence(&error)
            ),
        )
    })?;
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| is_plugin(path))
        .collect();
    files.sort();
    Ok(files)
}

/// The examples in a folder, of operations that the adapter has.
pub(super) fn read_beside(dir: &Path, adapter: &AdapterGeneration) -> Result<Vec<Case>, Problem> {
    let wrong = |why: String| Problem::caller("examples-unreadable", why);
    let mut cases = folder::read_cases(dir).map_err(wrong)?;
    let operations = adapter.manifest.operations.iter();
    for case in &mut cases {
        let one = std::slice::from_mut(&mut case.example);
        folder::settle(one, operations.clone().map(|operation| &*operation.name));
    }
    Ok(cases)
}

/// A refusal as the reason why a command could not be done.
pub(super) fn refused(file: &Path, refusal: &Refusal) -> Problem {
    Problem::adapter(
        "plugin-refused",
        format!(
            "{} was refused at step `{}`: {refusal}",
            file.display(),
            refusal.step()
        ),
    )
}
