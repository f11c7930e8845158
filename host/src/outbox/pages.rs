//! What flows queue: items that are already what they will be, and what became of
//! them.

use std::time::Duration;

use crossdock_store::{
    Accepted, DeliveryId, DeliveryView, Effect, FlowStore, Idempotency, ItemBytes, ItemId, Order,
    StoreError,
};
use sha2::{Digest, Sha256};

use super::{Outbox, keys, now};
use crate::budget::bounds::Bounds;
use crate::clock::millis;
use crate::problem::Problem;
use crate::serving::route::Route;

/// How long it is remembered that a part of a page was queued: a host may be down
/// for so long between queueing it and writing that down.
const REMEMBERED: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// What items are about, in their order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys(Vec<keys::Key>);

impl Keys {
    /// The thing of which an item says how it is from now on, if it does.
    pub fn thing(&self, item: usize) -> Option<&[u8]> {
        match &self.0.get(item)?.0 {
            Order::Key {
                bytes,
                effect: Effect::Absolute,
            } => Some(bytes),
            _ => None,
        }
    }

    /// Those of some of the items.
    pub fn of(&self, items: impl Iterator<Item = usize>) -> Self {
        Self(items.filter_map(|item| self.0.get(item).cloned()).collect())
    }
}

impl Outbox {
    /// What items are about.
    ///
    /// # Errors
    /// If the operation, or the engine of its script, is not there any more.
    pub(crate) async fn keys(&self, route: &Route, items: &[String]) -> Result<Keys, Problem> {
        let mut route = self.shared.told.once(route.clone());
        let limits = &self.shared.config.limits;
        let mut found = Vec::with_capacity(items.len());
        for part in items.chunks(limits.items_per_call.max(1)) {
            // Each part has what a call has: beyond that, nothing would be known of
            // what an item is about.
            route.bounds = Bounds::of(limits, None);
            found.extend(keys::of(&route, part).await?);
        }
        Ok(Keys(found))
    }

    /// Takes items in under a name. What was taken in under the same name before is
    /// returned, whatever it was.
    ///
    /// # Errors
    /// If there is no room, or nothing can be written.
    pub(crate) async fn accept_page(
        &self,
        route: &Route,
        items: Vec<String>,
        keys: Keys,
        name: &str,
    ) -> Result<DeliveryId, Problem> {
        let tenant = &route.tenant.config.name;
        let sizes = items.iter().map(String::len);
        self.shared.take_room(tenant, sizes).await?;
        let now = now();
        let mut body = Sha256::new();
        for item in &items {
            body.update((item.len() as u64).to_be_bytes());
            body.update(item);
        }
        let named = Idempotency {
            key: Sha256::digest(name).into(),
            body: body.finalize().into(),
            until: now.saturating_add(millis(REMEMBERED)),
        };
        match self.put(route, items, keys.0, Some(named), now).await? {
            Accepted::New { id, .. } | Accepted::Known(id) | Accepted::Conflict(id) => Ok(id),
        }
    }

    /// What became of a delivery so far.
    ///
    /// # Errors
    /// If the outbox cannot be read.
    pub(crate) async fn view(&self, id: DeliveryId) -> Result<Option<DeliveryView>, Problem> {
        self.shared.with(move |store| store.delivery(id)).await
    }

    /// What is kept of items' ends, in their order.
    ///
    /// # Errors
    /// If the outbox cannot be read.
    pub(crate) async fn ends(&self, items: Vec<ItemId>) -> Result<Vec<Option<ItemBytes>>, Problem> {
        let ends = move |store: &dyn crossdock_store::Store| {
            items.into_iter().map(|item| store.bytes(item)).collect()
        };
        self.shared.with(ends).await
    }

    /// Work with what is kept of flows, off the threads that serve.
    ///
    /// # Errors
    /// If the store does not do it.
    pub(crate) async fn flows<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn FlowStore) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Problem> {
        let store = self.shared.flows.clone();
        let done = tokio::task::spawn_blocking(move || work(&*store)).await;
        done.map_err(|_| super::ended())?
            .map_err(|error| super::refused(&error))
    }
}
