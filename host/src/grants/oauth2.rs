//! Tokens by OAuth 2.0 (RFC 6749, PKCE by RFC 7636), for connections whose file says
//! `auth = { oauth2 = { … } }`.
//!
//! The crate `oauth2` knows how a request is put together and what an answer
//! consists of. It gets there over the connection's own HTTP client, so that proxy,
//! address check, client certificate, sizes and times are those of every other
//! request. What it is too strict about is read here: many servers leave `token_type`
//! out, write lifetimes as text, or refuse with status 200.

mod answer;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, StatusCode};
use oauth2::basic::{BasicRevocationErrorResponse, BasicTokenIntrospectionResponse};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RefreshToken, RequestTokenError, Scope, StandardRevocableToken, TokenUrl,
};
use url::Url;

use self::answer::{Granted, Refusal, judged, refuses};
use super::{Ask, NotGranted, Tokens};
use crate::clock::now_ms;
use crate::config::{Auth, ClientAuth, OAuth2Config, OAuth2Grant, Secret, TokenFormat};
use crate::http::{Client, Outgoing, Reached, SendError, retry_after};
use crate::problem::Problem;
use crate::redact::Redactor;
use crate::serving::connection::ConnectionGeneration;
use crate::text::{one_line, shorten};

/// Characters of a server's own words that are shown.
const MOST_WORDS: usize = 300;

/// A client of the crate that knows where tokens are.
type Asking = oauth2::Client<
    Refusal,
    Granted,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

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
        let seen = OnceLock::new();
        let asked = self.ask(ask, deadline, &seen).await?;
        let answered = seen.get().copied();
        match asked {
            Ok(granted) => granted.tokens(&self.config.place),
            Err(RequestTokenError::Request(error)) => Err(unsent(&error, &redactor)),
            Err(RequestTokenError::ServerResponse(refusal)) => {
                let said = words(&redactor, &refusal.sentence());
                Err(judged(answered, &refusal.error, said))
            }
            // Neither its text nor what the parser says is shown: it may hold the token.
            Err(RequestTokenError::Parse(..) | RequestTokenError::Other(_)) => {
                Err(unreadable(answered))
            }
        }
    }

    async fn ask(
        &self,
        ask: Ask,
        deadline: Instant,
        seen: &OnceLock<Seen>,
    ) -> Result<Result<Granted, RequestTokenError<SendError, Refusal>>, NotGranted> {
        let client = self.asking()?;
        let send = |request| self.send(request, deadline, seen);
        let parameters = self.config.parameters.iter();
        Ok(match (ask, &self.config.grant) {
            (Ask::First, OAuth2Grant::ClientCredentials) => {
                let mut request = client
                    .exchange_client_credentials()
                    .add_scopes(self.config.scopes.iter().cloned().map(Scope::new));
                for (name, value) in parameters {
                    request = request.add_extra_param(name, value);
                }
                request.request_async(&send).await
            }
            (
                Ask::Code {
                    code,
                    verifier,
                    redirect,
                },
                _,
            ) => {
                let mut request =
                    client.exchange_code(AuthorizationCode::new(code.expose().to_owned()));
                if let Some(verifier) = verifier {
                    let verifier = PkceCodeVerifier::new(verifier.expose().to_owned());
                    request = request.set_pkce_verifier(verifier);
                }
                if let Some(redirect) = redirect {
                    let redirect = RedirectUrl::from_url(redirect);
                    request = request.set_redirect_uri(Cow::Owned(redirect));
                }
                for (name, value) in parameters {
                    request = request.add_extra_param(name, value);
                }
                request.request_async(&send).await
            }
            (Ask::Refresh { refresh }, _) => {
                let refresh = RefreshToken::new(refresh.expose().to_owned());
                let mut request = client.exchange_refresh_token(&refresh);
                for (name, value) in parameters {
                    request = request.add_extra_param(name, value);
                }
                request.request_async(&send).await
            }
            (Ask::First, OAuth2Grant::RefreshToken { refresh_token }) => {
                let refresh = RefreshToken::new(self.secret(refresh_token)?.to_owned());
                let mut request = client.exchange_refresh_token(&refresh);
                for (name, value) in parameters {
                    request = request.add_extra_param(name, value);
                }
                request.request_async(&send).await
            }
            (Ask::First, OAuth2Grant::AuthorizationCode { .. }) => {
                return Err(NotGranted::Refused {
                    code: "not-authorized".into(),
                    message: "nobody has authorized this connection yet".into(),
                });
            }
        })
    }

    fn asking(&self) -> Result<Asking, NotGranted> {
        let mut client = oauth2::Client::new(ClientId::new(self.config.client_id.clone()))
            .set_token_uri(TokenUrl::from_url(self.config.token_url.clone()))
            .set_auth_type(match self.config.client_auth {
                ClientAuth::Basic => AuthType::BasicAuth,
                ClientAuth::Body => AuthType::RequestBody,
            });
        if let Some(name) = &self.config.secret {
            let secret = ClientSecret::new(self.secret(name)?.to_owned());
            client = client.set_client_secret(secret);
        }
        Ok(client)
    }

    /// A secret of the file, whose existence was checked when it was read.
    fn secret(&self, name: &str) -> Result<&str, NotGranted> {
        let secret = self.secrets.get(name).map(Secret::expose);
        secret.ok_or_else(|| {
            let detail = format!("the connection has no secret `{name}`; put it into `secrets`");
            NotGranted::Broken(Problem::host("config-secret-missing", detail))
        })
    }

    /// One request of the crate over the connection's client, and its answer as the
    /// crate takes it.
    async fn send(
        &self,
        request: HttpRequest,
        deadline: Instant,
        seen: &OnceLock<Seen>,
    ) -> Result<HttpResponse, SendError> {
        let (mut head, body) = request.into_parts();
        let agent = HeaderValue::from_static(concat!("crossdock/", env!("CARGO_PKG_VERSION")));
        head.headers.insert(USER_AGENT, agent);
        let body = match self.config.format {
            TokenFormat::Form => Bytes::from(body),
            TokenFormat::Json => {
                let json = HeaderValue::from_static("application/json");
                head.headers.insert(CONTENT_TYPE, json);
                as_json(&body)
            }
        };
        let outgoing = Outgoing {
            method: head.method,
            uri: head.uri,
            headers: head.headers,
            body,
        };
        let answer = self.client.send_until(outgoing, deadline).await?;
        // Only the first is kept, and there is only one.
        let _ = seen.set(Seen {
            status: answer.status,
            after: retry_after(&answer.headers, now_ms() / 1000),
        });
        // The crate takes 200 for a grant, anything else for a refusal; and JSON under
        // its own name only.
        let status = match answer.status.is_success() && !refuses(&answer.body) {
            true => StatusCode::OK,
            false => StatusCode::BAD_REQUEST,
        };
        let mut response = HttpResponse::new(answer.body.to_vec());
        *response.status_mut() = status;
        Ok(response)
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
    let mut client = oauth2::basic::BasicClient::new(ClientId::new(config.client_id.clone()))
        .set_auth_uri(AuthUrl::from_url(authorize_url.clone()));
    if let Some(redirect) = redirect {
        client = client.set_redirect_uri(RedirectUrl::from_url(redirect.clone()));
    }
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let mut request = client
        .authorize_url(|| CsrfToken::new(state.to_owned()))
        .add_scopes(config.scopes.iter().cloned().map(Scope::new))
        .set_pkce_challenge(challenge);
    for (name, value) in &config.parameters {
        request = request.add_extra_param(name, value);
    }
    let (url, _) = request.url();
    Some((url, Secret::new(verifier.into_secret())))
}

/// A form as an object with the same members.
fn as_json(form: &[u8]) -> Bytes {
    let members: serde_json::Map<_, _> = url::form_urlencoded::parse(form)
        .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
        .collect();
    // Texts only: there is nothing that JSON has not.
    serde_json::to_vec(&members).unwrap_or_default().into()
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
fn unreadable(seen: Option<Seen>) -> NotGranted {
    let Some(Seen { status, after }) = seen else {
        return NotGranted::Broken(Problem::host(
            "grant-request",
            "the request for a token cannot be put together; look at `auth.oauth2`",
        ));
    };
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
