//! Items through a script: documents, and items that failed or were skipped.

use std::time::Duration;

use super::Script;
use super::failure::{compile_problem, diagnostic_problem, guest_problem};
use crate::budget::bounds::Bounds;
use crate::plugin::guest::{GuestFailure, GuestFailureKind};
use crate::plugin::script_engine::{Applied, EngineGeneration, ScriptLease};
use crate::problem::{Blame, Excerpt, ExcerptOf, Place, Problem};
use crate::redact::Redactor;
use crate::report::{ItemReport, ItemStatus};

/// Items handed to a script at once. The deadline is for one such call: with
/// some 20 µs per row it leaves a row a hundred times what it usually needs.
const BATCH: usize = 256;

/// Documents one item may become.
const MOST_DOCUMENTS: usize = 1000;

/// Bytes of a script's message that are kept: it may quote the item.
const MESSAGE_BYTES: usize = 4 << 10;

/// Bytes of an item or a document that an excerpt is made from.
const EXCERPT_BYTES: usize = 2 << 10;

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

impl Document {
    /// Bytes that a document of this text takes.
    fn weight(text: &String) -> usize {
        text.capacity() + size_of::<Self>()
    }
}

/// What became of all items of a call before the adapter sees any.
#[derive(Debug, Default)]
pub struct Prepared {
    /// What goes on.
    pub documents: Vec<Document>,
    /// What does not: failed or skipped items.
    pub settled: Vec<ItemReport>,
}

/// Items through a script: documents, and items that failed or were skipped.
pub async fn apply(
    engine: &EngineGeneration,
    script: &Script,
    items: &[String],
    redactor: &Redactor,
    bounds: &Bounds,
) -> Result<Prepared, Problem> {
    let mut lease = engine
        .lease(&script.spec)
        .await
        .map_err(|error| compile_problem(error, script))?;
    let mut work = Work {
        engine,
        script,
        left: engine.deadline(),
        items,
        redactor,
        bounds,
        documents: bounds.documents,
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
                        work.take(first + item, applied);
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
        // What came out of it was taken apart without a pause.
        tokio::task::yield_now().await;
    }
    Ok(work.prepared)
}

/// The beginning of an item or a document, without secrets.
pub fn excerpt(of: ExcerptOf, text: &str, redactor: &Redactor) -> Excerpt {
    Excerpt::new(of, &redactor.start_of(text, EXCERPT_BYTES))
}

/// The items of one call on their way through a script.
struct Work<'a> {
    engine: &'a EngineGeneration,
    script: &'a Script,
    /// Guest time left for finding out which items of failing batches did it:
    /// one deadline for the whole call, so that a tenant gains nothing by
    /// sending many that fail.
    left: Duration,
    items: &'a [String],
    redactor: &'a Redactor,
    bounds: &'a Bounds,
    /// Documents that the call may still become.
    documents: usize,
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
        self.refused(item, guest_problem(failure, self.script));
    }

    /// An item that the script failed on, with its beginning. The script's
    /// message may quote it, too, and so what a caller should not have sent.
    fn refused(&mut self, item: usize, mut problem: Problem) {
        problem.detail = self.redactor.start_of(&problem.detail, MESSAGE_BYTES);
        if problem.blame == Blame::Script
            && let Some(text) = self.items.get(item)
        {
            problem.excerpt = Some(excerpt(ExcerptOf::Item, text, self.redactor).into());
        }
        self.settled(ItemReport::failed(item, problem));
    }

    fn settled(&mut self, mut report: ItemReport) {
        self.bounds.keep(&mut report);
        self.prepared.settled.push(report);
    }

    fn not_tried(&mut self, item: usize) {
        let problem = Problem::script(
            "script-deadline",
            "not tried: the items before it used up the script's time",
        )
        .place(Place::whole(&self.script.path));
        self.refused(item, problem);
    }

    fn take(&mut self, item: usize, applied: Applied) {
        let script = self.script;
        let too_many = |detail: String| {
            Problem::script("script-too-many-documents", detail).place(Place::whole(&script.path))
        };
        match applied {
            Ok(texts) if texts.is_empty() => {
                let mut report = ItemReport::new(item, ItemStatus::Skipped);
                report.message = Some(format!(
                    "script {} gave no document for it",
                    script.path.display()
                ));
                self.settled(report);
            }
            Ok(texts) if texts.len() > MOST_DOCUMENTS => {
                let problem = too_many(format!(
                    "the script made {} documents of it, at most {MOST_DOCUMENTS} are allowed",
                    texts.len()
                ));
                self.refused(item, problem);
            }
            Ok(texts) if texts.len() > self.documents => {
                let problem = too_many(format!(
                    "the script makes more documents of the call's items than `[limits] documents_per_call` allows, {}; send fewer items",
                    self.bounds.documents
                ));
                self.refused(item, problem);
            }
            Ok(texts) if !self.bounds.take(texts.iter().map(Document::weight).sum()) => {
                let problem = Problem::script(
                    "call-too-large",
                    "the documents of the call's items take more memory than a call has; send fewer items",
                )
                .place(Place::whole(&script.path));
                self.refused(item, problem);
            }
            Ok(texts) => {
                self.documents -= texts.len();
                let parts = texts.into_iter().enumerate();
                let documents = parts.map(|(part, text)| Document { item, part, text });
                self.prepared.documents.extend(documents);
            }
            Err(diagnostic) => {
                let (source, path) = (&script.spec.source, &script.path);
                self.refused(
                    item,
                    diagnostic_problem("script-failed", diagnostic, source, path),
                );
            }
        }
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
                        self.take(item, applied);
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
