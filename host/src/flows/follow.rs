//! What became of items that were queued: looked at until all of a page is known,
//! or it was waited for long enough.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossdock_store::{
    DeliveryId, ItemId, ItemSummary, PageRow, PageState, Phase, RunCounts, RunId, RunState,
    RunUpdate, StageTimes, State, limits,
};

use super::page::{Plan, Planned, Round, Work, read, written};
use super::part::Part;
use super::{Found, Serves, Shared, confirm, now};
use crate::clock::millis;
use crate::config::FlowConfirm;
use crate::problem::Problem;

/// How soon a page is looked at again, first and at last, and how much longer than
/// looking takes, if that is more.
const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(2);
const SHARE: u32 = 20;

/// How soon at last where a platform does not work for longer than it is waited for.
const LATE: Duration = Duration::from_secs(15);

/// How long outcomes are waited for that nobody is told of, nor remembers.
const UNTOLD: Duration = Duration::from_secs(60 * 60);

/// Pages that a run which begins looks at, at most.
const CAUGHT_UP: usize = 100;

/// Without anything to look at, and after the host itself failed.
const IDLE: Duration = Duration::from_secs(60);
const HOST_PAUSE: Duration = Duration::from_secs(1);

/// A page that is followed.
struct Watched {
    next: Instant,
    pause: Duration,
    longest: Duration,
    /// Items that were known to be taken at the last look.
    taken: usize,
    /// What the source was told, once this host has looked.
    rounds: Option<Vec<Round>>,
}

impl Watched {
    fn new() -> Self {
        Self {
            next: Instant::now(),
            pause: FIRST,
            longest: LONGEST,
            taken: 0,
            rounds: None,
        }
    }
}

/// What became of the items of one target, in their order.
pub(super) struct Target {
    pub planned: Planned,
    /// None of an item that is not kept any more.
    pub items: Vec<Option<ItemSummary>>,
}

/// Follows the pages of a flow until it is not in its tenant's file any more, or
/// the host ends.
pub(super) async fn run(shared: Arc<Shared>, part: Arc<Part>, mut runs: Vec<RunId>) {
    let mut pages: BTreeMap<(RunId, u32), Watched> = BTreeMap::new();
    let mut failing = false;
    loop {
        let mut failed = None;
        match found(&shared, &runs).await {
            Ok(found) => {
                runs.clear();
                pages.extend(found.into_iter().map(|page| (page, Watched::new())));
            }
            Err(problem) => failed = Some(problem),
        }
        let sent = std::mem::take(&mut part.state().sent);
        pages.extend(sent.into_iter().map(|page| (page, Watched::new())));
        let due = Instant::now();
        let due = pages.iter().filter(|(_, page)| page.next <= due);
        let due: Vec<(RunId, u32)> = due.map(|(page, _)| *page).collect();
        for page in due {
            let Some(watched) = pages.get_mut(&page) else {
                continue;
            };
            let began = Instant::now();
            let looked = tokio::select! {
                () = shared.closing.cancelled() => return,
                looked = look(&shared, &part, page, watched) => looked,
            };
            match looked {
                Ok(true) => {
                    pages.remove(&page);
                }
                Ok(false) => {
                    let took = began.elapsed();
                    watched.next = Instant::now() + watched.pause.max(took * SHARE);
                    watched.pause = (watched.pause * 2).min(watched.longest);
                }
                Err(problem) => {
                    watched.next = Instant::now() + HOST_PAUSE;
                    failed = Some(problem);
                }
            }
        }
        // Those that are not due may fail still.
        failing |= failed.is_some();
        match failed {
            Some(problem) => part.trouble(problem),
            None if failing && pages.is_empty() => {
                failing = false;
                part.goes_on();
            }
            None => {}
        }
        let next = pages.values().map(|page| page.next).min();
        let mut wait = next.map_or(IDLE, |next| next.saturating_duration_since(Instant::now()));
        if !runs.is_empty() {
            wait = wait.min(HOST_PAUSE);
        }
        tokio::select! {
            () = shared.closing.cancelled() => return,
            () = part.follow.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
        if matches!(shared.find(&part), Found::Gone) && !is_known(&shared, &part) {
            return;
        }
    }
}

fn is_known(shared: &Shared, part: &Arc<Part>) -> bool {
    let key = (part.tenant.clone(), part.name.clone());
    let parts = shared.parts();
    parts
        .get(&key)
        .is_some_and(|known| Arc::ptr_eq(known, part))
}

/// Pages of runs that a host before had queued.
async fn found(shared: &Arc<Shared>, runs: &[RunId]) -> Result<Vec<(RunId, u32)>, Problem> {
    if runs.is_empty() {
        return Ok(Vec::new());
    }
    let runs = runs.to_vec();
    let found = shared.store(move |store| {
        let mut found = Vec::new();
        for run in runs {
            let pages = store.open_pages(run)?.into_iter();
            let sent = pages.filter(|page| page.state == PageState::Sent);
            found.extend(sent.map(|page| (run, page.number)));
        }
        Ok(found)
    });
    found.await
}

/// Writes down what targets took of the runs before, so that a run that begins now
/// does not send it again. What it does not look at is sent once more at worst.
pub(super) async fn catch_up(shared: &Arc<Shared>, part: &Part) -> Result<(), Problem> {
    let id = part.id;
    let open = shared.store(move |store| {
        let mut open = Vec::new();
        for run in store.open_runs()?.into_iter().filter(|run| run.flow == id) {
            let pages = store.open_pages(run.id)?.into_iter();
            let sent = pages.filter(|page| page.state == PageState::Sent);
            open.extend(sent.map(|page| (page.run, page.number)));
        }
        Ok(open)
    });
    let open = open.await?;
    for (run, number) in open.into_iter().rev().take(CAUGHT_UP) {
        let page = shared.store(move |store| store.page(run, number)).await?;
        if let Some(page) = page.filter(|page| page.head.state == PageState::Sent) {
            let plan: Plan = read(&page.plan)?;
            let targets = targets(shared, plan.targets).await?;
            remember(shared, &targets, &mut Watched::new()).await?;
        }
    }
    Ok(())
}

/// Looks at a page. True if nothing is left to do for it.
async fn look(
    shared: &Arc<Shared>,
    part: &Part,
    (run, number): (RunId, u32),
    watched: &mut Watched,
) -> Result<bool, Problem> {
    let page = shared.store(move |store| store.page(run, number)).await?;
    let Some(page) = page.filter(|page| page.head.state == PageState::Sent) else {
        return Ok(true);
    };
    let plan: Plan = read(&page.plan)?;
    let Plan { targets, rounds } = plan;
    let targets = self::targets(shared, targets).await?;
    remember(shared, &targets, watched).await?;
    let serves = match shared.find(part) {
        Found::Serves(serves) => serves,
        // Whoever would be told is not known now.
        Found::Absent | Found::Gone => return Ok(false),
    };
    let confirms = serves.flow.config.confirm.as_ref();
    let wait = confirms.map_or(UNTOLD, |confirm| confirm.wait);
    let until = page
        .head
        .sent
        .unwrap_or(page.head.put)
        .saturating_add(millis(wait));
    let open = targets.iter().flat_map(|target| &target.items);
    let open = open
        .flatten()
        .filter(|item| !is_settled(item.state))
        .count();
    let late = now() >= until;
    if open > 0 && !late {
        return Ok(false);
    }
    if late {
        watched.longest = LATE;
    }
    let began = Instant::now();
    let mut counts = counted(&targets);
    if let Some(confirm) = confirms
        && !page.records.is_empty()
    {
        let telling = Telling {
            shared,
            part,
            serves: &serves,
            confirm,
            page: &page,
            targets: &targets,
            // What was written down is of a page that some of was told before.
            early: open > 0 || !rounds.is_empty(),
        };
        let rounds = match &mut watched.rounds {
            Some(rounds) => rounds,
            none => none.insert(rounds),
        };
        let told = telling.tell(rounds).await?;
        if told {
            watched.pause = FIRST;
        }
        let Some((confirmed, unconfirmed)) = heard(shared, rounds).await? else {
            return Ok(false);
        };
        (counts.confirmed, counts.unconfirmed) = (confirmed, unconfirmed);
    }
    // Whoever is told, or remembers what is taken, hears of the late ones, too: the
    // outbox ends each of them some time.
    let matters = confirms.is_some() || targets.iter().any(|target| target.planned.changes_only);
    if open > 0 && matters {
        return Ok(false);
    }
    done(shared, part, &page, counts, began.elapsed()).await?;
    Ok(true)
}

/// A page of which the source is told.
struct Telling<'a> {
    shared: &'a Arc<Shared>,
    part: &'a Part,
    serves: &'a Serves,
    confirm: &'a FlowConfirm,
    page: &'a PageRow,
    targets: &'a [Target],
    /// Not everything is known yet, or was not when the source was told first.
    early: bool,
}

impl Telling<'_> {
    /// Tells the source of the records of which all is known and that it was not told
    /// of. Whether there were any.
    ///
    /// Which records those are is written down before they are queued, where others
    /// follow: a host that is killed in between tells of the same ones under the same
    /// name.
    async fn tell(&self, rounds: &mut Vec<Round>) -> Result<bool, Problem> {
        let before: HashSet<u32> = rounds.iter().flat_map(|round| &round.of).copied().collect();
        let fresh = settled(self.page.head.count, self.targets).into_iter();
        let fresh: Vec<u32> = fresh.filter(|record| !before.contains(record)).collect();
        if !fresh.is_empty() {
            rounds.push(Round {
                of: fresh,
                told: None,
            });
            self.write(rounds).await?;
        }
        // Most looks find nothing to tell, and the records are many bytes.
        if rounds.iter().all(|round| round.told.is_some()) {
            return Ok(false);
        }
        let work: Work = read(&self.page.records)?;
        for round in 0..rounds.len() {
            if rounds[round].told.is_some() {
                continue;
            }
            let page = confirm::Page {
                run: self.page.head.run,
                number: self.page.head.number,
                round,
                of: &rounds[round].of,
                records: &work.records,
                targets: self.targets,
            };
            let (shared, part) = (self.shared, self.part);
            let queued = confirm::confirm(shared, part, self.serves, self.confirm, page);
            rounds[round].told = Some(queued.await?);
            self.write(rounds).await?;
        }
        Ok(true)
    }

    /// Keeps what the source is told in the page's plan.
    async fn write(&self, rounds: &[Round]) -> Result<(), Problem> {
        if !self.early {
            return Ok(());
        }
        let mut plan: Plan = read(&self.page.plan)?;
        plan.rounds = rounds.to_vec();
        let (run, number) = (self.page.head.run, self.page.head.number);
        let plan = written(&plan);
        let write = self
            .shared
            .store(move |store| store.page_planned(run, number, plan, now()));
        write.await
    }
}

/// How many records the source has heard of, and how many it has not or nobody
/// knows; nothing before all of that is over.
async fn heard(shared: &Arc<Shared>, rounds: &[Round]) -> Result<Option<(u64, u64)>, Problem> {
    let (mut heard, mut not) = (BTreeSet::new(), BTreeSet::new());
    let mut failed = 0;
    for told in rounds.iter().filter_map(|round| round.told.as_ref()) {
        failed += u64::from(told.failed);
        let items = items(shared, told.deliveries(), told.of.len()).await?;
        for (record, item) in told.of.iter().zip(items) {
            match item.map(|item| item.state) {
                Some(state) if !is_settled(state) => return Ok(None),
                Some(State::Accepted | State::Duplicate | State::Superseded | State::Skipped) => {
                    heard.insert(*record)
                }
                _ => not.insert(*record),
            };
        }
    }
    let both = heard.intersection(&not).count();
    Ok(Some((
        (heard.len() - both) as u64,
        not.len() as u64 + failed,
    )))
}

/// So many items of deliveries, in their order; none of one that is not kept any more.
async fn items(
    shared: &Arc<Shared>,
    deliveries: impl Iterator<Item = DeliveryId>,
    count: usize,
) -> Result<Vec<Option<ItemSummary>>, Problem> {
    let mut items: Vec<Option<ItemSummary>> = Vec::with_capacity(count);
    for delivery in deliveries {
        if let Some(view) = shared.outbox.view(delivery).await? {
            items.extend(view.items.into_iter().map(Some));
        }
    }
    items.resize(count, None);
    Ok(items)
}

/// Every item of a page.
async fn targets(shared: &Arc<Shared>, planned: Vec<Planned>) -> Result<Vec<Target>, Problem> {
    let mut targets = Vec::with_capacity(planned.len());
    for planned in planned {
        let items = items(shared, planned.deliveries(), planned.of.len()).await?;
        targets.push(Target { planned, items });
    }
    Ok(targets)
}

/// Whether nothing more comes of an item by itself.
pub(super) fn is_settled(state: State) -> bool {
    state == State::Held || state.phase() != Phase::Open
}

fn is_taken(state: State) -> bool {
    matches!(state, State::Accepted | State::Duplicate)
}

/// Writes down what targets took, so that it is not sent again.
async fn remember(
    shared: &Arc<Shared>,
    targets: &[Target],
    watched: &mut Watched,
) -> Result<(), Problem> {
    let watching = targets.iter().filter(|target| target.planned.changes_only);
    let items = watching.flat_map(|target| target.items.iter().flatten());
    let taken = items.filter(|item| is_taken(item.state));
    let taken: Vec<ItemId> = taken.map(|item| item.item).collect();
    if taken.len() == watched.taken {
        return Ok(());
    }
    watched.taken = taken.len();
    for part in taken.chunks(limits::FLOW_BATCH) {
        let part = part.to_vec();
        shared.store(move |store| store.seen_accepted(part)).await?;
    }
    Ok(())
}

fn counted(targets: &[Target]) -> RunCounts {
    let mut counts = RunCounts::default();
    for item in targets.iter().flat_map(|target| &target.items) {
        let Some(item) = item else {
            // It was removed with its delivery, which is long over.
            counts.waiting += 1;
            continue;
        };
        match item.state {
            // What went in its place counts as itself.
            State::Accepted | State::Duplicate | State::Superseded => counts.accepted += 1,
            State::Skipped => counts.skipped += 1,
            State::Held | State::Rejected | State::Failed | State::Unknown | State::Discarded => {
                counts.refused += 1
            }
            State::Queued | State::Behind | State::Sending => counts.waiting += 1,
        }
    }
    counts
}

/// Nothing is left to do for a page, and perhaps for its run.
async fn done(
    shared: &Arc<Shared>,
    part: &Part,
    page: &PageRow,
    counts: RunCounts,
    took: Duration,
) -> Result<(), Problem> {
    let (run, number) = (page.head.run, page.head.number);
    let stages = StageTimes {
        confirm: millis(took),
        ..StageTimes::default()
    };
    let write = shared.store(move |store| {
        store.page_done(run, number, counts, stages, now())?;
        let Some(row) = store.run(run)? else {
            return Ok(None);
        };
        if row.state == RunState::Waiting && row.open_pages == 0 {
            store.run_state(run, RunUpdate::to(RunState::Done), now())?;
        }
        store.run(run)
    });
    if let Some(row) = write.await? {
        shared.saw(part, &row);
    }
    Ok(())
}

/// The records of a page of which nothing more is to be waited for.
fn settled(records: u32, targets: &[Target]) -> Vec<u32> {
    let mut open = HashSet::new();
    for target in targets {
        let items = target.planned.of.iter().zip(&target.items);
        for (record, item) in items {
            let settled = item.as_ref().is_some_and(|item| is_settled(item.state));
            if !settled {
                open.insert(*record);
            }
        }
    }
    (0..records)
        .filter(|record| !open.contains(record))
        .collect()
}
