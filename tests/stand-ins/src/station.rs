//! One platform's place in the server: its faults, counters and log around
//! the platform itself.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::exchange::{Answer, Call};
use crate::misbehave::{Faults, HUGE_BODY, Misbehaviour, Moment};
use crate::platforms::{Inspection, Next, Platform};
use crate::record::{LiveCounters, Recorded, RequestLog, Verdict, count};
use crate::wire::{Aborted, Wire, WireBody};

/// What an answer becomes on the wire.
#[derive(Debug)]
pub struct Delivery {
    pub answer: Answer,
    pub form: Form,
}

/// How the answer's body is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Whole,
    /// Half of the body, then the end of the connection.
    Cut,
    /// Behind a lot of white space.
    Padded,
}

impl Delivery {
    fn whole(answer: Answer) -> Self {
        Self {
            answer,
            form: Form::Whole,
        }
    }

    /// The body in the form that was asked for.
    pub fn body(&self, wire: &Arc<Wire>) -> WireBody {
        match self.form {
            Form::Whole => WireBody::Whole(self.answer.body.clone()),
            Form::Cut => WireBody::cut(&self.answer.body, Arc::clone(wire)),
            Form::Padded => WireBody::Padded {
                padding: HUGE_BODY,
                rest: self.answer.body.clone(),
            },
        }
    }
}

/// A platform with everything the framework keeps for it.
pub struct Station {
    pub platform: Arc<dyn Platform>,
    pub faults: Faults,
    pub counters: LiveCounters,
    /// `None` when the stand-ins are quiet.
    pub log: Option<RequestLog>,
    pub rate: Rate,
    /// Rings after each request.
    pub finished: Notify,
    /// Where [`Misbehaviour::Redirect`] points.
    pub elsewhere: String,
    /// Requests of [`Misbehaviour::ApplyLate`].
    pub late: Late,
    /// Requests that came and have no answer yet.
    pub under_way: AtomicU64,
}

/// Requests that are applied after others were answered.
#[derive(Debug, Default)]
pub struct Late(Mutex<Vec<LateRequest>>);

#[derive(Debug)]
struct LateRequest {
    /// Answers until then.
    answers: u32,
    call: Call,
    /// Its number in the log.
    number: Option<u64>,
}

impl Late {
    /// Counts an answer and takes out the requests whose time has come.
    fn answered(&self) -> Vec<LateRequest> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for request in &mut *waiting {
            request.answers = request.answers.saturating_sub(1);
        }
        let (due, later) = waiting.drain(..).partition(|request| request.answers == 0);
        *waiting = later;
        due
    }
}

/// One request's stay. Its end is recorded when it is dropped, because a
/// client that gives up drops it half-way, and what was applied by then must
/// not be forgotten.
struct Visit<'a> {
    station: &'a Station,
    call: &'a Call,
    verdict: Verdict,
    recorded: bool,
}

impl Visit<'_> {
    /// Carries the request out, or refuses it.
    fn apply(&mut self, next: Next<'_>) -> Answer {
        match next {
            Next::Refuse(answer) => answer,
            Next::Apply(action) => {
                let outcome = action();
                if outcome.applied {
                    self.verdict.applied = true;
                    count(&self.station.counters.applied);
                }
                outcome.answer
            }
        }
    }
}

impl Visit<'_> {
    /// Writes into the log what is known now. Returns the entry's number.
    fn record(&mut self) -> Option<u64> {
        self.recorded = true;
        let log = self.station.log.as_ref()?;
        Some(log.add(Recorded::new(self.call, std::mem::take(&mut self.verdict))))
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        if !self.recorded {
            self.record();
        }
        self.station.under_way.fetch_sub(1, Ordering::Relaxed);
        self.station.finished.notify_waiters();
    }
}

impl Station {
    /// Takes one request to its answer.
    ///
    /// # Errors
    /// The connection is to be reset instead.
    pub async fn serve(&self, call: &Call) -> Result<Delivery, Aborted> {
        count(&self.counters.received);
        count(&self.under_way);
        let mut visit = Visit {
            station: self,
            call,
            verdict: Verdict::default(),
            recorded: false,
        };
        let delivery = self.decide(&mut visit).await;
        if let Ok(delivery) = &delivery {
            visit.verdict.status = Some(delivery.answer.status);
            visit.verdict.answer = delivery.answer.body.clone();
            self.apply_late();
        }
        delivery
    }

    /// An answer was given: applies the requests that waited for it.
    fn apply_late(&self) {
        for LateRequest { call, number, .. } in self.late.answered() {
            let Next::Apply(action) = self.platform.inspect(&call).next else {
                continue;
            };
            if action().applied {
                count(&self.counters.applied);
                if let (Some(log), Some(number)) = (&self.log, number) {
                    log.applied_late(number);
                }
            }
        }
    }

    async fn decide(&self, visit: &mut Visit<'_>) -> Result<Delivery, Aborted> {
        let fault = self.faults.take(visit.call);
        if fault.is_none() && !self.rate.allows() {
            count(&self.counters.throttled);
            return Ok(Delivery::whole(self.platform.throttled()));
        }
        let Inspection { violations, next } = self.platform.inspect(visit.call);
        if !violations.is_empty() {
            count(&self.counters.violating);
        }
        visit.verdict.violations = violations;
        let Some((misbehaviour, moment)) = fault else {
            return Ok(Delivery::whole(visit.apply(next)));
        };
        count(&self.counters.misbehaved);
        visit.verdict.misbehaviour = Some(misbehaviour.clone());
        if let Misbehaviour::ApplyLate { answers } = misbehaviour {
            drop(next);
            let request = LateRequest {
                answers,
                call: visit.call.clone(),
                number: visit.record(),
            };
            let late = &self.late.0;
            late.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(request);
            // Until the client gives up.
            return std::future::pending().await;
        }
        let answer = match (moment, &misbehaviour) {
            (Moment::AfterApplying, _) => Some(visit.apply(next)),
            (Moment::BeforeApplying, Misbehaviour::Slow(delay)) => {
                tokio::time::sleep(*delay).await;
                return Ok(Delivery::whole(visit.apply(next)));
            }
            (Moment::BeforeApplying, _) => None,
        };
        self.misbehave(misbehaviour, answer).await
    }

    /// `answer` is what would have been answered; absent if nothing was applied.
    async fn misbehave(
        &self,
        misbehaviour: Misbehaviour,
        answer: Option<Answer>,
    ) -> Result<Delivery, Aborted> {
        let real = answer.unwrap_or_else(|| self.platform.refusal(&Default::default()));
        let answer = match misbehaviour {
            Misbehaviour::ResetBeforeApplying | Misbehaviour::ResetAfterApplying => {
                return Err(Aborted);
            }
            Misbehaviour::Http500 => Answer::text(500, "Internal Server Error"),
            Misbehaviour::Slow(delay) => {
                tokio::time::sleep(delay).await;
                real
            }
            // Decided before: there is no answer.
            Misbehaviour::ApplyLate { .. } => return Err(Aborted),
            Misbehaviour::Truncated => {
                return Ok(Delivery {
                    answer: real,
                    form: Form::Cut,
                });
            }
            Misbehaviour::Huge => {
                return Ok(Delivery {
                    answer: real,
                    form: Form::Padded,
                });
            }
            Misbehaviour::Html => Answer {
                content_type: "text/html; charset=utf-8".into(),
                ..Answer::text(200, HTML_PAGE)
            },
            Misbehaviour::Throttled { retry_after } => Answer::text(429, "Too Many Requests")
                .with_header("retry-after", retry_after.to_string()),
            Misbehaviour::ThrottledByPlatform => self.platform.throttled(),
            Misbehaviour::EmptyBody => Answer {
                body: Default::default(),
                ..real.with_status(200)
            },
            Misbehaviour::Redirect => {
                Answer::text(302, "").with_header("location", self.elsewhere.clone())
            }
            Misbehaviour::Refuse(refusal) => self.platform.refusal(&refusal),
            Misbehaviour::Answer {
                status,
                content_type,
                body,
            } => Answer {
                content_type: content_type.into(),
                ..Answer::text(status, body)
            },
        };
        Ok(Delivery::whole(answer))
    }

    /// Forgets everything, as if just started.
    pub fn reset(&self) {
        self.platform.reset();
        self.faults.clear();
        self.late
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.counters.clear();
        self.rate.set(None);
        if let Some(log) = &self.log {
            log.clear();
        }
    }
}

const HTML_PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Welcome</title></head>\
<body><h1>Please log in</h1><p>This page has taken the place of the answer.</p></body></html>\n";

/// How many requests a minute may bring. No document gives a number, so there
/// is no limit until one is set.
#[derive(Debug, Default)]
pub struct Rate {
    /// Zero: no limit.
    per_minute: AtomicU32,
    window: Mutex<Option<(Instant, u32)>>,
}

impl Rate {
    pub fn new(per_minute: Option<u32>) -> Self {
        let rate = Self::default();
        rate.set(per_minute);
        rate
    }

    pub fn set(&self, per_minute: Option<u32>) {
        self.per_minute
            .store(per_minute.unwrap_or(0), Ordering::Relaxed);
        *self.window.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Counts a request in; false when the minute is full.
    fn allows(&self) -> bool {
        let limit = self.per_minute.load(Ordering::Relaxed);
        if limit == 0 {
            return true;
        }
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *window {
            Some((start, seen)) if start.elapsed() < Duration::from_secs(60) => {
                *seen = seen.saturating_add(1);
                *seen <= limit
            }
            fresh => {
                *fresh = Some((Instant::now(), 1));
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_lets_its_number_through_and_no_more() {
        let rate = Rate::new(Some(2));
        assert_eq!(
            [rate.allows(), rate.allows(), rate.allows()],
            [true, true, false]
        );
        rate.set(None);
        assert!(rate.allows());
    }
}
