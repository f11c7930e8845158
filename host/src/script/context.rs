//! What a script sees beside its item.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::config::{ConnectionConfig, MAX_IN_CONTEXT};
use crate::plugin::script_engine::EngineGeneration;
use crate::plugin::tables::LookupTables;

/// The context of a script that belongs to no connection.
const EMPTY: &str = r#"{"tenant":"","connection":"","operation":"","settings":{},"tables":{}}"#;

/// `$context` or `context`: names, settings and tables. Never secrets.
#[derive(Serialize)]
struct Context<'a> {
    tenant: &'a str,
    connection: &'a str,
    operation: &'a str,
    settings: &'a Value,
    /// As raw text, so that a number of a JSON file keeps its spelling.
    tables: BTreeMap<&'a str, Cow<'a, RawValue>>,
}

/// What a script sees beside its item: a document, and tables that stay in the host.
#[derive(Debug)]
pub struct Sight {
    /// The context, as JSON text.
    pub context: String,
    /// What it looks rows up in.
    pub tables: LookupTables,
}

impl Sight {
    /// Of a script that belongs to no connection.
    pub fn empty() -> Self {
        Self {
            context: EMPTY.to_owned(),
            tables: LookupTables::default(),
        }
    }

    /// Of one operation's scripts in a language. Small tables are in the context; an
    /// engine that does not look rows up has all of them there.
    ///
    /// # Errors
    /// If there is a table that such an engine cannot have, or the context cannot be
    /// written, as a sentence without its full stop.
    pub fn new(
        tenant: &str,
        connection: &ConnectionConfig,
        operation: &str,
        engine: &EngineGeneration,
    ) -> Result<Self, String> {
        let mut tables = BTreeMap::new();
        let mut looked_up = Vec::new();
        let mut copied = 0;
        for (name, source) in &connection.tables {
            let table = &source.table;
            let text = match table.in_context() {
                Some(text) => Cow::Borrowed(text),
                None if engine.looks_up() => {
                    looked_up.push((name.clone(), table.clone()));
                    continue;
                }
                None => {
                    let whole = table.whole().and_then(|whole| {
                        let text = RawValue::from_string(whole).ok()?;
                        Some(Cow::Owned(text))
                    });
                    whole.ok_or_else(|| {
                        format!(
                            "the table `{name}` has {} rows and is looked up in the host, which the engine of `.{}` files cannot; replace the engine, or give the connection a table of at most 20000 rows and 1 MiB",
                            table.rows(),
                            engine.manifest.extension
                        )
                    })?
                }
            };
            copied += text.get().len();
            tables.insert(name.as_str(), text);
        }
        if copied > MAX_IN_CONTEXT {
            return Err(format!(
                "the engine of `.{}` files has every table in its context, and those of `{}` have more than {} MiB together, as JSON",
                engine.manifest.extension,
                connection.name,
                MAX_IN_CONTEXT >> 20
            ));
        }
        let context = serde_json::to_string(&Context {
            tenant,
            connection: &connection.name,
            operation,
            settings: &connection.settings,
            tables,
        });
        Ok(Self {
            context: context.map_err(|error| error.to_string())?,
            tables: LookupTables(looked_up),
        })
    }
}
