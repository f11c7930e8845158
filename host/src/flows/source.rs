//! Where records come from.

use std::sync::Arc;

use crossdock_store::{ReceivedId, RunId};
use futures_util::future::BoxFuture;
use serde_json::value::RawValue;

use super::part::Part;
use super::trouble::Trouble;
use super::{Serves, Shared, database, folder, inbox, operation};
use crate::config::FlowSource;
use crate::problem::Problem;

/// Records that a source gave.
#[derive(Debug, Default)]
pub(super) struct Fetched {
    pub records: Vec<Box<RawValue>>,
    /// Where it goes on after them; none leaves the flow where it is.
    pub cursor: Option<Vec<u8>>,
    /// Whether this run has nothing after them.
    pub last: bool,
    /// Where they are from, for people and for [`Source::sent`].
    pub origin: Vec<u8>,
    /// Records that came in and are these.
    pub taken: Vec<ReceivedId>,
    /// Rows and files that could not be read on the way to them: a page counts them,
    /// even one without records.
    pub unreadable: u64,
}

/// A source that is being read by one run.
///
/// What it gives is put on disk before anything else is asked of it. Whoever opens
/// one with a cursor goes on right behind it. If nothing comes, the run ends with
/// no records, no cursor and `last`.
pub(super) trait Source: Send + Sync {
    /// The next records after a cursor, about `most` of them. `number` is the page's.
    fn next<'a>(
        &'a mut self,
        cursor: Option<&'a [u8]>,
        number: u32,
        most: usize,
    ) -> BoxFuture<'a, Result<Fetched, Trouble>>;

    /// A page of this origin is safely queued. It may be told never, and twice.
    fn sent<'a>(&'a mut self, _origin: &'a [u8]) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }
}

/// Opens the source of a run.
pub(super) async fn open(
    shared: &Arc<Shared>,
    part: &Part,
    serves: &Serves,
    run: RunId,
) -> Result<Box<dyn Source>, Trouble> {
    match &serves.flow.config.source {
        FlowSource::Operation {
            connection,
            operation,
            input,
            records,
            cursor,
        } => {
            let source = operation::Operation {
                shared: shared.clone(),
                serves: serves.clone(),
                name: format!("flow:{}:{}", part.name, run.0),
                connection: connection.clone(),
                operation: operation.clone(),
                input: input.clone(),
                records: records.clone(),
                cursor: cursor.clone(),
            };
            Ok(Box::new(source))
        }
        FlowSource::Inbound { .. } | FlowSource::Webhook(_) => {
            Ok(Box::new(inbox::Inbox::new(shared.clone(), part.id)))
        }
        FlowSource::Folder(source) => Ok(Box::new(folder::Folder::open(source, part, run).await?)),
        FlowSource::Database(source) => {
            let records = serves.flow.config.page;
            Ok(Box::new(database::Database::new(source, run, records)))
        }
    }
}

/// Whether there is something for a run to begin with that no clock says.
pub(super) async fn has_arrived(
    shared: &Shared,
    part: &Part,
    serves: &Serves,
) -> Result<bool, Problem> {
    match &serves.flow.config.source {
        FlowSource::Inbound { .. } | FlowSource::Webhook(_)
            if matches!(serves.flow.config.trigger, crate::config::Trigger::Demand) =>
        {
            let id = part.id;
            let received = shared.store(move |store| store.received(id, 1)).await?;
            Ok(!received.is_empty())
        }
        _ => Ok(false),
    }
}
