//! One guest instance at work: leased for a call, given back warm, or thrown
//! away after any failure.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};
use wasmtime::{PoolConcurrencyLimitError, Store, Trap};

use super::keys::KeyScope;
use super::lanes::NoLane;
use super::sandbox::Sandbox;
use super::state::{GuestState, LogLine, OutOfTime};
use super::ticker::ClockStopped;
use super::traps;
use super::warm::{Room, WarmKey, WarmPool};
use crate::text::one_line;

/// An instance that grew beyond this is not kept: its memory would stay
/// resident for as long as it idles, and take the place of many others. A script
/// with the largest lookup tables fits.
const KEEP_MEMORY: usize = 32 << 20;

/// Calls an instance serves before it makes room for a fresh one, so that what
/// a guest leaks stays bounded.
const MOST_CALLS: u32 = 10_000;

/// A guest that needs WASI can sleep in it without spending guest time; this
/// many deadlines of wall time are its bound.
const WALL_DEADLINES: u32 = 4;

/// How long a call waits for its turn when every instance is busy.
const WAIT_FOR_INSTANCE: Duration = Duration::from_secs(10);

/// How often it looks by itself whether there is room, besides being told.
const LOOK_FOR_ROOM: Duration = Duration::from_millis(50);

/// Lines that a failure shows of what a guest logged before it.
const LAST_LINES: usize = 20;

/// Characters of them.
const LAST_CHARS: usize = 1000;

/// How a guest failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GuestFailureKind {
    /// It trapped: a panic, a failed assertion, a stack overflow.
    Trap,
    /// Its time ran out.
    Deadline,
    /// It wanted more memory than it may have.
    Memory,
    /// It handed over more than it may.
    Output,
    /// What it answered breaks its contract.
    Contract,
    /// No instance could be made or had in time: the host's fault.
    Unavailable,
}

/// A guest call that gave no answer. The instance is gone.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct GuestFailure {
    /// What happened.
    pub kind: GuestFailureKind,
    /// One sentence without the plugin's name.
    pub message: String,
    /// What the guest logged last, on one line, before it trapped: a panic's
    /// message and place, a traceback. With whatever it put into it.
    pub last_words: Option<String>,
}

impl GuestFailure {
    /// The host could not provide an instance.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self {
            kind: GuestFailureKind::Unavailable,
            message: message.into(),
            last_words: None,
        }
    }

    /// The guest's answer cannot be right.
    pub fn broken_contract(message: impl Into<String>) -> Self {
        Self {
            kind: GuestFailureKind::Contract,
            message: message.into(),
            last_words: None,
        }
    }

    /// What happened, with the guest's last words: for whoever wrote the plugin,
    /// or as `clean` leaves them.
    pub fn told(&self, clean: impl FnOnce(&str) -> String) -> String {
        match &self.last_words {
            None => self.message.clone(),
            // Cut when it is clean: half a secret would not be found.
            Some(words) => {
                let words = end_of(&clean(words));
                format!("{}; its last words: {words}", self.message)
            }
        }
    }

    /// The same failure, with what the guest logged last where that may be the
    /// reason.
    fn after(mut self, log: &[LogLine]) -> Self {
        if matches!(self.kind, GuestFailureKind::Trap | GuestFailureKind::Memory) {
            self.last_words = last_words(log);
        }
        self
    }

    pub(crate) fn from_call(
        error: &wasmtime::Error,
        state: &GuestState,
        sandbox: &Sandbox,
    ) -> Self {
        let limits = sandbox.limits();
        if error.downcast_ref::<OutOfTime>().is_some() {
            return Self {
                last_words: None,
                kind: GuestFailureKind::Deadline,
                message: format!(
                    "it ran longer than the {} ms that it may (`[limits] guest_deadline_ms`)",
                    limits.deadline.as_millis()
                ),
            };
        }
        if let Some(no_lane) = error.downcast_ref::<NoLane>() {
            return Self::unavailable(no_lane.to_string());
        }
        if let Some(stopped) = error.downcast_ref::<ClockStopped>() {
            return Self::from(*stopped);
        }
        if state.memory_refused() {
            return Self {
                last_words: None,
                kind: GuestFailureKind::Memory,
                message: format!("it wanted more than {} MiB of memory", limits.memory >> 20),
            };
        }
        // wasmtime gives this refusal no type of its own; the text only picks
        // the sentence, not what happens.
        let text = error.root_cause().to_string();
        if text.contains("fuel allocated for hostcalls") {
            return Self {
                last_words: None,
                kind: GuestFailureKind::Output,
                message: format!("it returned more than {} MiB", limits.output >> 20),
            };
        }
        Self {
            last_words: None,
            kind: GuestFailureKind::Trap,
            message: traps::told(&text),
        }
    }
}

/// The last lines of what a guest logged as wrong, as one. The last, because that
/// is where tracebacks have what happened.
fn last_words(log: &[LogLine]) -> Option<String> {
    let wrong = |line: &&LogLine| {
        matches!(line.level, tracing::Level::ERROR | tracing::Level::WARN)
            && !line.message.trim().is_empty()
    };
    let lines: Vec<&LogLine> = log.iter().filter(wrong).collect();
    let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
    let text: Vec<&str> = last.iter().map(|line| &*line.message).collect();
    Some(one_line(&text.join(" "))).filter(|text| !text.is_empty())
}

/// The last characters of a text.
fn end_of(text: &str) -> String {
    match text.chars().count().saturating_sub(LAST_CHARS) {
        0 => text.to_owned(),
        skipped => format!("…{}", text.chars().skip(skipped).collect::<String>()),
    }
}

impl From<ClockStopped> for GuestFailure {
    fn from(stopped: ClockStopped) -> Self {
        Self::unavailable(stopped.to_string())
    }
}

/// Attempts at making an instance. Where one of the engine's pools is used up,
/// what is idle for longest makes room, and after that others' calls that end.
pub(crate) struct Attempts<'a> {
    sandbox: &'a Sandbox,
    deadline: Instant,
    /// The machine has refused it once already.
    refused: bool,
}

impl<'a> Attempts<'a> {
    /// Before the first one.
    pub fn new(sandbox: &'a Sandbox) -> Result<Self, GuestFailure> {
        sandbox.check_clock()?;
        Ok(Self {
            sandbox,
            deadline: Instant::now() + WAIT_FOR_INSTANCE,
            refused: false,
        })
    }

    /// After one that failed: waits until another is worth it, or says why none is.
    pub async fn again(&mut self, error: wasmtime::Error) -> Result<(), GuestFailure> {
        if !error.is::<PoolConcurrencyLimitError>() {
            // Linux refuses to seal a memory's first contents (EBUSY) while it moves
            // their pages, which passes. What the guest does itself comes again.
            if !error.is::<Trap>() && !std::mem::replace(&mut self.refused, true) {
                return Ok(());
            }
            let detail = format!("no instance could be made: {error:#}");
            return Err(GuestFailure::unavailable(detail));
        }
        let rooms = self.sandbox.rooms();
        if rooms.make() {
            return Ok(());
        }
        // It looks by itself, too: room may have come a moment before.
        let look = (Instant::now() + LOOK_FOR_ROOM).min(self.deadline);
        let _ = timeout_at(look, rooms.next()).await;
        if Instant::now() >= self.deadline {
            return Err(GuestFailure::unavailable(format!(
                "there was no room for one more guest for {} s ({error}); raise `[limits] guest_instances`",
                WAIT_FOR_INSTANCE.as_secs()
            )));
        }
        Ok(())
    }
}

/// An instance and its exports.
pub struct Instance<B> {
    pub(crate) store: Store<GuestState>,
    pub(crate) exports: B,
    calls: u32,
}

impl<B> Instance<B> {
    /// A fresh instance.
    pub fn new(store: Store<GuestState>, exports: B) -> Self {
        Self {
            store,
            exports,
            calls: 0,
        }
    }
}

/// Where instances of one contract live between calls, and how many may be
/// busy at once.
pub struct Home<B> {
    sandbox: Sandbox,
    warm: Arc<WarmPool<Instance<B>>>,
    active: Arc<Semaphore>,
}

impl<B: Send + 'static> Home<B> {
    /// Keeps at most `warm` idle and lets at most `active` be busy.
    pub fn new(sandbox: Sandbox, warm: Room, active: usize) -> Self {
        let warm = Arc::new(WarmPool::new(warm, sandbox.rooms().clone()));
        sandbox.rooms().register(&warm);
        Self {
            sandbox,
            warm,
            active: Arc::new(Semaphore::new(active.max(1))),
        }
    }
}

impl<B> Home<B> {
    /// The sandbox instances are made in.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// The idle instances.
    pub fn warm(&self) -> &WarmPool<Instance<B>> {
        &self.warm
    }

    /// Waits, within a bound, until one more instance may be busy.
    pub async fn permit(&self) -> Result<OwnedSemaphorePermit, GuestFailure> {
        let permit = match self.active.clone().try_acquire_owned() {
            Ok(permit) => Ok(permit),
            Err(_) => match timeout(WAIT_FOR_INSTANCE, self.active.clone().acquire_owned()).await {
                Ok(Ok(permit)) => Ok(permit),
                Ok(Err(_)) | Err(_) => Err(()),
            },
        };
        permit.map_err(|()| {
            GuestFailure::unavailable(format!(
                "all guest instances were busy for {} s; raise `[limits] guest_instances`",
                WAIT_FOR_INSTANCE.as_secs()
            ))
        })
    }
}

/// An instance for the duration of a call. Dropping it gives a healthy
/// instance back and throws away one that failed or was interrupted.
pub struct Lease<B> {
    instance: Option<Instance<B>>,
    home: Arc<Home<B>>,
    key: WarmKey,
    /// Set while guest code runs: a future dropped in between must not give
    /// the instance back.
    in_call: bool,
    log: Vec<LogLine>,
    log_dropped: usize,
    /// The keys of an instance that failed: what they gave out may stand in
    /// its log.
    keys: Option<KeyScope>,
    /// The right to one busy instance. It goes with the instance: whoever has to
    /// take another one after a failure must not wait for itself.
    permit: Option<OwnedSemaphorePermit>,
}

impl<B> Lease<B> {
    /// Wraps an instance, warm or fresh.
    pub fn new(
        instance: Instance<B>,
        home: Arc<Home<B>>,
        key: WarmKey,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            instance: Some(instance),
            home,
            key,
            in_call: false,
            log: Vec::new(),
            log_dropped: 0,
            keys: None,
            permit: Some(permit),
        }
    }

    /// Prepares one guest call of at most `deadline` guest time.
    pub(crate) fn begin(
        &mut self,
        deadline: Duration,
        clock: Option<(u64, &str)>,
    ) -> Result<(), GuestFailure> {
        self.home.sandbox.check_clock()?;
        let instance = self.instance_mut()?;
        instance.calls += 1;
        instance.store.set_epoch_deadline(1);
        let state = instance.store.data_mut();
        state.begin(deadline);
        if let (Some(wasi), Some((now_ms, nonce))) = (&mut state.wasi, clock) {
            wasi.begin(now_ms, nonce);
        }
        self.in_call = true;
        Ok(())
    }

    pub(crate) fn instance_mut(&mut self) -> Result<&mut Instance<B>, GuestFailure> {
        self.instance
            .as_mut()
            .ok_or_else(|| GuestFailure::unavailable("the instance is gone after a failed call"))
    }

    /// Ends a guest call; after a failure the instance is dropped.
    pub(crate) fn end<R>(&mut self, result: wasmtime::Result<R>) -> Result<R, GuestFailure> {
        self.in_call = false;
        let Some(instance) = &mut self.instance else {
            return Err(GuestFailure::unavailable("the instance is gone"));
        };
        let state = instance.store.data_mut();
        state.end();
        self.home.sandbox.spent(state.spent());
        let log = state.take_log();
        self.log_dropped += log.dropped;
        let last = match &result {
            Ok(_) => Vec::new(),
            Err(_) => log.lines.iter().chain(&log.last).cloned().collect(),
        };
        self.log.extend(log.lines);
        match result {
            Ok(answer) => Ok(answer),
            Err(error) => {
                let state = instance.store.data();
                let failure =
                    GuestFailure::from_call(&error, state, &self.home.sandbox).after(&last);
                self.keys = instance.store.data_mut().keys.take();
                self.discard();
                Err(failure)
            }
        }
    }

    /// Runs a guest call under the wall-clock bound that only guests with WASI need.
    pub(crate) async fn bounded<R>(
        deadline: Duration,
        wants_wasi: bool,
        call: impl Future<Output = wasmtime::Result<R>>,
    ) -> wasmtime::Result<R> {
        if !wants_wasi {
            return call.await;
        }
        match timeout(deadline * WALL_DEADLINES, call).await {
            Ok(result) => result,
            Err(_) => Err(wasmtime::Error::new(OutOfTime)),
        }
    }

    /// Closes the keys and gives back their scope, also after a failed call.
    pub(crate) fn take_keys(&mut self) -> Option<KeyScope> {
        match &mut self.instance {
            Some(instance) => instance.store.data_mut().keys.take(),
            None => self.keys.take(),
        }
    }

    /// Throws the instance away: what it answered shows that it is not sound.
    pub fn discard(&mut self) {
        self.instance = None;
        self.permit = None;
        self.home.sandbox.rooms().freed();
    }

    /// Guest time of the last call, in whole ticks.
    pub fn spent(&self) -> Duration {
        self.instance
            .as_ref()
            .map_or(Duration::ZERO, |instance| instance.store.data().spent())
    }

    /// Whether the guest used `keys` where there are none, in its last call.
    pub fn keys_refused(&self) -> bool {
        let instance = self.instance.as_ref();
        instance.is_some_and(|instance| instance.store.data().keys_refused())
    }

    /// Bytes of memory the instance holds.
    pub fn memory_bytes(&self) -> usize {
        let instance = self.instance.as_ref();
        instance.map_or(0, |instance| instance.store.data().memory_bytes())
    }

    /// Takes the lines logged since the last time, and how many were too many.
    pub fn take_log(&mut self) -> (Vec<LogLine>, usize) {
        (
            std::mem::take(&mut self.log),
            std::mem::take(&mut self.log_dropped),
        )
    }
}

impl<B> Drop for Lease<B> {
    fn drop(&mut self) {
        if let Some(mut instance) = self.instance.take()
            && !self.in_call
            && instance.calls < MOST_CALLS
            && instance.store.data().memory_bytes() <= KEEP_MEMORY
            && !instance.store.data_mut().leaks_handles()
        {
            instance.store.data_mut().keys = None;
            let bytes = instance.store.data().memory_bytes();
            self.home.warm.put(self.key.clone(), instance, bytes);
        }
        self.permit = None;
        self.home.sandbox.rooms().freed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::HostLimits;

    #[tokio::test]
    async fn what_the_machine_refuses_once_is_tried_again_and_a_trap_is_not() {
        let sandbox = Sandbox::new(&HostLimits::default()).expect("a sandbox");
        let refused = || wasmtime::Error::msg("Device or resource busy");
        let mut attempts = Attempts::new(&sandbox).expect("a clock");
        attempts.again(refused()).await.expect("another attempt");
        let twice = attempts.again(refused()).await.expect_err("no third one");
        assert!(twice.message.contains("resource busy"), "{twice:?}");

        let mut attempts = Attempts::new(&sandbox).expect("a clock");
        let trap = wasmtime::Error::from(Trap::UnreachableCodeReached);
        attempts.again(trap).await.expect_err("it traps again");
    }
}
