//! Listening to what ends: where it begins, and page after page.

use std::sync::Arc;

use super::Outbox;
use super::event::{Event, EventFilter};
use super::feed::{Subscription, Whose};
use crate::problem::Problem;

/// Events of one page.
const PAGE: usize = 100;

/// Where listening begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begin {
    /// With what ends from now on.
    Now,
    /// With the oldest that is kept.
    Oldest,
    /// After the event with this id.
    After(String),
}

/// Somebody who listens. It costs its place, and holds nothing up.
pub struct Listening {
    outbox: Outbox,
    subscription: Subscription,
    whose: Whose,
    filter: EventFilter,
    place: u64,
    /// What is gone is no news: the oldest was asked for.
    from_oldest: bool,
    /// What was asked for is gone.
    missed: bool,
}

/// What comes next.
#[derive(Debug)]
pub struct EventPage {
    /// Events that were not kept long enough to be told come before these.
    pub missed: bool,
    /// Events with their ids, oldest first.
    pub events: Vec<(String, Arc<Event>)>,
    /// Whether there is nothing more now.
    pub end: bool,
}

impl Outbox {
    /// Listens to what ends: of one tenant, or of all.
    ///
    /// # Errors
    /// If the id is none that was given to the same listener, or the outbox
    /// cannot be read.
    pub async fn listen(
        &self,
        tenant: Option<&str>,
        filter: EventFilter,
        begin: Begin,
    ) -> Result<Listening, Problem> {
        let whose: Whose = tenant.map(Into::into);
        // First, so that nothing is between it and the place.
        let subscription = self.shared.subscribe(whose.clone()).await?;
        let newest = self.shared.newest().await?;
        let place = match &begin {
            Begin::Now => newest,
            Begin::Oldest => 0,
            Begin::After(id) => {
                let place = self.shared.places.read(&whose, id);
                place.ok_or_else(no_event)?
            }
        };
        Ok(Listening {
            outbox: self.clone(),
            subscription,
            whose,
            filter,
            place: place.min(newest),
            from_oldest: begin == Begin::Oldest,
            // An outbox that was put back to a copy knows less than it told.
            missed: place > newest,
        })
    }
}

impl Outbox {
    /// A place in the sequence of what happens to a tenant, but for its items, as its
    /// listeners are given it. Whoever knows a place among items, or among what is
    /// about something else, does not know one of these.
    pub(super) fn show_place_of(&self, about: &str, tenant: &str, place: u64) -> String {
        self.shared.places.show(&whose(about, tenant), place)
    }

    /// The place of an id that was given to a listener of the same tenant.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn place_of(&self, about: &str, tenant: &str, id: &str) -> Result<u64, Problem> {
        let place = self.shared.places.read(&whose(about, tenant), id);
        place.ok_or_else(no_event)
    }
}

/// A line break is in no tenant's name.
fn whose(about: &str, tenant: &str) -> Whose {
    Some(format!("{about}\n{tenant}").into())
}

fn no_event() -> Problem {
    Problem::caller(
        "unknown-event",
        "the id is none of an event of this stream; leave it out to begin with what comes now",
    )
}

impl Listening {
    /// The id with which this place is found again.
    pub fn place(&self) -> String {
        self.outbox.shared.places.show(&self.whose, self.place)
    }

    /// What comes next, which may be nothing.
    ///
    /// # Errors
    /// If the outbox cannot be read.
    pub async fn page(&mut self) -> Result<EventPage, Problem> {
        let read = self.subscription.read(self.place, PAGE).await?;
        self.place = read.next;
        let missed = std::mem::take(&mut self.missed) || (read.missed && !self.from_oldest);
        if read.end {
            self.from_oldest = false;
        }
        let places = &self.outbox.shared.places;
        let wanted = read.events.into_iter();
        let wanted = wanted.filter(|event| self.filter.wants(event));
        let events = wanted.map(|event| (places.show(&self.whose, event.seq), event));
        Ok(EventPage {
            missed,
            events: events.collect(),
            end: read.end,
        })
    }

    /// Waits until there is something new.
    pub async fn news(&mut self) {
        self.subscription.news().await;
    }
}
