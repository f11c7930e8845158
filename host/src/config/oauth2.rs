//! `auth = { oauth2 = { … } }`: what the host needs to get and renew a token by
//! itself (RFC 6749), and where requests carry it.

use std::collections::{BTreeMap, BTreeSet};

use url::Url;

use super::auth::{is_free_header, secret_name};
use super::connection::parse_url;
use super::mistakes::Report;
use super::reader::{Section, Typed};

/// The name under which the token is among a connection's secrets. No secret of a
/// file can be called so, for names have no spaces.
pub const OAUTH2_TOKEN: &str = "oauth2 token";

/// Longest client ID, scope and value of a parameter.
const MOST_TEXT: usize = 1024;

/// Most scopes, and most parameters.
const MOST: usize = 64;

/// `{ oauth2 = { … } }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuth2Config {
    /// `grant`, with what only one of them needs.
    pub grant: OAuth2Grant,
    /// `token_url`: where tokens are asked for.
    pub token_url: Url,
    /// `client_id`.
    pub client_id: String,
    /// `secret`: name of the secret that proves it; nothing for a public client.
    pub secret: Option<String>,
    /// `client_auth`: where the client's ID and secret stand.
    pub client_auth: ClientAuth,
    /// `scopes`, in the order of the file.
    pub scopes: Vec<String>,
    /// `parameters`: what the platform wants besides, as `audience`.
    pub parameters: BTreeMap<String, String>,
    /// `format`: how a request for a token is written.
    pub format: TokenFormat,
    /// `header` or `query`: where requests carry the token.
    pub place: TokenPlace,
}

/// How the first token is had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OAuth2Grant {
    /// `"client_credentials"`: with nothing but the client's own credentials.
    ClientCredentials,
    /// `"authorization_code"`: with a code that a person gets at the platform, and
    /// PKCE (RFC 7636).
    AuthorizationCode {
        /// `authorize_url`: what the person opens.
        authorize_url: Url,
    },
    /// `"refresh_token"`: with a refresh token that somebody had already.
    RefreshToken {
        /// `refresh_token`: name of the secret that is the first one.
        refresh_token: String,
    },
}

impl OAuth2Grant {
    /// As it is typed.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::AuthorizationCode { .. } => "authorization_code",
            Self::RefreshToken { .. } => "refresh_token",
        }
    }
}

/// Where a request for a token has the client's ID and secret (RFC 6749 §2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientAuth {
    /// `"basic"`: in the `Authorization` header.
    #[default]
    Basic,
    /// `"body"`: as `client_id` and `client_secret`.
    Body,
}

/// How a request for a token is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenFormat {
    /// `"form"`, as RFC 6749 has it.
    #[default]
    Form,
    /// `"json"`: an object of the same members, as some platforms want it.
    Json,
}

/// Where requests carry the token.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TokenPlace {
    /// `Authorization: Bearer …` (RFC 6750).
    #[default]
    Bearer,
    /// `header = "…"`: a header of that name.
    Header(String),
    /// `query = "…"`: a parameter of that name.
    Query(String),
}

/// What the protocol itself sets, here or in a later step.
const OWN_PARAMETERS: [&str; 14] = [
    "grant_type",
    "client_id",
    "client_secret",
    "code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "password",
    "redirect_uri",
    "refresh_token",
    "response_type",
    "scope",
    "state",
    "username",
];

/// The grant, or nothing when it is incomplete, which is reported. `certificate`
/// says whether the connection shows one, which can stand for a secret (RFC 8705).
pub(super) fn read(
    mut section: Section,
    declared: &BTreeSet<&str>,
    certificate: bool,
    report: &mut Report,
) -> Option<OAuth2Config> {
    let grant = section.required(
        report,
        "grant",
        "say how the first token is had: \"client_credentials\", \"authorization_code\" or \"refresh_token\".",
    );
    let token_url = section.required(
        report,
        "token_url",
        "say where tokens are asked for, as in token_url = \"https://api.example.com/oauth/token\".",
    );
    let token_url = token_url.and_then(|typed| parse_endpoint(&typed, report));
    let client_id = section.required(
        report,
        "client_id",
        "give the ID that the platform gave this application.",
    );
    let client_id = client_id.filter(|typed| is_plain(typed, report));
    let has_secret = section.table().contains_key("secret");
    let secret = match has_secret {
        true => secret_name(&mut section, "secret", declared, report),
        false => {
            section.any("secret");
            None
        }
    };
    let client_auth = section.string(report, "client_auth").map(|typed| {
        if !has_secret {
            let detail = "says where `secret` is sent, and there is no `secret`; leave it out.";
            typed.refuse(report, "config-bad-value", detail);
        }
        match typed.value {
            "basic" => ClientAuth::Basic,
            "body" => ClientAuth::Body,
            _ => {
                typed.refuse(report, "config-bad-value", "must be \"basic\" or \"body\".");
                ClientAuth::Basic
            }
        }
    });
    let grant = grant.and_then(|typed| {
        if typed.value == "client_credentials" && !has_secret && !certificate {
            let detail = "is \"client_credentials\", which proves who asks by a secret: name one with `secret`.";
            typed.refuse(report, "config-bad-value", detail);
        }
        read_grant(&mut section, &typed, declared, report)
    });
    let scopes = read_scopes(&mut section, report);
    let parameters = section.section(report, "parameters");
    let parameters = parameters.map(|table| read_parameters(&table, report));
    let format = section
        .string(report, "format")
        .map(|typed| match typed.value {
            "form" => TokenFormat::Form,
            "json" => TokenFormat::Json,
            _ => {
                typed.refuse(report, "config-bad-value", "must be \"form\" or \"json\".");
                TokenFormat::Form
            }
        });
    let place = read_place(&mut section, report);
    section.finish(report);
    Some(OAuth2Config {
        grant: grant?,
        token_url: token_url?,
        client_id: client_id?.value.to_owned(),
        secret,
        client_auth: client_auth.unwrap_or_default(),
        scopes,
        parameters: parameters.unwrap_or_default(),
        format: format.unwrap_or_default(),
        place,
    })
}

/// The grant of that name, with the keys that belong to it and to no other.
fn read_grant(
    section: &mut Section,
    typed: &Typed<&str>,
    declared: &BTreeSet<&str>,
    report: &mut Report,
) -> Option<OAuth2Grant> {
    let mut not_for = |name: &'static str, grant: &str, report: &mut Report| {
        if let Some(other) = section.any(name) {
            let detail =
                format!("belongs to grant = \"{grant}\" only; leave it out, or change `grant`.");
            other.refuse(report, "config-bad-value", detail);
        }
    };
    match typed.value {
        "client_credentials" => {
            not_for("authorize_url", "authorization_code", report);
            not_for("refresh_token", "refresh_token", report);
            Some(OAuth2Grant::ClientCredentials)
        }
        "authorization_code" => {
            not_for("refresh_token", "refresh_token", report);
            let url = section.required(
                report,
                "authorize_url",
                "say what a person opens to agree, as in authorize_url = \"https://shop.example.com/oauth/authorize\".",
            );
            let authorize_url = parse_endpoint(&url?, report)?;
            Some(OAuth2Grant::AuthorizationCode { authorize_url })
        }
        "refresh_token" => {
            not_for("authorize_url", "authorization_code", report);
            let refresh_token = secret_name(section, "refresh_token", declared, report)?;
            Some(OAuth2Grant::RefreshToken { refresh_token })
        }
        _ => {
            // They belong to one of the grants, whichever is meant.
            section.any("authorize_url");
            section.any("refresh_token");
            let detail =
                "must be \"client_credentials\", \"authorization_code\" or \"refresh_token\".";
            typed.refuse(report, "config-bad-value", detail);
            None
        }
    }
}

/// The URL of an endpoint, which may have a query (RFC 6749 §3.1, §3.2).
fn parse_endpoint(typed: &Typed<&str>, report: &mut Report) -> Option<Url> {
    let url = parse_url(typed, "use `client_id` and `secret` instead", report)?;
    if url.as_str().parse::<http::Uri>().is_err() {
        let detail = "has characters that must be percent-encoded.";
        typed.refuse(report, "config-bad-value", detail);
        return None;
    }
    Some(url)
}

/// `[server] public_url`: the address to which codes are sent back.
pub(super) fn public_url(server: &mut Section, report: &mut Report) -> Option<Url> {
    let typed = server.text(report, "public_url")?;
    let url = parse_url(&typed, "platforms and their users see this address", report)?;
    if url.query().is_some() {
        let detail = "must not contain a query (`?`).";
        typed.refuse(report, "config-bad-value", detail);
        return None;
    }
    Some(url)
}

/// Whether it is a text that a header and a form can carry. What was typed is not
/// repeated: it may be a secret.
fn is_plain(typed: &Typed<&str>, report: &mut Report) -> bool {
    let plain = typed.value.len() <= MOST_TEXT && !typed.value.contains(|c: char| c.is_control());
    if !plain {
        let detail = format!("must have at most {MOST_TEXT} bytes and no control characters.");
        typed.refuse(report, "config-bad-value", detail);
    }
    plain
}

fn read_scopes(section: &mut Section, report: &mut Report) -> Vec<String> {
    let scopes = section.strings(report, "scopes");
    if let Some(typed) = scopes.get(MOST) {
        let detail = format!("is one too many; there may be {MOST} scopes.");
        typed.refuse(report, "config-out-of-range", detail);
    }
    let mut read = Vec::new();
    for typed in scopes.iter().take(MOST) {
        // RFC 6749 §3.3: what stands between two spaces.
        let valid = |byte: u8| (0x21..0x7f).contains(&byte) && !matches!(byte, b'"' | b'\\');
        let fits = (1..=MOST_TEXT).contains(&typed.value.len());
        if fits && typed.value.bytes().all(valid) {
            read.push(typed.value.to_owned());
        } else {
            let detail = "must be one scope: letters, digits and signs without spaces and quotes; write several as [\"read\", \"write\"].";
            typed.refuse(report, "config-bad-value", detail);
        }
    }
    read
}

fn read_parameters(table: &Section, report: &mut Report) -> BTreeMap<String, String> {
    let mut read = BTreeMap::new();
    if table.table().len() > MOST {
        let detail = format!("has more than {MOST} entries.");
        table.refuse(report, "config-out-of-range", detail);
        return read;
    }
    for entry in table.entries() {
        let Some(value) = entry.value.string(report) else {
            continue;
        };
        let named = (1..=MOST_TEXT).contains(&entry.name.len());
        if !named || entry.name.contains(char::is_control) {
            let detail = "must have a name of at most 1024 bytes without control characters.";
            value.refuse(report, "config-bad-value", detail);
        } else if OWN_PARAMETERS.contains(&entry.name) {
            let detail = "is set by the host itself; leave it out.";
            value.refuse(report, "config-bad-value", detail);
        } else if is_plain(&value, report) {
            read.insert(entry.name.to_owned(), value.value.to_owned());
        }
    }
    read
}

fn read_place(section: &mut Section, report: &mut Report) -> TokenPlace {
    let header = section.text(report, "header");
    let query = section.text(report, "query");
    match (header, query) {
        (None, None) => TokenPlace::Bearer,
        (Some(header), None) if is_free_header(&header, report) => {
            TokenPlace::Header(header.value.to_owned())
        }
        (Some(_), None) => TokenPlace::Bearer,
        (None, Some(query)) => match is_plain(&query, report) {
            true => TokenPlace::Query(query.value.to_owned()),
            false => TokenPlace::Bearer,
        },
        (Some(_), Some(query)) => {
            let detail = "and `header` both say where requests carry the token; keep one of them.";
            query.refuse(report, "config-bad-value", detail);
            TokenPlace::Bearer
        }
    }
}

#[cfg(test)]
mod tests;
