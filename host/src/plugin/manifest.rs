//! What an adapter's `describe` returns. The same shape, for authors, is
//! `wit/manifest.schema.json`, and every manifest is checked against it.

mod check;
pub mod folders;
mod grant;
mod place;
mod violation;

pub use crossdock_golden::{
    Example, ExampleBody, ExampleContext, ExampleFailure, ExampleItem, ExampleOutcome,
    ExampleReply, ExampleRequest, Provenance,
};
pub use grant::{GRANT, Grant, GrantAnswer, GrantBy};
pub use place::place;
use serde::{Deserialize, Serialize};
use serde_json::Value;
pub use violation::Violation;

/// An adapter's description of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Kebab-case; what `adapter = "…"` in a tenant's file refers to.
    pub name: String,
    /// Semantic version of the adapter.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// What can be asked of the platform.
    pub operations: Vec<Operation>,
    /// JSON Schema of a connection's `settings`.
    pub settings: Value,
    /// Secrets the adapter may name in `keys` and in secret edits.
    #[serde(default)]
    pub secrets: Vec<SecretName>,
    /// Whether `sign` does anything. If not, it is not called.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub signs: bool,
    /// How a connection's token is had and renewed, where the platform has its own way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Grant>,
    /// Worked examples, run at load.
    #[serde(default)]
    pub examples: Vec<Example>,
    /// Answers of the platform, for the documentation.
    #[serde(default)]
    pub codes: Vec<Code>,
    /// What no document of the platform says, for the documentation.
    #[serde(default)]
    pub unknown: Vec<String>,
    /// Where the facts come from, for the documentation.
    #[serde(default)]
    pub sources: Vec<String>,
}

fn yes() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref)] // What serde calls it with.
fn is_yes(signs: &bool) -> bool {
    *signs
}

#[allow(clippy::trivially_copy_pass_by_ref)] // What serde calls it with.
fn is_no(granted: &bool) -> bool {
    !*granted
}

/// One operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// Dotted lower-case name, for instance `stock.update`.
    pub name: String,
    /// One sentence.
    pub summary: String,
    /// JSON Schema of one document.
    pub document: Value,
    /// JSON Schema of an accepted item's result.
    pub result: Value,
    /// Most items in one request; absent where the platform states no limit.
    #[serde(default)]
    pub max_items: Option<u32>,
    /// Whether the platform ends in the same state when a request arrives twice.
    pub repeatable: Repeatable,
    /// What must not overtake what; absent where nothing is known of it: then
    /// requests go one after the other.
    #[serde(default)]
    pub order: Option<Order>,
    /// The platform's own name of the call, for the documentation.
    #[serde(default)]
    pub call: Option<String>,
}

/// Whether requests of an operation may be sent again after an unknown outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Repeatable {
    /// Every request.
    Always,
    /// No request.
    Never,
    /// Each request says so itself.
    Depends,
}

/// What an operation's documents are about, and what they do to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// RFC 6901 pointers into a document: those with equal values there are
    /// about the same thing and leave in the order in which they came. None
    /// for an operation that reads.
    #[serde(default)]
    pub key: Vec<String>,
    /// What a document does.
    pub effect: DeclaredEffect,
}

/// What a document does to what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// It says how it is from now on: a newer one makes an older one void.
    Absolute,
    /// It says what changes: each of them counts.
    Relative,
    /// Nothing.
    Read,
}

/// What the documents of an operation do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DeclaredEffect {
    /// All of them the same.
    Always(Effect),
    /// Each says so itself.
    ByDocument {
        /// RFC 6901 pointer to the member that says so.
        pointer: String,
        /// Its values that make a document relative; with any other value, or
        /// none, it is absolute.
        relative: Vec<String>,
    },
}

impl DeclaredEffect {
    /// What this document does.
    pub fn of(&self, document: &Value) -> Effect {
        match self {
            Self::Always(effect) => *effect,
            Self::ByDocument { pointer, relative } => {
                let said = document.pointer(pointer).and_then(Value::as_str);
                match said.is_some_and(|said| relative.iter().any(|word| word == said)) {
                    true => Effect::Relative,
                    false => Effect::Absolute,
                }
            }
        }
    }
}

/// A secret the adapter may name.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretName {
    /// The name used in `keys` and in the tenant's `secrets` table.
    pub name: String,
    /// What it is for, in one sentence.
    pub purpose: String,
    /// Whether a connection must set it.
    #[serde(default)]
    pub required: bool,
    /// Whether it is had by the grant.
    #[serde(default, skip_serializing_if = "is_no")]
    pub granted: bool,
}

/// A code of the platform, for the documentation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// As the platform writes it.
    pub code: String,
    /// What it means.
    pub meaning: String,
    /// The outcome it becomes: `accepted`, `duplicate`, `rejected`, `retry`,
    /// `throttled`, `unauthenticated` or `unknown`.
    pub outcome: String,
}

/// What the manifest's schema says against an author's own file. It may lack what
/// is put in when the adapter is built.
pub fn violations(text: &str) -> Vec<Violation> {
    check::violations(text)
}

/// An example by itself has the shape that one in a manifest has.
///
/// # Errors
/// What is wrong with it and where, in one line.
pub(super) fn check_example(example: &Example) -> Result<(), String> {
    check::example(example)
}

impl Manifest {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// What is wrong with it and where, in one line.
    pub fn read(text: &str) -> Result<Self, String> {
        check::read(text)
    }

    /// Takes examples that lie beside the adapter, or are packed with it, to
    /// those that it has.
    ///
    /// # Errors
    /// What is wrong with one of them, in one line.
    pub fn add_examples(&mut self, examples: Vec<Value>) -> Result<(), String> {
        let mut read = Vec::with_capacity(examples.len());
        for (index, value) in examples.into_iter().enumerate() {
            let wrong = |why: String| format!("its packed example {}: {why}", index + 1);
            check::example_value(&value).map_err(wrong)?;
            let example: Example =
                serde_json::from_value(value).map_err(|error| wrong(error.to_string()))?;
            read.push(example);
        }
        let names: Vec<String> = self.operations.iter().map(|one| one.name.clone()).collect();
        folders::settle(&mut read, names.iter().map(String::as_str));
        for example in read {
            check::of_an_operation(self, &example)?;
            self.examples.push(example);
        }
        Ok(())
    }

    /// The operation of that name.
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations.iter().find(|op| op.name == name)
    }

    /// A manifest that says nothing, for the moment before `describe`.
    pub(super) fn empty() -> Self {
        Self {
            name: String::new(),
            version: String::new(),
            summary: String::new(),
            operations: Vec::new(),
            settings: Value::Bool(true),
            secrets: Vec::new(),
            signs: true,
            grant: None,
            examples: Vec::new(),
            codes: Vec::new(),
            unknown: Vec::new(),
            sources: Vec::new(),
        }
    }
}
