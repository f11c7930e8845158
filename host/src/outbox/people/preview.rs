//! What a retry would send now: by the script and the adapter that serve now.
//! Nothing is sent, and nothing is changed.

use std::collections::BTreeMap;
use std::time::Duration;

use crossdock_store::{ItemId, ItemSummary, Lane, LaneId, Overwritten, Place};
use serde::Serialize;

use super::super::event::Named;
use super::super::{Outbox, Shared};
use super::act::{Act, Done};
use super::{What, Whose, input_of};
use crate::budget::bounds::Bounds;
use crate::delivery::dry_run::dry_run;
use crate::delivery::item_keys::{DeliveryId, Origin};
use crate::problem::Problem;
use crate::report::DryRun;
use crate::serving::route::Route;

/// Items of which is shown what would be sent.
const MOST: usize = 100;

/// Bytes of inputs of which that is shown, one item at least.
const BYTES: usize = 8 << 20;

/// How long it waits for memory that calls hold.
const ROOM_TIME: Duration = Duration::from_secs(5);

/// What would be done.
#[derive(Debug, Serialize)]
pub struct Preview {
    /// Always true, so that nobody takes it for what was done.
    pub dry_run: bool,
    /// How many items would be changed and left. Of at most 100 is shown what would
    /// be sent.
    #[serde(flatten)]
    pub would: Done,
    /// Items that would not go, because a newer total about the same thing is open.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub superseded: Vec<Overtaken>,
    /// Items that would go and overwrite what was delivered about the same thing
    /// after them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overwrites: Vec<Overwriting>,
    /// There is more that is newer than could be looked at: `overwrites` may lack
    /// some.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub overwrites_incomplete: bool,
    /// What would be sent, by connection and operation.
    pub sends: Vec<Sends>,
}

/// An item that gives its place to a newer one.
#[derive(Debug, Serialize)]
pub struct Overtaken {
    /// Which one.
    #[serde(flatten)]
    pub item: Named,
    /// The newer one's number.
    pub superseded_by: u64,
    /// Where that one is found.
    pub successor: Named,
}

/// An item that would overwrite what was delivered after it.
#[derive(Debug, Serialize)]
pub struct Overwriting {
    /// Which one.
    #[serde(flatten)]
    pub item: Named,
    /// The newest that it would overwrite.
    pub newer: Delivered,
}

/// An item that was delivered.
#[derive(Debug, Serialize)]
pub struct Delivered {
    /// Which one.
    #[serde(flatten)]
    pub item: Named,
    /// When it was accepted, Unix milliseconds.
    pub accepted_ms: u64,
}

/// What would be sent of some items of one connection and operation.
#[derive(Debug, Serialize)]
pub struct Sends {
    /// The tenant, for somebody who sees those of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The connection.
    pub connection: String,
    /// The operation.
    pub operation: String,
    /// The items, in the order in which `run` counts them.
    pub of: Vec<Named>,
    /// As the dry run of a call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<DryRun>,
    /// Why nothing can be sent there now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// An item with what would be given to the script.
pub(super) struct Given {
    pub item: ItemSummary,
    pub input: Vec<u8>,
}

impl Outbox {
    /// What a retry would send.
    ///
    /// # Errors
    /// As for the retry itself.
    pub async fn preview(&self, whose: &Whose, what: &What) -> Result<Preview, Problem> {
        let looked = self.shared.looked_at(whose, what, Act::Retry, MOST).await?;
        let (items, would) = looked;
        let read = self.shared.with(move |store| {
            let (mut given, mut superseded, mut room) = (Vec::new(), Vec::new(), BYTES);
            for item in items {
                if let Some(by) = store.overtaken(item.item)? {
                    superseded.push(overtaken(&item, by));
                    continue;
                }
                let input = input_of(store, &item)?;
                let left = room.checked_sub(input.len());
                if left.is_none() && !given.is_empty() {
                    break;
                }
                room = left.unwrap_or(0);
                given.push(Given { item, input });
            }
            let numbers: Vec<ItemId> = given.iter().map(|given| given.item.item).collect();
            let overwrites = store.overwrites(&numbers)?;
            Ok((given, superseded, overwrites))
        });
        let (given, superseded, overwrites) = read.await?;
        let overwriting = |one: &Overwritten| {
            let item = given.iter().find(|given| given.item.item == one.item)?;
            Some(Overwriting {
                item: named(&item.item),
                newer: Delivered {
                    item: one.newer.into(),
                    accepted_ms: one.accepted,
                },
            })
        };
        Ok(Preview {
            dry_run: true,
            would,
            superseded,
            overwrites: overwrites.newer.iter().filter_map(overwriting).collect(),
            overwrites_incomplete: !overwrites.whole,
            sends: self.shared.sends(whose, given).await?,
        })
    }
}

impl Shared {
    /// What would be sent of these items, lane by lane, the oldest first.
    pub(super) async fn sends(
        &self,
        whose: &Whose,
        given: Vec<Given>,
    ) -> Result<Vec<Sends>, Problem> {
        let mut lanes: BTreeMap<LaneId, Vec<Given>> = BTreeMap::new();
        for given in given {
            lanes.entry(given.item.lane).or_default().push(given);
        }
        let mut sends = Vec::with_capacity(lanes.len());
        for (lane, mut given) in lanes {
            let Some(lane) = self.store.lane(lane) else {
                continue;
            };
            given.sort_by_key(|given| given.item.item);
            let of = given.iter().map(|given| named(&given.item)).collect();
            let (run, problem) = match self.run(&lane, given).await {
                Ok(run) => (Some(run), None),
                Err(problem) => (None, Some(problem)),
            };
            sends.push(Sends {
                tenant: whose.told(&lane.tenant),
                connection: lane.connection,
                operation: lane.operation,
                of,
                run,
                problem,
            });
        }
        Ok(sends)
    }

    /// The dry run of some items of one lane, with the keys that they have when
    /// they leave.
    async fn run(&self, lane: &Lane, given: Vec<Given>) -> Result<DryRun, Problem> {
        let route = self.route_with_room(lane, given.iter().map(|given| given.input.len()).sum());
        let route = route.await?;
        let origins = given.iter().map(|given| Origin {
            delivery: given.item.delivery.to_string(),
            item: given.item.index as usize,
        });
        let id = DeliveryId::of_several(origins.collect());
        let inputs = given.into_iter();
        let texts = inputs.map(|given| String::from_utf8_lossy(&given.input).into_owned());
        dry_run(route, id, texts.collect()).await
    }

    /// What serves a lane now, with memory for items of so many bytes.
    pub(super) async fn route_with_room(
        &self,
        lane: &Lane,
        bytes: usize,
    ) -> Result<Route, Problem> {
        let route = Route::find(
            (self.serving)(),
            &lane.tenant,
            &lane.connection,
            &lane.operation,
        )?;
        let needed = (bytes * 2).min(self.memory.total());
        let share = self.memory.take(needed, ROOM_TIME).await.map_err(|_| {
            Problem::host(
                "host-busy",
                "calls hold all the memory that `[limits] calls_memory_mb` has for calls; try again later",
            )
        })?;
        Ok(Route {
            bounds: Bounds::of(&self.config.limits, Some(share)),
            ..route
        })
    }
}

fn named(item: &ItemSummary) -> Named {
    Named {
        delivery: item.delivery.to_string(),
        index: item.index,
    }
}

fn overtaken(item: &ItemSummary, by: Place) -> Overtaken {
    Overtaken {
        item: named(item),
        superseded_by: by.item.0,
        successor: by.into(),
    }
}
