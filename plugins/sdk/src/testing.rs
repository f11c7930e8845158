//! Golden examples run natively, with test secrets.
//!
//! ```ignore
//! #[test]
//! fn the_golden_examples_hold() {
//!     crossdock_adapter::testing::run_examples::<Shop>();
//! }
//! ```

mod apply;
mod example;
mod folder;
mod grant;
mod stock;

pub use stock::share_the_stock_core;

use crate::keys::native;
use crate::types::{Context, Draft, Outcome, Reply, Request};
use crate::{Adapter, Fault};
use apply::apply;
use crossdock_golden::{Example, ExampleOutcome, ExampleReply, ExampleRequest};
use example::Manifest;
use grant::{GRANT, Grant};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Runs `work` as if in `sign` of a connection with these secrets.
pub fn with_secrets<N: Into<String>, V: Into<String>, R>(
    secrets: impl IntoIterator<Item = (N, V)>,
    work: impl FnOnce() -> R,
) -> R {
    let secrets = secrets
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()));
    native::with_secrets(secrets.collect(), work)
}

/// What leaves the host: the draft after `sign`, with these secrets.
///
/// # Errors
/// The fault of `sign`, or [`Fault::Other`] if an edit names a secret that is
/// not there.
pub fn signed<A: Adapter>(
    ctx: &Context,
    operation: &str,
    draft: &Draft,
    secrets: &[(&str, &str)],
) -> Result<Draft, Fault> {
    let secrets: BTreeMap<String, String> = secrets
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect();
    let edits = with_secrets(secrets.clone(), || A::compose(ctx, operation, draft))?;
    let mut sent = draft.clone();
    for edit in edits {
        apply(&mut sent, edit, &secrets).map_err(Fault::Other)?;
    }
    Ok(sent)
}

/// Runs every golden example of the manifest, and every one that is a folder in
/// the crate's `examples`, as the host does at load: `map`, `sign`, bytes
/// compared, `parse-response`. Also checks that every JSON file of `examples` is
/// in the manifest, and that there is something to run.
///
/// # Panics
/// With everything that does not hold.
pub fn run_examples<A: Adapter>() {
    let wrong = check_examples::<A>();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What [`run_examples`] finds wrong, one sentence each.
pub fn check_examples<A: Adapter>() -> Vec<String> {
    let manifest: Manifest = match serde_json::from_str(&A::describe()) {
        Ok(manifest) => manifest,
        Err(error) => return vec![format!("the manifest cannot be read: {error}")],
    };
    let mut wrong = Vec::new();
    wrong.extend(unnamed(&example_files(), &manifest.examples));
    let mut examples = manifest.examples;
    if let Some(root) = examples_folder() {
        let operations = manifest.operations.iter();
        let granting = manifest.grant.as_ref().map(|_| GRANT);
        let operations = operations.map(|one| &*one.name).chain(granting);
        let operations: Vec<&str> = operations.collect();
        for found in folder::read(&root, &operations) {
            match found {
                Ok(example) => examples.push(example),
                Err(why) => wrong.push(why),
            }
        }
        wrong.extend(nothing(&root, examples.len() + wrong.len()));
    }
    for example in &examples {
        for name in example.secrets.keys() {
            if !manifest.secrets.iter().any(|secret| secret.name == *name) {
                wrong.push(format!(
                    "{}: the manifest does not declare the secret `{name}`",
                    example.name
                ));
            }
        }
        let mut run = Run {
            example,
            grant: manifest
                .grant
                .as_ref()
                .filter(|_| example.operation == GRANT),
            wrong: Vec::new(),
        };
        run.all::<A>();
        wrong.extend(
            run.wrong
                .iter()
                .map(|what| format!("{}: {what}", example.name)),
        );
    }
    wrong
}

/// Files of examples that the manifest does not have.
fn unnamed(files: &[(String, String)], examples: &[Example]) -> Vec<String> {
    let missing = files
        .iter()
        .filter(|(_, name)| !examples.iter().any(|known| known.name == *name));
    missing
        .map(|(file, name)| {
            format!(
                "examples/{file} is not named in `manifest!`, so that nobody runs `{name}`: add \
                 \"../examples/{file}\" to it"
            )
        })
        .collect()
}

/// A folder of examples that runs none is a test that promises nothing.
fn nothing(root: &Path, found: usize) -> Option<String> {
    (root.is_dir() && found == 0).then(|| {
        "there is a folder examples/, and no example was run: write one into \
         examples/OPERATION/NAME/, which `crossdock plugin test` runs, too, or name a file in `manifest!`"
            .to_owned()
    })
}

/// The folder of the crate under test; none where Cargo does not run the test.
fn examples_folder() -> Option<PathBuf> {
    let root = std::env::var_os("CARGO_MANIFEST_DIR")?;
    Some(Path::new(&root).join("examples"))
}

/// Example files of the crate under test, each with its example's name; none
/// where Cargo does not run the test.
fn example_files() -> Vec<(String, String)> {
    examples_folder().map_or_else(Vec::new, |root| example_files_in(&root))
}

fn example_files_in(dir: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut files: Vec<(String, String)> = entries
        .filter(|entry| entry.path().extension().is_some_and(|end| end == "json"))
        .filter_map(|entry| {
            let text = std::fs::read_to_string(entry.path()).ok()?;
            let name = serde_json::from_str::<serde_json::Value>(&text).ok()?;
            let name = name.get("name")?.as_str()?.to_owned();
            Some((entry.file_name().to_string_lossy().into_owned(), name))
        })
        .collect();
    files.sort();
    files
}

/// One example and what does not hold in it.
struct Run<'a> {
    example: &'a Example,
    /// How a token is had, if that is what the example is about.
    grant: Option<&'a Grant>,
    wrong: Vec<String>,
}

impl Run<'_> {
    fn all<A: Adapter>(&mut self) {
        let example = self.example;
        let ctx = example::context(example);
        let mapped = match A::map(&ctx, &example.operation, &example::items(example)) {
            Ok(mapped) => mapped,
            Err(fault) => return self.wrong.push(format!("map failed: {fault:?}")),
        };
        self.promise(
            &mapped.requests,
            &mapped.failures.iter().map(|f| f.item).collect::<Vec<_>>(),
        );
        if self.grant.is_some() && mapped.requests.len() + mapped.failures.len() != 1 {
            let what = "map made several requests of a grant, which has one";
            self.wrong.push(what.to_owned());
        }
        self.failures(&mapped.failures);
        self.count("requests", mapped.requests.len(), example.requests.len());
        for (index, (request, expected)) in
            mapped.requests.iter().zip(&example.requests).enumerate()
        {
            let place = format!("request {index}");
            self.sent::<A>(&ctx, &request.draft, expected, &place);
            self.carried(request, expected, &place);
        }
        // What follows each reply, in its place.
        let mut follow_ups: Vec<Option<Request>> = Vec::new();
        for (index, reply) in example.replies.iter().enumerate() {
            let place = format!("reply {index}");
            let request = match reply.follows {
                None => mapped.requests.get(reply.request as usize),
                Some(before) => follow_ups.get(before as usize).and_then(Option::as_ref),
            };
            let Some(request) = request else {
                let what = format!("{place} answers a request that is not there");
                self.wrong.push(what);
                follow_ups.push(None);
                continue;
            };
            let next = self.reply::<A>(&ctx, request, reply, &place);
            follow_ups.push(next.map(|draft| Request {
                draft,
                ..request.clone()
            }));
        }
    }

    /// Every index exactly once, in a request or in a failure.
    fn promise(&mut self, requests: &[Request], failed: &[u32]) {
        let sent = requests.iter().flat_map(|request| &request.items);
        let mut indices: Vec<u32> = sent.chain(failed).copied().collect();
        indices.sort_unstable();
        let all: Vec<u32> = (0..).take(self.example.items.len()).collect();
        if indices != all {
            self.wrong.push(format!(
                "items {indices:?} occur in requests and failures, not {all:?}"
            ));
        }
    }

    fn failures(&mut self, failures: &[crate::Failure]) {
        self.count("failures", failures.len(), self.example.failures.len());
        for expected in &self.example.failures {
            let Some(found) = failures
                .iter()
                .find(|failure| failure.item == expected.item)
            else {
                self.wrong
                    .push(format!("item {} was not refused", expected.item));
                continue;
            };
            let pointer = match &found.fault {
                Fault::InvalidInput(detail) | Fault::InvalidSettings(detail) => {
                    Some(&detail.pointer)
                }
                _ => None,
            };
            if expected.pointer.is_some() && pointer != expected.pointer.as_ref() {
                self.wrong.push(format!(
                    "item {} was refused with {:?}",
                    expected.item, found.fault
                ));
            }
        }
    }

    /// What leaves the host: the draft after `sign`.
    fn sent<A: Adapter>(
        &mut self,
        ctx: &Context,
        draft: &Draft,
        expected: &ExampleRequest,
        place: &str,
    ) {
        let signed = with_secrets(&self.example.secrets, || {
            A::compose(ctx, &self.example.operation, draft)
        });
        let mut sent = draft.clone();
        match signed {
            Ok(edits) => {
                for edit in edits {
                    if let Err(what) = apply(&mut sent, edit, &self.example.secrets) {
                        self.wrong.push(format!("{place}: {what}"));
                    }
                }
            }
            Err(fault) => self.wrong.push(format!("{place}: sign failed: {fault:?}")),
        }
        self.equal(place, "method", &sent.method, &expected.method);
        self.equal(place, "path", &sent.path, &expected.path);
        self.equal(place, "query", &sent.query, &expected.query);
        self.equal(place, "headers", &sent.headers, &expected.headers);
        match example::body(expected.body.as_ref()) {
            Ok(body) => self.equal(place, "body", &sent.body, &body),
            Err(what) => self.wrong.push(format!("{place}: {what}")),
        }
    }

    fn carried(&mut self, request: &Request, expected: &ExampleRequest, place: &str) {
        if let Some(items) = &expected.items {
            self.equal(place, "items", &request.items, items);
        }
        if let Some(repeatable) = expected.repeatable {
            self.equal(place, "repeatable", &request.repeatable, &repeatable);
        }
    }

    /// Reads one answer; gives what is asked next.
    fn reply<A: Adapter>(
        &mut self,
        ctx: &Context,
        request: &Request,
        expected: &ExampleReply,
        place: &str,
    ) -> Option<Draft> {
        let body = match example::body(expected.body.as_ref()) {
            Ok(body) => body,
            Err(what) => {
                self.wrong.push(format!("{place}: {what}"));
                return None;
            }
        };
        let reply = Reply {
            status: expected.status,
            headers: expected.headers.clone(),
            body,
        };
        let (reply, has_token) = match self.grant {
            Some(grant) => grant.take(reply),
            None => (reply, true),
        };
        let parsed = match A::parse_response(ctx, &self.example.operation, request, &reply) {
            Ok(parsed) => parsed,
            Err(Fault::InvalidReply(_)) if expected.outcomes.is_none() => return None,
            Err(fault) => {
                self.wrong
                    .push(format!("{place}: parse-response failed: {fault:?}"));
                return None;
            }
        };
        let without = self.grant.filter(|_| !has_token);
        if let Some(what) = without.and_then(|grant| grant.without_token(&parsed.outcomes)) {
            self.wrong.push(format!("{place}: {what}"));
        }
        let Some(outcomes) = &expected.outcomes else {
            self.wrong
                .push(format!("{place} was read, though it is unreadable"));
            return None;
        };
        self.equal(
            place,
            "number of outcomes and items",
            &parsed.outcomes.len(),
            &request.items.len(),
        );
        self.count(
            &format!("{place} outcomes"),
            parsed.outcomes.len(),
            outcomes.len(),
        );
        for (index, (found, expected)) in parsed.outcomes.iter().zip(outcomes).enumerate() {
            if !matches(expected, found) {
                self.wrong.push(format!(
                    "{place}: outcome {index} is {found:?}, not {expected:?}"
                ));
            }
        }
        match (&parsed.next, &expected.next) {
            (None, None) => {}
            (Some(next), Some(expected)) => {
                self.sent::<A>(ctx, next, expected, &format!("{place}, next"))
            }
            (found, _) => self
                .wrong
                .push(format!("{place}: the next request is {found:?}")),
        }
        parsed.next
    }

    fn count(&mut self, what: &str, found: usize, expected: usize) {
        if found != expected {
            self.wrong.push(format!("{what}: {found}, not {expected}"));
        }
    }

    fn equal<T: PartialEq + std::fmt::Debug>(
        &mut self,
        place: &str,
        what: &str,
        found: &T,
        expected: &T,
    ) {
        if found != expected {
            self.wrong
                .push(format!("{place}: {what} is {found:?}, not {expected:?}"));
        }
    }
}

/// Whether an outcome is the one expected; fields that the example does not
/// name are not compared.
fn matches(expected: &ExampleOutcome, found: &Outcome) -> bool {
    let (status, result, code, message, after_ms) = match found {
        Outcome::Accepted(result) => ("accepted", Some(result), None, None, None),
        Outcome::Duplicate(result) => ("duplicate", Some(result), None, None, None),
        Outcome::Rejected(refusal) => refused("rejected", refusal),
        Outcome::Unauthenticated(refusal) => refused("unauthenticated", refusal),
        Outcome::Unknown(refusal) => refused("unknown", refusal),
        Outcome::Retry(pause) => paused("retry", pause),
        Outcome::Throttled(pause) => paused("throttled", pause),
    };
    let result = result.and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    expected.status == status
        && (expected.result.is_none() || expected.result == result)
        && (expected.code.is_none() || expected.code.as_ref() == code)
        && (expected.message.is_none() || expected.message.as_ref() == message)
        && (expected.after_ms.is_none() || expected.after_ms == after_ms)
}

type Seen<'a> = (
    &'static str,
    Option<&'a String>,
    Option<&'a String>,
    Option<&'a String>,
    Option<u32>,
);

fn refused<'a>(status: &'static str, refusal: &'a crate::Refusal) -> Seen<'a> {
    (
        status,
        None,
        Some(&refusal.code),
        Some(&refusal.message),
        None,
    )
}

fn paused<'a>(status: &'static str, pause: &'a crate::Pause) -> Seen<'a> {
    (
        status,
        None,
        Some(&pause.code),
        Some(&pause.message),
        pause.after_ms,
    )
}

#[cfg(test)]
mod tests {
    use super::{example_files_in, nothing, unnamed};

    #[test]
    fn a_folder_of_examples_in_which_nothing_was_run_is_wrong() {
        let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let said = nothing(here, 0).expect("a sentence");
        assert!(said.contains("`crossdock plugin test`"), "{said}");
        assert_eq!(nothing(here, 1), None);
        assert_eq!(nothing(&here.join("not-there"), 0), None);
    }

    #[test]
    fn an_example_file_that_nobody_names_is_named() {
        let dir = std::env::temp_dir().join(format!("crossdock-unnamed-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a folder");
        std::fs::write(dir.join("stock.json"), r#"{"name": "two stores"}"#).expect("a file");
        let files = example_files_in(&dir);
        std::fs::remove_dir_all(&dir).expect("removing it");
        let example = serde_json::json!({
            "name": "two stores", "provenance": "computed", "operation": "stock.update",
            "items": [{"document": {}}],
        });
        let example = serde_json::from_value(example).expect("an example");
        assert_eq!(unnamed(&files, &[example]), [""; 0]);
        assert_eq!(
            unnamed(&files, &[]),
            [
                "examples/stock.json is not named in `manifest!`, so that nobody runs `two stores`: add \"../examples/stock.json\" to it"
            ]
        );
    }
}
