//! Items through the tenant's script, and what comes out against the
//! operation's schema.

use std::borrow::Cow;
use std::time::Duration;

use jsonschema::Validator;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use super::connection::PreparedScript;
use super::intake::Route;
use super::redact::Redactor;
use super::report::{DetailReport, ItemReport, ItemStatus};
use crate::plugin::bindings::script::exports::crossdock::script::engine::Diagnostic;
use crate::plugin::guest::{GuestFailure, GuestFailureKind};
use crate::problem::{Blame, Excerpt, ExcerptOf, Place, Problem};
use crate::script::engine::{Applied, CompileError, EngineGeneration, ScriptLease};

/// Items handed to a script at once. The deadline is for one such call: with
/// some 20 µs per row it leaves a row a hundred times what it usually needs.
const BATCH: usize = 256;

/// Documents one item may become.
const MOST_DOCUMENTS: usize = 1000;

/// Schema violations reported per document.
const MOST_VIOLATIONS: usize = 10;

/// Failures of one call that are logged.
const LOGGED: usize = 3;

/// Longest line of a script that an error shows.
const SOURCE_CHARS: usize = 500;

/// Characters of a violation's text: it quotes the value.
const VIOLATION_CHARS: usize = 300;

/// A document and the item it came from.
#[derive(Debug, Clone)]
pub struct Document {
    /// Index of the item.
    pub item: usize,
    /// Position among the item's documents.
    pub part: usize,
    /// JSON text.
    pub text: String,
}

/// What became of all items of a call before the adapter sees any.
#[derive(Debug, Default)]
pub struct Prepared {
    /// What goes on.
    pub documents: Vec<Document>,
    /// What does not: failed or skipped items.
    pub settled: Vec<ItemReport>,
}

/// Runs the script, if the operation has one, and checks every document.
/// An item goes on only with all of its documents.
pub async fn prepare(route: &Route, items: Vec<String>) -> Result<Prepared, Problem> {
    let script = route.connection.scripts.get(&route.operation);
    let mut prepared = match script {
        Some(script) => {
            let redactor = &route.connection.redactor;
            apply(engine_for(route, script)?, script, &items, redactor).await?
        }
        None => Prepared {
            documents: items
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
    let schema = &route.prepared()?.document;
    let mut failed: Vec<ItemReport> = Vec::new();
    for document in &prepared.documents {
        if failed
            .last()
            .is_some_and(|report| report.index == document.item)
        {
            continue;
        }
        if let Err(report) = check(schema, document, script, &route.connection.redactor) {
            failed.push(*report);
        }
    }
    if !failed.is_empty() {
        let is_failed = |item: usize| failed.iter().any(|report| report.index == item);
        prepared
            .documents
            .retain(|document| !is_failed(document.item));
        prepared.settled.extend(failed);
    }
    log_failures(route, &prepared.settled);
    Ok(prepared)
}

/// Says which items the script failed on. What was in them is logged at level
/// `debug` only.
pub fn log_failures(route: &Route, reports: &[ItemReport]) {
    let is_failed = |report: &&ItemReport| report.blame == Some(Blame::Script);
    let problems = reports.iter().filter(is_failed);
    for problem in problems.take(LOGGED).filter_map(|r| r.clone().problem()) {
        tracing::debug!(target: "crossdock::script", %problem, "what the script failed on");
        tracing::warn!(
            target: "crossdock::script",
            tenant = &*route.tenant.config.name,
            connection = &*route.connection.config.name,
            operation = route.operation,
            code = problem.code,
            failed = reports.iter().filter(is_failed).count(),
            problem = %problem.without_excerpt(),
            "a script failed"
        );
    }
}

/// An adapter's complaint about a document, with the script that made it.
pub fn naming_script(route: &Route, mut problem: Problem) -> Problem {
    if let Some(script) = route.connection.scripts.get(&route.operation)
        && problem.blame == Blame::Script
        && problem.place.is_none()
    {
        problem.place = Some(place_of(script));
    }
    problem
}

/// The script's file as a whole.
fn place_of(script: &PreparedScript) -> Place {
    Place {
        file: script.path.clone(),
        line: 0,
        column: 0,
        source: None,
    }
}

/// One document against the schema.
fn check(
    schema: &Validator,
    document: &Document,
    script: Option<&PreparedScript>,
    redactor: &Redactor,
) -> Result<(), Box<ItemReport>> {
    let blame = if script.is_some() {
        Blame::Script
    } else {
        Blame::Caller
    };
    let value: Value = serde_json::from_str(&document.text).map_err(|error| {
        let mut problem = Problem::new(
            blame,
            "invalid-json",
            format!("the document is not JSON: {error}"),
        );
        problem.place = script.map(place_of);
        Box::new(ItemReport::failed(document.item, problem))
    })?;
    if schema.is_valid(&value) {
        return Ok(());
    }
    let mut violations = schema
        .iter_errors(&value)
        .take(MOST_VIOLATIONS)
        .map(|error| violation(&error));
    let Some(first) = violations.next() else {
        return Ok(());
    };
    let mut detail = first.message.clone();
    if let Some(script) = script {
        detail.push_str(&format!(", in what script {} gave", script.path.display()));
    }
    let mut problem = Problem::new(blame, "invalid-document", detail).at(first.pointer.clone());
    if let Some(script) = script {
        problem = problem.place(place_of(script));
        let gave = redactor.redact(&document.text);
        problem.excerpt = Some(Excerpt::new(ExcerptOf::Document, &gave).into());
    }
    let rest: Vec<DetailReport> = violations.collect();
    let mut report = ItemReport::failed(document.item, problem);
    if !rest.is_empty() {
        report.details.push(first);
        report.details.extend(rest);
    }
    Err(Box::new(report))
}

/// A violation with the pointer a person would look at: the missing or
/// surplus field itself, not the object around it.
fn violation(error: &jsonschema::ValidationError<'_>) -> DetailReport {
    let mut pointer = error.instance_path().to_string();
    let mut name = |field: &str| {
        pointer.push('/');
        pointer.push_str(&field.replace('~', "~0").replace('/', "~1"));
    };
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            if let Some(field) = property.as_str() {
                name(field);
            }
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            if let Some(field) = unexpected.first() {
                name(field);
            }
        }
        _ => {}
    }
    let mut message = error.to_string();
    if let Some((end, _)) = message.char_indices().nth(VIOLATION_CHARS) {
        message.truncate(end);
        message.push('…');
    }
    DetailReport { pointer, message }
}

/// Items through a script: documents, and items that failed or were skipped.
pub async fn apply(
    engine: &EngineGeneration,
    script: &PreparedScript,
    items: &[String],
    redactor: &Redactor,
) -> Result<Prepared, Problem> {
    let mut lease = engine
        .lease(&script.spec)
        .await
        .map_err(|error| compile_problem(error, script))?;
    let mut work = Work {
        engine,
        script,
        left: engine.deadline(),
        prepared: Prepared::default(),
    };
    let mut first = 0;
    for batch in items.chunks(BATCH) {
        if work.left.is_zero() {
            (0..batch.len()).for_each(|item| work.not_tried(first + item));
        } else {
            match lease.apply(batch, None).await {
                Ok(applied) => {
                    for (item, applied) in applied.into_iter().enumerate() {
                        work.settle(first + item, applied);
                    }
                }
                Err(failure)
                    if batch.len() == 1 || failure.kind == GuestFailureKind::Unavailable =>
                {
                    (0..batch.len()).for_each(|item| work.failed(first + item, &failure));
                    lease = work.lease().await?;
                }
                Err(_) => {
                    work.one_by_one(first, batch).await?;
                    lease = work.lease().await?;
                }
            }
        }
        first += batch.len();
    }
    let mut prepared = work.prepared;
    for report in &mut prepared.settled {
        show_input(report, items, redactor);
    }
    Ok(prepared)
}

/// Adds the beginning of the item that the script failed on. Its message may
/// quote the item, too, and so what a caller should not have sent.
fn show_input(report: &mut ItemReport, items: &[String], redactor: &Redactor) {
    if report.blame != Some(Blame::Script) {
        return;
    }
    if let Some(Cow::Owned(clean)) = report.message.as_deref().map(|text| redactor.redact(text)) {
        report.message = Some(clean);
    }
    report.excerpt = items.get(report.index).map(|item| {
        let item = redactor.redact(item);
        Excerpt::new(ExcerptOf::Item, &item).into()
    });
}

/// The items of one call on their way through a script.
struct Work<'a> {
    engine: &'a EngineGeneration,
    script: &'a PreparedScript,
    /// Guest time left for finding out which items of failing batches did it:
    /// one deadline for the whole call, so that a tenant gains nothing by
    /// sending many that fail.
    left: Duration,
    prepared: Prepared,
}

impl Work<'_> {
    async fn lease(&self) -> Result<ScriptLease, Problem> {
        self.engine
            .lease(&self.script.spec)
            .await
            .map_err(|error| compile_problem(error, self.script))
    }

    fn failed(&mut self, item: usize, failure: &GuestFailure) {
        let problem = guest_problem(failure, self.script);
        self.prepared
            .settled
            .push(ItemReport::failed(item, problem));
    }

    fn not_tried(&mut self, item: usize) {
        let problem = Problem::script(
            "script-deadline",
            "not tried: the items before it used up the script's time",
        )
        .place(place_of(self.script));
        self.prepared
            .settled
            .push(ItemReport::failed(item, problem));
    }

    fn settle(&mut self, item: usize, applied: Applied) {
        settle(&mut self.prepared, item, applied, self.script);
    }

    /// A batch failed as a whole: finds out which items did it.
    async fn one_by_one(&mut self, first: usize, items: &[String]) -> Result<(), Problem> {
        let mut lease: Option<ScriptLease> = None;
        for (item, text) in items.iter().enumerate() {
            let item = first + item;
            if self.left.is_zero() {
                self.not_tried(item);
                continue;
            }
            let mut current = match lease.take() {
                Some(lease) => lease,
                None => self.lease().await?,
            };
            match current
                .apply(std::slice::from_ref(text), Some(self.left))
                .await
            {
                Ok(mut applied) => {
                    self.left = self.left.saturating_sub(current.spent());
                    lease = Some(current);
                    if let Some(applied) = applied.pop() {
                        self.settle(item, applied);
                    }
                }
                Err(failure) => {
                    if failure.kind == GuestFailureKind::Deadline {
                        self.left = Duration::ZERO;
                    }
                    self.failed(item, &failure);
                }
            }
        }
        Ok(())
    }
}

fn settle(
    prepared: &mut Prepared,
    item: usize,
    applied: Result<Vec<String>, Diagnostic>,
    script: &PreparedScript,
) {
    match applied {
        Ok(texts) if texts.is_empty() => {
            let mut report = ItemReport::new(item, ItemStatus::Skipped);
            report.message = Some(format!(
                "script {} gave no document for it",
                script.path.display()
            ));
            prepared.settled.push(report);
        }
        Ok(texts) if texts.len() > MOST_DOCUMENTS => {
            let problem = Problem::script(
                "script-too-many-documents",
                format!(
                    "the script made {} documents of it, at most {MOST_DOCUMENTS} are allowed",
                    texts.len()
                ),
            )
            .place(place_of(script));
            prepared.settled.push(ItemReport::failed(item, problem));
        }
        Ok(texts) => {
            prepared
                .documents
                .extend(texts.into_iter().enumerate().map(|(part, text)| Document {
                    item,
                    part,
                    text,
                }))
        }
        Err(diagnostic) => {
            let problem = diagnostic_problem(
                "script-failed",
                diagnostic,
                &script.spec.source,
                &script.path,
            );
            prepared.settled.push(ItemReport::failed(item, problem));
        }
    }
}

/// The engine for a script's language.
pub fn engine_for<'a>(
    route: &'a Route,
    script: &PreparedScript,
) -> Result<&'a EngineGeneration, Problem> {
    route
        .snapshot
        .engines
        .get(&script.extension)
        .map(|engine| &**engine)
        .ok_or_else(|| {
            Problem::host(
                "script-engine-retired",
                format!("the engine for `.{}` scripts was retired", script.extension),
            )
        })
}

/// A compile error as a problem.
pub fn compile_problem(error: CompileError, script: &PreparedScript) -> Problem {
    match error {
        CompileError::Script(diagnostic) => diagnostic_problem(
            "script-compile",
            diagnostic,
            &script.spec.source,
            &script.path,
        ),
        CompileError::Guest(failure) => guest_problem(&failure, script),
    }
}

/// A script engine's diagnostic with the line it is about.
pub fn diagnostic_problem(
    code: &'static str,
    diagnostic: Diagnostic,
    source: &str,
    path: &std::path::Path,
) -> Problem {
    let line = (diagnostic.line as usize)
        .checked_sub(1)
        .and_then(|index| source.lines().nth(index))
        // Cut, a caret would point at nothing.
        .filter(|line| line.chars().nth(SOURCE_CHARS).is_none())
        .map(str::to_owned);
    Problem::script(code, diagnostic.message).place(Place {
        file: path.to_owned(),
        line: diagnostic.line,
        column: diagnostic.column,
        source: line,
    })
}

/// A script that trapped, ran too long or grew too large.
pub fn guest_problem(failure: &GuestFailure, script: &PreparedScript) -> Problem {
    let code = match failure.kind {
        GuestFailureKind::Trap => "script-trap",
        GuestFailureKind::Deadline => "script-deadline",
        GuestFailureKind::Memory => "script-memory",
        GuestFailureKind::Output => "script-output",
        GuestFailureKind::Unavailable => {
            return Problem::host("host-busy", failure.message.clone());
        }
    };
    Problem::script(code, format!("the script failed: {failure}")).place(place_of(script))
}
