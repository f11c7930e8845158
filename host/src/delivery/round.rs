//! What may leave is mapped and sent: several requests of one delivery at a
//! time, as far as their order and the connection allow.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Instant;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};

use super::attempts::Policy;
use super::documents;
use super::exchange::{Setting, context, ending, exchange, guest, scripted, too_late};
use super::journal::Carried;
use super::outcome::{Attempted, fault_problem};
use super::trace::Trace;
use crate::deadline::{passed, within};
use crate::plugin::contract::{Context, Fault, Item, Mapped, Request};
use crate::plugin::generation::AdapterLease;
use crate::plugin::promise::check_mapped;
use crate::problem::Problem;
use crate::report::ItemReport;
use crate::script::apply::Document;
use crate::serving::route::Route;
use crate::telemetry::meters::Phase;

/// A mapped request that has not left yet.
struct Planned {
    request: Request,
    /// The documents it carries.
    documents: Vec<usize>,
    /// Its number in the delivery.
    place: usize,
}

/// Something that was under way and has ended.
enum Step {
    /// `map`; nothing when the time was over.
    Mapped(Vec<usize>, Option<Result<Mapped, Problem>>),
    /// A request.
    Sent(Vec<usize>, Vec<Attempted>),
}

/// What a wait came to.
enum Waited {
    /// Something under way has ended.
    Ended(Step),
    /// The pause of something is over.
    Due,
    /// Nothing is under way and nothing waits.
    Done,
}

/// The delivery of some documents.
pub struct Rounds<'a> {
    setting: Setting<'a>,
    documents: &'a [Document],
    /// The documents' keys.
    keys: &'a [String],
    policy: Policy,
    /// How many documents each item has, where somebody writes down what leaves.
    parts: HashMap<usize, usize>,
    /// Items of which a part has left, where the others may stay for another start:
    /// what of an item has arrived would arrive twice if the rest came later.
    begun: HashSet<usize>,
    /// Requests that may be on their way at once.
    most: usize,
    planned: VecDeque<Planned>,
    flying: FuturesUnordered<BoxFuture<'a, Step>>,
    /// Whether `map` runs: once at a time.
    mapping: bool,
    places: usize,
}

impl<'a> Rounds<'a> {
    /// Nothing has left yet.
    pub fn new(
        setting: Setting<'a>,
        documents: &'a [Document],
        keys: &'a [String],
        policy: Policy,
    ) -> Self {
        let concurrency = setting.route.connection.config.limits.concurrency;
        let mut parts = HashMap::new();
        if setting.journal.is_some() {
            for document in documents {
                *parts.entry(document.item).or_default() += 1;
            }
        }
        Self {
            parts,
            begun: HashSet::new(),
            most: if policy.is_full() { 1 } else { concurrency },
            setting,
            documents,
            keys,
            policy,
            planned: VecDeque::new(),
            flying: FuturesUnordered::new(),
            mapping: false,
            places: 0,
        }
    }

    /// Until every document has its report, or attempts or time run out.
    pub async fn run(mut self) -> Policy {
        loop {
            self.send_what_is_planned();
            self.map_what_may_leave();
            match self.wait().await {
                Waited::Ended(Step::Mapped(documents, mapped)) => self.mapped(documents, mapped),
                Waited::Ended(Step::Sent(documents, attempted)) => self.sent(&documents, attempted),
                Waited::Due => {}
                Waited::Done => return self.policy,
            }
        }
    }

    /// Puts planned requests on their way, as many as may be at once.
    fn send_what_is_planned(&mut self) {
        while self.has_room()
            && let Some(planned) = self.planned.pop_front()
        {
            if passed(self.setting.deadline) {
                self.all_too_late(&planned.documents);
            } else if self.stays(&planned.documents) {
                self.all_stay(&planned.documents);
            } else {
                self.send(planned);
            }
        }
    }

    /// Whether one more request may be on its way. `map`, while it runs, is none.
    fn has_room(&self) -> bool {
        self.flying.len() < self.most + usize::from(self.mapping)
    }

    fn send(&mut self, planned: Planned) {
        let Planned {
            request,
            documents,
            place,
        } = planned;
        let attempt = self.policy.begin(&documents);
        let mut setting = self.setting;
        if setting.ending.is_some() {
            if self.has_begun(&documents) {
                setting.ending = None;
            }
            let items = documents.iter().map(|&index| self.documents[index].item);
            self.begun
                .extend(items.filter(|item| self.parts.get(item) != Some(&1)));
        }
        // Nobody asks where nobody writes it down.
        let carried = match setting.journal {
            Some(_) => self.carried(&documents),
            None => Carried::default(),
        };
        self.flying.push(Box::pin(async move {
            let attempted = exchange(setting, &request, carried, place, attempt).await;
            Step::Sent(documents, attempted)
        }));
    }

    fn carried(&self, documents: &[usize]) -> Carried {
        let items = documents.iter().map(|&index| self.documents[index].item);
        let items: Vec<usize> = items.collect();
        let alone = |item: &usize| self.parts.get(item) == Some(&1);
        Carried {
            whole: items.iter().all(alone),
            items,
        }
    }

    /// Maps what may leave now. When the time is over, it is reported instead.
    fn map_what_may_leave(&mut self) {
        while self.may_map() {
            let leaving = self.policy.leave(Instant::now());
            if leaving.is_empty() {
                return;
            }
            if passed(self.setting.deadline) {
                // What waits behind these comes up next.
                self.all_too_late(&leaving);
            } else if self.stays(&leaving) {
                self.all_stay(&leaving);
            } else {
                self.map(leaving);
            }
        }
    }

    /// Whether `map` may run: once at a time, and where requests go one after the other,
    /// only between them.
    fn may_map(&self) -> bool {
        let idle = self.planned.is_empty() && self.flying.is_empty();
        !self.mapping && (idle || !self.policy.is_full())
    }

    fn map(&mut self, leaving: Vec<usize>) {
        let items: Vec<Item> = leaving.iter().map(|&index| self.item(index)).collect();
        let (setting, place) = (self.setting, self.places);
        self.mapping = true;
        self.flying.push(Box::pin(async move {
            let mapped = within(setting.deadline, map_leased(setting, &items, place));
            Step::Mapped(leaving, mapped.await)
        }));
    }

    fn item(&self, document: usize) -> Item {
        Item {
            key: self.keys[document].clone(),
            document: self.documents[document].text.clone(),
        }
    }

    /// Waits until something under way ends or something else may leave.
    async fn wait(&mut self) -> Waited {
        // While `map` runs, nothing more can be mapped.
        let due = self.policy.next_due().filter(|_| !self.mapping);
        let ended = match due {
            None => match self.flying.next().await {
                Some(step) => return Waited::Ended(step),
                None => return Waited::Done,
            },
            Some(due) if self.flying.is_empty() => {
                tokio::time::sleep_until(due.into()).await;
                None
            }
            Some(due) => {
                let next = tokio::time::timeout_at(due.into(), self.flying.next());
                next.await.ok().flatten()
            }
        };
        ended.map_or(Waited::Due, Waited::Ended)
    }

    /// `map` has ended: its failures are reported, its requests planned.
    fn mapped(&mut self, documents: Vec<usize>, mapped: Option<Result<Mapped, Problem>>) {
        self.mapping = false;
        match mapped {
            None => self.all_too_late(&documents),
            Some(Err(problem)) => {
                for document in documents {
                    self.failed(document, problem.clone());
                }
            }
            Some(Ok(mapped)) => {
                for failure in mapped.failures {
                    self.refused(documents[failure.item as usize], failure.fault);
                }
                for request in mapped.requests {
                    self.plan(&documents, request);
                }
            }
        }
    }

    /// `map` refused a document.
    fn refused(&mut self, document: usize, fault: Fault) {
        let Setting { route, trace, .. } = self.setting;
        let problem = fault_problem(fault, scripted(route), &trace.redaction);
        self.failed(document, documents::naming_script(route, problem));
    }

    /// A request of what was mapped from these documents.
    fn plan(&mut self, documents: &[usize], request: Request) {
        let carried = request.items.iter();
        self.planned.push_back(Planned {
            documents: carried.map(|&item| documents[item as usize]).collect(),
            place: self.places,
            request,
        });
        self.places += 1;
    }

    /// A request has ended. Where the order of everything counts, one that goes
    /// again holds back what is planned behind it.
    fn sent(&mut self, documents: &[usize], attempted: Vec<Attempted>) {
        let again = self.policy.attempted(documents, attempted, Instant::now());
        if again && self.policy.is_full() {
            let rest = self.planned.drain(..);
            self.policy
                .hold_back(rest.flat_map(|planned| planned.documents));
        }
    }

    fn failed(&mut self, document: usize, problem: Problem) {
        let mut report = ItemReport::failed(0, problem);
        self.setting.route.bounds.keep(&mut report);
        self.policy.finish(document, report);
    }

    /// Whether these documents wait for the next start of the host.
    fn stays(&self, documents: &[usize]) -> bool {
        self.setting.is_ending() && !self.has_begun(documents)
    }

    /// Whether another part of an item of these has left.
    fn has_begun(&self, documents: &[usize]) -> bool {
        let mut items = documents.iter().map(|&index| self.documents[index].item);
        items.any(|item| self.begun.contains(&item))
    }

    fn all_stay(&mut self, documents: &[usize]) {
        for &document in documents {
            self.policy.finish(document, ending());
        }
    }

    fn all_too_late(&mut self, documents: &[usize]) {
        for &document in documents {
            self.policy.finish(document, too_late());
        }
    }
}

/// `map` in an instance of its own, which is then free for others.
async fn map_leased(setting: Setting<'_>, items: &[Item], place: usize) -> Result<Mapped, Problem> {
    let Setting { route, trace, .. } = setting;
    let lease = route.adapter.lease(&route.tenant.config.name).await;
    let mut lease = lease.map_err(|failure| guest(route, "map", &failure, trace))?;
    let mapped = map(route, &mut lease, &context(route), items, trace).await;
    trace.take_log(place, &mut lease);
    mapped
}

/// `map`, with every promise checked.
pub async fn map(
    route: &Route,
    lease: &mut AdapterLease,
    context: &Context,
    items: &[Item],
    trace: &Trace,
) -> Result<Mapped, Problem> {
    let operation = route.compiled()?;
    let step = route.observed.step(Phase::Map);
    let mapped = lease.map(context, &route.operation, items).await;
    drop(step);
    let mapped = mapped
        .map_err(|failure| guest(route, "map", &failure, trace))?
        .map_err(|fault| fault_problem(fault, scripted(route), &trace.redaction))?;
    check_mapped(
        &mapped,
        items.len(),
        operation.max_items,
        operation.repeatable,
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
