//! One run: page after page, each of them on disk before it is worked on.

use std::sync::Arc;
use std::time::Instant;

use crossdock_store::{
    NewPage, PageHead, PageState, RunCounts, RunId, RunRow, RunState, RunUpdate, StageTimes,
    SteppedPage, limits,
};

use super::page::{Given, Work, read, too_large, written};
use super::part::Part;
use super::source::{self, Fetched, Source};
use super::trouble::{Backoff, Trouble};
use super::{
    Found, Serves, Shared, follow, now, parked, queue, steps, targets, written as written_files,
};
use crate::clock::millis;
use crate::problem::Problem;

/// How often a source is tried before the run fails: the next one begins where this
/// one did.
const TRIES: u32 = 6;

/// How long a page waits for memory that others hold.
const ROOM_TIME: std::time::Duration = std::time::Duration::from_secs(5);

/// Bytes that a page takes while it is worked on, for each of its records' bytes.
const ROOM: usize = 4;

/// How a run was left.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// It has ended, or everything of it is queued.
    Ended,
    /// The host ends. It goes on at the next start.
    Closing,
}

/// What a part of a run came to.
enum Step {
    /// It goes on.
    On,
    /// The flow's tenant does not serve now.
    Absent,
    /// The run is not under way any more.
    Over,
    /// There is nothing more to do but this.
    End(RunState, Option<Problem>),
}

/// Where a run is when it fails.
enum At {
    /// Nothing is on disk of what failed: the source is read again.
    Source,
    /// The page is on disk, and nothing of it is queued.
    Page,
    /// A part of the page may be queued: it has to be, whatever happens.
    Queue,
}

struct Failure {
    at: At,
    trouble: Trouble,
}

fn at(at: At) -> impl FnOnce(Trouble) -> Failure {
    |trouble| Failure { at, trouble }
}

fn later(place: At) -> impl FnOnce(Problem) -> Failure {
    |problem| Failure {
        at: place,
        trouble: Trouble::Later(problem),
    }
}

/// A run that is under way.
struct Run<'a> {
    shared: &'a Arc<Shared>,
    part: &'a Part,
    id: RunId,
    /// The source, and for which files it was opened.
    source: Option<(Serves, Box<dyn Source>)>,
    /// Every parked record that may go again was looked at.
    looked_at_parked: bool,
    stages: StageTimes,
}

/// Goes on with a run until it has ended, or the host ends.
pub(super) async fn go_on(shared: &Arc<Shared>, part: &Part, id: RunId) -> Left {
    let mut run = Run {
        shared,
        part,
        id,
        source: None,
        looked_at_parked: false,
        stages: StageTimes::default(),
    };
    let mut again = Backoff::default();
    loop {
        // What is dropped half done is found on the disk as far as it came.
        let step = tokio::select! {
            () = shared.closing.cancelled() => return Left::Closing,
            step = run.step() => step,
        };
        let pause = match step {
            Ok(Step::On) => {
                again.reset();
                part.goes_on();
                continue;
            }
            Ok(Step::Over) => {
                part.goes_on();
                return Left::Ended;
            }
            Ok(Step::Absent) => std::time::Duration::from_secs(60),
            Ok(Step::End(state, problem)) => match run.end(state, problem).await {
                Ok(()) => {
                    part.goes_on();
                    return Left::Ended;
                }
                Err(problem) => again.pause(&problem),
            },
            Err(failure) => match run.failed(failure, &mut again).await {
                Some(pause) => pause,
                None => return Left::Ended,
            },
        };
        if !wait(shared, part, pause).await {
            return Left::Closing;
        }
    }
}

/// Waits, until other files serve or somebody pauses the flow. False if the host
/// ends.
async fn wait(shared: &Shared, part: &Part, pause: std::time::Duration) -> bool {
    let (served, paused) = ((shared.serving)(), part.state().paused);
    let until = Instant::now() + pause;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let same = Arc::ptr_eq(&served, &(shared.serving)()) && part.state().paused == paused;
        if left.is_zero() || !same {
            return true;
        }
        if !part.wait(shared, left).await {
            return false;
        }
    }
}

impl Run<'_> {
    /// What follows from a failure: a pause, or nothing if the run has ended.
    async fn failed(
        &mut self,
        failure: Failure,
        again: &mut Backoff,
    ) -> Option<std::time::Duration> {
        let Failure { at, trouble } = failure;
        // It may be further than what is on disk: it is opened again at the cursor.
        self.source = None;
        let tried = again.failed() + 1;
        let end = match (&at, &trouble) {
            (At::Queue, _) => None,
            (_, Trouble::Final(_)) => Some(RunState::Failed),
            (At::Source, Trouble::Later(_)) if tried >= TRIES => Some(RunState::Failed),
            (_, Trouble::Later(_)) if self.part.state().paused => Some(RunState::Stopped),
            _ => None,
        };
        let problem = trouble.problem().clone();
        if let Some(state) = end {
            tracing::warn!(
                target: "crossdock::flows",
                tenant = &*self.part.tenant,
                flow = &*self.part.name,
                run = self.id.0,
                code = &*problem.code,
                problem = %problem.without_excerpt(),
                "a run of a flow ends; what it did not queue is read again by the next one"
            );
            match self.end(state, Some(problem)).await {
                Ok(()) => {
                    self.part.goes_on();
                    return None;
                }
                Err(problem) => {
                    self.part.trouble(problem.clone());
                    return Some(again.pause(&problem));
                }
            }
        }
        self.part.trouble(problem.clone());
        Some(again.pause(&problem))
    }

    /// The next thing to do for the run, done.
    async fn step(&mut self) -> Result<Step, Failure> {
        let id = self.id;
        let read = self.shared.store(move |store| {
            let row = store.run(id)?;
            let pages = row.as_ref().map_or(0, |row| row.pages);
            let newest = match pages {
                0 => None,
                _ => store.pages(id, pages.checked_sub(2), 1)?.pop(),
            };
            Ok((row, newest))
        });
        let (row, newest) = read.await.map_err(later(At::Source))?;
        let Some(row) = row.filter(|row| row.state == RunState::Running) else {
            return Ok(Step::Over);
        };
        let found = self.shared.find(self.part);
        let state = newest.as_ref().map(|page| page.state);
        match (state, newest) {
            (Some(PageState::Stepped), Some(page)) => self.queue_again(&page, found).await,
            (Some(PageState::New), Some(page)) => match found {
                Found::Serves(serves) => self.work(&page, &serves).await,
                Found::Absent => Ok(Step::Absent),
                Found::Gone => Ok(gone()),
            },
            (_, newest) => match found {
                Found::Serves(_) if self.part.state().paused => Ok(Step::End(
                    RunState::Stopped,
                    Some(Problem::caller("flow-paused", "a person paused the flow")),
                )),
                Found::Serves(serves) => self.fetch(&row, newest.as_ref(), &serves).await,
                Found::Absent => Ok(Step::Absent),
                Found::Gone => Ok(gone()),
            },
        }
    }

    /// Puts the next page on disk, if there is one.
    async fn fetch(
        &mut self,
        row: &RunRow,
        newest: Option<&PageHead>,
        serves: &Serves,
    ) -> Result<Step, Failure> {
        if newest.is_some_and(|page| page.last) {
            return self.all_queued().await.map_err(later(At::Source));
        }
        let _turn = self.shared.turns.take(&self.part.tenant).await;
        let number = row.pages;
        if !self.looked_at_parked {
            let again = parked::page(self.shared, self.part, serves, number);
            if let Some(page) = again.await.map_err(later(At::Source))? {
                return self.put(page).await;
            }
            self.looked_at_parked = true;
        }
        let began = Instant::now();
        let fetched = self.next(serves, number).await.map_err(at(At::Source))?;
        self.stages.source += millis(began.elapsed());
        let Fetched {
            records,
            cursor,
            last,
            origin,
            taken,
            unreadable,
        } = fetched;
        if records.is_empty() && cursor.is_none() && taken.is_empty() && unreadable == 0 {
            return match last {
                true => Ok(self.all_queued().await.map_err(later(At::Source))?),
                false => Ok(Step::On),
            };
        }
        let count = records.len();
        let given = Given {
            records: records.into_iter().map(super::page::Record::new).collect(),
        };
        self.put(NewPage {
            number,
            records: written(&given),
            count: u32::try_from(count).unwrap_or(u32::MAX),
            cursor,
            last,
            origin,
            taken,
            again: Vec::new(),
            counts: RunCounts {
                incoming: count as u64,
                unreadable,
                ..RunCounts::default()
            },
        })
        .await
    }

    /// What the source gives next.
    async fn next(&mut self, serves: &Serves, number: u32) -> Result<Fetched, Trouble> {
        let (tenant, name) = (self.part.tenant.to_string(), self.part.name.to_string());
        let put = self
            .shared
            .store(move |store| store.flow_put(&tenant, &name, now()));
        let row = put.await.map_err(Trouble::Later)?;
        if let Some(why) = row.unreadable {
            return Err(Trouble::Later(Problem::host(
                "flow-cursor-unreadable",
                format!(
                    "the flow's place in its source cannot be read, and it must not begin again at the beginning: {why}"
                ),
            )));
        }
        let opened = self.source.take();
        let same = opened.filter(|(for_files, _)| {
            Arc::ptr_eq(&for_files.flow, &serves.flow)
                && Arc::ptr_eq(&for_files.snapshot, &serves.snapshot)
        });
        let source = match same {
            Some((_, source)) => source,
            None => source::open(self.shared, self.part, serves, self.id).await?,
        };
        let (_, source) = self.source.insert((serves.clone(), source));
        let most = serves.flow.config.page;
        source.next(row.cursor.as_deref(), number, most).await
    }

    async fn put(&self, page: NewPage) -> Result<Step, Failure> {
        if page.records.len() > limits::FLOW_RECORDS - 1024 {
            return Err(Failure {
                at: At::Source,
                trouble: Trouble::Final(too_large()),
            });
        }
        let id = self.id;
        let put = self
            .shared
            .store(move |store| store.page_put(id, page, now()));
        put.await.map_err(later(At::Source))?;
        Ok(Step::On)
    }

    /// A page's records through steps and targets, and into the outbox.
    async fn work(&mut self, page: &PageHead, serves: &Serves) -> Result<Step, Failure> {
        let _turn = self.shared.turns.take(&self.part.tenant).await;
        let bytes = self.bytes(page.number).await.map_err(later(At::Page))?;
        let memory = &self.shared.memory;
        let needed = bytes.len().saturating_mul(ROOM).min(memory.total());
        let share = memory.take(needed, ROOM_TIME).await.map_err(|_| {
            later(At::Page)(Problem::host(
                "host-busy",
                "other calls hold all the memory that `[limits] calls_memory_mb` has for calls",
            ))
        })?;
        let given: Given = read(&bytes).map_err(later(At::Page))?;
        drop(bytes);
        let name = format!("flow:{}:{}:{}", self.part.name, self.id.0, page.number);
        let began = Instant::now();
        let stepped = steps::through(self.shared, self.part, serves, given.records, &name);
        let stepped = stepped.await.map_err(at(At::Page))?;
        self.stages.steps += millis(began.elapsed());
        let began = Instant::now();
        if page.number == 0 && serves.flow.config.changes_only {
            let caught_up = follow::catch_up(self.shared, self.part).await;
            caught_up.map_err(later(At::Page))?;
        }
        let prepared = targets::prepare(self.shared, self.part, serves, stepped.records);
        let prepared = prepared.await.map_err(at(At::Page))?;
        let mut parked = stepped.parked;
        parked.extend(prepared.parked);
        let work = prepared.work;
        let mut counts = prepared.counts;
        counts.parked = parked.len() as u64;
        let records = written(&work);
        if records.len() > limits::FLOW_RECORDS - 1024 {
            return Err(at(At::Page)(Trouble::Final(too_large())));
        }
        let (id, number) = (self.id, page.number);
        let stepped = SteppedPage {
            records,
            parked,
            counts,
        };
        let stepped = self
            .shared
            .store(move |store| store.page_stepped(id, number, stepped, now()));
        stepped.await.map_err(|problem| {
            at(At::Page)(match &*problem.code {
                // As many are parked as may be.
                "flow-full" => Trouble::Final(problem),
                _ => Trouble::Later(problem),
            })
        })?;
        // Steps take their time, and what was taken out of the file meanwhile gets
        // nothing more.
        let serves = match self.shared.find(self.part) {
            Found::Serves(serves) => Some(serves),
            Found::Gone => None,
            Found::Absent => Some(serves.clone()),
        };
        let queued = self.queue(page, work, serves.as_ref(), began).await;
        drop(share);
        queued
    }

    /// Queues what a page became before the host ended, or the outbox was full.
    async fn queue_again(&mut self, page: &PageHead, found: Found) -> Result<Step, Failure> {
        let serves = match found {
            Found::Serves(serves) => Some(serves),
            Found::Gone => None,
            Found::Absent => return Ok(Step::Absent),
        };
        let _turn = self.shared.turns.take(&self.part.tenant).await;
        let began = Instant::now();
        let bytes = self.bytes(page.number).await.map_err(later(At::Queue))?;
        let work: Work = read(&bytes).map_err(later(At::Queue))?;
        self.queue(page, work, serves.as_ref(), began).await
    }

    async fn queue(
        &mut self,
        page: &PageHead,
        work: Work,
        serves: Option<&Serves>,
        began: Instant,
    ) -> Result<Step, Failure> {
        let queued = queue::queue(self.shared, self.part, serves, self.id, page.number, work);
        let queued = queued.await;
        self.stages.targets += millis(began.elapsed());
        let mut sent = queued.map_err(later(At::Queue))?;
        // In the commit of the page: a kill takes no more than what is not sent.
        sent.stages = self.stages;
        let (id, number) = (self.id, page.number);
        let sent = self
            .shared
            .store(move |store| store.page_sent(id, number, sent, now()));
        sent.await.map_err(later(At::Queue))?;
        self.stages = StageTimes::default();
        self.part.state().sent.push((id, number));
        self.part.follow.notify_one();
        if let Some((_, source)) = &mut self.source {
            source.sent(&page.origin).await;
        }
        Ok(Step::On)
    }

    async fn bytes(&self, number: u32) -> Result<Vec<u8>, Problem> {
        let id = self.id;
        let page = self.shared.store(move |store| store.page(id, number));
        let page = page.await?.ok_or_else(|| {
            Problem::host(
                "flow-page-unreadable",
                "a page of the flow is not in the outbox",
            )
        })?;
        Ok(page.records)
    }

    /// Everything is queued: outcomes may still come.
    async fn all_queued(&self) -> Result<Step, Problem> {
        let id = self.id;
        let row = self.shared.store(move |store| store.run(id)).await?;
        let open = row.map_or(0, |row| row.open_pages);
        Ok(match open {
            0 => Step::End(RunState::Done, None),
            _ => Step::End(RunState::Waiting, None),
        })
    }

    async fn end(&mut self, state: RunState, problem: Option<Problem>) -> Result<(), Problem> {
        written_files::finish(self.shared, self.part, self.id).await?;
        let (id, stages) = (self.id, self.stages);
        let update = RunUpdate {
            stages,
            problem: problem.map(|problem| written(&problem)),
            ..RunUpdate::to(state)
        };
        let write = self.shared.store(move |store| {
            store.run_state(id, update, now())?;
            store.run(id)
        });
        let mut row = write.await?;
        self.stages = StageTimes::default();
        // The last page may have been done just before.
        if state == RunState::Waiting && row.as_ref().is_some_and(|row| row.open_pages == 0) {
            let done = self.shared.store(move |store| {
                store.run_state(id, RunUpdate::to(RunState::Done), now())?;
                store.run(id)
            });
            row = done.await?;
        }
        if let Some(row) = row {
            self.shared.saw(self.part, &row);
        }
        Ok(())
    }
}

fn gone() -> Step {
    Step::End(
        RunState::Stopped,
        Some(Problem::caller(
            "flow-removed",
            "the flow is not in its tenant's file any more",
        )),
    )
}
