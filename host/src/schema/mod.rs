//! JSON Schemas that adapters bring, run under bounds.
//!
//! A schema is somebody else's program, and a document is its input: a few
//! lines of `anyOf` that refer to each other take longer than anybody waits.
//!
//! | file | what is in it |
//! |---|---|
//! | `shape` | what is refused before a schema is compiled |
//! | `reach` | whether a document may have something at a place |
//! | `counted` | documents that count how often they are looked at |
//! | `violation` | what is wrong with a document, for its sender and for the log |

mod counted;
mod reach;
mod shape;
#[cfg(test)]
mod tests;
mod violation;

use std::sync::LazyLock;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;

pub use reach::{Reach, reach};
pub use violation::Violation;

use counted::{Counted, Seen};

/// Steps that one document may take, whatever its schema: some tenth of a
/// second.
pub const MOST_STEPS: u64 = 5_000_000;

/// Steps that a document may take on a thread that serves others: some tenths
/// of a millisecond, and a hundred times what a record usually takes.
pub const STEPS_AT_ONCE: u64 = 20_000;

/// Levels of a document: what the reader of JSON takes.
pub const MOST_LEVELS: usize = 127;

/// Violations that are told of one document.
const MOST_VIOLATIONS: usize = 10;

/// Violations that are collected to find those: of branches of `anyOf`, too.
const MOST_COLLECTED: u64 = 1_000;

/// Bytes of one compiled pattern.
const PATTERN_BYTES: usize = 1 << 20;

/// Stack of a thread that reads and compiles schemas: the compiler goes down
/// with the schema. What is not used takes no memory.
const DEEP_STACK: usize = 64 << 20;

/// A compiled schema.
pub struct Schema {
    validator: Validator<Counted>,
}

/// What a schema says of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It fits.
    Fits,
    /// It does not, and the first reasons why. There is at least one.
    Breaks(Vec<Violation>),
    /// It took more steps than were allowed.
    TooCostly,
}

impl Schema {
    /// Compiles a schema.
    ///
    /// # Errors
    /// If it is no schema, or one that could take the host's time; half a
    /// sentence that follows the schema's name.
    pub fn compile(schema: &Value) -> Result<Self, String> {
        shape::check(schema)?;
        let compile = || {
            jsonschema::options_for::<Counted>()
                .with_draft(draft(schema))
                .with_pattern_options(
                    PatternOptions::regex()
                        .size_limit(PATTERN_BYTES)
                        .dfa_size_limit(PATTERN_BYTES),
                )
                // Compiles what a document says.
                .with_format("regex", |_: &str| true)
                .offline()
                .build(schema)
                .map_err(|error| not_a_schema(&error))
        };
        let validator = on_deep_stack(compile)??;
        Ok(Self { validator })
    }

    /// The schema that everything fits.
    pub fn any() -> Result<Self, String> {
        Self::compile(&Value::Bool(true))
    }

    /// Checks a document in at most so many steps; how many it took is added
    /// to `spent`.
    pub fn check(&self, document: &Value, steps: u64, spent: &mut u64) -> Verdict {
        let (fits, took) = counted::within(steps, u64::MAX, || {
            self.validator.is_valid(Seen::new(document))
        });
        *spent = spent.saturating_add(took.min(steps));
        match fits {
            Some(true) => return Verdict::Fits,
            Some(false) => {}
            None => return Verdict::TooCostly,
        }
        // Saying why takes longer than saying that: every branch counts.
        let ((violations, whole), took) = counted::within_partly(steps, MOST_COLLECTED, || {
            self.validator
                .iter_errors(Seen::new(document))
                .filter(|error| !counted::is_exhausted(error.instance()))
                .take(MOST_VIOLATIONS)
                .map(|error| Violation::new(&error))
                .collect::<Vec<_>>()
        });
        *spent = spent.saturating_add(took.min(steps));
        match (violations.is_empty(), whole) {
            (false, _) => Verdict::Breaks(violations),
            (true, true) => Verdict::Fits,
            (true, false) => Verdict::Breaks(vec![Violation::unexplained()]),
        }
    }

    /// Checks a document with all the steps that one may take.
    pub fn check_whole(&self, document: &Value) -> Verdict {
        self.check(document, MOST_STEPS, &mut 0)
    }
}

/// Runs work that goes as deep as its input, and waits for it.
///
/// # Errors
/// If there is no thread for it, or it panicked: half a sentence.
pub fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("schema".into())
            .stack_size(DEEP_STACK)
            .spawn_scoped(scope, work)
            .map_err(|error| format!("cannot be compiled now: {error}"))?
            .join()
            .map_err(|_| "cannot be compiled".to_owned())
    })
}

/// What a caller reads where a document was too costly to check.
pub const TOO_COSTLY: &str =
    "checking it against the adapter's schema takes too many steps; make it smaller or less nested";

fn draft(schema: &Value) -> Draft {
    match schema.get("$schema").and_then(Value::as_str) {
        Some(uri) if uri.contains("draft-07") => Draft::Draft7,
        Some(uri) if uri.contains("2019-09") => Draft::Draft201909,
        _ => Draft::Draft202012,
    }
}

fn not_a_schema(error: &jsonschema::ValidationError<'_>) -> String {
    use jsonschema::error::ValidationErrorKind;
    /// Characters of a reason: it quotes the schema.
    const CHARS: usize = 300;
    let at = error.instance_path().to_string();
    let why = match error.kind() {
        ValidationErrorKind::Format { format } if format == "regex" => {
            "this pattern cannot be checked in linear time: look-around and back-references are not taken, nor are very large ones".to_owned()
        }
        _ => error.to_string(),
    };
    let mut said = match at.is_empty() {
        true => format!("is not a JSON Schema: {why}"),
        false => format!("is not a JSON Schema: {why} (at {at})"),
    };
    crate::text::shorten(&mut said, CHARS);
    said
}

/// Validations that run beside the serving threads at once.
static BESIDE: LazyLock<tokio::sync::Semaphore> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    tokio::sync::Semaphore::new(cores.div_ceil(2))
});

/// Runs work that is bounded but long beside the threads that serve, few at a
/// time. Nothing if the work panicked or the host ends.
pub async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let turn = BESIDE.acquire().await.ok()?;
    let done = tokio::task::spawn_blocking(move || {
        // Held by the work itself: who asked for it may be gone before it ends.
        let _turn = turn;
        work()
    });
    done.await.ok()
}
