//! One renewal: written down, asked for, kept, used. And what becomes of one that
//! fails.

use std::time::{Duration, Instant};

use super::keep::Change;
use super::kept::{Kept, Refused, State};
use super::platform::Declared;
use super::run::{Failing, Run, changed_elsewhere};
use super::when::{is_alarming, pause};
use super::{Ask, CredentialsShown, FailureShown, NotGranted, Tokens};
use crate::clock::millis;
use crate::problem::Problem;
use crate::serving::credentials::Standing;

/// How long a platform may take to answer.
const ASKING: Duration = Duration::from_secs(60);

/// The pause after a disk refused what was granted, and how often it is tried
/// before the token is used all the same.
const DISK: Duration = Duration::from_millis(500);
const DISK_TRIES: u32 = 6;

impl Run {
    /// Gets another token.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn renew(&mut self, declared: &Declared, ask: Ask) -> Result<(), Problem> {
        let name = self.name();
        let begun = {
            let now = self.platform.now_ms();
            self.keep.change(&name, self.version, Change::Begin, now)
        };
        match begun.await {
            Ok(Some(version)) => self.version = version,
            Ok(None) => {
                self.load(declared).await;
                return Err(changed_elsewhere());
            }
            Err(problem) => {
                self.fails(declared, problem.clone(), None);
                return Err(problem);
            }
        }
        self.forced = false;
        let by_person = matches!(ask, Ask::Code { .. });
        let was_in_doubt = std::mem::replace(&mut self.in_doubt, true);
        let deadline = Instant::now() + ASKING;
        // A platform counts a token's life from when it made it, which is later than
        // this and earlier than its answer.
        let asked_ms = self.platform.now_ms();
        let asked = self.platform.obtain(ask.clone(), deadline);
        // Whoever asks has a bound of its own; this one holds whatever that does.
        let asked = tokio::time::timeout(ASKING + Duration::from_secs(5), asked).await;
        let answer = asked.unwrap_or_else(|_| {
            Err(NotGranted::Unknown {
                code: "timeout".into(),
                message: "the platform did not answer in time".into(),
            })
        });
        let failure = match answer {
            Ok(tokens) => return self.granted(declared, tokens, &ask, asked_ms).await,
            Err(failure) => failure,
        };
        let used = matches!(failure, NotGranted::Unknown { .. } | NotGranted::Broken(_));
        // A code uses up nothing but itself.
        if (by_person || !used) && !was_in_doubt {
            self.unused().await;
        }
        let (result, problem, after) = match failure {
            NotGranted::Refused { code, message } => {
                ("refused", Problem::platform(code, message), None)
            }
            NotGranted::Later {
                code,
                message,
                after,
            } => ("failed", Problem::platform(code, message), after),
            NotGranted::Unknown { code, message } => {
                ("unknown", Problem::platform(code, message), None)
            }
            NotGranted::Broken(problem) => ("failed", problem, None),
        };
        self.part.count(result);
        if by_person {
            // What there was goes on; a code is worth nothing a second time.
            self.in_doubt = was_in_doubt;
            self.tell(declared, true);
            return Err(problem);
        }
        match (result, &ask) {
            // What renews it is gone; the application's own credentials are not. Who
            // waits for the renewal waits for that one.
            ("refused", Ask::Refresh { .. }) if declared.first => {
                if let Some(kept) = &mut self.kept {
                    kept.refresh = None;
                }
                self.in_doubt = false;
                tracing::warn!(
                    target: "crossdock::grants",
                    tenant = &*self.part.tenant,
                    connection = &*self.part.connection,
                    code = &*problem.code,
                    message = problem.detail,
                    "the platform does not renew the credentials of the connection; others are asked for with its own secrets"
                );
                return Box::pin(self.renew(declared, Ask::First)).await;
            }
            ("refused", _) => self.needs_person(declared, problem.clone()).await,
            _ => {
                self.forced = true;
                self.fails(declared, problem.clone(), after);
            }
        }
        Err(problem)
    }

    /// Nothing was used up.
    async fn unused(&mut self) {
        let (name, now) = (self.name(), self.platform.now_ms());
        let changed = self.keep.change(&name, self.version, Change::Unused, now);
        // If that cannot be written it stays in doubt, which costs an early renewal at
        // most; another host's change is seen by the next one.
        if let Ok(Some(version)) = changed.await {
            self.version = version;
            self.in_doubt = false;
        }
    }

    /// Tokens are there. They are on disk before they are used, and before what they
    /// replace is given up.
    async fn granted(
        &mut self,
        declared: &Declared,
        tokens: Tokens,
        ask: &Ask,
        asked_ms: u64,
    ) -> Result<(), Problem> {
        let until = |left: Option<Duration>| left.map(|left| asked_ms.saturating_add(millis(left)));
        let first = matches!(ask, Ask::Code { .. });
        let old = self.kept.as_ref().filter(|_| !first);
        // A platform that gives no other goes on taking the old one (RFC 6749, 6).
        let (refresh, refresh_expires_ms) = match tokens.refresh {
            Some(refresh) => (Some(refresh), until(tokens.refresh_expires_in)),
            None => (
                old.and_then(|old| old.refresh.clone()),
                old.and_then(|old| old.refresh_expires_ms),
            ),
        };
        let kept = Kept {
            token: tokens.token,
            refresh,
            obtained_ms: asked_ms,
            expires_ms: until(tokens.expires_in),
            refresh_expires_ms,
            account: tokens.account.or_else(|| old?.account.clone()),
            scopes: tokens.scopes.or_else(|| old?.scopes.clone()),
            renewals: old.map_or(0, |old| old.renewals + 1),
            refused: None,
        };
        let same = old.is_some_and(|old| old.token.expose() == kept.token.expose());
        if let Some(old) = self.kept.replace(kept)
            && !same
        {
            self.before = Some(old.token);
        }
        let failed = self.failing.take();
        (self.person, self.revoked, self.chance) = (None, false, rand::random());
        self.write(declared).await?;
        self.in_doubt = false;
        self.arm(declared);
        self.tell(declared, true);
        self.part.count("renewed");
        self.platform.resume();
        let expires_ms = self.kept.as_ref().and_then(|kept| kept.expires_ms);
        let (tenant, connection) = (&*self.part.tenant, &*self.part.connection);
        match failed.is_some_and(|failing| failing.told) {
            true => tracing::info!(
                target: "crossdock::grants",
                tenant, connection, expires_ms,
                "the credentials of the connection are renewed again"
            ),
            false => tracing::info!(
                target: "crossdock::grants",
                tenant, connection, expires_ms,
                "the credentials of the connection were renewed"
            ),
        }
        Ok(())
    }

    /// Writes down what was granted. Where a disk does not take it, it is used after
    /// some tries all the same, and tried on: what it replaces works no more.
    async fn write(&mut self, declared: &Declared) -> Result<(), Problem> {
        let Some(kept) = self.kept.clone() else {
            return Ok(());
        };
        let name = self.name();
        for tries in 1_u32.. {
            let put = Change::Put(State::Granted(Box::new(kept.clone())));
            let now = self.platform.now_ms();
            match self.keep.change(&name, self.version, put, now).await {
                Ok(Some(version)) => {
                    self.version = version;
                    return Ok(());
                }
                Ok(None) => {
                    self.load(declared).await;
                    return Err(changed_elsewhere());
                }
                Err(problem) => {
                    if tries == DISK_TRIES {
                        tracing::error!(
                            target: "crossdock::grants",
                            tenant = &*self.part.tenant,
                            connection = &*self.part.connection,
                            %problem,
                            "new credentials cannot be written down: they are used, and lost if the host ends before they can be"
                        );
                        self.arm(declared);
                        self.platform.resume();
                    }
                    tokio::select! {
                        () = self.closing.cancelled() => return Err(problem),
                        () = tokio::time::sleep(DISK) => {}
                    }
                }
            }
        }
        Ok(())
    }

    /// A person has to agree anew. That is kept, so that what the platform refused
    /// is not sent to it over and over.
    pub(super) async fn needs_person(&mut self, declared: &Declared, problem: Problem) {
        let now = self.platform.now_ms();
        let refused = Refused::new(&problem, now);
        self.failing = None;
        self.in_doubt = false;
        match &mut self.kept {
            Some(kept) => {
                kept.refused = Some(refused);
                let put = Change::Put(State::Granted(Box::new(kept.clone())));
                let (name, version) = (self.name(), self.version);
                // Where it cannot be written, the next start asks once more.
                if let Ok(Some(version)) = self.keep.change(&name, version, put, now).await {
                    self.version = version;
                }
            }
            None => self.person = Some(refused),
        }
        tracing::error!(
            target: "crossdock::grants",
            tenant = &*self.part.tenant,
            connection = &*self.part.connection,
            code = &*problem.code,
            message = problem.detail,
            "the credentials of the connection cannot be renewed any more: somebody has to authorize it anew, or mend its secrets"
        );
        self.tell(declared, true);
    }

    /// It could not be renewed, and is tried again.
    pub(super) fn fails(&mut self, declared: &Declared, problem: Problem, after: Option<Duration>) {
        let now = self.platform.now_ms();
        let (since, count, told) = match &self.failing {
            Some(failing) => (failing.since, failing.count + 1, failing.told),
            None => (now, 1, false),
        };
        let next = now + millis(pause(count, after, rand::random()));
        let until = self.kept.as_ref().map_or(Some(now), |kept| kept.expires_ms);
        let alarm = is_alarming(count, since, until, now);
        if alarm && !told {
            tracing::error!(
                target: "crossdock::grants",
                tenant = &*self.part.tenant,
                connection = &*self.part.connection,
                code = &*problem.code,
                message = problem.detail,
                expires_ms = until,
                "the credentials of the connection cannot be renewed; it is tried again"
            );
        } else if !told {
            tracing::warn!(
                target: "crossdock::grants",
                tenant = &*self.part.tenant,
                connection = &*self.part.connection,
                code = &*problem.code,
                message = problem.detail,
                "the credentials of the connection could not be renewed; it is tried again"
            );
        }
        self.failing = Some(Failing {
            problem,
            since,
            next,
            count,
            told: told || alarm,
        });
        self.tell(declared, true);
    }

    /// Tells deliveries and people how it is getting on.
    pub(super) fn tell(&self, declared: &Declared, ended: bool) {
        let now = self.platform.now_ms();
        let refused = self.refused();
        let standing = match (refused, &self.failing) {
            _ if self.revoked => Standing::Revoked,
            (Some(refused), _) => Standing::NeedsPerson {
                problem: refused.problem(),
            },
            (None, Some(failing)) => {
                let left = Duration::from_millis(failing.next.saturating_sub(now));
                Standing::Failing {
                    problem: failing.problem.clone(),
                    next: tokio::time::Instant::now() + self.platform.real(left),
                }
            }
            (None, None) if self.kept.is_none() && !declared.first => Standing::Missing,
            (None, None) => Standing::Ready,
        };
        let state = match &standing {
            Standing::Revoked => "revoked",
            Standing::NeedsPerson { .. } => "needs-person",
            Standing::Failing { .. } => "failing",
            Standing::Missing => "missing",
            Standing::Ready if self.kept.is_none() => "missing",
            Standing::Ready | Standing::Unknown => "ready",
        };
        let failure = match (refused, &self.failing) {
            (Some(refused), _) => Some(FailureShown {
                blame: refused.blame,
                code: refused.code.clone(),
                message: refused.message.clone(),
                since_ms: refused.since_ms,
                next_ms: None,
            }),
            (None, Some(failing)) => Some(FailureShown {
                blame: failing.problem.blame,
                code: failing.problem.code.to_string(),
                message: failing.problem.detail.clone(),
                since_ms: failing.since,
                next_ms: Some(failing.next),
            }),
            (None, None) => None,
        };
        let kept = self.kept.as_ref();
        let shown = CredentialsShown {
            connection: self.part.connection.to_string(),
            state,
            account: kept.and_then(|kept| kept.account.clone()),
            scopes: kept.and_then(|kept| kept.scopes.clone()),
            expires_ms: kept.and_then(|kept| kept.expires_ms),
            refresh_expires_ms: kept.and_then(|kept| kept.refresh_expires_ms),
            renewed_ms: kept.map(|kept| kept.obtained_ms),
            renewals: kept.map_or(0, |kept| kept.renewals),
            failure,
        };
        let told = self.failing.as_ref().is_some_and(|failing| failing.told);
        let settled = match &standing {
            Standing::Failing { .. } => told,
            // The first token is on its way.
            Standing::Ready => self.kept.is_some(),
            Standing::Unknown => false,
            Standing::Missing | Standing::NeedsPerson { .. } | Standing::Revoked => true,
        };
        self.part.show(shown, refused.is_some() || told, settled);
        declared.cell.stand(standing, ended);
    }
}
