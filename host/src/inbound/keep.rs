//! Records onto the disk, where their flow finds them.

use crossdock_store::NewReceived;

use super::{Record, TakenIn};
use crate::clock::now_ms;
use crate::outbox::{self, Outbox};
use crate::problem::Problem;
use crate::telemetry::metrics::Arrivals;

/// Keeps records for a flow. They are on disk when this returns; those that came
/// before under the same key are not kept again.
///
/// # Errors
/// Nothing can be written, or the flow has as many as it may. None of these is
/// kept then.
pub async fn keep(
    outbox: &Outbox,
    tenant: &str,
    flow: &str,
    records: Vec<Record>,
    arrivals: &Arrivals,
) -> Result<TakenIn, Problem> {
    let count = records.len();
    if count == 0 {
        return Ok(TakenIn { records: 0, new: 0 });
    }
    let rows = records.into_iter().map(|record| NewReceived {
        key: record.key,
        body: record.body.into_bytes(),
    });
    let rows: Vec<NewReceived> = rows.collect();
    let (store, tenant, flow) = (outbox.flow_store(), tenant.to_owned(), flow.to_owned());
    let written = tokio::task::spawn_blocking(move || {
        let now = now_ms();
        let row = store.flow_put(&tenant, &flow, now)?;
        store.receive(row.id, rows, now)
    });
    let written = written.await.map_err(|_| {
        Problem::host(
            "internal-error",
            "the host failed on keeping what came, and has written why to its log; send it again",
        )
    })?;
    let new = written.map_err(|error| outbox::refused(&error))?;
    let new = new.into_iter().filter(|new| *new).count();
    arrivals.repeated.add((count - new) as u64);
    Ok(TakenIn {
        records: count,
        new,
    })
}
