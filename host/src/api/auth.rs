//! Who may ask what.
//!
//! A tenant's tokens open that tenant's connections and records, the host's admin
//! tokens open what is loaded and the records that were taken in; what flows do is
//! open to both, and apart from that neither opens the other's. Where no token is configured,
//! being on this machine is the credential: only a loopback address is served
//! then, and only to programs. A web page that somebody on this machine has
//! open is told apart by its `Origin`, or, after DNS rebinding, by its `Host`;
//! a proxy on this machine, which speaks for strangers, by what it adds.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::http::header::{AUTHORIZATION, FORWARDED, HOST, HeaderName, ORIGIN, VIA};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Uri};

use super::problem::Refused;
use super::{App, Service};
use crate::config::{HostConfig, TokenHash};
use crate::problem::Problem;

/// A token has 46 characters; what is much longer is not worth hashing.
const MOST_TOKEN_BYTES: usize = 256;

/// What proxies add to a request they pass on.
const PROXY_HEADERS: [HeaderName; 4] = [
    FORWARDED,
    VIA,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-real-ip"),
];

/// How callers prove who they are, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenMode {
    /// Tokens are configured and needed.
    Tokens,
    /// Tokens are configured, but none for administration: `/v1/plugins`,
    /// `/v1/tenants`, `/v1/deliveries` and `/metrics` answer nobody.
    TokensWithoutAdmin,
    /// No token is configured: this machine only.
    LoopbackOnly,
}

impl TokenMode {
    /// One sentence for the operator.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Tokens => "callers need a bearer token",
            Self::TokensWithoutAdmin => {
                "callers need a bearer token; no [server] admin_tokens, so /v1/plugins, /v1/tenants, /v1/deliveries and /metrics answer nobody"
            }
            Self::LoopbackOnly => {
                "no tokens are configured: only programs on this machine may call; `crossdock token new` makes a token"
            }
        }
    }
}

/// Whose token opened something that is open to a tenant, or to an administrator too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opened {
    /// None: none is needed, since only programs of this machine are let in.
    Nobody,
    /// The tenant's.
    Tenant,
    /// An administrator's.
    Admin,
}

impl Opened {
    /// Who asked, for people.
    pub fn by(self) -> &'static str {
        match self {
            Self::Nobody => "somebody on this machine, without a token",
            Self::Tenant => "somebody with a token of the tenant",
            Self::Admin => "somebody with an admin token",
        }
    }
}

/// The rules, with what they need from the configuration.
#[derive(Debug)]
pub(super) struct Access {
    loopback: bool,
    admin: ArcSwap<Vec<TokenHash>>,
}

impl Access {
    /// The rules for a host that listens on `address`. A host without any
    /// token that others could reach is refused.
    pub fn new(
        address: SocketAddr,
        config: &HostConfig,
        any_tenant_has_tokens: bool,
    ) -> Result<Self, Problem> {
        let loopback = address.ip().to_canonical().is_loopback();
        if !loopback && config.admin_tokens.is_empty() && !any_tenant_has_tokens {
            return Err(Problem::host(
                "no-tokens",
                format!(
                    "listening on {address} would let anybody who reaches it send in the tenants' names, because no token is configured; \
                     make one with `crossdock token new` and put its `tokens = […]` line into the tenant's file, or listen on 127.0.0.1"
                ),
            ));
        }
        Ok(Self {
            loopback,
            admin: ArcSwap::from_pointee(config.admin_tokens.clone()),
        })
    }

    /// Replaces the admin tokens.
    pub fn set_admin(&self, tokens: Vec<TokenHash>) {
        self.admin.store(Arc::new(tokens));
    }

    /// How callers prove who they are.
    pub fn mode(&self, any_tenant_has_tokens: bool) -> TokenMode {
        match (self.admin.load().is_empty(), any_tenant_has_tokens) {
            (false, _) => TokenMode::Tokens,
            (true, true) => TokenMode::TokensWithoutAdmin,
            (true, false) => TokenMode::LoopbackOnly,
        }
    }

    /// Whether a call for a tenant may go on. `tokens` are the tenant's, if
    /// there is such a tenant.
    ///
    /// Where tokens are in force, a tenant that does not exist is refused with
    /// the same words as a wrong token.
    pub fn tenant(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
        tokens: Option<&[TokenHash]>,
        any_tenant_has_tokens: impl FnOnce() -> bool,
    ) -> Result<Opened, Refused> {
        let open = match tokens {
            Some([]) => self.loopback,
            Some(_) => false,
            None => self.loopback && self.admin.load().is_empty() && !any_tenant_has_tokens(),
        };
        if open {
            return local_program(uri, headers).map(|()| Opened::Nobody);
        }
        match bearer(headers) {
            Some(token) if is_one_of(tokens.unwrap_or_default(), token) => Ok(Opened::Tenant),
            Some(_) => Err(unauthorized(
                "the bearer token is not one of this tenant's; `crossdock token new` makes one",
            )),
            None => Err(unauthorized(
                "this needs a bearer token of the tenant: send `Authorization: Bearer cd_…`",
            )),
        }
    }

    /// Whether somebody may ask about a tenant who is its own or an administrator.
    pub fn tenant_or_admin(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
        tokens: Option<&[TokenHash]>,
        any_tenant_has_tokens: impl FnOnce() -> bool,
    ) -> Result<Opened, Refused> {
        let admin = self.admin.load();
        if bearer(headers).is_some_and(|token| is_one_of(&admin, token)) {
            return Ok(Opened::Admin);
        }
        self.tenant(uri, headers, tokens, any_tenant_has_tokens)
    }

    /// Whether a question about what is loaded, or about the records of all tenants,
    /// may go on.
    pub fn admin(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
        any_tenant_has_tokens: impl FnOnce() -> bool,
    ) -> Result<(), Refused> {
        let admin = self.admin.load();
        if admin.is_empty() {
            if self.loopback && !any_tenant_has_tokens() {
                return local_program(uri, headers);
            }
            return Err(forbidden(
                "no-admin-token",
                "this needs an admin token, and none is configured; make one with `crossdock token new` \
                 and put its hash into `[server] admin_tokens` of crossdock.toml",
            ));
        }
        match bearer(headers) {
            Some(token) if is_one_of(&admin, token) => Ok(()),
            Some(_) => Err(unauthorized("the bearer token is not an admin token")),
            None => Err(unauthorized(
                "this needs an admin token: send `Authorization: Bearer cd_…`",
            )),
        }
    }
}

/// Compares with every hash, also after one was right. Where there is none, one
/// is computed for nothing, so that a tenant that does not exist takes as long
/// as one that does.
fn is_one_of(hashes: &[TokenHash], token: &str) -> bool {
    if hashes.is_empty() {
        std::hint::black_box(TokenHash::of(token));
    }
    hashes
        .iter()
        .fold(false, |found, hash| hash.verify(token) | found)
}

/// The bearer token of a request (RFC 6750), if there is exactly one.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim_matches(' ');
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.len() <= MOST_TOKEN_BYTES)
        .then_some(token)
}

/// Refuses what a program on this machine would not send by itself.
fn local_program(uri: &Uri, headers: &HeaderMap) -> Result<(), Refused> {
    if headers.contains_key(ORIGIN) {
        return Err(forbidden(
            "cross-origin",
            "this host has no tokens and answers no web pages; configure a token and leave `Origin` out",
        ));
    }
    if PROXY_HEADERS.iter().any(|name| headers.contains_key(name)) {
        return Err(forbidden(
            "proxied",
            "this host has no tokens and answers no proxies; configure a token with `crossdock token new`",
        ));
    }
    let mut named = headers.get_all(HOST).iter().peekable();
    let local = named.peek().is_some()
        && named.all(|host| host.to_str().is_ok_and(is_loopback_name))
        && uri
            .authority()
            .is_none_or(|authority| is_loopback_name(authority.as_str()));
    if !local {
        return Err(forbidden(
            "foreign-host",
            "this host has no tokens and answers to loopback names only; call it as `localhost` or `127.0.0.1`, or configure a token",
        ));
    }
    Ok(())
}

/// `localhost`, a name below it, or a loopback address; with or without a port.
fn is_loopback_name(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    if authority.as_str().contains('@') {
        return false;
    }
    let name = authority.host();
    let name = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
        .unwrap_or(name);
    match name.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
    }
}

/// Whether a call for a tenant may go on.
///
/// While a tenant is still being checked for the first time, its tokens are not
/// known, and its own token would be called wrong. So whatever is refused for its
/// token is told to come back then, in the same words whether there is such a
/// tenant, whether it serves, and what it was asked with: whoever guesses learns
/// that something is loading, and nothing of anybody.
pub(super) fn admit<S: Service>(
    app: &App<S>,
    tenant: &str,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<(), Refused> {
    let service = &app.service;
    let tokens = service.tokens_of(tenant);
    let any = || service.any_tenant_has_tokens();
    let admitted = app.access.tenant(uri, headers, tokens.as_deref(), any);
    let admitted = admitted.map_err(|refused| or_loading(service, refused));
    admitted.map(|_| ())
}

/// The same for what an administrator may do, too.
pub(super) fn admit_or_admin<S: Service>(
    app: &App<S>,
    tenant: &str,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Opened, Refused> {
    let service = &app.service;
    let tokens = service.tokens_of(tenant);
    let any = || service.any_tenant_has_tokens();
    let admitted = app
        .access
        .tenant_or_admin(uri, headers, tokens.as_deref(), any);
    admitted.map_err(|refused| or_loading(service, refused))
}

/// What somebody is told who is not known, while nobody knows who is.
pub(super) fn or_loading<S: Service>(service: &S, refused: Refused) -> Refused {
    match refused.status {
        StatusCode::UNAUTHORIZED if service.is_loading() => Problem::host(
            "tenant-loading",
            "tenants are still being checked, so which tokens are right is not known; send the call again in a moment",
        )
        .into(),
        _ => refused,
    }
}

fn unauthorized(detail: &str) -> Refused {
    Refused::new(
        StatusCode::UNAUTHORIZED,
        Problem::caller("unauthorized", detail),
    )
}

fn forbidden(code: &'static str, detail: &str) -> Refused {
    Refused::new(StatusCode::FORBIDDEN, Problem::caller(code, detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn loopback_names_are_told_from_names_that_only_look_like_them() {
        for name in [
            "localhost",
            "LocalHost:8080",
            "localhost.",
            "shop.localhost:80",
            "127.0.0.1",
            "127.8.9.1:8080",
            "[::1]:8080",
            "[::ffff:127.0.0.1]",
        ] {
            assert!(is_loopback_name(name), "{name}");
        }
        for name in [
            "",
            "example.com",
            "localhost.example.com",
            "notlocalhost",
            "127.0.0.1.example.com",
            "localhost@example.com",
            "example.com@localhost",
            "10.0.0.1",
            "[::2]",
            "0.0.0.0",
        ] {
            assert!(!is_loopback_name(name), "{name}");
        }
    }

    #[test]
    fn a_bearer_token_is_read_from_exactly_one_header() {
        let headers = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::from_static(value));
            }
            headers
        };
        assert_eq!(bearer(&headers(&["Bearer cd_x"])), Some("cd_x"));
        assert_eq!(bearer(&headers(&["bearer  cd_x "])), Some("cd_x"));
        for values in [
            &[][..],
            &["Basic cd_x"],
            &["Bearer"],
            &["Bearer "],
            &["cd_x"],
            &["Bearer cd_x", "Bearer cd_y"],
        ] {
            assert_eq!(bearer(&headers(values)), None, "{values:?}");
        }
        let long = format!("Bearer {}", "x".repeat(MOST_TOKEN_BYTES + 1));
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, long.parse().unwrap());
        assert_eq!(bearer(&headers), None);
    }
}
