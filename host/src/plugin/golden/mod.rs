//! An adapter's worked examples: `map` → `sign` → `parse-response` must give
//! the bytes and outcomes that the manifest says, before the adapter may serve.
//!
//! | file | responsibility |
//! |---|---|
//! | `steps` | one example, step by step |
//! | `same` | what came beside what the example says |
//! | `wrong` | why a step did not come out |

mod same;
mod steps;
mod wrong;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::generation::AdapterGeneration;
use crate::meter::{Late, within};

/// An example that did not come out as it says.
#[derive(Debug, Clone, thiserror::Error)]
#[error("example `{example}` failed at {step}: {detail}")]
pub struct ExampleFailed {
    /// The example's name.
    pub example: String,
    /// `document`, `map`, `sign`, `parse-response`, or `deadline`.
    pub step: &'static str,
    /// What was expected and what came.
    pub detail: String,
    /// The host could not run it now, which says nothing about the example.
    pub passing: bool,
}

/// Runs all examples, one after the other, for at most `limit` of processor
/// time together.
pub async fn run(
    generation: &Arc<AdapterGeneration>,
    limit: Duration,
) -> Result<(), ExampleFailed> {
    // The one that runs is the one to name.
    let running = AtomicUsize::new(0);
    let examples = &generation.manifest.examples;
    let late = match within(limit, run_all(generation, &running)).await {
        Ok(result) => return result,
        Err(late) => late,
    };
    let (detail, passing) = match late {
        Late::Spent => (
            format!(
                "the examples took more than {} ms of processor time, which `[limits] check_timeout_ms` allows",
                limit.as_millis()
            ),
            false,
        ),
        Late::Starved => ("the host was too busy to run it".to_owned(), true),
    };
    let example = examples.get(running.load(Ordering::Relaxed));
    Err(ExampleFailed {
        example: example.map_or_else(String::new, |example| example.name.clone()),
        step: "deadline",
        detail,
        passing,
    })
}

async fn run_all(
    generation: &Arc<AdapterGeneration>,
    running: &AtomicUsize,
) -> Result<(), ExampleFailed> {
    for (index, example) in generation.manifest.examples.iter().enumerate() {
        running.store(index, Ordering::Relaxed);
        steps::run(generation, example)
            .await
            .map_err(|(step, wrong)| ExampleFailed {
                example: example.name.clone(),
                step,
                detail: wrong.detail,
                passing: wrong.passing,
            })?;
    }
    Ok(())
}
