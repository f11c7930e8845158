//! The task that looks after the grant of one connection: everything that changes
//! it happens here, one thing after the other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crossdock_store::GrantName;

use super::Ask;
use super::keep::{Change, Keep};
use super::kept::{Kept, Refused, State};
use super::part::{Part, Request, Want};
use super::platform::{Declared, Platform};
use super::when::{Life, Refusals};
use crate::config::Secret;
use crate::problem::Problem;
use crate::serving::credentials::{Granted, Standing, Wish};

/// How long it sleeps at most: the clock may be set meanwhile.
const LOOK: Duration = Duration::from_secs(60);

/// A grant in the hands of its task.
pub(super) struct Run {
    pub part: Arc<Part>,
    pub platform: Arc<dyn Platform>,
    pub keep: Arc<Keep>,
    pub closing: CancellationToken,
    /// Where the rest is from; empty before the first look.
    pub(super) place: String,
    /// The row's version.
    pub(super) version: u64,
    pub(super) kept: Option<Kept>,
    /// The token of before, which may still be in answers that are on their way.
    pub(super) before: Option<Secret>,
    pub(super) revoked: bool,
    /// What renews it may have been used up.
    pub(super) in_doubt: bool,
    /// A person is needed though nothing was ever granted.
    pub(super) person: Option<Refused>,
    pub(super) failing: Option<Failing>,
    /// It is to be renewed whatever the clock says.
    pub(super) forced: bool,
    pub(super) refusals: Refusals,
    /// Drawn anew with each token: how early it is renewed.
    pub(super) chance: f64,
    /// The secrets of the last look.
    secrets: Arc<BTreeMap<String, Secret>>,
}

/// A renewal that fails.
#[derive(Debug, Clone)]
pub(super) struct Failing {
    pub problem: Problem,
    pub since: u64,
    pub next: u64,
    pub count: u32,
    /// Somebody was told.
    pub told: bool,
}

/// What is to be done next.
#[derive(Debug)]
enum Next {
    /// It is renewed with this.
    Now(Ask),
    /// It is renewed at this time.
    At(u64),
    /// There is nothing to renew it with.
    Person(Problem),
    /// Nothing, until something happens.
    Wait,
}

impl Run {
    pub fn new(
        part: Arc<Part>,
        platform: Arc<dyn Platform>,
        keep: Arc<Keep>,
        closing: CancellationToken,
    ) -> Self {
        Self {
            part,
            platform,
            keep,
            closing,
            place: String::new(),
            version: 0,
            kept: None,
            before: None,
            revoked: false,
            in_doubt: false,
            person: None,
            failing: None,
            forced: false,
            refusals: Refusals::default(),
            chance: rand::random(),
            secrets: Arc::default(),
        }
    }

    /// Until the connection has no grant any more, or the host ends.
    pub async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        loop {
            let Some(declared) = self.platform.look() else {
                return;
            };
            self.follow(&declared).await;
            let now = self.platform.now_ms();
            let mut wait = LOOK;
            match self.next(&declared, now) {
                _ if self.place.is_empty() => {
                    let next = self.failing.as_ref().map_or(now, |failing| failing.next);
                    wait = wait.min(Duration::from_millis(next.saturating_sub(now)));
                }
                Next::Now(ask) => {
                    // Its end is told to whoever waits.
                    let _ = self.renew(&declared, ask).await;
                    continue;
                }
                Next::At(time) => {
                    wait = wait.min(Duration::from_millis(time.saturating_sub(now)));
                }
                Next::Person(problem) => {
                    self.needs_person(&declared, problem).await;
                    continue;
                }
                Next::Wait => {}
            }
            tokio::select! {
                biased;
                () = self.closing.cancelled() => return,
                request = requests.recv() => {
                    let Some(Request { want, answer }) = request else { return };
                    let done = self.person_wants(&declared, want).await;
                    // Whoever asked may have gone.
                    let _ = answer.send(done);
                }
                wish = declared.cell.wished() => self.wished(&declared, wish),
                () = self.part.wake.notified() => {}
                () = tokio::time::sleep(self.platform.real(wait)) => {}
            }
        }
    }

    pub(super) fn name(&self) -> GrantName {
        GrantName {
            tenant: self.part.tenant.to_string(),
            connection: self.part.connection.to_string(),
            place: self.place.clone(),
        }
    }

    /// What serves now may be about another account, or have other secrets.
    async fn follow(&mut self, declared: &Declared) {
        if self.place != declared.place {
            if self.failing.as_ref().is_some_and(|failing| {
                self.place.is_empty() && failing.next > self.platform.now_ms()
            }) {
                return;
            }
            self.load(declared).await;
            return;
        }
        if !Arc::ptr_eq(&self.secrets, &declared.secrets) {
            let other = declared.has_other_secrets(&self.secrets);
            self.secrets = declared.secrets.clone();
            if other && (self.person.is_some() || self.refused().is_some()) {
                // Whoever changed them expects that they are tried.
                self.person = None;
                if let Some(kept) = &mut self.kept {
                    kept.refused = None;
                }
                self.failing = None;
                self.forced = true;
            }
            if other && let Some(failing) = &mut self.failing {
                failing.next = 0;
            }
        }
    }

    /// Reads what is on disk for the place that is declared.
    pub(super) async fn load(&mut self, declared: &Declared) {
        self.place.clone_from(&declared.place);
        let row = match self.keep.load(&self.name()).await {
            Ok(row) => row,
            Err(problem) => {
                self.place.clear();
                self.fails(declared, problem, None);
                return;
            }
        };
        self.secrets = declared.secrets.clone();
        self.version = row.version;
        self.in_doubt = row.in_doubt;
        self.revoked = matches!(row.state, Some(State::Revoked));
        self.kept = match row.state {
            Some(State::Granted(kept)) => Some(*kept),
            _ => None,
        };
        (self.before, self.person, self.failing, self.forced) = (None, None, None, false);
        if self.kept.is_some() {
            self.arm(declared);
        }
        self.tell(declared, true);
    }

    pub(super) fn refused(&self) -> Option<&Refused> {
        let kept = self.kept.as_ref();
        kept.and_then(|kept| kept.refused.as_ref())
            .or(self.person.as_ref())
    }

    /// What it is renewed with, if there is anything.
    pub(super) fn ask(&self, declared: &Declared, now: u64) -> Option<Ask> {
        let refresh = self.kept.as_ref().and_then(|kept| kept.refresh(now));
        match refresh {
            Some(refresh) => Some(Ask::Refresh {
                refresh: refresh.clone(),
            }),
            None => declared.first.then_some(Ask::First),
        }
    }

    fn next(&self, declared: &Declared, now: u64) -> Next {
        if self.revoked || self.refused().is_some() {
            return Next::Wait;
        }
        let due = match &self.kept {
            None if !declared.first => return Next::Wait,
            None => now,
            // A host before may have used up what renews it: the sooner that is known.
            Some(_) if self.forced || self.in_doubt => now,
            Some(kept) => match kept.life().renewal(declared.within, self.chance) {
                Some(due) => due,
                None => return Next::Wait,
            },
        };
        let due = due.max(self.failing.as_ref().map_or(0, |failing| failing.next));
        if due > now {
            return Next::At(due);
        }
        match self.ask(declared, now) {
            Some(ask) => Next::Now(ask),
            None => Next::Person(Problem::platform(
                "not-renewable",
                "the platform gave nothing that renews the token, or that is over too",
            )),
        }
    }

    /// What deliveries wish.
    fn wished(&mut self, declared: &Declared, wish: Wish) {
        let now = self.platform.now_ms();
        let current = declared.cell.version();
        let Some(kept) = &self.kept else {
            if wish.refused != 0 {
                self.tell(declared, true);
            }
            return;
        };
        let life = kept.life();
        if wish.wanted && life.over().is_some_and(|over| over <= now) {
            self.forced = true;
        }
        if wish.refused != 0 && wish.refused == current {
            let waits = |failing: &Failing| failing.next > now;
            let renewable = self.refused().is_none()
                && !self.failing.as_ref().is_some_and(waits)
                && self.ask(declared, now).is_some();
            if renewable && self.refusals.renews(life, now) {
                self.forced = true;
            } else {
                // Nobody waits for what does not come.
                self.tell(declared, true);
            }
        }
    }

    async fn person_wants(&mut self, declared: &Declared, want: Want) -> Result<(), Problem> {
        if self.place.is_empty() {
            self.load(declared).await;
        }
        if let (true, Some(failing)) = (self.place.is_empty(), &self.failing) {
            return Err(failing.problem.clone());
        }
        let now = self.platform.now_ms();
        match want {
            Want::Renew => match self.ask(declared, now) {
                Some(ask) => self.renew(declared, ask).await,
                None => Err(Problem::caller(
                    "not-authorized",
                    format!(
                        "there is nothing to renew the credentials of connection `{}` with; run `crossdock connection authorize {} {}`",
                        self.part.connection, self.part.tenant, self.part.connection
                    ),
                )),
            },
            Want::Code { place, .. } if place != self.place => Err(Problem::caller(
                "authorization-unknown",
                "the connection's file was changed since this authorization began; begin a new one",
            )),
            Want::Code {
                code,
                verifier,
                redirect,
                ..
            } => {
                let ask = Ask::Code {
                    code,
                    verifier,
                    redirect,
                };
                self.renew(declared, ask).await
            }
            Want::Revoke => self.revoke(declared).await,
        }
    }

    async fn revoke(&mut self, declared: &Declared) -> Result<(), Problem> {
        let (name, now) = (self.name(), self.platform.now_ms());
        let changed = self.keep.change(&name, self.version, Change::Forget, now);
        match changed.await? {
            Some(version) => self.version = version,
            None => {
                self.load(declared).await;
                return Err(changed_elsewhere());
            }
        }
        (self.kept, self.before, self.person, self.failing) = (None, None, None, None);
        (self.revoked, self.in_doubt, self.forced) = (true, false, false);
        declared.cell.disarm(Standing::Revoked);
        self.tell(declared, true);
        tracing::info!(
            target: "crossdock::grants",
            tenant = &*self.part.tenant,
            connection = &*self.part.connection,
            "the credentials of the connection were forgotten"
        );
        Ok(())
    }

    /// From now on, requests are signed with what is kept.
    pub(super) fn arm(&self, declared: &Declared) {
        let Some(kept) = &self.kept else { return };
        let now = self.platform.now_ms();
        let secrets = BTreeMap::from([(declared.token.clone(), kept.token.clone())]);
        let refresh = kept.refresh.iter().cloned();
        let mut hidden: Vec<_> = refresh.map(|it| (declared.refresh.clone(), it)).collect();
        let before = self.before.iter().cloned();
        hidden.extend(before.map(|it| (declared.token.clone(), it)));
        let left = |over: u64| {
            let left = Duration::from_millis(over.saturating_sub(now));
            self.platform.real(left)
        };
        let over = Life::over(kept.life()).map(|over| tokio::time::Instant::now() + left(over));
        declared.cell.arm(Granted::new(secrets, hidden, over));
    }
}

pub(super) fn changed_elsewhere() -> Problem {
    Problem::host(
        "grant-changed",
        "another host changed the credentials of this connection at the same moment; look at them, and try again",
    )
}
