//! Reads `[vault]` of `crossdock.toml`.

use std::path::Path;
use std::sync::Arc;

use toml::de::DeValue;
use url::Url;
use zeroize::Zeroizing;

use super::connection::{MAX_CA_FILE, parse_url};
use super::disk::Disk;
use super::mistakes::Report;
use super::network::{HostNetwork, ProxyChoice};
use super::reader::Section;
use crate::http::Target;
use crate::secrets::{VaultConfig, VaultLogin};
use crate::text::without_mark;

/// Where a pod finds who it is.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// The setting, or nothing where something is wrong with it, which is reported.
pub(super) fn read(
    mut section: Section,
    folder: &Path,
    network: &HostNetwork,
    report: &mut Report,
) -> Option<VaultConfig> {
    let address = section.required(
        report,
        "address",
        "say where it is, as in address = \"https://vault.example.com:8200\".",
    );
    let address = address.and_then(|typed| {
        let url = parse_url(&typed, "say who asks with `token` or `kubernetes`", report)?;
        if let Err(error) = Target::new(&url) {
            typed.refuse(
                report,
                "config-bad-value",
                format!("cannot be asked: {error}."),
            );
            return None;
        }
        Some(url)
    });
    let login = read_login(&mut section, folder, report);
    let namespace = section.text(report, "namespace");
    let mount = section.text(report, "mount");
    let extra_roots = section.text(report, "ca_file").and_then(|typed| {
        let path = folder.join(typed.value);
        match Disk::default().read(&path, &path, MAX_CA_FILE) {
            Ok(bytes) => Some(Arc::from(without_mark(&bytes))),
            Err(error) => {
                let detail = format!("names the file {}, which {error}.", path.display());
                typed.refuse(report, error.code(), detail);
                None
            }
        }
    });
    section.finish(report);
    let address: Url = address?;
    Some(VaultConfig {
        proxy: network.proxy(&ProxyChoice::Hosts, &address),
        address,
        login: login?,
        namespace: namespace.map(|namespace| namespace.value.to_owned()),
        mount: mount.map_or("secret", |mount| mount.value).to_owned(),
        extra_roots,
    })
}

fn read_login(section: &mut Section, folder: &Path, report: &mut Report) -> Option<VaultLogin> {
    const FORMS: &str = "must have either token = { env = \"VAULT_TOKEN\" }, token = { file = \"path\" } \
                         or kubernetes = { role = \"…\" }.";
    if let Some(typed) = section.any("token")
        && matches!(typed.value, DeValue::String(_))
    {
        let detail = "must be { env = \"VAULT_TOKEN\" } or { file = \"path\" }; a token does not belong in this file.";
        typed.refuse(report, "config-wrong-type", detail);
        return None;
    }
    let token = section.section(report, "token");
    let kubernetes = section.section(report, "kubernetes");
    match (token, kubernetes) {
        (Some(mut token), None) => {
            let variable = token.text(report, "env");
            let file = token.text(report, "file");
            let login = match (&variable, &file) {
                (Some(typed), None) => {
                    let text = std::env::var(typed.value).ok();
                    if text.is_none() {
                        let detail =
                            "names an environment variable that is not set, or is not UTF-8.";
                        typed.refuse(report, "config-secret-missing", detail);
                    }
                    text.map(|text| VaultLogin::Token(Arc::new(Zeroizing::new(text))))
                }
                (None, Some(typed)) => Some(VaultLogin::TokenFile(folder.join(typed.value))),
                _ => {
                    token.refuse(report, "config-bad-value", FORMS);
                    None
                }
            };
            token.finish(report);
            login
        }
        (None, Some(mut table)) => {
            let role = table.required(
                report,
                "role",
                "name the role of the vault's Kubernetes method.",
            );
            let mount = table.text(report, "mount");
            let file = table.text(report, "token_file");
            table.finish(report);
            Some(VaultLogin::Kubernetes {
                role: role?.value.to_owned(),
                mount: mount.map_or("kubernetes", |mount| mount.value).to_owned(),
                token_file: folder.join(file.map_or(SERVICE_ACCOUNT, |file| file.value)),
            })
        }
        _ => {
            section.refuse(report, "config-bad-value", FORMS);
            None
        }
    }
}
