//! Records from files and databases, page by page, and results written to
//! files.
//!
//! The library knows nothing of flows: whoever reads a source says how far it
//! has come, and keeps that. Files are read and written on the caller's thread;
//! a database is asked over a stream that the caller opened.
//!
//! | module | responsibility |
//! |---|---|
//! | `settings` | what a source is told |
//! | `text` | bytes of any encoding to UTF-8, a piece at a time |
//! | `rows` | JSON, NDJSON, CSV: a file's rows, one after the other, and pages of them |
//! | `xlsx` | a sheet's rows, without the workbook in memory |
//! | `folder` | which files are ready, one that is read, where it goes afterwards |
//! | `result` | records as a file, once per run |
//! | `database` | one page of a query, from PostgreSQL and MySQL |
//! | `failure` | what went wrong, in words for people |

#![forbid(unsafe_code)]

mod database;
mod failure;
mod folder;
mod result;
mod rows;
mod settings;
mod text;
mod xlsx;

pub use database::{DatabaseUrl, Kind, MOST_TIES, QueryPage, Stream, query_page};
pub use failure::{Failure, FailureKind};
pub use folder::{Finished, Identity, Looked, Pattern, Taken, check_folder, look};
pub use result::ResultFile;
pub use rows::{BadRow, MOST_PAGE, MOST_RECORD, Page, Reader, Record, Row};
pub use settings::{Csv, DatabaseSource, FolderSource, Format, Header, Reading};
pub use text::Encoding;
