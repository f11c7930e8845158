//! `crossdock check`.

use serde::Serialize;

use super::Global;
use super::failure::{Exit, Failure, Finished};
use super::loaded;
use super::terminal::{Paint, clean, count, print, print_json, table};
use crate::api::token_mode;
use crate::config::{Auth, OAuth2Grant, load_host};
use crate::host::Host;
use crate::outbox::missing_key;
use crate::problem::Problem;
use crate::reload::status::{PluginStatus, TenantStatus};
use crate::serving::credentials::{GrantKind, grant_of};

/// What was found, for programs.
#[derive(Serialize, Default)]
struct Findings {
    ok: bool,
    /// What is wrong with the host's own configuration.
    host: Vec<Problem>,
    plugins: Vec<PluginStatus>,
    tenants: Vec<TenantStatus>,
    /// Connections whose credentials the host gets and renews by itself.
    grants: Vec<Granted>,
    /// What does not keep the host from serving and should be put right.
    warnings: Vec<Problem>,
    /// Whether it came to loading anything.
    #[serde(skip)]
    loaded: bool,
}

/// A connection with a grant.
#[derive(Serialize)]
struct Granted {
    tenant: String,
    connection: String,
    /// `oauth2` or `adapter`: who says how a token is had.
    by: &'static str,
    /// Whether a person has to authorize it.
    person: bool,
}

/// Of everything that is loaded.
fn grants(host: &Host) -> Vec<Granted> {
    let snapshot = host.snapshot();
    let mut grants = Vec::new();
    for (tenant, generation) in &snapshot.tenants {
        for (name, connection) in &generation.connections {
            let config = &connection.config;
            let Some(adapter) = snapshot.adapters.get(&config.adapter) else {
                continue;
            };
            let Some(kind) = grant_of(config, adapter) else {
                continue;
            };
            let (by, person) = match (kind, &config.auth) {
                (GrantKind::OAuth2, Some(Auth::OAuth2(oauth2))) => (
                    "oauth2",
                    matches!(oauth2.grant, OAuth2Grant::AuthorizationCode { .. }),
                ),
                _ => {
                    let grant = adapter.manifest.grant.as_ref();
                    let alone = grant.is_some_and(|grant| grant.needs_nobody(&config.settings));
                    ("adapter", !alone)
                }
            };
            grants.push(Granted {
                tenant: tenant.to_string(),
                connection: name.to_string(),
                by,
                person,
            });
        }
    }
    grants.sort_by(|a, b| (&a.tenant, &a.connection).cmp(&(&b.tenant, &b.connection)));
    grants
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
                grants: grants(&host),
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
    if !findings.grants.is_empty() {
        text.push_str(&granted(paint, &findings.grants));
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

/// Connections with grants, as a table.
fn granted(paint: Paint, grants: &[Granted]) -> String {
    let rows: Vec<Vec<String>> = grants
        .iter()
        .map(|grant| {
            let by = match grant.by {
                "oauth2" => "auth.oauth2",
                _ => "its adapter",
            };
            let first = match grant.person {
                true => "a person, once: crossdock connection authorize",
                false => "the host",
            };
            vec![
                grant.tenant.clone(),
                grant.connection.clone(),
                by.into(),
                first.into(),
            ]
        })
        .collect();
    let header = ["TENANT", "CONNECTION", "BY", "FIRST TOKEN BY"];
    format!(
        "{}\n{}",
        paint.bold("credentials that renew themselves"),
        table(paint, &header, &rows)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_with_a_grant_are_said() {
        let findings = Findings {
            loaded: true,
            grants: vec![Granted {
                tenant: "acme".into(),
                connection: "shop".into(),
                by: "oauth2",
                person: true,
            }],
            ..Findings::default()
        };
        let text = text(Paint::stdout(), &findings).unwrap();
        let expected = "credentials that renew themselves\n  TENANT  CONNECTION  BY           FIRST TOKEN BY\n  \
                        acme    shop        auth.oauth2  a person, once: crossdock connection authorize\n";
        assert!(text.contains(expected), "{text}");
    }

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
