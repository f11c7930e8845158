//! Reads `from` of a flow.

use std::path::{Path, PathBuf};

use crossdock_sources::{
    Csv, DatabaseSource, DatabaseUrl, Encoding, FolderSource, Format, Header, Pattern, Reading,
};
use serde_json::Value;
use toml::de::DeValue;

use super::read::FlowReader;
use super::reading::{duration, meant, pointer};
use super::{CursorRule, FlowSource};
use crate::config::did_you_mean::{nearest, nearest_beside};
use crate::config::mistakes::Report;
use crate::config::reader::{Section, Typed, elements, listed, shown};
use crate::config::settings::to_json;
use crate::config::webhook::read_webhook;

/// The keys that say which kind of source it is, each with those that go with it.
const KINDS: [(&str, &[&str]); 4] = [
    (
        "connection",
        &["operation", "input", "records", "cursor", "inbound"],
    ),
    (
        "folder",
        &[
            "files",
            "format",
            "encoding",
            "separator",
            "quote",
            "header",
            "sheet",
            "records",
            "done",
            "failed",
            "settle",
        ],
    ),
    ("database", &[]),
    ("webhook", &[]),
];

/// Longest query.
const MOST_QUERY: usize = 64 << 10;

/// Most names of columns.
const MOST_COLUMNS: usize = 1_000;

impl FlowReader<'_, '_, '_> {
    pub(super) fn source(
        &mut self,
        mut section: Section,
        report: &mut Report,
    ) -> Option<FlowSource> {
        let typed: Vec<&'static str> = KINDS
            .iter()
            .map(|(kind, _)| *kind)
            .filter(|kind| section.table().contains_key(*kind))
            .collect();
        // What goes with another kind is known, and in the wrong place.
        let mut kept = true;
        for (kind, keys) in KINDS {
            for key in keys {
                let mut fitting = KINDS.iter().filter(|(_, keys)| keys.contains(key));
                let fits = fitting.any(|(kind, _)| typed.contains(kind));
                if let Some(value) = section.any(key)
                    && !typed.is_empty()
                    && !fits
                {
                    let detail = format!(
                        "goes with `{kind}`, and this source has {}.",
                        listed(typed.iter().copied())
                    );
                    value.refuse(report, "config-bad-value", detail);
                    kept = false;
                }
            }
            section.any(kind);
        }
        let source = match typed[..] {
            ["connection"] => self.connection_source(&mut section, report),
            ["folder"] => self
                .folder_source(&mut section, report)
                .map(FlowSource::Folder),
            ["database"] => {
                let database = section.section(report, "database");
                let database = database.and_then(|database| self.database(database, report));
                database.map(FlowSource::Database)
            }
            ["webhook"] => {
                let webhook = section.section(report, "webhook");
                let webhook = webhook.and_then(|webhook| read_webhook(webhook, self.files, report));
                webhook.map(FlowSource::Webhook)
            }
            [] => {
                section.refuse(
                    report,
                    "config-missing",
                    "says nothing of where records come from: name a `connection`, a `folder`, a `database` or a `webhook`.",
                );
                None
            }
            _ => {
                let detail = format!(
                    "has {}, and a flow has one source; keep one of them.",
                    listed(typed.iter().copied())
                );
                section.refuse(report, "config-bad-value", detail);
                None
            }
        };
        section.finish(report);
        source.filter(|_| kept)
    }

    fn connection_source(
        &mut self,
        section: &mut Section,
        report: &mut Report,
    ) -> Option<FlowSource> {
        let inbound = section.boolean(report, "inbound");
        if inbound == Some(true) {
            for other in ["operation", "input", "records", "cursor"] {
                if let Some(typed) = section.any(other) {
                    let detail = "does not go with `inbound`: what the platform pushes is split by the adapter. Keep one of them.";
                    typed.refuse(report, "config-bad-value", detail);
                }
            }
            let connection = section.text(report, "connection")?;
            let connection = self.connection(&connection, report)?;
            return Some(FlowSource::Inbound { connection });
        }
        let call = self.call(section, report);
        let mut input = Some(Value::Object(serde_json::Map::new()));
        if let Some(typed) = section.any("input") {
            input = match typed.value {
                DeValue::Table(_) => to_json(&typed, report),
                _ => {
                    typed.wrong_type(report, "a table");
                    None
                }
            };
        }
        let records = pointer(section, "records", report);
        let cursor = section.section(report, "cursor");
        let cursor = cursor.and_then(|cursor| read_cursor(cursor, input.as_ref(), report));
        let (connection, operation) = call?;
        Some(FlowSource::Operation {
            connection,
            operation,
            input: input?.to_string(),
            records,
            cursor,
        })
    }

    fn folder_source(
        &mut self,
        section: &mut Section,
        report: &mut Report,
    ) -> Option<FolderSource> {
        let typed = section.text(report, "folder");
        let folder = typed.as_ref().and_then(|typed| self.folder(typed, report));
        let files = section.text(report, "files").and_then(|typed| {
            let pattern = Pattern::parse(typed.value);
            pattern
                .map_err(|why| {
                    typed.refuse(report, "config-bad-value", format!("is wrong: {why}."))
                })
                .ok()
        });
        let format = section.text(report, "format").and_then(|typed| {
            let format = Format::named(typed.value);
            if format.is_none() {
                let known: Vec<&str> = Format::names().collect();
                let detail = format!(
                    "cannot be `{}`: {}",
                    shown(typed.value),
                    meant(typed.value, known)
                );
                typed.refuse(report, "config-bad-value", detail);
            }
            format
        });
        let encoding = section.text(report, "encoding").and_then(|typed| {
            let encoding = Encoding::named(typed.value);
            if encoding.is_none() {
                let meant = nearest(typed.value, Encoding::names()).map_or_else(
                    || "\"gbk\", \"gb18030\" and \"utf-8\" are.".to_owned(),
                    |name| format!("did you mean `{name}`?"),
                );
                let detail = format!(
                    "is `{}`, which is no encoding that is known; {meant}",
                    shown(typed.value)
                );
                typed.refuse(report, "config-bad-value", detail);
            }
            encoding
        });
        let csv = csv(section, report);
        let header = header(section, report);
        let sheet = section
            .text(report, "sheet")
            .map(|typed| typed.value.to_owned());
        let records = pointer(section, "records", report);
        for (key, of, fits) in [
            (
                "records",
                "JSON",
                format.is_none_or(|it| it == Format::Json),
            ),
            (
                "separator",
                "CSV",
                format.is_none_or(|it| it == Format::Csv),
            ),
            ("quote", "CSV", format.is_none_or(|it| it == Format::Csv)),
            ("sheet", "XLSX", format.is_none_or(|it| it == Format::Xlsx)),
            (
                "header",
                "CSV and XLSX",
                format.is_none_or(|it| matches!(it, Format::Csv | Format::Xlsx)),
            ),
            ("encoding", "text", format != Some(Format::Xlsx)),
        ] {
            if let Some(typed) = section.any(key)
                && !fits
            {
                let detail = format!("is for {of} files, and `format` says that these are others.");
                typed.refuse(report, "config-bad-value", detail);
            }
        }
        let settle = duration(section, "settle", ("1s", "1h"), report);
        let done = self.moved(section, "done", folder.as_deref(), report);
        let failed = self.moved(section, "failed", folder.as_deref(), report);
        Some(FolderSource {
            folder: folder?,
            files,
            reading: Reading {
                format,
                encoding: encoding.unwrap_or_default(),
                csv,
                header: header.unwrap_or_default(),
                sheet,
                records,
            },
            done: done?,
            failed: failed?,
            settle: settle.unwrap_or(FolderSource::SETTLE),
        })
    }

    /// A folder that can be read now.
    fn folder(&mut self, typed: &Typed<&str>, report: &mut Report) -> Option<PathBuf> {
        let path = self.place(typed, report)?;
        let error = match std::fs::read_dir(&path) {
            Ok(_) => return Some(path),
            Err(error) => error,
        };
        let why = crate::file_failure::sentence(&error);
        // Once it is away, a folder may be made in its place.
        let is_file = path.is_file();
        let (code, why) = if self.files.disk.note_unresolved(&path, error) && !is_file {
            let why = match nearest_beside(typed.value, &path, true) {
                Some(meant) => {
                    format!("which does not exist; did you mean `{meant}`? If not, make it")
                }
                None => "which does not exist; make it".to_owned(),
            };
            ("config-file-missing", why)
        } else if is_file {
            ("config-unreadable", "which is a file".to_owned())
        } else {
            ("config-unreadable", format!("which cannot be read: {why}"))
        };
        let detail = format!("names the folder {}, {why}.", path.display());
        typed.refuse(report, code, detail);
        None
    }

    /// Where files are moved to; it need not be there yet.
    fn moved(
        &mut self,
        section: &mut Section,
        name: &'static str,
        folder: Option<&Path>,
        report: &mut Report,
    ) -> Option<PathBuf> {
        let Some(typed) = section.text(report, name) else {
            return folder.map(|folder| folder.join(name));
        };
        let path = self.place(&typed, report)?;
        if folder.is_some_and(|folder| super::circles::real(folder) == super::circles::real(&path))
        {
            let detail = "is the folder itself: its files would be read for ever.";
            typed.refuse(report, "config-bad-value", detail);
            return None;
        }
        Some(path)
    }

    /// A place that is the operator's to name, and no other tenant's.
    fn place(&mut self, typed: &Typed<&str>, report: &mut Report) -> Option<PathBuf> {
        let path = self.files.inside_or_absolute(typed, report)?;
        if self.is_anothers(&path) {
            let detail = "is in the folder of another tenant.";
            typed.refuse(report, "config-bad-value", detail);
            return None;
        }
        Some(path)
    }

    fn database(&mut self, mut section: Section, report: &mut Report) -> Option<DatabaseSource> {
        let url = self.database_url(&mut section, report);
        let advice = "write the query, as in query = \"select id, sku, quantity from stock\".";
        let query = section.required(report, "query", advice);
        let query = query.filter(|typed| {
            let first = typed
                .value
                .split_ascii_whitespace()
                .next()
                .unwrap_or_default();
            let reads = ["select", "with", "(select"]
                .iter()
                .any(|word| first.eq_ignore_ascii_case(word));
            if !reads {
                let detail = "must be a query that reads, which begins with SELECT or WITH.";
                typed.refuse(report, "config-bad-value", detail);
            } else if typed.value.len() > MOST_QUERY {
                let detail = format!("has more than {} KiB.", MOST_QUERY >> 10);
                typed.refuse(report, "config-out-of-range", detail);
            }
            reads
        });
        let advice = "name the column that grows with each new row, as in cursor = \"id\".";
        let cursor = section.required(report, "cursor", advice);
        let start = section.any("start").and_then(|typed| match typed.value {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Integer(_) | DeValue::Datetime(_) => {
                to_json(&typed, report).map(|value| match value {
                    Value::String(text) => text,
                    value => value.to_string(),
                })
            }
            _ => {
                typed.wrong_type(report, "a text, a whole number or a time");
                None
            }
        });
        let from_start = section.boolean(report, "from_start").unwrap_or(false);
        let allow_private = section.boolean(report, "allow_private").unwrap_or(false);
        let timeout = duration(&mut section, "timeout", ("1s", "1h"), report);
        section.finish(report);
        Some(DatabaseSource {
            url: url?,
            query: query?.value.to_owned(),
            cursor: cursor?.value.to_owned(),
            start,
            from_start,
            allow_private,
            timeout: timeout.unwrap_or(DatabaseSource::TIMEOUT),
        })
    }

    fn database_url(&mut self, section: &mut Section, report: &mut Report) -> Option<DatabaseUrl> {
        let Some(typed) = section.any("url") else {
            let advice = "name the secret that says where the database is, as in url = { env = \"ERP_DATABASE\" }.";
            section.missing(report, "url", advice);
            return None;
        };
        let entry = section.entries().find(|entry| entry.name == "url")?;
        let secret = self.files.secret(&entry, report)?;
        match DatabaseUrl::parse(secret.expose()) {
            Ok(url) => Some(url),
            Err(why) => {
                typed.refuse(
                    report,
                    "config-bad-value",
                    format!("names a text that cannot be used: {why}."),
                );
                None
            }
        }
    }
}

fn read_cursor(
    mut section: Section,
    input: Option<&Value>,
    report: &mut Report,
) -> Option<CursorRule> {
    for (key, advice) in [
        (
            "from",
            "say where in the result the cursor is, as in from = \"/position\".",
        ),
        (
            "to",
            "say where in the input it goes, as in to = \"/position\".",
        ),
    ] {
        if !section.table().contains_key(key) {
            section.missing(report, key, advice);
        }
    }
    let from = pointer(&mut section, "from", report);
    let to = pointer(&mut section, "to", report);
    let start = section.any("start");
    let start = start.map(|typed| to_json(&typed, report));
    let place = section.any("to");
    section.finish(report);
    let start = match start {
        Some(start) => Some(start?.to_string()),
        None => None,
    };
    let rule = CursorRule {
        from: from?,
        to: to?,
        start,
    };
    if let Some(input) = input
        && !rule.put(&mut input.clone(), Value::Null)
        && let Some(place) = place
    {
        let detail =
            "leads to a place that `input` does not have; write the table around it into `input`.";
        place.refuse(report, "config-bad-value", detail);
        return None;
    }
    Some(rule)
}

/// `separator` and `quote`.
fn csv(section: &mut Section, report: &mut Report) -> Csv {
    let mut csv = Csv::default();
    if let Some(typed) = section.string(report, "separator") {
        match typed.value.as_bytes() {
            [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r' | b'"') => {
                csv.separator = *byte
            }
            _ => {
                let detail = "must be one ASCII character, as \";\" or \"\\t\".";
                typed.refuse(report, "config-bad-value", detail);
            }
        }
    }
    if let Some(typed) = section.string(report, "quote") {
        match typed.value.as_bytes() {
            [] => csv.quote = None,
            [byte] if byte.is_ascii_punctuation() && *byte != csv.separator => {
                csv.quote = Some(*byte)
            }
            _ => {
                let detail = "must be one ASCII character other than the separator, or empty where nothing is quoted.";
                typed.refuse(report, "config-bad-value", detail);
            }
        }
    }
    csv
}

fn header(section: &mut Section, report: &mut Report) -> Option<Header> {
    let typed = section.any("header")?;
    match typed.value {
        DeValue::Boolean(true) => Some(Header::FirstRow),
        DeValue::Boolean(false) => Some(Header::Numbers),
        DeValue::Array(array) => {
            let names = elements(&typed.key, array).take(MOST_COLUMNS + 1);
            let names: Vec<String> = names
                .filter_map(|name| Some(name.string(report)?.value.to_owned()))
                .collect();
            let mut sorted = names.clone();
            sorted.sort();
            sorted.dedup();
            if names.is_empty()
                || names.len() > MOST_COLUMNS
                || sorted.len() != names.len()
                || names.iter().any(String::is_empty)
            {
                let detail = format!(
                    "must have 1 to {MOST_COLUMNS} names of columns, all different and none empty."
                );
                typed.refuse(report, "config-bad-value", detail);
                return None;
            }
            Some(Header::Names(names))
        }
        _ => {
            typed.wrong_type(report, "true, false or the names of the columns");
            None
        }
    }
}
