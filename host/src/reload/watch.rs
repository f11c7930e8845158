//! Watches folders and hands out finished changes.
//!
//! Three parts, each with one job:
//!
//! ```text
//! operating system ──> notify's thread ──> the batcher's thread ──> Receiver<Change>
//!                      drops what nobody   knows what is watched
//!                      has to know         (roots.rs) and when a
//!                      (signals.rs)        change is finished (batches.rs)
//! ```
//!
//! Threads rather than tasks, because time counts: a renamed file is handed out
//! ten milliseconds later, however busy the runtime is.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use notify::{Config, Event, PollWatcher, RecommendedWatcher};
use tokio::sync::mpsc as channel;
use tracing::{debug, warn};

use super::batches::{Batch, Batches, Policy, Signal};
use super::current::Scanned;
use super::roots::Roots;
use super::signals::{is_relevant, is_worth_waking, signals};

/// How often the roots, and what cannot be watched, are looked at.
const LOOK: Duration = Duration::from_millis(250);

/// Events that may wait for the batcher. More are a flood, after which
/// everything has to be looked at anyway.
const EVENTS: usize = 16_384;

/// Batches that may wait for the receiver; further ones are joined into one.
const BATCHES: usize = 16;

/// How often a batch is offered again to a receiver that is busy.
const OFFER: Duration = Duration::from_millis(20);

/// Most paths of joined batches.
const MOST_PATHS: usize = 8192;

/// A batch of finished changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Files and folders that changed, came or went, below the roots as those
    /// were given. A folder stands for everything in it.
    pub paths: BTreeSet<PathBuf>,
    /// Events were lost or a root was replaced: anything may have changed.
    pub rescan: bool,
}

impl Change {
    /// Whether what is at `path` (a file, or a folder and all in it) may have
    /// changed.
    pub fn touches(&self, path: &Path) -> bool {
        self.rescan
            || self.paths.iter().any(|changed| {
                path.starts_with(changed)
                    || changed.starts_with(path)
                    || changed
                        .parent()
                        .is_some_and(|folder| is_folder_swap(changed) && path.starts_with(folder))
            })
    }

    fn join(&mut self, other: Change) {
        self.rescan |= other.rescan;
        self.paths.extend(other.paths);
        if self.paths.len() > MOST_PATHS {
            self.paths.clear();
            self.rescan = true;
        }
    }
}

impl From<Batch> for Change {
    fn from(batch: Batch) -> Self {
        Self {
            paths: batch.paths,
            rescan: batch.rescan,
        }
    }
}

/// Kubernetes mounts a folder as links to `..data/NAME`, and replaces all of
/// them by renaming one link to `..data`.
fn is_folder_swap(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b".."))
}

/// Why nothing is watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// No thread could be started.
    #[error("cannot start a thread to watch files ({0})")]
    Thread(#[source] std::io::Error),
}

/// Watches until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    wake: SyncSender<Message>,
    shared: Arc<Shared>,
    scanned: Scanned,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    /// Events were dropped because too many were waiting.
    lost: AtomicBool,
    /// What [`Watcher::follow`] asked for, until the batcher takes it.
    follow: Mutex<Option<BTreeSet<PathBuf>>>,
}

#[derive(Debug)]
enum Message {
    Event(notify::Result<Event>),
    /// Look at what is shared.
    Wake,
}

impl Watcher {
    /// Watches the folders `roots` and everything in them, links that lead out
    /// included. With `poll`, scans them in that interval and compares contents
    /// instead: network file systems do not tell of changes made elsewhere.
    ///
    /// A root that does not exist is watched as soon as it does; one that is
    /// replaced is watched again. What happens from now on is received, so load
    /// what is there after this call.
    ///
    /// What cannot be watched is scanned in an interval.
    ///
    /// # Errors
    ///
    /// The operating system gives no thread.
    pub fn start(
        roots: &[PathBuf],
        poll: Option<Duration>,
    ) -> Result<(Self, channel::Receiver<Change>), WatchError> {
        let shared = Arc::new(Shared::default());
        let (wake, events) = mpsc::sync_channel(EVENTS);
        let handler = {
            let (wake, shared) = (wake.clone(), Arc::clone(&shared));
            move |event: notify::Result<Event>| {
                if event.as_ref().is_ok_and(|event| !is_worth_waking(event)) {
                    return;
                }
                if let Err(TrySendError::Full(_)) = wake.try_send(Message::Event(event)) {
                    shared.lost.store(true, Ordering::Release);
                }
            }
        };
        let notify: notify::Result<Box<dyn notify::Watcher + Send>> = match poll {
            Some(interval) => {
                let config = Config::default()
                    .with_poll_interval(interval)
                    .with_compare_contents(true);
                PollWatcher::new(handler, config).map(|it| Box::new(it) as Box<_>)
            }
            // Links are followed by `Roots`: watching one folder under two names
            // loses it when one of the names goes.
            None => {
                let config = Config::default().with_follow_symlinks(false);
                let watcher = <RecommendedWatcher as notify::Watcher>::new(handler, config);
                watcher.map(|it| Box::new(it) as Box<_>)
            }
        };
        let notify = notify
            .inspect_err(
                |error| warn!(%error, "the system gives no watcher, so everything is scanned"),
            )
            .ok();
        // A watcher that does not start does not poll either.
        let polling = poll.is_some() && notify.is_some();
        let mut roots = Roots::new(notify, polling, roots);
        let scanned = Scanned::default();
        scanned.store(Arc::new(roots.scanned().unwrap_or_default()));
        let (changes, receiver) = channel::channel(BATCHES);
        let batcher = Batcher {
            roots,
            batches: Batches::new(poll.map_or_else(Policy::notified, Policy::polled)),
            polling,
            scanned: Arc::clone(&scanned),
            shared: Arc::clone(&shared),
            changes,
            held: None,
            next_look: Instant::now() + LOOK,
        };
        thread::Builder::new()
            .name("watch".into())
            .spawn(move || batcher.run(&events))
            .map_err(WatchError::Thread)?;
        let watcher = Self {
            wake,
            shared,
            scanned,
        };
        Ok((watcher, receiver))
    }

    /// What is scanned because it cannot be watched, now and from now on.
    pub(super) fn scanned(&self) -> Scanned {
        Arc::clone(&self.scanned)
    }

    /// Also reports changes of these files, wherever they are; replaces the
    /// files of an earlier call. Files below a root are watched anyway and may
    /// be among them. Others are looked at several times a second, so that a
    /// rotated secret is noticed within a second; each is reported once at the
    /// beginning, because it may have changed since it was read.
    pub fn follow(&self, files: BTreeSet<PathBuf>) {
        let mut follow = self
            .shared
            .follow
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *follow = Some(files);
        drop(follow);
        // When the queue is full the batcher is awake.
        let _ = self.wake.try_send(Message::Wake);
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        let _ = self.wake.try_send(Message::Wake);
    }
}

/// The thread between events and changes.
struct Batcher {
    roots: Roots,
    batches: Batches,
    polling: bool,
    scanned: Scanned,
    shared: Arc<Shared>,
    changes: channel::Sender<Change>,
    /// A batch that the receiver has no room for yet.
    held: Option<Change>,
    next_look: Instant,
}

impl Batcher {
    fn run(mut self, events: &mpsc::Receiver<Message>) {
        while !self.shared.stop.load(Ordering::Acquire) && !self.changes.is_closed() {
            match events.recv_timeout(self.pause()) {
                Ok(message) => {
                    self.take_in(message);
                    // A bounded number, so that a flood does not keep batches back.
                    for message in events.try_iter().take(EVENTS) {
                        self.take_in(message);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.shared.lost.swap(false, Ordering::AcqRel) {
                self.lost_events();
            }
            self.follow();
            if self.next_look <= Instant::now() {
                self.look();
            }
            if let Some(batch) = self.batches.take(Instant::now()) {
                self.held.get_or_insert_default().join(batch.into());
            }
            self.offer();
        }
    }

    /// How long nothing has to be done unless something happens.
    fn pause(&self) -> Duration {
        let now = Instant::now();
        let offer = self.held.as_ref().map(|_| now + OFFER);
        let next = [self.batches.due(), offer].into_iter().flatten();
        let next = next.fold(self.next_look, Instant::min);
        next.saturating_duration_since(now)
    }

    fn take_in(&mut self, message: Message) {
        match message {
            Message::Wake => {}
            Message::Event(Ok(event)) => self.event(&event),
            // A scan that could not read something finds out next time.
            Message::Event(Err(error)) if self.polling => {
                debug!(%error, "a scan could not look at everything");
            }
            Message::Event(Err(error)) => {
                warn!(%error, "watching files failed; everything is looked at again");
                self.lost_events();
            }
        }
    }

    fn event(&mut self, event: &Event) {
        if event.need_rescan() {
            self.lost_events();
        }
        let now = Instant::now();
        for (path, signal) in signals(event) {
            if self.roots.is_root(path) {
                if signal == Signal::Gone {
                    self.roots.gone(path);
                }
                // The look finds out what became of it, and tells.
                self.next_look = now;
                continue;
            }
            match self.refine(path, signal) {
                // A scan sees that a folder changes when something in it comes
                // or goes, which it reports as well.
                Signal::Writing if self.polling && path.is_dir() => {}
                signal @ (Signal::Appeared { .. } | Signal::Complete) => {
                    self.roots.appeared(path);
                    self.note(now, path, signal);
                }
                Signal::Gone => {
                    // Noted first: its names may depend on the link that goes.
                    self.note(now, path, Signal::Gone);
                    self.roots.gone(path);
                }
                signal => self.note(now, path, signal),
            }
        }
    }

    /// The system reports links, and further names of a file, as files that
    /// appear; nobody writes to those.
    fn refine(&self, path: &Path, signal: Signal) -> Signal {
        if signal != (Signal::Appeared { complete: false }) {
            return signal;
        }
        let complete = path
            .symlink_metadata()
            .is_ok_and(|metadata| !metadata.is_file() || has_other_names(&metadata));
        Signal::Appeared { complete }
    }

    fn note(&mut self, now: Instant, path: &Path, signal: Signal) {
        for name in self.roots.names(path) {
            self.batches.note(now, &name, signal);
        }
    }

    fn lost_events(&mut self) {
        let now = Instant::now();
        self.batches.rescan(now);
        self.roots.watch_again();
        self.next_look = now;
    }

    fn follow(&mut self) {
        let mut follow = self
            .shared
            .follow
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let files = follow.take();
        drop(follow);
        if let Some(files) = files {
            self.roots.follow(files);
        }
    }

    fn look(&mut self) {
        let findings = self.roots.check();
        let now = Instant::now();
        self.next_look = now + LOOK;
        if findings.root_changed {
            self.batches.rescan(now);
        }
        for path in findings.paths.iter().filter(|path| is_relevant(path)) {
            self.batches.note(now, path, Signal::Complete);
        }
        self.show();
    }

    fn show(&mut self) {
        if let Some(scanned) = self.roots.scanned() {
            self.scanned.store(Arc::new(scanned));
        }
    }

    fn offer(&mut self) {
        if let Some(change) = self.held.take() {
            debug!(?change, "files changed");
            if let Err(channel::error::TrySendError::Full(change)) = self.changes.try_send(change) {
                self.held = Some(change);
            }
        }
    }
}

#[cfg(unix)]
fn has_other_names(metadata: &std::fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(metadata) > 1
}

#[cfg(not(unix))]
fn has_other_names(_: &std::fs::Metadata) -> bool {
    false
}

#[cfg(test)]
#[path = "watch_tests/mod.rs"]
mod tests;
