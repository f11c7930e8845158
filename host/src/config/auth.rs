//! Reads `auth = { … }`: the schemes the host applies by itself.

use std::collections::BTreeSet;

use super::Auth;
use super::did_you_mean::nearest;
use super::mistakes::Report;
use super::oauth2;
use super::reader::{Section, Typed, listed};

/// The scheme, or nothing when it is incomplete, which is reported. `declared`
/// are the names of the connection's secrets; `certificate` says whether the
/// connection shows one.
pub(super) fn read_auth(
    mut section: Section,
    declared: &BTreeSet<&str>,
    certificate: bool,
    report: &mut Report,
) -> Option<Auth> {
    let basic = section.section(report, "basic");
    let bearer = section.section(report, "bearer");
    let header = section.section(report, "header");
    let query = section.section(report, "query");
    let oauth2 = section.section(report, "oauth2");

    let auth = match (basic, bearer, header, query, oauth2) {
        (Some(mut basic), None, None, None, None) => {
            let user = basic.required(report, "user", "name the user.");
            let user = user.filter(|user| {
                // RFC 7617: the first colon ends the user.
                let valid = !user.value.contains(|c: char| c == ':' || c.is_control());
                if !valid {
                    let detail = "must not contain a colon or control characters.";
                    user.refuse(report, "config-bad-value", detail);
                }
                valid
            });
            let secret = secret_name(&mut basic, "secret", declared, report);
            basic.finish(report);
            user.zip(secret).map(|(user, secret)| Auth::Basic {
                user: user.value.to_owned(),
                secret,
            })
        }
        (None, Some(mut bearer), None, None, None) => {
            let secret = secret_name(&mut bearer, "secret", declared, report);
            bearer.finish(report);
            secret.map(|secret| Auth::Bearer { secret })
        }
        (None, None, Some(mut header), None, None) => {
            let name = header.required(report, "name", "name the header.");
            let name = name.filter(|name| is_free_header(name, report));
            let secret = secret_name(&mut header, "secret", declared, report);
            header.finish(report);
            name.zip(secret).map(|(name, secret)| Auth::Header {
                name: name.value.to_owned(),
                secret,
            })
        }
        (None, None, None, Some(mut query), None) => {
            let name = query.required(report, "name", "name the parameter.");
            let secret = secret_name(&mut query, "secret", declared, report);
            query.finish(report);
            name.zip(secret).map(|(name, secret)| Auth::Query {
                name: name.value.to_owned(),
                secret,
            })
        }
        (None, None, None, None, Some(oauth2)) => {
            let read = oauth2::read(oauth2, declared, certificate, report);
            read.map(|read| Auth::OAuth2(Box::new(read)))
        }
        // Something else was typed, which `finish` names.
        (None, None, None, None, None) if !section.table().is_empty() => None,
        _ => {
            section.refuse(
                report,
                "config-bad-value",
                "must have exactly one of `basic`, `bearer`, `header`, `query` and `oauth2`, \
                 as in { bearer = { secret = \"token\" } }.",
            );
            None
        }
    };
    section.finish(report);
    auth
}

/// The name of a secret of the same connection, under this key. What was typed is not repeated:
/// it may be the secret itself.
pub(super) fn secret_name(
    section: &mut Section,
    key: &'static str,
    declared: &BTreeSet<&str>,
    report: &mut Report,
) -> Option<String> {
    let advice = "name a secret of this connection's `secrets`.";
    let typed = section.required(report, key, advice)?;
    if declared.contains(typed.value) {
        return Some(typed.value.to_owned());
    }
    let advice = match nearest(typed.value, declared.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if declared.is_empty() => "it has no `secrets` yet.".to_owned(),
        None => format!("it has {}.", listed(declared.iter().copied())),
    };
    let detail = format!("names no secret of this connection: {advice}");
    typed.refuse(report, "config-secret-missing", detail);
    None
}

pub(super) fn is_free_header(name: &Typed<&str>, report: &mut Report) -> bool {
    let parsed = http::HeaderName::from_bytes(name.value.as_bytes());
    let free = parsed.is_ok_and(|parsed| {
        !crate::http::is_reserved_header(&parsed) && parsed != http::header::CONTENT_ENCODING
    });
    if !free {
        let detail = "must be the name of a header that does not belong to the transport \
                      (such as Host or Content-Length).";
        name.refuse(report, "config-bad-value", detail);
    }
    free
}
