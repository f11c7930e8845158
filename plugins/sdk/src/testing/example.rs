//! The part of the manifest that is needed to run golden examples, and an
//! example in the contract's types. The whole of it is
//! `wit/manifest.schema.json`.

use super::grant::Grant;
use crate::types::{Body, Context, Item};
use crossdock_golden::{Example, ExampleBody};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct Manifest {
    #[serde(default)]
    pub secrets: Vec<SecretName>,
    #[serde(default)]
    pub operations: Vec<OperationName>,
    #[serde(default)]
    pub grant: Option<Grant>,
    #[serde(default)]
    pub examples: Vec<Example>,
}

#[derive(Debug, Deserialize)]
pub(super) struct SecretName {
    pub name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct OperationName {
    pub name: String,
}

/// What the host passes as `context`.
pub(super) fn context(example: &Example) -> Context {
    Context {
        now_ms: example.context.now_ms,
        nonce: example.context.nonce.clone(),
        settings: example.context.settings.to_string(),
    }
}

/// What the host passes to `map`.
pub(super) fn items(example: &Example) -> Vec<Item> {
    let items = example.items.iter().enumerate().map(|(index, item)| Item {
        key: item.key(index),
        document: item.document.to_string(),
    });
    items.collect()
}

/// A body as it is sent.
pub(super) fn body(body: Option<&ExampleBody>) -> Result<Body, String> {
    Ok(match body {
        None => Body::Empty,
        Some(ExampleBody::Text(text)) => Body::Text(text.clone()),
        Some(ExampleBody::Bytes { base64 }) => Body::Bytes(
            crate::encode::from_base64(base64).ok_or("a body is not Base64 with padding")?,
        ),
    })
}
