//! A script's text to a script that runs: its engine, its context, its tests.

use std::path::Path;
use std::sync::Arc;

use crate::config::{ScriptSource, did_you_mean};
use crate::plugin::script_engine::{EngineGeneration, ScriptSpec};
use crate::problem::Problem;
use crate::script::context::Sight;
use crate::script::failure::compile_problem;
use crate::script::test_cases::Cases;
use crate::script::{Script, label, next_script};
use crate::serving::snapshot::Snapshot;

/// The engine of a script's language, or what to say of one that nobody runs.
pub(super) fn engine<'s>(
    snapshot: &'s Snapshot,
    source: &ScriptSource,
) -> Result<&'s EngineGeneration, String> {
    let engine = snapshot.engines.get(&source.extension);
    engine.map(|engine| &**engine).ok_or_else(|| {
        format!(
            "no script engine runs `.{}` files ({}); {}",
            source.extension,
            source.path.display(),
            did_you_mean(
                &source.extension,
                snapshot.engines.keys().map(String::as_str),
                "there is one for"
            )
        )
    })
}

/// The script; one that stays as it was keeps its warm instances.
pub(super) fn script(
    tenant: &Arc<str>,
    source: &ScriptSource,
    sight: Sight,
    before: Option<&Script>,
) -> Script {
    // It is told by its id.
    let kept = before
        .filter(|before| {
            *before.spec.source == *source.text
                && *before.spec.context == sight.context
                && *before.spec.tables == sight.tables
                && before.extension == source.extension
        })
        .map(|before| before.spec.clone());
    Script {
        spec: kept.unwrap_or_else(|| ScriptSpec {
            tenant: tenant.clone(),
            id: next_script(),
            source: Arc::new(source.text.to_string()),
            context: Arc::new(sight.context),
            tables: Arc::new(sight.tables),
        }),
        path: source.path.clone(),
        extension: source.extension.clone(),
        label: label(&file_name(&source.path), &source.text),
        tests: None,
    }
}

/// The tests beside a script.
///
/// # Errors
/// If they are no tests, with their place.
pub(super) fn cases(source: &ScriptSource) -> Result<Option<Cases>, Problem> {
    let tests = source.tests.as_ref();
    tests
        .map(|tests| Cases::parse(&tests.path, &tests.text))
        .transpose()
}

/// Compiles a script, which also leaves it warm, and runs the tests it has to
/// pass.
pub async fn compile(engine: &EngineGeneration, script: &Script) -> Result<(), Problem> {
    if let Err(error) = engine.lease(&script.spec).await {
        return Err(compile_problem(error, script));
    }
    match &script.tests {
        Some(tests) => tests.pass(engine, script).await,
        None => Ok(()),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}
