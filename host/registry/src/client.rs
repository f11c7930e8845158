//! One repository of a registry: redirects, refusals, and who may do what.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, LOCATION};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde::Deserialize;
use url::Url;
use zeroize::Zeroizing;

use crate::challenge::{self, Challenge};
use crate::credentials::{Login, secret};
use crate::failure::{Failure, FailureKind, shown};
use crate::reference::{Reference, is_loopback};
use crate::transport::{Request, Response, Transport};

/// How often a download may be pointed to somewhere else: a registry points to
/// the storage behind it.
const MOST_REDIRECTS: usize = 5;

/// Most bytes of an answer that is only looked at.
pub(crate) const MOST_SAID: usize = 64 << 10;

/// Docker's registry has another name than its users type.
const HUB: [&str; 2] = ["docker.io", "index.docker.io"];

/// Its own.
const HUB_HOST: &str = "registry-1.docker.io";

/// What is to be done in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Something is taken from it.
    Pull,
    /// Something is put into it.
    Push,
}

/// One repository of a registry, asked by somebody.
pub struct Registry<T> {
    pub(crate) transport: T,
    /// As it was typed.
    name: String,
    origin: Url,
    pub(crate) repository: String,
    login: Login,
    access: Access,
    /// Whether more than this machine may be asked in the clear.
    insecure: bool,
    /// What the registry was convinced by last.
    authorization: Mutex<Option<HeaderValue>>,
}

/// What a request is made of, apart from who asks.
pub(crate) struct Call {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub most: usize,
    /// Whether it is asked again where an answer points to.
    pub follows: bool,
}

impl Call {
    pub fn new(method: Method, url: Url, most: usize) -> Self {
        Self {
            follows: method == Method::GET || method == Method::HEAD,
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            most,
        }
    }
}

/// What a token server answers.
#[derive(Deserialize)]
struct Token {
    #[serde(default, deserialize_with = "secret")]
    token: Option<Zeroizing<String>>,
    #[serde(default, deserialize_with = "secret")]
    access_token: Option<Zeroizing<String>>,
}

/// What a registry says that went wrong.
#[derive(Deserialize)]
struct Errors {
    errors: Vec<OneError>,
}

#[derive(Deserialize)]
struct OneError {
    code: Option<String>,
    message: Option<String>,
}

impl<T: Transport> Registry<T> {
    /// The repository of a reference. A registry of this machine is asked in the
    /// clear, any other one only if it is `insecure`, and by TLS otherwise.
    ///
    /// # Errors
    /// The registry's name cannot be asked.
    pub fn new(
        transport: T,
        reference: &Reference,
        login: Login,
        access: Access,
        insecure: bool,
    ) -> Result<Self, Failure> {
        let scheme = match insecure || reference.is_local() {
            true => "http",
            false => "https",
        };
        let host = match HUB.contains(&&*reference.registry) {
            true => HUB_HOST,
            false => &reference.registry,
        };
        let origin = Url::parse(&format!("{scheme}://{host}/")).map_err(|_| {
            Failure::new(
                FailureKind::Reference,
                format!("`{}` is no name of a registry", shown(&reference.registry)),
            )
        })?;
        Ok(Self {
            transport,
            name: reference.registry.clone(),
            origin,
            repository: reference.repository.clone(),
            login,
            access,
            insecure,
            authorization: Mutex::default(),
        })
    }

    /// A URL below the repository.
    pub(crate) fn url(&self, below: &str) -> Result<Url, Failure> {
        let path = format!("v2/{}/{below}", self.repository);
        self.origin.join(&path).map_err(|_| {
            let what = format!("`{}` makes no URL", shown(below));
            Failure::new(FailureKind::Reference, what)
        })
    }

    /// Where an answer points to, if it may be gone there.
    pub(crate) fn pointed(&self, from: &Url, headers: &HeaderMap) -> Result<Url, Failure> {
        let refused = |what: String| {
            let what = format!("the registry {} {what}", self.name);
            Failure::new(FailureKind::Redirect, what)
        };
        let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
        let location = location.ok_or_else(|| {
            refused("points somewhere without saying where; report it to its operator".into())
        })?;
        let url = from.join(location).map_err(|_| {
            refused("points to something that is no URL; report it to its operator".into())
        })?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(refused(
                "points to something that is neither http nor https; report it to its operator"
                    .into(),
            ));
        }
        if !self.permits(&url) {
            let host = shown(url.host_str().unwrap_or_default());
            return Err(refused(format!(
                "points to {host} without TLS, where it is not followed; --insecure would"
            )));
        }
        Ok(url)
    }

    /// Whether a URL may be asked: by TLS, on this machine, or all the same.
    fn permits(&self, url: &Url) -> bool {
        url.scheme() == "https" || self.insecure || (is_loopback(url) && is_loopback(&self.origin))
    }

    fn is_own(&self, url: &Url) -> bool {
        url.origin() == self.origin.origin()
    }

    /// Asks, convinces whoever wants to be convinced, and goes where it is
    /// pointed to. The answer comes with the URL that gave it.
    pub(crate) async fn ask(&self, call: Call) -> Result<(Response, Url), Failure> {
        let mut url = call.url.clone();
        let mut redirects = 0;
        let mut convinced = false;
        loop {
            let mut headers = call.headers.clone();
            // What is pulled is compared byte for byte.
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            // Credentials are the registry's alone, wherever it points to.
            if self.is_own(&url)
                && let Some(value) = self.known()
            {
                headers.insert(AUTHORIZATION, value);
            }
            let response = self
                .transport
                .send(Request {
                    method: call.method.clone(),
                    url: url.clone(),
                    headers,
                    body: call.body.clone(),
                    most: call.most,
                })
                .await?;
            match response.status {
                StatusCode::UNAUTHORIZED if self.is_own(&url) && !convinced => {
                    convinced = true;
                    self.convince(&response.headers).await?;
                }
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                    return Err(self.denied(&response));
                }
                status if status.is_redirection() && status != StatusCode::NOT_MODIFIED => {
                    redirects += 1;
                    if !call.follows || redirects > MOST_REDIRECTS {
                        let what = match call.follows {
                            true => "points from one place to the next without an end",
                            false => {
                                "points elsewhere where something is put into it, which is not followed"
                            }
                        };
                        return Err(Failure::new(
                            FailureKind::Redirect,
                            format!("the registry {} {what}; check the reference", self.name),
                        ));
                    }
                    url = self.pointed(&url, &response.headers)?;
                }
                _ => return Ok((response, url)),
            }
        }
    }

    fn known(&self) -> Option<HeaderValue> {
        let authorization = &self.authorization;
        let known = authorization.lock().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    /// Does what the registry wants before it answers.
    async fn convince(&self, headers: &HeaderMap) -> Result<(), Failure> {
        let value = match challenge::read(headers) {
            Some(Challenge::Basic) => match &self.login.credentials {
                Some(credentials) => credentials.basic(),
                None => return Err(self.nobody()),
            },
            Some(Challenge::Bearer { realm, service }) => self.token(&realm, service).await?,
            None => {
                return Err(Failure::new(
                    FailureKind::Denied,
                    format!(
                        "the registry {} wants to know who asks in a way that is not known here (known are Basic and Bearer)",
                        self.name
                    ),
                ));
            }
        };
        let mut value = HeaderValue::from_str(&value).map_err(|_| {
            Failure::new(
                FailureKind::Denied,
                format!(
                    "the credentials for the registry {} have characters that no header can have",
                    self.name
                ),
            )
        })?;
        value.set_sensitive(true);
        let authorization = &self.authorization;
        *authorization.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        Ok(())
    }

    /// A token of the server that the registry trusts.
    async fn token(
        &self,
        realm: &str,
        service: Option<String>,
    ) -> Result<Zeroizing<String>, Failure> {
        let wrong = |what: String| {
            let what = format!("the registry {} sends its callers to {what}", self.name);
            Failure::new(FailureKind::Denied, what)
        };
        let mut url = Url::parse(realm)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| wrong("something that is no URL; report it to its operator".into()))?;
        let host = shown(url.host_str().unwrap_or_default());
        if !self.permits(&url) {
            return Err(wrong(format!(
                "{host} for a token without TLS, where no credentials go; --insecure would"
            )));
        }
        let actions = match self.access {
            Access::Pull => "pull",
            Access::Push => "pull,push",
        };
        let scope = format!("repository:{}:{actions}", self.repository);
        if let Some(service) = service {
            url.query_pairs_mut().append_pair("service", &service);
        }
        url.query_pairs_mut().append_pair("scope", &scope);
        let mut headers = HeaderMap::new();
        if let Some(credentials) = &self.login.credentials {
            let mut value = HeaderValue::from_str(&credentials.basic())
                .map_err(|_| wrong(format!("{host}, and the credentials make no header")))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let response = self
            .transport
            .send(Request {
                method: Method::GET,
                url,
                headers,
                body: Bytes::new(),
                most: MOST_SAID,
            })
            .await?;
        if matches!(
            response.status,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        ) {
            return Err(self.denied(&response));
        }
        let unreadable = || wrong(format!("{host}, which gives no token; try again later"));
        if !response.status.is_success() {
            return Err(unreadable());
        }
        let token: Token = serde_json::from_slice(&response.body).map_err(|_| unreadable())?;
        let token = token.token.or(token.access_token);
        let token = token.ok_or_else(unreadable)?;
        Ok(Zeroizing::new(format!("Bearer {}", *token)))
    }

    /// Nobody asks as nobody here.
    fn nobody(&self) -> Failure {
        let helper = match &self.login.helper {
            Some(helper) => format!(
                " (Docker's settings leave them to `docker-credential-{helper}`, which is not called)"
            ),
            None => String::new(),
        };
        Failure::new(
            FailureKind::Denied,
            format!(
                "the registry {} wants credentials{helper}: give --username and --password-stdin, or have them in Docker's config.json",
                self.name
            ),
        )
    }

    fn denied(&self, response: &Response) -> Failure {
        let Some(credentials) = &self.login.credentials else {
            return self.nobody();
        };
        let what = match self.access {
            Access::Pull => "read",
            Access::Push => "write to",
        };
        let said = said(&response.body);
        Failure::new(
            FailureKind::Denied,
            format!(
                "the registry {} does not let `{}` {what} {}{said}; check the user, the password and what it may do",
                self.name,
                shown(&credentials.user),
                self.repository
            ),
        )
    }

    /// An answer that is no success, in words. `what` fits "the registry … TRIED".
    pub(crate) fn refused(&self, response: &Response, what: &str) -> Failure {
        let status = response.status.as_u16();
        let said = said(&response.body);
        let (kind, advice) = match response.status {
            StatusCode::NOT_FOUND => (FailureKind::NotFound, "check the reference"),
            StatusCode::TOO_MANY_REQUESTS => (FailureKind::Refused, "try again later"),
            StatusCode::PAYLOAD_TOO_LARGE => (FailureKind::TooLarge, "ask its operator"),
            status if status.is_server_error() => (FailureKind::Refused, "try again later"),
            _ => (FailureKind::Refused, "check the reference"),
        };
        Failure::new(
            kind,
            format!(
                "the registry {} {what} (HTTP {status}{said}); {advice}",
                self.name
            ),
        )
    }

    /// The registry as it was typed.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

/// What the registry itself says, to be put behind a status.
fn said(body: &[u8]) -> String {
    let errors: Option<Errors> = serde_json::from_slice(body).ok();
    let first = errors.and_then(|errors| errors.errors.into_iter().next());
    let Some(first) = first else {
        return String::new();
    };
    let parts: Vec<String> = [first.code, first.message]
        .into_iter()
        .flatten()
        .map(|part| shown(&part))
        .filter(|part| !part.is_empty())
        .collect();
    match parts.is_empty() {
        true => String::new(),
        false => format!(", {}", parts.join(": ")),
    }
}
