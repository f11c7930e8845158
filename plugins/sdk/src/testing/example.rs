//! The part of the manifest that holds golden examples. The whole of it is
//! `wit/manifest.schema.json`.

use crate::types::Context;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Debug, Deserialize)]
pub(super) struct Manifest {
    #[serde(default)]
    pub secrets: Vec<SecretName>,
    #[serde(default)]
    pub examples: Vec<Example>,
}

#[derive(Debug, Deserialize)]
pub(super) struct SecretName {
    pub name: String,
}

/// Items in, requests out, replies in, outcomes out.
#[derive(Debug, Deserialize)]
pub(super) struct Example {
    pub name: String,
    pub operation: String,
    #[serde(default)]
    pub context: ExampleContext,
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
    pub items: Vec<ExampleItem>,
    #[serde(default)]
    pub requests: Vec<ExpectedRequest>,
    #[serde(default)]
    pub failures: Vec<ExpectedFailure>,
    #[serde(default)]
    pub replies: Vec<ExpectedReply>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ExampleContext {
    now_ms: u64,
    nonce: Option<String>,
    settings: Option<Value>,
}

impl ExampleContext {
    pub fn to_context(&self) -> Context {
        let settings = self.settings.as_ref().map(Value::to_string);
        Context {
            now_ms: self.now_ms,
            nonce: self.nonce.clone().unwrap_or_else(|| "0".repeat(32)),
            settings: settings.unwrap_or_else(|| "{}".into()),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExampleItem {
    #[serde(default)]
    pub key: Option<String>,
    pub document: Value,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum ExampleBody {
    Text(String),
    Bytes { base64: String },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedRequest {
    pub method: String,
    pub path: String,
    #[serde(default)]
    pub query: Vec<(String, String)>,
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    #[serde(default)]
    pub body: Option<ExampleBody>,
    #[serde(default)]
    pub items: Option<Vec<u32>>,
    #[serde(default)]
    pub repeatable: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedFailure {
    pub item: u32,
    #[serde(default)]
    pub pointer: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedReply {
    #[serde(default)]
    pub request: u32,
    pub status: u16,
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    #[serde(default)]
    pub body: Option<ExampleBody>,
    #[serde(default)]
    pub outcomes: Option<Vec<Expected>>,
    #[serde(default)]
    pub next: Option<ExpectedRequest>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expected {
    pub status: String,
    #[serde(default)]
    pub result: Option<Value>,
    #[serde(default)]
    pub code: Option<String>,
    #[serde(default)]
    pub message: Option<String>,
    #[serde(default)]
    pub after_ms: Option<u32>,
}
