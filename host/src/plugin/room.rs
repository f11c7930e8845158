//! Who makes room when the engine's pools are full. A pool bounds instances,
//! core instances, memories and tables, and a component takes as many of each
//! as it is made of; only the pool knows when one is used up. Idle instances of
//! both contracts take places in it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Notify;

/// A store of idle instances.
pub(super) trait Idle: Send + Sync {
    /// When what was unused for longest was used last, by [`Rooms::now`].
    fn oldest(&self) -> Option<u64>;

    /// Drops what was unused for longest.
    fn drop_oldest(&self) -> bool;
}

/// All stores of idle instances of one engine.
#[derive(Default)]
pub struct Rooms {
    stores: Mutex<Vec<Weak<dyn Idle>>>,
    freed: Notify,
    clock: AtomicU64,
}

impl Rooms {
    pub(super) fn register(&self, store: &Arc<impl Idle + 'static>) {
        let store: Arc<dyn Idle> = store.clone();
        let store = Arc::downgrade(&store);
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        stores.push(store);
    }

    /// A time that every use moves on, the same for all stores.
    pub(super) fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }

    /// Drops the instance that was idle for longest, wherever it is. Returns
    /// whether there was one.
    pub(super) fn make(&self) -> bool {
        // Nothing is dropped under the lock.
        let stores: Vec<Arc<dyn Idle>> = {
            let stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
            stores.iter().filter_map(Weak::upgrade).collect()
        };
        let oldest = stores
            .iter()
            .filter_map(|store| Some((store.oldest()?, store)))
            .min_by_key(|(used, _)| *used);
        // Somebody else may have taken it meanwhile; then there may be others.
        oldest.is_some_and(|(_, store)| {
            store.drop_oldest() || stores.iter().any(|store| store.drop_oldest())
        })
    }

    /// An instance became idle, or is gone.
    pub(super) fn freed(&self) {
        self.freed.notify_waiters();
    }

    /// Ends when an instance became idle or was dropped after this was called.
    pub(super) fn next(&self) -> tokio::sync::futures::Notified<'_> {
        self.freed.notified()
    }
}
