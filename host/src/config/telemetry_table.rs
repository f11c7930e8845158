//! Reads `[telemetry]`.

use toml::de::DeValue;
use url::Url;

use super::TelemetryConfig;
use super::mistakes::Report;
use super::reader::{Section, Typed};
use crate::telemetry::traces::Settings;

/// Longest endpoint; nothing real comes near.
const MOST_URL: usize = 2048;

/// Where OTLP over HTTP has traces, below the endpoint.
const TRACES: &str = "v1/traces";

/// What the section says. `health` tells whether there is a listener for health
/// checks.
pub(super) fn read(mut section: Section, health: bool, report: &mut Report) -> TelemetryConfig {
    let mut config = TelemetryConfig::default();
    if let Some(most) = section.integer(report, "metrics_connections", 0..=100_000) {
        config.connections = most as usize;
    }
    if let Some(open) = section.boolean(report, "metrics_on_health") {
        config.on_health = open;
        if open && !health {
            let detail = "needs `[server] health_listen`; name an address that only your \
                          monitoring reaches.";
            if let Some(typed) = section.any("metrics_on_health") {
                typed.refuse(report, "config-bad-value", detail);
            }
        }
    }
    let url = section.text(report, "endpoint");
    let url = url.and_then(|typed| traces_url(&typed, report));
    let ratio = section.any("sample_ratio");
    let ratio = ratio.map_or(Some(1.0), |typed| ratio_of(&typed, report));
    if let (Some(url), Some(ratio)) = (url, ratio) {
        config.traces = Some(Settings { url, ratio });
    }
    section.finish(report);
    config
}

fn traces_url(typed: &Typed<&str>, report: &mut Report) -> Option<String> {
    let refuse = |report: &mut Report, what: &str| {
        typed.refuse(report, "config-bad-value", what);
        None
    };
    let text = typed.value;
    let url = Url::parse(text).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let Some(mut url) = url.filter(|_| text.len() <= MOST_URL) else {
        let what = "must be the URL of an OTLP collector, as in \"http://127.0.0.1:4318\".";
        return refuse(report, what);
    };
    if !url.username().is_empty() || url.password().is_some() {
        let what = "must not contain a user or password; give what the collector wants in the \
                    environment variable OTEL_EXPORTER_OTLP_HEADERS.";
        return refuse(report, what);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse(
            report,
            "must not contain a query (`?`) or a fragment (`#`).",
        );
    }
    let path = url.path().trim_end_matches('/');
    if path.ends_with(TRACES) {
        let what = "must not contain the path `/v1/traces`: the host adds it.";
        return refuse(report, what);
    }
    let path = format!("{path}/{TRACES}");
    url.set_path(&path);
    Some(url.into())
}

fn ratio_of(typed: &Typed<&DeValue>, report: &mut Report) -> Option<f64> {
    let number = match typed.value {
        DeValue::Float(float) => float.as_str().parse::<f64>().ok(),
        DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().parse().ok(),
        _ => {
            typed.wrong_type(report, "a number");
            return None;
        }
    };
    let number = number.filter(|number| (0.0..=1.0).contains(number));
    if number.is_none() {
        let what = "must be between 0 (only traces that a caller has begun) and 1 (every one).";
        typed.refuse(report, "config-out-of-range", what);
    }
    number
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::load_host;
    use super::*;

    fn load(text: &str) -> Result<TelemetryConfig, Vec<String>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("crossdock.toml");
        std::fs::write(&path, text).unwrap();
        let prefix = format!("{}/", dir.path().display());
        let loaded = load_host(Some(Path::new(&path)));
        loaded.map(|config| config.telemetry).map_err(|problems| {
            let shown = problems.iter().map(|p| p.to_string().replace(&prefix, ""));
            shown.collect()
        })
    }

    #[test]
    fn nothing_is_traced_and_nothing_is_open_by_itself() {
        let config = load("").unwrap();
        assert_eq!(config, TelemetryConfig::default());
        assert!(config.traces.is_none() && !config.on_health);
        assert_eq!(load("[telemetry]\nsample_ratio = 0.5\n").unwrap(), config);
    }

    #[test]
    fn every_key_is_read() {
        let config = load(
            "[server]\nhealth_listen = \"127.0.0.1:1\"\n[telemetry]\nmetrics_connections = 7\n\
             metrics_on_health = true\nendpoint = \"http://127.0.0.1:4318\"\nsample_ratio = 0.25\n",
        );
        let config = config.unwrap();
        assert!(config.on_health);
        assert_eq!(config.connections, 7);
        let traces = config.traces.unwrap();
        assert_eq!(traces.url, "http://127.0.0.1:4318/v1/traces");
        assert_eq!(traces.ratio, 0.25);
        for (endpoint, url) in [
            ("https://otel.example/", "https://otel.example/v1/traces"),
            ("http://a/b/", "http://a/b/v1/traces"),
        ] {
            let text = format!("telemetry = {{ endpoint = \"{endpoint}\", sample_ratio = 1 }}");
            let traces = load(&text).unwrap().traces.unwrap();
            assert_eq!((&*traces.url, traces.ratio), (url, 1.0));
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, said) in [
            (
                "metrics_on_health = true",
                "crossdock.toml:2:21: `telemetry.metrics_on_health` needs `[server] health_listen`; name an address that only your monitoring reaches.",
            ),
            (
                "endpoint = \"127.0.0.1:4318\"",
                "crossdock.toml:2:12: `telemetry.endpoint` must be the URL of an OTLP collector, as in \"http://127.0.0.1:4318\".",
            ),
            (
                "endpoint = \"http://u:p@a\"",
                "crossdock.toml:2:12: `telemetry.endpoint` must not contain a user or password; give what the collector wants in the environment variable OTEL_EXPORTER_OTLP_HEADERS.",
            ),
            (
                "endpoint = \"http://a/v1/traces\"",
                "crossdock.toml:2:12: `telemetry.endpoint` must not contain the path `/v1/traces`: the host adds it.",
            ),
            (
                "endpoint = \"http://a?b=c\"",
                "crossdock.toml:2:12: `telemetry.endpoint` must not contain a query (`?`) or a fragment (`#`).",
            ),
            (
                "sample_ratio = 1.5",
                "crossdock.toml:2:16: `telemetry.sample_ratio` must be between 0 (only traces that a caller has begun) and 1 (every one).",
            ),
            (
                "sample_ratio = nan",
                "crossdock.toml:2:16: `telemetry.sample_ratio` must be between 0 (only traces that a caller has begun) and 1 (every one).",
            ),
            (
                "sample_ratio = \"all\"",
                "crossdock.toml:2:16: `telemetry.sample_ratio` must be a number, not a string.",
            ),
        ] {
            let problems = load(&format!("[telemetry]\n{text}\n")).unwrap_err();
            assert_eq!(problems, [said]);
        }
    }
}
