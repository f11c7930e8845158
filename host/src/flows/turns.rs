//! How much is worked on side by side: one page of each run, a few runs of a
//! tenant, a few more of all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Pages of one tenant that are worked on at once, and of all.
const OF_TENANT: usize = 4;
const OF_ALL: usize = 16;

/// Who works.
pub(super) struct Turns {
    all: Arc<Semaphore>,
    tenants: Mutex<HashMap<Arc<str>, Arc<Semaphore>>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            all: Arc::new(Semaphore::new(OF_ALL)),
            tenants: Mutex::default(),
        }
    }
}

/// A page that is worked on; dropping it lets the next one begin.
pub(super) struct Turn {
    _all: Option<OwnedSemaphorePermit>,
    _tenant: Option<OwnedSemaphorePermit>,
}

impl Turns {
    /// Waits for a turn: whoever came first is served first. A page that waits for
    /// its platform to work again has none.
    pub async fn take(&self, tenant: &Arc<str>) -> Turn {
        let own = {
            let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
            let own = tenants.entry(tenant.clone());
            own.or_insert_with(|| Arc::new(Semaphore::new(OF_TENANT)))
                .clone()
        };
        // Neither is ever closed.
        let tenant = own.acquire_owned().await.ok();
        let all = self.all.clone().acquire_owned().await.ok();
        Turn {
            _all: all,
            _tenant: tenant,
        }
    }
}
