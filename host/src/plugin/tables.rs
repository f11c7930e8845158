//! Lookup tables that stay in the host, for the one script that an instance is of.

use std::sync::Arc;

use super::bindings::tables::crossdock::script::tables::{Host, Table as Shown};
use super::state::GuestState;
use crate::config::Table;

/// The tables that a script looks rows up in, by name.
#[derive(Debug, Default)]
pub struct LookupTables(pub Vec<(String, Arc<Table>)>);

impl LookupTables {
    fn get(&self, table: u32) -> Option<&Table> {
        let (_, table) = self.0.get(table as usize)?;
        Some(table)
    }
}

/// The same tables, not only the same rows.
impl PartialEq for LookupTables {
    fn eq(&self, other: &Self) -> bool {
        let (one, other) = (&self.0, &other.0);
        one.len() == other.len()
            && one
                .iter()
                .zip(other)
                .all(|(one, other)| one.0 == other.0 && Arc::ptr_eq(&one.1, &other.1))
    }
}

impl Host for GuestState {
    fn all(&mut self) -> wasmtime::Result<Vec<Shown>> {
        let tables = self.tables.0.iter();
        let shown = tables.map(|(name, table)| Shown {
            name: name.clone(),
            rows: u32::try_from(table.rows()).unwrap_or(u32::MAX),
            copyable: table.is_copyable(),
        });
        Ok(shown.collect())
    }

    fn lookup(&mut self, table: u32, key: String) -> wasmtime::Result<Option<String>> {
        let table = self.tables.get(table);
        Ok(table.and_then(|table| table.lookup(&key)))
    }

    fn whole(&mut self, table: u32) -> wasmtime::Result<Option<String>> {
        Ok(self.tables.get(table).and_then(Table::whole))
    }
}
