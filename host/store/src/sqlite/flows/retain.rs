//! Removal of what need not be kept of flows.

use super::sql;
use crate::model::{FlowRetained, FlowRetention};
use crate::sqlite::unit::{Unit, Work};

/// Pages, runs and keys, each, that one slice removes or looks at.
pub(super) const SLICE: usize = 1_000;

impl Unit<'_> {
    pub fn flow_retain(&mut self, retention: &FlowRetention) -> Work<FlowRetained> {
        let keys = self.run(sql::OLD_KEYS, (retention.keys_until, SLICE))?;
        let mut retained = FlowRetained {
            keys: keys as u64,
            more: keys == SLICE,
            runs: 0,
        };
        let mut room = SLICE;
        for flow in self.numbers(sql::FLOW_IDS, [])? {
            // First, so that runs which found nothing push out none that did.
            for run in self.empty_runs_to_go(flow, retention, room)? {
                self.run(sql::DROP_RUN, [run])?;
                room -= 1;
                retained.runs += 1;
            }
            if room == 0 {
                retained.more = true;
                return Ok(retained);
            }
            for run in self.runs_to_go(flow, retention)? {
                if room == 0 {
                    retained.more = true;
                    return Ok(retained);
                }
                let pages = self.numbers(sql::PAGE_IDS, (run, room))?;
                room -= pages.len();
                for page in &pages {
                    self.drop_bytes(*page)?;
                    self.run(sql::DROP_PAGE_DELIVERIES, [page])?;
                    self.run(sql::DROP_PAGE, [page])?;
                }
                if room > 0 {
                    self.run(sql::DROP_RUN, [run])?;
                    room -= 1;
                    retained.runs += 1;
                }
            }
        }
        Ok(retained)
    }

    /// Runs of a flow that found nothing, and of which there are too many.
    fn empty_runs_to_go(
        &self,
        flow: u64,
        retention: &FlowRetention,
        most: usize,
    ) -> rusqlite::Result<Vec<u64>> {
        let kept = i64::try_from(retention.empty_most.max(1)).unwrap_or(i64::MAX);
        // Most flows have few runs of any kind.
        let many = self.first(sql::RUN_AT, (flow, kept), |_| Ok(()))?;
        match many {
            Some(()) => self.numbers(sql::EMPTY_RUNS, (flow, most, kept)),
            None => Ok(Vec::new()),
        }
    }

    /// Runs of a flow with which nothing is left to do: too old, or too many.
    fn runs_to_go(&self, flow: u64, retention: &FlowRetention) -> rusqlite::Result<Vec<u64>> {
        let at = |place: u64| {
            let place = i64::try_from(place).unwrap_or(i64::MAX);
            self.first(sql::RUN_AT, (flow, place), |row| row.get::<_, u64>(0))
        };
        let Some(newest) = at(0)? else {
            return Ok(Vec::new());
        };
        let beyond = at(retention.runs_most)?.unwrap_or(0);
        let mut statement = self.db.prepare_cached(sql::OLDEST_RUNS)?;
        let mut rows = statement.query((flow, SLICE))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let (run, open): (u64, bool) = (row.get(0)?, row.get(1)?);
            let ended: Option<u64> = row.get(2)?;
            let old = ended.is_some_and(|ended| ended <= retention.runs_until);
            if !open && run != newest && (old || run <= beyond) {
                found.push(run);
            }
        }
        Ok(found)
    }

    fn numbers(
        &self,
        statement: &str,
        params: impl rusqlite::Params,
    ) -> rusqlite::Result<Vec<u64>> {
        let mut statement = self.db.prepare_cached(statement)?;
        let rows = statement.query_map(params, |row| row.get(0))?;
        rows.collect()
    }
}
