//! What ends, as it ends, for whoever listens. One task reads the sequence of
//! all tenants once and hands on to each listener what is its own; whoever is
//! further behind reads from the store. Nobody waits for a listener: each one
//! fetches, and a slow one has its place and nothing else.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossdock_store::{Change, Lane, LaneId, limits};
use tokio::sync::{Notify, watch};

use super::event::Event;
use super::{HOST_PAUSE, Shared};
use crate::problem::Problem;

/// Events of one tenant that are kept in memory.
const RECENT: usize = 1_000;

/// How often the sequence is looked at though nobody said that it went on.
const LOOK: Duration = Duration::from_millis(200);

/// Whose events: one tenant's, or everybody's.
pub(super) type Whose = Option<Arc<str>>;

/// What was read of a feed.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// Events, oldest first, each with its place.
    pub events: Vec<Arc<Event>>,
    /// The place to read after next.
    pub next: u64,
    /// Whether some that come after what was asked for are gone.
    pub missed: bool,
    /// Whether there is nothing after `next` now.
    pub end: bool,
}

#[derive(Default)]
pub(super) struct Feed {
    topics: Mutex<Topics>,
    /// Something ended, or somebody listens.
    look: Notify,
}

#[derive(Default)]
struct Topics {
    /// How far the sequence was read.
    place: u64,
    of: HashMap<Whose, Topic>,
}

struct Topic {
    listeners: usize,
    /// Every event after this place is among the recent ones.
    from: u64,
    recent: VecDeque<Arc<Event>>,
    /// The place of the newest event.
    news: watch::Sender<u64>,
}

/// One listener. Dropping it ends listening.
pub(super) struct Subscription {
    shared: Arc<Shared>,
    whose: Whose,
    news: watch::Receiver<u64>,
}

impl Feed {
    fn topics(&self) -> MutexGuard<'_, Topics> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the sequence looked at now.
    pub fn look(&self) {
        self.look.notify_one();
    }
}

impl Topics {
    /// Hands on what was read from `place` on, unless somebody else has moved it.
    fn take(&mut self, place: u64, events: &[Arc<Event>], next: u64) {
        if self.place != place {
            return;
        }
        self.place = next;
        for event in events {
            for whose in [None, Some(event.tenant.clone())] {
                if let Some(topic) = self.of.get_mut(&whose) {
                    topic.push(event.clone());
                }
            }
        }
        for topic in self.of.values() {
            let newest = topic.recent.back().map_or(0, |event| event.seq);
            topic.news.send_if_modified(|known| {
                let news = newest > *known;
                *known = newest.max(*known);
                news
            });
        }
    }
}

impl Topic {
    fn push(&mut self, event: Arc<Event>) {
        if self.recent.len() == RECENT
            && let Some(oldest) = self.recent.pop_front()
        {
            self.from = oldest.seq;
        }
        self.recent.push_back(event);
    }

    /// What comes after a place, if all of it is here.
    fn read(&self, after: u64, most: usize, place: u64) -> Option<Read> {
        if after < self.from {
            return None;
        }
        let mut later = self.recent.iter().filter(|event| event.seq > after);
        let events: Vec<_> = later.by_ref().take(most).cloned().collect();
        let end = later.next().is_none();
        let next = match events.last() {
            Some(last) if !end => last.seq,
            _ => place.max(after),
        };
        Some(Read {
            events,
            next,
            missed: false,
            end,
        })
    }
}

impl Shared {
    /// The newest place in the sequence.
    pub(super) async fn newest(&self) -> Result<u64, Problem> {
        let read = self.with(|store| store.changes(u64::MAX, 1)).await?;
        Ok(read.newest)
    }

    /// Listens from now on.
    pub(super) async fn subscribe(self: &Arc<Self>, whose: Whose) -> Result<Subscription, Problem> {
        let newest = self.newest().await?;
        let mut topics = self.feed.topics();
        if topics.of.is_empty() {
            // Nobody has listened, so nobody has read.
            topics.place = newest;
        }
        let place = topics.place;
        let topic = topics.of.entry(whose.clone()).or_insert_with(|| Topic {
            listeners: 0,
            from: place,
            recent: VecDeque::new(),
            news: watch::Sender::new(0),
        });
        topic.listeners += 1;
        let news = topic.news.subscribe();
        drop(topics);
        self.feed.look();
        Ok(Subscription {
            shared: self.clone(),
            whose,
            news,
        })
    }
}

impl Subscription {
    /// Events after a place, at most so many. There may be none although there
    /// is more to read.
    pub async fn read(&self, after: u64, most: usize) -> Result<Read, Problem> {
        let found = {
            let topics = self.shared.feed.topics();
            let topic = topics.of.get(&self.whose);
            topic.and_then(|topic| topic.read(after, most, topics.place))
        };
        if let Some(read) = found {
            return Ok(read);
        }
        let whose = self.whose.clone();
        let read = self.shared.with(move |store| {
            let changes = match &whose {
                Some(tenant) => store.changes_of(tenant, after, most)?,
                None => store.changes(after, most)?,
            };
            let lanes = changes.changes.iter().map(|change| store.lane(change.lane));
            let lanes: Vec<Option<Lane>> = lanes.collect();
            Ok((changes, lanes))
        });
        let (changes, lanes) = read.await?;
        let (next, newest) = (changes.next, changes.newest);
        let events = changes.changes.into_iter().zip(lanes);
        Ok(Read {
            events: events
                .filter_map(|(change, lane)| Some(Arc::new(Event::of(change, &lane?))))
                .collect(),
            next,
            missed: changes.missed,
            end: next >= newest,
        })
    }

    /// Waits until there is something new.
    pub async fn news(&mut self) {
        if self.news.changed().await.is_err() {
            // The topic is there as long as this is.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut topics = self.shared.feed.topics();
        if let Some(topic) = topics.of.get_mut(&self.whose) {
            topic.listeners -= 1;
            if topic.listeners == 0 {
                topics.of.remove(&self.whose);
            }
        }
    }
}

/// Reads the sequence while somebody listens, until the host closes.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut reader = Reader {
        shared: shared.clone(),
        lanes: HashMap::new(),
    };
    let mut told = false;
    loop {
        let wait = match reader.go_on().await {
            Ok(more) => {
                told = false;
                if more {
                    continue;
                }
                LOOK
            }
            Err(problem) => {
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(%problem, "what ended cannot be read; it is tried again");
                }
                HOST_PAUSE
            }
        };
        tokio::select! {
            () = shared.closing.cancelled() => return,
            () = shared.feed.look.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

struct Reader {
    shared: Arc<Shared>,
    /// Lanes have the same names for ever.
    lanes: HashMap<LaneId, Arc<Lane>>,
}

impl Reader {
    /// Reads a page. True if there is more to read now.
    async fn go_on(&mut self) -> Result<bool, Problem> {
        let place = {
            let topics = self.shared.feed.topics();
            if topics.of.is_empty() {
                return Ok(false);
            }
            topics.place
        };
        let read = self
            .shared
            .with(move |store| store.changes(place, limits::PAGE));
        let read = read.await?;
        let events: Vec<Arc<Event>> = read
            .changes
            .into_iter()
            .filter_map(|change| self.event(change))
            .collect();
        self.shared.feed.topics().take(place, &events, read.next);
        Ok(read.next < read.newest)
    }

    fn event(&mut self, change: Change) -> Option<Arc<Event>> {
        let lane = match self.lanes.get(&change.lane) {
            Some(lane) => lane.clone(),
            None => {
                let lane = Arc::new(self.shared.store.lane(change.lane)?);
                self.lanes.insert(change.lane, lane.clone());
                lane
            }
        };
        Some(Arc::new(Event::of(change, &lane)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossdock_store::{DeliveryId, ItemId, State};

    fn event(seq: u64, tenant: &str) -> Arc<Event> {
        let change = Change {
            seq,
            item: ItemId(seq),
            delivery: DeliveryId::from_bytes([1; 16]),
            index: 0,
            lane: LaneId(1),
            state: State::Accepted,
            at: 1,
            accepted: 1,
            label: String::new(),
            end: None,
        };
        Arc::new(Event::of(change, &Lane::new(tenant, "shop", "stock")))
    }

    fn topics(place: u64, whose: &[Whose]) -> Topics {
        let mut topics = Topics {
            place,
            of: HashMap::new(),
        };
        for whose in whose {
            let topic = Topic {
                listeners: 1,
                from: place,
                recent: VecDeque::new(),
                news: watch::Sender::new(0),
            };
            topics.of.insert(whose.clone(), topic);
        }
        topics
    }

    fn places(read: &Read) -> Vec<u64> {
        read.events.iter().map(|event| event.seq).collect()
    }

    #[test]
    fn each_tenant_is_handed_its_own_and_comes_to_the_end_of_all() {
        let (a, all) = (Some("a".into()), None);
        let mut topics = topics(10, &[a.clone(), all.clone()]);
        topics.take(10, &[event(11, "a"), event(12, "b"), event(13, "a")], 14);
        let read = topics.of[&a].read(10, 9, topics.place).unwrap();
        assert_eq!(
            (places(&read), read.next, read.end),
            (vec![11, 13], 14, true)
        );
        let read = topics.of[&a].read(10, 1, topics.place).unwrap();
        assert_eq!((places(&read), read.next, read.end), (vec![11], 11, false));
        let read = topics.of[&all].read(11, 9, topics.place).unwrap();
        assert_eq!(places(&read), [12, 13]);
        // Whoever was further than this is not led back.
        let read = topics.of[&a].read(20, 9, topics.place).unwrap();
        assert_eq!((places(&read), read.next, read.end), (vec![], 20, true));
        assert!(topics.of[&a].read(9, 9, topics.place).is_none());
    }

    #[test]
    fn what_was_read_from_another_place_is_thrown_away() {
        let a: Whose = Some("a".into());
        let mut topics = topics(10, std::slice::from_ref(&a));
        topics.take(5, &[event(6, "a")], 6);
        assert_eq!((topics.place, topics.of[&a].recent.len()), (10, 0));
    }

    #[test]
    fn what_is_kept_in_memory_is_bounded_and_whoever_is_behind_it_reads_elsewhere() {
        let a: Whose = Some("a".into());
        let mut topics = topics(0, std::slice::from_ref(&a));
        let many: Vec<_> = (1..=RECENT as u64 + 5).map(|seq| event(seq, "a")).collect();
        topics.take(0, &many, RECENT as u64 + 5);
        let topic = &topics.of[&a];
        assert_eq!(topic.recent.len(), RECENT);
        assert!(topic.read(4, 9, topics.place).is_none());
        let read = topic.read(5, 9, topics.place).unwrap();
        assert_eq!(read.events[0].seq, 6);
    }

    #[test]
    fn only_who_has_news_is_woken() {
        let (a, b): (Whose, Whose) = (Some("a".into()), Some("b".into()));
        let mut topics = topics(0, &[a.clone(), b.clone()]);
        let (of_a, of_b) = (
            topics.of[&a].news.subscribe(),
            topics.of[&b].news.subscribe(),
        );
        topics.take(0, &[event(1, "a")], 1);
        assert!(of_a.has_changed().unwrap());
        assert!(!of_b.has_changed().unwrap());
    }
}
