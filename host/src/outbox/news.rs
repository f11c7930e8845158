//! What may leave that could not before: told by whoever let it, taken by whoever
//! delivers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crossdock_store::Lane;
use tokio::sync::Notify;

/// What has not been looked at.
#[derive(Debug, Default)]
pub(super) struct News {
    /// How many items each of these lanes was given.
    given: Mutex<HashMap<Lane, usize>>,
    /// Something in any lane.
    anywhere: AtomicBool,
    notify: Notify,
}

impl News {
    /// A lane was given items.
    pub fn given(&self, lane: Lane, items: usize) {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        *given.entry(lane).or_default() += items;
        drop(given);
        self.notify.notify_one();
    }

    /// Every lane is to be looked at.
    pub fn anywhere(&self) {
        self.anywhere.store(true, Ordering::Release);
        self.notify.notify_one();
    }

    /// Waits until there is something.
    pub async fn wait(&self) {
        self.notify.notified().await;
    }

    /// Takes what there is: lanes with new items, and whether every lane is to be
    /// looked at.
    pub fn take(&self) -> (HashMap<Lane, usize>, bool) {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let anywhere = self.anywhere.swap(false, Ordering::AcqRel);
        (std::mem::take(&mut *given), anywhere)
    }
}
