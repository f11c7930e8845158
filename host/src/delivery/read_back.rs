//! What became of a request that left before this process began: the same
//! question that is asked within a call when no answer came (status 0).

use std::time::Instant;

use super::exchange::{self, Setting};
use super::outcome::Attempted;
use super::trace::Trace;
use crate::config::HostLimits;
use crate::plugin::contract::Request;
use crate::report::{ItemReport, RequestReport};
use crate::serving::connection_limits::Sort;
use crate::serving::route::Route;

/// What the platform said about a request.
#[derive(Debug)]
pub struct ReadBack {
    /// What became of each of its items, in its order. One that goes again was not
    /// applied, and cannot be any more.
    pub items: Vec<ItemReport>,
    /// The requests that asked, each with how its answer began.
    pub requests: Vec<RequestReport>,
    /// Whether the platform answered. Where it did not, it may be asked again.
    pub answered: bool,
}

/// Asks the platform about a request that must not be repeated. Nothing if the
/// adapter has no way to find out.
pub async fn read_back(route: &Route, limits: &HostLimits, request: &Request) -> Option<ReadBack> {
    let trace = Trace::new(route);
    let setting = Setting {
        route,
        deadline: Instant::now() + limits.call_timeout,
        follow_ups: limits.follow_ups,
        longest_pause: limits.longest_pause,
        reads: false,
        trace: &trace,
        // It is asked though what is queued may wait.
        sort: Sort::Call,
        journal: None,
        keeps_answers: true,
        ending: None,
    };
    let attempted = exchange::read_back(setting, request).await?;
    let items = attempted.into_iter().map(|attempted| match attempted {
        Attempted::Final(report) => report,
        Attempted::Again { otherwise, .. } => ItemReport {
            goes_again: otherwise.status == crate::report::ItemStatus::Failed,
            ..otherwise
        },
    });
    let items = items.collect();
    let (requests, _) = trace.into_reports();
    let fine = |status: u16| (200..300).contains(&status);
    Some(ReadBack {
        items,
        answered: !requests.is_empty() && requests.iter().all(|sent| sent.status.is_some_and(fine)),
        requests,
    })
}
