//! What was issued: codes, access tokens, refresh tokens, and every use of each.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::OauthOptions;

/// Whether an access token works at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Validity {
    /// It does, for these scopes.
    Valid { client: String, scopes: String },
    /// It did.
    Expired,
    /// It was taken back.
    Revoked,
    /// It was never issued here.
    Unknown,
}

/// What one use of a refresh token led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    /// New tokens, for the first time.
    Rotated,
    /// The same new tokens once more, within the time of grace.
    Repeated,
    /// `invalid_grant`: it had been used before.
    Spent,
    /// `invalid_grant`: it had expired.
    Expired,
    /// `invalid_grant`: it had been taken back.
    Revoked,
}

/// A refresh token with its uses.
#[derive(Debug, Clone, Serialize)]
pub struct RefreshUses {
    pub token: String,
    pub client: String,
    /// Uses in their order.
    pub uses: Vec<Use>,
}

/// What a grant comes with.
#[derive(Debug, Clone)]
pub struct Issued {
    pub access: String,
    pub refresh: Option<String>,
    pub scopes: String,
}

/// Why a code or a refresh token gives nothing; always `invalid_grant`.
pub type Refused = &'static str;

struct Access {
    client: String,
    scopes: String,
    grant: u64,
    expires: Instant,
    revoked: bool,
}

struct Refresh {
    client: String,
    scopes: String,
    grant: u64,
    /// `None`: until it is used.
    expires: Option<Instant>,
    revoked: bool,
    uses: Vec<Use>,
    /// When it was first used, and what it gave.
    spent: Option<(Instant, Issued)>,
}

/// What a person has agreed to.
#[derive(Debug, Clone)]
pub struct Agreed {
    pub client: String,
    pub redirect_uri: String,
    pub scopes: String,
    /// RFC 7636: what `code_verifier` has to hash to.
    pub challenge: Option<String>,
}

struct Code {
    agreed: Agreed,
    grant: u64,
    expires: Instant,
    used: bool,
}

/// Everything that was issued. Nothing is forgotten: a test looks for all of it.
#[derive(Default)]
pub struct Ledger {
    number: u64,
    access: HashMap<String, Access>,
    refresh: HashMap<String, Refresh>,
    codes: HashMap<String, Code>,
    /// The order in which refresh tokens were issued.
    order: Vec<String>,
}

/// `base64url(sha256(verifier))`, RFC 7636, section 4.6.
fn hashes_to(verifier: &str, challenge: &str) -> bool {
    use base64::Engine as _;
    let hash = Sha256::digest(verifier.as_bytes());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash) == challenge
}

impl Ledger {
    /// A new text that nobody has seen. Not random, so that a run can be repeated.
    fn text(&mut self, kind: &str, seed: u64) -> String {
        self.number += 1;
        let source = format!("{kind} {} of {seed}", self.number);
        hex::encode(&Sha256::digest(source.as_bytes())[..20])
    }

    pub fn code(&mut self, options: &OauthOptions, agreed: Agreed) -> String {
        let code = format!("{}/+=&%", self.text("code", options.seed));
        let entry = Code {
            agreed,
            grant: self.number,
            expires: Instant::now() + options.code_lifetime(),
            used: false,
        };
        self.codes.insert(code.clone(), entry);
        code
    }

    /// Tokens of a grant. What they look like makes whoever sends them encode:
    /// RFC 6750 allows `-._~+/=` in access tokens, RFC 6749 any visible
    /// character in refresh tokens.
    fn issue(
        &mut self,
        options: &OauthOptions,
        client: &str,
        scopes: &str,
        grant: u64,
        with_refresh: bool,
    ) -> Issued {
        let access = format!("{}-._~+/==", self.text("access", options.seed));
        let entry = Access {
            client: client.to_owned(),
            scopes: scopes.to_owned(),
            grant,
            expires: Instant::now() + options.access_lifetime(),
            revoked: false,
        };
        self.access.insert(access.clone(), entry);
        let refresh = with_refresh.then(|| {
            let refresh = format!("{}/+=&%\" \\", self.text("refresh", options.seed));
            let entry = Refresh {
                client: client.to_owned(),
                scopes: scopes.to_owned(),
                grant,
                expires: options
                    .refresh_lifetime()
                    .map(|lifetime| Instant::now() + lifetime),
                revoked: false,
                uses: Vec::new(),
                spent: None,
            };
            self.refresh.insert(refresh.clone(), entry);
            self.order.push(refresh.clone());
            refresh
        });
        Issued {
            access,
            refresh,
            scopes: scopes.to_owned(),
        }
    }

    /// Tokens for nothing but the client's own credentials; RFC 6749, section
    /// 4.4.3, has no refresh token there.
    pub fn for_client(&mut self, options: &OauthOptions, client: &str, scopes: &str) -> Issued {
        self.number += 1;
        let grant = self.number;
        self.issue(options, client, scopes, grant, false)
    }

    /// Tokens as if a person had agreed, without a code: where a test begins.
    pub fn grant(&mut self, options: &OauthOptions, client: &str, scopes: &str) -> Issued {
        self.number += 1;
        let grant = self.number;
        self.issue(options, client, scopes, grant, true)
    }

    /// Tokens for a code.
    pub fn for_code(
        &mut self,
        options: &OauthOptions,
        client: &str,
        code: &str,
        redirect_uri: &str,
        verifier: Option<&str>,
    ) -> Result<Issued, Refused> {
        let Some(entry) = self.codes.get_mut(code) else {
            return Err("the code was never issued");
        };
        if entry.agreed.client != client {
            return Err("the code was issued to another client");
        }
        let grant = entry.grant;
        if std::mem::replace(&mut entry.used, true) {
            // RFC 6749, section 4.1.2: and what it gave SHOULD be taken back.
            self.revoke_grant(grant);
            return Err("the code was used before");
        }
        if entry.expires <= Instant::now() {
            return Err("the code has expired");
        }
        if entry.agreed.redirect_uri != redirect_uri {
            return Err("redirect_uri is not that of the authorization request");
        }
        match (&entry.agreed.challenge, verifier) {
            (None, None) => {}
            (Some(challenge), Some(verifier)) if hashes_to(verifier, challenge) => {}
            (Some(_), _) => return Err("code_verifier does not hash to the code_challenge"),
            (None, Some(_)) => return Err("a code_verifier without a code_challenge"),
        }
        let scopes = entry.agreed.scopes.clone();
        Ok(self.issue(options, client, &scopes, grant, true))
    }

    /// Tokens for a refresh token, which works once.
    pub fn for_refresh(
        &mut self,
        options: &OauthOptions,
        client: &str,
        token: &str,
        scopes: Option<&str>,
    ) -> Result<Issued, Refused> {
        let Some(entry) = self.refresh.get_mut(token) else {
            return Err("the refresh token was never issued");
        };
        if entry.client != client {
            return Err("the refresh token was issued to another client");
        }
        let grant = entry.grant;
        let wider = |wanted: &str| {
            wanted
                .split(' ')
                .any(|scope| !entry.scopes.split(' ').any(|known| known == scope))
        };
        if scopes.is_some_and(wider) {
            return Err("the scope is wider than what was granted");
        }
        if entry.revoked {
            entry.uses.push(Use::Revoked);
            return Err("the refresh token was revoked");
        }
        if let Some((when, given)) = &entry.spent {
            if when.elapsed() < options.grace() {
                let given = given.clone();
                entry.uses.push(Use::Repeated);
                return Ok(given);
            }
            entry.uses.push(Use::Spent);
            if options.reuse_revokes {
                self.revoke_grant(grant);
            }
            return Err("the refresh token was used before");
        }
        if entry
            .expires
            .is_some_and(|expires| expires <= Instant::now())
        {
            entry.uses.push(Use::Expired);
            return Err("the refresh token has expired");
        }
        entry.uses.push(Use::Rotated);
        let granted = scopes.map_or_else(|| entry.scopes.clone(), str::to_owned);
        if !options.rotate {
            let mut issued = self.issue(options, client, &granted, grant, false);
            issued.refresh = None;
            return Ok(issued);
        }
        let issued = self.issue(options, client, &granted, grant, true);
        if let Some(entry) = self.refresh.get_mut(token) {
            entry.spent = Some((Instant::now(), issued.clone()));
        }
        Ok(issued)
    }

    fn revoke_grant(&mut self, grant: u64) {
        for access in self.access.values_mut().filter(|it| it.grant == grant) {
            access.revoked = true;
        }
        for refresh in self.refresh.values_mut().filter(|it| it.grant == grant) {
            refresh.revoked = true;
        }
    }

    /// Takes back everything that a client has.
    pub fn revoke(&mut self, client: &str) {
        for access in self.access.values_mut().filter(|it| it.client == client) {
            access.revoked = true;
        }
        for refresh in self.refresh.values_mut().filter(|it| it.client == client) {
            refresh.revoked = true;
        }
    }

    /// Lets all access tokens expire now, whatever was said of their lifetime.
    pub fn expire_access(&mut self) {
        let now = Instant::now();
        for access in self.access.values_mut() {
            access.expires = access.expires.min(now);
        }
    }

    pub fn validity(&self, token: &str) -> Validity {
        match self.access.get(token) {
            None => Validity::Unknown,
            Some(access) if access.revoked => Validity::Revoked,
            Some(access) if access.expires <= Instant::now() => Validity::Expired,
            Some(access) => Validity::Valid {
                client: access.client.clone(),
                scopes: access.scopes.clone(),
            },
        }
    }

    /// Since when an access token has been over; `None` while it works.
    pub fn over_for(&self, token: &str) -> Option<Duration> {
        let access = self.access.get(token)?;
        Instant::now().checked_duration_since(access.expires)
    }

    /// Every refresh token with its uses, oldest first.
    pub fn uses(&self) -> Vec<RefreshUses> {
        let known = |token: &String| {
            let entry = self.refresh.get(token)?;
            Some(RefreshUses {
                token: token.clone(),
                client: entry.client.clone(),
                uses: entry.uses.clone(),
            })
        };
        self.order.iter().filter_map(known).collect()
    }

    /// How many access tokens were issued.
    pub fn issued(&self) -> usize {
        self.access.len()
    }

    /// Every text that nobody but the client may see.
    pub fn texts(&self) -> Vec<String> {
        let access = self.access.keys();
        let all = access.chain(self.refresh.keys()).chain(self.codes.keys());
        all.cloned().collect()
    }
}
