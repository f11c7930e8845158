//! One script file, tried on its own.

use std::path::Path;
use std::sync::Arc;

use crate::budget::bounds::Bounds;
use crate::delivery::intake::items;
use crate::files::{self, Links};
use crate::plugin::script_engine::{EngineGeneration, ScriptSpec};
use crate::problem::Problem;
use crate::redact::Redactor;
use crate::script::apply::apply;
use crate::script::context::Sight;
use crate::script::{Script, ScriptRun, label, next_script, runs};
use crate::serving::snapshot::Snapshot;
use crate::text::quoted;

/// A script file larger than this is not read.
const SCRIPT_BYTES: u64 = 1 << 20;

/// Runs a script file over the items of a body, with nothing sent.
pub async fn run(
    snapshot: &Snapshot,
    path: &Path,
    body: &[u8],
    most: usize,
) -> Result<Vec<ScriptRun>, Problem> {
    let engine = engine_of(snapshot, path)?;
    let script = from_file(path)?;
    let items: Vec<String> = items(body, most)?
        .into_iter()
        .map(|item| item.get().to_owned())
        .collect();
    // It sees no connection, and so no secrets.
    let redactor = Redactor::builder().build();
    let prepared = apply(engine, &script, &items, &redactor, &Bounds::default()).await?;
    Ok(runs(prepared))
}

/// The engine that runs a file.
pub(super) fn engine_of<'s>(
    snapshot: &'s Snapshot,
    path: &Path,
) -> Result<&'s Arc<EngineGeneration>, Problem> {
    snapshot.engines.get(&extension(path)).ok_or_else(|| {
        let mut known: Vec<String> = snapshot
            .engines
            .keys()
            .map(|name| format!(".{name}"))
            .collect();
        known.sort();
        let known = if known.is_empty() {
            "none is loaded".to_owned()
        } else {
            quoted(known, ", ")
        };
        Problem::caller(
            "unknown-language",
            format!(
                "no script engine runs {}; languages: {known}",
                path.display()
            ),
        )
    })
}

fn extension(path: &Path) -> String {
    path.extension()
        .map(|extension| extension.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// A script on its own: its context has every member, and nothing in them.
pub(super) fn from_file(path: &Path) -> Result<Script, Problem> {
    let source = read(path)?;
    Ok(apart("".into(), Sight::empty(), path, source))
}

/// A script that does not serve: for trying it, and for its tests.
pub(super) fn apart(tenant: Arc<str>, sight: Sight, path: &Path, source: String) -> Script {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Script {
        label: label(&name, &source),
        spec: ScriptSpec {
            tenant,
            id: next_script(),
            source: Arc::new(source),
            context: Arc::new(sight.context),
            tables: Arc::new(sight.tables),
        },
        path: path.to_owned(),
        extension: extension(path),
        tests: None,
    }
}

pub(super) fn read(path: &Path) -> Result<String, Problem> {
    let unreadable = |why: String| {
        Problem::caller(
            "script-unreadable",
            format!("{} cannot be read: {why}", path.display()),
        )
    };
    let mut text = files::read_text(path, SCRIPT_BYTES, Links::Follow)
        .map_err(|refused| unreadable(refused.to_string()))?;
    // As where a tenant is loaded: the mark belongs to no language.
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    Ok(text)
}
