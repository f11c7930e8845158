//! Tokens by OAuth 2.0 (RFC 6749, PKCE by RFC 7636), for connections whose file says
//! `auth = { oauth2 = { … } }`.
//!
//! A request leaves by the connection's own HTTP client, so that proxy, address check,
//! client certificate, sizes and times are those of every other request. An answer is
//! read more leniently than the RFC has it: many servers leave `token_type` out, write
//! lifetimes as text, or refuse with status 200.

mod answer;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use sha2::{Digest, Sha256};
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use self::answer::{Granted, Refusal, judged};
use super::{Ask, NotGranted, Tokens};
use crate::clock::now_ms;
use crate::config::{Auth, ClientAuth, OAuth2Config, OAuth2Grant, Secret, TokenFormat};
use crate::http::{Answer, Client, Outgoing, Reached, SendError, retry_after};
use crate::plugin::edits::basic_credentials;
use crate::problem::Problem;
use crate::redact::Redactor;
use crate::serving::connection::ConnectionGeneration;
use crate::text::{one_line, shorten};

/// Characters of a server's own words that are shown.
const MOST_WORDS: usize = 300;

/// Random bytes of a verifier: with 32, it has the 43 characters that RFC 7636 §4.1
/// recommends.
const VERIFIER: usize = 32;

/// What gets a connection its tokens.
pub struct OAuth2<'c> {
    config: &'c OAuth2Config,
    client: &'c Client,
    secrets: &'c BTreeMap<String, Secret>,
}

/// An answer's status, and how long it asks to wait.
#[derive(Debug, Clone, Copy)]
struct Seen {
    status: StatusCode,
    after: Option<Duration>,
}

impl<'c> OAuth2<'c> {
    /// Of a connection that has one. Its secrets are those of its file.
    pub fn of(connection: &'c ConnectionGeneration) -> Option<Self> {
        let Some(Auth::OAuth2(config)) = &connection.config.auth else {
            return None;
        };
        Some(Self {
            config,
            client: connection.channel.token_client.as_ref()?,
            secrets: connection.credentials.base(),
        })
    }

    /// Asks for tokens, once. Nothing that comes back repeats a secret.
    ///
    /// # Errors
    /// Why there are none, and so whether what was sent with the request may have been
    /// used up.
    pub async fn obtain(&self, ask: Ask, deadline: Instant) -> Result<Tokens, NotGranted> {
        let redactor = self.redactor(&ask);
        let outgoing = self.outgoing(&ask)?;
        let sent = self.client.send_until(outgoing, deadline).await;
        let answer = sent.map_err(|error| unsent(&error, &redactor))?;
        let seen = Seen {
            status: answer.status,
            after: retry_after(&answer.headers, now_ms() / 1000),
        };
        match Refusal::read(&answer.body) {
            Some(refusal) => {
                let said = words(&redactor, &refusal.sentence());
                Err(judged(seen, &refusal.error, said))
            }
            // What the parser says is not shown: it may hold the token.
            None => granted(&answer)
                .ok_or_else(|| unreadable(seen))?
                .tokens(&self.config.place),
        }
    }

    /// The request (RFC 6749 §4.1.3, §4.4.2, §6).
    fn outgoing(&self, ask: &Ask) -> Result<Outgoing, NotGranted> {
        let config = self.config;
        let mut members = Members::default();
        match (ask, &config.grant) {
            (Ask::First, OAuth2Grant::ClientCredentials) => {
                members.add("grant_type", "client_credentials");
                if !config.scopes.is_empty() {
                    members.add("scope", &config.scopes.join(" "));
                }
            }
            (Ask::First, OAuth2Grant::RefreshToken { refresh_token }) => {
                members.add("grant_type", "refresh_token");
                members.add("refresh_token", self.secret(refresh_token)?);
            }
            (Ask::First, OAuth2Grant::AuthorizationCode { .. }) => {
                return Err(NotGranted::Refused {
                    code: "not-authorized".into(),
                    message: "nobody has authorized this connection yet".into(),
                });
            }
            (Ask::Refresh { refresh }, _) => {
                members.add("grant_type", "refresh_token");
                members.add("refresh_token", refresh.expose());
            }
            (
                Ask::Code {
                    code,
                    verifier,
                    redirect,
                },
                _,
            ) => {
                members.add("grant_type", "authorization_code");
                members.add("code", code.expose());
                if let Some(verifier) = verifier {
                    members.add("code_verifier", verifier.expose());
                }
                if let Some(redirect) = redirect {
                    members.add("redirect_uri", redirect.as_str());
                }
            }
        }
        let mut headers = HeaderMap::new();
        let secret = config.secret.as_deref().map(|name| self.secret(name));
        match (config.client_auth, secret.transpose()?) {
            (ClientAuth::Basic, Some(secret)) => {
                headers.insert(AUTHORIZATION, basic(&config.client_id, secret)?);
            }
            (_, secret) => {
                members.add("client_id", &config.client_id);
                if let Some(secret) = secret {
                    members.add("client_secret", secret);
                }
            }
        }
        for (name, value) in &config.parameters {
            members.add(name, value);
        }
        let (kind, body) = match config.format {
            TokenFormat::Form => ("application/x-www-form-urlencoded", members.form()),
            TokenFormat::Json => ("application/json", members.json()),
        };
        for (name, value) in [
            (ACCEPT, "application/json"),
            (CONTENT_TYPE, kind),
            (USER_AGENT, concat!("crossdock/", env!("CARGO_PKG_VERSION"))),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let uri = config.token_url.as_str().parse();
        Ok(Outgoing {
            method: Method::POST,
            uri: uri.map_err(|_| broken("`token_url` is no URL that can be called"))?,
            headers,
            body,
        })
    }

    /// A secret of the file, whose existence was checked when it was read.
    fn secret(&self, name: &str) -> Result<&str, NotGranted> {
        let secret = self.secrets.get(name).map(Secret::expose);
        secret.ok_or_else(|| {
            broken(&format!(
                "the connection has no secret `{name}`; put it into `secrets`"
            ))
        })
    }

    /// Takes out what was sent with the request.
    fn redactor(&self, ask: &Ask) -> Redactor {
        let mut builder = Redactor::builder();
        for (name, secret) in self.secrets {
            builder = builder.secret(name, secret);
        }
        if let Some(name) = &self.config.secret
            && let Some(secret) = self.secrets.get(name)
        {
            builder = builder.basic(name, &self.config.client_id, secret);
            if let Ok(value) = basic(&self.config.client_id, secret.expose()) {
                let text = String::from_utf8_lossy(value.as_bytes());
                builder = builder.text(name, text.trim_start_matches("Basic "));
            }
        }
        let sent = match ask {
            Ask::First => [None, None],
            Ask::Code { code, verifier, .. } => [Some(code), verifier.as_ref()],
            Ask::Refresh { refresh } => [Some(refresh), None],
        };
        for text in sent.into_iter().flatten() {
            builder = builder.secret("granted", text);
        }
        builder.build()
    }
}

/// What a person opens to agree, with PKCE; and the verifier, which goes with the
/// code (RFC 7636). Nothing for a grant that no person is asked for.
pub fn authorize_url(
    config: &OAuth2Config,
    redirect: Option<&Url>,
    state: &str,
) -> Option<(Url, Secret)> {
    let OAuth2Grant::AuthorizationCode { authorize_url } = &config.grant else {
        return None;
    };
    let verifier = URL_SAFE_NO_PAD.encode(*Zeroizing::new(rand::random::<[u8; VERIFIER]>()));
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
    let mut url = authorize_url.clone();
    let mut pairs = url.query_pairs_mut();
    pairs
        .append_pair("response_type", "code")
        .append_pair("client_id", &config.client_id)
        .append_pair("state", state)
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256");
    if let Some(redirect) = redirect {
        pairs.append_pair("redirect_uri", redirect.as_str());
    }
    if !config.scopes.is_empty() {
        pairs.append_pair("scope", &config.scopes.join(" "));
    }
    pairs.extend_pairs(&config.parameters);
    drop(pairs);
    Some((url, Secret::new(verifier)))
}

/// What a request for a token consists of. Zeroed when dropped; what leaves of it does
/// as every request.
#[derive(Default)]
struct Members(Vec<(String, Zeroizing<String>)>);

impl Members {
    fn add(&mut self, name: &str, value: &str) {
        self.0
            .push((name.to_owned(), Zeroizing::new(value.to_owned())));
    }

    fn form(&self) -> Bytes {
        let pairs = self.0.iter().map(|(name, value)| (name, value.as_str()));
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        form.into()
    }

    /// An object with the same members.
    fn json(&self) -> Bytes {
        let members: BTreeMap<&str, &str> = self
            .0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        // Texts only: there is nothing that JSON has not.
        serde_json::to_vec(&members).unwrap_or_default().into()
    }
}

/// RFC 6749 §2.3.1: each part is form-encoded before they are joined.
fn basic(id: &str, secret: &str) -> Result<HeaderValue, NotGranted> {
    let encoded =
        |text: &str| -> String { form_urlencoded::byte_serialize(text.as_bytes()).collect() };
    let credentials = basic_credentials(&encoded(id), &Zeroizing::new(encoded(secret)));
    let mut value = HeaderValue::try_from(format!("Basic {credentials}"))
        .map_err(|_| broken("`client_id` and `secret` cannot be sent in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn broken(detail: &str) -> NotGranted {
    NotGranted::Broken(Problem::host("grant-request", detail))
}

/// What a success consists of, whatever its status and the name of its type.
fn granted(answer: &Answer) -> Option<Granted> {
    let body = answer.status.is_success().then_some(&answer.body)?;
    serde_json::from_slice(body).ok()
}

/// Somebody else's words: on one line, short, without secrets.
fn words(redactor: &Redactor, text: &str) -> String {
    let mut shown = one_line(&redactor.redact(text));
    shorten(&mut shown, MOST_WORDS);
    shown
}

/// A request without an answer.
fn unsent(error: &SendError, redactor: &Redactor) -> NotGranted {
    let message = words(redactor, &error.message);
    match error.reached {
        Reached::NotSent => NotGranted::Later {
            code: "platform-unreachable".into(),
            message,
            after: None,
        },
        Reached::MaybeApplied => NotGranted::Unknown {
            code: "platform-no-answer".into(),
            message,
        },
    }
}

/// An answer that is none of RFC 6749.
fn unreadable(Seen { status, after }: Seen) -> NotGranted {
    let code = "platform-answer".into();
    let number = status.as_u16();
    if status.is_redirection() {
        let message = format!(
            "the token server answers HTTP {number}, which is not followed: put the new address into `token_url`"
        );
        return NotGranted::Later {
            code,
            message,
            after,
        };
    }
    let message = match status.is_success() {
        true => "the token server's answer is no JSON object with a usable `access_token`".into(),
        false => format!("the token server answers HTTP {number} and no reason in JSON"),
    };
    match number {
        // Some of them were turned away before anything looked at what was sent;
        // 408 says nothing about that.
        400..=407 | 409..=499 | 503 => NotGranted::Later {
            code,
            message,
            after,
        },
        _ => NotGranted::Unknown { code, message },
    }
}
