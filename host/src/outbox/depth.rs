//! How much waits, for whoever watches.

use std::collections::HashMap;
use std::time::Duration;

use crossdock_store::Health;

use super::{Outbox, now};
use crate::telemetry::page::{Lane, Waiting};

impl Outbox {
    /// What waits in each lane, and since when.
    pub async fn waiting(&self) -> Waiting {
        let read = self.shared.with(|store| {
            let oldest: HashMap<_, _> = store.oldest()?.into_iter().collect();
            let lanes = store.depths()?.into_iter().filter_map(|depth| {
                let names = store.lane(depth.lane)?;
                Some((names, depth.items, oldest.get(&depth.lane).copied()))
            });
            Ok(lanes.collect::<Vec<_>>())
        });
        let at = now();
        match read.await {
            Err(problem) => {
                tracing::warn!(%problem, "how much waits in the outbox cannot be read");
                Waiting::default()
            }
            Ok(lanes) => Waiting {
                up: self.shared.store.health() == Health::Good,
                lanes: lanes
                    .into_iter()
                    .map(|(names, items, oldest)| Lane {
                        tenant: names.tenant,
                        connection: names.connection,
                        items: items
                            .into_iter()
                            .map(|(state, count)| (state.as_str(), count))
                            .collect(),
                        oldest: oldest
                            .map(|oldest| Duration::from_millis(at.saturating_sub(oldest))),
                    })
                    .collect(),
            },
        }
    }
}
