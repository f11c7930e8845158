//! `POST /token`: RFC 6749, sections 4.1.3, 4.4.2, 5 and 6, and RFC 7636,
//! section 4.5.

use serde_json::json;

use super::client::{self, Stranger};
use super::ledger::{Issued, Refused};
use super::{Oauth, OauthOptions};
use crate::check::{Breach, Violation};
use crate::exchange::{Answer, Call};
use crate::form;
use crate::platforms::{Inspection, Outcome};

/// How a platform's token answer departs from the RFC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Not at all.
    Rfc,
    /// Shopify's page shows an answer without `token_type`, and scopes with commas.
    Shopify,
}

/// Parameters of any token request, and those of each grant.
const EVERYBODYS: [&str; 3] = ["grant_type", "client_id", "client_secret"];

fn own(grant: &str) -> Option<&'static [&'static str]> {
    Some(match grant {
        "client_credentials" => &["scope"],
        "authorization_code" => &["code", "redirect_uri", "code_verifier"],
        "refresh_token" => &["refresh_token", "scope"],
        _ => return None,
    })
}

fn demanded(grant: &str) -> &'static [&'static str] {
    match grant {
        "authorization_code" => &["code", "redirect_uri", "code_verifier"],
        "refresh_token" => &["refresh_token"],
        _ => &[],
    }
}

/// RFC 7636, section 4.1.
fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

fn unstored(answer: Answer) -> Answer {
    answer
        .with_header("cache-control", "no-store")
        .with_header("pragma", "no-cache")
}

/// RFC 6749, section 5.2.
pub fn refused(code: &str, description: &str) -> Answer {
    let body = json!({"error": code, "error_description": description});
    unstored(Answer::json(&body).with_status(400))
}

fn strange(stranger: Stranger) -> Inspection<'static> {
    let answer = refused("invalid_client", "the client is not known").with_status(401);
    let answer = if stranger.by_header {
        answer.with_header("www-authenticate", "Basic realm=\"token\"")
    } else {
        answer
    };
    Inspection::refuse(vec![stranger.violation], answer)
}

fn given(options: &OauthOptions, dialect: Dialect, issued: Result<Issued, Refused>) -> Outcome {
    let issued = match issued {
        Ok(issued) => issued,
        Err(why) => return Outcome::refused(refused("invalid_grant", why)),
    };
    let mut answer = json!({"access_token": issued.access});
    answer["scope"] = match dialect {
        Dialect::Rfc => {
            answer["token_type"] = "Bearer".into();
            issued.scopes.into()
        }
        Dialect::Shopify => issued.scopes.replace(' ', ",").into(),
    };
    if let Some(seconds) = options.told_lifetime() {
        answer["expires_in"] = seconds.into();
    }
    if let Some(refresh) = issued.refresh {
        answer["refresh_token"] = refresh.into();
        if let Some(lifetime) = options.refresh_lifetime_ms {
            // No RFC has it; several platforms do.
            answer["refresh_token_expires_in"] = lifetime.div_ceil(1000).into();
        }
    }
    Outcome::applied(unstored(Answer::json(&answer)))
}

pub fn inspect<'a>(oauth: &'a Oauth, call: &'a Call, dialect: Dialect) -> Inspection<'a> {
    let options = oauth.options();
    let mut violations = Vec::new();
    if !call.raw_query.is_empty() {
        // RFC 6749, section 2.3.1: parameters MUST NOT be in the address.
        let message = "a token request has no query";
        violations.push(Violation::new(Breach::Unknown, "query", message));
    }
    let fields = match form::parse(call) {
        Ok(fields) if call.media_type().as_deref() != Some("multipart/form-data") => fields,
        Ok(_) => {
            let message = "not application/x-www-form-urlencoded";
            let violation = Violation::new(Breach::ContentType, "header/content-type", message);
            return Inspection::refuse(vec![violation], refused("invalid_request", message));
        }
        Err(violation) => {
            let answer = refused("invalid_request", "the body is no form");
            return Inspection::refuse(vec![violation], answer);
        }
    };
    let client = match client::identify(&options, call, &fields) {
        Ok(client) => client,
        Err(stranger) => return strange(stranger),
    };
    let mut find = |breach, name: &str, message: &str| {
        violations.push(Violation::new(breach, name, message));
    };
    let value = |name: &str| {
        let found = fields.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    };
    let grant = value("grant_type").unwrap_or_default();
    let Some(own) = own(grant) else {
        find(Breach::Enumeration, "grant_type", "absent or not known");
        return Inspection::refuse(violations, refused("unsupported_grant_type", ""));
    };
    for (position, (name, text)) in fields.iter().enumerate() {
        let name = name.as_str();
        if fields[..position].iter().any(|(other, _)| other == name) {
            find(Breach::Unknown, name, "more than once");
        }
        let known = EVERYBODYS.contains(&name) || own.contains(&name);
        if !known && !options.parameters.iter().any(|other| other == name) {
            find(Breach::Unknown, name, "this grant has no such parameter");
        }
        if text.is_empty() {
            find(Breach::Missing, name, "without a value");
        }
    }
    for name in demanded(grant) {
        if value(name).is_none() {
            find(Breach::Missing, name, "this grant demands it");
        }
    }
    if value("code_verifier").is_some_and(|verifier| !is_verifier(verifier)) {
        find(
            Breach::Length,
            "code_verifier",
            "not 43 to 128 unreserved characters",
        );
    }
    if !violations.is_empty() {
        return Inspection::refuse(violations, refused("invalid_request", ""));
    }
    if !client.may(grant) {
        let message = "the client is not registered for this grant";
        let violation = Violation::new(Breach::Enumeration, "grant_type", message);
        return Inspection::refuse(vec![violation], refused("unauthorized_client", message));
    }
    let wanted = value("scope");
    let allowed = |scope: &str| client.scopes.split(' ').any(|known| known == scope);
    if wanted.is_some_and(|wanted| !wanted.split(' ').all(allowed)) {
        let violation = Violation::new(Breach::Enumeration, "scope", "not among the client's");
        return Inspection::refuse(vec![violation], refused("invalid_scope", ""));
    }
    let client = client.clone();
    let field = |name: &str| value(name).unwrap_or_default().to_owned();
    let (code, redirect) = (field("code"), field("redirect_uri"));
    let (refresh, verifier) = (
        field("refresh_token"),
        value("code_verifier").map(str::to_owned),
    );
    let wanted = wanted.map(str::to_owned);
    let grant = grant.to_owned();
    Inspection::apply(move || {
        let mut ledger = oauth.ledger();
        let id = &client.id;
        let issued = match grant.as_str() {
            "client_credentials" => {
                let scopes = wanted.as_deref().unwrap_or(&client.scopes);
                Ok(ledger.for_client(&options, id, scopes))
            }
            "authorization_code" => {
                ledger.for_code(&options, id, &code, &redirect, verifier.as_deref())
            }
            _ => ledger.for_refresh(&options, id, &refresh, wanted.as_deref()),
        };
        given(&options, dialect, issued)
    })
}
