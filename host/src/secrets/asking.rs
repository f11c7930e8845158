//! Asking beside what reads the files, and telling whom it concerns.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::sync::DropGuard;

use super::kept::Kept;
use super::vault::Vault;
use super::{Absent, SecretsConfig, Source, TIMEOUT, Text, command};

/// Questions at once.
const AT_ONCE: usize = 8;

/// The part of its time after which a secret is asked for again that may be taken
/// off, so that not all are asked for at the same moment.
const JITTER: f64 = 0.1;

/// What asks. Clones share it; with the last of them it ends.
#[derive(Clone)]
pub(super) struct Asking {
    shared: Arc<Shared>,
    /// Ends the task that asks.
    _ends: Arc<DropGuard>,
    ended: CancellationToken,
}

struct Shared {
    kept: Mutex<Kept>,
    commands: bool,
    vault: Option<Vault>,
    /// Something is due that was not.
    sooner: Notify,
    /// Somebody is to be told.
    news: Notify,
}

impl Asking {
    pub fn new(config: SecretsConfig) -> Self {
        let ended = CancellationToken::new();
        Self {
            shared: Arc::new(Shared {
                kept: Mutex::default(),
                commands: config.commands,
                vault: config.vault.map(Vault::new),
                sooner: Notify::new(),
                news: Notify::new(),
            }),
            _ends: Arc::new(ended.clone().drop_guard()),
            ended,
        }
    }

    /// Begins to ask.
    pub fn start(&self) {
        let (shared, ended) = (self.shared.clone(), self.ended.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = ended.cancelled() => {}
                () = run(shared) => {}
            }
        });
    }

    pub fn forget(&self, tenant: &Path) {
        self.shared.kept().forget(tenant);
    }

    pub fn read(&self, tenant: &Path, source: &Source, every: Duration) -> Result<Text, Absent> {
        self.shared.allowed(source)?;
        let read = {
            let mut kept = self.shared.kept();
            kept.read(tenant, source, every, Instant::now())
        };
        self.shared.sooner.notify_one();
        read
    }

    /// The same by a thread that waits for the answer.
    pub fn read_at_once(
        &self,
        tenant: &Path,
        source: &Source,
        every: Duration,
    ) -> Result<Text, Absent> {
        self.shared.allowed(source)?;
        let is_due = {
            let mut kept = self.shared.kept();
            let _ = kept.read(tenant, source, every, Instant::now());
            kept.is_due(source, Instant::now())
        };
        if is_due {
            let (shared, asked) = (self.shared.clone(), source.clone());
            // A runtime of its own: this thread may belong to one.
            let asking = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build();
                if let Ok(runtime) = runtime {
                    runtime.block_on(ask(&shared, &asked));
                }
            });
            let _ = asking.join();
        }
        let mut kept = self.shared.kept();
        kept.read(tenant, source, every, Instant::now())
    }

    /// The folders whose secrets changed, once there are any.
    pub async fn changed(&self) -> BTreeSet<PathBuf> {
        loop {
            let news = self.shared.news.notified();
            let changed = std::mem::take(&mut self.shared.kept().changed);
            if !changed.is_empty() {
                return changed;
            }
            news.await;
        }
    }
}

impl Shared {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn allowed(&self, source: &Source) -> Result<(), Absent> {
        match source {
            Source::Command { .. } if !self.commands => Err(Absent::NotAllowed(
                "is a program, and none is run unless `[secrets] commands = true` in crossdock.toml",
            )),
            Source::Vault { .. } if self.vault.is_none() => Err(Absent::NotAllowed(
                "is in a vault, and there is no `[vault]` in crossdock.toml",
            )),
            _ => Ok(()),
        }
    }
}

async fn run(shared: Arc<Shared>) {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let due = shared.kept().due(Instant::now());
        for source in due {
            let (shared, turns) = (shared.clone(), turns.clone());
            tokio::spawn(async move {
                // Nobody closes it.
                let _turn = turns.acquire().await;
                ask(&shared, &source).await;
                shared.sooner.notify_one();
            });
        }
        let next = shared.kept().next();
        tokio::select! {
            () = shared.sooner.notified() => {}
            () = sleep_until(next) => {}
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

/// Asks once, and keeps what came.
async fn ask(shared: &Shared, source: &Source) {
    let answer = async {
        match source {
            Source::Command {
                command,
                environment,
            } => command::run(command, environment).await,
            Source::Vault { mount, path, key } => match &shared.vault {
                Some(vault) => vault.read(mount.as_deref(), path, key).await,
                None => Err("has no vault to be asked".to_owned()),
            },
        }
    };
    let answer = match tokio::time::timeout(TIMEOUT, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("gave no answer within {} s", TIMEOUT.as_secs())),
    };
    let early = rand::random::<f64>() * JITTER;
    let any = {
        let mut kept = shared.kept();
        kept.answered(source, answer, early, Instant::now());
        !kept.changed.is_empty()
    };
    if any {
        shared.news.notify_one();
    }
}
