//! Records that go again, since something was changed since they were parked, or a
//! person asked for it; and records that a person gives up.

use std::sync::Arc;

use crossdock_store::{FlowId, FlowStore, NewPage, ParkedId, ParkedRow, RunCounts, StoreError};

use super::page::{Given, Record, raw, written};
use super::part::Part;
use super::shown::{Discarded, Retried};
use super::{Flows, Serves, Shared, runner};
use crate::problem::Problem;

/// Parked records that are read at once.
const LOOK: usize = 500;

/// A page of parked records that may go now, if there are any.
pub(super) async fn page(
    shared: &Arc<Shared>,
    part: &Part,
    serves: &Serves,
    number: u32,
) -> Result<Option<NewPage>, Problem> {
    let generation = serves.generation(shared.process);
    let most = serves.flow.config.page;
    let mut after: Option<ParkedId> = None;
    let (mut given, mut again) = (Given::default(), Vec::new());
    let mut bytes = 0;
    while given.records.len() < most && bytes < super::scripts::CHUNK_BYTES {
        let id = part.id;
        let rows = shared
            .store(move |store| store.parked(id, after, LOOK))
            .await?;
        let Some(last) = rows.last() else { break };
        after = Some(last.id);
        for row in rows {
            let goes = !row.taken && row.unreadable.is_none() && row.generation != generation;
            if !goes || given.records.len() == most {
                continue;
            }
            let text = String::from_utf8_lossy(&row.record).into_owned();
            bytes += text.len();
            if let Some(json) = raw(text) {
                given.records.push(Record {
                    only: row.target,
                    ..Record::new(json)
                });
                again.push(row.id);
            }
        }
    }
    if again.is_empty() {
        return Ok(None);
    }
    tracing::info!(
        target: "crossdock::flows",
        tenant = &*part.tenant,
        flow = &*part.name,
        records = again.len(),
        "something was changed or somebody asked for it, so what was parked goes again"
    );
    Ok(Some(NewPage {
        number,
        records: written(&given),
        count: u32::try_from(again.len()).unwrap_or(u32::MAX),
        cursor: None,
        last: false,
        origin: Vec::new(),
        taken: Vec::new(),
        again,
        counts: RunCounts::default(),
    }))
}

/// Does something about all parked records of a flow, or about one of them. Says of
/// how many it was done; nothing if there is no such record.
fn each(
    store: &dyn FlowStore,
    flow: FlowId,
    one: Option<u64>,
    act: impl Fn(Vec<ParkedRow>) -> Result<u64, StoreError>,
) -> Result<Option<u64>, StoreError> {
    if let Some(number) = one {
        let before = number.checked_sub(1).map(ParkedId);
        let mut rows = store.parked(flow, before, 1)?;
        rows.retain(|row| row.id.0 == number);
        return match rows.is_empty() {
            true => Ok(None),
            false => act(rows).map(Some),
        };
    }
    let mut after: Option<ParkedId> = None;
    let mut done = 0;
    loop {
        let rows = store.parked(flow, after, LOOK)?;
        let Some(last) = rows.last() else {
            return Ok(Some(done));
        };
        after = Some(last.id);
        done += act(rows)?;
    }
}

fn unknown(flow: &str, one: Option<u64>) -> Problem {
    let number = one.unwrap_or_default();
    Problem::caller(
        "unknown-parked-record",
        format!(
            "flow `{flow}` has no parked record {number}, or none any more; `crossdock flows show` prints the numbers of the first 20 that are there"
        ),
    )
}

impl Flows {
    /// Has all parked records go again, or one, and begins a run for them if that is
    /// possible now. `by` says who asked, for people.
    ///
    /// # Errors
    /// If there is no such flow or record, or nothing can be written.
    pub async fn retry_parked(
        &self,
        tenant: &str,
        flow: &str,
        one: Option<u64>,
        by: &str,
    ) -> Result<Retried, Problem> {
        let part = self.part(tenant, flow).await?;
        let id = part.id;
        let retried = self.shared.store(move |store| {
            each(store, id, one, |mut rows| {
                // One that cannot be read now cannot go.
                rows.retain(|row| !row.taken && row.unreadable.is_none());
                store.park_anew(id, rows.iter().map(|row| row.id).collect())
            })
        });
        let retried = retried.await?.ok_or_else(|| unknown(flow, one))?;
        if retried == 0 || part.state().paused {
            return Ok(Retried { retried, run: None });
        }
        let run = match runner::ask(&self.shared, &part, by).await {
            Ok(run) => Some(run.0),
            // That one takes them if it has not looked yet; otherwise the next does.
            Err(problem) if problem.code == "flow-busy" => None,
            Err(problem) => return Err(problem),
        };
        Ok(Retried { retried, run })
    }

    /// Gives up all parked records, or one.
    ///
    /// # Errors
    /// If there is no such flow or record, or nothing can be written.
    pub async fn discard_parked(
        &self,
        tenant: &str,
        flow: &str,
        one: Option<u64>,
    ) -> Result<Discarded, Problem> {
        let part = self.part(tenant, flow).await?;
        let id = part.id;
        let discarded = self.shared.store(move |store| {
            each(store, id, one, |rows| {
                store.unpark(id, rows.iter().map(|row| row.id).collect())
            })
        });
        let discarded = discarded.await?.ok_or_else(|| unknown(flow, one))?;
        Ok(Discarded { discarded })
    }
}
