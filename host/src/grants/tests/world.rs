//! A platform that is played, a clock that is fast, and the store that hosts have.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crossdock_store::SqliteStore;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::super::events::CredentialsEvent;
use super::super::keep::Keep;
use super::super::part::{Part, Want};
use super::super::platform::{Declared, Platform};
use super::super::run::Run;
use super::super::{Ask, NotGranted, Tokens};
use crate::config::Secret;
use crate::outbox::newest::Feed;
use crate::problem::Problem;
use crate::redact::Redactor;
use crate::serving::credentials::{Cell, Credentials};

/// Unix milliseconds at which each test begins.
pub const T: u64 = 1_700_000_000_000;

pub const HOUR: Duration = Duration::from_secs(3_600);

/// How much faster the clock is.
const FAST: u32 = 2_000;

/// Lets so much time of that clock pass.
pub async fn pass(time: Duration) {
    tokio::time::sleep(time / FAST).await;
}

/// What a platform does with a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Works,
    /// It answers that it cannot.
    Down,
    /// It does what it is asked, and its answer is lost.
    Mute,
    /// It does what it is asked, and never answers.
    Hangs,
}

/// A platform whose refresh tokens work once.
pub struct Played {
    pub mood: Mood,
    pub given: u64,
    pub valid: Option<String>,
    pub used: BTreeSet<String>,
    /// Refresh tokens that came though they had been used.
    pub twice: usize,
    pub asked: Vec<String>,
    pub life: Duration,
    pub renews: bool,
}

impl Played {
    pub fn answer(&mut self, ask: &Ask) -> Result<Tokens, NotGranted> {
        let (kind, refresh) = match ask {
            Ask::First => ("first".to_owned(), None),
            Ask::Code { code, .. } => (format!("code {}", code.expose()), None),
            Ask::Refresh { refresh } => {
                let refresh = refresh.expose().to_owned();
                (format!("refresh {refresh}"), Some(refresh))
            }
        };
        self.asked.push(kind);
        if self.mood == Mood::Down {
            return Err(NotGranted::Later {
                code: "503".into(),
                message: "it is down".into(),
                after: None,
            });
        }
        if let Some(refresh) = refresh {
            if !self.used.insert(refresh.clone()) {
                self.twice += 1;
            }
            if self.valid.as_ref() != Some(&refresh) {
                return Err(NotGranted::Refused {
                    code: "invalid_grant".into(),
                    message: "it was used".into(),
                });
            }
        }
        self.given += 1;
        let number = self.given;
        self.valid = self.renews.then(|| format!("refresh-token-{number}"));
        if self.mood == Mood::Mute {
            return Err(NotGranted::Unknown {
                code: "no-answer".into(),
                message: "no answer came".into(),
            });
        }
        Ok(Tokens {
            token: Secret::new(format!("access-token-{number}")),
            refresh: self.valid.clone().map(Secret::new),
            expires_in: Some(self.life),
            refresh_expires_in: None,
            account: Some("shop 7".into()),
            scopes: None,
        })
    }
}

pub struct Fake {
    pub began: tokio::time::Instant,
    pub played: Mutex<Played>,
    pub declared: Mutex<Declared>,
    pub resumed: AtomicUsize,
}

impl Fake {
    pub fn played(&self) -> MutexGuard<'_, Played> {
        self.played.lock().unwrap()
    }
}

impl Platform for Fake {
    fn look(&self) -> Option<Declared> {
        Some(self.declared.lock().unwrap().clone())
    }

    fn obtain(&self, ask: Ask, _deadline: Instant) -> BoxFuture<'_, Result<Tokens, NotGranted>> {
        Box::pin(async move {
            pass(Duration::from_secs(1)).await;
            let answer = self.played().answer(&ask);
            if self.played().mood == Mood::Hangs {
                std::future::pending::<()>().await;
            }
            answer
        })
    }

    fn resume(&self) {
        self.resumed.fetch_add(1, Ordering::Relaxed);
    }

    fn now_ms(&self) -> u64 {
        T + self.began.elapsed().as_millis() as u64 * u64::from(FAST)
    }

    fn real(&self, time: Duration) -> Duration {
        time / FAST
    }
}

/// A host, its platform and its disk.
pub struct World {
    pub folder: tempfile::TempDir,
    pub fake: Arc<Fake>,
    pub credentials: Credentials,
    pub feed: Arc<Feed<CredentialsEvent>>,
    pub host: Option<(Arc<Part>, CancellationToken, tokio::task::JoinHandle<()>)>,
}

impl World {
    pub fn new(first: bool, life: Duration) -> Self {
        let engine = Arc::new(AtomicBool::new(true));
        let cell = Arc::new(Cell::new(
            "acme".into(),
            "shop".into(),
            "here".into(),
            engine,
        ));
        let secrets = BTreeMap::from([("app".to_owned(), Secret::new("app-secret".into()))]);
        let redactor = Redactor::builder().build();
        let credentials = Credentials::new(secrets, redactor, cell.clone());
        let declared = Declared {
            cell,
            place: "here".into(),
            token: "access_token".into(),
            refresh: "refresh_token".into(),
            first,
            within: None,
            secrets: credentials.base().clone(),
        };
        let played = Played {
            mood: Mood::Works,
            given: 0,
            valid: None,
            used: BTreeSet::new(),
            twice: 0,
            asked: Vec::new(),
            life,
            renews: true,
        };
        Self {
            folder: tempfile::tempdir().unwrap(),
            fake: Arc::new(Fake {
                began: tokio::time::Instant::now(),
                played: Mutex::new(played),
                declared: Mutex::new(declared),
                resumed: AtomicUsize::new(0),
            }),
            credentials,
            feed: Arc::new(Feed::new(0)),
            host: None,
        }
    }

    /// The store, once what a killed host was still writing is written.
    async fn open(&self) -> SqliteStore {
        let patience = tokio::time::Instant::now() + Duration::from_secs(60);
        loop {
            match SqliteStore::open(&self.folder.path().join("outbox")) {
                Ok(store) => return store,
                Err(error) => assert!(tokio::time::Instant::now() < patience, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// A host begins.
    pub async fn begin(&mut self) {
        let mut config = crate::config::load_host(None).unwrap();
        config.data_dir = self.folder.path().to_owned();
        let store = Arc::new(self.open().await);
        let keep = Keep::new(store, Arc::new(config));
        let feed = self.feed.clone();
        let (part, requests) = Part::new("acme".into(), "shop".into(), feed);
        let closing = CancellationToken::new();
        let run = Run::new(part.clone(), self.fake.clone(), keep, closing.clone());
        let task = tokio::spawn(run.run(requests));
        self.host = Some((part, closing, task));
    }

    /// It is killed. What it has on disk is all there is; the next one begins with a
    /// cell of its own.
    pub async fn kill(&mut self) {
        let (part, _, task) = self.host.take().unwrap();
        task.abort();
        let _ = task.await;
        drop(part);
        let engine = Arc::new(AtomicBool::new(true));
        let cell = Arc::new(Cell::new(
            "acme".into(),
            "shop".into(),
            "here".into(),
            engine,
        ));
        let base = self.credentials.base().clone();
        let redactor = Redactor::builder().build();
        let secrets = BTreeMap::clone(&base);
        self.credentials = Credentials::new(secrets, redactor, cell.clone());
        self.fake.declared.lock().unwrap().cell = cell;
    }

    pub fn part(&self) -> &Arc<Part> {
        &self.host.as_ref().unwrap().0
    }

    pub fn state(&self) -> &'static str {
        self.part().look().shown.state
    }

    /// Waits until it is so.
    pub async fn until(&self, what: &str, so: impl Fn(&Self) -> bool) {
        let patience = tokio::time::Instant::now() + Duration::from_secs(60);
        while !so(self) {
            assert!(tokio::time::Instant::now() < patience, "never: {what}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// The token that a request would carry, if there is one soon.
    pub async fn token(&self) -> Result<String, Problem> {
        let now = tokio::time::Instant::now().into_std();
        let ready = self.credentials.ready(now + Duration::from_secs(10)).await;
        let armed = ready.map_err(|why| why.problem())?;
        Ok(armed.secrets["access_token"].expose().to_owned())
    }

    /// Why there is no token, for somebody who has no time left: a renewal that is under
    /// way meanwhile says nothing of the one before it.
    pub async fn refused_at_once(&self, says: &str) -> Problem {
        let patience = tokio::time::Instant::now() + Duration::from_secs(60);
        loop {
            let now = tokio::time::Instant::now();
            let why = self.credentials.ready(now.into_std()).await;
            let why = why.unwrap_err().problem();
            if why.detail.contains(says) {
                return why;
            }
            assert!(now < patience, "{why}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// The token that a request would carry at once.
    pub fn armed(&self) -> String {
        let armed = self.credentials.armed();
        let token = armed.secrets.get("access_token");
        token.map_or_else(String::new, |token| token.expose().to_owned())
    }

    pub async fn agree(&self) -> Result<(), Problem> {
        let code = Want::Code {
            code: Secret::new("a-code".into()),
            verifier: None,
            redirect: None,
            place: "here".into(),
        };
        self.part().want(code).await
    }

    /// A person wants another token, and does not wait for it.
    pub fn renew(&self) {
        let part = self.part().clone();
        tokio::spawn(async move { part.want(Want::Renew).await });
    }

    /// The states that were told.
    pub fn told(&self) -> Vec<&'static str> {
        let (events, _) = self.feed.after(0);
        events.iter().map(|event| event.shown.state).collect()
    }

    pub fn asked(&self) -> Vec<String> {
        self.fake.played().asked.clone()
    }
}
