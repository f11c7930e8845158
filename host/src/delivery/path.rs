//! One delivery from its items to its report.

use std::collections::HashMap;
use std::time::Instant;

use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::attempts::Policy;
use super::documents;
use super::exchange::{Setting, too_late};
use super::item_keys::{DeliveryId, Origin};
use super::items::by_item;
use super::journal::Journal;
use super::order;
use super::reply_script;
use super::round::Rounds;
use super::trace::Trace;
use crate::config::HostLimits;
use crate::deadline::within;
use crate::problem::Problem;
use crate::report::{DeliveryStatus, Generations, ItemReport, Report};
use crate::script::Script;
use crate::script::apply::Prepared;
use crate::serving::connection_limits::Sort;
use crate::serving::route::Route;

/// Delivers a call's items, in the time a call may take: what is known by then
/// is answered, and what has not left by then is not sent. An error means that
/// nothing was sent.
pub async fn deliver(
    route: Route,
    limits: &HostLimits,
    id: DeliveryId,
    items: Vec<String>,
    journal: Option<&dyn Journal>,
) -> Result<Report, Problem> {
    let attempts = route.connection.config.limits.attempts;
    let lines = tracing::error_span!("delivery", delivery = id.id, kept = tracing::field::Empty);
    let delivery = Delivery {
        name: "delivery",
        id,
        items,
        attempts,
        sort: Sort::Call,
        journal,
        ending: None,
    };
    delivery.run(route, limits).instrument(lines).await
}

/// Items of one operation that were given at different times.
pub struct Batch<'j> {
    /// The items.
    pub items: Vec<String>,
    /// Where each comes from.
    pub origins: Vec<Origin>,
    /// Who writes down what leaves.
    pub journal: &'j dyn Journal,
    /// From when on no request of it begins. What has not left by then is untried.
    pub ending: &'j CancellationToken,
}

/// Tries each item of a batch once. Whoever kept it says whether and when it goes
/// again. An error means that nothing was sent.
pub async fn deliver_batch(
    route: Route,
    limits: &HostLimits,
    batch: Batch<'_>,
) -> Result<Report, Problem> {
    let delivery = Delivery {
        name: "batch",
        id: DeliveryId::of_several(batch.origins),
        items: batch.items,
        attempts: 1,
        sort: Sort::Queued,
        journal: Some(batch.journal),
        ending: Some(batch.ending),
    };
    delivery.run(route, limits).await
}

struct Delivery<'j> {
    /// What a trace calls it.
    name: &'static str,
    id: DeliveryId,
    items: Vec<String>,
    /// Attempts of each document.
    attempts: u32,
    sort: Sort,
    journal: Option<&'j dyn Journal>,
    ending: Option<&'j CancellationToken>,
}

impl Delivery<'_> {
    /// The delivery in its span: the trace's, and that of its log lines.
    async fn run(self, mut route: Route, limits: &HostLimits) -> Result<Report, Problem> {
        route.observed = route.observed.clone().begin(self.name);
        let span = route.observed.span.clone();
        if span.is_recorded() {
            span.set("crossdock.tenant", route.tenant.config.name.to_string());
            let connection = route.connection.config.name.to_string();
            span.set("crossdock.connection", connection);
            span.set("crossdock.operation", route.operation.clone());
            span.set("crossdock.delivery", self.id.shown());
            span.set("crossdock.items", self.items.len() as i64);
        }
        // What a delivery keeps while it waits is many kilobytes. In a box it is
        // moved once, and not by each of the futures around it.
        let result = Box::pin(self.steps(&route, limits)).await;
        match &result {
            Ok(report) => {
                span.set("crossdock.status", report.status.as_str());
                if report.status != DeliveryStatus::Accepted {
                    span.failed(report.status.as_str());
                }
            }
            Err(problem) => span.failed(&problem.code),
        }
        result
    }

    async fn steps(self, route: &Route, limits: &HostLimits) -> Result<Report, Problem> {
        let Self {
            id,
            items,
            attempts,
            sort,
            journal,
            ending,
            ..
        } = self;
        let deadline = Instant::now() + limits.call_timeout;
        let count = items.len();
        // A reply script sees the caller's item beside its result.
        let originals = match reply_script::wanted(route) {
            true => Some(kept(route, &items)?),
            false => None,
        };
        let contents = id.contents(&items).await;
        let declared = route.compiled()?.order.as_ref();
        let prepared = documents::prepare_about(route, items.into(), declared);
        let (prepared, about) = match within(deadline, prepared).await {
            Some(prepared) => prepared?,
            None => (not_prepared(count), Vec::new()),
        };
        let documents = &prepared.documents;
        let order_keys = match documents.len() > 1 || id.is_named() {
            true => about.into_iter().map(|about| about.key).collect(),
            false => Vec::new(),
        };
        let keys = id.keys(&contents, documents, &order_keys).await;
        let trace = Trace::new(route);
        let policy = Policy::new(
            order::flow(declared, documents.len(), &order_keys),
            documents.len(),
            attempts,
            deadline,
        );
        let setting = Setting {
            route,
            deadline,
            follow_ups: limits.follow_ups,
            longest_pause: limits.longest_pause,
            reads: order::reads(declared),
            trace: &trace,
            sort,
            journal,
            keeps_answers: journal.is_some(),
            ending,
        };
        let rounds = Rounds::new(setting, documents, &keys, policy).run();
        let reports = rounds.await.into_reports();
        let mut items = by_item(count, prepared.settled, documents, reports).await;
        if let Some(originals) = originals {
            reply_script::apply(route, &originals, &mut items, deadline).await;
        }
        let (requests, log) = trace.into_reports();
        Ok(Report {
            status: DeliveryStatus::over(&items),
            delivery: id.id,
            items,
            requests,
            generations: generations(route),
            log,
        })
    }
}

/// A copy of the items, if there is memory for it.
fn kept(route: &Route, items: &[String]) -> Result<Vec<String>, Problem> {
    if route.bounds.take(items.iter().map(String::len).sum()) {
        return Ok(items.to_vec());
    }
    Err(Problem::caller(
        "call-too-large",
        "the items take more memory than `[limits] call_memory_mb` allows a call; send fewer",
    ))
}

/// The time was over before the script and the schema were through with the
/// items: none of them leaves.
fn not_prepared(count: usize) -> Prepared {
    let late = (0..count).map(|index| ItemReport {
        index,
        ..too_late()
    });
    Prepared {
        documents: Vec::new(),
        settled: late.collect(),
    }
}

/// Which versions a delivery used.
pub fn generations(route: &Route) -> Generations {
    let label = |scripts: &HashMap<String, Script>| {
        let script = scripts.get(&route.operation);
        script.map(|script| script.label.clone())
    };
    Generations {
        adapter: route.adapter.label.clone(),
        script: label(&route.connection.scripts),
        reply: label(&route.connection.replies),
        tenant: route.tenant.number,
    }
}
