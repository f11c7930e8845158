//! A call's body to items, and its names to what serves under them.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::connection::ConnectionGeneration;
use crate::plugin::generation::{AdapterGeneration, PreparedOperation};
use crate::problem::Problem;
use crate::reload::snapshot::{Snapshot, TenantGeneration};

/// What serves under the names of a call. Everything of one delivery comes
/// from here, so that no swap can be seen half way.
#[derive(Clone)]
pub struct Route {
    /// The tenant's generation.
    pub tenant: Arc<TenantGeneration>,
    /// The connection.
    pub connection: Arc<ConnectionGeneration>,
    /// The adapter's generation.
    pub adapter: Arc<AdapterGeneration>,
    /// The operation's name.
    pub operation: String,
    /// The snapshot it all came from; scripts find their engine in it.
    pub snapshot: Arc<Snapshot>,
}

impl Route {
    /// Looks the names up.
    pub fn find(
        snapshot: Arc<Snapshot>,
        tenant: &str,
        connection: &str,
        operation: &str,
    ) -> Result<Self, Problem> {
        let tenant = snapshot.tenants.get(tenant).cloned().ok_or_else(|| {
            Problem::caller(
                "unknown-tenant",
                format!("there is no tenant `{tenant}`; see `crossdock check` for what is loaded"),
            )
        })?;
        let connection = tenant.connections.get(connection).cloned().ok_or_else(|| {
            Problem::caller(
                "unknown-connection",
                format!(
                    "tenant `{}` has no connection `{connection}`; it has {}",
                    tenant.config.name,
                    names(tenant.connections.keys())
                ),
            )
        })?;
        let adapter = snapshot
            .adapters
            .get(&connection.config.adapter)
            .cloned()
            .ok_or_else(|| {
                Problem::host(
                    "adapter-retired",
                    format!(
                        "adapter `{}` was retired; put its file back into the plugins folder",
                        connection.config.adapter
                    ),
                )
            })?;
        if !adapter.operations.contains_key(operation) {
            return Err(Problem::caller(
                "unknown-operation",
                format!(
                    "adapter `{}` has no operation `{operation}`; it has {}",
                    adapter.identity.name,
                    names(adapter.operations.keys())
                ),
            ));
        }
        Ok(Self {
            tenant,
            connection,
            adapter,
            operation: operation.to_owned(),
            snapshot,
        })
    }

    /// The operation's schema and limits.
    pub fn prepared(&self) -> Result<&PreparedOperation, Problem> {
        self.adapter.operations.get(&self.operation).ok_or_else(|| {
            Problem::host("unknown-operation", "the operation is not there any more")
        })
    }
}

fn names<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let mut names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    names.sort();
    if names.is_empty() {
        "none".into()
    } else {
        names.join(", ")
    }
}

/// The items of a body: an array's elements, or the one object.
pub fn items(body: &[u8], most: usize) -> Result<Vec<&RawValue>, Problem> {
    let text = std::str::from_utf8(body).map_err(|error| {
        Problem::caller(
            "invalid-json",
            format!("the body is not UTF-8 at byte {}", error.valid_up_to()),
        )
    })?;
    let start = text.trim_start_matches([' ', '\t', '\r', '\n']);
    let items: Vec<&RawValue> = match start.as_bytes().first() {
        Some(b'[') => serde_json::from_str(text).map_err(not_json)?,
        Some(b'{') => vec![serde_json::from_str(text).map_err(not_json)?],
        None => {
            return Err(Problem::caller(
                "invalid-json",
                "the body is empty; send a JSON object or an array of objects",
            ));
        }
        Some(_) => {
            // Whether it is JSON at all decides which of two sentences helps.
            serde_json::from_str::<&RawValue>(text).map_err(not_json)?;
            return Err(Problem::caller(
                "invalid-json",
                "the body must be a JSON object or an array of objects",
            ));
        }
    };
    if items.is_empty() {
        return Err(Problem::caller(
            "no-items",
            "the array is empty; there is nothing to deliver",
        ));
    }
    if items.len() > most {
        return Err(Problem::caller(
            "too-many-items",
            format!(
                "{} items in one call, `[limits] items_per_call` allows {most}",
                items.len()
            ),
        ));
    }
    if let Some(index) = items.iter().position(|item| !item.get().starts_with('{')) {
        return Err(
            Problem::caller("invalid-json", "an item must be a JSON object")
                .item(index)
                .at(format!("/{index}")),
        );
    }
    Ok(items)
}

fn not_json(error: serde_json::Error) -> Problem {
    Problem::caller("invalid-json", format!("the body is not JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(body: &str) -> &'static str {
        items(body.as_bytes(), 3).unwrap_err().code
    }

    #[test]
    fn an_object_is_one_item_and_keeps_its_bytes() {
        let found = items(b" {\"id\": 1234567890123456789} ", 3).unwrap();
        assert_eq!(found[0].get(), "{\"id\": 1234567890123456789}");
    }

    #[test]
    fn bad_bodies_are_told_apart() {
        assert_eq!(code(""), "invalid-json");
        assert_eq!(code("[{}"), "invalid-json");
        assert_eq!(code("42"), "invalid-json");
        assert_eq!(code("[]"), "no-items");
        assert_eq!(code("[{},{},{},{}]"), "too-many-items");
        let problem = items(b"[{},7]", 3).unwrap_err();
        assert_eq!(
            (problem.item, problem.pointer.as_deref()),
            (Some(1), Some("/1"))
        );
        assert!(items(b"[{}\xff]", 3).is_err());
    }
}
