//! Who may do what in a registry.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The name under which the registry has its tokens made.
const SERVICE: &str = "registry.test";

/// Who may do what.
#[derive(Debug, Clone, Default)]
pub enum Access {
    /// Everybody everything.
    #[default]
    Open,
    /// Whoever has the password everything, asked for by the scheme Basic.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// Everybody may read, and whoever has the password may write; with tokens.
    Bearer {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
}

/// The scope of each token that was made.
#[derive(Default)]
pub struct Tokens(BTreeMap<String, String>);

/// What becomes of a request.
pub enum Verdict {
    /// It may.
    Granted,
    /// It has to say who asks, in this way.
    Challenge(String),
}

impl Access {
    /// Whether a request of `repository` that does `action` may.
    pub fn check(
        &self,
        tokens: &Tokens,
        address: &str,
        repository: &str,
        action: &str,
        authorization: Option<&str>,
    ) -> Verdict {
        match self {
            Self::Open => Verdict::Granted,
            Self::Basic { user, password } => match authorization == Some(&basic(user, password)) {
                true => Verdict::Granted,
                false => Verdict::Challenge("Basic realm=\"registry\"".into()),
            },
            Self::Bearer { .. } => {
                let token = authorization.and_then(|value| value.strip_prefix("Bearer "));
                let scope = token.and_then(|token| tokens.0.get(token));
                let actions = scope.and_then(|scope| {
                    let (_, actions) = scope.split_once(&format!("repository:{repository}:"))?;
                    Some(actions)
                });
                if actions.is_some_and(|actions| actions.split(',').any(|known| known == action)) {
                    return Verdict::Granted;
                }
                Verdict::Challenge(format!(
                    "Bearer realm=\"http://{address}/token\",service=\"{SERVICE}\",scope=\"repository:{repository}:{action}\""
                ))
            }
        }
    }

    /// A token for what is asked, or the status of a refusal.
    pub fn token(
        &self,
        tokens: &mut Tokens,
        service: Option<&str>,
        scope: Option<&str>,
        authorization: Option<&str>,
    ) -> Result<String, (u16, String)> {
        let Self::Bearer { user, password } = self else {
            return Err((404, "this registry makes no tokens".into()));
        };
        if service != Some(SERVICE) {
            return Err((400, format!("service {service:?}")));
        }
        let scope = scope.ok_or((400, "no scope".to_owned()))?;
        let known = match authorization {
            None => false,
            Some(value) if value == basic(user, password) => true,
            Some(_) => return Err((401, String::new())),
        };
        let (repository, actions) = scope.rsplit_once(':').unwrap_or((scope, ""));
        // Nobody gets what everybody may.
        let granted: Vec<&str> = actions
            .split(',')
            .filter(|action| known || *action == "pull")
            .collect();
        let token = format!("token-{}", tokens.0.len());
        let scope = format!("{repository}:{}", granted.join(","));
        tokens.0.insert(token.clone(), scope);
        Ok(token)
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}
