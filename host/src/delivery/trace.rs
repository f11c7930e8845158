//! What a delivery leaves behind beside its outcomes: which requests were sent,
//! and what the adapter logged. Requests that are under way at the same time
//! share it; the report lists them by their place in the delivery, not by the
//! chance of who was first.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::plugin::generation::AdapterLease;
use crate::redact::Redactor;
use crate::report::{LogReport, RequestReport};
use crate::serving::credentials::Armed;
use crate::serving::route::Route;
use crate::text::truncate;

/// Log lines kept per delivery.
const LOG_LINES: usize = 200;

/// Bytes of a log line that are kept.
const LOG_LINE_BYTES: usize = 2 << 10;

/// Requests reported per delivery.
const REQUEST_REPORTS: usize = 1000;

/// A delivery's trace.
pub struct Trace {
    /// What must not appear anywhere.
    pub redaction: Redactor,
    /// The newest token that `redaction` knows.
    version: AtomicU64,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    requests: Vec<(usize, RequestReport)>,
    log: Vec<(usize, LogReport)>,
}

impl Trace {
    /// Nothing sent yet.
    pub fn new(route: &Route) -> Self {
        let armed = route.connection.armed();
        Self {
            redaction: armed.redactor.scope(),
            version: AtomicU64::new(armed.version),
            kept: Mutex::default(),
        }
    }

    /// A request is about to be signed with this: a token that is newer than the
    /// delivery must not appear anywhere either.
    pub fn learn(&self, armed: &Armed) {
        if self.version.fetch_max(armed.version, Ordering::AcqRel) < armed.version {
            armed.teach(&self.redaction);
        }
    }

    /// Takes over what the adapter logged. `place` is the number of the request
    /// it was about, counted over the delivery.
    pub fn take_log(&self, place: usize, lease: &mut AdapterLease) {
        let (lines, dropped) = lease.take_log();
        let mut kept = self.kept();
        let room = LOG_LINES.saturating_sub(kept.log.len());
        kept.log.extend(lines.into_iter().take(room).map(|line| {
            let mut message = self.redaction.redact(&line.message).into_owned();
            truncate(&mut message, LOG_LINE_BYTES);
            let level = level(line.level);
            (
                place,
                LogReport {
                    level: level.into(),
                    message,
                },
            )
        }));
        if dropped > 0 && kept.log.len() < LOG_LINES {
            let message = format!("{dropped} more lines of the adapter were not kept");
            let level = "warn";
            kept.log.push((
                place,
                LogReport {
                    level: level.into(),
                    message,
                },
            ));
        }
    }

    /// Keeps what became of a request on the wire; the first thousand.
    pub fn sent(&self, place: usize, report: RequestReport) {
        let mut kept = self.kept();
        if kept.requests.len() < REQUEST_REPORTS {
            kept.requests.push((place, report));
        }
    }

    /// Keeps how the answer began to the request that was kept last for a place.
    pub fn answered(&self, place: usize, beginning: Option<String>) {
        let mut kept = self.kept();
        let mut requests = kept.requests.iter_mut().rev();
        if let Some((_, report)) = requests.find(|(of, _)| *of == place) {
            report.answer = beginning;
        }
    }

    /// Requests and log lines by place; those of one place as they came.
    pub fn into_reports(self) -> (Vec<RequestReport>, Vec<LogReport>) {
        let kept = self.kept.into_inner();
        let mut kept = kept.unwrap_or_else(PoisonError::into_inner);
        kept.requests.sort_by_key(|(place, _)| *place);
        kept.log.sort_by_key(|(place, _)| *place);
        let requests = kept.requests.into_iter().map(|(_, report)| report);
        let log = kept.log.into_iter().map(|(_, line)| line);
        (requests.collect(), log.collect())
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn level(level: tracing::Level) -> &'static str {
    match level {
        tracing::Level::ERROR => "error",
        tracing::Level::WARN => "warn",
        tracing::Level::INFO => "info",
        _ => "debug",
    }
}
