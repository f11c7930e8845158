//! Tenants' mapping scripts, run by script engines: plugins too, under the
//! same limits as an adapter.

pub mod engine;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::problem::Problem;

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
