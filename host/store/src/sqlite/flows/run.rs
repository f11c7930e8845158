//! Flows and runs within a commit.

use super::{rows, sql};
use crate::error::StoreError;
use crate::model::{Begun, FlowId, FlowRow, RunCounts, RunId, RunState, RunUpdate, StageTimes};
use crate::sqlite::unit::{Unit, Work, row_id};

/// What has to be known of a run to change it.
pub(super) struct Run {
    pub flow: FlowId,
    pub state: RunState,
    pub pages: u32,
    pub open_pages: u32,
}

impl Unit<'_> {
    pub fn flow_put(&mut self, tenant: &str, flow: &str, now: u64) -> Work<FlowRow> {
        if let Some(found) = self.first(sql::FLOW_BY_NAME, (tenant, flow), rows::flow)? {
            return Ok(found);
        }
        self.run(sql::NEW_FLOW, (tenant, flow, now))?;
        let made = self.first(sql::FLOW_BY_NAME, (tenant, flow), rows::flow)?;
        made.ok_or_else(|| rusqlite::Error::QueryReturnedNoRows.into())
    }

    pub fn flow_pause(&mut self, flow: FlowId, paused: bool) -> Work<()> {
        self.last_tick(flow)?;
        self.run(sql::PAUSE, (row_id(flow.0), paused))?;
        Ok(())
    }

    pub fn flow_rewind(&mut self, flow: FlowId, cursor: Option<&[u8]>) -> Work<()> {
        self.last_tick(flow)?;
        self.run(sql::SET_CURSOR, (row_id(flow.0), cursor))?;
        Ok(())
    }

    pub fn flow_begin(
        &mut self,
        flow: FlowId,
        tick: Option<u64>,
        cause: &str,
        now: u64,
    ) -> Work<Begun> {
        let last_tick = self.last_tick(flow)?;
        if let Some(tick) = tick {
            let known = self.first(sql::RUN_OF_TICK, (flow.0, tick), |row| row.get(0))?;
            if let Some(known) = known {
                return Ok(Begun::Known(RunId(known)));
            }
            if last_tick.is_some_and(|last| tick <= last) {
                return Ok(Begun::Passed);
            }
        }
        if let Some(running) = self.first(sql::RUNNING, [flow.0], |row| row.get(0))? {
            return Ok(Begun::Busy(RunId(running)));
        }
        self.run(sql::NEW_RUN, (flow.0, tick, cause, now))?;
        let run = RunId(self.db.last_insert_rowid().unsigned_abs());
        if let Some(tick) = tick {
            self.run(sql::SET_TICK, (flow.0, tick))?;
        }
        Ok(Begun::New(run))
    }

    pub fn flow_skip_tick(&mut self, flow: FlowId, tick: u64) -> Work<()> {
        self.last_tick(flow)?;
        self.run(sql::SKIP_TICK, (flow.0, tick))?;
        Ok(())
    }

    pub fn run_state(&mut self, run: RunId, update: &RunUpdate, now: u64) -> Work<()> {
        let found = self.run_head(run)?;
        if !found.state.is_end() {
            self.may_become(run, &found, update.state)?;
        }
        self.count(run, &update.counts)?;
        self.add_times(run, &update.stages)?;
        let problem = update.problem.as_deref();
        if found.state.is_end() {
            self.run(sql::SET_PROBLEM, (run.0, problem))?;
            return Ok(());
        }
        let mut open = found.open_pages;
        if matches!(update.state, RunState::Failed | RunState::Stopped) {
            open -= self.drop_unsent(found.flow, run)?;
        }
        let ended = update.state.is_end();
        self.run(
            sql::SET_RUN,
            (
                run.0,
                update.state,
                !ended || open > 0,
                ended.then_some(now),
                problem,
            ),
        )?;
        Ok(())
    }

    /// Whether a run that has not ended may go on as this.
    fn may_become(&self, run: RunId, found: &Run, state: RunState) -> Work<()> {
        let refused = match state {
            RunState::Running if found.state == RunState::Waiting => {
                Some("a run of which everything is queued does not run again; begin another one")
            }
            RunState::Waiting => {
                let unsent = self.first(sql::FIRST_UNSENT, [run.0], |_| Ok(()))?;
                unsent.map(|()| "a run waits when all of its pages are sent; send them first")
            }
            RunState::Done if found.open_pages > 0 => {
                Some("a run is done when all of its pages are; end them first")
            }
            _ => None,
        };
        refused.map_or(Ok(()), |why| Err(StoreError::Invalid(why).into()))
    }

    pub(super) fn count(&self, run: RunId, counts: &RunCounts) -> rusqlite::Result<()> {
        if *counts != RunCounts::default() {
            let [a, b, c, d, e, f, g, h, i, j, k] = counts.named().map(|(_, count)| count);
            self.run(sql::ADD_COUNTS, (run.0, a, b, c, d, e, f, g, h, i, j, k))?;
        }
        Ok(())
    }

    pub(super) fn add_times(&self, run: RunId, times: &StageTimes) -> rusqlite::Result<()> {
        if *times != StageTimes::default() {
            let StageTimes {
                source,
                steps,
                targets,
                confirm,
            } = *times;
            self.run(sql::ADD_TIMES, (run.0, source, steps, targets, confirm))?;
        }
        Ok(())
    }

    pub(super) fn run_head(&self, run: RunId) -> Work<Run> {
        let found = self.first(sql::RUN_HEAD, [row_id(run.0)], |row| {
            Ok(Run {
                flow: FlowId(row.get(0)?),
                state: row.get(1)?,
                pages: row.get(2)?,
                open_pages: row.get(3)?,
            })
        })?;
        let unknown = StoreError::Unknown {
            what: "run",
            number: run.0,
        };
        found.ok_or_else(|| unknown.into())
    }

    /// A flow's newest tick; refuses a flow that is not there.
    pub(super) fn last_tick(&self, flow: FlowId) -> Work<Option<u64>> {
        let found = self.first(sql::FLOW_EXISTS, [row_id(flow.0)], |row| row.get(0))?;
        let unknown = StoreError::Unknown {
            what: "flow",
            number: flow.0,
        };
        found.ok_or_else(|| unknown.into())
    }
}
