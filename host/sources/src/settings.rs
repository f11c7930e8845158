//! What a source is told: checked values, as a tenant's file gives them.

mod pattern;
mod url;

use std::path::PathBuf;
use std::time::Duration;

use crate::text::Encoding;

pub use pattern::Pattern;
pub use url::{DatabaseUrl, Kind};

/// A folder whose files are read, one after the other in the order of their
/// names.
#[derive(Debug, Clone)]
pub struct FolderSource {
    /// Where the files come in. Only what lies in it directly is looked at.
    pub folder: PathBuf,
    /// Which of its files: by default those with the endings of the format, or of
    /// all formats but for `.txt`.
    pub files: Option<Pattern>,
    /// How a file is read.
    pub reading: Reading,
    /// Where a file goes that was read; by default `done` in the folder. Has to
    /// lie on the folder's file system, as files are moved by a rename.
    pub done: PathBuf,
    /// Where a file goes that could not be read to its end, and the list of the
    /// rows that were refused; by default `failed` in the folder.
    pub failed: PathBuf,
    /// How long a file has to have kept its size and its time before it is
    /// begun; by default [`FolderSource::SETTLE`].
    pub settle: Duration,
}

impl FolderSource {
    /// How long a file has to have been left alone.
    pub const SETTLE: Duration = Duration::from_secs(5);

    /// Whether a file of this name is one of those that are read.
    pub fn reads(&self, name: &str) -> bool {
        if let Some(files) = &self.files {
            return files.fits(name);
        }
        let Some((_, ending)) = name.rsplit_once('.') else {
            return false;
        };
        Format::endings(self.reading.format).any(|known| ending.eq_ignore_ascii_case(known))
    }

    /// Whether there can be a file that both would read if it lay in the folders of
    /// both.
    pub fn may_share(&self, other: &FolderSource) -> bool {
        // Endings are known in any case of their letters.
        let any_case = self.files.is_none() || other.files.is_none();
        let others = other.patterns();
        self.patterns()
            .iter()
            .any(|own| others.iter().any(|other| own.meets(other, any_case)))
    }

    fn patterns(&self) -> Vec<Pattern> {
        match &self.files {
            Some(files) => vec![files.clone()],
            None => Format::endings(self.reading.format)
                .map(Pattern::ending)
                .collect(),
        }
    }
}

/// How a file's bytes become records.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// The format; without it, the name's ending says it.
    pub format: Option<Format>,
    /// How texts are written; a mark at the file's beginning counts more.
    pub encoding: Encoding,
    /// How a CSV file is cut.
    pub csv: Csv,
    /// Where the names of columns come from, in CSV and XLSX.
    pub header: Header,
    /// The sheet of an XLSX file; the first one by default.
    pub sheet: Option<String>,
    /// Where in a JSON document its records are, as a pointer like
    /// `/data/list`; the document itself by default.
    pub records: Option<String>,
}

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One document: an array of records, or one record.
    Json,
    /// A record on each line.
    Ndjson,
    /// Fields between separators, a record on each row.
    Csv,
    /// A workbook, of which one sheet is read.
    Xlsx,
}

/// An ending that notes have as well: such a file is a table only where somebody
/// says so, by `format` or by `files`.
const NOTES: &str = "txt";

impl Format {
    /// All formats, with the name that a setting has and the endings of files.
    const ALL: [(Format, &'static str, &'static [&'static str]); 4] = [
        (Format::Json, "json", &["json"]),
        (Format::Ndjson, "ndjson", &["ndjson", "jsonl"]),
        (Format::Csv, "csv", &["csv", "tsv", "txt"]),
        (Format::Xlsx, "xlsx", &["xlsx", "xlsm"]),
    ];

    /// The format of a name as in `format = "csv"`.
    pub fn named(name: &str) -> Option<Format> {
        let found = Format::ALL.iter().find(|(_, known, _)| *known == name)?;
        Some(found.0)
    }

    /// The names, for a list of what may be written.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Format::ALL.iter().map(|(_, name, _)| *name)
    }

    /// The endings of files that are read without a pattern: those of the format, or
    /// of all formats.
    fn endings(format: Option<Format>) -> impl Iterator<Item = &'static str> {
        Format::ALL
            .iter()
            .filter(move |(one, _, _)| format.is_none_or(|format| format == *one))
            .flat_map(|(_, _, endings)| endings.iter().copied())
            .filter(move |ending| format.is_some() || *ending != NOTES)
    }

    /// The format that a file's name says by its ending, in any case.
    pub fn of_file(name: &str) -> Option<Format> {
        let (_, ending) = name.rsplit_once('.')?;
        Format::ALL
            .iter()
            .find(|(_, _, endings)| {
                endings
                    .iter()
                    .any(|known| ending.eq_ignore_ascii_case(known))
            })
            .map(|(format, _, _)| *format)
    }
}

/// How a CSV file is cut.
#[derive(Debug, Clone, Copy)]
pub struct Csv {
    /// What stands between fields; an ASCII character, `,` by default.
    pub separator: u8,
    /// What stands around a field that has separators or lines in it; `"` by
    /// default. None: nothing is quoted.
    pub quote: Option<u8>,
}

impl Default for Csv {
    fn default() -> Self {
        Csv {
            separator: b',',
            quote: Some(b'"'),
        }
    }
}

/// Where the names of columns come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Header {
    /// The first row has them, and each record is an object.
    #[default]
    FirstRow,
    /// There are none: the columns are `1`, `2`, …, as many as the first row has.
    Numbers,
    /// They are given, and the first row is a record already.
    Names(Vec<String>),
}

/// A query that is asked page by page.
#[derive(Debug, Clone)]
pub struct DatabaseSource {
    /// `postgres://…` or `mysql://…`, with the password: a secret.
    pub url: DatabaseUrl,
    /// A `SELECT` without `LIMIT`, which the page's bounds are put around.
    pub query: String,
    /// The column of the result that says how far a flow has come. What is new
    /// has to have a greater value in it.
    pub cursor: String,
    /// The value after which the first run begins; without it, at the first row.
    pub start: Option<String>,
    /// Whether each run begins at `start` again and goes through everything, as
    /// suits a flow that sends changes only.
    pub from_start: bool,
    /// Whether the server may have a private address.
    pub allow_private: bool,
    /// How long the server may take for one page; by default
    /// [`DatabaseSource::TIMEOUT`].
    pub timeout: Duration,
}

impl DatabaseSource {
    /// How long a server may take for one page.
    pub const TIMEOUT: Duration = Duration::from_secs(60);
}
