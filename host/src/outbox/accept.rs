//! A call's items to a delivery in the store.

use std::time::Duration;

use crossdock_store::{Accepted, DeliveryId, Idempotency, Lane, NewDelivery, NewItem, Origin};
use sha2::{Digest, Sha256};

use super::status::Status;
use super::{Outbox, keys, now};
use crate::clock::millis;
use crate::problem::Problem;
use crate::report::DeliveryStatus;
use crate::serving::route::Route;
use crate::telemetry::meters::CallStatus;

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
    /// What has become of it so far, if it was.
    pub status: Option<Status>,
}

impl Queued {
    /// What a call that gave it came to.
    pub fn status(&self) -> CallStatus {
        match self.known {
            true => CallStatus::Known,
            false => CallStatus::Answered(DeliveryStatus::Queued),
        }
    }
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
        let tenant = &route.tenant.config.name;
        let sizes = items.iter().map(String::len);
        self.shared.take_room(tenant, sizes).await?;
        let route = &self.shared.told.once(route.clone());
        let keys = keys::of(route, &items).await?;
        let now = now();
        let count = items.len();
        let idempotency = idempotency_key.map(|key| Idempotency {
            key: Sha256::digest(key).into(),
            body: Sha256::digest(body).into(),
            until: now.saturating_add(millis(REMEMBERED)),
        });
        let accepted = self.put(route, items, keys, idempotency, now);
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
        Ok(Queued {
            delivery: id.to_string(),
            items: count,
            known,
            status: match known {
                true => self.present(id).await?,
                false => None,
            },
        })
    }
}

impl Outbox {
    /// Puts items into the store, under a name if they have one, and tells of new
    /// ones.
    pub(super) async fn put(
        &self,
        route: &Route,
        items: Vec<String>,
        keys: Vec<keys::Key>,
        idempotency: Option<Idempotency>,
        now: u64,
    ) -> Result<Accepted, Problem> {
        let count = items.len();
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
        let accepted = accepted.await?;
        if matches!(accepted, Accepted::New { .. }) {
            self.shared.news.given(lane(route), count);
        }
        Ok(accepted)
    }

    /// What has become of a delivery that is kept.
    async fn present(&self, id: DeliveryId) -> Result<Option<Status>, Problem> {
        let view = self.shared.with(move |store| store.delivery(id)).await?;
        Ok(view.map(|view| Status::over(view.items.iter().map(|item| item.state))))
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
