//! What `docker login` (or `oras login`, `podman login`) left behind.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use crate::failure::{Failure, FailureKind, shown};

/// A user and a password, or a token in its place.
#[derive(Clone)]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// The password.
    pub password: Zeroizing<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl Credentials {
    /// As the header `Authorization` of the scheme Basic has them.
    pub(crate) fn basic(&self) -> Zeroizing<String> {
        let pair = Zeroizing::new(format!("{}:{}", self.user, *self.password));
        let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
        Zeroizing::new(format!("Basic {}", *encoded))
    }
}

/// What is known of somebody who asks a registry.
#[derive(Debug, Clone, Default)]
pub struct Login {
    /// Who it is; nobody asks as nobody.
    pub credentials: Option<Credentials>,
    /// A program that has the credentials instead, which is not asked.
    pub helper: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Deserialize, Default)]
struct Entry {
    #[serde(default, deserialize_with = "secret")]
    auth: Option<Zeroizing<String>>,
    #[serde(default, rename = "identitytoken", deserialize_with = "secret")]
    identity_token: Option<Zeroizing<String>>,
}

/// A text that is wiped when it is dropped.
pub(crate) fn secret<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Zeroizing<String>>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.map(Zeroizing::new))
}

impl Login {
    /// Somebody with a password.
    pub fn with(user: String, password: Zeroizing<String>) -> Self {
        Self {
            credentials: Some(Credentials { user, password }),
            helper: None,
        }
    }

    /// What Docker's `config.json` says of a registry.
    ///
    /// # Errors
    /// The text cannot be read, or keeps credentials of a kind that is not known
    /// here.
    pub fn from_docker(text: &str, registry: &str) -> Result<Self, Failure> {
        let wrong = |what: String| Failure::new(FailureKind::Credentials, what);
        let config: DockerConfig = serde_json::from_str(text).map_err(|error| {
            wrong(format!(
                "it is not what `docker login` writes (line {}, column {})",
                error.line(),
                error.column()
            ))
        })?;
        let helper = config.cred_helpers.get(registry);
        if let Some(helper) = helper {
            return Ok(Self {
                credentials: None,
                helper: Some(shown(helper)),
            });
        }
        let entry = config.auths.iter().find(|(key, _)| names(key, registry));
        let entry = entry.map(|(_, entry)| entry);
        let auth = entry.and_then(|entry| entry.auth.as_ref());
        let auth = auth.filter(|auth| !auth.is_empty());
        let has_token = entry.is_some_and(|entry| {
            let token = entry.identity_token.as_ref();
            token.is_some_and(|token| !token.is_empty())
        });
        let Some(auth) = auth.filter(|_| !has_token) else {
            if has_token {
                return Err(wrong(format!(
                    "it has an identity token for {registry}, which is not supported here; use --username and --password-stdin"
                )));
            }
            return Ok(Self {
                credentials: None,
                helper: config.creds_store.as_deref().map(shown),
            });
        };
        let decoded = STANDARD
            .decode(auth.trim())
            .or_else(|_| STANDARD_NO_PAD.decode(auth.trim()))
            .map(Zeroizing::new);
        let pair = decoded.ok().and_then(|bytes| {
            let text = std::str::from_utf8(&bytes).ok()?;
            let (user, password) = text.split_once(':')?;
            Some((user.to_owned(), Zeroizing::new(password.to_owned())))
        });
        let (user, password) = pair.ok_or_else(|| {
            wrong(format!(
                "what it has for {registry} is not USER:PASSWORD in base64; log in again"
            ))
        })?;
        Ok(Self::with(user, password))
    }
}

/// Whether a key of `auths` names a registry: it may be a URL.
fn names(key: &str, registry: &str) -> bool {
    let host = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"))
        .unwrap_or(key);
    let host = host.split('/').next().unwrap_or(host);
    let hub = |name: &str| {
        matches!(
            name,
            "docker.io" | "index.docker.io" | "registry-1.docker.io"
        )
    };
    host == registry || hub(host) && hub(registry)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, registry: &str) -> Result<Option<(String, String)>, String> {
        let login = Login::from_docker(text, registry).map_err(|failure| failure.message)?;
        let found = login.credentials;
        Ok(found.map(|found| (found.user, found.password.to_string())))
    }

    #[test]
    fn a_registry_is_found_however_it_was_written() {
        let pair = STANDARD.encode("me:pass:word");
        for key in [
            "a.example:5000",
            "https://a.example:5000",
            "https://a.example:5000/v1/",
        ] {
            let text = format!(r#"{{"auths":{{"{key}":{{"auth":"{pair}"}}}},"other":1}}"#);
            let me = Some(("me".to_owned(), "pass:word".to_owned()));
            assert_eq!(of(&text, "a.example:5000"), Ok(me), "{key}");
            assert_eq!(of(&text, "a.example"), Ok(None), "{key}");
        }
        let text = format!(r#"{{"auths":{{"https://index.docker.io/v1/":{{"auth":"{pair}"}}}}}}"#);
        assert!(of(&text, "docker.io").unwrap().is_some());
        assert_eq!(of("{}", "docker.io"), Ok(None));
    }

    #[test]
    fn a_program_that_has_them_is_named_and_not_asked() {
        let text = r#"{"auths":{"a.example":{}},"credsStore":"desktop"}"#;
        let login = Login::from_docker(text, "a.example").unwrap();
        assert_eq!(login.helper.as_deref(), Some("desktop"));
        let text = r#"{"credHelpers":{"a.example":"ecr-login"}}"#;
        let login = Login::from_docker(text, "a.example").unwrap();
        assert_eq!(login.helper.as_deref(), Some("ecr-login"));
        assert!(
            Login::from_docker(text, "b.example")
                .unwrap()
                .helper
                .is_none()
        );
    }

    #[test]
    fn what_cannot_be_read_is_said_without_what_it_is() {
        for (text, says) in [
            ("no json", "not what `docker login` writes"),
            (
                r#"{"auths":{"a":{"auth":"c2VjcmV0"}}}"#,
                "not USER:PASSWORD",
            ),
            (
                r#"{"auths":{"a":{"auth":"?secret?"}}}"#,
                "not USER:PASSWORD",
            ),
            (
                r#"{"auths":{"a":{"identitytoken":"secret"}}}"#,
                "identity token",
            ),
        ] {
            let said = of(text, "a").unwrap_err();
            assert!(said.contains(says), "{said}");
            assert!(!said.contains("secret"), "{said}");
        }
    }

    #[test]
    fn a_password_is_never_printed() {
        let login = Login::with("me".into(), Zeroizing::new("secret".into()));
        assert!(!format!("{login:?}").contains("secret"));
    }
}
