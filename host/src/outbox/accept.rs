//! A call's items to a delivery in the store.

use std::time::Duration;

use crossdock_store::{Accepted, Idempotency, Lane, NewDelivery, NewItem, Origin};
use sha2::{Digest, Sha256};

use super::{Outbox, keys, now};
use crate::clock::millis;
use crate::problem::Problem;
use crate::serving::route::Route;

/// How long an `Idempotency-Key` is remembered.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// A delivery that is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Its id.
    pub delivery: String,
    /// How many items were given.
    pub items: usize,
    /// Whether it was accepted before, under the same `Idempotency-Key`.
    pub known: bool,
}

impl Outbox {
    /// Takes the items of a call. They are on disk when this returns.
    ///
    /// # Errors
    /// If the same `Idempotency-Key` came with another body, or nothing can be
    /// written.
    pub async fn accept(
        &self,
        route: &Route,
        items: Vec<String>,
        idempotency_key: Option<&str>,
        body: &[u8],
    ) -> Result<Queued, Problem> {
        let keys = keys::of(route, &items).await?;
        let now = now();
        let count = items.len();
        let idempotency = idempotency_key.map(|key| Idempotency {
            key: Sha256::digest(key).into(),
            body: Sha256::digest(body).into(),
            until: now.saturating_add(millis(REMEMBERED)),
        });
        let items = items.into_iter().zip(keys);
        let delivery = NewDelivery {
            lane: lane(route),
            origin: Origin::Queued,
            idempotency,
            items: items
                .map(|(item, (order, label))| NewItem {
                    order,
                    label,
                    input: item.into_bytes(),
                })
                .collect(),
        };
        let accepted = self.shared.with(move |store| store.accept(delivery, now));
        let (id, known) = match accepted.await? {
            Accepted::New { id, .. } => (id, false),
            Accepted::Known(id) => (id, true),
            Accepted::Conflict(id) => {
                return Err(Problem::caller(
                    "idempotency-key-reused",
                    format!(
                        "the same `Idempotency-Key` came with another body before, and is delivery {id}; use a new key for a new body"
                    ),
                ));
            }
        };
        self.wake();
        Ok(Queued {
            delivery: id.to_string(),
            items: count,
            known,
        })
    }
}

/// The lane of a call.
pub(super) fn lane(route: &Route) -> Lane {
    Lane::new(
        &*route.tenant.config.name,
        &*route.connection.config.name,
        &*route.operation,
    )
}
