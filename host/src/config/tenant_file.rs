//! Reads one tenant's folder: `tenant.toml` and every file it names.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::connection::ConnectionReader;
use super::disk::Disk;
use super::flow::{check_circles, read_flows};
use super::host_file::{MAX_FILE, not_utf8, token_hashes};
use super::mistakes::Report;
use super::notify::read_notify;
use super::reader::{Section, parse, shown};
use super::{ConnectionConfig, TenantConfig};
use crate::problem::Problem;
use crate::text::without_mark;

/// The file every tenant's folder has.
pub(super) const TENANT_FILE: &str = "tenant.toml";

/// Most tenants' folders that are looked at.
const MAX_TENANTS: usize = 100_000;

/// Paths below `/v1/` that are not tenants.
const RESERVED_TENANTS: [&str; 3] = ["deliveries", "plugins", "tenants"];

/// Paths below `/v1/{tenant}/` that are not connections.
const RESERVED: [&str; 3] = ["deliveries", "flows", "scripts"];

/// What an environment variable holds.
pub(super) type Environment<'e> = &'e dyn Fn(&str) -> Option<OsString>;

/// One tenant's folder as it is on disk now, right or wrong.
#[derive(Debug, Clone)]
pub struct TenantFile {
    /// The folder's name; with `�` in place of what is not UTF-8.
    pub name: String,
    /// The tenant's own file.
    pub file: PathBuf,
    /// Every file that was read or would have to exist: the tenant's own file,
    /// scripts, secret files and CA files. A change of one of them is a change
    /// of this tenant.
    pub files: Vec<PathBuf>,
    /// Tells whether anything that was read has changed since another call in
    /// this process. Secret files enter it under a key of the process, so that
    /// it can be shown to anybody; two processes get different fingerprints
    /// for a tenant that has secret files.
    pub fingerprint: [u8; 32],
    /// A file that is there and cannot be read now (its permissions, a mount, a
    /// shortage of descriptors), and why: nothing is known of the tenant's
    /// newest files then.
    pub unreadable: Option<String>,
    /// The values that could be read, with everything that is wrong with them, or
    /// that alone if there are none.
    pub result: Result<TenantConfig, Vec<Problem>>,
}

impl TenantFile {
    /// The values, if nothing is wrong with any of them.
    ///
    /// # Errors
    /// Everything that is.
    pub fn checked(self) -> Result<TenantConfig, Vec<Problem>> {
        let mut config = self.result?;
        config.keep_tables(None);
        match std::mem::take(&mut config.faults) {
            faults if faults.is_empty() => Ok(config),
            faults => Err(faults),
        }
    }
}

/// The tenants' folders below `dir`, in order of their names. Folders whose
/// name starts with a dot are left out: `.git`, and the folders that Kubernetes
/// keeps its versions in.
///
/// # Errors
///
/// What the file system says about `dir`.
pub fn tenant_dirs(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut dirs = Vec::new();
    for entry in std::fs::read_dir(dir)?.take(MAX_TENANTS) {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        // Most systems say what it is without being asked again. What one of
        // them is, is not a reason to know nothing of the others.
        let is_dir = entry.file_type().map_or(true, |kind| {
            kind.is_dir() || (kind.is_symlink() && entry.path().is_dir())
        });
        if is_dir {
            dirs.push(entry.path());
        }
    }
    dirs.sort();
    Ok(dirs)
}

/// Reads the tenant whose folder is `dir`. Nothing is sent, nothing is
/// compiled; what only the adapters can tell is checked later.
pub fn load_tenant(dir: &Path) -> TenantFile {
    load_tenant_with(dir, &|name| std::env::var_os(name))
}

/// The same with another environment.
pub(super) fn load_tenant_with(dir: &Path, environment: Environment) -> TenantFile {
    let name = dir.file_name().map_or_else(
        || dir.to_string_lossy().into_owned(),
        |name| name.to_string_lossy().into_owned(),
    );
    let file = dir.join(TENANT_FILE);
    let mut disk = Disk::default();
    // Declared first, because the report points into it.
    let bytes = disk.read(&file, &file, MAX_FILE);
    let mut report = Report::new(&file);
    if RESERVED_TENANTS.contains(&name.as_str()) {
        report.about_file(
            "config-bad-name",
            format!(
                "The folder `{name}` cannot name a tenant: `/v1/{name}` is the host's own path; \
                 choose another name."
            ),
        );
    }
    if !is_name(&name) {
        report.about_file(
            "config-bad-name",
            format!(
                "The folder `{}` cannot name a tenant: {NAME_RULE}.",
                shown(&name)
            ),
        );
    }
    let mut config = TenantConfig {
        name: name.as_str().into(),
        file: file.clone(),
        tokens: Vec::new(),
        require_tests: false,
        recording: true,
        notify: None,
        connections: BTreeMap::new(),
        flows: BTreeMap::new(),
        faults: Vec::new(),
    };
    match &bytes {
        Ok(bytes) => match std::str::from_utf8(without_mark(bytes)) {
            // An editor that truncates before it writes leaves this behind for
            // a moment; taking it for "no connections" would cut the tenant off.
            Ok(text) if text.trim().is_empty() => {
                let detail = format!("{} is empty; name at least a connection.", file.display());
                report.about_file("config-empty", detail);
            }
            Ok(text) => {
                let table = parse(text, &mut report);
                let top = Section::top(&table);
                let mut reader = ConnectionReader::new(dir, &mut disk, environment);
                read_top(top, &mut config, &mut reader, &mut report);
            }
            Err(error) => not_utf8(&file, bytes, &error, &mut report),
        },
        Err(error) => {
            let detail = format!("{} {error}.", file.display());
            report.about_file(error.code(), detail);
        }
    }
    let record = disk.finish();
    let result = match report.finish() {
        // It does not serve, but the adapters can say at once what else stands
        // against it.
        Err(problems) if !config.connections.is_empty() => {
            config.faults = problems;
            Ok(config)
        }
        Err(problems) => Err(problems),
        Ok(()) => Ok(config),
    };
    TenantFile {
        name,
        file,
        files: record.files,
        fingerprint: record.fingerprint,
        unreadable: record.unreadable,
        result,
    }
}

fn read_top(
    mut top: Section,
    config: &mut TenantConfig,
    reader: &mut ConnectionReader,
    report: &mut Report,
) {
    config.tokens = token_hashes(&mut top, "tokens", report);
    config.require_tests = top.boolean(report, "require_tests").unwrap_or(false);
    reader.require_tests = config.require_tests;
    config.recording = top.boolean(report, "recording").unwrap_or(true);
    if let Some(notify) = top.section(report, "notify") {
        config.notify = read_notify(notify, reader, report);
    }
    let mut names = BTreeSet::new();
    if let Some(connections) = top.section(report, "connections") {
        names.extend(connections.entries().map(|entry| entry.name));
        config.connections = read_connections(connections, reader, report);
    }
    if let Some(flows) = top.section(report, "flows") {
        config.flows = read_flows(flows, &names, reader, report);
        check_circles(config, reader.disk.files(), report);
    }
    top.finish(report);
}

fn read_connections(
    connections: Section,
    reader: &mut ConnectionReader,
    report: &mut Report,
) -> BTreeMap<String, ConnectionConfig> {
    let mut read = BTreeMap::new();
    for entry in connections.entries() {
        if RESERVED.contains(&entry.name) {
            let detail = format!(
                "`{}` is reserved and cannot name a connection; choose another name.",
                entry.name
            );
            report.at(&entry.name_span, "config-bad-name", detail);
        } else if !is_name(entry.name) {
            let detail = format!(
                "`{}` cannot name a connection: {NAME_RULE}.",
                shown(entry.name)
            );
            report.at(&entry.name_span, "config-bad-name", detail);
        }
        if let Some(section) = entry.table(report)
            && let Some(connection) = reader.read(entry.name, section, report)
        {
            read.insert(entry.name.to_owned(), connection);
        }
    }
    read
}

/// What may be a name. Names are part of URLs, log lines and file names.
pub(super) const NAME_RULE: &str =
    "a name is 1 to 63 lower-case letters, digits and dashes and does not start with a dash";

pub(super) fn is_name(name: &str) -> bool {
    name.len() <= 63
        && !name.is_empty()
        && !name.starts_with('-')
        && name
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

#[cfg(test)]
mod tests;
