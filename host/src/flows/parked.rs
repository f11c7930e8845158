//! Records that go again, since something was changed since they were parked.

use std::sync::Arc;

use crossdock_store::{NewPage, ParkedId, RunCounts};

use super::page::{Given, Record, raw, written};
use super::part::Part;
use super::{Serves, Shared};
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
        "something was changed, so what was parked goes again"
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
