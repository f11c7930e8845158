//! One delivery from its items to its report.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rand::RngExt;
use sha2::{Digest, Sha256};

use super::connection::PreparedScript;
use super::documents::{self, Document};
use super::exchange::{Trace, context, exchange, guest, scripted};
use super::intake::Route;
use super::outcome::{Settled, fault_problem};
use super::promise::check_mapped;
use super::report::{DeliveryStatus, Generations, ItemReport, ItemStatus, Report};
use crate::config::HostLimits;
use crate::plugin::contract::{Context, Item, Mapped};
use crate::plugin::generation::AdapterLease;
use crate::plugin::manifest::Repeatable;
use crate::problem::Problem;
use crate::script::replies;

/// First pause between two attempts; it doubles with each, and a random part
/// keeps callers that failed together from coming back together.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Longest pause the host chooses by itself.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What tells one delivery's items from every other's.
#[derive(Debug, Clone)]
pub struct DeliveryId {
    /// 32 hex digits.
    pub id: String,
    /// Seed of the items' keys: the caller's idempotency key, or the id.
    seed: String,
}

impl DeliveryId {
    /// A new id. With an idempotency key, equal calls get equal item keys.
    pub fn new(route: &Route, idempotency_key: Option<&str>) -> Self {
        let id = format!("{:032x}", rand::random::<u128>());
        let seed = match idempotency_key {
            Some(key) => format!(
                "{}\n{}\n{}\n{key}",
                route.tenant.config.name, route.connection.config.name, route.operation
            ),
            None => id.clone(),
        };
        Self { id, seed }
    }

    /// The key of one document: stable over attempts and replays.
    pub fn key(&self, document: &Document) -> String {
        let mut hash = Sha256::new();
        hash.update(self.seed.as_bytes());
        hash.update(format!("\n{}\n{}", document.item, document.part));
        hex::encode(&hash.finalize()[..16])
    }
}

/// Delivers the items. An error means that nothing was sent.
pub async fn deliver(
    route: Route,
    limits: &HostLimits,
    id: DeliveryId,
    items: Vec<String>,
) -> Result<Report, Problem> {
    let deadline = Instant::now() + limits.call_timeout;
    let count = items.len();
    // A reply script sees the caller's item beside its result.
    let originals = replies::wanted(&route).then(|| items.clone());
    let prepared = documents::prepare(&route, items).await?;
    let mut run = Run {
        trace: Trace::new(&route),
        route: &route,
        limits,
        id: &id,
        deadline,
        documents: &prepared.documents,
        reports: vec![None; prepared.documents.len()],
        uncertain: vec![false; prepared.documents.len()],
    };
    run.rounds().await;
    let Run { trace, reports, .. } = run;
    let mut items = by_item(count, prepared.settled, &prepared.documents, reports);
    if let Some(originals) = originals {
        replies::apply(&route, &originals, &mut items, deadline).await;
    }
    Ok(Report {
        status: DeliveryStatus::over(&items),
        delivery: id.id,
        items,
        requests: trace.requests,
        generations: generations(&route),
        log: trace.log,
    })
}

/// Which versions a delivery used.
pub fn generations(route: &Route) -> Generations {
    let label = |scripts: &HashMap<String, PreparedScript>| {
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

struct Run<'a> {
    route: &'a Route,
    limits: &'a HostLimits,
    id: &'a DeliveryId,
    deadline: Instant,
    documents: &'a [Document],
    /// One per document, set when it is settled.
    reports: Vec<Option<ItemReport>>,
    /// Documents of which an earlier attempt may have been applied.
    uncertain: Vec<bool>,
    trace: Trace,
}

impl Run<'_> {
    /// Attempts, until every document is settled or attempts or time run out.
    async fn rounds(&mut self) {
        let attempts = self.route.connection.config.limits.attempts;
        let mut pending: Vec<usize> = (0..self.documents.len()).collect();
        for attempt in 1.. {
            if pending.is_empty() {
                return;
            }
            let again = self.round(&pending, attempt).await;
            let pause = again
                .iter()
                .filter_map(|again| again.after)
                .max()
                .map_or_else(|| backoff(attempt), |asked| asked.max(backoff(attempt)));
            let over = attempt >= attempts || Instant::now() + pause >= self.deadline;
            pending.clear();
            for again in again {
                if over {
                    self.settle(again.document, again.otherwise);
                } else {
                    self.uncertain[again.document] |= again.otherwise.status == ItemStatus::Unknown;
                    pending.push(again.document);
                }
            }
            if !pending.is_empty() {
                tokio::time::sleep(pause).await;
            }
        }
    }

    /// Keeps a document's last report. That the last attempt failed says nothing
    /// about an earlier one that may have been applied.
    fn settle(&mut self, document: usize, mut report: ItemReport) {
        if self.uncertain[document] && report.status == ItemStatus::Failed {
            report.status = ItemStatus::Unknown;
        }
        self.reports[document] = Some(report);
    }

    /// Maps and sends what is pending once; returns what may be tried again.
    async fn round(&mut self, pending: &[usize], attempt: u32) -> Vec<Again> {
        let items: Vec<Item> = pending
            .iter()
            .map(|&index| Item {
                key: self.id.key(&self.documents[index]),
                document: self.documents[index].text.clone(),
            })
            .collect();
        let context = context(self.route);
        let mapped = {
            let lease = self
                .route
                .adapter
                .lease(&self.route.tenant.config.name)
                .await;
            match lease {
                Ok(mut lease) => {
                    let mapped =
                        map(self.route, &mut lease, &context, &items, &mut self.trace).await;
                    self.trace.take_log(&mut lease);
                    mapped
                }
                Err(failure) => Err(guest(self.route, "map", &failure)),
            }
        };
        let mapped = match mapped {
            Ok(mapped) => mapped,
            Err(problem) => {
                for &index in pending {
                    self.settle(index, ItemReport::failed(0, problem.clone()));
                }
                return Vec::new();
            }
        };
        for failure in mapped.failures {
            let index = pending[failure.item as usize];
            let problem = fault_problem(failure.fault, scripted(self.route), &self.trace.redaction);
            let problem = documents::naming_script(self.route, problem);
            self.settle(index, ItemReport::failed(0, problem));
        }
        let mut again = Vec::new();
        // One after the other: two records about the same thing stay in order.
        for request in &mapped.requests {
            let settled = exchange(
                self.route,
                request,
                attempt,
                self.deadline,
                self.limits.follow_ups,
                &mut self.trace,
            )
            .await;
            for (&item, settled) in request.items.iter().zip(settled) {
                let document = pending[item as usize];
                match settled {
                    Settled::Final(report) => self.settle(document, report),
                    Settled::Again { after, otherwise } => again.push(Again {
                        document,
                        after,
                        otherwise,
                    }),
                }
            }
        }
        // The adapter may have ordered its requests otherwise.
        again.sort_by_key(|again| again.document);
        again
    }
}

struct Again {
    document: usize,
    after: Option<Duration>,
    otherwise: ItemReport,
}

fn backoff(attempt: u32) -> Duration {
    let pause = FIRST_PAUSE
        .saturating_mul(1 << (attempt - 1).min(16))
        .min(LONGEST_PAUSE);
    pause.mul_f64(rand::rng().random_range(0.5..1.0))
}

/// `map`, with every promise checked.
pub async fn map(
    route: &Route,
    lease: &mut AdapterLease,
    context: &Context,
    items: &[Item],
    trace: &mut Trace,
) -> Result<Mapped, Problem> {
    let prepared = route.prepared()?;
    let mapped = lease
        .map(context, &route.operation, items)
        .await
        .map_err(|failure| guest(route, "map", &failure))?
        .map_err(|fault| fault_problem(fault, scripted(route), &trace.redaction))?;
    check_mapped(
        &mapped,
        items.len(),
        prepared.max_items,
        prepared.repeatable == Repeatable::Never,
    )
    .map_err(|broken| {
        lease.discard();
        Problem::adapter(
            "adapter-broken-promise",
            format!("adapter {}: {broken}", route.adapter.label),
        )
    })?;
    Ok(mapped)
}

/// Document reports back to the caller's items, in the caller's order.
fn by_item(
    count: usize,
    settled: Vec<ItemReport>,
    documents: &[Document],
    reports: Vec<Option<ItemReport>>,
) -> Vec<ItemReport> {
    let mut items: Vec<Vec<ItemReport>> = vec![Vec::new(); count];
    for report in settled {
        items[report.index].push(report);
    }
    for (document, report) in documents.iter().zip(reports) {
        let report = report.unwrap_or_else(|| {
            let problem = Problem::host(
                "not-settled",
                "the delivery ended before this item was tried",
            );
            ItemReport::failed(0, problem)
        });
        items[document.item].push(report);
    }
    items
        .into_iter()
        .enumerate()
        .map(|(index, mut reports)| {
            let mut report = match reports.len() {
                1 => reports.remove(0),
                _ => together(reports),
            };
            report.index = index;
            report
        })
        .collect()
}

/// The reports of one item's several documents as one: the worst status
/// speaks, and `data` lists them all.
fn together(parts: Vec<ItemReport>) -> ItemReport {
    const WORST_FIRST: [ItemStatus; 7] = [
        ItemStatus::Unknown,
        ItemStatus::Failed,
        ItemStatus::Rejected,
        ItemStatus::Queued,
        ItemStatus::Accepted,
        ItemStatus::Duplicate,
        ItemStatus::Skipped,
    ];
    let rank = |report: &ItemReport| {
        WORST_FIRST
            .iter()
            .position(|status| *status == report.status)
    };
    let mut parts = parts;
    for (part, report) in parts.iter_mut().enumerate() {
        report.index = part;
    }
    let data = serde_json::value::to_raw_value(&parts).ok();
    let worst = parts.into_iter().min_by_key(rank);
    let mut report = worst.unwrap_or_else(|| ItemReport::new(0, ItemStatus::Skipped));
    report.data = data;
    report
}
