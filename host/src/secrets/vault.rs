//! HashiCorp Vault and OpenBao: secrets of the key/value engine, version 2, by the
//! host's own HTTP client.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use percent_encoding::utf8_percent_encode;
use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

use super::{TIMEOUT, Text};
use crate::http::{Answer, Client, ClientOptions, Outgoing, Proxy, Target, UNRESERVED};

/// Bytes of an answer: a secret has at most 1 MiB there, and ours have less.
const MOST_ANSWER: usize = 2 << 20;

/// Bytes of a token's file.
const MOST_TOKEN: u64 = 64 << 10;

/// The part of a token's life during which it is used.
const USED: f64 = 0.7;

/// How long a token is used of which nothing is said.
const UNSAID: Duration = Duration::from_secs(300);

/// `[vault]` of `crossdock.toml`.
#[derive(Debug, Clone)]
pub struct VaultConfig {
    /// `address`: as `VAULT_ADDR`, `http` or `https`.
    pub address: Url,
    /// `token` or `kubernetes`.
    pub login: VaultLogin,
    /// `namespace`: as `VAULT_NAMESPACE`.
    pub namespace: Option<String>,
    /// `mount`: where the engine is, unless a secret says otherwise; default `secret`.
    pub mount: String,
    /// `ca_file`.
    pub extra_roots: Option<Arc<[u8]>>,
    /// The host's proxy on the way, if there is one.
    pub proxy: Option<Proxy>,
}

/// How the host proves to a vault who it is.
#[derive(Clone)]
pub enum VaultLogin {
    /// `token = { env = "…" }`, as it was at the start.
    Token(Text),
    /// `token = { file = "…" }`, read each time: an agent renews it there.
    TokenFile(PathBuf),
    /// `kubernetes = { role, mount, token_file }`.
    Kubernetes {
        /// The role there.
        role: String,
        /// Where the method is mounted; default `kubernetes`.
        mount: String,
        /// The service account's token, read each time.
        token_file: PathBuf,
    },
}

impl fmt::Debug for VaultLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(_) => f.write_str("«token»"),
            Self::TokenFile(path) => write!(f, "{}", path.display()),
            Self::Kubernetes { role, mount, .. } => write!(f, "{mount} as {role}"),
        }
    }
}

pub(super) struct Vault {
    config: VaultConfig,
    /// A token that was given for a login, and until when it is used.
    lent: Mutex<Option<(Text, Instant)>>,
}

impl Vault {
    pub fn new(config: VaultConfig) -> Self {
        Self {
            config,
            lent: Mutex::default(),
        }
    }

    /// One key of one secret. The error fits "…, which …".
    pub async fn read(&self, mount: Option<&str>, path: &str, key: &str) -> Result<Text, String> {
        let mount = mount.unwrap_or(&self.config.mount);
        let path = format!("v1/{}/data/{}", escaped(mount), escaped(path));
        let answer = self.get(&path).await?;
        let answer = match answer.status {
            // A token that was taken back, or a role that has changed.
            StatusCode::FORBIDDEN
                if self
                    .lent
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .take()
                    .is_some() =>
            {
                self.get(&path).await?
            }
            _ => answer,
        };
        match answer.status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => {
                return Err("is not there (HTTP 404): the path, the mount or the engine's version (2) is another one, or its newest version was deleted".to_owned());
            }
            StatusCode::FORBIDDEN => {
                return Err(format!(
                    "is refused (HTTP 403): a policy of the host's token has to allow `read` on {}",
                    path.trim_start_matches("v1/")
                ));
            }
            status => return Err(unexpected(status)),
        }
        let text = Zeroizing::new(answer.body.to_vec());
        let value: Value = serde_json::from_slice(&text).map_err(|_| no_vault())?;
        let data = value.pointer("/data/data").and_then(Value::as_object);
        let data = data.ok_or("is not of a key/value engine of version 2")?;
        match data.get(key) {
            Some(Value::String(text)) => Ok(Arc::new(Zeroizing::new(text.clone()))),
            Some(Value::Number(number)) => Ok(Arc::new(Zeroizing::new(number.to_string()))),
            Some(_) => Err("is there and is no text".to_owned()),
            None => Err("has no such key".to_owned()),
        }
    }

    async fn get(&self, path: &str) -> Result<Answer, String> {
        let token = self.token().await?;
        self.send(Method::GET, path, Some(&token), Bytes::new())
            .await
    }

    async fn token(&self) -> Result<Text, String> {
        match &self.config.login {
            VaultLogin::Token(token) => Ok(token.clone()),
            VaultLogin::TokenFile(path) => read_token(path).await,
            VaultLogin::Kubernetes {
                role,
                mount,
                token_file,
            } => {
                let lent = self
                    .lent
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone();
                if let Some((token, until)) = lent
                    && Instant::now() < until
                {
                    return Ok(token);
                }
                let own = read_token(token_file).await?;
                let (token, life) = self.log_in(role, mount, &own).await?;
                let until = Instant::now() + life.mul_f64(USED);
                *self.lent.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some((token.clone(), until));
                Ok(token)
            }
        }
    }

    async fn log_in(&self, role: &str, mount: &str, own: &str) -> Result<(Text, Duration), String> {
        let body = serde_json::json!({ "role": role, "jwt": own }).to_string();
        let path = format!("v1/auth/{}/login", escaped(mount));
        let answer = self.send(Method::POST, &path, None, body.into()).await?;
        if answer.status != StatusCode::OK {
            return Err(format!(
                "cannot be asked for: the vault does not let the host in as the Kubernetes role `{role}` (HTTP {})",
                answer.status.as_u16()
            ));
        }
        let text = Zeroizing::new(answer.body.to_vec());
        let value: Value = serde_json::from_slice(&text).map_err(|_| no_vault())?;
        let token = value.pointer("/auth/client_token").and_then(Value::as_str);
        let token = token.ok_or_else(no_vault)?;
        let life = value
            .pointer("/auth/lease_duration")
            .and_then(Value::as_u64);
        let life = life.filter(|seconds| *seconds > 0);
        let life = life.map_or(UNSAID, |seconds| Duration::from_secs(seconds.min(86_400)));
        Ok((Arc::new(Zeroizing::new(token.to_owned())), life))
    }

    /// One exchange. The client lives no longer: questions are rare, and may come from
    /// another runtime the next time.
    async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Bytes,
    ) -> Result<Answer, String> {
        let client = Client::new(ClientOptions {
            timeout: TIMEOUT,
            response_body: MOST_ANSWER,
            // It is the operator's own.
            allow_private: true,
            extra_roots: self.config.extra_roots.clone(),
            proxy: self.config.proxy.clone(),
            idle_connections: 1,
            ..ClientOptions::default()
        });
        let client = client.map_err(|error| format!("cannot be asked for: {error}"))?;
        let target = Target::new(&self.config.address);
        let uri = target.and_then(|target| target.join(path, &[]));
        let uri = uri.map_err(|error| format!("cannot be asked for: {error}"))?;
        let mut headers = HeaderMap::new();
        let secret = |text: &str| {
            let value = HeaderValue::from_str(text).map(|mut value| {
                value.set_sensitive(true);
                value
            });
            value.map_err(|_| "cannot be asked for: the token or the namespace has characters that no header can carry".to_owned())
        };
        headers.insert(
            HeaderName::from_static("x-vault-request"),
            HeaderValue::from_static("true"),
        );
        if let Some(token) = token {
            headers.insert(HeaderName::from_static("x-vault-token"), secret(token)?);
        }
        if let Some(namespace) = &self.config.namespace {
            headers.insert(
                HeaderName::from_static("x-vault-namespace"),
                secret(namespace)?,
            );
        }
        let outgoing = Outgoing {
            method,
            uri,
            headers,
            body,
        };
        let answer = client.send_until(outgoing, Instant::now() + TIMEOUT).await;
        answer.map_err(|error| format!("cannot be asked for: {error}"))
    }
}

/// Each segment of a path percent-encoded.
fn escaped(path: &str) -> String {
    let segments = path.trim_matches('/').split('/');
    let segments = segments.map(|segment| utf8_percent_encode(segment, UNRESERVED).to_string());
    segments.collect::<Vec<_>>().join("/")
}

fn unexpected(status: StatusCode) -> String {
    match status.as_u16() {
        503 => "cannot be asked for: the vault is sealed or in maintenance (HTTP 503)".to_owned(),
        429 | 472 | 473 => format!(
            "cannot be asked for: this node of the vault does not answer (HTTP {}); name the active one in `address`",
            status.as_u16()
        ),
        other => format!("cannot be asked for: the vault answers HTTP {other}"),
    }
}

fn no_vault() -> String {
    "cannot be asked for: what answers at `[vault] address` is no vault".to_owned()
}

/// A token's file, without line breaks at its end.
async fn read_token(path: &std::path::Path) -> Result<Text, String> {
    let cannot = |what: &str| {
        format!(
            "cannot be asked for: the token's file {} {what}",
            path.display()
        )
    };
    let metadata = tokio::fs::metadata(path).await;
    let metadata = metadata.map_err(|error| {
        cannot(&format!(
            "cannot be read: {}",
            crate::file_failure::sentence(&error)
        ))
    })?;
    if !metadata.is_file() || metadata.len() > MOST_TOKEN {
        return Err(cannot("is no file of at most 64 KiB"));
    }
    let bytes = tokio::fs::read(path).await;
    let bytes = Zeroizing::new(bytes.map_err(|error| {
        cannot(&format!(
            "cannot be read: {}",
            crate::file_failure::sentence(&error)
        ))
    })?);
    let text = std::str::from_utf8(&bytes).map_err(|_| cannot("is not UTF-8 text"))?;
    Ok(Arc::new(Zeroizing::new(
        text.trim_end_matches(['\r', '\n']).to_owned(),
    )))
}
