//! What a host that was killed left open. Of what was about to leave and must not
//! be repeated, nobody knows whether it was applied: the platform is asked, where
//! its adapter has a way to ask about this very request.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossdock_store::{
    AttemptEnd, ItemId, Next, OpenAttempt, OpenItem, Outcome, Recovery, Repeat, Settlement, State,
};
use futures_util::StreamExt;

use super::attempt::{Sent, asked_about, leaving};
use super::intent::Intended;
use super::outcome::of_read_back;
use super::{Shared, now};
use crate::delivery::read_back::{ReadBack, read_back};
use crate::plugin::contract::Request;
use crate::problem::Problem;
use crate::serving::route::Route;

/// Attempts of one settlement.
const SLICE: usize = 500;

/// Requests that are asked about at once.
const ASKED: usize = 8;

/// How long it is waited for the adapter and the connection to serve.
const SERVING: Duration = Duration::from_secs(60);

/// How often a platform is asked that does not answer, and the pause before the
/// second time; it doubles.
const TIMES: u32 = 4;
const PAUSE: Duration = Duration::from_secs(2);

/// How often it is looked whether somebody serves.
const LOOK: Duration = Duration::from_millis(100);

impl Shared {
    /// Settles what was under way when the outbox was closed, apart from what can
    /// be asked about.
    pub(super) async fn recover(&self) -> Result<(), Problem> {
        let Recovery { attempts, calls } = self.with(|store| store.recover()).await?;
        let at = now();
        let under_way = attempts.len() + calls.len();
        let (ask, open): (Vec<_>, Vec<_>) = attempts
            .into_iter()
            .partition(|open| open.repeat == Repeat::ReadBack);
        let open = open.into_iter().map(|open| in_doubt(&open));
        // What left of them may be repeated: only its caller can tell whether it
        // still should be.
        let waited = calls
            .iter()
            .map(|item| AttemptEnd::new(None, Repeat::Safe, at, at, vec![unknown(item)]));
        let mut ends: Vec<AttemptEnd> = open.chain(waited).collect();
        for end in &mut ends {
            Sent::of(&[]).describe(end, &[]);
            // Something may have, of what a caller waited for.
            end.left = true;
        }
        if under_way > 0 {
            tracing::warn!(
                attempts = under_way,
                to_ask = ask.len(),
                "the host ended with requests under way; what became of those that must not be repeated is unknown, unless their platform can be asked"
            );
        }
        for slice in ends.chunks(SLICE) {
            let settlement = Settlement {
                attempts: slice.to_vec(),
                connection: None,
            };
            self.with(move |store| store.settle(settlement, at)).await?;
        }
        *self.to_ask() = ask;
        Ok(())
    }

    /// Asks about what was under way, and settles it. What is not through when the
    /// host closes is asked about at the next start.
    pub(super) async fn read_back_what_was_under_way(self: Arc<Self>) {
        let open = std::mem::take(&mut *self.to_ask());
        let until = Instant::now() + SERVING;
        let asked = futures_util::stream::iter(open).map(|open| {
            let shared = self.clone();
            async move {
                let end = tokio::select! {
                    () = shared.ending.cancelled() => return,
                    end = shared.asked(open, until) => end,
                };
                let settlement = Settlement {
                    attempts: vec![end],
                    connection: None,
                };
                shared.settle(settlement).await;
                shared.news.anywhere();
            }
        });
        asked.buffer_unordered(ASKED).collect::<()>().await;
    }

    /// How an attempt ended, as far as anybody can tell.
    async fn asked(&self, open: OpenAttempt, until: Instant) -> AttemptEnd {
        let intended = Intended::read(&open.request);
        let known = intended.and_then(|intended| Some((intended.request()?, intended)));
        let Some((request, intended)) = known else {
            return in_doubt(&open);
        };
        let route = self.route_to(&open, &intended, until).await;
        let said = match route {
            Some(route) => self.ask(&route, &request).await,
            None => None,
        };
        let mut end = in_doubt(&open);
        let mut requests = Vec::new();
        if let Some(said) = said {
            requests = said.requests;
            let numbers = intended.items.iter().copied().map(ItemId);
            let reports: HashMap<ItemId, _> = numbers.zip(said.items).collect();
            for (outcome, item) in end.items.iter_mut().zip(&open.items) {
                if let Some(report) = reports.get(&item.item) {
                    *outcome = of_read_back(item, report, now());
                }
            }
        }
        // Whoever looks at an item sees what was read of it.
        let all: Vec<usize> = (0..end.items.len()).collect();
        for asked in &mut requests {
            asked.items.clone_from(&all);
        }
        Sent::of(&requests).describe(&mut end, &all);
        if !requests.is_empty() {
            let (method, path) = intended.what();
            end.request = asked_about(method, path, &end.request);
        }
        let of = |wanted: fn(&Next) -> bool| {
            end.items
                .iter()
                .filter(|outcome| wanted(&outcome.next))
                .count()
        };
        tracing::info!(
            target: "crossdock::outbox",
            attempt = open.attempt.0,
            accepted = of(|next| matches!(next, Next::End(State::Accepted | State::Duplicate))),
            again = of(|next| matches!(next, Next::Again { .. })),
            unknown = of(|next| matches!(next, Next::Unknown { .. })),
            "asked about a request that was under way when the host ended"
        );
        end
    }

    /// What serves a request's lane, once it does; nothing if that is not where the
    /// request went.
    async fn route_to(
        &self,
        open: &OpenAttempt,
        intended: &Intended,
        until: Instant,
    ) -> Option<Route> {
        let names = self.store.lane(open.lane)?;
        loop {
            let route = Route::find(
                (self.serving)(),
                &names.tenant,
                &names.connection,
                &names.operation,
            );
            if let Ok(route) = route {
                return (route.connection.place() == intended.place).then_some(route);
            }
            if Instant::now() >= until {
                return None;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// What the platform says; it is asked again if it does not answer.
    async fn ask(&self, route: &Route, request: &Request) -> Option<ReadBack> {
        let mut pause = PAUSE;
        let mut said = read_back(route, &self.config.limits, request).await?;
        for _ in 1..TIMES {
            if said.answered {
                break;
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
            said = read_back(route, &self.config.limits, request).await?;
        }
        Some(said)
    }
}

/// An attempt of which nobody knows the end.
fn in_doubt(open: &OpenAttempt) -> AttemptEnd {
    let items = open.items.iter().map(unknown).collect();
    let intended = Intended::read(&open.request);
    AttemptEnd {
        // The request whole is of no use any more.
        request: intended.map_or_else(Vec::new, |intended| {
            let (method, path) = intended.what();
            leaving(method, path)
        }),
        ..AttemptEnd::new(Some(open.attempt), open.repeat, open.began, now(), items)
    }
}

fn unknown(item: &OpenItem) -> Outcome {
    Outcome {
        code: Some("host-ended".into()),
        message: Some(
            "the host ended while this was under way; look at the platform, then retry or discard it".into(),
        ),
        blame: Some(crossdock_store::Blame::Host),
        ..Outcome::new(item.item, Next::Unknown { holds_key: false })
    }
}
