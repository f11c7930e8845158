//! Delivers what is due: waits for the earliest time at which something is, or
//! for news, and gives batches their places in turn.
//!
//! What a lane has is asked when a batch of it has claimed or ended, and now and
//! then for all lanes: nothing depends on news alone.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossdock_store::{Blame, Held, Lane, LaneId, State, Waiting};
use tokio::sync::mpsc;

use super::plan::Plan;
use super::turns::{Names, Pick, Turns};
use super::{HOST_PAUSE, Shared, now};
use crate::problem::Problem;
use crate::serving::pace::Stance;
use crate::serving::route::Route;
use crate::serving::snapshot::Snapshot;

/// How often it is looked whether other files serve. Nothing is read for it.
const LOOK: Duration = Duration::from_millis(200);

/// How often all lanes are looked at, though nothing says so.
const SCAN: Duration = Duration::from_secs(1);

/// How much longer than it takes, if that is more.
const SCAN_SHARE: u32 = 100;

/// The farthest that is looked ahead; what is due later is looked at again then.
const FARTHEST: Duration = Duration::from_secs(60 * 60);

/// The part of the calls' memory that batches of one tenant may hold, beyond its
/// first.
const MEMORY_SHARE: usize = 8;

/// What a batch tells while it is under way.
#[derive(Debug)]
pub(super) enum Event {
    /// It has claimed its items, and so much more of the lane waits.
    Claimed {
        lane: LaneId,
        bytes: usize,
        waiting: Waiting,
    },
    /// It has ended. Nothing is told of what waits if that cannot be read.
    Ended {
        lane: LaneId,
        bytes: usize,
        waiting: Option<Waiting>,
    },
}

/// Delivers until the host is told to end.
pub(super) async fn run(shared: Arc<Shared>) {
    let (events, mut happened) = mpsc::unbounded_channel();
    let mut drain = Drain::new(shared.clone(), events);
    if let Err(problem) = drain.release_held().await {
        tracing::error!(%problem, "held items could not be looked at");
    }
    loop {
        // Nothing begins any more, but this lives as long as the outbox.
        if shared.ending.is_cancelled() {
            return shared.closing.cancelled().await;
        }
        drain.begin_what_may();
        tokio::select! {
            () = shared.ending.cancelled() => continue,
            () = shared.news.wait() => {}
            Some(event) = happened.recv() => drain.happened(event),
            () = tokio::time::sleep_until(drain.next_look().into()) => {}
        }
        while let Ok(event) = happened.try_recv() {
            drain.happened(event);
        }
        if let Err(problem) = drain.look().await {
            tracing::error!(%problem, "the outbox cannot be read; it is tried again");
            tokio::select! {
                () = shared.ending.cancelled() => {}
                () = tokio::time::sleep(HOST_PAUSE) => {}
            }
        }
    }
}

/// What becomes due.
#[derive(Debug, Clone)]
enum Timer {
    Lane(LaneId),
    Connection(Names),
}

/// A lane that something waits in, or is under way of.
#[derive(Debug)]
struct Known {
    names: Lane,
    /// Batches under way.
    running: usize,
    /// When its turn comes, if that is not now.
    timer: Option<(Instant, u64)>,
    /// Items that were given since it was looked at.
    given: usize,
    plan: Plan,
}

struct Drain {
    shared: Arc<Shared>,
    events: mpsc::UnboundedSender<Event>,
    /// What served at the last look.
    served: Arc<Snapshot>,
    turns: Turns,
    lanes: HashMap<LaneId, Known>,
    ids: HashMap<Lane, LaneId>,
    timers: BTreeMap<(Instant, u64), Timer>,
    timer_count: u64,
    /// The timers of connections that wait for a time.
    parked: HashMap<Names, (Instant, u64)>,
    next_scan: Instant,
}

impl Drain {
    fn new(shared: Arc<Shared>, events: mpsc::UnboundedSender<Event>) -> Self {
        let most_bytes = shared.memory.total() / MEMORY_SHARE;
        Self {
            served: (shared.serving)(),
            shared,
            events,
            turns: Turns::new(most_bytes),
            lanes: HashMap::new(),
            ids: HashMap::new(),
            timers: BTreeMap::new(),
            timer_count: 0,
            parked: HashMap::new(),
            next_scan: Instant::now(),
        }
    }

    /// Until when nothing has to be done unless something happens.
    fn next_look(&self) -> Instant {
        let timer = self.timers.first_key_value().map(|((at, _), _)| *at);
        let look = (Instant::now() + LOOK).min(self.next_scan);
        timer.map_or(look, |timer| timer.min(look))
    }

    /// Gives every batch that may begin its place.
    fn begin_what_may(&mut self) {
        loop {
            let lanes = &self.lanes;
            let stance = |lane: LaneId| {
                let known = lanes.get(&lane);
                known.map_or(Stance::Go(1), |known| known.plan.stance())
            };
            match self.turns.pick(stance) {
                None => return,
                Some(Pick::Begin(lane)) => self.begin(lane),
                Some(Pick::Parked(names, Some(until))) => self.park(names, until),
                Some(Pick::Parked(_, None)) => {}
            }
        }
    }

    fn begin(&mut self, lane: LaneId) {
        let Some(known) = self.lanes.get_mut(&lane) else {
            self.turns.ended(lane, 0);
            return;
        };
        known.running += 1;
        known.given = 0;
        let (shared, events, plan) = (self.shared.clone(), self.events.clone(), known.plan.most);
        self.shared
            .batches
            .spawn(async move { shared.deliver_next(lane, plan, events).await });
    }

    /// Looks at a connection again then.
    fn park(&mut self, names: Names, until: Instant) {
        let timer = self.set_timer(until, Timer::Connection(names.clone()));
        // It may have been parked and woken before.
        if let Some(before) = self.parked.insert(names, timer) {
            self.timers.remove(&before);
        }
    }

    fn set_timer(&mut self, at: Instant, timer: Timer) -> (Instant, u64) {
        self.timer_count += 1;
        let key = (at, self.timer_count);
        self.timers.insert(key, timer);
        key
    }

    fn happened(&mut self, event: Event) {
        match event {
            Event::Claimed {
                lane,
                bytes,
                waiting,
            } => {
                self.turns.holds(lane, bytes);
                self.waits(lane, waiting);
            }
            Event::Ended {
                lane,
                bytes,
                waiting,
            } => {
                self.turns.ended(lane, bytes);
                if let Some(known) = self.lanes.get_mut(&lane) {
                    known.running = known.running.saturating_sub(1);
                }
                match waiting {
                    Some(waiting) => self.waits(lane, waiting),
                    None => self.at(lane, Instant::now() + HOST_PAUSE),
                }
            }
        }
    }

    /// So much of a lane waits.
    fn waits(&mut self, lane: LaneId, waiting: Waiting) {
        let Some(known) = self.lanes.get(&lane) else {
            return;
        };
        let Some(first) = waiting.first else { return };
        let now_ms = now();
        let until = Duration::from_millis(first.saturating_sub(now_ms)).min(FARTHEST);
        let waited = Duration::from_millis(now_ms.saturating_sub(first));
        let gathers = match waiting.due >= known.plan.most {
            true => Duration::ZERO,
            false => known.plan.gather.saturating_sub(waited),
        };
        self.at(lane, Instant::now() + until + gathers);
    }

    /// A lane's turn comes then, unless it comes earlier anyway.
    fn at(&mut self, lane: LaneId, at: Instant) {
        if self.turns.is_ready(lane) {
            return;
        }
        let Some(known) = self.lanes.get_mut(&lane) else {
            return;
        };
        if at <= Instant::now() {
            if let Some(timer) = known.timer.take() {
                self.timers.remove(&timer);
            }
            self.turns.ready(lane, &known.names);
            return;
        }
        match known.timer {
            Some((earlier, _)) if earlier <= at => return,
            Some(later) => {
                self.timers.remove(&later);
            }
            None => {}
        }
        let timer = self.set_timer(at, Timer::Lane(lane));
        if let Some(known) = self.lanes.get_mut(&lane) {
            known.timer = Some(timer);
        }
    }

    /// What the clock, other files and news say.
    async fn look(&mut self) -> Result<(), Problem> {
        let serving = (self.shared.serving)();
        if !Arc::ptr_eq(&serving, &self.served) {
            self.served = serving;
            for known in self.lanes.values_mut() {
                known.plan = Plan::of(&self.served, &known.names);
            }
            self.turns.unpark_all();
            self.release_held().await?;
            self.next_scan = Instant::now();
        }
        let (given, anywhere) = self.shared.news.take();
        let mut unknown = false;
        for (lane, items) in given {
            match self.ids.get(&lane).copied() {
                Some(lane) => self.given(lane, items),
                None => unknown = true,
            }
        }
        if anywhere {
            self.turns.unpark_all();
        }
        let now = Instant::now();
        while let Some(first) = self.timers.first_entry()
            && first.key().0 <= now
        {
            match first.remove() {
                Timer::Connection(names) => {
                    self.parked.remove(&names);
                    self.turns.unpark(&names);
                }
                Timer::Lane(lane) => {
                    if let Some(known) = self.lanes.get_mut(&lane) {
                        known.timer = None;
                        self.turns.ready(lane, &known.names);
                    }
                }
            }
        }
        if unknown || anywhere || self.next_scan <= now {
            self.scan().await?;
            let took = now.elapsed();
            self.next_scan = Instant::now() + SCAN.max(took * SCAN_SHARE);
        }
        Ok(())
    }

    /// A lane was given items: they wait for company, unless they are enough.
    fn given(&mut self, lane: LaneId, items: usize) {
        let Some(known) = self.lanes.get_mut(&lane) else {
            return;
        };
        known.given += items;
        let gather = match known.given >= known.plan.most {
            true => Duration::ZERO,
            false => known.plan.gather,
        };
        self.at(lane, Instant::now() + gather);
    }

    /// Looks at every lane.
    async fn scan(&mut self) -> Result<(), Problem> {
        let known: HashMap<LaneId, usize> = self
            .lanes
            .iter()
            .filter(|(_, known)| known.running > 0)
            .map(|(lane, known)| (*lane, known.plan.most))
            .collect();
        let found = self.shared.with(move |store| {
            let mut found = Vec::new();
            let at = now();
            for depth in store.depths()? {
                let Some(first) = depth.oldest_due else {
                    continue;
                };
                let queued = |(state, _): &&(State, u64)| *state == State::Queued;
                let queued = depth
                    .items
                    .iter()
                    .find(queued)
                    .map_or(0, |(_, count)| *count);
                // What is claimed is among what is queued.
                let waiting = match known.get(&depth.lane) {
                    Some(most) => store.waiting(depth.lane, at, *most)?,
                    None => Waiting {
                        first: Some(first),
                        due: match first <= at {
                            true => usize::try_from(queued).unwrap_or(usize::MAX),
                            false => 0,
                        },
                    },
                };
                let names = store.lane(depth.lane);
                found.extend(names.map(|names| (depth.lane, names, waiting)));
            }
            Ok(found)
        });
        let found = found.await?;
        // Those that nothing is known of any more are forgotten.
        self.turns.tidy();
        let turns = &self.turns;
        let keep: std::collections::HashSet<LaneId> =
            found.iter().map(|(lane, ..)| *lane).collect();
        let timers = &mut self.timers;
        self.lanes.retain(|lane, known| {
            let kept = known.running > 0 || keep.contains(lane) || turns.is_ready(*lane);
            if !kept && let Some(timer) = known.timer {
                timers.remove(&timer);
            }
            kept
        });
        let lanes = &self.lanes;
        self.ids.retain(|_, id| lanes.contains_key(id));
        for (lane, names, waiting) in found {
            if !self.lanes.contains_key(&lane) {
                let plan = Plan::of(&self.served, &names);
                self.ids.insert(names.clone(), lane);
                let known = Known {
                    names,
                    running: 0,
                    timer: None,
                    given: 0,
                    plan,
                };
                self.lanes.insert(lane, known);
            }
            self.waits(lane, waiting);
        }
        Ok(())
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
