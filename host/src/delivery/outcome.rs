//! An adapter's outcomes and the wire's failures as reports, or as "again".

use std::borrow::Cow;
use std::time::Duration;

use serde_json::value::RawValue;

use super::redact::Redactor;
use super::report::{DetailReport, ItemReport, ItemStatus};
use crate::http::{Reached, SendError, SendErrorKind};
use crate::plugin::contract::{Fault, Outcome, Pause, Refusal};
use crate::plugin::golden::fault_text;
use crate::plugin::guest::{GuestFailure, GuestFailureKind};
use crate::problem::{Blame, Problem};

/// Bytes of a platform's code and message that are kept.
const TEXT_BYTES: usize = 4 << 10;

/// What one attempt did for one document.
#[derive(Debug, Clone)]
pub enum Settled {
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

impl Settled {
    /// A failure before the request left that trying again does not mend.
    pub fn failed(problem: Problem) -> Self {
        Self::Final(ItemReport::failed(0, problem))
    }
}

/// Turns an adapter's outcome into a report. `in_doubt`: the answer does not
/// say whether it was applied, so that "again" which is given up is `unknown`.
pub fn settle(outcome: Outcome, in_doubt: bool, redaction: &Redactor) -> Settled {
    match outcome {
        Outcome::Accepted(json) => Settled::Final(done(ItemStatus::Accepted, json, redaction)),
        Outcome::Duplicate(json) => Settled::Final(done(ItemStatus::Duplicate, json, redaction)),
        Outcome::Rejected(refusal) => Settled::Final(refused(
            ItemStatus::Rejected,
            Blame::Platform,
            refusal,
            redaction,
        )),
        // Whoever set the connection up has to act, not the platform.
        Outcome::Unauthenticated(refusal) => {
            Settled::Final(refused(ItemStatus::Failed, Blame::Host, refusal, redaction))
        }
        Outcome::Unknown(refusal) => Settled::Final(refused(
            ItemStatus::Unknown,
            Blame::Platform,
            refusal,
            redaction,
        )),
        Outcome::Retry(pause) if in_doubt => again(ItemStatus::Unknown, pause, redaction),
        Outcome::Retry(pause) | Outcome::Throttled(pause) => {
            again(ItemStatus::Failed, pause, redaction)
        }
    }
}

/// How long an outcome asks the whole connection to pause.
pub fn throttle(outcome: &Outcome) -> Option<Duration> {
    /// When a platform throttles without saying for how long.
    const UNSAID: Duration = Duration::from_secs(1);
    match outcome {
        Outcome::Throttled(pause) => Some(
            pause
                .after_ms
                .map_or(UNSAID, |ms| Duration::from_millis(ms.into())),
        ),
        _ => None,
    }
}

fn done(status: ItemStatus, json: String, redaction: &Redactor) -> ItemReport {
    let mut report = ItemReport::new(0, status);
    report.data = data(json, redaction);
    report
}

/// A result document without secrets. It was checked to be JSON.
fn data(json: String, redaction: &Redactor) -> Option<Box<RawValue>> {
    let text = match redaction.redact(&json) {
        Cow::Borrowed(_) => json,
        Cow::Owned(masked) => match serde_json::from_str::<&RawValue>(&masked) {
            Ok(_) => masked,
            // A mask in the middle of a number leaves no JSON.
            Err(_) => serde_json::Value::String(masked).to_string(),
        },
    };
    RawValue::from_string(text).ok()
}

fn text(text: String, redaction: &Redactor) -> String {
    let mut text = redaction.redact(&text).into_owned();
    crate::plugin::state::truncate(&mut text, TEXT_BYTES);
    text
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

fn again(given_up: ItemStatus, pause: Pause, redaction: &Redactor) -> Settled {
    Settled::Again {
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
pub fn unanswered(error: &SendError, repeatable: bool, redaction: &Redactor) -> Settled {
    let (code, blame) = match error.kind {
        SendErrorKind::Resolve => ("name-not-resolved", Blame::Host),
        SendErrorKind::RefusedAddress => ("address-refused", Blame::Host),
        SendErrorKind::Invalid => ("invalid-request", Blame::Adapter),
        SendErrorKind::Connect => ("connect-failed", Blame::Platform),
        SendErrorKind::Tls => ("tls-failed", Blame::Platform),
        SendErrorKind::ConnectionLost => ("connection-lost", Blame::Platform),
        SendErrorKind::Timeout => ("timeout", Blame::Platform),
        SendErrorKind::TooLarge => ("answer-too-large", Blame::Platform),
        SendErrorKind::Decode => ("answer-undecodable", Blame::Platform),
    };
    let message = redaction.redact(&error.message).into_owned();
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
        Reached::NotSent if mendable => Settled::Again {
            after: None,
            otherwise: report(ItemStatus::Failed),
        },
        Reached::NotSent => Settled::Final(report(ItemStatus::Failed)),
        // The same oversized or garbled answer would come again.
        Reached::MaybeApplied
            if repeatable
                && !matches!(error.kind, SendErrorKind::TooLarge | SendErrorKind::Decode) =>
        {
            Settled::Again {
                after: None,
                otherwise: report(ItemStatus::Unknown),
            }
        }
        Reached::MaybeApplied => Settled::Final(report(ItemStatus::Unknown)),
    }
}

/// An answer the adapter could not read. The platform may have applied the
/// request, whatever it answered.
pub fn unreadable(status: u16, fault: &Fault, repeatable: bool, redaction: &Redactor) -> Settled {
    let why = redaction.redact(&fault_text(fault)).into_owned();
    let problem = Problem::platform("unreadable-answer", format!("HTTP {status}: {why}"));
    let mut report = ItemReport::failed(0, problem);
    if (400..500).contains(&status) {
        return Settled::Final(report);
    }
    report.status = ItemStatus::Unknown;
    if repeatable {
        Settled::Again {
            after: None,
            otherwise: report,
        }
    } else {
        Settled::Final(report)
    }
}

/// A redirect, which is never followed.
pub fn redirected(
    status: u16,
    location: Option<&str>,
    repeatable: bool,
    redaction: &Redactor,
) -> Settled {
    let to = location.map_or_else(
        || "without saying where".to_owned(),
        |to| format!("to {}", redaction.redact(without_query(to))),
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
    Settled::Final(report)
}

fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}

/// A guest call that gave no answer.
pub fn guest_problem(adapter: &str, function: &str, failure: &GuestFailure) -> Problem {
    let code = match failure.kind {
        GuestFailureKind::Trap => "adapter-trap",
        GuestFailureKind::Deadline => "adapter-deadline",
        GuestFailureKind::Memory => "adapter-memory",
        GuestFailureKind::Output => "adapter-output",
        GuestFailureKind::Unavailable => {
            return Problem::host("host-busy", failure.message.clone());
        }
    };
    Problem::adapter(
        code,
        format!("`{function}` of adapter {adapter}: {failure}"),
    )
}

/// A fault of `map` or `sign` as a problem. `scripted` tells whose document it was.
pub fn fault_problem(fault: Fault, scripted: bool, redaction: &Redactor) -> Problem {
    let clean = |text: &str| redaction.redact(text).into_owned();
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
