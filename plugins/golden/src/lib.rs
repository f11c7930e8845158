//! An adapter's worked examples, as its manifest holds them.
//!
//! The host runs them at load, and the SDK runs them in an adapter's own tests.
//! Both read them with these types, so that an example is the same to both. The
//! same shape, for authors, is in `wit/manifest.schema.json`, and a test holds
//! these types to it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A worked example: items in, requests out, replies in, outcomes out.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// One sentence.
    pub name: String,
    /// Who published the expected bytes.
    pub provenance: Provenance,
    /// The document and section, or the test it was taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The operation.
    pub operation: String,
    /// What the host would pass as `context`.
    #[serde(default)]
    pub context: ExampleContext,
    /// Test secrets by name.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
    /// The items, already in the operation's own shape.
    pub items: Vec<ExampleItem>,
    /// What must be sent, after `sign`, in order.
    #[serde(default)]
    pub requests: Vec<ExampleRequest>,
    /// Items that `map` must refuse.
    #[serde(default)]
    pub failures: Vec<ExampleFailure>,
    /// Answers of the platform and what must be read from them.
    #[serde(default)]
    pub replies: Vec<ExampleReply>,
}

/// Who published an example's expected bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provenance {
    /// Input and expected value were both published by the platform.
    Official,
    /// From a standards document.
    Standard,
    /// Published in somebody else's unit test.
    ThirdParty,
    /// The platform's document shows the shape, nothing was signed.
    Document,
    /// Computed by the project: a regression pin, not a proof.
    Computed,
}

/// The context of an example.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExampleContext {
    /// Unix milliseconds.
    pub now_ms: u64,
    /// 32 lower-case hex digits.
    pub nonce: String,
    /// The connection's settings.
    pub settings: Value,
}

impl Default for ExampleContext {
    fn default() -> Self {
        Self {
            now_ms: 0,
            nonce: "00000000000000000000000000000000".into(),
            settings: Value::Object(Default::default()),
        }
    }
}

/// One item of an example.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExampleItem {
    /// The item's key; defaults to `item-` and its index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The document.
    pub document: Value,
}

impl ExampleItem {
    /// The key of the item that has this index.
    pub fn key(&self, index: usize) -> String {
        self.key.clone().unwrap_or_else(|| format!("item-{index}"))
    }
}

/// A body in an example.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ExampleBody {
    /// Text, compared byte for byte.
    Text(String),
    /// Bytes.
    Bytes {
        /// Base64 with padding.
        base64: String,
    },
}

/// One request of an example, as it must be sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExampleRequest {
    /// HTTP method.
    pub method: String,
    /// Path below the base URL.
    pub path: String,
    /// Query pairs, in order, not encoded.
    #[serde(default)]
    pub query: Vec<(String, String)>,
    /// Header pairs, in order.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// Body; absent for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<ExampleBody>,
    /// Items it carries; absent to leave this unchecked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<u32>>,
    /// Whether it may be repeated; absent to leave this unchecked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeatable: Option<bool>,
}

/// An item that `map` must refuse.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExampleFailure {
    /// Index of the item.
    pub item: u32,
    /// RFC 6901 pointer the fault must carry; absent to leave this unchecked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
}

/// An answer of the platform in an example.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExampleReply {
    /// Index of the request it answers.
    #[serde(default)]
    pub request: u32,
    /// Index of the reply before it, if it answers what that one's `next` asked;
    /// `request` is that one's then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<u32>,
    /// HTTP status.
    pub status: u16,
    /// Header pairs.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// Body; absent for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<ExampleBody>,
    /// What must be read from it, one per item of the request; absent when
    /// `parse-response` must call it unreadable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcomes: Option<Vec<ExampleOutcome>>,
    /// The request that must follow (a page, a read-back); absent for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<ExampleRequest>,
}

/// An outcome in an example. Absent fields are not compared.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExampleOutcome {
    /// `accepted`, `duplicate`, `rejected`, `retry`, `throttled`,
    /// `unauthenticated` or `unknown`.
    pub status: String,
    /// The result document of an accepted or duplicate item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// The platform's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The platform's message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Milliseconds to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_ms: Option<u32>,
}

#[cfg(test)]
mod tests;
