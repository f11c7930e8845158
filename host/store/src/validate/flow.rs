//! Whether what was given about a flow is within the limits.

use super::at_most;
use crate::error::{Result, StoreError};
use crate::model::limits;
use crate::model::{NewPage, NewParked, NewReceived, NewSeen, SentPage, SteppedPage};

/// A flow's names.
pub(crate) fn names(tenant: &str, flow: &str) -> Result<()> {
    for name in [tenant, flow] {
        if name.is_empty() {
            return Err(StoreError::Invalid(
                "a flow's names are not empty: name tenant and flow",
            ));
        }
        at_most("a name (bytes)", name.len(), limits::NAME)?;
    }
    Ok(())
}

/// A target's name.
pub(crate) fn target(target: &str) -> Result<()> {
    at_most("a target's name (bytes)", target.len(), limits::NAME)
}

/// A cursor, an origin or a problem.
pub(crate) fn note(what: &'static str, note: &[u8]) -> Result<()> {
    at_most(what, note.len(), limits::FLOW_NOTE)
}

/// How many records, keys or items are given at once.
pub(crate) fn batch(count: usize) -> Result<()> {
    at_most("a list about a flow", count, limits::FLOW_BATCH)
}

fn records(records: &[u8]) -> Result<()> {
    let most = limits::FLOW_RECORDS;
    at_most("a page of a flow (bytes)", records.len(), most)
}

/// A page as its source gave it.
pub(crate) fn new_page(page: &NewPage) -> Result<()> {
    records(&page.records)?;
    note(
        "a cursor (bytes)",
        page.cursor.as_deref().unwrap_or_default(),
    )?;
    note("a page's origin (bytes)", &page.origin)?;
    batch(page.taken.len())?;
    batch(page.again.len())
}

/// A page after its steps.
pub(crate) fn stepped(page: &SteppedPage) -> Result<()> {
    records(&page.records)?;
    parked(&page.parked)
}

/// A page that is queued.
pub(crate) fn sent(page: &SentPage) -> Result<()> {
    plan(&page.plan)?;
    let targets = page.deliveries.len();
    at_most("a page (targets)", targets, limits::FLOW_TARGETS)?;
    for made in &page.deliveries {
        target(&made.target)?;
    }
    parked(&page.parked)
}

/// A page's plan.
pub(crate) fn plan(plan: &[u8]) -> Result<()> {
    at_most(
        "the plan of a page (bytes)",
        plan.len(),
        limits::FLOW_RECORDS,
    )
}

/// Records that cannot go on.
pub(crate) fn parked(parked: &[NewParked]) -> Result<()> {
    batch(parked.len())?;
    for one in parked {
        target(one.target.as_deref().unwrap_or_default())?;
        note("a problem (bytes)", &one.problem)?;
        let bytes = one.record.len();
        at_most("a record (bytes)", bytes, limits::INPUT)?;
    }
    Ok(())
}

/// Records that come in.
pub(crate) fn received(records: &[NewReceived]) -> Result<()> {
    batch(records.len())?;
    let mut bytes = 0;
    for record in records {
        let key = record.key.as_ref().map_or(0, Vec::len);
        at_most("a record's key (bytes)", key, limits::KEY)?;
        at_most("a record (bytes)", record.body.len(), limits::INPUT)?;
        bytes += record.body.len();
    }
    let most = limits::FLOW_RECORDS;
    at_most("records that come in at once (bytes)", bytes, most)
}

/// What was sent to a target.
pub(crate) fn seen(sent: &[NewSeen]) -> Result<()> {
    batch(sent.len())?;
    for seen in sent {
        at_most("an order key (bytes)", seen.key.len(), limits::KEY)?;
    }
    Ok(())
}
