//! `from`: where a flow's records come from.

use std::path::PathBuf;

use crate::config::Secret;

/// `from`.
#[derive(Debug, Clone)]
pub enum FlowSource {
    /// `connection` and `operation`: what an operation answers.
    Operation {
        /// The connection.
        connection: String,
        /// Its operation.
        operation: String,
        /// `input`: the one item of each call, as JSON text; default `{}`.
        input: String,
        /// `records`: where in the result's data its records are, as a pointer;
        /// the result itself where nothing was typed.
        records: Option<String>,
        /// `cursor`: how one call goes on where another ended; a run is one call
        /// without it.
        cursor: Option<CursorRule>,
    },
    /// `connection` and `inbound = true`: what its platform pushes.
    Inbound {
        /// The connection.
        connection: String,
    },
    /// `folder`.
    Folder(FolderSource),
    /// `database`.
    Database(DatabaseSource),
    /// `webhook`.
    Webhook(WebhookSource),
}

/// `cursor = { from = "/position", to = "/position", start = 0 }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorRule {
    /// Where in the result's data the cursor is, as a pointer.
    pub from: String,
    /// Where in the input it goes, as a pointer.
    pub to: String,
    /// The first one, as JSON text; without it, the first call has what `input`
    /// has there.
    pub start: Option<String>,
}

/// `from = { folder = "…" }`: the files of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderSource {
    /// The folder. A relative one was typed relative to the tenant's.
    pub path: PathBuf,
    /// `format`; nothing where each file's extension says it.
    pub format: Option<Format>,
    /// `encoding` of CSV, JSON and NDJSON files; default UTF-8.
    pub encoding: Encoding,
    /// `separator` of CSV files; default `,`.
    pub separator: u8,
    /// `quote` of CSV files; default `"`.
    pub quote: u8,
    /// `header` of CSV and XLSX files; default true.
    pub header: Header,
    /// `sheet` of XLSX files; the first where nothing was typed.
    pub sheet: Option<String>,
    /// `records`: where in a JSON file its records are, as a pointer; the file's
    /// own array, or object, where nothing was typed.
    pub records: Option<String>,
    /// `done`: where files go of which every row was taken; default `done` in the
    /// folder.
    pub done: PathBuf,
    /// `failed`: where files go that could not be read, and bad rows; default
    /// `failed` in the folder.
    pub failed: PathBuf,
}

/// `format`: what files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `json`: an array of records, or one record.
    Json,
    /// `ndjson`: a record a line.
    Ndjson,
    /// `csv`.
    Csv,
    /// `xlsx`.
    Xlsx,
}

/// `encoding`: how text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// `utf-8`, with or without a mark.
    #[default]
    Utf8,
    /// `gbk`, as Chinese spreadsheets save it.
    Gbk,
    /// `gb18030`, which has every character.
    Gb18030,
}

/// `header`: where columns have their names from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Header {
    /// `true`: the first row.
    #[default]
    FirstRow,
    /// `false`: there is none; columns are `1`, `2`, ….
    Numbers,
    /// `[…]`: these, and the first row is a record.
    Names(Vec<String>),
}

/// `from = { database = { … } }`: what a query gives.
#[derive(Debug, Clone)]
pub struct DatabaseSource {
    /// `url`: `postgres://…` or `mysql://…`, with user and password.
    pub url: Secret,
    /// `query`: one statement that reads; `$1` or `?` is the cursor.
    pub query: String,
    /// `cursor`: the column whose last value a next query goes on after.
    pub cursor: Option<String>,
    /// `start`: the first one, as JSON text.
    pub start: Option<String>,
}

/// `from = { webhook = { … } }`: what is posted to `/v1/{tenant}/flows/{flow}`.
#[derive(Debug, Clone)]
pub struct WebhookSource {
    /// `hmac` or `token`: what shows who posts.
    pub check: Check,
    /// `records`: where in the body its records are, as a pointer; the body's own
    /// array, or object, where nothing was typed.
    pub records: Option<String>,
    /// `key`: where in a record its key is, as a pointer: one with the key of
    /// another is taken once.
    pub key: Option<String>,
}

/// What shows who posts.
#[derive(Debug, Clone)]
pub enum Check {
    /// Neither was typed: one of the tenant's own tokens.
    Tenant,
    /// `hmac = { secret, header, encoding, prefix }`: HMAC-SHA256 of the body in a
    /// header.
    Hmac {
        /// The key.
        secret: Secret,
        /// The header's name, in lower case.
        header: String,
        /// `encoding`: `hex`, the default, or `base64`.
        encoding: Digits,
        /// `prefix` of the header's value, as `sha256=`; empty by default.
        prefix: String,
    },
    /// `token = { secret, header }`: a text in a header.
    Token {
        /// The text.
        secret: Secret,
        /// The header's name, in lower case; default `authorization`, where the
        /// text comes after `Bearer `.
        header: String,
    },
}

/// How a signature's bytes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Digits {
    /// Two digits a byte, in either case.
    #[default]
    Hex,
    /// RFC 4648, with padding.
    Base64,
}
