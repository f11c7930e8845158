//! What a request's end says about its connection, apart from its items.

use std::time::Instant;

use super::super::outcome;
use super::{Exchange, Unread};
use crate::http::{SendError, SendErrorKind};
use crate::plugin::promise::{Answered, ItemOutcome};
use crate::serving::pace::Heard;

impl Exchange<'_> {
    /// Lets the connection pause as long as the platform asks, and no longer
    /// than a platform may.
    pub(super) fn throttle(&self, outcomes: &[ItemOutcome]) {
        let pause = outcomes.iter().filter_map(outcome::throttle).max();
        if let Some(pause) = pause {
            let pause = pause.min(self.setting.longest_pause);
            let route = self.setting.route;
            route.observed.connection.throttles.one();
            route.connection.channel.pause(pause);
        }
    }

    /// No answer came.
    pub(super) fn no_answer(&self, error: &SendError, began: Instant) {
        let heard = match error.kind {
            SendErrorKind::Timeout => Heard::Slow,
            // The host's or the adapter's own matter.
            SendErrorKind::RefusedAddress | SendErrorKind::Invalid | SendErrorKind::Shortage => {
                return;
            }
            // It did answer.
            SendErrorKind::TooLarge | SendErrorKind::Decode => Heard::Fine,
            SendErrorKind::Resolve
            | SendErrorKind::Connect
            | SendErrorKind::Proxy
            | SendErrorKind::Tls
            | SendErrorKind::ConnectionLost => Heard::Failed,
        };
        self.heard(heard, began);
    }

    /// An answer came, and this is what the adapter made of it.
    pub(super) fn answered(&self, status: u16, parsed: &Result<Answered, Unread>, began: Instant) {
        let heard = match parsed {
            Ok(parsed) => self.of_outcomes(status, &parsed.outcomes),
            Err(Unread::Fault(_)) if status >= 500 => Heard::Failed,
            // A page of a proxy, perhaps; or the adapter's fault.
            Err(_) => return,
        };
        self.heard(heard, began);
    }

    /// An answer came with these outcomes.
    pub(super) fn heard_of(&self, status: u16, outcomes: &[ItemOutcome], began: Instant) {
        self.heard(self.of_outcomes(status, outcomes), began);
    }

    fn of_outcomes(&self, status: u16, outcomes: &[ItemOutcome]) -> Heard {
        let redaction = &self.setting.trace.redaction;
        for outcome in outcomes {
            if let ItemOutcome::Unauthenticated(refusal) = outcome {
                return Heard::Unauthenticated {
                    code: redaction.redact(&refusal.code).into_owned(),
                    message: redaction.redact(&refusal.message).into_owned(),
                };
            }
        }
        let any = |wanted: fn(&ItemOutcome) -> bool| outcomes.iter().any(wanted);
        let retries = |outcome: &ItemOutcome| matches!(outcome, ItemOutcome::Retry(_));
        if any(|outcome| matches!(outcome, ItemOutcome::Throttled(_))) {
            Heard::Throttled
        } else if status >= 500 || (!outcomes.is_empty() && outcomes.iter().all(retries)) {
            Heard::Failed
        } else {
            Heard::Fine
        }
    }

    fn heard(&self, heard: Heard, began: Instant) {
        self.setting.route.connection.channel.heard(heard, began);
    }
}
