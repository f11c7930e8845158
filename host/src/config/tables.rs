//! Lookup tables: a CSV or JSON file to the JSON text that scripts see.
//!
//! A CSV file becomes an object keyed by its first column, so that a script
//! finds a row at once; each row is an object of all its columns. Values stay
//! strings: whether `007` is a number only the script's author knows.

use std::collections::{HashMap, HashSet};

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::MIB;

/// Largest table file.
pub(super) const MAX_TABLE: usize = MIB;

/// Most bytes of JSON that the tables of one connection may be together. Every
/// warm script of the connection holds them, as values several times as large.
pub(super) const MAX_TABLES_JSON: usize = 2 * MIB;

/// Most rows of a CSV file.
const MAX_ROWS: usize = 20_000;

/// Most columns of a CSV file.
const MAX_COLUMNS: usize = 200;

/// Characters of a value that a message repeats.
const SHOWN: usize = 40;

/// What is wrong with a table, and where in its file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadTable {
    /// 1-based; 0 where it is the file as a whole.
    pub line: u32,
    /// 1-based; 0 where it is the line as a whole.
    pub column: u32,
    /// One sentence.
    pub detail: String,
}

impl BadTable {
    fn at(line: u64, detail: impl Into<String>) -> Self {
        Self {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: 0,
            detail: detail.into(),
        }
    }
}

/// A JSON file: its text as it is, so that numbers keep their digits.
pub(super) fn from_json(text: &str) -> Result<Box<RawValue>, BadTable> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let not_json = |error: serde_json::Error| BadTable {
        line: u32::try_from(error.line()).unwrap_or(u32::MAX),
        column: u32::try_from(error.column()).unwrap_or(u32::MAX),
        detail: format!(
            "this is not JSON: {}.",
            crate::json_failure::sentence(&error)
        ),
    };
    // Read as a value first: that bounds its depth.
    serde_json::from_str::<Value>(text).map_err(not_json)?;
    serde_json::from_str(text).map_err(not_json)
}

/// A CSV file with a header, as an object by its first column.
pub(super) fn from_csv(text: &str) -> Result<Box<RawValue>, BadTable> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::Headers)
        .from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| unreadable(&error))?;
    let header = header.clone();
    check_header(&header)?;
    let mut lines: HashMap<String, u64> = HashMap::new();
    let mut table = Map::new();
    for row in reader.into_records() {
        let row = row.map_err(|error| unreadable(&error))?;
        let line = row.position().map_or(0, csv::Position::line);
        if row.len() != header.len() {
            let (has, needs) = (row.len(), header.len());
            return Err(BadTable::at(
                line,
                format!(
                    "this row has {has} values and the header {needs}; a value with a comma is written in double quotes."
                ),
            ));
        }
        let key = row.get(0).unwrap_or_default();
        if key.is_empty() {
            let column = shown(header.get(0).unwrap_or_default());
            return Err(BadTable::at(
                line,
                format!("this row has nothing in its first column `{column}`, which is its key."),
            ));
        }
        if let Some(first) = lines.insert(key.to_owned(), line) {
            let key = shown(key);
            return Err(BadTable::at(
                line,
                format!("the key `{key}` is in line {first} already; a key has one row."),
            ));
        }
        if lines.len() > MAX_ROWS {
            return Err(BadTable::at(
                line,
                format!("the table has more than {MAX_ROWS} rows."),
            ));
        }
        let columns = header.iter().zip(&row);
        let values = columns.map(|(name, value)| (name.to_owned(), Value::from(value)));
        table.insert(key.to_owned(), Value::Object(values.collect()));
    }
    serde_json::value::to_raw_value(&table)
        .map_err(|_| BadTable::at(0, "the table cannot become JSON."))
}

fn check_header(header: &csv::StringRecord) -> Result<(), BadTable> {
    if header.is_empty() || header.iter().all(str::is_empty) {
        return Err(BadTable::at(
            0,
            "the file is empty; its first line names the columns.",
        ));
    }
    if header.len() > MAX_COLUMNS {
        return Err(BadTable::at(
            1,
            format!("the table has more than {MAX_COLUMNS} columns."),
        ));
    }
    if let [only] = header.iter().collect::<Vec<_>>()[..]
        && let Some(other) = only.chars().find(|c| matches!(c, ';' | '\t' | '|'))
    {
        return Err(BadTable::at(
            1,
            format!("the columns seem to be separated by {other:?}; separate them by commas."),
        ));
    }
    let mut seen = HashSet::new();
    for (index, name) in header.iter().enumerate() {
        if name.is_empty() {
            let detail = format!("column {} has no name.", index + 1);
            return Err(BadTable::at(1, detail));
        }
        if !seen.insert(name) {
            let detail = format!("two columns are called `{}`.", shown(name));
            return Err(BadTable::at(1, detail));
        }
    }
    Ok(())
}

fn unreadable(error: &csv::Error) -> BadTable {
    let line = error.position().map_or(0, csv::Position::line);
    tracing::debug!(%error, "no CSV");
    BadTable::at(
        line,
        "this is not CSV; a value with a comma, a quote or a line break is written in double quotes.",
    )
}

fn shown(text: &str) -> String {
    super::reader::shown(&text.chars().take(SHOWN).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(text: &str) -> String {
        from_csv(text).unwrap().get().to_owned()
    }

    fn wrong(text: &str) -> (u32, String) {
        let wrong = from_csv(text).unwrap_err();
        (wrong.line, wrong.detail)
    }

    #[test]
    fn a_csv_file_becomes_an_object_by_its_first_column() {
        assert_eq!(
            csv(
                "\u{feff}code, name,zip\r\n007,\"Beijing, east\",010\n12345678901234567890,\"a\nb\",\n"
            ),
            r#"{"007":{"code":"007","name":"Beijing, east","zip":"010"},"12345678901234567890":{"code":"12345678901234567890","name":"a\nb","zip":""}}"#
        );
        assert_eq!(csv("code,name\n"), "{}");
        // A table may be a set.
        assert_eq!(csv("code\na\n"), r#"{"a":{"code":"a"}}"#);
    }

    #[test]
    fn a_csv_file_that_is_not_a_table_is_refused_with_its_line() {
        for (text, line, says) in [
            ("", 0, "is empty"),
            ("code,name\na,1\nb,2,3\n", 3, "3 values and the header 2"),
            ("code,name\na\n", 2, "1 values"),
            ("code,name\na,1\n\"b\nb\",2\na,3\n", 5, "`a` is in line 2"),
            ("code,name\n,1\n", 2, "first column `code`"),
            ("code,,name\n", 1, "column 2 has no name"),
            ("code,code\n", 1, "two columns are called `code`"),
            ("code;name\na;1\n", 1, "';'"),
        ] {
            let (found, detail) = wrong(text);
            assert_eq!(found, line, "{text:?}: {detail}");
            assert!(detail.contains(says), "{text:?}: {detail}");
        }
        let rows: String = (0..=MAX_ROWS).map(|row| format!("{row}\n")).collect();
        assert!(wrong(&format!("code\n{rows}")).1.contains("20000 rows"));
    }

    #[test]
    fn a_json_file_is_passed_as_it_is() {
        let text = "{\"a\": [1.500, 12345678901234567890]}";
        assert_eq!(from_json(text).unwrap().get(), text);
        let wrong = from_json("{\n  \"a\": 1,\n}").unwrap_err();
        assert_eq!((wrong.line, wrong.column), (3, 1));
        assert!(from_json(&"[".repeat(10_000)).is_err());
    }
}
