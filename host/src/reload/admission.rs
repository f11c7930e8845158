//! A plugin's candidate against everything else that is loaded: its name
//! against the other files', its contract against the tenants that use it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::JoinSet;

use super::plugins::PluginFiles;
use super::prepare;
use super::snapshot::TenantGeneration;
use crate::plugin::generation::AdapterGeneration;
use crate::plugin::load::{Loaded, Refusal};
use crate::script::engine::EngineGeneration;

/// Scripts compiled at once.
const COMPILES: usize = 16;

type Serving = BTreeMap<Arc<str>, Arc<TenantGeneration>>;

/// A file keeps its plugin's name, and a name has one file. Returns the missing
/// file whose plugin the candidate takes over, if there is one.
pub(super) fn check_name(
    files: &PluginFiles,
    path: &Path,
    loaded: &Loaded,
) -> Result<Option<PathBuf>, Refusal> {
    let name = &loaded.identity().name;
    if let Some(serving) = files.serving(path)
        && serving.identity().name != *name
    {
        return Err(Refusal::NameChanged {
            serving: serving.identity().name.clone(),
            found: name.clone(),
        });
    }
    match files.provider(loaded).filter(|(other, _)| *other != path) {
        Some((other, false)) => Err(Refusal::NameTaken {
            name: name.clone(),
            other: other.to_owned(),
        }),
        Some((other, true)) => Ok(Some(other.to_owned())),
        None => Ok(None),
    }
}

/// Whether every tenant that serves could go on under the candidate.
pub(super) async fn check_tenants(serving: &Serving, loaded: &Loaded) -> Result<(), Refusal> {
    let broken = match loaded {
        Loaded::Adapter(adapter) => by_adapter(serving, adapter),
        Loaded::Engine(engine) => by_engine(serving, engine).await,
    };
    if broken.is_empty() {
        Ok(())
    } else {
        Err(Refusal::BreaksTenants(broken))
    }
}

fn by_adapter(serving: &Serving, adapter: &AdapterGeneration) -> Vec<String> {
    let mut broken = Vec::new();
    for tenant in serving.values() {
        for connection in tenant.config.connections.values() {
            if connection.adapter == adapter.identity.name {
                let against = prepare::against_adapter(&tenant.config, connection, adapter);
                broken.extend(against.iter().map(ToString::to_string));
            }
        }
    }
    broken
}

async fn by_engine(serving: &Serving, engine: &Arc<EngineGeneration>) -> Vec<String> {
    let mut scripts = serving
        .values()
        .flat_map(|tenant| tenant.connections.values())
        .flat_map(|connection| connection.all_scripts())
        .filter(|script| script.extension == engine.manifest.extension)
        .cloned()
        .collect::<Vec<_>>()
        .into_iter();
    let mut compiling = JoinSet::new();
    let mut broken = Vec::new();
    loop {
        while compiling.len() < COMPILES
            && let Some(script) = scripts.next()
        {
            let engine = engine.clone();
            compiling.spawn(async move { prepare::compile(&engine, &script).await });
        }
        match compiling.join_next().await {
            Some(Ok(Err(problem))) => broken.push(problem.to_string()),
            Some(_) => {}
            None => return broken,
        }
    }
}
