//! Whether an adapter keeps the contract, tried in every way that its author may
//! not think of: `crossdock plugin check`.
//!
//! | file | what is in it |
//! |---|---|
//! | [`report`] | what was found |
//! | [`kept`] | what was found before, of the same bytes |
//! | `trial` | calls that may fail, and what they take |
//! | `mending` | where a fault says that the adapter has to be mended |
//! | `setting` | settings, secrets and time of an operation's calls |
//! | `documents` | documents of its schema through `map` and `sign` |
//! | `replies`, `answers` | answers of every kind through `parse-response` |
//! | `envelope` | answers that say of themselves that they are failures, as far as examples and codes tell |
//! | `pages` | whether pages come to an end |
//! | `successes` | successes of the examples, each with what makes it none |
//! | `unknown` | an operation that the manifest does not have |
//! | `purity` | the same call, again and in a fresh instance |
//! | `generate`, `pattern`, `mutate`, `smaller`, `chance` | documents, the same ones every time |

mod answers;
mod chance;
mod documents;
mod envelope;
mod generate;
pub mod kept;
mod mending;
mod mutate;
mod pages;
mod pattern;
mod purity;
mod replies;
pub mod report;
mod setting;
mod smaller;
mod successes;
mod trial;
mod unknown;

use std::sync::Arc;
use std::time::Duration;

use crate::plugin::generation::AdapterGeneration;
use crate::plugin::golden;
use crate::plugin::manifest::{Example, GRANT};
use crate::plugin::verify::optional_interfaces;
use crate::schema::{Schema, Verdict};
use documents::Documents;
use envelope::Envelopes;
use mending::{place, placed};
use pages::Pages;
use replies::Replies;
pub use report::{Finding, Report, Weight};
use serde_json::Value;
use setting::Setting;
use successes::Successes;
pub use trial::Stuck;
use trial::Trial;

/// Changes with what is checked: what was found by another one is not kept.
pub const VERSION: u32 = 4;

/// The part of documents through `map` and `sign`.
const PART_DOCUMENTS: &str = "documents";

/// The part of golden examples.
const PART_EXAMPLES: &str = "examples";

/// The interface of messages from the platform, in any version.
const INBOUND: &str = "crossdock:adapter/inbound@";

/// The part of time and memory.
const PART_COST: &str = "cost";

/// An instance that holds more is not kept for the next call.
const KEPT_MEMORY: usize = 32 << 20;

/// How much is tried.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// Documents of each operation.
    pub documents: usize,
    /// Time for the documents of each operation.
    pub time: Duration,
}

impl Default for Extent {
    fn default() -> Self {
        Self {
            documents: 1000,
            time: Duration::from_secs(20),
        }
    }
}

/// Checks an adapter with its manifest's examples and others beside it.
///
/// # Errors
/// If the host could not go on: that says nothing about the adapter.
pub async fn check(
    adapter: &Arc<AdapterGeneration>,
    beside: &[Example],
    deadline: Duration,
    extent: Extent,
) -> Result<Report, Stuck> {
    let mut report = Report::default();
    let mut trial = Trial::new(adapter, deadline);
    purity::tell(purity::of_describe(&mut trial).await?, &mut report);
    let same =
        |one: &Example, other: &Example| one.name == other.name && one.operation == other.operation;
    let own = adapter.manifest.examples.iter();
    let own = own.filter(|example| !beside.iter().any(|other| same(example, other)));
    let examples: Vec<&Example> = own.chain(beside).collect();
    report.examples = examples.len();
    let component = adapter.component();
    let shape = component.component_type();
    let exports = shape.exports(component.engine()).map(|(name, _)| name);
    report.interfaces = optional_interfaces(exports);
    if !adapter.receives() {
        // A language runtime has it for all files, also for one without `receive`.
        report.interfaces.retain(|name| !name.starts_with(INBOUND));
    }
    hold(adapter, &examples, &mut report).await?;
    let envelopes = Envelopes::of(&examples, &adapter.manifest.codes);
    let operations = adapter.manifest.operations.iter();
    let mut operations: Vec<(&str, Value)> = operations
        .map(|operation| (&*operation.name, operation.document.clone()))
        .collect();
    let grant = adapter.manifest.grant.as_ref();
    operations.extend(grant.map(|grant| (GRANT, grant.document())));
    let mut unknown_tried = false;
    for (name, document) in operations {
        if !examples.iter().any(|example| example.operation == name) {
            let fix = "write one: `crossdock plugin test --bless` fills in what comes out";
            let what = "there is no golden example";
            report.add(Finding::look(PART_EXAMPLES, what, fix).of(name));
        }
        let Some(setting) = Setting::of(adapter, name, &examples) else {
            let fix = "write a golden example with settings in its context";
            let what = "no settings could be made that fit the schema, so nothing was tried";
            report.add(Finding::look(PART_DOCUMENTS, what, fix).of(name));
            continue;
        };
        let documents = Documents {
            trial: &mut trial,
            setting: &setting,
            schema: &document,
            report: &mut report,
            extent,
            shrunk: 0,
        };
        let (mut tried, requests) = documents.run().await?;
        let replies = Replies {
            trial: &mut trial,
            setting: &setting,
            envelopes: &envelopes,
            report: &mut report,
        };
        replies.run(&requests, &mut tried).await?;
        let pages = Pages {
            trial: &mut trial,
            operation: name,
            report: &mut report,
        };
        pages.run(&examples).await?;
        let successes = Successes {
            trial: &mut trial,
            operation: name,
            report: &mut report,
            tried: &mut tried,
        };
        successes.run(&examples).await?;
        if !unknown_tried {
            unknown_tried = true;
            unknown::run(&mut trial, &setting, requests.first(), &mut report).await?;
        }
        if requests.is_empty() {
            let fix =
                "write a golden example with a request, or look at what `map` refuses and why";
            let what = format!(
                "none of {} documents became a request, so no answer was tried",
                tried.documents
            );
            report.add(Finding::look(PART_DOCUMENTS, what, fix).of(name));
        }
        report.operations.insert(name.to_owned(), tried);
    }
    report.costs = trial.costs();
    costs(&mut report, deadline);
    report.findings.sort_by_key(|finding| finding.weight);
    Ok(report)
}

/// Every example holds, and its results are what the manifest says.
async fn hold(
    adapter: &Arc<AdapterGeneration>,
    examples: &[&Example],
    report: &mut Report,
) -> Result<(), Stuck> {
    for example in examples {
        let played = golden::play(adapter, example).await;
        if let Some(stopped) = &played.stopped {
            if stopped.passing {
                return Err(Stuck(stopped.detail.clone()));
            }
            let what = format!(
                "example `{}` failed at {}: {}",
                example.name, stopped.step, stopped.detail
            );
            told(&example.operation, what, report);
        }
        for difference in &played.differences {
            let what = format!(
                "example `{}` failed at {}: {difference}",
                example.name, difference.step
            );
            told(&example.operation, what, report);
        }
        results(adapter, &played.came, report);
    }
    Ok(())
}

/// What went wrong in an example. A fault of the adapter's own is met in each of them.
fn told(operation: &str, what: String, report: &mut Report) {
    let fix = match place(&what) {
        Some(place) => format!("mend {place}; `crossdock plugin test` shows the example"),
        None => "mend the adapter, or the example: `crossdock plugin test` shows both".to_owned(),
    };
    let said = placed(&what).map(str::to_owned);
    let finding = Finding::wrong(PART_EXAMPLES, what, &fix).of(operation);
    report.add_said(finding, said.as_deref());
}

/// Results of accepted items are what the manifest says.
fn results(adapter: &AdapterGeneration, example: &Example, report: &mut Report) {
    let Some(operation) = adapter.manifest.operation(&example.operation) else {
        return;
    };
    let Ok(schema) = Schema::compile(&operation.result) else {
        return;
    };
    let outcomes = example.replies.iter().flat_map(|reply| &reply.outcomes);
    for result in outcomes
        .flatten()
        .filter_map(|outcome| outcome.result.as_ref())
    {
        if let Verdict::Breaks(violations) = schema.check_whole(result)
            && let Some(first) = violations.first()
        {
            let what = format!(
                "the result in example `{}` is not what the manifest's `result` says: {} (at {})",
                example.name, first.message, first.pointer
            );
            let fix = "mend the schema of `result`, which callers read, or the result";
            let finding = Finding::look(PART_EXAMPLES, what, fix);
            report.add(finding.of(&example.operation).with(result.to_string()));
        }
    }
}

/// Calls that took much of what they may.
fn costs(report: &mut Report, deadline: Duration) {
    let costs = report.costs.clone();
    // `sign` is not made twice where it took long, and a busy machine is no finding.
    for (function, cost) in costs.into_iter().filter(|(function, _)| function != "sign") {
        let allowed = deadline.as_secs_f64() * 1e3;
        if cost.longest_ms > allowed / 2.0 {
            let what = format!(
                "a call of `{function}` took {:.0} ms, and {allowed:.0} ms of guest time are allowed",
                cost.longest_ms
            );
            let fix = "look for work that grows faster than its input, or do it once per instance";
            report.add(Finding::look(PART_COST, what, fix));
        }
        if cost.memory > KEPT_MEMORY {
            let what = format!(
                "an instance had {} MiB of memory after `{function}`; beyond {} MiB it is not kept for the next call",
                cost.memory >> 20,
                KEPT_MEMORY >> 20
            );
            let fix = "make smaller steps, so that calls find a warm instance";
            report.add(Finding::look(PART_COST, what, fix));
        }
    }
}
