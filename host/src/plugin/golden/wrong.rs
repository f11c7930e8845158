//! Why something in an example did not come out.

use crate::plugin::guest::{GuestFailure, GuestFailureKind};

/// Why something in an example did not come out.
pub(super) struct Wrong {
    /// What was expected and what came.
    pub(super) detail: String,
    /// The host could not do it now, which says nothing about the example.
    pub(super) passing: bool,
}

impl Wrong {
    /// The same with words before it.
    pub(super) fn of(self, what: &str) -> Self {
        Self {
            detail: format!("{what}: {}", self.detail),
            ..self
        }
    }
}

/// Says at which step it went wrong.
pub(super) fn at<W: Into<Wrong>>(step: &'static str) -> impl FnOnce(W) -> (&'static str, Wrong) {
    move |wrong| (step, wrong.into())
}

impl From<String> for Wrong {
    fn from(detail: String) -> Self {
        Self {
            detail,
            passing: false,
        }
    }
}

impl From<&str> for Wrong {
    fn from(detail: &str) -> Self {
        detail.to_owned().into()
    }
}

impl From<GuestFailure> for Wrong {
    fn from(failure: GuestFailure) -> Self {
        Self {
            passing: failure.kind == GuestFailureKind::Unavailable,
            detail: match failure.kind {
                GuestFailureKind::Deadline => format!(
                    "{}: look for a loop that does not end, or for work that grows faster than its input",
                    failure.told(str::to_owned)
                ),
                _ => failure.told(str::to_owned),
            },
        }
    }
}
