//! Documents against the operation's schema.
//!
//! A call may bring ten thousand documents, and a script makes more of them. So
//! the thread that serves is given back after every few, and what takes long is
//! done beside it: documents with megabytes, and schemas that look at a document
//! again and again.

use std::sync::Arc;

use serde_json::Value;

use super::order::About;
use crate::plugin::manifest::Order;
use crate::problem::{Blame, ExcerptOf, Place, Problem};
use crate::redact::Redactor;
use crate::report::{DetailReport, ItemReport};
use crate::schema::{self, MOST_LEVELS, MOST_STEPS, STEPS_AT_ONCE, Schema, Verdict, Violation};
use crate::script::Script;
use crate::script::apply::{Document, excerpt};

/// Steps of all documents of a call: some seconds of one processor.
const STEPS_PER_CALL: u64 = 200_000_000;

/// Bytes of a document that is read and checked on the thread that serves.
const BYTES_AT_ONCE: usize = 64 << 10;

/// Bytes of a document whose reading takes as long as one step.
const BYTES_PER_STEP: usize = 16;

/// Bytes of a text that a violation shows.
const TEXT_BYTES: usize = 1 << 10;

/// Documents that fit, and what became of the items of the others.
#[derive(Debug, Default)]
pub struct Fitted {
    /// All documents of every item none of whose documents failed.
    pub documents: Vec<Document>,
    /// What each of them is about, where the operation declares that.
    pub about: Vec<About>,
    /// The items that failed.
    pub failed: Vec<Unfit>,
}

/// An item with a document that does not fit.
#[derive(Debug)]
pub struct Unfit {
    /// For its sender.
    pub report: ItemReport,
    /// What is wrong, without anything of the record: for the log.
    pub masked: String,
}

/// Checks documents, which are in the order of their items. What they are about is
/// read on the way, so that each one is read once.
pub async fn fit(
    schema: &Arc<Schema>,
    documents: Vec<Document>,
    script: Option<&Script>,
    redactor: &Redactor,
    declared: Option<&Order>,
) -> Fitted {
    let declared = declared.filter(|order| !order.key.is_empty());
    let mut fitted = Fitted::default();
    let mut steps = Steps::default();
    // The item that is being checked, where its documents begin, and whether
    // one of them has failed.
    let mut current: Option<(usize, usize, bool)> = None;
    for document in documents {
        steps.rest().await;
        let (first, failed) = match current {
            Some((item, first, failed)) if item == document.item => (first, failed),
            _ => (fitted.documents.len(), false),
        };
        current = Some((document.item, first, failed));
        if failed {
            continue;
        }
        let (item, part) = (document.item, document.part);
        let (text, judged, about) = steps.judge(schema, document.text, declared).await;
        let Some(failure) = judged.failure(&text, script, redactor) else {
            if let Some(declared) = declared {
                fitted.about.push(about.unwrap_or_else(|| {
                    // It was checked against the schema, and so is JSON.
                    let value = serde_json::from_str(&text).unwrap_or_default();
                    About::of(declared, &value)
                }));
            }
            fitted.documents.push(Document { item, part, text });
            continue;
        };
        fitted.documents.truncate(first);
        fitted.about.truncate(first);
        current = Some((item, first, true));
        let Failure {
            problem,
            masked,
            details,
        } = failure;
        let mut report = ItemReport::failed(item, problem);
        report.details = details;
        fitted.failed.push(Unfit { report, masked });
    }
    fitted
}

/// What a document turned out to be.
enum Judged {
    NotJson(String),
    TooDeep,
    Verdict(Verdict),
    /// The documents before it took all steps there were.
    NoStepsLeft,
    Unchecked,
}

/// The steps of one call.
struct Steps {
    left: u64,
    /// Since the thread was given back.
    at_once: u64,
}

impl Default for Steps {
    fn default() -> Self {
        Self {
            left: STEPS_PER_CALL,
            at_once: 0,
        }
    }
}

impl Steps {
    /// Gives the thread back, if it was held for long enough.
    async fn rest(&mut self) {
        self.at_once += 1;
        if self.at_once >= STEPS_AT_ONCE {
            self.at_once = 0;
            tokio::task::yield_now().await;
        }
    }

    async fn judge(
        &mut self,
        schema: &Arc<Schema>,
        text: String,
        declared: Option<&Order>,
    ) -> (String, Judged, Option<About>) {
        if self.left == 0 {
            return (text, Judged::NoStepsLeft, None);
        }
        if text.len() <= BYTES_AT_ONCE {
            let most = STEPS_AT_ONCE.min(self.left);
            let (judged, took, about) = judge(schema, &text, most, declared);
            self.took(took);
            self.at_once += took;
            if !matches!(judged, Judged::Verdict(Verdict::TooCostly)) {
                return (text, judged, about);
            }
        }
        let most = MOST_STEPS.min(self.left);
        let schema = schema.clone();
        let done = schema::beside(move || {
            let (judged, took, _) = judge(&schema, &text, most, None);
            (text, judged, took)
        });
        match done.await {
            Some((text, judged, took)) => {
                self.took(took);
                (text, judged, None)
            }
            None => (String::new(), Judged::Unchecked, None),
        }
    }

    fn took(&mut self, steps: u64) {
        self.left = self.left.saturating_sub(steps);
    }
}

/// Reads and checks one document, and says how many steps that took, and what it is
/// about if it fits.
fn judge(
    schema: &Schema,
    text: &str,
    most: u64,
    declared: Option<&Order>,
) -> (Judged, u64, Option<About>) {
    let mut took = (text.len() / BYTES_PER_STEP) as u64;
    let value = match serde_json::from_str::<Value>(text) {
        Ok(value) => value,
        Err(_) if levels(text) > MOST_LEVELS => return (Judged::TooDeep, took, None),
        Err(error) => {
            let why = crate::json_failure::sentence(&error);
            return (Judged::NotJson(why), took, None);
        }
    };
    let verdict = schema.check(&value, most, &mut took);
    let about = match &verdict {
        Verdict::Fits => declared.map(|declared| About::of(declared, &value)),
        _ => None,
    };
    (Judged::Verdict(verdict), took, about)
}

/// How deep arrays and objects stand within each other.
fn levels(text: &str) -> usize {
    let (mut level, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                level += 1;
                deepest = deepest.max(level);
            }
            b']' | b'}' if !in_string => level = level.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Why an item cannot go on.
struct Failure {
    problem: Problem,
    masked: String,
    /// Where there is more than one reason: all of them.
    details: Vec<DetailReport>,
}

impl Judged {
    fn failure(self, text: &str, script: Option<&Script>, redactor: &Redactor) -> Option<Failure> {
        let blame = match script {
            Some(_) => Blame::Script,
            None => Blame::Caller,
        };
        // Nothing of the record is in it.
        let plain = |problem: Problem| {
            let masked = problem.detail.clone();
            let problem = match script {
                Some(script) => problem.place(Place::whole(&script.path)),
                None => problem,
            };
            Some(Failure {
                problem,
                masked,
                details: Vec::new(),
            })
        };
        match self {
            Self::Verdict(Verdict::Fits) => None,
            Self::Verdict(Verdict::Breaks(violations)) => {
                broken(blame, violations, text, script, redactor)
            }
            Self::Verdict(Verdict::TooCostly) => plain(Problem::new(
                blame,
                "document-too-costly",
                schema::TOO_COSTLY,
            )),
            Self::NoStepsLeft => plain(Problem::new(
                blame,
                "document-too-costly",
                "not checked: the documents before it took all the steps that one call may take; send fewer items",
            )),
            Self::TooDeep => plain(Problem::new(
                blame,
                "invalid-json",
                format!(
                    "the document has arrays and objects more than {MOST_LEVELS} levels within each other"
                ),
            )),
            Self::NotJson(error) => plain(Problem::new(
                blame,
                "invalid-json",
                format!("the document is not JSON: {error}"),
            )),
            Self::Unchecked => plain(Problem::host(
                "internal-error",
                "the host failed on checking this document, and has written why to its log",
            )),
        }
    }
}

fn broken(
    blame: Blame,
    violations: Vec<Violation>,
    text: &str,
    script: Option<&Script>,
    redactor: &Redactor,
) -> Option<Failure> {
    let masked = violations.first()?.masked.clone();
    let mut details: Vec<DetailReport> = violations
        .into_iter()
        .map(|violation| DetailReport {
            pointer: redactor.start_of(&violation.pointer, TEXT_BYTES),
            message: redactor.start_of(&violation.message, TEXT_BYTES),
        })
        .collect();
    let DetailReport { pointer, message } = details.first()?.clone();
    let detail = match script {
        Some(script) => format!("{message}, in what script {} gave", script.path.display()),
        None => message,
    };
    let mut problem = Problem::new(blame, "invalid-document", detail).at(pointer);
    if let Some(script) = script {
        problem = problem.place(Place::whole(&script.path));
        problem.excerpt = Some(excerpt(ExcerptOf::Document, text, redactor).into());
    }
    if details.len() == 1 {
        details.clear();
    }
    Some(Failure {
        problem,
        masked,
        details,
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use serde_json::json;

    use super::*;

    fn documents(item: usize, texts: &[&str]) -> Vec<Document> {
        let parts = texts.iter().enumerate();
        parts
            .map(|(part, text)| Document {
                item,
                part,
                text: (*text).to_owned(),
            })
            .collect()
    }

    fn numbers() -> Arc<Schema> {
        let schema =
            json!({"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}});
        Arc::new(Schema::compile(&schema).unwrap())
    }

    #[tokio::test]
    async fn what_a_document_is_about_is_known_of_those_that_go_on_and_of_no_other() {
        let order = json!({"key": ["/n"], "effect": "absolute"});
        let order: Order = serde_json::from_value(order).unwrap();
        let wide = format!(r#"{{"n":6,"more":"{}"}}"#, "x".repeat(BYTES_AT_ONCE));
        let all = [
            documents(0, &[r#"{"n":1}"#, r#"{"n":2}"#]),
            documents(1, &[r#"{"n":3}"#, r#"{"n":"x"}"#]),
            documents(2, &[&wide]),
        ];
        let redactor = Redactor::builder().build();
        let fitted = fit(&numbers(), all.concat(), None, &redactor, Some(&order)).await;
        let keys = fitted
            .about
            .iter()
            .map(|about| about.key.members[0].clone());
        let keys: Vec<Option<String>> = keys.collect();
        assert_eq!(keys, ["1", "2", "6"].map(|n| Some(n.to_owned())));
        assert_eq!(fitted.documents.len(), keys.len());
        let without = fit(&numbers(), all.concat(), None, &redactor, None).await;
        assert!(without.about.is_empty());
    }

    #[tokio::test]
    async fn an_item_goes_on_only_with_all_of_its_documents() {
        let all = [
            documents(0, &[r#"{"n":1}"#, r#"{"n":2}"#]),
            documents(1, &[r#"{"n":3}"#, r#"{"n":"x"}"#, r#"{"n":4}"#]),
            documents(4, &["{"]),
            documents(5, &[r#"{"n":5}"#]),
        ];
        let redactor = Redactor::builder().build();
        let fitted = fit(&numbers(), all.concat(), None, &redactor, None).await;
        let kept: Vec<(usize, usize)> = fitted.documents.iter().map(|d| (d.item, d.part)).collect();
        assert_eq!(kept, [(0, 0), (0, 1), (5, 0)]);
        let failed: Vec<(usize, Option<&str>)> = fitted
            .failed
            .iter()
            .map(|unfit| (unfit.report.index, unfit.report.code.as_deref()))
            .collect();
        assert_eq!(
            failed,
            [(1, Some("invalid-document")), (4, Some("invalid-json"))]
        );
    }

    #[tokio::test]
    async fn a_million_invalid_documents_hold_nobody_up() {
        // What a script makes of 10,000 items, a hundred documents each.
        let mut all = Vec::new();
        for item in 0..10_000 {
            for part in 0..100 {
                all.push(Document {
                    item,
                    part,
                    text: String::from("{}"),
                });
            }
        }
        let longest = tokio::spawn(async {
            let (mut longest, mut last) = (Duration::ZERO, Instant::now());
            for _ in 0..5_000 {
                tokio::task::yield_now().await;
                longest = longest.max(last.elapsed());
                last = Instant::now();
            }
            longest
        });
        let started = Instant::now();
        let redactor = Redactor::builder().build();
        let fitted = fit(&numbers(), all, None, &redactor, None).await;
        assert_eq!(fitted.failed.len(), 10_000);
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "{:?}",
            started.elapsed()
        );
        // On this one thread the others had their turns all the while.
        let longest = longest.await.unwrap();
        assert!(longest < Duration::from_millis(250), "{longest:?}");
    }

    #[tokio::test]
    async fn the_log_sees_a_values_type_and_length_and_the_sender_no_secrets() {
        let secret = crate::config::Secret::new("s3cr3t-token".to_owned());
        let redactor = Redactor::builder().secret("token", &secret).build();
        let all = documents(0, &[r#"{"n":"客户 s3cr3t-token"}"#]);
        let fitted = fit(&numbers(), all, None, &redactor, None).await;
        let Unfit { report, masked } = &fitted.failed[0];
        assert_eq!(
            masked,
            "a string of 15 characters is not of type \"integer\""
        );
        let message = report.message.as_deref().unwrap();
        assert_eq!(message, "\"客户 «token»\" is not of type \"integer\"");
        assert_eq!(report.pointer.as_deref(), Some("/n"));
    }

    #[tokio::test]
    async fn a_document_that_is_too_deep_says_so() {
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        let redactor = Redactor::builder().build();
        let fitted = fit(&numbers(), documents(0, &[&deep]), None, &redactor, None).await;
        let message = fitted.failed[0].report.message.clone().unwrap();
        assert!(message.contains("127 levels"), "{message}");
        assert_eq!(levels(r#"{"a[{":"\"[","b":[[]]}"#), 3);
    }
}
