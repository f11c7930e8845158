//! What of connections' limits outlives the host: the next turn, the pause that a
//! platform asked for, and how it is getting on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use crossdock_store::{ConnectionName, ConnectionState};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};

use super::{Shared, now};
use crate::problem::Problem;
use crate::serving::keeping::{Keeper, Writing};

/// Connections that are written down in one go, and at once of these.
const SLICE: usize = 10_000;
const AT_ONCE: usize = 64;

/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The same for a host that ends.
pub(crate) const LAST_LIMITS: Duration = Duration::from_secs(1);

/// Keeps it in the store. It holds no host: the host holds it.
struct StoreKeeper {
    shared: Weak<Shared>,
    /// A failure was told, and nothing was written since.
    failing: AtomicBool,
}

impl Keeper for Arc<StoreKeeper> {
    fn keep(&self, tenant: &str, connection: &str, state: Vec<u8>) -> BoxFuture<'static, bool> {
        let state = of(tenant, connection, state);
        let keeper = self.clone();
        async move {
            let Some(shared) = keeper.shared.upgrade() else {
                return false;
            };
            let written = shared.with(move |store| store.set_connection_state(state, now()));
            let written = written.await;
            let failed = written.is_err();
            let told = keeper.failing.swap(failed, Ordering::Relaxed);
            if let (Err(problem), false) = (&written, told) {
                tracing::warn!(%problem, "connections' limits cannot be written down; they hold, and may begin anew if the host ends now");
            }
            written.is_ok()
        }
        .boxed()
    }

    fn wake(&self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.news.anywhere();
        }
    }
}

fn of(tenant: &str, connection: &str, state: Vec<u8>) -> ConnectionState {
    ConnectionState {
        name: ConnectionName {
            tenant: tenant.to_owned(),
            connection: connection.to_owned(),
        },
        state,
    }
}

/// A state that is being written down, as the store takes it.
pub(super) fn state(writing: &Writing) -> ConnectionState {
    let (tenant, connection, state) = writing.state();
    of(tenant, connection, state)
}

impl Shared {
    /// Goes on with the limits of the host before, and keeps them from now on.
    pub(super) async fn keep_limits(self: &Arc<Self>) -> Result<(), Problem> {
        let states = self.with(|store| store.connection_states()).await?;
        let keeper = StoreKeeper {
            shared: Arc::downgrade(self),
            failing: AtomicBool::new(false),
        };
        let left = states.into_iter();
        let left = left.map(|state| (state.name.tenant, state.name.connection, state.state));
        self.channels.keep(Arc::new(Arc::new(keeper)), left);
        Ok(())
    }

    /// Writes down what changed since it was written last; `last` for a host that
    /// ends. What cannot be written is tried again with the next look.
    pub(super) async fn keep_what_changed(&self, last: bool) {
        let changed = self.channels.to_keep(SLICE, last);
        let written = futures_util::stream::iter(changed).map(|writing| async move {
            let state = state(&writing);
            let written = self.with(move |store| store.set_connection_state(state, now()));
            writing.done(written.await.is_ok());
        });
        // Together, so that they share commits.
        let all = written.buffer_unordered(AT_ONCE).collect::<()>();
        // One that is not written is kept as it was: it promises more, not less.
        let patience = if last { LAST_LIMITS } else { PATIENCE };
        let _ = tokio::time::timeout(patience, all).await;
    }
}
