//! Reads `[connections.NAME]` and the files it names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use toml::de::DeValue;
use url::Url;

use super::auth::read_auth;
use super::disk::Disk;
use super::mistakes::Report;
use super::reader::{Section, Typed};
use super::settings::{note_places, to_json};
use super::table::Table;
use super::tables::HeldTables;
use super::tenant_file::Environment;
use super::{ConnectionConfig, ConnectionLimits, ConnectionOutbox, MIB, Secret};
use crate::secrets::Sources;
use crate::text::without_mark;

/// Largest file of certificates: a system's whole store is a quarter of that.
pub(super) const MAX_CA_FILE: usize = MIB;

/// Largest secret; private keys have a few KiB.
pub(super) const MAX_SECRET: usize = 64 << 10;

/// Longest base URL and header name; nothing real comes near.
pub(super) const MAX_URL: usize = 2048;

/// Reads the connections of one tenant.
pub(super) struct ConnectionReader<'r, 'e> {
    pub(super) dir: &'r Path,
    /// The folder with every link resolved; scripts have to be inside.
    pub(super) real_dir: Option<PathBuf>,
    pub(super) disk: &'r mut Disk,
    /// Scripts need tests beside them: `require_tests` at the top of the file.
    pub(super) require_tests: bool,
    pub(super) environment: Environment<'e>,
    pub(super) sources: &'r Sources,
    /// The tables of the connections so far.
    pub(super) held: HeldTables,
    /// Those tables by their paths: a file that many connections name is read once.
    pub(super) tables_read: BTreeMap<PathBuf, Arc<Table>>,
}

impl<'r, 'e> ConnectionReader<'r, 'e> {
    /// For the tenant whose folder is `dir`.
    pub fn new(
        dir: &'r Path,
        disk: &'r mut Disk,
        environment: Environment<'e>,
        sources: &'r Sources,
    ) -> Self {
        Self {
            dir,
            real_dir: dir.canonicalize().ok(),
            disk,
            require_tests: false,
            environment,
            sources,
            held: HeldTables::default(),
            tables_read: BTreeMap::new(),
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
        let certificate = section.table().contains_key("client_certificate");
        let auth = auth.and_then(|auth| read_auth(auth, &declared, certificate, report));
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
        let network = self.network(&mut section, &declared, &secrets, report);
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
            network,
            send_traceparent,
            places,
        })
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::config::{ConnectionOutbox, load_tenant};
    use crate::secrets::Sources;

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
            load_tenant(&dir, &Sources::ignored()).checked()
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
}
