//! `crossdock check`.

use serde::Serialize;

use super::Global;
use super::failure::{Exit, Failure, Finished};
use super::loaded;
use super::terminal::{Paint, clean, count, print, print_json};
use crate::api::token_mode;
use crate::config::load_host;
use crate::host::Host;
use crate::outbox::missing_key;
use crate::problem::Problem;
use crate::reload::status::{PluginStatus, TenantStatus};

/// What was found, for programs.
#[derive(Serialize, Default)]
struct Findings {
    ok: bool,
    /// What is wrong with the host's own configuration.
    host: Vec<Problem>,
    plugins: Vec<PluginStatus>,
    tenants: Vec<TenantStatus>,
    /// What does not keep the host from serving and should be put right.
    warnings: Vec<Problem>,
    /// Whether it came to loading anything.
    #[serde(skip)]
    loaded: bool,
}

impl Findings {
    fn wrong(&self) -> usize {
        let plugins = self.plugins.iter().filter(|p| p.refused.is_some()).count();
        let tenants: usize = self.tenants.iter().map(|t| t.problems.len()).sum();
        self.host.len() + plugins + tenants
    }
}

pub(super) async fn run(global: &Global, json: bool) -> Finished {
    let mut findings = match load_host(global.config.as_deref()) {
        Err(problems) => Findings {
            host: problems,
            ..Findings::default()
        },
        Ok(config) => {
            let listen = config.listen;
            let host = Host::start(super::compiling_apart(config), false).await?;
            Findings {
                ok: false,
                // `serve` would refuse it too.
                host: token_mode(&host, listen)
                    .err()
                    .into_iter()
                    .chain(missing_key(host.config()))
                    .collect(),
                plugins: host.plugins(),
                tenants: host.tenants(),
                warnings: host.warnings(),
                loaded: true,
            }
        }
    };
    let wrong = findings.wrong();
    findings.ok = wrong == 0;
    if json {
        print_json(&findings)?;
    } else {
        print(&text(Paint::stdout(), &findings)?)?;
    }
    Ok(if wrong == 0 { Exit::Done } else { Exit::Error })
}

fn text(paint: Paint, findings: &Findings) -> Result<String, Failure> {
    let mut text = String::new();
    for problem in &findings.host {
        text.push_str(&loaded::problem(paint, problem));
    }
    if findings.loaded {
        let plugins = loaded::views(&findings.plugins)?;
        text.push_str(&loaded::plugins(paint, &plugins));
        text.push('\n');
        text.push_str(&loaded::tenants(paint, &findings.tenants));
        text.push('\n');
    }
    for warning in &findings.warnings {
        let said = clean(&warning.detail);
        text.push_str(&format!("  {} {said}\n", paint.bold("warning")));
    }
    let wrong = findings.wrong();
    text.push_str(&if wrong == 0 {
        paint.good("everything is right")
    } else {
        paint.bad(&format!("{} wrong", count(wrong, "thing")))
    });
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_wrong_is_counted() {
        let mut findings = Findings {
            loaded: true,
            ..Findings::default()
        };
        assert_eq!(findings.wrong(), 0);
        findings.host.push(Problem::host("no-tokens", "nobody may"));
        findings.tenants.push(TenantStatus {
            name: "acme".into(),
            file: "tenants/acme/tenant.toml".into(),
            generation: None,
            connections: Default::default(),
            flows: Default::default(),
            problems: vec![
                Problem::host("config-bad-value", "one"),
                Problem::host("config-bad-value", "two"),
            ],
            loaded_at_ms: None,
            checking: false,
            unreadable_since_ms: None,
            retry: None,
            waits_with: None,
        });
        assert_eq!(findings.wrong(), 3);
        let text = text(Paint::stdout(), &findings).unwrap();
        for part in ["nobody may", "one", "two", "3 things wrong"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
