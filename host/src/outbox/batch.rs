//! Claimed items through the path, and what became of them.

use std::sync::Arc;
use std::time::Duration;

use crossdock_store::{Claimed, DeliveryId, ItemId, Lane, LaneId, Next, Outcome};
use tokio::sync::mpsc::UnboundedSender;
use tracing::Instrument;

use super::drain::Event;
use super::journal::BatchJournal;
use super::outcome::{Again, of_claimed};
use super::{Shared, counted, now};
use crate::budget::bounds::Bounds;
use crate::delivery::item_keys::Origin;
use crate::delivery::path::{Batch, deliver_batch};
use crate::problem::Problem;
use crate::report::{Generations, ItemReport, ItemStatus, RequestReport};
use crate::serving::route::Route;

/// How long a batch waits for memory that others hold.
const ROOM_TIME: Duration = Duration::from_secs(5);

/// Tells that a batch has ended, however it did.
struct End {
    lane: LaneId,
    bytes: usize,
    waiting: Option<crossdock_store::Waiting>,
    events: UnboundedSender<Event>,
}

impl Drop for End {
    fn drop(&mut self) {
        let _ = self.events.send(Event::Ended {
            lane: self.lane,
            bytes: self.bytes,
            waiting: self.waiting,
        });
    }
}

impl Shared {
    /// Delivers the next items of a lane, at most so many, and tells how it goes.
    pub(super) async fn deliver_next(
        self: Arc<Self>,
        lane: LaneId,
        most: usize,
        events: UnboundedSender<Event>,
    ) {
        let mut end = End {
            lane,
            bytes: 0,
            waiting: None,
            events,
        };
        let delivered = self.deliver_claimed(most, &mut end).await;
        let waiting = self.with(move |store| store.waiting(lane, now(), most));
        match (delivered, waiting.await) {
            (Ok(()), Ok(waiting)) => end.waiting = Some(waiting),
            (Err(problem), _) | (_, Err(problem)) => {
                tracing::error!(%problem, "a batch of the outbox could not be delivered");
            }
        }
    }

    async fn deliver_claimed(self: &Arc<Self>, most: usize, end: &mut End) -> Result<(), Problem> {
        let lane = end.lane;
        if self.ending.is_cancelled() {
            return Ok(());
        }
        let Some(names) = self.store.lane(lane) else {
            return Ok(());
        };
        let claimed = self.with(move |store| {
            let claimed = store.claim(lane, now(), most)?;
            Ok((claimed, store.waiting(lane, now(), most)?))
        });
        let (claimed, waiting) = claimed.await?;
        if claimed.is_empty() {
            return Ok(());
        }
        let needed = claimed
            .iter()
            .map(|item| item.input.len() * 2)
            .sum::<usize>();
        let known = needed.min(self.memory.total());
        end.bytes = known;
        let _ = end.events.send(Event::Claimed {
            lane,
            bytes: known,
            waiting,
        });
        let ids: Vec<ItemId> = claimed.iter().map(|item| item.item).collect();
        let Ok(share) = self.memory.take(known, ROOM_TIME).await else {
            return self.give_back(lane, ids).await;
        };
        let route = Route::find(
            (self.serving)(),
            &names.tenant,
            &names.connection,
            &names.operation,
        );
        let lines = tracing::error_span!("batch", delivery = shown(&claimed));
        let observed = route.as_ref().ok().map(|route| route.observed.clone());
        let began = now();
        let route = route.map(|route| Route {
            bounds: Bounds::of(&self.config.limits, Some(share)),
            ..self.told.once(route)
        });
        let connection = route.as_ref().ok().map(|route| route.connection.clone());
        let journal = BatchJournal::new(self.clone(), ids, connection.as_deref());
        let delivered = self.reports(route, &claimed, &journal);
        let delivered = delivered.instrument(lines.clone());
        let (reports, generations, requests) = delivered.await;
        // What did not get its turn is as if nobody had claimed it.
        let untried = claimed.iter().zip(&reports);
        let untried = untried.filter(|(_, report)| report.untried);
        let untried: Vec<ItemId> = untried.map(|(item, _)| item.item).collect();
        let again = Again {
            connection: connection.as_deref(),
            host: &self.config.limits,
            now: now(),
        };
        let outcomes: Vec<Option<Outcome>> = claimed
            .iter()
            .zip(&reports)
            .map(|(item, report)| {
                let tried = !report.untried;
                tried.then(|| of_claimed(item, report, &generations, &again))
            })
            .collect();
        if let Some(observed) = &observed {
            let tried = claimed.iter().zip(&outcomes);
            let tried = tried.filter(|(_, outcome)| outcome.is_some());
            counted::waited(observed, tried.map(|(item, _)| item), began);
            counted::attempted(observed, &reports, &outcomes);
        }
        if outcomes.iter().any(Option::is_some) {
            lines.in_scope(|| tell(&names, &reports, &outcomes));
            let channel = connection.map(|connection| connection.channel.clone());
            let generations = said(&generations);
            let settled = journal.settle(outcomes, &generations, &requests, channel);
            settled.instrument(lines).await;
        }
        self.give_back(lane, untried).await
    }

    /// Items that were claimed and not tried wait as before, or give way to newer
    /// ones that have come meanwhile.
    async fn give_back(&self, lane: LaneId, items: Vec<ItemId>) -> Result<(), Problem> {
        if items.is_empty() {
            return Ok(());
        }
        let given = self.with(move |store| {
            store.unclaim(lane, &items, now());
            Ok(())
        });
        given.await
    }

    /// What became of each item, and the requests that left.
    async fn reports(
        &self,
        route: Result<Route, Problem>,
        claimed: &[Claimed],
        journal: &BatchJournal,
    ) -> (Vec<ItemReport>, Generations, Vec<RequestReport>) {
        let items = claimed.iter().map(input);
        let origins = claimed.iter().map(|item| Origin {
            delivery: item.delivery.to_string(),
            item: item.index as usize,
        });
        let delivered = match route {
            Err(problem) => Err(problem),
            Ok(route) => {
                let batch = Batch {
                    items: items.collect(),
                    origins: origins.collect(),
                    journal,
                    ending: &self.ending,
                };
                deliver_batch(route, &self.config.limits, batch).await
            }
        };
        match delivered {
            Ok(report) => (report.items, report.generations, report.requests),
            // Nothing was sent.
            Err(problem) => {
                let failed = |index| ItemReport {
                    goes_again: true,
                    ..ItemReport::failed(index, problem.clone())
                };
                let nobody = Generations {
                    adapter: "".into(),
                    script: None,
                    reply: None,
                    tenant: 0,
                };
                ((0..claimed.len()).map(failed).collect(), nobody, Vec::new())
            }
        }
    }
}

/// One line for each batch, without records.
fn tell(lane: &Lane, reports: &[ItemReport], outcomes: &[Option<Outcome>]) {
    let tried = reports.iter().zip(outcomes);
    let tried = tried.filter_map(|(report, outcome)| Some((report, outcome.as_ref()?)));
    let goes_on = |outcome: &Outcome| matches!(outcome.next, Next::Again { .. });
    let held = |outcome: &Outcome| matches!(outcome.next, Next::Held(_));
    let ended = tried
        .clone()
        .filter(|(_, outcome)| !goes_on(outcome) && !held(outcome));
    let of = |status| {
        let ended = ended.clone();
        ended.filter(|(report, _)| report.status == status).count()
    };
    tracing::info!(
        target: "crossdock::outbox",
        tenant = lane.tenant,
        connection = lane.connection,
        operation = lane.operation,
        items = tried.clone().count(),
        accepted = of(ItemStatus::Accepted) + of(ItemStatus::Duplicate),
        rejected = of(ItemStatus::Rejected),
        failed = of(ItemStatus::Failed) + of(ItemStatus::Partial),
        unknown = of(ItemStatus::Unknown),
        again = tried.clone().filter(|(_, outcome)| goes_on(outcome)).count(),
        held = tried.clone().filter(|(_, outcome)| held(outcome)).count(),
        "batch"
    );
}

/// The deliveries of some items, with commas between them: at most as many as a
/// batch has items, so that a line has room for them.
fn shown(claimed: &[Claimed]) -> String {
    let mut ids: Vec<DeliveryId> = claimed.iter().map(|item| item.delivery).collect();
    ids.sort_unstable();
    ids.dedup();
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    ids.join(",")
}

/// What was given is JSON text; anything else is told as the item's failure.
fn input(item: &Claimed) -> String {
    String::from_utf8_lossy(&item.input).into_owned()
}

fn said(generations: &Generations) -> String {
    match &generations.script {
        None => generations.adapter.to_string(),
        Some(script) => format!("{}, {script}", generations.adapter),
    }
}
