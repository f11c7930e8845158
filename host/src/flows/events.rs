//! What runs do, as they do it, for whoever listens. Events are kept in memory, the
//! newest of all flows: whoever missed some is told so, and every run is in the
//! store. Nobody waits for a listener.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossdock_store::{RunRow, RunState};
use serde::{Serialize, Serializer};
use tokio::sync::watch;

use super::Flows;
use super::part::Part;
use super::shown::RunShown;
use crate::outbox::Outbox;
use crate::outbox::listening::Begin;
use crate::problem::Problem;

/// Events that are kept, of all flows.
const RECENT: usize = 10_000;

/// Events of one page.
const PAGE: usize = 100;

/// A place begins at the time at which the host started, so that none of a host
/// before is taken for one of this.
const PLACES_A_MS: u32 = 20;

/// Something that a run did.
#[derive(Debug, Serialize)]
pub struct FlowEvent {
    /// Its place among the events of all tenants, which nobody is shown: it counts
    /// what others do.
    #[serde(skip)]
    seq: u64,
    /// The tenant.
    #[serde(serialize_with = "text")]
    tenant: Arc<str>,
    /// The flow.
    #[serde(serialize_with = "text")]
    flow: Arc<str>,
    /// `begun` or `ended`.
    event: &'static str,
    /// When, Unix milliseconds.
    at_ms: u64,
    /// The run as it was then.
    #[serde(flatten)]
    run: RunShown,
}

#[cfg(test)]
impl FlowEvent {
    /// One for the tests of interfaces.
    pub fn example(run: RunShown) -> Self {
        Self {
            seq: 1,
            tenant: "acme".into(),
            flow: "stock".into(),
            event: "begun",
            at_ms: 1,
            run,
        }
    }
}

fn text<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

/// Which events are wanted. What is not given excludes nothing.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct FlowEventFilter {
    /// Of this flow.
    pub flow: Option<String>,
    /// Of runs in one of these states.
    pub states: Vec<&'static str>,
}

impl FlowEventFilter {
    /// Has a state wanted by its word.
    ///
    /// # Errors
    /// If no event has that.
    pub fn want(&mut self, word: &str) -> Result<(), Problem> {
        let told = RunState::ALL
            .into_iter()
            .filter(|state| *state != RunState::Waiting)
            .map(RunState::as_str);
        let told: Vec<&'static str> = told.collect();
        match told.iter().find(|state| **state == word) {
            Some(state) => self.states.push(state),
            None => {
                let shown: String = word.chars().take(40).collect();
                let known = told.join(", ");
                return Err(Problem::caller(
                    "invalid-query",
                    format!("`{shown}` is no state of an event; these are: {known}"),
                ));
            }
        }
        Ok(())
    }

    fn wants(&self, event: &FlowEvent) -> bool {
        let of = |flow: &String| **flow == *event.flow;
        self.flow.as_ref().is_none_or(of)
            && (self.states.is_empty() || self.states.contains(&event.run.state))
    }
}

/// The newest events.
pub(super) struct Feed {
    recent: Mutex<Recent>,
    news: watch::Sender<u64>,
}

struct Recent {
    /// Every event after this place is here.
    from: u64,
    /// The place of the newest event that there ever was.
    newest: u64,
    events: VecDeque<Arc<FlowEvent>>,
}

impl Feed {
    /// Of a host that starts at this time.
    pub fn new(now: u64) -> Self {
        let place = now << PLACES_A_MS;
        Self {
            recent: Mutex::new(Recent {
                from: place,
                newest: place,
                events: VecDeque::new(),
            }),
            news: watch::Sender::new(place),
        }
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells that a run has begun, or how it has ended.
    pub fn tell(&self, part: &Part, run: &RunRow) {
        let (event, at_ms) = match run.state.is_end() {
            true => ("ended", run.ended.unwrap_or_else(super::now)),
            false => ("begun", run.began),
        };
        let mut recent = self.recent();
        let seq = recent.newest + 1;
        recent.push(FlowEvent {
            seq,
            tenant: part.tenant.clone(),
            flow: part.name.clone(),
            event,
            at_ms,
            run: RunShown::from(run.clone()),
        });
        drop(recent);
        self.news.send_replace(seq);
    }
}

impl Recent {
    fn push(&mut self, event: FlowEvent) {
        self.newest = event.seq;
        if self.events.len() == RECENT
            && let Some(oldest) = self.events.pop_front()
        {
            self.from = oldest.seq;
        }
        self.events.push_back(event.into());
    }

    /// Events of a tenant after a place, at most so many, and where it goes on.
    fn read(&self, tenant: &str, after: u64, most: usize) -> (Vec<Arc<FlowEvent>>, u64) {
        let first = self.events.partition_point(|event| event.seq <= after);
        let later = self.events.range(first..);
        let of_tenant = later.filter(|event| &*event.tenant == tenant);
        let events: Vec<_> = of_tenant.take(most).cloned().collect();
        let next = match events.last() {
            Some(last) if events.len() == most => last.seq,
            _ => self.newest.max(after),
        };
        (events, next)
    }
}

/// Somebody who listens to the runs of a tenant.
pub struct FlowListening {
    flows: Flows,
    outbox: Outbox,
    tenant: String,
    filter: FlowEventFilter,
    news: watch::Receiver<u64>,
    place: u64,
    /// What is gone is no news: the oldest was asked for.
    from_oldest: bool,
}

/// What comes next.
#[derive(Debug)]
pub struct FlowEventPage {
    /// Events that were not kept long enough to be told come before these.
    pub missed: bool,
    /// Events with their ids, oldest first.
    pub events: Vec<(String, Arc<FlowEvent>)>,
    /// Whether there is nothing more now.
    pub end: bool,
}

impl Flows {
    /// Listens to what the runs of a tenant's flows do.
    ///
    /// # Errors
    /// If the id is none that was given to the same listener.
    pub fn listen(
        &self,
        tenant: &str,
        filter: FlowEventFilter,
        begin: &Begin,
    ) -> Result<FlowListening, Problem> {
        let outbox = self.shared.outbox.clone();
        let news = self.shared.feed.news.subscribe();
        let newest = self.shared.feed.recent().newest;
        let place = match begin {
            Begin::Now => newest,
            Begin::Oldest => 0,
            Begin::After(id) => outbox.runs_place(tenant, id)?,
        };
        Ok(FlowListening {
            flows: self.clone(),
            outbox,
            tenant: tenant.to_owned(),
            filter,
            news,
            place,
            from_oldest: *begin == Begin::Oldest,
        })
    }
}

impl FlowListening {
    /// The id with which this place is found again.
    pub fn place(&self) -> String {
        self.outbox.show_runs_place(&self.tenant, self.place)
    }

    /// What comes next, which may be nothing.
    pub fn page(&mut self) -> FlowEventPage {
        let recent = self.flows.shared.feed.recent();
        // A clock that was set back gave a host before this one greater places.
        let known = (recent.from..=recent.newest).contains(&self.place);
        if !known {
            self.place = recent.from;
        }
        let (events, next) = recent.read(&self.tenant, self.place, PAGE);
        let end = next >= recent.newest;
        drop(recent);
        self.place = next;
        let missed = !known && !std::mem::take(&mut self.from_oldest);
        let wanted = events.into_iter().filter(|event| self.filter.wants(event));
        let events = wanted.map(|event| {
            let id = self.outbox.show_runs_place(&self.tenant, event.seq);
            (id, event)
        });
        FlowEventPage {
            missed,
            events: events.collect(),
            end,
        }
    }

    /// Waits until there is something new, of whichever flow.
    pub async fn news(&mut self) {
        if self.news.changed().await.is_err() {
            // The feed is there as long as this is.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seq: u64, tenant: &str) -> FlowEvent {
        let run = RunRow {
            id: crossdock_store::RunId(seq),
            flow: crossdock_store::FlowId(1),
            tick: None,
            cause: "a test".into(),
            state: RunState::Running,
            began: 1,
            ended: None,
            pages: 0,
            open_pages: 0,
            counts: Default::default(),
            stages: Default::default(),
            problem: None,
        };
        FlowEvent {
            seq,
            tenant: tenant.into(),
            flow: "stock".into(),
            event: "begun",
            at_ms: 1,
            run: run.into(),
        }
    }

    #[test]
    fn each_tenant_reads_its_own_and_the_oldest_go() {
        let feed = Feed::new(0);
        let mut recent = feed.recent();
        for seq in 1..=RECENT as u64 + 4 {
            recent.push(event(seq, if seq % 2 == 0 { "a" } else { "b" }));
        }
        assert_eq!((recent.events.len(), recent.from), (RECENT, 4));
        let (events, next) = recent.read("a", 4, 3);
        let places: Vec<u64> = events.iter().map(|event| event.seq).collect();
        assert_eq!((places, next), (vec![6, 8, 10], 10));
        let (events, next) = recent.read("c", 4, 3);
        assert_eq!((events.len(), next), (0, RECENT as u64 + 4));
    }

    #[test]
    fn a_page_that_is_just_full_leaves_nothing_out() {
        let feed = Feed::new(0);
        let mut recent = feed.recent();
        (1..=4).for_each(|seq| recent.push(event(seq, "a")));
        let (_, next) = recent.read("a", 0, 2);
        let (events, next) = recent.read("a", next, 2);
        assert_eq!((events.len(), next), (2, 4));
        assert!(recent.read("a", next, 2).0.is_empty());
    }

    #[test]
    fn only_states_that_events_have_can_be_wanted() {
        let mut filter = FlowEventFilter::default();
        assert!(filter.wants(&event(1, "a")));
        for word in ["done", "failed", "stopped"] {
            filter.want(word).unwrap();
        }
        assert!(!filter.wants(&event(1, "a")));
        filter.want("running").unwrap();
        assert!(filter.wants(&event(1, "a")));
        filter.flow = Some("goods".into());
        assert!(!filter.wants(&event(1, "a")));
        for word in ["waiting", "begun", "", "Done"] {
            assert_eq!(filter.want(word).unwrap_err().code, "invalid-query");
        }
    }
}
