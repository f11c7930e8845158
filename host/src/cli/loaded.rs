//! What is loaded and what was refused, for people.

use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::terminal::{Paint, clean, sentence, size, table};
use crate::problem::Problem;
use crate::reload::status::{FlowStatus, PluginStatus, TenantStatus};

/// One plugin file, as `GET /v1/plugins` shows it: this host's or another's.
#[derive(Debug, Deserialize)]
pub(super) struct PluginView {
    file: String,
    serving: Option<Serving>,
    refused: Option<Refused>,
    #[serde(default)]
    missing: bool,
    #[serde(default)]
    checking: bool,
    #[serde(default)]
    unreadable_since_ms: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Serving {
    number: u32,
    name: String,
    version: Option<String>,
    kind: String,
    source: Option<Source>,
    sha256: String,
    bytes: u64,
    #[serde(default)]
    pinned: bool,
    #[serde(default)]
    signed: bool,
    #[serde(default)]
    times: Times,
}

/// An adapter that is a source file.
#[derive(Debug, Deserialize)]
struct Source {
    language: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Times {
    compile_ms: f64,
    from_cache: bool,
    describe_ms: f64,
    examples_ms: f64,
}

#[derive(Debug, Deserialize)]
struct Refused {
    step: String,
    reason: String,
    sha256: Option<String>,
}

/// This host's own plugins in the shape of the interface.
pub(super) fn views(plugins: &[PluginStatus]) -> Result<Vec<PluginView>, Failure> {
    to_views(plugins)
}

fn to_views(plugins: &[impl Serialize]) -> Result<Vec<PluginView>, Failure> {
    plugins
        .iter()
        .map(|plugin| serde_json::from_value(serde_json::to_value(plugin)?))
        .collect::<Result<_, serde_json::Error>>()
        .map_err(|error| anyhow::anyhow!("a plugin's state cannot be shown: {error}").into())
}

/// The first digits of a hash.
pub(super) fn short(sha256: &str) -> &str {
    sha256.get(..12).unwrap_or(sha256)
}

impl PluginView {
    fn state(&self) -> &'static str {
        match (&self.serving, &self.refused) {
            (Some(_), _) if self.missing => "serving, file missing",
            (Some(_), _) if self.unreadable_since_ms.is_some() => "serving, file unreadable",
            (Some(_), _) if self.checking => "serving, newest file being checked",
            (None, _) if self.unreadable_since_ms.is_some() => "unreadable",
            (None, _) if self.checking => "being checked",
            (Some(_), Some(_)) => "serving, newest file refused",
            (Some(_), None) => "serving",
            (None, _) => "refused",
        }
    }

    fn row(&self) -> Vec<String> {
        let Some(serving) = &self.serving else {
            let unknown = || "-".to_owned();
            return vec![
                unknown(),
                unknown(),
                unknown(),
                unknown(),
                unknown(),
                unknown(),
                unknown(),
                self.state().into(),
                self.file.clone(),
            ];
        };
        vec![
            serving.name.clone(),
            serving.version.clone().unwrap_or_else(|| "-".into()),
            serving.kind_of_plugin(),
            serving.number.to_string(),
            serving.hash(),
            size(serving.bytes),
            serving.times.shown(),
            self.state().into(),
            self.file.clone(),
        ]
    }
}

impl Serving {
    /// How its hash begins, and whether it is more than what lay there.
    fn hash(&self) -> String {
        let pinned = if self.pinned { ", pinned" } else { "" };
        let signed = if self.signed { ", signed" } else { "" };
        format!("{}{pinned}{signed}", short(&self.sha256))
    }

    /// `adapter`, or `adapter in javascript`.
    fn kind_of_plugin(&self) -> String {
        let kind = self.kind.replace('-', " ");
        match &self.source {
            Some(source) => format!("{kind} in {}", source.language),
            None => kind,
        }
    }
}

impl Times {
    fn shown(&self) -> String {
        let total = self.compile_ms + self.describe_ms + self.examples_ms;
        let cached = if self.from_cache { ", cached" } else { "" };
        format!("{total:.1} ms{cached}")
    }
}

/// Plugins as a table, and below it why files were refused.
pub(super) fn plugins(paint: Paint, plugins: &[PluginView]) -> String {
    let mut text = format!("{}\n", paint.bold("plugins"));
    if plugins.is_empty() {
        text.push_str(
            "  none; put adapters and script engines (*.wasm, *.js) into the plugins folder\n",
        );
        return text;
    }
    let header = [
        "NAME",
        "VERSION",
        "KIND",
        "GENERATION",
        "SHA-256",
        "SIZE",
        "LOADED IN",
        "STATE",
        "FILE",
    ];
    let rows: Vec<_> = plugins.iter().map(PluginView::row).collect();
    text.push_str(&table(paint, &header, &rows));
    for plugin in plugins {
        let Some(refused) = &plugin.refused else {
            continue;
        };
        let bytes = refused
            .sha256
            .as_deref()
            .map(|sha256| format!(" ({})", short(sha256)))
            .unwrap_or_default();
        text.push_str(&format!(
            "  {} {}{bytes} at step `{}`: {}\n",
            paint.bad("refused"),
            clean(&plugin.file),
            refused.step,
            sentence(&refused.reason)
        ));
    }
    text
}

/// Tenants as a table, and below it what is wrong with their files.
pub(super) fn tenants(paint: Paint, tenants: &[TenantStatus]) -> String {
    let mut text = format!("{}\n", paint.bold("tenants"));
    if tenants.is_empty() {
        text.push_str("  none; each is a folder with a tenant.toml in the tenants folder\n");
        return text;
    }
    let mut rows = Vec::new();
    for tenant in tenants {
        let generation = tenant
            .generation
            .map_or_else(|| "-".into(), |number| number.to_string());
        let state = match (tenant.generation, tenant.problems.is_empty()) {
            (Some(_), _) if tenant.unreadable_since_ms.is_some() => "serving, files unreadable",
            (Some(_), _) if tenant.checking => "serving, newest files being checked",
            (None, _) if tenant.unreadable_since_ms.is_some() => "unreadable",
            (None, _) if tenant.checking => "being checked",
            (Some(_), true) => "serving",
            (Some(_), false) => "serving, newest files refused",
            (None, _) => "refused",
        };
        let row = |connection: &str, adapter: &str| {
            vec![
                tenant.name.clone(),
                connection.to_owned(),
                adapter.to_owned(),
                generation.clone(),
                state.to_owned(),
            ]
        };
        if tenant.connections.is_empty() {
            rows.push(row("-", "-"));
        }
        for (connection, adapter) in &tenant.connections {
            rows.push(row(connection, adapter));
        }
    }
    let header = ["TENANT", "CONNECTION", "ADAPTER", "GENERATION", "STATE"];
    text.push_str(&table(paint, &header, &rows));
    text.push_str(&flows(paint, tenants));
    for wrong in tenants.iter().flat_map(|tenant| &tenant.problems) {
        text.push_str(&problem(paint, wrong));
    }
    text
}

/// The flows of all tenants as a table; nothing where there are none.
fn flows(paint: Paint, tenants: &[TenantStatus]) -> String {
    let row = |tenant: &TenantStatus, name: &str, flow: &FlowStatus| {
        vec![
            tenant.name.clone(),
            name.to_owned(),
            flow.from.clone(),
            flow.runs.clone(),
            flow.targets.join(", "),
        ]
    };
    let rows: Vec<_> = tenants
        .iter()
        .flat_map(|tenant| {
            let flows = tenant.flows.iter();
            flows.map(move |(name, flow)| row(tenant, name, flow))
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let header = ["TENANT", "FLOW", "FROM", "RUNS", "TO"];
    format!(
        "\n{}\n{}",
        paint.bold("flows"),
        table(paint, &header, &rows)
    )
}

/// One problem, indented, with its excerpt.
pub(super) fn problem(paint: Paint, problem: &Problem) -> String {
    let shown = clean(&problem.to_string());
    let mut lines = shown.lines();
    let mut text = format!(
        "  {} {}\n",
        paint.bad("wrong"),
        lines.next().unwrap_or_default()
    );
    for line in lines {
        text.push_str(&format!("    {line}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reload::status::RefusalStatus;
    use serde_json::json;

    #[test]
    fn an_old_generation_and_the_reason_it_still_serves_are_both_shown() {
        let view: PluginView = serde_json::from_value(json!({
            "file": "plugins/lingzhi.wasm",
            "serving": {
                "number": 3, "name": "lingzhi", "version": "0.1.0", "kind": "adapter",
                "file": "plugins/lingzhi.wasm", "sha256": "3f2a9c0011223344", "bytes": 131072, "pinned": true, "signed": true,
                "loaded_at_ms": 1, "times": {"compile_ms": 1.5, "from_cache": true, "describe_ms": 0.5, "examples_ms": 1.0}
            },
            "refused": {"step": "imports", "reason": "it imports `wasi:http/types@0.2.0`", "sha256": null, "at_ms": 1},
            "missing": false,
            "a member of a later version": 1
        }))
        .unwrap();
        let text = plugins(Paint::stdout(), &[view]);
        for part in [
            "lingzhi  0.1.0",
            "3f2a9c001122, pinned, signed  ",
            "128.0 KiB",
            "3.0 ms, cached",
            "serving, newest file refused",
            "refused plugins/lingzhi.wasm at step `imports`: it imports `wasi:http/types@0.2.0`",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn flows_are_listed_with_where_they_lead() {
        let mut tenant = TenantStatus {
            name: "acme".into(),
            file: "tenants/acme/tenant.toml".into(),
            generation: Some(1),
            connections: Default::default(),
            flows: Default::default(),
            problems: Vec::new(),
            loaded_at_ms: None,
            checking: false,
            unreadable_since_ms: None,
            retry: None,
            waits_with: None,
        };
        let without = tenants(Paint::stdout(), std::slice::from_ref(&tenant));
        assert!(!without.contains("FLOW"), "{without}");
        let flow = FlowStatus {
            source: "folder",
            from: "folder tenants/acme/in".into(),
            runs: "every 5m".into(),
            targets: vec!["mini-shop".into(), "out.csv".into()],
        };
        tenant.flows.insert("stock".into(), flow);
        let with = tenants(Paint::stdout(), &[tenant]);
        for part in [
            "FLOW",
            "stock",
            "folder tenants/acme/in",
            "every 5m",
            "mini-shop, out.csv",
        ] {
            assert!(with.contains(part), "{part}\n{with}");
        }
    }

    #[test]
    fn a_refused_file_is_listed() {
        let status = PluginStatus {
            file: "plugins/bad.wasm".into(),
            serving: None,
            refused: Some(RefusalStatus {
                step: "parse",
                reason: "it is not a WebAssembly component".into(),
                sha256: None,
                at_ms: 1,
            }),
            missing: false,
            checking: false,
            unreadable_since_ms: None,
            retry: None,
        };
        let text = plugins(Paint::stdout(), &views(&[status]).unwrap());
        assert!(
            text.contains("refused plugins/bad.wasm at step `parse`"),
            "{text}"
        );
    }
}
