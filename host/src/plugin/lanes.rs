//! Who goes on computing when a guest takes long.
//!
//! A guest gives its thread back at every tick. That alone would leave a call
//! of half a millisecond waiting behind every guest that runs for half a
//! second, once for each time it waits for its platform. So a guest that has
//! run for longer than `SHORT` goes on only in a lane:
//!
//! * There is one lane less than there are threads, so that one thread is free
//!   for what is short.
//! * A guest leaves its lane after a `TURN` and waits in line again.
//! * One tenant's guests wait among themselves for half of the lanes, so that
//!   many of them wait no shorter than one of another tenant.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::yield_now;

/// Ticks a guest call runs without a lane: mapping a hundred rows is over by
/// then.
const SHORT: u32 = 5;

/// Ticks in a lane until the next in line gets it.
const TURN: u32 = 5;

/// How long a guest waits for a lane. With turns this short, thousands would
/// have to be in front of it.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Tenants remembered before those without a guest are forgotten.
const FEW_TENANTS: usize = 256;

/// No lane came free in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "too many guests compute for long: none made room for {} s",
    LONGEST_WAIT.as_secs()
)]
pub struct NoLane;

/// What a guest waits for before it goes on.
pub type Pause = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The lanes of one sandbox.
#[derive(Debug)]
pub struct Lanes {
    all: Arc<Semaphore>,
    of_one_tenant: usize,
    longest_wait: Duration,
    tenants: Mutex<HashMap<Arc<str>, Weak<Semaphore>>>,
}

impl Lanes {
    /// Lanes for guests that run on this many threads.
    pub fn new(threads: usize) -> Self {
        let lanes = threads.saturating_sub(1).max(1);
        Self {
            all: Arc::new(Semaphore::new(lanes)),
            of_one_tenant: lanes.div_ceil(2),
            longest_wait: LONGEST_WAIT,
            tenants: Mutex::default(),
        }
    }

    /// The tenant's own line.
    fn line(&self, tenant: &Arc<str>) -> Arc<Semaphore> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = tenants.get(tenant).and_then(Weak::upgrade) {
            return line;
        }
        if tenants.len() >= FEW_TENANTS {
            tenants.retain(|_, line| line.strong_count() > 0);
        }
        let line = Arc::new(Semaphore::new(self.of_one_tenant));
        tenants.insert(tenant.clone(), Arc::downgrade(&line));
        line
    }
}

/// One guest instance's way through the lanes.
#[derive(Debug)]
pub struct Turns {
    lanes: Arc<Lanes>,
    tenant: Arc<str>,
    /// Ticks of this call without a lane, then those in the current lane.
    ticks: u32,
    lane: Arc<Mutex<Lane>>,
}

#[derive(Debug)]
enum Lane {
    None,
    /// With the tenant's permit and that of the lane.
    Held {
        _permits: [OwnedSemaphorePermit; 2],
    },
    NeverCame,
}

impl Turns {
    /// For the guests of one tenant.
    pub fn new(lanes: Arc<Lanes>, tenant: Arc<str>) -> Self {
        Self {
            lanes,
            tenant,
            ticks: 0,
            lane: Arc::new(Mutex::new(Lane::None)),
        }
    }

    /// A call begins or has ended: its lane is free.
    pub fn reset(&mut self) {
        self.ticks = 0;
        *self.lane.lock().unwrap_or_else(PoisonError::into_inner) = Lane::None;
    }

    /// After each tick the guest ran: what it has to wait for.
    pub fn tick(&mut self) -> Result<Pause, NoLane> {
        self.ticks += 1;
        let mut lane = self.lane.lock().unwrap_or_else(PoisonError::into_inner);
        let enough = match *lane {
            Lane::None => SHORT,
            Lane::Held { .. } => TURN,
            Lane::NeverCame => return Err(NoLane),
        };
        if self.ticks < enough {
            // In tokio's way, which looks at sockets and timers in between: a
            // plain wake-up goes to the queue, and a thread whose queue is
            // never empty looks at them only after 61 turns.
            return Ok(Box::pin(yield_now()));
        }
        self.ticks = 0;
        *lane = Lane::None;
        let line = self.lanes.line(&self.tenant);
        let (all, lane) = (self.lanes.all.clone(), self.lane.clone());
        let longest_wait = self.lanes.longest_wait;
        Ok(Box::pin(async move {
            // A lane that is free at once is no reason to keep the thread.
            yield_now().await;
            let came = tokio::time::timeout(longest_wait, async {
                let own = line.acquire_owned().await.ok()?;
                Some([own, all.acquire_owned().await.ok()?])
            })
            .await;
            *lane.lock().unwrap_or_else(PoisonError::into_inner) = match came {
                Ok(Some(permits)) => Lane::Held { _permits: permits },
                Ok(None) | Err(_) => Lane::NeverCame,
            };
        }))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn guest(lanes: &Arc<Lanes>, tenant: &str) -> Turns {
        Turns::new(lanes.clone(), tenant.into())
    }

    /// Runs until the guest has to wait for a lane.
    async fn run_short(turns: &mut Turns) -> Pause {
        for _ in 1..SHORT {
            turns.tick().unwrap().await;
        }
        turns.tick().unwrap()
    }

    /// Whether a pause ends without anybody else doing anything.
    async fn is_over(pause: &mut Pause) -> bool {
        // The first look only yields.
        assert!(pause.now_or_never().is_none());
        yield_now().await;
        pause.now_or_never().is_some()
    }

    #[tokio::test]
    async fn a_long_guest_keeps_others_waiting_for_a_turn_at_most() {
        let lanes = Arc::new(Lanes::new(2));
        let (mut first, mut second) = (guest(&lanes, "a"), guest(&lanes, "b"));
        run_short(&mut first).await.await;
        let mut waiting = run_short(&mut second).await;
        assert!(!is_over(&mut waiting).await);
        for _ in 1..TURN {
            first.tick().unwrap().await;
        }
        let mut again = first.tick().unwrap();
        waiting.await;
        assert!(!is_over(&mut again).await);
        second.reset();
        again.await;
    }

    #[tokio::test]
    async fn a_tenants_guests_leave_lanes_to_others() {
        let lanes = Arc::new(Lanes::new(5));
        let mut many: Vec<Turns> = (0..3).map(|_| guest(&lanes, "many")).collect();
        for turns in &mut many[..2] {
            run_short(turns).await.await;
        }
        let mut third = run_short(&mut many[2]).await;
        assert!(!is_over(&mut third).await);
        run_short(&mut guest(&lanes, "other")).await.await;
    }

    #[tokio::test]
    async fn a_dropped_guest_leaves_its_lane() {
        let lanes = Arc::new(Lanes::new(1));
        let mut first = guest(&lanes, "a");
        run_short(&mut first).await.await;
        drop(first);
        run_short(&mut guest(&lanes, "b")).await.await;
    }

    #[tokio::test]
    async fn waiting_for_a_lane_has_an_end() {
        let mut lanes = Lanes::new(1);
        lanes.longest_wait = Duration::from_millis(10);
        let lanes = Arc::new(lanes);
        let (mut first, mut second) = (guest(&lanes, "a"), guest(&lanes, "b"));
        run_short(&mut first).await.await;
        run_short(&mut second).await.await;
        assert_eq!(second.tick().err(), Some(NoLane));
    }
}
