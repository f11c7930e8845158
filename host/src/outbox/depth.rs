//! How much waits, for whoever watches.

use std::collections::HashMap;
use std::time::Duration;

use crossdock_store::{Health, State};

use super::{Outbox, now};
use crate::telemetry::page::{Lane, SetAside, Waiting};
use crate::vital::Trouble;

impl Outbox {
    /// Why nothing new is taken in, and who has to do something about it.
    pub fn trouble(&self) -> Option<Trouble> {
        trouble(self.shared.store.health())
    }

    /// What waits in each lane, and since when.
    pub async fn waiting(&self) -> Waiting {
        let store = &self.shared.store;
        let set_aside = store.set_aside().into_iter().filter_map(|aside| {
            let names = store.lane(aside.lane)?;
            Some(SetAside {
                tenant: names.tenant,
                connection: names.connection,
                operation: names.operation,
                items: [
                    (State::Superseded.as_str(), aside.superseded),
                    (State::Discarded.as_str(), aside.discarded),
                ],
            })
        });
        let set_aside = set_aside.collect();
        let read = self.shared.with(|store| {
            let oldest: HashMap<_, _> = store.oldest()?.into_iter().collect();
            let lanes = store.depths()?.into_iter().filter_map(|depth| {
                let names = store.lane(depth.lane)?;
                Some((names, depth.items, oldest.get(&depth.lane).copied()))
            });
            Ok(lanes.collect::<Vec<_>>())
        });
        let at = now();
        let health = self.shared.store.health();
        let damaged = health == Health::Damaged;
        match read.await {
            Err(problem) => {
                tracing::warn!(%problem, "how much waits in the outbox cannot be read");
                Waiting {
                    damaged: damaged || problem.code == "outbox-damaged",
                    webhooks: self.shared.receivers.counts(),
                    set_aside,
                    ..Waiting::default()
                }
            }
            Ok(lanes) => Waiting {
                up: health == Health::Good,
                damaged,
                webhooks: self.shared.receivers.counts(),
                set_aside,
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

fn trouble(health: Health) -> Option<Trouble> {
    let detail = match health {
        Health::Good => return None,
        Health::Full => {
            "the disk of the outbox is full, so new records are refused; make room, and it goes on by itself"
        }
        Health::Failing => {
            "the disk of the outbox fails, so new records are refused; look at the disk: when it works, the outbox goes on by itself"
        }
        Health::Damaged => {
            "the file of the outbox is damaged, so new records are refused, and it does not mend by itself; \
             stop the host, keep a copy of the file, and put a backup in its place"
        }
    };
    Some(Trouble::new("outbox", detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_mends_by_itself_is_told_from_what_does_not() {
        assert_eq!(trouble(Health::Good), None);
        let detail = |health| trouble(health).unwrap().detail;
        for health in [Health::Full, Health::Failing] {
            assert!(detail(health).contains("goes on by itself"), "{health:?}");
        }
        let damaged = detail(Health::Damaged);
        assert!(damaged.contains("does not mend by itself"), "{damaged}");
        assert!(damaged.contains("put a backup in its place"), "{damaged}");
        // Calls that nobody has to write down go on.
        assert!(!trouble(Health::Damaged).unwrap().serious);
    }
}
