//! Reads `[connections.NAME]` and the files it names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use toml::de::DeValue;
use url::Url;
use zeroize::Zeroizing;

use super::auth::read_auth;
use super::disk::Disk;
use super::mistakes::Report;
use super::reader::{Entry, Section, Typed, shown};
use super::settings::{note_places, to_json};
use super::tenant_file::Environment;
use super::{ConnectionConfig, ConnectionLimits, ConnectionOutbox, MIB, Secret};
use crate::text::without_mark;

/// Largest file of certificates: a system's whole store is a quarter of that.
const MAX_CA_FILE: usize = MIB;

/// Largest secret; private keys have a few KiB.
const MAX_SECRET: usize = 64 << 10;

/// Shortest secret. A shorter text also occurs by accident, so that removing it
/// from logs and errors would garble them, or give it away.
const MIN_SECRET: usize = 4;

/// Longest base URL and header name; nothing real comes near.
const MAX_URL: usize = 2048;

/// Reads the connections of one tenant.
pub(super) struct ConnectionReader<'r, 'e> {
    pub(super) dir: &'r Path,
    /// The folder with every link resolved; scripts have to be inside.
    pub(super) real_dir: Option<PathBuf>,
    pub(super) disk: &'r mut Disk,
    /// Scripts need tests beside them: `require_tests` at the top of the file.
    pub(super) require_tests: bool,
    environment: Environment<'e>,
}

impl<'r, 'e> ConnectionReader<'r, 'e> {
    /// For the tenant whose folder is `dir`.
    pub fn new(dir: &'r Path, disk: &'r mut Disk, environment: Environment<'e>) -> Self {
        Self {
            dir,
            real_dir: dir.canonicalize().ok(),
            disk,
            require_tests: false,
            environment,
        }
    }

    /// The tenant's own file.
    pub(super) fn tenant_file(&self) -> PathBuf {
        self.dir.join(super::tenant_file::TENANT_FILE)
    }

    /// The connection, as far as it can be read, or nothing when it names no
    /// adapter. What is wrong with it is reported.
    pub fn read(
        &mut self,
        name: &str,
        mut section: Section,
        report: &mut Report,
    ) -> Option<ConnectionConfig> {
        let mut places = BTreeMap::from([(String::new(), report.position(section.span().start))]);
        note_places(section.table(), "", report, &mut places);

        let adapter = section.required(
            report,
            "adapter",
            "name the platform's adapter, as in adapter = \"lingzhi\".",
        );
        let base_url = section.required(
            report,
            "base_url",
            "say where requests go, as in base_url = \"https://api.example.com\".",
        );
        let base_url = base_url.and_then(|typed| parse_base_url(&typed, report));
        let settings = match section.any("settings") {
            Some(typed) => settings(&typed, report),
            None => serde_json::Value::Object(serde_json::Map::new()),
        };
        let mut declared = BTreeSet::new();
        let mut secrets = BTreeMap::new();
        if let Some(table) = section.section(report, "secrets") {
            for entry in table.entries() {
                declared.insert(entry.name);
                // One that cannot be read is there all the same for the checks
                // that follow; a file with a problem never serves.
                let secret = self.secret(&entry, report);
                let secret = secret.unwrap_or_else(|| Secret::new(String::new()));
                secrets.insert(entry.name.to_owned(), secret);
            }
        }
        let auth = section.section(report, "auth");
        let auth = auth.and_then(|auth| read_auth(auth, &declared, report));
        let mappings = self.scripts(&mut section, "mappings", report);
        let replies = self.scripts(&mut section, "replies", report);
        let (tables, bad_tables) = self.tables(&mut section, report);
        let limits = section.section(report, "limits");
        let limits = limits
            .map(|limits| ConnectionLimits::read(limits, report))
            .unwrap_or_default();
        let mut queue_by_default = false;
        let outbox = section.section(report, "outbox").map(|mut outbox| {
            queue_by_default = outbox.boolean(report, "default").unwrap_or(false);
            ConnectionOutbox::read(outbox, report)
        });
        let ca_file = section.text(report, "ca_file");
        let extra_roots = ca_file.and_then(|typed| self.ca_file(&typed, report));
        let allow_private = section.boolean(report, "allow_private").unwrap_or(false);
        let send_traceparent = section.boolean(report, "send_traceparent");
        let send_traceparent = send_traceparent.unwrap_or(false);
        section.finish(report);

        Some(ConnectionConfig {
            name: name.into(),
            adapter: adapter?.value.to_owned(),
            // The same: without one, the file has a problem.
            base_url: match base_url {
                Some(base_url) => base_url,
                None => Url::parse("https://base-url.invalid").ok()?,
            },
            settings,
            secrets,
            auth,
            mappings,
            replies,
            tables,
            bad_tables,
            limits,
            queue_by_default,
            outbox: outbox.unwrap_or_default(),
            extra_roots,
            allow_private,
            send_traceparent,
            places,
        })
    }

    pub(super) fn secret(&mut self, entry: &Entry, report: &mut Report) -> Option<Secret> {
        const FORMS: &str = "must be { env = \"VARIABLE\" } or { file = \"path\" }; \
                             a secret's text does not belong in this file.";
        if !is_secret_name(entry.name) {
            let detail = format!(
                "`{}` cannot name a secret: a name is 1 to 63 letters, digits, dots, dashes and underscores.",
                shown(entry.name)
            );
            report.at(&entry.name_span, "config-bad-name", detail);
        }
        if !matches!(entry.value.value, DeValue::Table(_)) {
            entry.value.refuse(report, "config-wrong-type", FORMS);
            return None;
        }
        let mut section = entry.table(report)?;
        let variable = section.text(report, "env");
        let file = section.text(report, "file");
        let typed = section.table().len();
        section.finish(report);
        match (variable, file) {
            (Some(variable), None) => self.secret_in_environment(&variable, report),
            (None, Some(file)) => self.secret_in_file(&file, report),
            (Some(_), Some(_)) => {
                let detail = "has both `env` and `file`; keep one of them.";
                entry.value.refuse(report, "config-bad-value", detail);
                None
            }
            (None, None) => {
                if typed == 0 {
                    entry.value.refuse(report, "config-missing", FORMS);
                }
                None
            }
        }
    }

    fn secret_in_environment(&self, typed: &Typed<&str>, report: &mut Report) -> Option<Secret> {
        let name = typed.value;
        // Not repeated when it is no name: it may be the secret itself.
        if !is_variable_name(name) {
            let detail = "must be the name of an environment variable \
                          (letters, digits and underscores), not its value.";
            typed.refuse(report, "config-bad-value", detail);
            return None;
        }
        let Some(value) = (self.environment)(name) else {
            let detail = format!("names the environment variable {name}, which is not set.");
            typed.refuse(report, "config-secret-missing", detail);
            return None;
        };
        let bytes = Zeroizing::new(value.into_encoded_bytes());
        checked_secret(
            typed,
            &bytes,
            &format!("the environment variable {name}"),
            report,
        )
    }

    fn secret_in_file(&mut self, typed: &Typed<&str>, report: &mut Report) -> Option<Secret> {
        let path = self.inside_or_absolute(typed, report)?;
        match self.disk.read_secret(&path, MAX_SECRET) {
            Ok(bytes) => {
                let text = without_line_breaks(&bytes);
                checked_secret(typed, text, &format!("the file {}", path.display()), report)
            }
            Err(error) => {
                let detail = format!("names the file {}, which {error}.", path.display());
                typed.refuse(report, "config-secret-missing", detail);
                None
            }
        }
    }

    pub(super) fn ca_file(
        &mut self,
        typed: &Typed<&str>,
        report: &mut Report,
    ) -> Option<Arc<[u8]>> {
        let path = self.inside_or_absolute(typed, report)?;
        let bytes = match self.disk.read(&path, &path, MAX_CA_FILE) {
            Ok(bytes) => bytes,
            Err(error) => {
                let detail = format!("names the file {}, which {error}.", path.display());
                typed.refuse(report, error.code(), detail);
                return None;
            }
        };
        const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
        if !bytes.windows(BEGIN.len()).any(|window| window == BEGIN) {
            let detail = format!(
                "names the file {}, which has no certificate in PEM form.",
                path.display()
            );
            typed.refuse(report, "config-bad-value", detail);
            return None;
        }
        // With a mark in front the first certificate would be overlooked.
        Some(without_mark(&bytes).into())
    }

    /// The operator may point anywhere with an absolute path (`/run/secrets`).
    /// A relative one that climbs out of the folder is a slip, or an attempt to
    /// read another tenant's files.
    pub(super) fn inside_or_absolute(
        &self,
        typed: &Typed<&str>,
        report: &mut Report,
    ) -> Option<PathBuf> {
        let path = Path::new(typed.value);
        if path.is_relative() && !stays_inside(path) {
            let detail = "must not leave the tenant's folder with `..`; \
                          write an absolute path for a file elsewhere.";
            typed.refuse(report, "config-bad-value", detail);
            return None;
        }
        Some(self.dir.join(path))
    }
}

/// The text, if it can be a secret. `origin` says where it comes from.
fn checked_secret(
    typed: &Typed<&str>,
    bytes: &[u8],
    origin: &str,
    report: &mut Report,
) -> Option<Secret> {
    let bytes = without_mark(bytes);
    let mut refuse = |what: String| {
        typed.refuse(
            report,
            "config-secret-missing",
            format!("names {origin}, {what}."),
        );
        None
    };
    match bytes.len() {
        0 => return refuse("which is empty".into()),
        length if length < MIN_SECRET => {
            return refuse(format!(
                "which holds fewer than {MIN_SECRET} bytes: too short to be removed safely from logs and errors"
            ));
        }
        length if length > MAX_SECRET => {
            return refuse(format!("which holds more than {} KiB", MAX_SECRET >> 10));
        }
        _ => {}
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            if text.trim() != text {
                tracing::warn!(
                    secret = typed.key,
                    "{origin} has white space around the secret, which is taken as a part of it; remove it unless it is meant"
                );
            }
            Some(Secret::new(text.to_owned()))
        }
        Err(_) => refuse("which is not UTF-8 text".into()),
    }
}

/// Without the line breaks at its end, which editors and `echo` put there. No
/// header or form could carry them.
fn without_line_breaks(mut bytes: &[u8]) -> &[u8] {
    while let [kept @ .., b'\r' | b'\n'] = bytes {
        bytes = kept;
    }
    bytes
}

fn settings(typed: &Typed<&DeValue>, report: &mut Report) -> serde_json::Value {
    if !matches!(typed.value, DeValue::Table(_)) {
        typed.wrong_type(report, "a table");
        return serde_json::Value::Null;
    }
    to_json(typed, report).unwrap_or_default()
}

fn parse_base_url(typed: &Typed<&str>, report: &mut Report) -> Option<Url> {
    let url = parse_url(typed, "use `auth` with a secret instead", report)?;
    if url.query().is_some() {
        let detail = "must not contain a query (`?`) or a fragment (`#`).";
        typed.refuse(report, "config-bad-value", detail);
        return None;
    }
    Some(url)
}

/// The URL. It is not repeated in messages: somebody may have put a password
/// into it, `instead` of which something else is to be done.
pub(super) fn parse_url(typed: &Typed<&str>, instead: &str, report: &mut Report) -> Option<Url> {
    let text = typed.value;
    let mut refuse = |what: &str| {
        typed.refuse(report, "config-bad-value", what);
        None
    };
    // The URL standard strips or repairs these; a typed URL should not need it.
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '\\';
    if text.len() > MAX_URL || text.contains(odd) {
        return refuse("must be a URL of at most 2048 characters without spaces and backslashes.");
    }
    let Ok(url) = Url::parse(text) else {
        return refuse("is not a URL; write one as in \"https://api.example.com\".");
    };
    // `https:host` and `https:///host` are repaired by the URL standard too.
    let rest = text.split_once("://").map(|(_, rest)| rest);
    if !matches!(url.scheme(), "http" | "https") || rest.is_none() {
        return refuse("must start with https:// or http://.");
    }
    if url.host_str().is_none_or(str::is_empty) || rest.is_some_and(|rest| rest.starts_with('/')) {
        return refuse("must name a host, as in \"https://api.example.com\".");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse(&format!("must not contain a user or password; {instead}."));
    }
    if url.fragment().is_some() {
        return refuse("must not contain a fragment (`#`).");
    }
    Some(url)
}

/// Whether a relative path does not leave the folder it is relative to.
pub(super) fn stays_inside(path: &Path) -> bool {
    path.components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

fn is_secret_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (1..=63).contains(&name.len()) && name.bytes().all(allowed)
}

fn is_variable_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=128).contains(&name.len())
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::without_line_breaks;
    use crate::config::{ConnectionOutbox, load_tenant};

    #[test]
    fn the_outbox_of_a_connection_is_read_and_bounded() {
        let tenants = tempfile::tempdir().unwrap();
        let dir = tenants.path().join("acme");
        std::fs::create_dir(&dir).unwrap();
        let load = |outbox: &str| {
            let text = format!(
                "[connections.shop]\nadapter = \"a\"\nbase_url = \"https://a.example\"\n{outbox}"
            );
            std::fs::write(dir.join("tenant.toml"), text).unwrap();
            load_tenant(&dir).checked()
        };
        let config = load("").unwrap();
        let shop = &config.connections["shop"];
        assert_eq!(shop.outbox, ConnectionOutbox::default());
        assert!(!shop.queue_by_default);
        let config = load(
            "outbox = { default = true, gather_ms = 0, first_pause_ms = 7, longest_pause_ms = 9, \
             give_up_hours = 5, breaker_requests = 0, breaker_percent = 3, breaker_pause_ms = 100 }",
        );
        let config = config.unwrap();
        let shop = &config.connections["shop"];
        assert!(shop.queue_by_default);
        let expected = ConnectionOutbox {
            gather: Duration::ZERO,
            first_pause: Duration::from_millis(7),
            longest_pause: Duration::from_millis(9),
            give_up: Some(Duration::from_secs(5 * 3600)),
            breaker_requests: 0,
            breaker_percent: 3,
            breaker_pause: Duration::from_millis(100),
        };
        assert_eq!(shop.outbox, expected);
        let problems =
            load("outbox = { default = 1, gather_ms = 10001, give_up_hours = 0, breaker = 3 }");
        let codes: Vec<String> = problems
            .unwrap_err()
            .iter()
            .map(|problem| problem.code.to_string())
            .collect();
        assert_eq!(
            codes,
            [
                "config-wrong-type",
                "config-out-of-range",
                "config-out-of-range",
                "config-unknown-key"
            ]
        );
    }

    #[test]
    fn line_breaks_at_the_end_of_a_file_are_no_part_of_a_secret() {
        for (text, secret) in [
            ("secret", "secret"),
            ("secret\n", "secret"),
            ("secret\r\n", "secret"),
            ("secret\n\n", "secret"),
            (" sec\nret \n", " sec\nret "),
            ("\n\n", ""),
        ] {
            assert_eq!(without_line_breaks(text.as_bytes()), secret.as_bytes());
        }
    }
}
