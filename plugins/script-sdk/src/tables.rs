//! Lookup tables that stay in the host.
//!
//! Small tables are in the context, under `tables`. The others are listed by
//! [`all`], and a row is asked for when the script wants it. They never change
//! while an instance lives, so what was made of them may be kept.
//!
//! An engine that calls nothing of this imports nothing, and then every table is in
//! the context; a connection with one that is too large for that is refused.
//!
//! Natively there is no host: [`install`] says what there is, for tests.

/// A table that is not in the context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name, one of a member of `tables`.
    pub name: String,
    /// How many rows it has.
    pub rows: u32,
    /// Whether [`whole`] gives it.
    pub copyable: bool,
}

/// Longest key that is asked for: no row has a longer one.
const LONGEST_KEY: usize = 64 << 10;

impl Table {
    /// What to say to a script that wants more than rows: a sentence without its
    /// full stop.
    pub fn only_looked_up(&self, how: &str) -> String {
        format!(
            "the table `{}` has {} rows and is only looked up by key, as in {how}; it cannot be listed or copied",
            self.name, self.rows
        )
    }
}

/// The tables that are not in the context. One is known by its place.
pub fn all() -> Vec<Table> {
    host::all()
}

/// The JSON of what belongs to a key; nothing where there is no such key.
pub fn lookup(table: u32, key: &str) -> Option<String> {
    match key.len() <= LONGEST_KEY {
        true => host::lookup(table, key),
        false => None,
    }
}

/// The JSON of a table as an object by its keys, if it is small enough for that.
pub fn whole(table: u32) -> Option<String> {
    host::whole(table)
}

#[cfg(target_arch = "wasm32")]
mod host {
    use super::Table;

    mod bindings {
        #![allow(missing_docs, clippy::all)]
        wit_bindgen::generate!({
            path: "../../wit/tables",
            world: "looking-up",
        });
    }

    use bindings::crossdock::script::tables;

    pub fn all() -> Vec<Table> {
        let all = tables::all().into_iter();
        all.map(|table| Table {
            name: table.name,
            rows: table.rows,
            copyable: table.copyable,
        })
        .collect()
    }

    pub use tables::{lookup, whole};
}

#[cfg(not(target_arch = "wasm32"))]
pub use host::install;

#[cfg(not(target_arch = "wasm32"))]
mod host {
    use super::Table;
    use std::cell::RefCell;

    /// A table's rows by key, each as JSON, for tests.
    type Rows = Vec<(String, String)>;

    thread_local! {
        static INSTALLED: RefCell<Vec<(Table, Rows)>> = const { RefCell::new(Vec::new()) };
    }

    /// Says which tables the scripts of this thread have, for tests.
    pub fn install(tables: Vec<(Table, Rows)>) {
        INSTALLED.set(tables);
    }

    pub fn all() -> Vec<Table> {
        INSTALLED.with_borrow(|tables| tables.iter().map(|(table, _)| table.clone()).collect())
    }

    pub fn lookup(table: u32, key: &str) -> Option<String> {
        INSTALLED.with_borrow(|tables| {
            let (_, rows) = tables.get(table as usize)?;
            let (_, row) = rows.iter().find(|(known, _)| known == key)?;
            Some(row.clone())
        })
    }

    pub fn whole(table: u32) -> Option<String> {
        INSTALLED.with_borrow(|tables| {
            let (table, rows) = tables.get(table as usize)?;
            let rows = rows.iter().map(|(key, row)| {
                let mut member = String::new();
                crate::write::push_string(&mut member, key);
                format!("{member}:{row}")
            });
            let rows: Vec<String> = rows.collect();
            table.copyable.then(|| format!("{{{}}}", rows.join(",")))
        })
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    #[test]
    fn rows_are_asked_for_by_key() {
        let table = |copyable| Table {
            name: "stores".into(),
            rows: 1,
            copyable,
        };
        let rows = vec![("a\"".to_owned(), "{\"x\":1}".to_owned())];
        install(vec![(table(true), rows.clone()), (table(false), rows)]);
        assert_eq!(lookup(0, "a\"").as_deref(), Some("{\"x\":1}"));
        assert_eq!((lookup(0, "b"), lookup(2, "a\"")), (None, None));
        assert_eq!(lookup(1, &"a".repeat(LONGEST_KEY + 1)), None);
        assert_eq!(whole(0).as_deref(), Some(r#"{"a\"":{"x":1}}"#));
        assert_eq!(whole(1), None);
    }
}
