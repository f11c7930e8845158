//! A file's rows, one after the other, and pages of them.

mod csv;
mod json;
mod lines;
mod object;
mod xlsx;

use std::fs::File;
use std::io::Read;

use serde::Serialize;

use crate::failure::Failure;
use crate::settings::{Format, Reading};
use crate::text::{BadBytes, Text};

pub(crate) use object::{Columns, MOST_COLUMNS};

/// Bytes of one record: what a mapping could still work on.
pub const MOST_RECORD: usize = 1 << 20;

/// Bytes of a page's records, beyond which the page ends before it is full.
pub const MOST_PAGE: usize = 16 << 20;

/// Bytes of a refused row that are shown.
const MOST_SHOWN: usize = 2000;

/// One row of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// A record.
    Good(Record),
    /// A row that is none.
    Bad(BadRow),
}

/// A record and where it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The record as JSON text.
    pub json: String,
    /// The line of the file that it begins at, or the row of a sheet; from 1.
    pub line: u64,
}

/// A row that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BadRow {
    /// The line of the file that it begins at, or the row of a sheet; from 1.
    pub line: u64,
    /// Its column, from 1: a field's number, or a character's in a line of JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// One sentence: what is wrong with it.
    pub problem: String,
    /// The row itself, cut where it is long.
    pub row: String,
}

impl BadRow {
    pub(crate) fn new(
        line: u64,
        column: Option<u64>,
        problem: impl Into<String>,
        row: &[u8],
    ) -> BadRow {
        let mut row = String::from_utf8_lossy(row).into_owned();
        if row.len() > MOST_SHOWN {
            let end = row.floor_char_boundary(MOST_SHOWN);
            row.truncate(end);
            row.push('…');
        }
        BadRow {
            line,
            column,
            problem: problem.into(),
            row,
        }
    }
}

/// What reads the rows of one format. Between two calls it holds no more than
/// one record and a piece of the file.
pub(crate) trait Rows: Send {
    /// The next row; none at the end.
    fn next(&mut self) -> Result<Option<Row>, Failure>;
}

/// Rows that were read together.
#[derive(Debug, Default)]
pub struct Page {
    /// The records.
    pub records: Vec<Record>,
    /// The rows that were refused on the way.
    pub bad: Vec<BadRow>,
    /// How many rows of the file are before the next page, good and bad ones.
    pub rows: u64,
    /// Whether the file is at its end.
    pub last: bool,
}

/// Reads a file from its beginning, page by page.
pub struct Reader {
    rows: Box<dyn Rows>,
    count: u64,
    /// What ended the file behind rows that were given.
    broken: Option<Failure>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reader at row {}", self.count)
    }
}

impl Reader {
    /// Reads what is open. `name` says the format where the settings don't.
    pub fn new(file: File, name: &str, reading: &Reading) -> Result<Reader, Failure> {
        let format = reading
            .format
            .or_else(|| Format::of_file(name))
            .ok_or_else(|| {
                Failure::setting(format!(
                    "the name of {name:?} doesn't say its format: set `format`"
                ))
            })?;
        let rows: Box<dyn Rows> = match format {
            Format::Xlsx => Box::new(xlsx::Sheet::open(
                file,
                reading.sheet.as_deref(),
                reading.header.clone(),
            )?),
            other => text_rows(Box::new(file), other, reading),
        };
        Ok(Reader {
            rows,
            count: 0,
            broken: None,
        })
    }

    /// Reads a text that comes from anywhere; a workbook is none.
    pub fn of_text(from: Box<dyn Read + Send>, format: Format, reading: &Reading) -> Reader {
        Reader {
            rows: text_rows(from, format, reading),
            count: 0,
            broken: None,
        }
    }

    /// Rows that were read so far.
    pub fn rows(&self) -> u64 {
        self.count
    }

    /// The next row; none at the end.
    pub fn next_row(&mut self) -> Result<Option<Row>, Failure> {
        let row = self.rows.next()?;
        self.count += u64::from(row.is_some());
        Ok(row)
    }

    /// The next page: at most this many records, and at most [`MOST_PAGE`] bytes
    /// of them and as many refused rows.
    pub fn page(&mut self, most: usize) -> Result<Page, Failure> {
        let mut page = Page::default();
        let mut bytes = 0;
        if let Some(why) = self.broken.take() {
            return Err(why);
        }
        while page.records.len() + page.bad.len() < most.max(1) && bytes < MOST_PAGE {
            let row = match self.next_row() {
                Err(why) if page.records.len() + page.bad.len() > 0 => {
                    self.broken = Some(why);
                    break;
                }
                row => row?,
            };
            match row {
                Some(Row::Good(record)) => {
                    bytes += record.json.len();
                    page.records.push(record);
                }
                Some(Row::Bad(bad)) => page.bad.push(bad),
                None => {
                    page.last = true;
                    break;
                }
            }
        }
        page.rows = self.count;
        Ok(page)
    }
}

fn text_rows(from: Box<dyn Read + Send>, format: Format, reading: &Reading) -> Box<dyn Rows> {
    let text = Text::new(from, reading.encoding);
    match format {
        Format::Csv => Box::new(csv::CsvRows::new(text, reading.csv, reading.header.clone())),
        Format::Json => Box::new(json::JsonRows::new(text, reading.records.as_deref())),
        // A workbook is no text; what is taken for one says so by its lines.
        Format::Ndjson | Format::Xlsx => Box::new(lines::LineRows::new(text)),
    }
}

/// What is wrong with a row that has bytes of another encoding.
fn not_of_the_encoding(bad: &BadBytes, encoding: &str) -> String {
    let bytes: Vec<String> = bad.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "it has bytes that are not {encoding} ({}): set `encoding` to what the file is written in",
        bytes.join(" ")
    )
}

#[cfg(test)]
mod tests;
