//! What a host that was killed left open: of what was about to leave and must
//! not be repeated, nobody knows whether it was applied.

use crossdock_store::{AttemptEnd, Next, OpenItem, Outcome, Recovery, Repeat, Settlement};

use super::{Shared, now};
use crate::problem::Problem;

/// Attempts of one settlement.
const SLICE: usize = 500;

impl Shared {
    /// Settles what was under way when the outbox was closed.
    pub(super) async fn recover(&self) -> Result<(), Problem> {
        let Recovery { attempts, calls } = self.with(|store| store.recover()).await?;
        let at = now();
        let open = attempts.into_iter().map(|open| {
            let items = open.items.iter().map(in_doubt).collect();
            AttemptEnd::new(Some(open.attempt), open.repeat, open.began, at, items)
        });
        // What left of them may be repeated: only its caller can tell whether it
        // still should be.
        let waited = calls
            .iter()
            .map(|item| AttemptEnd::new(None, Repeat::Safe, at, at, vec![in_doubt(item)]));
        let ends: Vec<AttemptEnd> = open.chain(waited).collect();
        if !ends.is_empty() {
            tracing::warn!(
                attempts = ends.len(),
                "the host ended with requests under way; what became of those that must not be repeated is unknown"
            );
        }
        for slice in ends.chunks(SLICE) {
            let settlement = Settlement {
                attempts: slice.to_vec(),
                connection: None,
            };
            self.with(move |store| store.settle(settlement, at)).await?;
        }
        Ok(())
    }
}

fn in_doubt(item: &OpenItem) -> Outcome {
    Outcome {
        code: Some("host-ended".into()),
        message: Some(
            "the host ended while this was under way; look at the platform, then retry or discard it".into(),
        ),
        blame: Some(crossdock_store::Blame::Host),
        ..Outcome::new(item.item, Next::Unknown { holds_key: false })
    }
}
