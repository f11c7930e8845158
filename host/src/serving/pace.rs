//! How many queued requests of a connection may be under way, and whether any
//! may: what the platform's answers say about that.
//!
//! | what is heard | what follows |
//! |---|---|
//! | `throttled`, or no answer in time | half as many at once |
//! | an answer | a part of one more, until as many as `concurrency` says |
//! | too large a share of failures | none for a while, then one that finds out |
//! | `unauthenticated` | none until secrets or settings change |
//!
//! Callers who wait are let through: they get the platform's own answer, and it
//! counts here like any other.

mod state;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::Notify;

use super::connection_limits::NoTurn;
use crate::clock::{millis, now_ms};
use crate::config::{ConnectionConfig, ConnectionOutbox};
use crate::deadline::within;
pub(super) use state::KeptPace;
use state::{Gate, STOPS, State};

/// What a request's end says about its connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The platform does its work.
    Fine,
    /// It gave no answer, or one that says that it cannot work now.
    Failed,
    /// It gave no answer in time.
    Slow,
    /// It takes fewer requests than it gets.
    Throttled,
    /// It does not accept the credentials.
    Unauthenticated {
        /// The platform's code, without secrets.
        code: String,
        /// The platform's message, without secrets.
        message: String,
    },
}

/// Whether queued deliveries of a connection may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stance {
    /// So many at once.
    Go(usize),
    /// None before this time.
    From(Instant),
    /// None until something changes.
    Stopped,
}

/// A connection as people see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PaceShown {
    /// `open`, `slowed`, `broken`, `probing` or `stopped`.
    pub state: &'static str,
    /// Requests that may be under way at once.
    pub allowed: usize,
    /// The connection's `concurrency`.
    pub concurrency: usize,
    /// Queued requests under way now.
    pub under_way: usize,
    /// Since when it is neither open nor slowed, Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<u64>,
    /// Until when nothing queued leaves, if that is known; Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
    /// What the platform said that stopped it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The same for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What follows from what was heard.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    /// It is to be kept.
    pub keep: bool,
    /// More may leave than before.
    pub wake: bool,
}

/// What the answers to one account of a connection say.
#[derive(Debug)]
pub(super) struct Pace {
    tenant: Arc<str>,
    connection: Arc<str>,
    state: Mutex<State>,
    /// A request has ended, or more may leave.
    news: Notify,
}

impl Pace {
    pub fn new(config: &ConnectionConfig, tenant: &Arc<str>) -> Self {
        let most = config.limits.concurrency;
        Self::with(most, config.outbox.clone(), tenant, &config.name)
    }

    fn with(
        most: usize,
        settings: ConnectionOutbox,
        tenant: &Arc<str>,
        connection: &Arc<str>,
    ) -> Self {
        let now = Instant::now();
        Self {
            tenant: tenant.clone(),
            connection: connection.clone(),
            state: Mutex::new(State {
                most,
                settings,
                allowed: most as f64,
                cut: now,
                slowed: false,
                in_flight: 0,
                window: VecDeque::new(),
                until: now,
                kept: KeptPace::default(),
            }),
            news: Notify::new(),
        }
    }

    /// For another account in place of this one. Where the old one did not work,
    /// one request finds out whether the new one does.
    pub fn succeeded_by(&self, config: &ConnectionConfig) -> Self {
        let new = Self::new(config, &self.tenant);
        new.take_over(self);
        new
    }

    fn take_over(&self, old: &Self) {
        let kept = old.state().kept.clone();
        let mut state = self.state();
        state.kept = kept;
        if state.kept.gate != Gate::Open {
            state.kept.gate = Gate::Probing;
        }
    }

    /// Limits and settings as they are now.
    pub fn configure(&self, config: &ConnectionConfig) {
        let mut state = self.state();
        if state.most != config.limits.concurrency {
            // What was learned counts below the new bound only.
            let full = !state.slowed;
            state.most = config.limits.concurrency;
            let most = state.most as f64;
            state.allowed = if full { most } else { state.allowed.min(most) };
        }
        if state.settings != config.outbox {
            state.settings = config.outbox.clone();
            state.window.clear();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is kept of it.
    pub fn kept(&self) -> KeptPace {
        let state = self.state();
        let allowed = state.slowed.then_some(state.allowed);
        KeptPace {
            allowed,
            ..state.kept.clone()
        }
    }

    /// Goes on where another process ended. Whoever was stopped may have new
    /// credentials in the environment by now: one request finds out.
    pub fn resume(&self, kept: KeptPace, now: Instant) {
        let mut state = self.state();
        if let Some(allowed) = kept.allowed.filter(|allowed| allowed.is_finite()) {
            state.allowed = allowed.clamp(1.0, state.most as f64);
            state.slowed = state.allowed < state.most as f64;
        }
        let left = Duration::from_millis(kept.until_ms.saturating_sub(now_ms()));
        state.until = now + left.min(state.settings.breaker_pause);
        state.kept = kept;
        state.kept.until_ms = now_ms() + millis(state.until - now);
        state.kept.stops.truncate(STOPS);
        if state.kept.gate == Gate::Stopped {
            state.kept.gate = Gate::Probing;
        }
    }

    /// Whether queued deliveries may begin, as the platform's answers have it.
    pub fn stance(&self, now: Instant) -> Stance {
        let mut state = self.state();
        state.pass(now);
        match state.kept.gate {
            Gate::Open => Stance::Go(state.room()),
            Gate::Probing => Stance::Go(1),
            Gate::Broken => Stance::From(state.until),
            Gate::Stopped => Stance::Stopped,
        }
    }

    /// Waits until a queued request may leave.
    pub async fn enter(self: &Arc<Self>, deadline: Instant) -> Result<Entered, NoTurn> {
        loop {
            // Before the look, so that no news is missed.
            let news = self.news.notified();
            {
                let mut state = self.state();
                state.pass(Instant::now());
                let most = match state.kept.gate {
                    Gate::Open => state.room(),
                    Gate::Probing => 1,
                    Gate::Broken | Gate::Stopped => return Err(NoTurn::Held),
                };
                if state.in_flight < most {
                    state.in_flight += 1;
                    return Ok(Entered { pace: self.clone() });
                }
            }
            if within(deadline, news).await.is_none() {
                return Err(NoTurn::Limits(None));
            }
        }
    }

    /// Whether no queued request may leave.
    pub fn is_shut(&self) -> bool {
        self.state().is_shut()
    }

    /// What became of a request that began then. `told` says whether anybody
    /// reads a line about it.
    pub fn heard(&self, heard: Heard, began: Instant, now: Instant, told: bool) -> Change {
        let mut state = self.state();
        let (gate, room, slowed) = (state.kept.gate, state.room(), state.slowed);
        state.heard(heard, began, now);
        let (turned, after) = (gate != state.kept.gate, state.room());
        let change = Change {
            keep: turned || room != after,
            // More of what is under way lets more follow by itself.
            wake: turned && !state.is_shut(),
        };
        if told {
            self.tell(&state, gate, slowed);
        }
        drop(state);
        if turned || room < after {
            self.news.notify_waiters();
        }
        change
    }

    /// A person says that it is mended. True if it was shut.
    pub fn resume_by_hand(&self) -> bool {
        let mut state = self.state();
        let shut = state.kept.gate != Gate::Open;
        if shut {
            state.kept.gate = Gate::Probing;
        }
        drop(state);
        self.news.notify_waiters();
        shut
    }

    /// There are other credentials. True if it was stopped for want of some.
    pub fn rearmed(&self) -> bool {
        let mut state = self.state();
        let stopped = state.kept.gate == Gate::Stopped;
        if stopped {
            state.kept.gate = Gate::Probing;
        }
        drop(state);
        self.news.notify_waiters();
        stopped
    }

    /// One line for a change of consequence.
    fn tell(&self, state: &State, gate: Gate, slowed: bool) {
        let (tenant, connection) = (&*self.tenant, &*self.connection);
        let kept = &state.kept;
        match (gate, kept.gate) {
            // A probe that failed is no change.
            (before, after) if before == after => {}
            (Gate::Probing, Gate::Broken) => {}
            (_, Gate::Stopped) => tracing::error!(
                target: "crossdock::outbox",
                tenant,
                connection,
                code = kept.code,
                message = kept.message,
                "the platform does not accept the credentials: queued deliveries wait until the connection's secrets or settings change"
            ),
            (_, Gate::Broken) => tracing::warn!(
                target: "crossdock::outbox",
                tenant,
                connection,
                "too many requests fail: queued deliveries wait, and one at a time finds out when the platform works again"
            ),
            (_, Gate::Open) => tracing::info!(
                target: "crossdock::outbox",
                tenant,
                connection,
                "the platform works again: queued deliveries go on"
            ),
            _ => {}
        }
        // While nothing or one request at a time leaves, it makes no difference.
        if kept.gate != Gate::Open || gate != Gate::Open {
            return;
        }
        match (slowed, state.slowed) {
            (false, true) => tracing::warn!(
                target: "crossdock::outbox",
                tenant,
                connection,
                allowed = state.room(),
                concurrency = state.most,
                "the platform does not keep up: fewer queued requests leave at once"
            ),
            (true, false) => tracing::info!(
                target: "crossdock::outbox",
                tenant,
                connection,
                concurrency = state.most,
                "the platform keeps up: as many queued requests leave at once as before"
            ),
            _ => {}
        }
    }

    /// Milliseconds between two times in which the connection was stopped.
    pub fn stopped_between(&self, from_ms: u64, until_ms: u64) -> u64 {
        let state = self.state();
        let open = state.kept.stopped_ms.map(|since| (since, until_ms));
        let stops = state.kept.stops.iter().copied().chain(open);
        stops
            .map(|(from, until)| until.min(until_ms).saturating_sub(from.max(from_ms)))
            .sum()
    }

    pub fn shown(&self) -> PaceShown {
        let state = self.state();
        let kept = &state.kept;
        let shut = kept.gate != Gate::Open;
        let text = |text: &String| (shut && !text.is_empty()).then(|| text.clone());
        PaceShown {
            state: match kept.gate {
                Gate::Open if state.slowed => "slowed",
                Gate::Open => "open",
                Gate::Broken => "broken",
                Gate::Probing => "probing",
                Gate::Stopped => "stopped",
            },
            allowed: match kept.gate {
                Gate::Open => state.room(),
                Gate::Probing => 1,
                Gate::Broken | Gate::Stopped => 0,
            },
            concurrency: state.most,
            under_way: state.in_flight,
            since_ms: shut.then_some(kept.since_ms),
            until_ms: (kept.gate == Gate::Broken).then_some(kept.until_ms),
            code: text(&kept.code),
            message: text(&kept.message),
        }
    }
}

/// A queued request that is under way; dropping it lets the next one leave.
#[derive(Debug)]
pub struct Entered {
    pace: Arc<Pace>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut state = self.pace.state();
        state.in_flight = state.in_flight.saturating_sub(1);
        drop(state);
        self.pace.news.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
