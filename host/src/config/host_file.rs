//! Reads `crossdock.toml`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeValue;

use super::disk::Disk;
use super::mistakes::Report;
use super::reader::{Section, Typed, elements, parse};
use super::token::TokenHash;
use super::{
    HostConfig, HostLimits, HostNetwork, MIB, OutboxConfig, RecordingConfig, RecordingKey,
    TelemetryConfig, TrustConfig, network_table, oauth2, telemetry_table, trust, vault_table,
};
use crate::problem::Problem;
use crate::secrets::SecretsConfig;
use crate::text::without_mark;

/// The file that is read when none is named.
const DEFAULT_FILE: &str = "crossdock.toml";

/// Largest `crossdock.toml` or `tenant.toml`: thousands of connections fit,
/// and a file put there by mistake does not fill the memory.
pub(super) const MAX_FILE: usize = MIB;

/// Reads the host's own file, or takes every default when no file is named and
/// there is no `crossdock.toml` in the working directory.
///
/// Relative folders are relative to the file's own folder.
///
/// # Errors
///
/// Everything that is wrong with the file, in the order of the file.
pub fn load_host(path: Option<&Path>) -> Result<HostConfig, Vec<Problem>> {
    let default_file = Path::new(DEFAULT_FILE);
    match path {
        Some(path) => read_file(path),
        None if default_file.exists() => read_file(default_file),
        None => Ok(defaults(Path::new(""))),
    }
}

fn defaults(folder: &Path) -> HostConfig {
    HostConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
        health_listen: None,
        public_url: None,
        admin_tokens: Vec::new(),
        plugins_dir: folder.join("plugins"),
        retire_missing: false,
        sources: true,
        trust: TrustConfig::default(),
        tenants_dir: folder.join("tenants"),
        data_dir: folder.join("data"),
        watch_poll: None,
        compile_program: None,
        recording: RecordingConfig::default(),
        telemetry: TelemetryConfig::default(),
        outbox: OutboxConfig::default(),
        network: HostNetwork::default(),
        secrets: SecretsConfig::default(),
        limits: HostLimits::default(),
    }
}

fn read_file(path: &Path) -> Result<HostConfig, Vec<Problem>> {
    // Declared first, because the report points into it.
    let bytes = Disk::default().read(path, path, MAX_FILE);
    let mut report = Report::new(path);
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut config = defaults(folder);
    match &bytes {
        Ok(bytes) => match std::str::from_utf8(without_mark(bytes)) {
            Ok(text) => {
                let table = parse(text, &mut report);
                read_top(Section::top(&table), folder, &mut config, &mut report);
            }
            Err(error) => not_utf8(path, bytes, &error, &mut report),
        },
        Err(error) => {
            report.about_file(error.code(), format!("{} {error}.", path.display()));
        }
    }
    report.finish().map(|()| config)
}

/// Reports bytes that are not text, with the line they are in.
pub(super) fn not_utf8(
    path: &Path,
    bytes: &[u8],
    error: &std::str::Utf8Error,
    report: &mut Report,
) {
    let before = &bytes[..error.valid_up_to()];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let start = before.iter().rposition(|byte| *byte == b'\n');
    let row = &before[start.map_or(0, |end| end + 1)..];
    let column = String::from_utf8_lossy(row).chars().count() + 1;
    let number = |number| u32::try_from(number).unwrap_or(u32::MAX);
    report.in_file(
        path,
        (number(line), number(column)),
        "config-unreadable",
        "This is not UTF-8 text: there is a byte here that does not belong; save the file as UTF-8.",
    );
}

fn read_top(mut top: Section, folder: &Path, config: &mut HostConfig, report: &mut Report) {
    if let Some(mut server) = top.section(report, "server") {
        if let Some(listen) = address(&mut server, "listen", report) {
            config.listen = listen;
        }
        config.health_listen = address(&mut server, "health_listen", report);
        config.public_url = oauth2::public_url(&mut server, report);
        config.admin_tokens = token_hashes(&mut server, "admin_tokens", report);
        server.finish(report);
    }
    if let Some(mut plugins) = top.section(report, "plugins") {
        set_dir(&mut plugins, folder, &mut config.plugins_dir, report);
        if let Some(retire) = plugins.boolean(report, "retire_missing") {
            config.retire_missing = retire;
        }
        if let Some(sources) = plugins.boolean(report, "sources") {
            config.sources = sources;
        }
        config.trust = trust::read(&mut plugins, folder, report);
        plugins.finish(report);
    }
    if let Some(mut tenants) = top.section(report, "tenants") {
        set_dir(&mut tenants, folder, &mut config.tenants_dir, report);
        tenants.finish(report);
    }
    if let Some(mut data) = top.section(report, "data") {
        set_dir(&mut data, folder, &mut config.data_dir, report);
        data.finish(report);
    }
    if let Some(mut watch) = top.section(report, "watch") {
        let poll = watch.integer(report, "poll_ms", 10..=3_600_000);
        config.watch_poll = poll.map(Duration::from_millis);
        watch.finish(report);
    }
    if let Some(recording) = top.section(report, "recording") {
        read_recording(recording, folder, &mut config.recording, report);
    }
    if let Some(telemetry) = top.section(report, "telemetry") {
        let health = config.health_listen.is_some();
        config.telemetry = telemetry_table::read(telemetry, health, report);
    }
    if let Some(mut outbox) = top.section(report, "outbox") {
        if let Some(encrypt) = outbox.boolean(report, "encrypt") {
            config.outbox.encrypt = encrypt;
        }
        outbox.finish(report);
    }
    if let Some(network) = top.section(report, "network") {
        let environment = |name: &str| std::env::var_os(name);
        config.network = network_table::read_host(network, folder, &environment, report);
    }
    if let Some(mut secrets) = top.section(report, "secrets") {
        config.secrets.commands = secrets.boolean(report, "commands").unwrap_or(false);
        secrets.finish(report);
    }
    if let Some(vault) = top.section(report, "vault") {
        config.secrets.vault = vault_table::read(vault, folder, &config.network, report);
    }
    if let Some(limits) = top.section(report, "limits") {
        config.limits = HostLimits::read(limits, report);
    }
    top.finish(report);
}

fn address(section: &mut Section, name: &'static str, report: &mut Report) -> Option<SocketAddr> {
    let typed = section.string(report, name)?;
    let address = typed.value.parse().ok();
    if address.is_none() {
        typed.refuse(
            report,
            "config-bad-value",
            "must be an IP address and a port, as in \"127.0.0.1:8080\".",
        );
    }
    address
}

/// The hashes in an array of strings.
pub(super) fn token_hashes(
    section: &mut Section,
    name: &'static str,
    report: &mut Report,
) -> Vec<TokenHash> {
    let mut hashes = Vec::new();
    for text in section.strings(report, name) {
        match text.value.parse() {
            Ok(hash) => hashes.push(hash),
            Err(error) => text.refuse(report, "config-bad-value", format!("{error}.")),
        }
    }
    hashes
}

fn set_dir(section: &mut Section, folder: &Path, dir: &mut PathBuf, report: &mut Report) {
    if let Some(typed) = section.text(report, "dir") {
        *dir = folder.join(typed.value);
    }
}

fn read_recording(
    mut section: Section,
    folder: &Path,
    recording: &mut RecordingConfig,
    report: &mut Report,
) {
    if let Some(enabled) = section.boolean(report, "enabled") {
        recording.enabled = enabled;
    }
    if let Some(count) = section.integer(report, "items", 1..=10_000) {
        recording.items = count as usize;
    }
    if let Some(kib) = section.integer(report, "kb", 4..=1_048_576) {
        recording.bytes = kib << 10;
    }
    if let Some(mib) = section.integer(report, "total_mb", 1..=1_048_576) {
        recording.total = mib << 20;
    }
    if let Some(encrypt) = section.boolean(report, "encrypt") {
        recording.encrypt = encrypt;
    }
    if let Some(key) = section.section(report, "key") {
        recording.key = read_key(key, folder, report);
    }
    if let Some(old) = section.any("old_keys") {
        recording.old_keys = read_old_keys(&old, folder, report);
    }
    section.finish(report);
}

/// Most keys of before. A host that changes its key each month has five years.
const MOST_OLD_KEYS: usize = 64;

fn read_old_keys(old: &Typed<&DeValue>, folder: &Path, report: &mut Report) -> Vec<RecordingKey> {
    let DeValue::Array(array) = old.value else {
        old.wrong_type(
            report,
            "an array of { env = \"VARIABLE\" } or { file = \"path\" }",
        );
        return Vec::new();
    };
    if array.len() > MOST_OLD_KEYS {
        let detail = format!(
            "has more than {MOST_OLD_KEYS} keys; remove those that nothing is encrypted with any more."
        );
        old.refuse(report, "config-out-of-range", detail);
        return Vec::new();
    }
    let keys = elements(&old.key, array);
    keys.filter_map(|key| key.table(report, key.span.clone()))
        .collect::<Vec<_>>()
        .into_iter()
        .map(|key| read_key(key, folder, report))
        .collect()
}

/// Where a key comes from.
fn read_key(mut key: Section, folder: &Path, report: &mut Report) -> RecordingKey {
    let variable = key.text(report, "env");
    let file = key.text(report, "file");
    let read = match (variable, file) {
        (Some(variable), None) => RecordingKey::Environment(variable.value.to_owned()),
        (None, Some(file)) => RecordingKey::File(folder.join(file.value)),
        _ => {
            let detail = "must be { env = \"VARIABLE\" } or { file = \"path\" }, \
                          whose text is 64 hex digits.";
            key.refuse(report, "config-bad-value", detail);
            RecordingKey::Generated
        }
    };
    key.finish(report);
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<HostConfig, Vec<String>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(DEFAULT_FILE);
        std::fs::write(&path, text).unwrap();
        let prefix = format!("{}/", dir.path().display());
        load_host(Some(&path)).map_err(|problems| {
            let shown = problems.iter().map(|p| p.to_string().replace(&prefix, ""));
            shown.collect()
        })
    }

    #[test]
    fn every_key_is_optional() {
        let config = load("").unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert!(config.admin_tokens.is_empty());
        assert!(!config.retire_missing);
        assert!(config.sources);
        assert_eq!(config.watch_poll, None);
        assert_eq!(config.limits.guest_deadline, Duration::from_millis(500));
        assert_eq!(config.limits.guest_memory, 64 * MIB);
        assert_eq!(config.limits.call_timeout, Duration::from_secs(60));
    }

    #[test]
    fn without_a_file_the_folders_are_in_the_working_directory() {
        let config = load_host(None).unwrap();
        assert_eq!(config.plugins_dir, Path::new("plugins"));
        assert_eq!(config.tenants_dir, Path::new("tenants"));
        assert_eq!(config.data_dir, Path::new("data"));
    }

    #[test]
    fn folders_are_relative_to_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("other.toml");
        let text = "tenants.dir = \"../t\"\ndata.dir = \"/var/lib/crossdock\"\n";
        std::fs::write(&path, text).unwrap();
        let config = load_host(Some(&path)).unwrap();
        assert_eq!(config.plugins_dir, dir.path().join("plugins"));
        assert_eq!(config.tenants_dir, dir.path().join("../t"));
        assert_eq!(config.data_dir, Path::new("/var/lib/crossdock"));
    }

    #[test]
    fn every_key_is_read() {
        let hash = TokenHash::of("cd_x");
        let pin = "0f".repeat(32);
        let config = load(&format!(
            r#"
            [server]
            listen = "[::1]:9000"
            health_listen = "0.0.0.0:9001"
            admin_tokens = ["{hash}"]
            [plugins]
            dir = "p"
            retire_missing = true
            sources = false
            [plugins.pin]
            lingzhi = "sha256:{pin}"
            [watch]
            poll_ms = 2_000
            [recording]
            enabled = false
            items = 7
            kb = 8
            total_mb = 9
            encrypt = false
            key = {{ file = "k" }}
            [limits]
            guest_deadline_ms = 1
            guest_memory_mb = 2
            guest_output_mb = 3
            warm_instances = 4
            warm_memory_mb = 13
            guest_instances = 5
            request_body_mb = 6
            items_per_call = 7
            documents_per_call = 14
            call_memory_mb = 15
            response_body_mb = 8
            call_timeout_ms = 9
            shutdown_ms = 10
            follow_up_requests = 11
            plugin_mb = 12
            longest_pause_ms = 14
            compile_memory_mb = 32
            compile_timeout_ms = 100
            compiled_code_mb = 14
            check_timeout_ms = 16
            startup_wait_ms = 17
            calls_memory_mb = 14
            connections = 15
            connections_per_address = 16
            "#
        ))
        .unwrap();
        assert_eq!(config.listen.to_string(), "[::1]:9000");
        assert_eq!(config.health_listen, "0.0.0.0:9001".parse().ok());
        assert_eq!(config.admin_tokens, [hash]);
        assert!(config.plugins_dir.ends_with("p"));
        assert!(config.retire_missing);
        assert!(!config.sources);
        assert_eq!(config.trust.pins["lingzhi"].hex(), pin);
        assert!(config.trust.signatures.is_none());
        assert_eq!(config.watch_poll, Some(Duration::from_secs(2)));
        let recording = config.recording;
        assert!(!recording.enabled && !recording.encrypt);
        let bounds = (recording.items, recording.bytes, recording.total);
        assert_eq!(bounds, (7, 8 << 10, 9 << 20));
        assert!(matches!(recording.key, RecordingKey::File(path) if path.ends_with("k")));
        let limits = config.limits;
        assert_eq!(limits.guest_deadline, Duration::from_millis(1));
        assert_eq!(limits.guest_memory, 2 * MIB);
        assert_eq!(limits.guest_output, 3 * MIB);
        assert_eq!(limits.warm_instances, 4);
        assert_eq!(limits.warm_memory, 13 * MIB);
        assert_eq!(limits.guest_instances, 5);
        assert_eq!(limits.request_body, 6 * MIB);
        assert_eq!(limits.items_per_call, 7);
        assert_eq!(limits.documents_per_call, 14);
        assert_eq!(limits.call_memory, 15 * MIB);
        assert_eq!(limits.response_body, 8 * MIB);
        assert_eq!(limits.call_timeout, Duration::from_millis(9));
        assert_eq!(limits.shutdown, Duration::from_millis(10));
        assert_eq!(limits.follow_ups, 11);
        assert_eq!(limits.plugin_size, 12 * MIB);
        assert_eq!(limits.longest_pause, Duration::from_millis(14));
        assert_eq!(limits.compile_memory, 32 * MIB);
        assert_eq!(limits.compile_timeout, Duration::from_millis(100));
        assert_eq!(limits.compiled_code, 14 * MIB as u64);
        assert_eq!(limits.check_timeout, Duration::from_millis(16));
        assert_eq!(limits.startup_wait, Duration::from_millis(17));
        assert_eq!(limits.calls_memory, 14 * MIB);
        assert_eq!(limits.connections, 15);
        assert_eq!(limits.connections_per_address, 16);
    }

    #[test]
    fn everything_wrong_is_reported_at_once() {
        let problems = load(concat!(
            "colour = \"red\"\n",
            "[server]\n",
            "listen = \"localhost\"\n",
            "admin_tokens = [\"cd_secret\", 7]\n",
            "[plugin]\n",
            "[tenants]\n",
            "dir = \"\"\n",
            "[watch]\n",
            "poll_ms = 1\n",
            "[limits]\n",
            "guest_deadline = 500\n",
            "guest_memory_mb = \"64\"\n",
            "items_per_call = -1\n",
        ))
        .unwrap_err();
        assert_eq!(
            problems,
            [
                "crossdock.toml:1:1: `colour` is not a known key: the keys here are `server`, `plugins`, `tenants`, `data`, `watch`, `recording`, `telemetry`, `outbox`, `network`, `secrets`, `vault`, `limits`.",
                "crossdock.toml:3:10: `server.listen` must be an IP address and a port, as in \"127.0.0.1:8080\".",
                "crossdock.toml:4:17: `server.admin_tokens[0]` is a token itself; write the line that starts with `sha256:`, which belongs to it.",
                "crossdock.toml:4:30: `server.admin_tokens[1]` must be a string, not a whole number.",
                "crossdock.toml:5:2: `plugin` is not a known key: did you mean `plugins`?",
                "crossdock.toml:7:7: `tenants.dir` must not be empty.",
                "crossdock.toml:9:11: `watch.poll_ms` must be between 10 and 3600000.",
                "crossdock.toml:11:1: `limits.guest_deadline` is not a known key: did you mean `guest_deadline_ms`?",
                "crossdock.toml:12:19: `limits.guest_memory_mb` must be a whole number, not a string.",
                "crossdock.toml:13:18: `limits.items_per_call` must be between 1 and 1000000.",
            ]
        );
    }

    #[test]
    fn a_file_may_begin_with_a_byte_order_mark() {
        let config = load("\u{feff}[server]\nlisten = \"[::1]:9000\"\n").unwrap();
        assert_eq!(config.listen.to_string(), "[::1]:9000");
        let problems = load("\u{feff}colour = 1\n").unwrap_err();
        assert!(
            problems[0].starts_with("crossdock.toml:1:1:"),
            "{problems:?}"
        );
    }

    #[test]
    fn a_file_that_is_named_has_to_exist() {
        let problems = load_host(Some(Path::new("/nonexistent/crossdock.toml"))).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].code, "config-file-missing");
    }

    #[test]
    fn a_syntax_error_has_its_line_and_column() {
        let problems = load("[server]\nlisten = \n").unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with("crossdock.toml:2:"), "{problems:?}");
    }

    #[test]
    fn a_million_mistakes_make_a_readable_report() {
        let text: String = (0..10_000).map(|i| format!("k{i} = 1\n")).collect();
        let problems = load(&text).unwrap_err();
        assert_eq!(problems.len(), 101);
        assert!(problems[100].contains("9900 more problems"));
    }
}
