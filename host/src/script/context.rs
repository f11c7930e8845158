//! What a script sees beside its item.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::config::ConnectionConfig;

/// The context of a script that belongs to no connection.
pub const EMPTY: &str = r#"{"tenant":"","connection":"","operation":"","settings":{},"tables":{}}"#;

/// `$context` or `context`: names, settings and tables. Never secrets.
#[derive(Serialize)]
struct Context<'a> {
    tenant: &'a str,
    connection: &'a str,
    operation: &'a str,
    settings: &'a Value,
    /// As raw text, so that a number of a JSON file keeps its spelling.
    tables: BTreeMap<&'a str, &'a RawValue>,
}

/// The context of one operation's scripts, as JSON text.
///
/// # Errors
/// If it cannot be written as JSON.
pub fn context(
    tenant: &str,
    connection: &ConnectionConfig,
    operation: &str,
) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Context {
        tenant,
        connection: &connection.name,
        operation,
        settings: &connection.settings,
        tables: connection
            .tables
            .iter()
            .map(|(name, table)| (name.as_str(), &*table.json))
            .collect(),
    })
}
