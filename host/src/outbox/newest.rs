//! The newest events of something that is no record, kept in memory, for whoever
//! listens: whoever missed some is told so, and finds what is true now elsewhere.
//! Nobody waits for a listener.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::Outbox;
use super::listening::Begin;
use crate::problem::Problem;

/// Events that are kept, of all tenants.
const RECENT: usize = 10_000;

/// Events of one page.
const PAGE: usize = 100;

/// A place begins at the time at which the host started, so that none of a host
/// before is taken for one of this.
const PLACES_A_MS: u32 = 20;

/// What is told.
pub trait Happened {
    /// What such events are about, so that an id of theirs is one of no others.
    const ABOUT: &'static str;

    /// Whose it is.
    fn tenant(&self) -> &str;
}

/// The newest events.
pub struct Feed<E> {
    recent: Mutex<Recent<E>>,
    news: watch::Sender<u64>,
}

/// Its place among the events of all tenants, which nobody is shown, as it counts what
/// others do; and the event.
type Placed<E> = (u64, Arc<E>);

struct Recent<E> {
    /// Every event after this place is here.
    from: u64,
    /// The place of the newest event that there ever was.
    newest: u64,
    events: VecDeque<Placed<E>>,
}

impl<E: Happened> Feed<E> {
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

    fn recent(&self) -> MutexGuard<'_, Recent<E>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells what happened.
    pub fn tell(&self, event: E) {
        let newest = self.recent().push(event);
        self.news.send_replace(newest);
    }

    /// The place of the newest event.
    pub fn newest(&self) -> u64 {
        self.recent().newest
    }

    /// Every event after a place that is still there, of all tenants, and the place
    /// of the newest.
    pub fn after(&self, place: u64) -> (Vec<Arc<E>>, u64) {
        let recent = self.recent();
        let later = recent.later(place).map(|(_, event)| event.clone());
        (later.collect(), recent.newest)
    }

    /// Says when there is something new, of whichever tenant.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// Listens to what happens to a tenant.
    ///
    /// # Errors
    /// If the id is none that was given to the same listener.
    pub fn listen(
        self: &Arc<Self>,
        outbox: &Outbox,
        tenant: &str,
        begin: &Begin,
    ) -> Result<Listening<E>, Problem> {
        let news = self.news();
        let place = match begin {
            Begin::Now => self.newest(),
            Begin::Oldest => 0,
            Begin::After(id) => outbox.place_of(E::ABOUT, tenant, id)?,
        };
        Ok(Listening {
            feed: self.clone(),
            outbox: outbox.clone(),
            tenant: tenant.to_owned(),
            news,
            place,
            from_oldest: *begin == Begin::Oldest,
        })
    }
}

impl<E: Happened> Recent<E> {
    fn push(&mut self, event: E) -> u64 {
        self.newest += 1;
        if self.events.len() == RECENT
            && let Some((oldest, _)) = self.events.pop_front()
        {
            self.from = oldest;
        }
        self.events.push_back((self.newest, Arc::new(event)));
        self.newest
    }

    fn later(&self, after: u64) -> impl Iterator<Item = &Placed<E>> {
        let first = self.events.partition_point(|(place, _)| *place <= after);
        self.events.range(first..)
    }

    /// Events of a tenant after a place, at most so many, and where it goes on.
    fn read(&self, tenant: &str, after: u64, most: usize) -> (Vec<Placed<E>>, u64) {
        let of_tenant = self.later(after);
        let of_tenant = of_tenant.filter(|(_, event)| event.tenant() == tenant);
        let events: Vec<_> = of_tenant.take(most).cloned().collect();
        let next = match events.last() {
            Some((last, _)) if events.len() == most => *last,
            _ => self.newest.max(after),
        };
        (events, next)
    }
}

/// Somebody who listens to what happens to a tenant.
pub struct Listening<E> {
    feed: Arc<Feed<E>>,
    outbox: Outbox,
    tenant: String,
    news: watch::Receiver<u64>,
    place: u64,
    /// What is gone is no news: the oldest was asked for.
    from_oldest: bool,
}

/// What comes next.
#[derive(Debug)]
pub struct EventPage<E> {
    /// Events that were not kept long enough to be told come before these.
    pub missed: bool,
    /// Events with their ids, oldest first.
    pub events: Vec<(String, Arc<E>)>,
    /// Whether there is nothing more now.
    pub end: bool,
}

impl<E: Happened> Listening<E> {
    /// The id with which this place is found again.
    pub fn place(&self) -> String {
        self.show(self.place)
    }

    fn show(&self, place: u64) -> String {
        self.outbox.show_place_of(E::ABOUT, &self.tenant, place)
    }

    /// What comes next of what is wanted, which may be nothing.
    pub fn page(&mut self, wants: impl Fn(&E) -> bool) -> EventPage<E> {
        let recent = self.feed.recent();
        // A clock that was set back gave a host before this one greater places.
        let known = (recent.from..=recent.newest).contains(&self.place);
        let after = if known { self.place } else { recent.from };
        let (events, next) = recent.read(&self.tenant, after, PAGE);
        let end = next >= recent.newest;
        drop(recent);
        self.place = next;
        let missed = !known && !std::mem::take(&mut self.from_oldest);
        let wanted = events.into_iter().filter(|(_, event)| wants(event));
        let events = wanted.map(|(place, event)| (self.show(place), event));
        EventPage {
            missed,
            events: events.collect(),
            end,
        }
    }

    /// Waits until there is something new, of whichever tenant.
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

    struct Told(&'static str, u64);

    impl Happened for Told {
        const ABOUT: &'static str = "a test";

        fn tenant(&self) -> &str {
            self.0
        }
    }

    fn numbers(events: &[Placed<Told>]) -> Vec<u64> {
        events.iter().map(|(_, event)| event.1).collect()
    }

    #[test]
    fn each_tenant_reads_its_own_and_the_oldest_go() {
        let feed = Feed::new(0);
        for number in 1..=RECENT as u64 + 4 {
            feed.tell(Told(if number % 2 == 0 { "a" } else { "b" }, number));
        }
        let recent = feed.recent();
        assert_eq!((recent.events.len(), recent.from), (RECENT, 4));
        let (events, next) = recent.read("a", 4, 3);
        assert_eq!((numbers(&events), next), (vec![6, 8, 10], 10));
        let (events, next) = recent.read("c", 4, 3);
        assert_eq!((events.len(), next), (0, RECENT as u64 + 4));
    }

    #[test]
    fn a_page_that_is_just_full_leaves_nothing_out() {
        let feed = Feed::new(0);
        (1..=4).for_each(|number| feed.tell(Told("a", number)));
        let recent = feed.recent();
        let (_, next) = recent.read("a", 0, 2);
        let (events, next) = recent.read("a", next, 2);
        assert_eq!((events.len(), next), (2, 4));
        assert!(recent.read("a", next, 2).0.is_empty());
    }

    #[test]
    fn whoever_reads_for_all_tenants_has_each_event_once() {
        let feed = Feed::new(7);
        feed.tell(Told("a", 1));
        let begun = feed.newest();
        feed.tell(Told("b", 2));
        feed.tell(Told("a", 3));
        let (events, newest) = feed.after(begun);
        assert_eq!(events.iter().map(|it| it.1).collect::<Vec<_>>(), [2, 3]);
        assert!(feed.after(newest).0.is_empty());
    }
}
