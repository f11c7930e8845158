//! Which flows there are now, each with its two tasks.

use std::sync::Arc;
use std::time::Duration;

use crossdock_store::RunState;

use super::part::{Part, State};
use super::{Shared, follow, now, runner};
use crate::problem::Problem;
use crate::serving::snapshot::Snapshot;

/// How often it is looked whether other files serve. Nothing is read for it.
const LOOK: Duration = Duration::from_millis(200);

/// How long until a flow is tried again of which nothing could be read.
const AGAIN: Duration = Duration::from_secs(1);

/// Looks after everything until the host ends.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut served: Option<Arc<Snapshot>> = None;
    loop {
        let serving = (shared.serving)();
        let same = served
            .as_ref()
            .is_some_and(|served| Arc::ptr_eq(served, &serving));
        let mut wait = LOOK;
        if !same {
            match begin_new(&shared, &serving).await {
                Ok(()) => served = Some(serving),
                Err(problem) => {
                    tracing::error!(target: "crossdock::flows", %problem, "flows cannot be read; it is tried again");
                    wait = AGAIN;
                }
            }
            for part in shared.parts().values() {
                part.wake.notify_one();
                part.follow.notify_one();
            }
        }
        tokio::select! {
            () = shared.closing.cancelled() => return,
            () = shared.news.notified() => served = None,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Begins what is not there yet.
async fn begin_new(shared: &Arc<Shared>, serving: &Snapshot) -> Result<(), Problem> {
    let mut open = None;
    for (tenant, generation) in &serving.tenants {
        for flow in generation.flows.values() {
            let key = (tenant.clone(), flow.config.name.clone());
            if shared.parts().contains_key(&key) {
                continue;
            }
            let open = match &open {
                Some(open) => open,
                None => open.insert(shared.store(|store| store.open_runs()).await?),
            };
            begin(shared, key, open).await?;
        }
    }
    Ok(())
}

async fn begin(
    shared: &Arc<Shared>,
    key: (Arc<str>, Arc<str>),
    open: &[crossdock_store::RunRow],
) -> Result<(), Problem> {
    let (tenant, name) = (key.0.to_string(), key.1.to_string());
    let put = shared.store(move |store| store.flow_put(&tenant, &name, now()));
    let row = put.await?;
    let own = open.iter().filter(|run| run.flow == row.id);
    let running = own.clone().find(|run| run.state == RunState::Running);
    let state = State {
        run: running.map(|run| run.id),
        paused: row.paused,
        ..State::default()
    };
    let part = Arc::new(Part::new(key.0.clone(), key.1.clone(), row.id, state));
    shared.parts().insert(key, part.clone());
    shared.begun.notify_waiters();
    let runs: Vec<_> = own.map(|run| run.id).collect();
    shared
        .tasks
        .spawn(runner::run(shared.clone(), part.clone(), row));
    shared.tasks.spawn(follow::run(shared.clone(), part, runs));
    Ok(())
}
