//! Lookup tables: a CSV or JSON file to what scripts look things up in.
//!
//! A CSV file becomes an object keyed by its first column, so that a script
//! finds a row at once; each row is an object of all its columns. Values stay
//! strings: whether `007` is a number only the script's author knows.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::MIB;
use super::table::{self, Added, Builder, Columns, MAX_ROW, Table};

/// Largest table file.
pub(super) const MAX_TABLE: usize = 32 * MIB;

/// Most bytes of JSON that the tables of one connection may be together which its
/// scripts get in their context. Every warm script of the connection holds them, as
/// values several times as large.
pub(crate) const MAX_IN_CONTEXT: usize = 2 * MIB;

/// Most bytes that the tables of one connection may take together.
pub(super) const MAX_PER_CONNECTION: usize = 64 * MIB;

/// Most bytes that the tables of one tenant may take together; one that several
/// connections name counts once.
pub(super) const MAX_PER_TENANT: usize = 128 * MIB;

/// Most rows of a table.
const MAX_ROWS: usize = 200_000;

/// Most columns of a CSV file.
const MAX_COLUMNS: usize = 200;

/// What the tables of a tenant take together.
#[derive(Default)]
pub(super) struct HeldTables {
    /// Which ones are counted.
    seen: HashSet<*const Table>,
    bytes: usize,
}

impl HeldTables {
    /// Counts one more; false where that is too much, and then it is not counted.
    pub fn add(&mut self, table: &Arc<Table>) -> bool {
        if self.seen.contains(&Arc::as_ptr(table)) {
            return true;
        }
        let bytes = self.bytes + table.held_bytes();
        if bytes > MAX_PER_TENANT {
            return false;
        }
        self.bytes = bytes;
        self.seen.insert(Arc::as_ptr(table))
    }
}

/// Largest file of which scripts may have all rows at once, and of which a JSON file
/// may be anything.
const COPYABLE_FILE: usize = MIB;

/// Most rows of a CSV file of which they may.
const COPYABLE_ROWS: usize = 20_000;

/// Smallest file that is kept as rows.
const AS_TEXT: usize = 64 << 10;

/// Characters of a value that a message repeats.
const SHOWN: usize = 40;

/// How a table's file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Format {
    Csv,
    Json,
}

/// What a table was read from: the digest of the file's bytes, and how they are
/// written.
type Known = ([u8; 32], Format);

/// Every table that somebody holds. A file that did not change keeps its table, and
/// files of the same bytes have one.
static KNOWN: Mutex<BTreeMap<Known, Weak<Table>>> = Mutex::new(BTreeMap::new());

/// The table of a file's text, which is read if nobody holds it.
pub(super) fn read(text: &str, digest: [u8; 32], format: Format) -> Result<Arc<Table>, BadTable> {
    let name = (digest, format);
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let held = known().get(&name).and_then(Weak::upgrade);
    if let Some(table) = held {
        return Ok(table);
    }
    let table = Arc::new(match format {
        Format::Csv => from_csv(text)?,
        Format::Json => from_json(text)?,
    });
    let mut known = known();
    known.retain(|_, table| table.strong_count() > 0);
    // Another thread may have read the same meanwhile.
    if let Some(first) = known.get(&name).and_then(Weak::upgrade) {
        return Ok(first);
    }
    known.insert(name, Arc::downgrade(&table));
    Ok(table)
}

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

/// A JSON file. A small one and one that is no object is its text as it is, so that
/// numbers keep their digits; of another, so is each member.
fn from_json(text: &str) -> Result<Table, BadTable> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_object = text.trim_ascii_start().starts_with('{');
    if is_object && text.len() > AS_TEXT {
        match members(text) {
            Err(wrong) if wrong.too_large && text.len() <= COPYABLE_FILE => {}
            rows => return rows.map_err(|wrong| wrong.bad),
        }
    }
    if text.len() > COPYABLE_FILE {
        let most = COPYABLE_FILE / MIB;
        let detail = format!(
            "a JSON file of more than {most} MiB has to be an object, whose members are looked up by their names."
        );
        return Err(BadTable::at(0, detail));
    }
    // Read as a value first: that bounds its depth.
    serde_json::from_str::<Value>(text).map_err(|error| not_json(&error))?;
    let text = serde_json::from_str(text).map_err(|error| not_json(&error))?;
    Ok(Table::of_text(text))
}

fn not_json(error: &serde_json::Error) -> BadTable {
    BadTable {
        line: u32::try_from(error.line()).unwrap_or(u32::MAX),
        column: u32::try_from(error.column()).unwrap_or(u32::MAX),
        detail: format!(
            "this is not JSON: {}.",
            crate::json_failure::sentence(error)
        ),
    }
}

/// Why an object's members are no rows.
struct NoRows {
    bad: BadTable,
    /// A member is larger than a row may be.
    too_large: bool,
}

/// The members of a JSON object, as rows.
fn members(text: &str) -> Result<Table, NoRows> {
    struct Members<'t> {
        text: &'t str,
        builder: Builder,
        wrong: Option<NoRows>,
    }

    impl<'t> Visitor<'t> for &mut Members<'t> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some((key, value)) = map.next_entry::<Cow<'t, str>, &'t RawValue>()? {
                let value = value.get();
                if self.wrong.is_none() {
                    self.wrong = self.member(&key, value).err();
                }
            }
            Ok(())
        }
    }

    impl Members<'_> {
        fn member(&mut self, key: &str, value: &str) -> Result<(), NoRows> {
            let wrong = |detail: String, too_large: bool| NoRows {
                bad: BadTable::at(line_of(self.text, value), detail),
                too_large,
            };
            let too_large = || {
                let detail = format!(
                    "`{}` has more than {} KiB; a row of a table this large has not.",
                    shown(key),
                    MAX_ROW >> 10
                );
                wrong(detail, true)
            };
            if value.len() > MAX_ROW {
                return Err(too_large());
            }
            // As a value, which bounds its depth.
            if let Err(error) = serde_json::from_str::<Value>(value) {
                let sentence = crate::json_failure::sentence(&error);
                let detail = format!("`{}` is not JSON: {sentence}.", shown(key));
                return Err(wrong(detail, false));
            }
            let before = self.builder.end();
            match self.builder.add([key, value].into_iter()) {
                Added::Yes => {}
                // As everywhere in JSON, the last one counts.
                Added::Again(row) => self.builder.replace(row, before),
                Added::TooLarge => return Err(too_large()),
            }
            if self.builder.rows() > MAX_ROWS {
                return Err(wrong(too_many_rows(), false));
            }
            Ok(())
        }
    }

    let mut members = Members {
        text,
        builder: Builder::new(Columns::Json, text.len()),
        wrong: None,
    };
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = reader.deserialize_map(&mut members);
    read.and_then(|()| reader.end()).map_err(|error| NoRows {
        bad: not_json(&error),
        too_large: false,
    })?;
    match members.wrong {
        Some(wrong) => Err(wrong),
        None => Ok(members.builder.finish(text.len() <= COPYABLE_FILE)),
    }
}

fn too_many_rows() -> String {
    format!("the table has more than {MAX_ROWS} rows.")
}

/// The line in which a part of a text begins.
fn line_of(text: &str, part: &str) -> u64 {
    let byte = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    let before = text.as_bytes().get(..byte).unwrap_or_default();
    before.iter().filter(|byte| **byte == b'\n').count() as u64 + 1
}

/// A CSV file with a header, as rows by its first column.
fn from_csv(text: &str) -> Result<Table, BadTable> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::Headers)
        .from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| unreadable(&error))?;
    let header = header.clone();
    check_header(&header)?;
    // The line of each row.
    let mut lines: Vec<u64> = Vec::new();
    let mut builder = Builder::new(table::names(header.iter()), text.len());
    let mut row = csv::StringRecord::new();
    while reader
        .read_record(&mut row)
        .map_err(|error| unreadable(&error))?
    {
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
        match builder.add(row.iter()) {
            Added::Yes => lines.push(line),
            Added::Again(first) => {
                let (key, first) = (shown(key), lines.get(first).copied().unwrap_or_default());
                return Err(BadTable::at(
                    line,
                    format!("the key `{key}` is in line {first} already; a key has one row."),
                ));
            }
            Added::TooLarge => {
                let most = MAX_ROW >> 10;
                return Err(BadTable::at(
                    line,
                    format!("this row has more than {most} KiB."),
                ));
            }
        }
        if builder.rows() > MAX_ROWS {
            return Err(BadTable::at(line, too_many_rows()));
        }
    }
    let few = text.len() <= COPYABLE_FILE && builder.rows() <= COPYABLE_ROWS;
    Ok(builder.finish(few))
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
mod tests;
