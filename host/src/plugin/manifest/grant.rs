//! How a platform gives a connection its token, as the manifest says it, and what no
//! schema says about that.

use std::collections::BTreeSet;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::Manifest;
use crate::config::did_you_mean;

/// The operation by which a grant is had. Only the host calls it.
pub const GRANT: &str = "grant";

/// How a token is had and renewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// How the first one is had.
    pub by: Vec<GrantBy>,
    /// The setting that a connection has for which nobody has to agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_with: Option<String>,
    /// The settings that say to which application and account it is granted: with
    /// another value of one, a token is not used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<String>,
    /// Where a person agrees, with what the host fills in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorize: Option<String>,
    /// The secret's name for what a person brought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The secret's name for what renews the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<String>,
    /// The secret's name for the token.
    pub token: String,
    /// Where it is in an answer.
    pub answer: GrantAnswer,
    /// Seconds for which a token lives where an answer does not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<u32>,
    /// Seconds before a token's end from which on the platform gives another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renew_within: Option<u32>,
}

/// How the first token is had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GrantBy {
    /// For a code that a person brings.
    Code,
    /// For what the connection has anyway.
    Client,
}

/// RFC 6901 pointers into a platform's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantAnswer {
    /// The token.
    pub token: String,
    /// What renews it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<String>,
    /// How long the token lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<String>,
    /// How long what renews it lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_expires_in: Option<String>,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// What it allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<String>,
}

/// Everything in a value of a query or a path that could mean something there.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

impl Grant {
    /// Whether a first token can be had in this way.
    pub fn is_by(&self, by: GrantBy) -> bool {
        self.by.contains(&by)
    }

    /// Whether a connection with these settings gets its first token without a person.
    pub fn needs_nobody(&self, settings: &Value) -> bool {
        let set = |name: &String| settings.get(name).is_some_and(|value| !value.is_null());
        self.is_by(GrantBy::Client) && self.client_with.as_ref().is_none_or(set)
    }

    /// JSON Schema of the one document.
    pub fn document(&self) -> Value {
        let mut ways: Vec<&str> = Vec::new();
        for by in &self.by {
            ways.push(match by {
                GrantBy::Code => "code",
                GrantBy::Client => "client",
            });
        }
        if self.refresh.is_some() {
            ways.push("refresh");
        }
        json!({
            "type": "object",
            "required": ["by"],
            "additionalProperties": false,
            "properties": {
                "by": { "enum": ways },
                "redirect": { "type": "string" },
            },
        })
    }

    /// Where a person agrees for a connection with these settings; nothing where the
    /// manifest does not say where.
    ///
    /// # Errors
    /// One sentence: a setting is not there, or what comes out is no address.
    pub fn authorize_url(
        &self,
        settings: &Value,
        state: &str,
        redirect: Option<&Url>,
    ) -> Result<Option<Url>, String> {
        let Some(template) = &self.authorize else {
            return Ok(None);
        };
        let mut text = String::new();
        for part in parts(template) {
            let value = match part {
                Part::Text(plain) => {
                    text.push_str(plain);
                    continue;
                }
                Part::Hole("state") => state.to_owned(),
                Part::Hole("redirect") => match redirect {
                    Some(redirect) => redirect.to_string(),
                    None => {
                        return Err(
                            "the platform sends the person back to this host, whose address is not known: set `[server] public_url`"
                                .into(),
                        );
                    }
                },
                Part::Hole(name) => {
                    let name = name.strip_prefix("settings.").unwrap_or(name);
                    match &settings[name] {
                        Value::String(value) => value.clone(),
                        Value::Number(value) => value.to_string(),
                        _ => {
                            return Err(format!(
                                "where a person agrees depends on the setting `{name}`: set it in the connection's `settings`"
                            ));
                        }
                    }
                }
            };
            text.extend(utf8_percent_encode(&value, VALUE));
        }
        let url = Url::parse(&text);
        url.map(Some)
            .map_err(|error| format!("the address at which a person agrees is none ({error})"))
    }
}

/// A stretch of a template.
enum Part<'t> {
    Text(&'t str),
    /// What stands between braces.
    Hole(&'t str),
}

fn parts(template: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = template;
    std::iter::from_fn(move || {
        if let Some(inside) = rest.strip_prefix('{')
            && let Some((hole, behind)) = inside.split_once('}')
        {
            rest = behind;
            return Some(Part::Hole(hole));
        }
        if rest.is_empty() {
            return None;
        }
        let end = rest[1..].find('{').map_or(rest.len(), |at| at + 1);
        let (text, behind) = rest.split_at(end);
        rest = behind;
        Some(Part::Text(text))
    })
}

/// What is granted is named, once, by a grant that can be carried out.
pub(super) fn check(manifest: &Manifest) -> Result<(), String> {
    let granted = |name: &str| {
        let mut secrets = manifest.secrets.iter();
        secrets.any(|secret| secret.name == name && secret.granted)
    };
    let Some(grant) = &manifest.grant else {
        let mut secrets = manifest.secrets.iter().enumerate();
        return match secrets.find(|(_, secret)| secret.granted) {
            Some((index, secret)) => Err(format!(
                "at `/secrets/{index}/granted`: nothing grants secret `{}`; add `grant`",
                secret.name
            )),
            None => Ok(()),
        };
    };
    let named = [
        ("token", Some(&grant.token)),
        ("refresh", grant.refresh.as_ref()),
        ("code", grant.code.as_ref()),
    ];
    let mut seen = BTreeSet::new();
    for (role, name) in named
        .iter()
        .filter_map(|(role, name)| name.map(|name| (role, name)))
    {
        if !granted(name) {
            let known = manifest.secrets.iter().filter(|secret| secret.granted);
            let known = known.map(|secret| &*secret.name);
            return Err(format!(
                "at `/grant/{role}`: there is no secret `{name}` with `granted` true; {}",
                did_you_mean(name, known, "there is")
            ));
        }
        if !seen.insert(name) {
            return Err(format!(
                "at `/grant/{role}`: `{name}` is something else already"
            ));
        }
    }
    for (index, secret) in manifest.secrets.iter().enumerate() {
        if secret.granted && !seen.contains(&secret.name) {
            return Err(format!(
                "at `/secrets/{index}/granted`: `grant` does not say what `{}` is; name it as `token`, `refresh` or `code`",
                secret.name
            ));
        }
        if secret.granted && secret.required {
            return Err(format!(
                "at `/secrets/{index}/required`: `{}` is granted, so no connection must set it",
                secret.name
            ));
        }
    }
    if manifest.operation(GRANT).is_some() {
        return Err(format!(
            "at `/grant`: an operation is called `{GRANT}`, which is the host's name for this"
        ));
    }
    if grant.refresh.is_some() != grant.answer.refresh.is_some() {
        return Err(
            "at `/grant/answer/refresh`: what renews a token is named in `refresh`, and found by `answer.refresh`: both, or neither"
                .into(),
        );
    }
    if grant.answer.refresh.is_none() && grant.answer.refresh_expires_in.is_some() {
        return Err(
            "at `/grant/answer/refresh_expires_in`: nothing renews a token, so nothing of it is over"
                .into(),
        );
    }
    if grant.code.is_some() != grant.is_by(GrantBy::Code) {
        return Err(
            "at `/grant/code`: what a person brings is named in `code` where `by` has `code`, and nowhere else"
                .into(),
        );
    }
    if let Some(name) = &grant.client_with {
        if !grant.is_by(GrantBy::Client) {
            return Err(
                "at `/grant/client_with`: no token is had without a person; add `client` to `by`"
                    .into(),
            );
        }
        known_setting(manifest, name).map_err(|why| format!("at `/grant/client_with`: {why}"))?;
    }
    for (index, name) in grant.to.iter().enumerate() {
        known_setting(manifest, name).map_err(|why| format!("at `/grant/to/{index}`: {why}"))?;
    }
    authorize(manifest, grant)
}

/// A setting is one that the manifest's schema lists.
fn known_setting(manifest: &Manifest, name: &str) -> Result<(), String> {
    let settings = &manifest.settings["properties"];
    if settings.get(name).is_some() {
        return Ok(());
    }
    let known = settings.as_object().into_iter().flat_map(|all| all.keys());
    let meant = did_you_mean(name, known.map(String::as_str), "the settings are");
    Err(format!("there is no setting `{name}`; {meant}"))
}

/// Where a person agrees can be filled in.
fn authorize(manifest: &Manifest, grant: &Grant) -> Result<(), String> {
    let Some(template) = &grant.authorize else {
        return Ok(());
    };
    let wrong = |what: &str| Err(format!("at `/grant/authorize`: {what}"));
    if !grant.is_by(GrantBy::Code) {
        return wrong("a person agrees where `by` has `code`, and nowhere else");
    }
    let mut state = false;
    for part in parts(template) {
        let hole = match part {
            Part::Hole(hole) => hole,
            Part::Text(text) if text.contains(['{', '}']) => {
                return wrong("a brace is not closed, or not opened");
            }
            Part::Text(_) => continue,
        };
        match (hole, hole.strip_prefix("settings.")) {
            ("state", _) => state = true,
            ("redirect", _) => {}
            (_, Some(name)) => match known_setting(manifest, name) {
                Ok(()) => {}
                Err(why) => return wrong(&why),
            },
            (other, None) => {
                return wrong(&format!(
                    "`{{{other}}}` is nothing that the host fills in; it knows `{{state}}`, `{{redirect}}` and `{{settings.NAME}}`"
                ));
            }
        }
    }
    if !state {
        return wrong("`{state}` is missing, by which the host knows the person again");
    }
    // A parser takes the beginning of the path for the host where there is none.
    if let Some(rest) = template.strip_prefix("https://")
        && rest.starts_with(['/', '\\', '?', '#'])
    {
        return wrong("there is no host in it");
    }
    // With something in each place, it is an address.
    let filled: String = parts(template)
        .map(|part| match part {
            Part::Text(text) => text,
            Part::Hole(_) => "x",
        })
        .collect();
    match Url::parse(&filled) {
        Ok(_) => Ok(()),
        Err(error) => wrong(&format!("this is no address ({error})")),
    }
}

#[cfg(test)]
mod tests;
