//! An adapter's worked examples: `map` → `sign` → `parse-response` must give
//! the bytes and outcomes that the manifest says, before the adapter may serve.
//!
//! | file | responsibility |
//! |---|---|
//! | `steps` | one example, step by step |
//! | `same`, `difference` | what came beside what the example says, field by field |
//! | `came` | what came, written as an example |
//! | `added` | whether that says all that the example said |
//! | [`folder`] | examples as files that people read |
//! | `fits` | why a document or the settings do not fit |
//! | `wrong` | why a step did not come out |

mod added;
mod came;
mod difference;
mod fits;
pub mod folder;
mod same;
mod steps;
mod wrong;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

pub use added::adds_only;
pub use difference::Difference;
pub(crate) use difference::WRITE_IT;
pub(crate) use steps::{asked, context, items, reply};

use super::generation::AdapterGeneration;
use super::manifest::Example;
use crate::meter::{Late, within};

/// What became of one example.
#[derive(Debug, Clone)]
pub struct Played {
    /// Where it came out otherwise, in the order of the steps.
    pub differences: Vec<Difference>,
    /// Why it could not be run to its end.
    pub stopped: Option<Stopped>,
    /// The example with what came in the place of what it says.
    pub came: Example,
    /// What the adapter logged.
    pub log: Vec<String>,
}

/// Why an example could not be run to its end.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Stopped {
    /// `document`, `map`, `sign` or `parse-response`.
    pub step: &'static str,
    /// What happened.
    pub detail: String,
    /// The host could not run it now, which says nothing about the example.
    pub passing: bool,
}

impl Played {
    /// Whether it came out as it says.
    pub fn holds(&self) -> bool {
        self.stopped.is_none() && self.differences.is_empty()
    }

    /// The first thing that went wrong.
    fn failure(&self, example: &Example) -> Result<(), ExampleFailed> {
        let failed = |step, detail: String, passing| {
            Err(ExampleFailed {
                example: example.name.clone(),
                step,
                detail,
                passing,
            })
        };
        match (self.differences.first(), &self.stopped) {
            (Some(first), _) => failed(first.step, first.to_string(), false),
            (None, Some(stopped)) => failed(stopped.step, stopped.detail.clone(), stopped.passing),
            (None, None) => Ok(()),
        }
    }
}

/// Runs one example and tells everything that came out otherwise.
pub async fn play(generation: &Arc<AdapterGeneration>, example: &Example) -> Played {
    steps::play(generation, example).await
}

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
        steps::play(generation, example).await.failure(example)?;
    }
    Ok(())
}
