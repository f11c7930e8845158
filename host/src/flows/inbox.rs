//! What came in by itself, as a source.

use std::sync::Arc;

use crossdock_store::{FlowId, limits};
use futures_util::future::BoxFuture;

use super::Shared;
use super::page::raw;
use super::source::{Fetched, Source};
use super::trouble::Trouble;

/// The records that wait for a flow.
pub(super) struct Inbox {
    shared: Arc<Shared>,
    flow: FlowId,
}

impl Inbox {
    pub fn new(shared: Arc<Shared>, flow: FlowId) -> Self {
        Self { shared, flow }
    }
}

impl Source for Inbox {
    fn next<'a>(
        &'a mut self,
        _cursor: Option<&'a [u8]>,
        _number: u32,
        most: usize,
    ) -> BoxFuture<'a, Result<Fetched, Trouble>> {
        Box::pin(async move {
            let (flow, most) = (self.flow, most.min(limits::FLOW_BATCH));
            let rows = self.shared.store(move |store| store.received(flow, most));
            let rows = rows.await.map_err(Trouble::Later)?;
            let mut fetched = Fetched {
                last: rows.is_empty(),
                ..Fetched::default()
            };
            for row in rows {
                fetched.taken.push(row.id);
                // It was looked at when it came; whatever else it is, it is text.
                let text = String::from_utf8_lossy(&row.body).into_owned();
                let quoted = || serde_json::Value::from(text.as_str()).to_string();
                let record = raw(text.clone()).or_else(|| raw(quoted()));
                fetched.records.extend(record);
            }
            Ok(fetched)
        })
    }
}
