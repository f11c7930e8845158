//! Reads what is said about the way out: `[network]` of `crossdock.toml`, and
//! `proxy`, `client_certificate`, `http` and `bind_address` of a connection.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use toml::de::DeValue;
use url::Url;
use zeroize::Zeroizing;

use super::Secret;
use super::auth::secret_name;
use super::connection::{ConnectionReader, MAX_CA_FILE, MAX_SECRET, MAX_URL};
use super::disk::Disk;
use super::mistakes::Report;
use super::network::{ConnectionNetwork, HostNetwork, ProxyChoice};
use super::reader::{Section, Typed};
use crate::http::{
    ClientCertificate, MAX_SOCKS_TEXT, Part, Proxy, ProxyLogin, ProxyProtocol, Versions,
};

/// Most proxies that tenants may name, and most names without one.
const MOST: usize = 256;

/// What a proxy's URL says.
struct Address {
    protocol: ProxyProtocol,
    host: String,
    port: u16,
    user: Option<String>,
    password: Option<Zeroizing<String>>,
}

impl Address {
    /// Of a proxy's URL, or what is wrong with it, without its text.
    fn parse(text: &str) -> Result<Self, &'static str> {
        let odd = |c: char| c.is_whitespace() || c.is_control() || c == '\\';
        if text.len() > MAX_URL || text.contains(odd) {
            return Err("must be a URL without spaces, as in \"http://proxy.example.com:3128\".");
        }
        let url = Url::parse(text).ok().filter(|_| text.contains("://"));
        let url = url.ok_or("must be a URL, as in \"http://proxy.example.com:3128\".")?;
        let (protocol, usual) = match url.scheme() {
            "http" => (ProxyProtocol::Http, 80),
            "socks5" => (ProxyProtocol::Socks5, 1080),
            "socks5h" => (ProxyProtocol::Socks5Names, 1080),
            "https" => {
                return Err(
                    "must start with http://, socks5:// or socks5h://; a proxy that is itself spoken to over TLS is not supported \
                     (what goes through it is encrypted all the same where base_url is https).",
                );
            }
            _ => return Err("must start with http://, socks5:// or socks5h://."),
        };
        let rest = (url.path(), url.query(), url.fragment());
        if !matches!(rest, ("" | "/", None, None)) {
            return Err("must end with the port; a proxy has no path.");
        }
        let host = url.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || host.contains('%') {
            return Err("must name a host, as in \"http://proxy.example.com:3128\".");
        }
        let decoded = |text: &str| {
            percent_decode_str(text)
                .decode_utf8()
                .ok()
                .map(String::from)
        };
        let not_utf8 = "must have a user in percent-encoded UTF-8.";
        let user = Some(url.username()).filter(|user| !user.is_empty());
        let user = user.map(|user| decoded(user).ok_or(not_utf8)).transpose()?;
        let password = url.password().map(|text| decoded(text).ok_or(not_utf8));
        Ok(Self {
            protocol,
            host: host.to_ascii_lowercase(),
            port: url.port().unwrap_or(usual),
            user,
            password: password.transpose()?.map(Zeroizing::new),
        })
    }

    /// The proxy, used by this user.
    fn proxy(self, login: Option<ProxyLogin>) -> Result<Proxy, &'static str> {
        if let Some(login) = &login {
            let controls = |text: &str| text.contains(|c: char| c.is_control());
            if login.user.contains(':') || controls(&login.user) || controls(&login.password) {
                return Err(
                    "must have a user without colons, and no control characters in user and password.",
                );
            }
            let long = |text: &str| text.len() > MAX_SOCKS_TEXT;
            if self.protocol != ProxyProtocol::Http && (long(&login.user) || long(&login.password))
            {
                return Err(
                    "must have a user and a password of at most 255 bytes, which is all that SOCKS 5 can carry.",
                );
            }
        }
        Ok(Proxy {
            protocol: self.protocol,
            host: self.host,
            port: self.port,
            login,
            trusted: false,
        })
    }
}

/// The URL of a proxy in a file: without a password.
fn address(typed: &Typed<&str>, instead: &str, report: &mut Report) -> Option<Address> {
    match Address::parse(typed.value) {
        Ok(address) if address.password.is_some() => {
            let detail = format!("must not contain a password; {instead}.");
            typed.refuse(report, "config-bad-value", detail);
            None
        }
        Ok(address) => Some(address),
        Err(what) => {
            typed.refuse(report, "config-bad-value", what);
            None
        }
    }
}

/// A proxy as a URL, or as a table whose password `password` reads.
fn read_proxy(
    typed: &Typed<&DeValue>,
    instead: &str,
    report: &mut Report,
    password: impl FnOnce(&mut Section, &mut Report) -> Option<Secret>,
) -> Option<Proxy> {
    let (address, user, password) = match typed.value {
        DeValue::String(_) => (
            address(&typed.string(report)?, instead, report)?,
            None,
            None,
        ),
        DeValue::Table(_) => {
            let mut section = typed.table(report, typed.span.clone())?;
            let url = section.required(
                report,
                "url",
                "say where the proxy is, as in url = \"http://proxy.example.com:3128\".",
            );
            let user = section
                .text(report, "user")
                .map(|user| user.value.to_owned());
            let password = password(&mut section, report);
            section.finish(report);
            (address(&url?, instead, report)?, user, password)
        }
        _ => {
            typed.wrong_type(report, "a URL or a table");
            return None;
        }
    };
    let mut refuse = |what: &str| {
        typed.refuse(report, "config-bad-value", what);
        None
    };
    if user.is_some() && address.user.is_some() {
        return refuse("names a user twice; keep `user`.");
    }
    let user = user.or_else(|| address.user.clone());
    let login = match (user, password) {
        (None, Some(_)) => return refuse("has a password and no user; name the `user`."),
        (None, None) => None,
        (Some(user), password) => Some(ProxyLogin {
            user,
            password: Arc::new(Zeroizing::new(
                password.map_or_else(String::new, |secret| secret.expose().to_owned()),
            )),
        }),
    };
    match address.proxy(login) {
        Ok(proxy) => Some(proxy),
        Err(what) => refuse(what),
    }
}

impl ConnectionReader<'_, '_> {
    /// What a connection says about the way out. `declared` are the names of its
    /// secrets, `secrets` their texts.
    pub(super) fn network(
        &mut self,
        section: &mut Section,
        declared: &BTreeSet<&str>,
        secrets: &BTreeMap<String, Secret>,
        report: &mut Report,
    ) -> ConnectionNetwork {
        let proxy = match section.any("proxy") {
            None => ProxyChoice::Hosts,
            Some(Typed {
                value: DeValue::String(text),
                ..
            }) if text == "none" => ProxyChoice::None,
            Some(typed) => {
                let instead = "write { url = \"…\", user = \"…\", secret = \"NAME\" } with a secret of this connection";
                let proxy = read_proxy(&typed, instead, report, |table, report| {
                    if !table.table().contains_key("secret") {
                        // So that `secret` is known all the same.
                        table.any("secret");
                        return None;
                    }
                    let name = secret_name(table, "secret", declared, report)?;
                    secrets.get(&name).cloned()
                });
                proxy.map_or(ProxyChoice::Hosts, ProxyChoice::Own)
            }
        };
        let certificate = section.section(report, "client_certificate");
        let client_certificate =
            certificate.and_then(|table| self.client_certificate(table, report));
        let versions = section
            .string(report, "http")
            .map(|typed| match typed.value {
                "auto" => Versions::Auto,
                "1.1" => Versions::Http1,
                "2" => Versions::Http2,
                _ => {
                    let detail = "must be \"auto\", \"1.1\" or \"2\".";
                    typed.refuse(report, "config-bad-value", detail);
                    Versions::Auto
                }
            });
        let bind_address = section.string(report, "bind_address").and_then(|typed| {
            let address = typed.value.parse().ok();
            if address.is_none() {
                let detail =
                    "must be an IP address of this machine, without a port, as in \"192.0.2.7\".";
                typed.refuse(report, "config-bad-value", detail);
            }
            address
        });
        ConnectionNetwork {
            proxy,
            client_certificate,
            versions: versions.unwrap_or_default(),
            bind_address,
        }
    }

    fn client_certificate(
        &mut self,
        mut table: Section,
        report: &mut Report,
    ) -> Option<ClientCertificate> {
        let cert = table.required(
            report,
            "cert",
            "name the PEM file of the certificate and of those that signed it.",
        );
        let key = table.required(report, "key", "name the PEM file of the private key.");
        table.finish(report);
        let (cert, key) = (cert?, key?);
        let cert_file = self.inside_or_absolute(&cert, report);
        let key_file = self.inside_or_absolute(&key, report);
        let (cert_file, key_file) = (cert_file?, key_file?);
        let certificates = self.disk.read(&cert_file, &cert_file, MAX_CA_FILE);
        let private = self.disk.read_secret(&key_file, MAX_SECRET);
        let mut read = |typed: &Typed<&str>, path: &Path, result| match result {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                let error: super::disk::ReadError = error;
                let detail = format!("names the file {}, which {error}.", path.display());
                typed.refuse(report, error.code(), detail);
                None
            }
        };
        let certificates = read(&cert, &cert_file, certificates);
        let private = read(&key, &key_file, private);
        match ClientCertificate::from_pem(&certificates?, &private?) {
            Ok(certificate) => Some(certificate),
            Err(bad) => {
                let (typed, file) = match bad.part {
                    Part::Certificate => (&cert, &cert_file),
                    Part::Key => (&key, &key_file),
                };
                let line = match bad.line {
                    0 => String::new(),
                    line => format!(" (line {line})"),
                };
                let detail = format!(
                    "names the file {}, which {}{line}.",
                    file.display(),
                    bad.what
                );
                typed.refuse(report, "config-bad-value", detail);
                None
            }
        }
    }
}

/// What an environment variable holds.
type Environment<'e> = &'e dyn Fn(&str) -> Option<OsString>;

/// `[network]`.
pub(super) fn read_host(
    mut section: Section,
    folder: &Path,
    environment: Environment,
    report: &mut Report,
) -> HostNetwork {
    let mut network = HostNetwork::default();
    let own = section.any("proxy");
    let instead = "write { url = \"…\", user = \"…\", password = { file = \"…\" } }";
    let proxy = own.as_ref().and_then(|typed| {
        read_proxy(typed, instead, report, |table, report| {
            let table = table.section(report, "password")?;
            password(table, folder, environment, report)
        })
    });
    network.https.clone_from(&proxy);
    network.http = proxy;
    let except = section.strings(report, "no_proxy");
    if except.len() > MOST {
        let detail =
            format!("has more than {MOST} entries; name a domain for all that is below it.");
        section.refuse(report, "config-out-of-range", detail);
    }
    for typed in except.iter().take(MOST) {
        if !network.except.add(typed.value) {
            let detail = "must be a name, an address, a network as in \"10.0.0.0/8\", or \"*\".";
            typed.refuse(report, "config-bad-value", detail);
        }
    }
    let wanted = section.any("environment");
    let from_environment = section.boolean(report, "environment").unwrap_or(false);
    if let (true, Some(typed)) = (from_environment, &wanted) {
        match own {
            Some(_) => {
                let detail = "is true and there is a `proxy`; keep one of them.";
                typed.refuse(report, "config-bad-value", detail);
            }
            None => read_environment(&mut network, typed, environment, report),
        }
    }
    for typed in section.strings(report, "proxies").iter().take(MOST) {
        let instead = "the password is the connection's matter";
        if let Some(address) = address(typed, instead, report) {
            network.listed.push((address.host, address.port));
        }
    }
    section.finish(report);
    network
}

/// What most programs take from `HTTPS_PROXY` and its like.
fn read_environment(
    network: &mut HostNetwork,
    typed: &Typed<&DeValue>,
    environment: Environment,
    report: &mut Report,
) {
    let first = |names: &[&'static str]| {
        names.iter().find_map(|name| {
            let text = environment(name)?.into_string().ok()?;
            (!text.is_empty()).then_some((*name, Zeroizing::new(text)))
        })
    };
    let mut read = |names: &[&'static str]| {
        let (name, text) = first(names)?;
        let text = match text.contains("://") {
            true => text,
            false => Zeroizing::new(format!("http://{}", *text)),
        };
        let proxy = Address::parse(&text).and_then(|mut address| {
            let password = address.password.take().unwrap_or_default();
            let user = address.user.take();
            let password = Arc::new(password);
            address.proxy(user.map(|user| ProxyLogin { user, password }))
        });
        match proxy {
            Ok(proxy) => Some(proxy),
            Err(what) => {
                let detail = format!("is true, and the environment variable {name} {what}");
                typed.refuse(report, "config-bad-value", detail);
                None
            }
        }
    };
    network.https = read(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]);
    network.http = read(&["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]);
    if let Some((_, text)) = first(&["NO_PROXY", "no_proxy"]) {
        // Other programs skip what they do not know here, ports above all.
        for entry in text.split([',', ' ']).filter(|entry| !entry.is_empty()) {
            let name = match entry.rsplit_once(':') {
                Some((name, port)) if port.parse::<u16>().is_ok() && !name.contains(':') => name,
                _ => entry,
            };
            if !network.except.add(name) {
                tracing::warn!(
                    "an entry of NO_PROXY is no name, address or network, and is left out"
                );
            }
        }
    }
}

/// `{ env = "…" }` or `{ file = "…" }`.
fn password(
    mut table: Section,
    folder: &Path,
    environment: Environment,
    report: &mut Report,
) -> Option<Secret> {
    let variable = table.text(report, "env");
    let file = table.text(report, "file");
    let secret = match (&variable, &file) {
        (Some(typed), None) => {
            let text = environment(typed.value).and_then(|text| text.into_string().ok());
            if text.is_none() {
                let detail = "names an environment variable that is not set, or is not UTF-8.";
                typed.refuse(report, "config-secret-missing", detail);
            }
            text.map(Secret::new)
        }
        (None, Some(typed)) => {
            let path = folder.join(typed.value);
            let bytes = Disk::default().read_secret(&path, MAX_SECRET);
            let text = bytes.map_err(|error| error.to_string()).and_then(|bytes| {
                let text = String::from_utf8(bytes.to_vec());
                text.map_err(|_| "is not UTF-8 text".to_owned())
            });
            match text {
                Ok(text) => Some(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned())),
                Err(error) => {
                    let detail = format!("names the file {}, which {error}.", path.display());
                    typed.refuse(report, "config-secret-missing", detail);
                    None
                }
            }
        }
        _ => {
            let detail = "must be { env = \"VARIABLE\" } or { file = \"path\" }.";
            table.refuse(report, "config-bad-value", detail);
            None
        }
    };
    table.finish(report);
    secret
}

#[cfg(test)]
mod tests;
