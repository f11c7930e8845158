//! `GET /authorize`: RFC 6749, section 4.1.1, and RFC 7636, section 4.3.

use url::Url;

use super::Oauth;
use super::ledger::Agreed;
use crate::check::{Breach, Violation};
use crate::exchange::{Answer, Call};
use crate::platforms::{Inspection, Outcome};

/// The request's parameters.
const KNOWN: [&str; 7] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
];

/// Fewest characters of a `state`: one that can be guessed protects nobody.
const FEWEST_STATE: usize = 16;

/// Base64url of a SHA-256 without padding.
fn is_challenge(text: &str) -> bool {
    text.len() == 43
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn back(redirect: &Url, pairs: &[(&str, &str)]) -> Answer {
    let mut address = redirect.clone();
    address.query_pairs_mut().extend_pairs(pairs);
    Answer::text(302, "").with_header("location", address.to_string())
}

pub fn inspect<'a>(oauth: &'a Oauth, call: &'a Call) -> Inspection<'a> {
    let options = oauth.options();
    let mut violations = Vec::new();
    let query = call.checked_query(&mut violations);
    let mut find = |breach, name: &str, message: &str| {
        violations.push(Violation::new(breach, format!("query/{name}"), message));
    };
    for (position, (name, _)) in query.iter().enumerate() {
        if query[..position].iter().any(|(other, _)| other == name) {
            find(Breach::Unknown, name, "more than once");
        }
        if !KNOWN.contains(&name.as_str()) && !options.parameters.contains(name) {
            find(Breach::Unknown, name, "no document has this parameter");
        }
    }
    let value = |name: &str| {
        let found = query.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    };
    if value("response_type") != "code" {
        find(Breach::Enumeration, "response_type", "not `code`");
    }
    let client = options.client(value("client_id"));
    if !client.is_some_and(|client| client.may("authorization_code")) {
        find(Breach::Credentials, "client_id", "no client for codes");
    }
    let redirect = Url::parse(value("redirect_uri")).ok();
    let redirect = redirect.filter(|redirect| {
        let registered = |begin: &String| redirect.as_str().starts_with(begin.as_str());
        redirect.fragment().is_none()
            && client.is_some_and(|client| client.redirects.iter().any(registered))
    });
    if redirect.is_none() {
        find(Breach::Credentials, "redirect_uri", "not registered");
    }
    if value("state").len() < FEWEST_STATE {
        find(
            Breach::Missing,
            "state",
            "absent or short enough to be guessed",
        );
    }
    if !is_challenge(value("code_challenge")) {
        find(
            Breach::Missing,
            "code_challenge",
            "absent or no SHA-256 in base64url",
        );
    }
    if value("code_challenge_method") != "S256" {
        find(Breach::Enumeration, "code_challenge_method", "not `S256`");
    }
    let allowed = client.map_or("", |client| client.scopes.as_str());
    let mut scopes = value("scope").split(' ').filter(|scope| !scope.is_empty());
    if scopes.any(|scope| !allowed.split(' ').any(|known| known == scope)) {
        find(Breach::Enumeration, "scope", "not among the client's");
    }
    let (Some(redirect), Some(client), true) = (redirect, client, violations.is_empty()) else {
        // RFC 6749, section 4.1.2.1: told to the person, not to an address that
        // anybody may have put there.
        return Inspection::refuse(violations, Answer::text(400, "The request is not valid.\n"));
    };
    if options.denies {
        let pairs = [("error", "access_denied"), ("state", value("state"))];
        return Inspection::refuse(Vec::new(), back(&redirect, &pairs));
    }
    let scopes = match value("scope") {
        "" => client.scopes.clone(),
        scopes => scopes.to_owned(),
    };
    let agreed = Agreed {
        client: client.id.clone(),
        redirect_uri: value("redirect_uri").to_owned(),
        scopes,
        challenge: Some(value("code_challenge").to_owned()),
    };
    let state = value("state").to_owned();
    Inspection::apply(move || {
        let code = oauth.ledger().code(&options, agreed);
        Outcome::applied(back(&redirect, &[("code", &code), ("state", &state)]))
    })
}
