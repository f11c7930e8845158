//! `from`: where a flow's records come from.

use crossdock_sources::{DatabaseSource, FolderSource};
use serde_json::Value;

use crate::config::WebhookSource;

/// `from`.
#[derive(Debug, Clone)]
pub enum FlowSource {
    /// `connection` and `operation`: what an operation answers.
    Operation {
        /// The connection.
        connection: String,
        /// Its operation.
        operation: String,
        /// `input`: the one item of each call, as JSON text; default `{}`.
        input: String,
        /// `records`: where in the result's data its records are, as a pointer;
        /// the result itself where nothing was typed.
        records: Option<String>,
        /// `cursor`: how one call goes on where another ended; a run is one call
        /// without it.
        cursor: Option<CursorRule>,
    },
    /// `connection` and `inbound = true`: what its platform pushes.
    Inbound {
        /// The connection.
        connection: String,
    },
    /// `folder`: the files of a folder.
    Folder(FolderSource),
    /// `database`: what a query gives.
    Database(DatabaseSource),
    /// `webhook`: what is posted to `/v1/{tenant}/flows/{flow}`.
    Webhook(WebhookSource),
}

impl FlowSource {
    /// What kind it is, in every interface.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Operation { .. } => "operation",
            Self::Inbound { .. } => "inbound",
            Self::Folder(_) => "folder",
            Self::Database(_) => "database",
            Self::Webhook(_) => "webhook",
        }
    }
}

/// `cursor = { from = "/position", to = "/position", start = 0 }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorRule {
    /// Where in the result's data the cursor is, as a pointer.
    pub from: String,
    /// Where in the input it goes, as a pointer.
    pub to: String,
    /// The first one, as JSON text; without it, the first call has what `input`
    /// has there.
    pub start: Option<String>,
}

impl CursorRule {
    /// Puts a cursor into an input. False where the input has no table or array
    /// that it could go into.
    pub fn put(&self, input: &mut Value, cursor: Value) -> bool {
        let Some((parent, name)) = self.to.rsplit_once('/') else {
            return false;
        };
        let name = name.replace("~1", "/").replace("~0", "~");
        match input.pointer_mut(parent) {
            Some(Value::Object(members)) => {
                members.insert(name, cursor);
                true
            }
            Some(Value::Array(elements)) => {
                let element = name.parse().ok().and_then(|at: usize| elements.get_mut(at));
                element.map(|element| *element = cursor).is_some()
            }
            _ => false,
        }
    }
}
