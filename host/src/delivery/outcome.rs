//! An adapter's outcomes and the wire's failures as reports, or as "again".

use std::borrow::Cow;
use std::time::Duration;

use serde_json::value::RawValue;

use super::reply::beginning;
use crate::budget::bounds::Bounds;
use crate::http::{Reached, SendError, SendErrorKind};
use crate::plugin::contract::{Detail, Fault, Pause, Refusal, Reply};
use crate::plugin::fault::fault_text;
use crate::plugin::guest::{GuestFailure, GuestFailureKind};
use crate::plugin::promise::ItemOutcome;
use crate::problem::{Blame, Problem};
use crate::redact::Redactor;
use crate::report::{DetailReport, ItemReport, ItemStatus};
use crate::serving::route::Route;

/// Bytes of a platform's code and message that are kept.
const TEXT_BYTES: usize = 4 << 10;

/// What one attempt did for one document.
#[derive(Debug, Clone)]
pub enum Attempted {
    /// Nothing more to do. The report's index is the document's.
    Final(ItemReport),
    /// It may be tried again; `otherwise` is the report if that is not done.
    Again {
        /// Not before this time has passed, when somebody said so.
        after: Option<Duration>,
        /// The report when attempts or time run out.
        otherwise: ItemReport,
    },
}

impl Attempted {
    /// Counted against what the delivery may keep. What is tried again counts
    /// again: its report is not given back.
    pub fn kept(mut self, bounds: &Bounds) -> Self {
        bounds.keep(self.report_mut());
        self
    }

    /// The report that it is, or would be.
    fn report_mut(&mut self) -> &mut ItemReport {
        let (Self::Final(report)
        | Self::Again {
            otherwise: report, ..
        }) = self;
        report
    }

    /// A failure before the request left that trying again does not mend.
    pub fn failed(problem: Problem) -> Self {
        Self::Final(ItemReport::failed(0, problem))
    }

    /// The same about something that has been sent already: what failed is
    /// what came after, so whether it was applied is not known.
    pub fn in_doubt(mut self) -> Self {
        let report = self.report_mut();
        if report.status == ItemStatus::Failed {
            report.status = ItemStatus::Unknown;
        }
        self
    }
}

impl From<Detail> for DetailReport {
    fn from(detail: Detail) -> Self {
        Self {
            pointer: detail.pointer,
            message: detail.message,
        }
    }
}

/// Which outcomes leave open whether the request was applied, beside `unknown`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// None: each says that nothing was applied.
    Nothing,
    /// `retry`: the answer does not say whether anything was applied.
    Retry,
    /// Every failure: it is that of a follow-up, and the request itself was
    /// sent before it.
    Everything,
}

/// What an adapter's outcome says of the attempt, as a report. "Again" that is given up is
/// `unknown` where there is a doubt.
pub fn attempted(outcome: ItemOutcome, doubt: Doubt, redaction: &Redactor) -> Attempted {
    let attempted = attempted_plainly(outcome, doubt, redaction);
    match doubt {
        Doubt::Everything => attempted.in_doubt(),
        Doubt::Nothing | Doubt::Retry => attempted,
    }
}

fn attempted_plainly(outcome: ItemOutcome, doubt: Doubt, redaction: &Redactor) -> Attempted {
    match outcome {
        ItemOutcome::Accepted(json) => {
            Attempted::Final(done(ItemStatus::Accepted, json, redaction))
        }
        ItemOutcome::Duplicate(json) => {
            Attempted::Final(done(ItemStatus::Duplicate, json, redaction))
        }
        ItemOutcome::Rejected(refusal) => Attempted::Final(refused(
            ItemStatus::Rejected,
            Blame::Platform,
            refusal,
            redaction,
        )),
        // Whoever set the connection up has to act, not the platform.
        ItemOutcome::Unauthenticated(refusal) => {
            Attempted::Final(refused(ItemStatus::Failed, Blame::Host, refusal, redaction))
        }
        ItemOutcome::Unknown(refusal) => Attempted::Final(refused(
            ItemStatus::Unknown,
            Blame::Platform,
            refusal,
            redaction,
        )),
        ItemOutcome::Retry(pause) if doubt != Doubt::Nothing => {
            again(ItemStatus::Unknown, pause, redaction)
        }
        ItemOutcome::Retry(pause) | ItemOutcome::Throttled(pause) => {
            again(ItemStatus::Failed, pause, redaction)
        }
    }
}

/// How long an outcome asks the whole connection to pause.
pub fn throttle(outcome: &ItemOutcome) -> Option<Duration> {
    /// When a platform throttles without saying for how long.
    const UNSAID: Duration = Duration::from_secs(1);
    match outcome {
        ItemOutcome::Throttled(pause) => Some(
            pause
                .after_ms
                .map_or(UNSAID, |ms| Duration::from_millis(ms.into())),
        ),
        _ => None,
    }
}

fn done(status: ItemStatus, json: Box<RawValue>, redaction: &Redactor) -> ItemReport {
    let mut report = ItemReport::new(0, status);
    report.data = data(json, redaction);
    report
}

/// A result document without secrets.
fn data(json: Box<RawValue>, redaction: &Redactor) -> Option<Box<RawValue>> {
    let masked = match redaction.redact_json(json.get()) {
        Cow::Borrowed(_) => None,
        Cow::Owned(masked) => Some(masked),
    };
    match masked {
        None => Some(json),
        Some(masked) => RawValue::from_string(masked).ok(),
    }
}

fn text(text: String, redaction: &Redactor) -> String {
    redaction.start_of(&text, TEXT_BYTES)
}

fn refused(status: ItemStatus, blame: Blame, refusal: Refusal, redaction: &Redactor) -> ItemReport {
    let mut report = ItemReport::new(0, status);
    report.blame = Some(blame);
    report.code = Some(text(refusal.code, redaction).into());
    report.message = Some(text(refusal.message, redaction));
    report.details = refusal
        .details
        .into_iter()
        .map(|detail| DetailReport {
            pointer: text(detail.pointer, redaction),
            message: text(detail.message, redaction),
        })
        .collect();
    report
}

fn again(given_up: ItemStatus, pause: Pause, redaction: &Redactor) -> Attempted {
    Attempted::Again {
        after: pause.after_ms.map(|ms| Duration::from_millis(ms.into())),
        otherwise: paused(given_up, pause, redaction),
    }
}

fn paused(status: ItemStatus, pause: Pause, redaction: &Redactor) -> ItemReport {
    let mut report = ItemReport::new(0, status);
    report.blame = Some(Blame::Platform);
    report.code = Some(text(pause.code, redaction).into());
    report.message = Some(text(pause.message, redaction));
    report.retry_after_ms = pause.after_ms;
    report
}

/// A request that got no answer.
pub fn unanswered(error: &SendError, repeatable: bool, redaction: &Redactor) -> Attempted {
    let (code, blame) = match error.kind {
        SendErrorKind::Resolve => ("name-not-resolved", Blame::Host),
        SendErrorKind::RefusedAddress => ("address-refused", Blame::Host),
        SendErrorKind::Invalid => ("invalid-request", Blame::Adapter),
        SendErrorKind::Connect => ("connect-failed", Blame::Platform),
        SendErrorKind::Proxy => ("proxy-failed", Blame::Host),
        SendErrorKind::Shortage => ("host-busy", Blame::Host),
        SendErrorKind::Tls => ("tls-failed", Blame::Platform),
        SendErrorKind::ConnectionLost => ("connection-lost", Blame::Platform),
        SendErrorKind::Timeout => ("timeout", Blame::Platform),
        SendErrorKind::TooLarge => ("answer-too-large", Blame::Platform),
        SendErrorKind::Decode => ("answer-undecodable", Blame::Platform),
    };
    let message = redaction.start_of(&error.message, TEXT_BYTES);
    let report = |status| {
        let mut report = ItemReport::failed(0, Problem::new(blame, code, message.clone()));
        report.status = status;
        report
    };
    let mendable = !matches!(
        error.kind,
        SendErrorKind::RefusedAddress | SendErrorKind::Invalid
    );
    match error.reached {
        Reached::NotSent if mendable => Attempted::Again {
            after: None,
            otherwise: report(ItemStatus::Failed),
        },
        Reached::NotSent => Attempted::Final(report(ItemStatus::Failed)),
        // The same oversized or garbled answer would come again.
        Reached::MaybeApplied
            if repeatable
                && !matches!(error.kind, SendErrorKind::TooLarge | SendErrorKind::Decode) =>
        {
            Attempted::Again {
                after: None,
                otherwise: report(ItemStatus::Unknown),
            }
        }
        Reached::MaybeApplied => Attempted::Final(report(ItemStatus::Unknown)),
    }
}

/// Why an answer could not be read, and how it begins: without secrets, on one
/// line, bounded.
fn why_unreadable(reply: &Reply, fault: &Fault, redaction: &Redactor) -> String {
    let why = redaction.start_of(&fault_text(fault), TEXT_BYTES);
    let status = reply.status;
    match beginning(&reply.body, redaction) {
        Some(beginning) => format!("HTTP {status}: {why}; the answer begins: {beginning}"),
        None => format!("HTTP {status}: {why}"),
    }
}

/// An answer the adapter could not read. The platform may have applied the
/// request, whatever it answered.
pub fn unreadable(
    route: &Route,
    reply: &Reply,
    fault: &Fault,
    repeatable: bool,
    redaction: &Redactor,
) -> Attempted {
    let why = why_unreadable(reply, fault, redaction);
    tracing::warn!(
        tenant = &*route.tenant.config.name,
        connection = &*route.connection.config.name,
        operation = route.operation,
        "the platform's answer cannot be read: {why}"
    );
    let problem = Problem::platform("unreadable-answer", why);
    let mut report = ItemReport::failed(0, problem);
    if (400..500).contains(&reply.status) {
        return Attempted::Final(report);
    }
    report.status = ItemStatus::Unknown;
    if repeatable {
        Attempted::Again {
            after: None,
            otherwise: report,
        }
    } else {
        Attempted::Final(report)
    }
}

/// A redirect, which is never followed.
pub fn redirected(
    status: u16,
    location: Option<&str>,
    repeatable: bool,
    redaction: &Redactor,
) -> Attempted {
    let to = location.map_or_else(
        || "without saying where".to_owned(),
        |to| format!("to {}", redaction.start_of(without_query(to), TEXT_BYTES)),
    );
    let problem = Problem::platform(
        "redirected",
        format!(
            "HTTP {status}: the platform redirects {to}; redirects are not followed, check `base_url`"
        ),
    );
    let mut report = ItemReport::failed(0, problem);
    if !repeatable {
        report.status = ItemStatus::Unknown;
    }
    Attempted::Final(report)
}

fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}

/// A guest call that gave no answer.
pub fn guest_problem(
    adapter: &str,
    function: &str,
    failure: &GuestFailure,
    redaction: &Redactor,
) -> Problem {
    let code = match failure.kind {
        GuestFailureKind::Trap => "adapter-trap",
        GuestFailureKind::Deadline => "adapter-deadline",
        GuestFailureKind::Memory => "adapter-memory",
        GuestFailureKind::Output => "adapter-output",
        GuestFailureKind::Contract => "adapter-broken-promise",
        GuestFailureKind::Unavailable => {
            return Problem::host("host-busy", failure.message.clone());
        }
    };
    Problem::adapter(
        code,
        format!(
            "`{function}` of adapter {adapter}: {}",
            failure.told(|words| redaction.redact(words).into_owned())
        ),
    )
}

/// A fault of `map` or `sign` as a problem. `scripted` tells whose document it was.
pub fn fault_problem(fault: Fault, scripted: bool, redaction: &Redactor) -> Problem {
    // It is repeated for every item.
    let clean = |text: &str| redaction.start_of(text, TEXT_BYTES);
    match fault {
        Fault::InvalidInput(detail) => {
            let blame = if scripted {
                Blame::Script
            } else {
                Blame::Caller
            };
            Problem::new(blame, "invalid-document", clean(&detail.message))
                .at(clean(&detail.pointer))
        }
        Fault::InvalidSettings(detail) => {
            Problem::host("invalid-settings", clean(&detail.message)).at(clean(&detail.pointer))
        }
        Fault::Unsupported(what) => Problem::caller("unsupported", clean(&what)),
        fault @ (Fault::InvalidReply(_) | Fault::Other(_)) => {
            Problem::adapter("adapter-fault", clean(&fault_text(&fault)))
        }
    }
}
