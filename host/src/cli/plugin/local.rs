//! Loading plugin files here, outside a running host.

use std::path::{Path, PathBuf};

use crate::config::{HostConfig, did_you_mean};
use crate::plugin::artifact::Artifact;
use crate::plugin::cache::CodeCache;
use crate::plugin::code;
use crate::plugin::compile::Compiler;
use crate::plugin::load::{Loaded, Loader, Refusal};
use crate::plugin::sandbox::Sandbox;
use crate::problem::Problem;

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
            loader: Loader::compiling_with(compiler, sandbox, cache, &config.limits),
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

    /// Runs every step of loading on one file.
    pub async fn load(&self, file: &Path) -> Result<Loaded, Refusal> {
        let artifact = Artifact::read(file, self.plugin_size)?;
        self.loader.load(artifact, 1).await
    }

    /// Finds a plugin by its name, or loads the file that is named. A name is
    /// looked for in the file that bears it first.
    pub async fn find(&self, plugin: &str) -> Result<Loaded, Problem> {
        let file = Path::new(plugin);
        if plugin.ends_with(".wasm") || file.components().count() > 1 {
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

    fn files(&self) -> Result<Vec<PathBuf>, Problem> {
        let dir = &self.plugins_dir;
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
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "wasm")
            })
            .collect();
        files.sort();
        Ok(files)
    }
}

fn refused(file: &Path, refusal: &Refusal) -> Problem {
    Problem::adapter(
        "plugin-refused",
        format!(
            "{} was refused at step `{}`: {refusal}",
            file.display(),
            refusal.step()
        ),
    )
}
