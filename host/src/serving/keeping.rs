//! What is known of a connection and outlives the process: who keeps it, and
//! what there is to keep.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;

use super::connection_limits::SharedChannel;
use super::pace::KeptPace;
use super::rate::Rate;
use crate::clock::{millis, now_ms};
use crate::config::ConnectionConfig;

/// Who keeps what connections know.
pub trait Keeper: Send + Sync {
    /// Writes a connection's state down. False if that failed.
    fn keep(&self, tenant: &str, connection: &str, state: Vec<u8>) -> BoxFuture<'static, bool>;

    /// More of what is queued may leave than before.
    fn wake(&self);
}

/// Where a keeper is, once there is one.
pub(super) type Slot = Arc<OnceLock<Arc<dyn Keeper>>>;

/// What is kept of a connection.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Kept {
    /// Where the rest comes from: adapter, URL and settings, as a hash.
    pub place: String,
    /// Before this, no request leaves; Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_ms: Option<u64>,
    /// Until then, the platform asked for a pause; Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause_until_ms: Option<u64>,
    /// How it was getting on.
    #[serde(rename = "flow")]
    pub pace: KeptPace,
}

impl Kept {
    /// What was written, if it can be read.
    pub fn read(state: &[u8]) -> Option<Self> {
        serde_json::from_slice(state).ok()
    }

    /// A moment of this process as others know it.
    pub fn time(moment: Instant, now: Instant) -> u64 {
        // Up: nothing may leave earlier for having been rounded.
        now_ms() + millis(moment.saturating_duration_since(now)) + 1
    }

    /// How long it is until then.
    pub fn from_now(time_ms: u64) -> Duration {
        Duration::from_millis(time_ms.saturating_sub(now_ms()))
    }
}

/// What an account is without its secrets. A hash of these would be as good as
/// the shortest of them.
pub(super) fn place(config: &ConnectionConfig) -> String {
    let mut hash = Sha256::new();
    for text in [
        &config.adapter,
        config.base_url.as_str(),
        &config.settings.to_string(),
    ] {
        hash.update(text.len().to_be_bytes());
        hash.update(text);
    }
    let digest = hash.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a connection has something to keep, and who is at it. One at a time:
/// an older state must not arrive after a newer one.
pub(super) struct Keeping {
    tenant: Arc<str>,
    connection: Arc<str>,
    keeper: Slot,
    changed: AtomicBool,
    writing: AtomicBool,
    /// Somebody has written.
    news: Notify,
}

impl Keeping {
    pub fn new(tenant: Arc<str>, connection: Arc<str>, keeper: Slot) -> Self {
        Self {
            tenant,
            connection,
            keeper,
            changed: AtomicBool::new(false),
            writing: AtomicBool::new(false),
            news: Notify::new(),
        }
    }

    /// Whether anything outlives the process.
    pub fn is_kept(&self) -> bool {
        self.keeper.get().is_some()
    }

    /// There is something to keep, and perhaps more may leave.
    pub fn changed(&self, wake: bool) {
        self.changed.store(true, Ordering::Release);
        if let Some(keeper) = self.keeper.get().filter(|_| wake) {
            keeper.wake();
        }
    }
}

impl SharedChannel {
    /// Has the next turn kept, so that it may be taken. Where it cannot be
    /// written, requests leave all the same: a disk that is full ends no calls.
    pub(super) async fn promise(self: &Arc<Self>) {
        // Before the look, so that no news is missed.
        let news = self.keeping.news.notified();
        let Some(writing) = self.begin(false) else {
            return news.await;
        };
        let Some(keeper) = self.keeping.keeper.get() else {
            return;
        };
        let (tenant, connection, state) = writing.state();
        let written = keeper.keep(tenant, connection, state).await;
        writing.done(written);
    }

    /// What is to be kept, if that has changed and nobody is keeping it.
    pub(super) fn to_keep(self: &Arc<Self>, last: bool) -> Option<Writing> {
        let changed = self.keeping.changed.load(Ordering::Acquire);
        if !self.keeping.is_kept() || !(changed || (last && self.is_ahead())) {
            return None;
        }
        self.begin(last)
    }

    /// The one who writes.
    fn begin(self: &Arc<Self>, last: bool) -> Option<Writing> {
        if self.keeping.writing.swap(true, Ordering::AcqRel) {
            return None;
        }
        self.keeping.changed.store(false, Ordering::Release);
        let (kept, promise) = self.kept(last);
        Some(Writing {
            shared: self.clone(),
            kept,
            promise,
            written: false,
        })
    }
}

/// A state that is being written down. Dropped without [`done`](Self::done), it
/// was not.
pub struct Writing {
    shared: Arc<SharedChannel>,
    kept: Kept,
    promise: Option<(Arc<Rate>, Instant)>,
    written: bool,
}

impl Writing {
    /// Tenant, connection, and what to write.
    pub fn state(&self) -> (&str, &str, Vec<u8>) {
        let keeping = &self.shared.keeping;
        let state = serde_json::to_vec(&self.kept).unwrap_or_default();
        (&keeping.tenant, &keeping.connection, state)
    }

    /// It was written, or could not be. Either way the turns that it promises may
    /// be taken.
    pub fn done(mut self, written: bool) {
        self.written = written;
        if let Some((rate, until)) = self.promise.take() {
            rate.promise(until);
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        let keeping = &self.shared.keeping;
        if !self.written {
            keeping.changed.store(true, Ordering::Release);
        }
        keeping.writing.store(false, Ordering::Release);
        keeping.news.notify_waiters();
    }
}
