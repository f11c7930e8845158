//! What a person sees and does.

use std::sync::Arc;
use std::time::Duration;

use crossdock_store::{FlowRow, RunId, RunRow};

use super::page::raw;
use super::part::Part;
use super::shown::{
    FlowDryRun, FlowShown, FlowWhole, FlowsShown, ParkedShown, Resynced, RunShown, RunsShown,
};
use super::{Flows, Found, Serves, dry_run, now, runner, shown};
use crate::config::did_you_mean;
use crate::problem::Problem;

/// Runs of one answer, and at most.
pub const RUNS: usize = 20;
/// The most that may be asked for.
pub const MOST_RUNS: usize = 1_000;

/// Longest wait for a flow that serves to have its tasks, which takes a read and a
/// write of the store.
const BEGINNING: Duration = Duration::from_secs(3);

/// Parked records that are shown.
const PARKED: usize = 20;

impl Flows {
    /// The flows of a tenant.
    ///
    /// # Errors
    /// If the tenant does not serve, or the outbox cannot be read.
    pub async fn list(&self, tenant: &str) -> Result<FlowsShown, Problem> {
        let serving = (self.shared.serving)();
        let Some(generation) = serving.tenants.get(tenant) else {
            return Err(unknown_tenant(tenant));
        };
        let mut names: Vec<&String> = generation.flows.keys().collect();
        names.sort_unstable();
        let mut flows = Vec::with_capacity(names.len());
        for name in names {
            let part = self.part(tenant, name).await?;
            flows.push(self.shown(&part).await?.0);
        }
        Ok(FlowsShown { flows })
    }

    /// One flow, with its newest runs and what is parked.
    ///
    /// # Errors
    /// If there is no such flow, or the outbox cannot be read.
    pub async fn show(&self, tenant: &str, flow: &str) -> Result<FlowWhole, Problem> {
        let part = self.part(tenant, flow).await?;
        let (shown, row) = self.shown(&part).await?;
        let id = part.id;
        let read = self
            .shared
            .store(move |store| Ok((store.runs(id, None, RUNS)?, store.parked(id, None, PARKED)?)));
        let (runs, parked) = read.await?;
        let cursor = row.cursor.and_then(|cursor| String::from_utf8(cursor).ok());
        Ok(FlowWhole {
            flow: shown,
            cursor: cursor.and_then(raw),
            newest: runs.into_iter().map(RunShown::from).collect(),
            parked_records: parked.into_iter().map(ParkedShown::from).collect(),
        })
    }

    /// Begins a run now. `by` says who asked, for people.
    ///
    /// # Errors
    /// If there is no such flow, it is paused, or a run of it is under way.
    pub async fn run(&self, tenant: &str, flow: &str, by: &str) -> Result<RunShown, Problem> {
        let part = self.part(tenant, flow).await?;
        if part.state().paused {
            return Err(Problem::caller(
                "flow-paused",
                format!("flow `{flow}` is paused; resume it first"),
            ));
        }
        let run = runner::ask(&self.shared, &part, by).await?;
        self.run_report(tenant, flow, run.0).await
    }

    /// What a run would send, of at most so many records. Source and steps are
    /// asked as in a run, up to the first step that may change something.
    ///
    /// # Errors
    /// If there is no such flow, or its source gives nothing.
    pub async fn run_dry(
        &self,
        tenant: &str,
        flow: &str,
        limit: usize,
    ) -> Result<FlowDryRun, Problem> {
        let part = self.part(tenant, flow).await?;
        let serves = self.serves(&part)?;
        dry_run::dry_run(&self.shared, &part, &serves, limit).await
    }

    /// Has a flow begin no run any more, and end the one under way behind its page.
    ///
    /// # Errors
    /// If there is no such flow, or nothing can be written.
    pub async fn pause(&self, tenant: &str, flow: &str) -> Result<FlowShown, Problem> {
        self.set_paused(tenant, flow, true).await
    }

    /// Lets a flow begin runs again.
    ///
    /// # Errors
    /// If there is no such flow, or nothing can be written.
    pub async fn resume(&self, tenant: &str, flow: &str) -> Result<FlowShown, Problem> {
        self.set_paused(tenant, flow, false).await
    }

    async fn set_paused(
        &self,
        tenant: &str,
        flow: &str,
        paused: bool,
    ) -> Result<FlowShown, Problem> {
        let part = self.part(tenant, flow).await?;
        let id = part.id;
        let pause = self
            .shared
            .store(move |store| store.flow_pause(id, paused, now()));
        pause.await?;
        part.state().paused = paused;
        part.wake.notify_one();
        Ok(self.shown(&part).await?.0)
    }

    /// Forgets what targets have, so that everything is sent once more.
    ///
    /// # Errors
    /// If there is no such flow or target, or nothing can be written.
    pub async fn resync(
        &self,
        tenant: &str,
        flow: &str,
        target: Option<&str>,
    ) -> Result<Resynced, Problem> {
        let part = self.part(tenant, flow).await?;
        if let Some(target) = target {
            let serves = self.serves(&part)?;
            let names = serves.flow.config.targets.iter().map(|known| known.name());
            let names: Vec<&str> = names.collect();
            if !names.contains(&target) {
                let meant = did_you_mean(target, names, "it has");
                return Err(Problem::caller(
                    "unknown-target",
                    format!("flow `{flow}` has no target `{}`; {meant}", short(target)),
                ));
            }
        }
        let (id, target) = (part.id, target.map(str::to_owned));
        let forget = self
            .shared
            .store(move |store| store.seen_forget(id, target.as_deref()));
        Ok(Resynced {
            forgotten: forget.await?,
        })
    }

    /// Runs of a flow, newest first.
    ///
    /// # Errors
    /// If there is no such flow, or the outbox cannot be read.
    pub async fn runs(
        &self,
        tenant: &str,
        flow: &str,
        before: Option<u64>,
        limit: usize,
    ) -> Result<RunsShown, Problem> {
        let part = self.part(tenant, flow).await?;
        let (id, limit) = (part.id, limit.clamp(1, MOST_RUNS));
        let runs = self
            .shared
            .store(move |store| store.runs(id, before.map(RunId), limit));
        let runs = runs.await?;
        let full = runs.len() == limit;
        Ok(RunsShown {
            before: runs.last().filter(|_| full).map(|run| run.id.0),
            runs: runs.into_iter().map(RunShown::from).collect(),
        })
    }

    /// One run.
    ///
    /// # Errors
    /// If the flow has no such run, or the outbox cannot be read.
    pub async fn run_report(
        &self,
        tenant: &str,
        flow: &str,
        run: u64,
    ) -> Result<RunShown, Problem> {
        let part = self.part(tenant, flow).await?;
        let row = self
            .shared
            .store(move |store| store.run(RunId(run)))
            .await?;
        let row: Option<RunRow> = row.filter(|row| row.flow == part.id);
        row.map(RunShown::from).ok_or_else(|| {
            Problem::caller(
                "unknown-run",
                format!("flow `{flow}` has no run {run}, or none any more"),
            )
        })
    }

    /// Says that records came in for a flow and are on disk.
    pub fn arrived(&self, tenant: &str, flow: &str) {
        // One that has no tasks yet looks for what came as the first thing they do.
        if let Some(part) = self.known(tenant, flow) {
            part.wake.notify_one();
        }
    }

    /// A flow of a tenant. One that serves since this moment is waited for until it
    /// has its tasks.
    pub(super) async fn part(&self, tenant: &str, flow: &str) -> Result<Arc<Part>, Problem> {
        match tokio::time::timeout(BEGINNING, self.begun(tenant, flow)).await {
            Ok(Some(part)) => Ok(part),
            Ok(None) => Err(self.unknown(tenant, flow)),
            Err(_) => Err(Problem::host(
                "tenant-loading",
                format!(
                    "flow `{}` of tenant `{}` has been loaded and is not ready yet; ask again in a moment",
                    short(flow),
                    short(tenant)
                ),
            )),
        }
    }

    /// A flow with its tasks, as soon as it has them; nothing if it does not serve.
    async fn begun(&self, tenant: &str, flow: &str) -> Option<Arc<Part>> {
        loop {
            let begun = self.shared.begun.notified();
            tokio::pin!(begun);
            // From here on nothing is missed.
            begun.as_mut().enable();
            if let Some(part) = self.known(tenant, flow) {
                return Some(part);
            }
            let serving = (self.shared.serving)();
            serving.tenants.get(tenant)?.flows.get(flow)?;
            self.shared.news.notify_one();
            begun.await;
        }
    }

    /// A flow that has its tasks.
    fn known(&self, tenant: &str, flow: &str) -> Option<Arc<Part>> {
        let parts = self.shared.parts();
        parts.get(&(tenant.into(), flow.into())).cloned()
    }

    fn unknown(&self, tenant: &str, flow: &str) -> Problem {
        let parts = self.shared.parts();
        let known = parts.keys().filter(|(known, _)| &**known == tenant);
        let known: Vec<&str> = known.map(|(_, flow)| &**flow).collect();
        if known.is_empty() && !(self.shared.serving)().tenants.contains_key(tenant) {
            return unknown_tenant(tenant);
        }
        let meant = match known.is_empty() {
            true => "it has none".to_owned(),
            false => did_you_mean(flow, known, "it has"),
        };
        Problem::caller(
            "unknown-flow",
            format!(
                "tenant `{}` has no flow `{}`; {meant}",
                short(tenant),
                short(flow)
            ),
        )
    }

    fn serves(&self, part: &Part) -> Result<Serves, Problem> {
        match self.shared.find(part) {
            Found::Serves(serves) => Ok(serves),
            Found::Gone | Found::Absent => Err(Problem::host(
                "flow-not-serving",
                "the flow's tenant does not serve now; `crossdock check` says why",
            )),
        }
    }

    async fn shown(&self, part: &Part) -> Result<(FlowShown, FlowRow), Problem> {
        let (tenant, name, id) = (part.tenant.to_string(), part.name.to_string(), part.id);
        let read = self.shared.store(move |store| {
            let row = store.flow_put(&tenant, &name, now())?;
            Ok((row, store.runs(id, None, 1)?.pop()))
        });
        let (row, last) = read.await?;
        let (source, from, runs) = match self.shared.find(part) {
            Found::Serves(serves) => {
                let config = &serves.flow.config;
                (
                    config.source.kind(),
                    shown::from(config),
                    shown::runs(config),
                )
            }
            Found::Gone | Found::Absent => ("unknown", "unknown".to_owned(), "not now".to_owned()),
        };
        let state = part.state();
        let shown = FlowShown {
            flow: part.name.to_string(),
            source,
            from,
            runs,
            state: match (&state.run, &state.trouble) {
                (Some(_), Some(_)) => "retrying",
                (Some(_), None) => "running",
                (None, _) if state.paused => "paused",
                (None, _) => "idle",
            },
            paused: state.paused,
            run: state.run.map(|run| run.0),
            problem: state.trouble.clone(),
            next_ms: state.next.filter(|_| state.run.is_none() && !state.paused),
            ticks_skipped: row.ticks_skipped,
            parked: row.parked,
            received: row.received,
            last: last.map(RunShown::from),
        };
        drop(state);
        Ok((shown, row))
    }
}

fn unknown_tenant(tenant: &str) -> Problem {
    Problem::caller(
        "unknown-tenant",
        format!("there is no tenant `{}`", short(tenant)),
    )
}

/// The beginning of what somebody typed.
fn short(text: &str) -> &str {
    &text[..text.floor_char_boundary(80)]
}
