//! What the platform's answers did to a connection so far: it is told what was
//! heard, and waits for nothing.

use std::collections::VecDeque;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::Heard;
use crate::clock::{millis, now_ms};
use crate::config::ConnectionOutbox;

/// Times at which a connection was stopped that are remembered.
pub(super) const STOPS: usize = 32;

/// Bytes of a platform's code and message that are kept with a stop.
const TEXT: usize = 1 << 10;

/// What lets queued deliveries through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::serving) enum Gate {
    /// As many as may be at once.
    #[default]
    Open,
    /// None before `until`.
    Broken,
    /// One at a time finds out whether the platform works again.
    Probing,
    /// None: the credentials are not accepted.
    Stopped,
}

/// What outlives the process, apart from what is counted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::serving) struct KeptPace {
    pub gate: Gate,
    /// Since when it is not open, Unix milliseconds.
    pub since_ms: u64,
    /// Until when it is broken, Unix milliseconds.
    pub until_ms: u64,
    pub code: String,
    pub message: String,
    pub allowed: Option<f64>,
    /// Since when it is stopped, if it was not open again.
    pub stopped_ms: Option<u64>,
    /// When it was stopped before: from, until.
    pub stops: Vec<(u64, u64)>,
}

#[derive(Debug)]
pub(super) struct State {
    pub most: usize,
    pub settings: ConnectionOutbox,
    pub allowed: f64,
    /// What left before has been answered for.
    pub cut: Instant,
    pub slowed: bool,
    pub in_flight: usize,
    /// The newest requests' ends, and whether they failed.
    pub window: VecDeque<bool>,
    pub until: Instant,
    pub kept: KeptPace,
}

impl State {
    /// Requests that may be under way.
    pub fn room(&self) -> usize {
        (self.allowed as usize).clamp(1, self.most)
    }

    /// Whether nothing queued leaves.
    pub fn is_shut(&self) -> bool {
        matches!(self.kept.gate, Gate::Broken | Gate::Stopped)
    }

    /// A break ends by the clock.
    pub fn pass(&mut self, now: Instant) {
        if self.kept.gate == Gate::Broken && self.until <= now {
            self.kept.gate = Gate::Probing;
        }
    }

    /// What became of a request that began then.
    pub fn heard(&mut self, heard: Heard, began: Instant, now: Instant) {
        self.pass(now);
        match heard {
            Heard::Unauthenticated { code, message } => self.stop(&code, &message),
            Heard::Throttled => {
                self.slow(began, now);
                // It works, and says so.
                self.works(false);
            }
            Heard::Slow => {
                self.slow(began, now);
                self.fails(now);
            }
            Heard::Failed => self.fails(now),
            Heard::Fine => {
                let most = self.most as f64;
                self.allowed = (self.allowed + 1.0 / self.allowed.max(1.0)).min(most);
                self.slowed &= self.allowed < most;
                self.works(true);
            }
        }
    }

    /// Half as many, once for all that left together.
    fn slow(&mut self, began: Instant, now: Instant) {
        if began >= self.cut {
            self.allowed = (self.allowed / 2.0).max(1.0);
            self.cut = now;
            self.slowed = self.allowed < self.most as f64;
        }
    }

    fn works(&mut self, fine: bool) {
        self.count(false);
        match self.kept.gate {
            Gate::Open => {}
            // What left before the stop says nothing about it.
            Gate::Stopped => {}
            Gate::Broken | Gate::Probing => {
                self.window.clear();
                if fine {
                    // It has been away: it gets its load back bit by bit.
                    self.allowed = 1.0;
                    self.slowed = self.most > 1;
                }
                if let Some(since) = self.kept.stopped_ms.take() {
                    self.kept.stops.push((since, now_ms()));
                    self.merge_stops();
                }
                self.kept.gate = Gate::Open;
                self.kept.code.clear();
                self.kept.message.clear();
            }
        }
    }

    fn fails(&mut self, now: Instant) {
        self.count(true);
        let pause = self.settings.breaker_pause;
        let failed = self.window.iter().filter(|failed| **failed).count();
        let requests = self.settings.breaker_requests;
        let breaks = match self.kept.gate {
            Gate::Probing => true,
            Gate::Open => {
                requests > 0
                    && self.window.len() >= requests
                    && failed * 100 >= requests * self.settings.breaker_percent
            }
            Gate::Broken | Gate::Stopped => false,
        };
        if breaks {
            if self.kept.gate == Gate::Open {
                self.kept.since_ms = now_ms();
            }
            self.kept.gate = Gate::Broken;
            self.kept.until_ms = now_ms() + millis(pause);
            self.until = now + pause;
            self.window.clear();
        }
    }

    fn stop(&mut self, code: &str, message: &str) {
        if self.kept.gate != Gate::Stopped {
            self.kept.since_ms = now_ms();
        }
        self.kept.stopped_ms.get_or_insert(self.kept.since_ms);
        self.kept.gate = Gate::Stopped;
        let start = |text: &str| text[..text.floor_char_boundary(TEXT)].to_owned();
        self.kept.code = start(code);
        self.kept.message = start(message);
        self.window.clear();
    }

    fn count(&mut self, failed: bool) {
        self.window.push_back(failed);
        while self.window.len() > self.settings.breaker_requests {
            self.window.pop_front();
        }
    }

    /// Keeps the list short: two stops with the least time between them become
    /// one, which is in the records' favour.
    pub fn merge_stops(&mut self) {
        let stops = &mut self.kept.stops;
        while stops.len() > STOPS {
            let gap = |index: &usize| stops[index + 1].0.saturating_sub(stops[*index].1);
            let Some(closest) = (0..stops.len() - 1).min_by_key(gap) else {
                return;
            };
            let (_, until) = stops.remove(closest + 1);
            stops[closest].1 = until;
        }
    }
}
