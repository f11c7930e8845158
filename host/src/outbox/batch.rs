//! Claimed items through the path, and what became of them.

use std::sync::Arc;
use std::time::Duration;

use crossdock_store::{Claimed, Lane, LaneId};

use super::journal::BatchJournal;
use super::outcome::of_claimed;
use super::{Shared, now};
use crate::budget::bounds::Bounds;
use crate::delivery::item_keys::Origin;
use crate::delivery::path::{Batch, deliver_batch};
use crate::problem::Problem;
use crate::report::{Generations, ItemReport, ItemStatus};
use crate::serving::route::Route;

/// Items of one batch where the manifest states no limit, and at most.
const MOST_ITEMS: usize = 200;

/// How long a batch waits for memory that others hold.
const ROOM_TIME: Duration = Duration::from_secs(5);

impl Shared {
    /// Delivers the next items of a lane. False if there was nothing to deliver.
    pub(super) async fn deliver_next(self: &Arc<Self>, lane: LaneId) -> Result<bool, Problem> {
        let Some(names) = self.store.lane(lane) else {
            return Ok(false);
        };
        let route = Route::find(
            (self.serving)(),
            &names.tenant,
            &names.connection,
            &names.operation,
        );
        let most = route.as_ref().ok().and_then(most_items);
        let most = most.unwrap_or(MOST_ITEMS);
        let claimed = self.with(move |store| store.claim(lane, now(), most));
        let claimed = claimed.await?;
        if claimed.is_empty() {
            return Ok(false);
        }
        let needed = claimed
            .iter()
            .map(|item| item.input.len() * 2)
            .sum::<usize>();
        let known = needed.min(self.memory.total());
        let ids: Vec<_> = claimed.iter().map(|item| item.item).collect();
        let Ok(share) = self.memory.take(known, ROOM_TIME).await else {
            self.store.unclaim(lane, &ids);
            return Ok(false);
        };
        let route = route.map(|route| Route {
            bounds: Bounds::of(&self.config.limits, Some(share)),
            ..route
        });
        let journal = BatchJournal::new(self.clone(), ids.clone());
        let (reports, generations) = self.reports(route, &claimed, &journal).await;
        let (longest, at) = (self.config.limits.outbox_attempts, now());
        let outcomes = claimed.iter().zip(&reports);
        let outcomes =
            outcomes.map(|(item, report)| of_claimed(item, report, &generations, longest, at));
        tell(&names, &claimed, &reports);
        journal
            .settle(outcomes.collect(), &said(&generations))
            .await;
        Ok(true)
    }

    /// What became of each item.
    async fn reports(
        &self,
        route: Result<Route, Problem>,
        claimed: &[Claimed],
        journal: &BatchJournal,
    ) -> (Vec<ItemReport>, Generations) {
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
                };
                deliver_batch(route, &self.config.limits, batch).await
            }
        };
        match delivered {
            Ok(report) => (report.items, report.generations),
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
                ((0..claimed.len()).map(failed).collect(), nobody)
            }
        }
    }
}

/// One line for each batch, without records.
fn tell(lane: &Lane, claimed: &[Claimed], reports: &[ItemReport]) {
    let of = |status| {
        reports
            .iter()
            .filter(|report| report.status == status)
            .count()
    };
    let delivery = claimed.first().map(|item| item.delivery.to_string());
    tracing::info!(
        target: "crossdock::outbox",
        tenant = lane.tenant,
        connection = lane.connection,
        operation = lane.operation,
        delivery,
        items = reports.len(),
        accepted = of(ItemStatus::Accepted) + of(ItemStatus::Duplicate),
        rejected = of(ItemStatus::Rejected),
        failed = of(ItemStatus::Failed) + of(ItemStatus::Partial),
        unknown = of(ItemStatus::Unknown),
        "batch"
    );
}

fn most_items(route: &Route) -> Option<usize> {
    let most = route.compiled().ok()?.max_items?;
    Some((most as usize).min(MOST_ITEMS))
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
