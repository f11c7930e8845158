//! A call's items to documents: through the tenant's script, and against the
//! operation's schema.

use std::borrow::Cow;
use std::sync::atomic::Ordering;

use super::fit::{Fitted, Unfit, fit};
use super::order::About;
use crate::plugin::manifest::Order;
use crate::problem::{Blame, Place, Problem};
use crate::report::ItemReport;
use crate::script::apply::{Document, Prepared, apply};
use crate::serving::route::Route;
use crate::telemetry::meters::Phase;

/// Failures of one call that are logged.
const LOGGED: usize = 3;

/// Runs the script, if the operation has one, and checks every document.
/// An item goes on only with all of its documents.
pub async fn prepare(route: &Route, items: Vec<String>) -> Result<Prepared, Problem> {
    let (prepared, _) = prepare_about(route, items.into(), None).await?;
    Ok(prepared)
}

/// The same, with what each document is about where `declared` says how that is
/// known. Items are copied only where they are the documents.
pub async fn prepare_about(
    route: &Route,
    items: Cow<'_, [String]>,
    declared: Option<&Order>,
) -> Result<(Prepared, Vec<About>), Problem> {
    let script = route.connection.scripts.get(&route.operation);
    let mut prepared = match script {
        Some(script) => {
            let engine = route.engine(script)?;
            let armed = route.connection.armed();
            let redactor = &armed.redactor;
            let _step = route.observed.step(Phase::Script);
            apply(engine, script, &items, redactor, &route.bounds).await?
        }
        None => Prepared {
            documents: items
                .into_owned()
                .into_iter()
                .enumerate()
                .map(|(item, text)| Document {
                    item,
                    part: 0,
                    text,
                })
                .collect(),
            settled: Vec::new(),
        },
    };
    let schema = &route.compiled()?.document;
    let documents = std::mem::take(&mut prepared.documents);
    let armed = route.connection.armed();
    let redactor = &armed.redactor;
    let Fitted {
        documents,
        about,
        failed,
    } = fit(schema, documents, script, redactor, declared).await;
    prepared.documents = documents;
    log_details(
        prepared
            .settled
            .iter()
            .chain(failed.iter().map(|unfit| &unfit.report)),
    );
    log_failures(route, prepared.settled.iter().map(logged_whole));
    let masked = |unfit: &Unfit| logged(&unfit.report, unfit.masked.clone());
    log_failures(route, failed.iter().map(masked));
    for mut unfit in failed {
        route.bounds.keep(&mut unfit.report);
        prepared.settled.push(unfit.report);
    }
    Ok((prepared, about))
}

/// A failure for the log, where no records belong.
fn logged(report: &ItemReport, detail: String) -> Option<Problem> {
    if report.blame != Some(Blame::Script) {
        return None;
    }
    let mut short = ItemReport::new(report.index, report.status);
    short.blame = report.blame;
    short.code.clone_from(&report.code);
    short.pointer.clone_from(&report.pointer);
    short.place.clone_from(&report.place);
    short.message = Some(detail);
    short.problem()
}

fn logged_whole(report: &ItemReport) -> Option<Problem> {
    logged(report, report.message.clone().unwrap_or_default())
}

/// Says what was in the first items that the script failed on: at level `debug`,
/// and nowhere else.
fn log_details<'a>(reports: impl Iterator<Item = &'a ItemReport>) {
    if !tracing::enabled!(target: "crossdock::script", tracing::Level::DEBUG) {
        return;
    }
    let failed = reports.filter(|report| report.blame == Some(Blame::Script));
    for problem in failed
        .take(LOGGED)
        .filter_map(|report| report.clone().problem())
    {
        tracing::debug!(target: "crossdock::script", %problem, "what the script failed on");
    }
}

/// Says which items the script failed on, without what was in them.
fn log_failures(route: &Route, problems: impl Iterator<Item = Option<Problem>>) {
    let (mut first, mut failed) = (Vec::new(), 0);
    for problem in problems.flatten() {
        failed += 1;
        if first.len() < LOGGED {
            first.push(problem);
        }
    }
    let told = route.told.as_ref().filter(|_| failed > 0);
    if told.is_some_and(|told| told.swap(true, Ordering::Relaxed)) {
        return;
    }
    for problem in &first {
        warn_failed(route, problem, failed, "a script failed");
    }
}

/// Says that a script failed on so many items of a call, without what was in
/// them.
pub fn warn_failed(route: &Route, problem: &Problem, failed: usize, what: &str) {
    tracing::warn!(
        target: "crossdock::script",
        tenant = &*route.tenant.config.name,
        connection = &*route.connection.config.name,
        operation = route.operation,
        code = &*problem.code,
        failed,
        problem = %problem.without_excerpt(),
        "{what}"
    );
}

/// An adapter's complaint about a document, with the script that made it.
pub fn naming_script(route: &Route, mut problem: Problem) -> Problem {
    if let Some(script) = route.connection.scripts.get(&route.operation)
        && problem.blame == Blame::Script
        && problem.place.is_none()
    {
        problem.place = Some(Place::whole(&script.path));
    }
    problem
}
