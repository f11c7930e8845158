//! Which lane goes next. Each lane with something due gets one batch after the
//! other in its turn, so that no backlog keeps another lane waiting.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crossdock_store::{Blame, Held, LaneId, State};
use tokio::sync::mpsc;

use super::{HOST_PAUSE, Shared, now};
use crate::problem::Problem;
use crate::serving::route::Route;
use crate::serving::snapshot::Snapshot;

/// Lanes that are looked at in one turn.
const LANES: usize = 1000;

/// Batches that are under way at once, of all lanes and of one.
const BATCHES: usize = 64;
const BATCHES_OF_LANE: usize = 4;

/// How long a batch waits for company.
const GATHER: Duration = Duration::from_millis(20);

/// How often the clock is looked at though nothing happened: for what becomes
/// due.
const LOOK: Duration = Duration::from_millis(200);

/// Delivers until the host closes.
pub(super) async fn run(shared: Arc<Shared>) {
    let (ended, mut endings) = mpsc::unbounded_channel();
    let mut drain = Drain {
        served: (shared.serving)(),
        shared: shared.clone(),
        running: BTreeMap::new(),
        dry: BTreeSet::new(),
        next: None,
    };
    if let Err(problem) = drain.release_held().await {
        tracing::error!(%problem, "held items could not be looked at");
    }
    loop {
        let wait = match drain.turn(&ended).await {
            Ok(wait) => wait,
            Err(problem) => {
                tracing::error!(%problem, "the outbox cannot be read; it is tried again");
                HOST_PAUSE
            }
        };
        tokio::select! {
            () = shared.closing.cancelled() => return,
            () = shared.news.notified() => drain.dry.clear(),
            Some(end) = endings.recv() => drain.ended(end),
            () = tokio::time::sleep(wait) => drain.dry.clear(),
        }
        while let Ok(end) = endings.try_recv() {
            drain.ended(end);
        }
    }
}

/// How a batch ended.
struct End {
    lane: LaneId,
    /// Whether there was anything to deliver.
    any: bool,
}

struct Drain {
    shared: Arc<Shared>,
    /// What served at the last look.
    served: Arc<Snapshot>,
    running: BTreeMap<LaneId, usize>,
    /// Lanes of which everything that is due is under way.
    dry: BTreeSet<LaneId>,
    /// Where the next turn begins.
    next: Option<LaneId>,
}

impl Drain {
    fn ended(&mut self, end: End) {
        if let Some(running) = self.running.get_mut(&end.lane) {
            *running -= 1;
            if *running == 0 {
                self.running.remove(&end.lane);
            }
        }
        if end.any {
            self.dry.remove(&end.lane);
        } else {
            self.dry.insert(end.lane);
        }
    }

    /// Gives each lane with something due a batch, as far as there is room. Says
    /// how long nothing has to be done unless something happens.
    async fn turn(&mut self, ended: &mpsc::UnboundedSender<End>) -> Result<Duration, Problem> {
        let serving = (self.shared.serving)();
        if !Arc::ptr_eq(&serving, &self.served) {
            self.served = serving;
            self.release_held().await?;
        }
        let (at, after) = (now(), self.next);
        let lanes = self.shared.with(move |store| {
            let mut lanes = store.due_lanes(at, after, LANES)?;
            if after.is_some() {
                // The lanes before come after the last one.
                lanes.extend(store.due_lanes(at, None, LANES)?);
            }
            Ok(lanes)
        });
        let mut seen = BTreeSet::new();
        for due in lanes.await? {
            if self.running.values().sum::<usize>() >= BATCHES {
                break;
            }
            let lane = due.lane;
            let alone = self.running.get(&lane).copied().unwrap_or(0);
            let gathers = due.due + crate::clock::millis(GATHER) > at;
            if !seen.insert(lane) || alone >= BATCHES_OF_LANE || self.dry.contains(&lane) || gathers
            {
                continue;
            }
            self.next = Some(lane);
            *self.running.entry(lane).or_default() += 1;
            self.begin(lane, ended.clone());
        }
        Ok(match seen.is_empty() {
            true => LOOK,
            false => GATHER,
        })
    }

    fn begin(&self, lane: LaneId, ended: mpsc::UnboundedSender<End>) {
        let shared = self.shared.clone();
        self.shared.batches.spawn(async move {
            let any = match shared.deliver_next(lane).await {
                Ok(any) => any,
                Err(problem) => {
                    tracing::error!(%problem, "a batch of the outbox could not be delivered");
                    tokio::time::sleep(HOST_PAUSE).await;
                    true
                }
            };
            let _ = ended.send(End { lane, any });
        });
    }

    /// Lets items go that wait for another script or adapter, where another one
    /// serves now.
    async fn release_held(&self) -> Result<(), Problem> {
        let depths = self.shared.with(|store| store.depths()).await?;
        for depth in depths {
            let held = |(state, count): &(State, u64)| *state == State::Held && *count > 0;
            if !depth.items.iter().any(held) {
                continue;
            }
            let Some(names) = self.shared.store.lane(depth.lane) else {
                continue;
            };
            let route = Route::find(
                self.served.clone(),
                &names.tenant,
                &names.connection,
                &names.operation,
            );
            let Ok(route) = route else { continue };
            let used = crate::delivery::path::generations(&route);
            let script = used.script.unwrap_or_default();
            let (lane, adapter) = (depth.lane, used.adapter);
            let released = self.shared.with(move |store| {
                let lane = Held::Lane(lane);
                let scripts = store.release_held(lane.clone(), Blame::Script, &script, now())?;
                Ok(scripts + store.release_held(lane, Blame::Adapter, &adapter, now())?)
            });
            let released = released.await?;
            if released > 0 {
                tracing::info!(lane = %names, released, "another generation serves, so what waited for it goes again");
            }
        }
        Ok(())
    }
}
