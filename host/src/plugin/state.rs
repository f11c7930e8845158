//! What the host keeps beside one guest instance.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use wasmtime::component::HasData;
use wasmtime::{ResourceLimiter, Store, UpdateDeadline};

use super::bindings::adapter::crossdock::adapter::keys::KeyError;
use super::bindings::adapter::crossdock::adapter::{log, types};
use super::bindings::source::crossdock::source::file;
use super::keys::KeyScope;
use super::lanes::Turns;
use super::packed::SourceFile;
use super::sandbox::{GuestLimits, Sandbox, TICK};
use super::tables::LookupTables;
use super::ticker::ClockStopped;
use super::wasi::EmptyWasi;
use crate::text::truncate;

/// Lines a guest may log in one call; what comes after is counted, not kept.
const LOG_LINES: usize = 64;

/// Bytes of one log line that are taken. Several times what a delivery keeps of
/// it, so that nothing is cut off before its secrets are out: half a signature
/// would not be found any more.
const LOG_LINE_BYTES: usize = 8 << 10;

/// Lines that are kept of those that are too many.
const LAST_LINES: usize = 24;

/// Elements a guest's tables may grow to.
const TABLE_ELEMENTS: usize = 100_000;

/// A guest's side of the host: limits, log, and during `sign` the keys.
pub struct GuestState {
    memory: MemoryLimit,
    budget: Budget,
    turns: Turns,
    log: GuestLog,
    pub(super) keys: Option<KeyScope>,
    /// Whether the guest used `keys` where there are none.
    keys_refused: bool,
    pub(super) wasi: Option<Box<EmptyWasi>>,
    /// What a language runtime runs.
    source: Option<Arc<SourceFile>>,
    /// What a script looks rows up in.
    pub(super) tables: Arc<LookupTables>,
}

/// Why the epoch callback stopped a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the guest's time ran out")]
pub struct OutOfTime;

/// One line a guest wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Its level.
    pub level: tracing::Level,
    /// Its text, at most 8 KiB, with whatever the guest put into it.
    pub message: String,
}

impl GuestState {
    /// A store with fresh limits for a guest of a tenant; the host's own guests
    /// have no name.
    pub fn store(sandbox: &Sandbox, tenant: &Arc<str>, wants_wasi: bool) -> Store<Self> {
        let limits = sandbox.limits();
        let state = Self {
            memory: MemoryLimit::new(limits),
            budget: Budget::new(limits.deadline),
            turns: Turns::new(sandbox.lanes().clone(), tenant.clone()),
            log: GuestLog::default(),
            keys: None,
            keys_refused: false,
            wasi: wants_wasi.then(|| Box::new(EmptyWasi::new())),
            source: None,
            tables: Arc::default(),
        };
        let mut store = Store::new(sandbox.engine(), state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(limits.output);
        store.set_epoch_deadline(1);
        let clock_runs = sandbox.clock_runs();
        store.epoch_deadline_callback(move |mut context| {
            // This was the last tick there is.
            if !clock_runs.load(Ordering::Acquire) {
                return Err(wasmtime::Error::new(ClockStopped));
            }
            let state = context.data_mut();
            if !state.budget.spend_tick() {
                return Err(wasmtime::Error::new(OutOfTime));
            }
            // Giving the thread back at every tick, and waiting for a lane
            // after some, is what keeps busy guests from slowing their
            // neighbours by more than their share.
            match state.turns.tick() {
                Ok(pause) => Ok(UpdateDeadline::YieldCustom(1, pause)),
                Err(no_lane) => Err(wasmtime::Error::new(no_lane)),
            }
        });
        store
    }

    /// Gives a language runtime the file that it runs.
    pub(super) fn set_source(&mut self, source: Option<Arc<SourceFile>>) {
        self.source = source;
    }

    /// Gives a script what it looks rows up in.
    pub(super) fn set_tables(&mut self, tables: Arc<LookupTables>) {
        self.tables = tables;
    }

    /// Starts a new call's budget of guest time.
    pub fn begin(&mut self, deadline: Duration) {
        self.budget = Budget::new(deadline);
        self.memory.refused = false;
        self.keys_refused = false;
        self.turns.reset();
    }

    /// The call has ended; its lane goes to the next guest.
    pub fn end(&mut self) {
        self.turns.reset();
    }

    /// Guest time spent since [`begin`](Self::begin), in whole ticks.
    pub fn spent(&self) -> Duration {
        TICK * self.budget.spent
    }

    /// Whether the guest asked for more memory than it may have.
    pub fn memory_refused(&self) -> bool {
        self.memory.refused
    }

    /// Notes that the guest used `keys` where there are none.
    pub(super) fn no_keys(&mut self) -> KeyError {
        self.keys_refused = true;
        KeyError::NotPermitted
    }

    /// Whether the guest used `keys` where there are none, in its last call.
    pub fn keys_refused(&self) -> bool {
        self.keys_refused
    }

    /// Bytes of linear memory the guest holds.
    pub fn memory_bytes(&self) -> usize {
        self.memory.bytes
    }

    /// Whether the guest keeps more and more of the host's handles.
    pub(super) fn leaks_handles(&mut self) -> bool {
        self.wasi.as_mut().is_some_and(|wasi| wasi.leaks_handles())
    }

    /// Takes what the guest logged.
    pub(super) fn take_log(&mut self) -> GuestLog {
        let mut log = std::mem::take(&mut self.log);
        if let Some(wasi) = &self.wasi {
            wasi.drain_output(&mut log);
        }
        log
    }
}

/// Guest time, counted in ticks of the engine's epoch while the guest runs.
struct Budget {
    spent: u32,
    allowed: u32,
}

impl Budget {
    fn new(deadline: Duration) -> Self {
        let ticks = deadline.as_millis() / TICK.as_millis();
        Self {
            spent: 0,
            allowed: u32::try_from(ticks).unwrap_or(u32::MAX).max(1),
        }
    }

    /// Whether there was a tick left.
    fn spend_tick(&mut self) -> bool {
        self.spent += 1;
        self.spent < self.allowed
    }
}

struct MemoryLimit {
    bytes: usize,
    allowed: usize,
    refused: bool,
}

impl MemoryLimit {
    fn new(limits: GuestLimits) -> Self {
        Self {
            bytes: 0,
            allowed: limits.memory,
            refused: false,
        }
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // The bound is on all memories of the instance together.
        let total = self.bytes.saturating_add(desired.saturating_sub(current));
        if total > self.allowed {
            self.refused = true;
            return Ok(false);
        }
        self.bytes = total;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.refused = true;
        Ok(())
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS)
    }
}

/// What a guest logged in one call.
#[derive(Default)]
pub(super) struct GuestLog {
    /// The first lines.
    pub lines: Vec<LogLine>,
    /// The last of those that were too many: what a guest says before it traps.
    pub last: VecDeque<LogLine>,
    /// How many were too many.
    pub dropped: usize,
}

impl GuestLog {
    /// Takes one more line, or counts it.
    pub fn add(&mut self, level: tracing::Level, mut message: String) {
        truncate(&mut message, LOG_LINE_BYTES);
        let line = LogLine { level, message };
        if self.lines.len() < LOG_LINES {
            self.lines.push(line);
            return;
        }
        self.dropped += 1;
        if self.last.len() == LAST_LINES {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }
}

impl types::Host for GuestState {}

impl log::Host for GuestState {
    fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            log::Level::Debug => tracing::Level::DEBUG,
            log::Level::Info => tracing::Level::INFO,
            log::Level::Warn => tracing::Level::WARN,
            log::Level::Error => tracing::Level::ERROR,
        };
        self.log.add(level, message);
        Ok(())
    }
}

impl file::Host for GuestState {
    /// Once per instance: the runtime keeps what it made of it.
    fn read(&mut self) -> wasmtime::Result<file::Source> {
        let source = self.source.as_ref();
        let source = source.ok_or_else(|| wasmtime::Error::msg("it was given no source file"))?;
        Ok(file::Source {
            name: source.name.clone(),
            text: source.text.clone(),
        })
    }
}

/// Names [`GuestState`] itself as what host functions get.
pub struct KeysAccess;

impl HasData for KeysAccess {
    type Data<'a> = &'a mut GuestState;
}
