//! Which connections have grants now, each with its task.

use std::sync::Arc;
use std::time::Duration;

use super::part::Part;
use super::platform::Served;
use super::run::Run;
use super::{Names, Shared};
use crate::serving::credentials::grant_of;
use crate::serving::snapshot::Snapshot;

/// How often it is looked whether other files serve. Nothing is read for it.
const LOOK: Duration = Duration::from_millis(200);

/// Looks after everything until the host ends.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut served: Option<Arc<Snapshot>> = None;
    loop {
        let serving = (shared.serving)();
        let same = served
            .as_ref()
            .is_some_and(|served| Arc::ptr_eq(served, &serving));
        if !same || shared.has_ended() {
            begin(&shared, &serving);
            served = Some(serving);
        }
        tokio::select! {
            () = shared.closing.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Begins what is not there yet, and has all others look anew.
fn begin(shared: &Arc<Shared>, serving: &Snapshot) {
    let mut parts = shared.parts();
    parts.retain(|_, (_, task)| !task.is_finished());
    for (tenant, generation) in &serving.tenants {
        for connection in generation.connections.values() {
            let adapter = serving.adapters.get(&connection.config.adapter);
            let grant = adapter.and_then(|adapter| grant_of(&connection.config, adapter));
            let names: Names = (tenant.clone(), connection.config.name.clone());
            if grant.is_none() || parts.contains_key(&names) {
                continue;
            }
            let served = Served {
                serving: shared.serving.clone(),
                tenant: names.0.clone(),
                connection: names.1.clone(),
            };
            let feed = shared.feed.clone();
            let (part, requests) = Part::new(names.0.clone(), names.1.clone(), feed);
            let (keep, closing) = (shared.keep.clone(), shared.closing.clone());
            let run = Run::new(part.clone(), Arc::new(served), keep, closing);
            let task = shared.tasks.spawn(run.run(requests)).abort_handle();
            parts.insert(names, (part, task));
        }
    }
    for (part, _) in parts.values() {
        part.wake.notify_one();
    }
}
