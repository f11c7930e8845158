//! The status of a delivery over its items.

use crossdock_store::{Phase, State};
use serde::Serialize;

/// What became of a delivery as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// At least one item is open.
    Queued,
    /// Every item that no newer one replaced is accepted, a duplicate, or skipped
    /// by the script.
    Accepted,
    /// Some are, some are not.
    Partial,
    /// The platform refused every item.
    Rejected,
    /// No item arrived.
    Failed,
    /// At least one item may or may not have been applied, none was accepted.
    Unknown,
    /// A newer total left in the place of every item.
    Superseded,
    /// A person gave every item up that no newer one replaced.
    Discarded,
}

impl Status {
    /// The status over items in these states.
    ///
    /// What a newer total replaced counts neither way, since the newer one answers
    /// for it. What a person gave up did not arrive.
    pub fn over(states: impl Iterator<Item = State>) -> Self {
        let states: Vec<State> = states.collect();
        if states.iter().any(|state| state.phase() == Phase::Open) {
            return Self::Queued;
        }
        let count = |wanted: &[State]| states.iter().filter(|s| wanted.contains(s)).count();
        let left = states.len() - count(&[State::Superseded]);
        let arrived = count(&[State::Accepted, State::Duplicate, State::Skipped]);
        if left == 0 && !states.is_empty() {
            Self::Superseded
        } else if arrived == left {
            Self::Accepted
        } else if arrived > 0 {
            Self::Partial
        } else if count(&[State::Discarded]) == left {
            Self::Discarded
        } else if count(&[State::Unknown]) > 0 {
            Self::Unknown
        } else if count(&[State::Rejected]) == left {
            Self::Rejected
        } else {
            Self::Failed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_says_accepted_only_if_everything_arrived_that_should_have() {
        use State::*;
        for (states, expected) in [
            (&[][..], Status::Accepted),
            (&[Accepted, Duplicate, Skipped], Status::Accepted),
            (&[Accepted, Superseded], Status::Accepted),
            (&[Superseded, Superseded], Status::Superseded),
            (&[Discarded], Status::Discarded),
            (&[Discarded, Superseded], Status::Discarded),
            (&[Accepted, Discarded], Status::Partial),
            (&[Accepted, Rejected], Status::Partial),
            (&[Accepted, Unknown, Superseded], Status::Partial),
            (&[Unknown, Discarded], Status::Unknown),
            (&[Rejected, Superseded], Status::Rejected),
            (&[Rejected, Discarded], Status::Failed),
            (&[Rejected, Failed], Status::Failed),
            (&[Accepted, Held], Status::Queued),
            (&[Behind, Discarded], Status::Queued),
            (&[Sending, Superseded], Status::Queued),
        ] {
            assert_eq!(Status::over(states.iter().copied()), expected, "{states:?}");
        }
    }
}
