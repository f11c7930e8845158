//! The last items of each connection and operation, kept for trying a changed
//! script on them.
//!
//! A call hands its body over and goes on: one thread does everything else. What
//! it has no room for is dropped and counted. Of each item, the connection's
//! secrets are taken out before it is written.
//!
//! | file | what is in it |
//! |---|---|
//! | `seal` | encryption, unless a setting says otherwise |
//! | `store` | files, their bounds, reading them |

mod seal;
mod store;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::clock::now_ms;
use crate::config::RecordingConfig;
use crate::delivery::intake::items;
use crate::file_failure::sentence;
use crate::problem::Problem;
use crate::serving::connection::ConnectionGeneration;
use crate::serving::route::Route;
use seal::Seal;
pub use store::Subject;
use store::{Bounds, Store};

/// Where recorded items are, below the data folder.
pub fn folder(data_dir: &Path) -> std::path::PathBuf {
    data_dir.join(crate::seal::RECORDINGS)
}

/// Calls that wait to be written.
const QUEUE: usize = 1024;

/// Bytes of their bodies.
const QUEUE_BYTES: usize = 16 << 20;

/// A smaller body is copied. Held on to, it would keep the buffer of the
/// connection that it was read from, and the next call would need a new one.
const COPIED: usize = 64 << 10;

/// How often what waits is written. Nobody is woken for a call, which would
/// cost the call more than everything else here.
const PERIOD: Duration = Duration::from_millis(100);

/// Dropped calls and failures are logged no more often than this.
const LOG_PERIOD: Duration = Duration::from_secs(60);

/// Hands calls to the thread that writes. Dropping it waits until what was
/// handed over is written.
pub struct Recorder {
    sender: SyncSender<Offer>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    queued: AtomicUsize,
    queued_bytes: AtomicUsize,
    dropped: AtomicU64,
    stopped: AtomicBool,
}

impl Shared {
    fn leave(&self, bytes: usize) {
        self.queued.fetch_sub(1, Ordering::Relaxed);
        self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// One call's items.
struct Offer {
    tenant: Arc<str>,
    connection: Arc<ConnectionGeneration>,
    operation: String,
    body: Bytes,
    at_ms: u64,
}

/// One recorded item.
#[derive(Debug, Serialize, Deserialize)]
pub struct Recorded {
    /// When it came, Unix milliseconds.
    pub at_ms: u64,
    /// The item, without secrets.
    pub item: Box<RawValue>,
}

impl Recorder {
    /// Starts the thread that writes.
    ///
    /// # Errors
    /// If there is no key, or no thread.
    pub fn start(config: &RecordingConfig, data_dir: &Path) -> Result<Self, Problem> {
        let store = open(config, data_dir)?;
        let (sender, receiver) = sync_channel(QUEUE);
        let shared = Arc::new(Shared::default());
        let thread = std::thread::Builder::new()
            .name("recording".into())
            .spawn({
                let shared = shared.clone();
                move || write_all(store, &receiver, &shared)
            })
            .map_err(|error| {
                Problem::host(
                    "recording-failed",
                    format!(
                        "items cannot be recorded: the system gives no thread ({})",
                        sentence(&error)
                    ),
                )
            })?;
        Ok(Self {
            sender,
            shared,
            thread: Some(thread),
        })
    }

    /// Records a call's items, if there is room.
    pub fn offer(&self, route: &Route, body: &Bytes) {
        let shared = &self.shared;
        let bytes = shared.queued_bytes.load(Ordering::Relaxed) + body.len();
        // Looked at first: under load most calls end here.
        if shared.queued.load(Ordering::Relaxed) >= QUEUE || bytes > QUEUE_BYTES {
            shared.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let body = if body.len() <= COPIED {
            Bytes::copy_from_slice(body)
        } else {
            body.clone()
        };
        let length = body.len();
        let offer = Offer {
            tenant: route.tenant.config.name.clone(),
            connection: route.connection.clone(),
            operation: route.operation.clone(),
            body,
            at_ms: now_ms(),
        };
        shared.queued.fetch_add(1, Ordering::Relaxed);
        shared.queued_bytes.fetch_add(length, Ordering::Relaxed);
        if self.sender.try_send(offer).is_err() {
            shared.leave(length);
            shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether the thread still runs that writes.
    pub fn is_alive(&self) -> bool {
        let thread = self.thread.as_ref();
        thread.is_some_and(|thread| !thread.is_finished())
    }

    /// Calls that were not recorded for want of room.
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It writes at most what the queue holds, and nothing in it panics.
            let _ = thread.join();
        }
    }
}

/// The newest recorded items, oldest first; never more than are kept.
///
/// # Errors
/// If there is no key, or the files cannot be read.
pub fn read(
    config: &RecordingConfig,
    data_dir: &Path,
    subject: &Subject,
    most: usize,
) -> Result<Vec<Recorded>, Problem> {
    // The files hold up to twice as many as are kept: one is the last full one.
    let records = open(config, data_dir)?
        .read(subject, most.min(config.items))
        .map_err(|error| {
            let detail = format!("the recorded items cannot be read: {}", sentence(&error));
            Problem::host("recording-failed", detail)
        })?;
    let parsed = records.iter().map(|record| serde_json::from_str(record));
    Ok(parsed.filter_map(Result::ok).collect())
}

fn open(config: &RecordingConfig, data_dir: &Path) -> Result<Store, Problem> {
    let bounds = Bounds {
        items: config.items,
        bytes: config.bytes,
        total: config.total,
    };
    let seal = Seal::new(config, data_dir)?;
    Ok(Store::new(folder(data_dir), seal, bounds))
}

/// The thread: everything that waits, again and again.
fn write_all(mut store: Store, receiver: &Receiver<Offer>, shared: &Shared) {
    let mut log = Log::default();
    loop {
        // Before the queue is emptied: what was offered before is in it.
        let stopped = shared.stopped.load(Ordering::Acquire);
        let mut waiting: HashMap<Subject, Vec<Offer>> = HashMap::new();
        for offer in receiver.try_iter().take(QUEUE) {
            shared.leave(offer.body.len());
            let subject = Subject {
                tenant: offer.tenant.to_string(),
                connection: offer.connection.config.name.to_string(),
                operation: offer.operation.clone(),
            };
            waiting.entry(subject).or_default().push(offer);
        }
        for (subject, offers) in &waiting {
            let records = records(offers, store.most_items());
            match store.append(subject, &records) {
                Ok(left_out) => log.left_out += left_out as u64,
                Err(error) => log.error = Some(error.to_string()),
            }
        }
        log.write(shared.dropped.load(Ordering::Relaxed));
        if stopped {
            return;
        }
        std::thread::park_timeout(PERIOD);
    }
}

/// The newest items of some calls, oldest first, without secrets.
fn records(offers: &[Offer], most: usize) -> Vec<String> {
    let mut newest_first = Vec::new();
    for offer in offers.iter().rev() {
        if newest_first.len() >= most {
            break;
        }
        let Ok(items) = items(&offer.body, usize::MAX) else {
            continue;
        };
        for item in items.into_iter().rev() {
            if newest_first.len() >= most {
                break;
            }
            let clean = offer.connection.armed().redactor.redact_json(item.get());
            // A mask in the middle of a number leaves no JSON.
            if serde_json::from_str::<&RawValue>(&clean).is_ok() {
                let at_ms = offer.at_ms;
                newest_first.push(format!("{{\"at_ms\":{at_ms},\"item\":{clean}}}"));
            }
        }
    }
    newest_first.reverse();
    newest_first
}

/// What went wrong since the log last said so.
#[derive(Default)]
struct Log {
    left_out: u64,
    error: Option<String>,
    dropped_before: u64,
    logged: Option<Instant>,
}

impl Log {
    fn write(&mut self, dropped: u64) {
        let new = dropped - self.dropped_before;
        let quiet = new == 0 && self.left_out == 0 && self.error.is_none();
        if quiet || self.logged.is_some_and(|at| at.elapsed() < LOG_PERIOD) {
            return;
        }
        tracing::warn!(
            calls = new,
            items = self.left_out,
            error = self.error.as_deref(),
            "not everything was recorded: too much at once, too large, or the disk"
        );
        *self = Self {
            dropped_before: dropped,
            logged: Some(Instant::now()),
            ..Self::default()
        };
    }
}
