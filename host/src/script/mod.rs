//! Tenants' mapping scripts, run by script engines: plugins too, under the
//! same limits as an adapter.

pub mod context;
pub mod engine;
pub mod replies;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::delivery::connection::PreparedScript;
use crate::delivery::documents::{Prepared, apply};
use crate::delivery::intake::items;
use crate::delivery::redact::Redactor;
use crate::problem::Problem;
use crate::reload::snapshot::Snapshot;
use engine::ScriptSpec;

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
    let extension = path
        .extension()
        .map(|extension| extension.to_string_lossy().into_owned())
        .unwrap_or_default();
    let engine = snapshot.engines.get(&extension).ok_or_else(|| {
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
    })?;
    let text = read(path)?;
    let script = PreparedScript {
        spec: ScriptSpec {
            tenant: "".into(),
            id: crate::reload::prepare::next_script(),
            source: Arc::new(text),
            context: Arc::new("{}".to_owned()),
        },
        path: path.to_owned(),
        extension,
        label: String::new(),
    };
    let items: Vec<String> = items(body, most)?
        .into_iter()
        .map(|item| item.get().to_owned())
        .collect();
    // It sees no connection, and so no secrets.
    let redactor = Redactor::builder().build();
    let prepared = apply(engine, &script, &items, &redactor).await?;
    Ok(runs(prepared))
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
