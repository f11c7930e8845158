//! Tenants' scripts, run by script engines: plugins too, under the same limits
//! as an adapter.
//!
//! | part | what it does |
//! |---|---|
//! | [`apply`] | items through a script |
//! | [`test_cases`] | the tests beside a script |
//! | [`context`] | what a script sees beside its item |
//! | [`failure`] | what a script failed on |

pub mod apply;
pub mod context;
pub mod failure;
pub mod test_cases;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use serde_json::value::RawValue;

use crate::json_failure;
use crate::plugin::artifact::Sha;
use crate::plugin::script_engine::ScriptSpec;
use crate::problem::Problem;
use apply::Prepared;
use test_cases::Cases;

/// A script of one operation.
#[derive(Debug, Clone)]
pub struct Script {
    /// What the engine gets.
    pub spec: ScriptSpec,
    /// Its file, for messages.
    pub path: PathBuf,
    /// Chooses the engine.
    pub extension: String,
    /// First digits of the hash of its text, for reports.
    pub label: String,
    /// The tests it has to pass, where its tenant requires them.
    pub tests: Option<Arc<Cases>>,
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
                    format!(
                        "the script gave no JSON: {}",
                        json_failure::sentence(&error)
                    ),
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
