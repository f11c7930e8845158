//! What the files that serve say about a lane.

use std::sync::Arc;
use std::time::Duration;

use crossdock_store::{Lane, limits};

use crate::serving::connection_limits::Channel;
use crate::serving::pace::Stance;
use crate::serving::route::Route;
use crate::serving::snapshot::Snapshot;

/// Items of one batch where the manifest states no limit.
const MOST_ITEMS: usize = 200;

/// How a lane's items leave.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Items of one batch at most.
    pub most: usize,
    /// How long one waits for others.
    pub gather: Duration,
    /// Nothing if no connection of the name serves.
    channel: Option<Channel>,
}

impl Plan {
    pub fn of(snapshot: &Arc<Snapshot>, lane: &Lane) -> Self {
        let route = Route::find(
            snapshot.clone(),
            &lane.tenant,
            &lane.connection,
            &lane.operation,
        );
        let Ok(route) = route else {
            // Nothing is sent: there is nothing to gather for.
            return Self {
                most: MOST_ITEMS,
                gather: Duration::ZERO,
                channel: None,
            };
        };
        let connection = &route.connection;
        let operation = route.compiled().ok();
        let most = operation.and_then(|operation| operation.max_items);
        // Where nothing is declared, one leaves after the other anyway.
        let ordered = operation.is_some_and(|operation| operation.order.is_some());
        Self {
            most: most.map_or(MOST_ITEMS, |most| (most as usize).clamp(1, limits::PAGE)),
            gather: match ordered {
                true => connection.config.outbox.gather,
                false => Duration::ZERO,
            },
            channel: Some(connection.channel.clone()),
        }
    }

    /// Whether a batch may begin, and how many may be under way.
    pub fn stance(&self) -> Stance {
        let channel = self.channel.as_ref();
        channel.map_or(Stance::Go(1), Channel::stance)
    }
}
