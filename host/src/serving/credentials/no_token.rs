//! Why there is nothing to sign a request with.

use std::sync::Arc;
use std::time::Duration;

use crate::problem::Problem;

/// Why there is nothing to sign with.
#[derive(Debug, Clone)]
pub struct NoToken {
    pub(super) tenant: Arc<str>,
    pub(super) connection: Arc<str>,
    pub(super) kind: NoTokenKind,
}

#[derive(Debug, Clone)]
pub(super) enum NoTokenKind {
    /// Nobody has agreed yet.
    Missing,
    /// A person took it back.
    Revoked,
    /// A person has to agree anew.
    Person(Problem),
    /// It cannot be renewed at present; it is tried again after so long.
    Failing(Problem, Duration),
    /// None came in time.
    Late,
    /// Nobody in this process gets tokens.
    Nobody,
}

impl NoToken {
    /// The same as a problem.
    pub fn problem(&self) -> Problem {
        let Self {
            tenant, connection, ..
        } = self;
        let detail = match &self.kind {
            NoTokenKind::Missing => format!(
                "connection `{connection}` is not authorised at its platform yet; run `crossdock connection authorize {tenant} {connection}`"
            ),
            NoTokenKind::Revoked => format!(
                "the authorisation of connection `{connection}` was taken back; run `crossdock connection authorize {tenant} {connection}`"
            ),
            NoTokenKind::Person(problem) => format!(
                "the credentials of connection `{connection}` cannot be renewed any more ({}); run `crossdock connection authorize {tenant} {connection}`",
                problem.detail
            ),
            NoTokenKind::Failing(problem, _) => format!(
                "the credentials of connection `{connection}` are over, and renewing them fails ({}); it is tried again by itself, see `crossdock connection status {tenant} {connection}`",
                problem.detail
            ),
            NoTokenKind::Late => format!(
                "the credentials of connection `{connection}` were not renewed in time; it goes on by itself, see `crossdock connection status {tenant} {connection}`"
            ),
            NoTokenKind::Nobody => format!(
                "connection `{connection}` is signed with a token that only the host has which serves (`crossdock serve`); send this call to it"
            ),
        };
        Problem::host("not-authorized", detail)
    }

    /// When it may be tried again, if that is known.
    pub fn after(&self) -> Option<Duration> {
        match &self.kind {
            NoTokenKind::Failing(_, after) => Some(*after),
            _ => None,
        }
    }

    /// Whether one may be there any moment.
    pub fn is_late(&self) -> bool {
        matches!(self.kind, NoTokenKind::Late)
    }
}
