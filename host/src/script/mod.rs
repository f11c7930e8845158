//! Tenants' mapping scripts, run by script engines: plugins too, under the
//! same limits as an adapter.

pub mod compare;
pub mod context;
pub mod diff;
pub mod engine;
pub mod replies;
pub mod suite;
pub mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use serde_json::value::RawValue;

use crate::delivery::connection::PreparedScript;
use crate::delivery::documents::{Prepared, apply};
use crate::delivery::intake::items;
use crate::delivery::redact::Redactor;
use crate::plugin::artifact::Sha;
use crate::problem::Problem;
use crate::reload::snapshot::Snapshot;
use engine::{EngineGeneration, ScriptSpec};

/// What one item became when a script was run on its own.
#[derive(Debug, Serialize)]
pub struct ScriptRun {
    /// Position of the item in the input.
    pub index: usize,
    /// The documents it became; none when the script skipped it.
    pub documents: Vec<Box<RawValue>>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

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
    let prepared = apply(engine, &script, &items, &redactor).await?;
    Ok(runs(prepared))
}

/// The engine that runs a file.
fn engine_of<'s>(
    snapshot: &'s Snapshot,
    path: &Path,
) -> Result<&'s Arc<EngineGeneration>, Problem> {
    snapshot.engines.get(&extension(path)).ok_or_else(|| {
        let mut known: Vec<String> = snapshot
            .engines
            .keys()
            .map(|name| format!("`.{name}`"))
            .collect();
        known.sort();
        let known = if known.is_empty() {
            "none is loaded".to_owned()
        } else {
            known.join(", ")
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
fn from_file(path: &Path) -> Result<PreparedScript, Problem> {
    Ok(PreparedScript {
        spec: ScriptSpec {
            tenant: "".into(),
            id: next_script(),
            source: Arc::new(read(path)?),
            context: Arc::new(context::EMPTY.to_owned()),
        },
        path: path.to_owned(),
        extension: extension(path),
        label: String::new(),
        tests: None,
    })
}

/// A script for reports: its file's name, and the first digits of its text's
/// hash.
pub fn label(name: &str, source: &str) -> String {
    format!("{name} ({})", Sha::of(source.as_bytes()).short())
}

/// A new id for a script.
pub fn next_script() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn read(path: &Path) -> Result<String, Problem> {
    let unreadable = |why: String| {
        Problem::caller(
            "script-unreadable",
            format!("{} cannot be read: {why}", path.display()),
        )
    };
    let meta = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?;
    if meta.len() > SCRIPT_BYTES {
        return Err(unreadable(format!("it has more than {SCRIPT_BYTES} bytes")));
    }
    std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))
}

/// Documents and settled items back into one answer per item.
pub(crate) fn runs(prepared: Prepared) -> Vec<ScriptRun> {
    let mut runs: BTreeMap<usize, ScriptRun> = BTreeMap::new();
    let empty = |index| ScriptRun {
        index,
        documents: Vec::new(),
        problem: None,
    };
    for document in prepared.documents {
        let run = runs
            .entry(document.item)
            .or_insert_with(|| empty(document.item));
        match RawValue::from_string(document.text) {
            Ok(text) => run.documents.push(text),
            Err(error) => {
                run.problem = Some(Problem::script(
                    "invalid-json",
                    format!("the script gave no JSON: {error}"),
                ));
            }
        }
    }
    for report in prepared.settled {
        let run = runs
            .entry(report.index)
            .or_insert_with(|| empty(report.index));
        run.problem = report.problem();
    }
    runs.into_values().collect()
}
