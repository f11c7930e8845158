//! Under which settings, secrets and time an operation is tried: those of its
//! examples, or else made ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::chance::Chance;
use super::generate::Generator;
use crate::config::Secret;
use crate::plugin::contract::Context;
use crate::plugin::generation::AdapterGeneration;
use crate::plugin::manifest::Example;
use crate::schema::Verdict;

/// A moment like any other.
const NOW_MS: u64 = 1_764_244_800_123;
const NONCE: &str = "0123456789abcdef0123456789abcdef";

/// Settings that are made until some fit.
const MOST_TRIES: usize = 300;

/// What does not change while an operation is tried.
pub(super) struct Setting {
    pub operation: String,
    pub context: Context,
    pub secrets: Arc<BTreeMap<String, Secret>>,
    /// Documents that its examples have.
    pub documents: Vec<Value>,
    /// Answers that its examples have: status and text.
    pub answers: Vec<(u16, String)>,
}

impl Setting {
    /// Nothing where no settings can be made.
    pub fn of(adapter: &AdapterGeneration, operation: &str, examples: &[&Example]) -> Option<Self> {
        let own = || {
            examples
                .iter()
                .filter(|example| example.operation == operation)
        };
        // One that ends in requests has settings that allow them.
        let best = own()
            .find(|example| !example.requests.is_empty())
            .or_else(|| own().next());
        let settings = match best {
            Some(example) => example.context.settings.clone(),
            None => settings(adapter, examples)?,
        };
        let given = |name: &str| best.and_then(|example| example.secrets.get(name));
        let secrets = adapter.declared.iter().map(|name| {
            let value = given(name).cloned();
            let value = value.unwrap_or_else(|| format!("test-{name}"));
            (name.clone(), Secret::new(value))
        });
        let items = own().flat_map(|example| {
            let refused = |index: usize| {
                let mut failures = example.failures.iter();
                failures.any(|failure| failure.item as usize == index)
            };
            let items = example.items.iter().enumerate();
            items.filter(move |(index, _)| !refused(*index))
        });
        let documents = items.map(|(_, item)| item.document.clone()).collect();
        let replies = own().flat_map(|example| &example.replies);
        let answers = replies.filter_map(|reply| match &reply.body {
            Some(crate::plugin::manifest::ExampleBody::Text(text)) => {
                Some((reply.status, text.clone()))
            }
            _ => None,
        });
        Some(Self {
            context: Context {
                now_ms: best.map_or(NOW_MS, |example| example.context.now_ms),
                nonce: best
                    .map_or_else(|| NONCE.to_owned(), |example| example.context.nonce.clone()),
                settings: settings.to_string(),
            },
            secrets: Arc::new(secrets.collect()),
            documents,
            answers: answers.collect(),
            operation: operation.to_owned(),
        })
    }
}

/// Settings that fit: none, another operation's, or made ones.
fn settings(adapter: &AdapterGeneration, examples: &[&Example]) -> Option<Value> {
    let fits = |value: &Value| adapter.settings.check_whole(value) == Verdict::Fits;
    let none = Value::Object(serde_json::Map::new());
    if fits(&none) {
        return Some(none);
    }
    let mut others = examples.iter().map(|example| &example.context.settings);
    if let Some(other) = others.find(|other| fits(other)) {
        return Some(other.clone());
    }
    let mut generator = Generator::new(&adapter.manifest.settings, Chance::of("settings"));
    let mut made = (0..MOST_TRIES).map(|_| generator.document());
    made.find(fits)
}
