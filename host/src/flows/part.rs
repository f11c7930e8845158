//! One flow: what its tasks and people tell each other.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossdock_store::{FlowId, RunId};
use tokio::sync::Notify;

use super::Shared;
use crate::problem::Problem;

/// The longest wait without a look: somebody may have set the clock.
const LONGEST: Duration = Duration::from_secs(5);

/// A flow that serves, or served a moment ago.
pub(super) struct Part {
    pub tenant: Arc<str>,
    pub name: Arc<str>,
    pub id: FlowId,
    state: Mutex<State>,
    /// There is something for its runner.
    pub wake: Notify,
    /// There is something for its follower.
    pub follow: Notify,
    /// What lies in its folder and is never read, as far as the log has it.
    pub left_out: Arc<Mutex<BTreeSet<String>>>,
}

/// What is known of it in memory.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The run that is under way.
    pub run: Option<RunId>,
    /// Whether a person paused it.
    pub paused: bool,
    /// What it is tried again for.
    pub trouble: Option<Problem>,
    /// Pages that were queued and are not followed yet.
    pub sent: Vec<(RunId, u32)>,
    /// When the next tick is.
    pub next: Option<u64>,
}

impl Part {
    pub fn new(tenant: Arc<str>, name: Arc<str>, id: FlowId, state: State) -> Self {
        Self {
            tenant,
            name,
            id,
            state: Mutex::new(state),
            wake: Notify::new(),
            follow: Notify::new(),
            left_out: Arc::default(),
        }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it is woken, but no longer than so. False if the host ends.
    pub async fn wait(&self, shared: &Shared, pause: Duration) -> bool {
        tokio::select! {
            () = shared.closing.cancelled() => false,
            () = self.wake.notified() => true,
            () = tokio::time::sleep(pause.min(LONGEST)) => true,
        }
    }

    /// Says what it is tried again for, once for each reason.
    pub fn trouble(&self, problem: Problem) {
        let mut state = self.state();
        let known = state.trouble.as_ref();
        let told = known.is_some_and(|known| known.code == problem.code);
        state.trouble = Some(problem.clone());
        drop(state);
        if !told {
            tracing::warn!(
                target: "crossdock::flows",
                tenant = &*self.tenant,
                flow = &*self.name,
                code = &*problem.code,
                problem = %problem.without_excerpt(),
                "a flow does not go on now; it is tried again"
            );
        }
    }

    pub fn goes_on(&self) {
        self.state().trouble = None;
    }
}
