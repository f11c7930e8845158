//! What is kept of a grant, on its way to the disk and back.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::when::Life;
use crate::config::Secret;
use crate::problem::{Blame, Problem};

/// What is granted now.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub token: Secret,
    pub refresh: Option<Secret>,
    /// Unix milliseconds, this and all below.
    pub obtained_ms: u64,
    pub expires_ms: Option<u64>,
    pub refresh_expires_ms: Option<u64>,
    pub account: Option<String>,
    pub scopes: Option<String>,
    pub renewals: u64,
    /// The platform renews it no more.
    pub refused: Option<Refused>,
}

/// What a platform said that renews a token no more.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Refused {
    pub blame: Blame,
    pub code: String,
    pub message: String,
    pub since_ms: u64,
}

impl Refused {
    pub fn new(problem: &Problem, since_ms: u64) -> Self {
        Self {
            blame: problem.blame,
            code: problem.code.to_string(),
            message: problem.detail.clone(),
            since_ms,
        }
    }

    pub fn problem(&self) -> Problem {
        Problem::new(self.blame, self.code.clone(), self.message.clone())
    }
}

/// What is on disk.
#[derive(Debug, Clone)]
pub(super) enum State {
    Granted(Box<Kept>),
    /// A person took it back.
    Revoked,
}

/// The same as it is written.
#[derive(Serialize)]
struct Written<'a> {
    token: &'a str,
    refresh: Option<&'a str>,
    obtained_ms: u64,
    expires_ms: Option<u64>,
    refresh_expires_ms: Option<u64>,
    account: Option<&'a str>,
    scopes: Option<&'a str>,
    renewals: u64,
    refused: Option<&'a Refused>,
}

/// The same as it is read.
#[derive(Deserialize)]
struct Read {
    #[serde(default)]
    revoked: bool,
    #[serde(default)]
    token: String,
    refresh: Option<String>,
    #[serde(default)]
    obtained_ms: u64,
    expires_ms: Option<u64>,
    refresh_expires_ms: Option<u64>,
    account: Option<String>,
    scopes: Option<String>,
    #[serde(default)]
    renewals: u64,
    refused: Option<Refused>,
}

impl State {
    pub fn write(&self) -> Zeroizing<Vec<u8>> {
        let Self::Granted(kept) = self else {
            return Zeroizing::new(br#"{"revoked":true}"#.to_vec());
        };
        let written = Written {
            token: kept.token.expose(),
            refresh: kept.refresh.as_ref().map(Secret::expose),
            obtained_ms: kept.obtained_ms,
            expires_ms: kept.expires_ms,
            refresh_expires_ms: kept.refresh_expires_ms,
            account: kept.account.as_deref(),
            scopes: kept.scopes.as_deref(),
            renewals: kept.renewals,
            refused: kept.refused.as_ref(),
        };
        // Room for all of it, so that nothing is left behind by growing.
        let refresh = written.refresh.map_or(0, str::len);
        let mut bytes = Vec::with_capacity(6 * (written.token.len() + refresh) + 16 * 1024);
        // Texts and numbers: nothing that JSON has not.
        let _ = serde_json::to_writer(&mut bytes, &written);
        Zeroizing::new(bytes)
    }

    pub fn read(bytes: &[u8]) -> Option<Self> {
        let read: Read = serde_json::from_slice(bytes).ok()?;
        if read.revoked {
            return Some(Self::Revoked);
        }
        Some(Self::Granted(Box::new(Kept {
            token: Secret::new(read.token),
            refresh: read.refresh.map(Secret::new),
            obtained_ms: read.obtained_ms,
            expires_ms: read.expires_ms,
            refresh_expires_ms: read.refresh_expires_ms,
            account: read.account,
            scopes: read.scopes,
            renewals: read.renewals,
            refused: read.refused,
        })))
    }
}

impl Kept {
    pub fn life(&self) -> Life {
        Life {
            from: self.obtained_ms,
            until: self.expires_ms,
        }
    }

    /// What renews it, if that is not over.
    pub fn refresh(&self, now: u64) -> Option<&Secret> {
        let over = self.refresh_expires_ms.is_some_and(|until| until <= now);
        self.refresh.as_ref().filter(|_| !over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_as_it_was() {
        let kept = Kept {
            token: Secret::new("t \"quoted\"".into()),
            refresh: Some(Secret::new("r".into())),
            obtained_ms: 1,
            expires_ms: Some(2),
            refresh_expires_ms: None,
            account: Some("shop 7".into()),
            scopes: None,
            renewals: 3,
            refused: Some(Refused::new(&Problem::platform("invalid_grant", "no"), 4)),
        };
        let bytes = State::Granted(Box::new(kept)).write();
        let Some(State::Granted(read)) = State::read(&bytes) else {
            panic!("it is granted");
        };
        assert_eq!(read.token.expose(), "t \"quoted\"");
        assert_eq!(read.refresh(9).unwrap().expose(), "r");
        assert_eq!((read.obtained_ms, read.expires_ms), (1, Some(2)));
        assert_eq!(
            (read.renewals, read.account.as_deref()),
            (3, Some("shop 7"))
        );
        assert_eq!(read.refused.unwrap().code, "invalid_grant");
        assert!(matches!(
            State::read(&State::Revoked.write()),
            Some(State::Revoked)
        ));
        assert!(State::read(b"nonsense").is_none());
    }
}
