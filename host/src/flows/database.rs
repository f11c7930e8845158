//! A query's rows, as a source: one question is one page.

use std::time::Duration;

use crossdock_sources::{DatabaseSource, query_page};
use crossdock_store::RunId;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::folder::trouble;
use super::page::raw;
use super::source::{Fetched, Source};
use super::trouble::Trouble;
use crate::http::{dial, dial_tls};
use crate::problem::Problem;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// How far a flow has come in a table.
#[derive(Debug, Serialize, Deserialize)]
struct Place {
    /// The last row's value in the cursor's column, as text.
    after: String,
    /// The run that came so far.
    run: u64,
}

/// A query that is asked by one run.
pub(super) struct Database {
    source: DatabaseSource,
    run: RunId,
    rows: usize,
}

impl Database {
    pub fn new(source: &DatabaseSource, run: RunId, rows: usize) -> Self {
        Self {
            source: source.clone(),
            run,
            rows,
        }
    }

    async fn page(&self, cursor: Option<&[u8]>, most: usize) -> Result<Fetched, Trouble> {
        let place: Option<Place> = match cursor {
            None => None,
            Some(cursor) => Some(serde_json::from_slice(cursor).map_err(|_| {
                Trouble::Final(Problem::host(
                    "flow-cursor-unreadable",
                    "the flow's place in its source is none of a database",
                ))
            })?),
        };
        // Where each run goes through everything, another run's place is none.
        let place = place.filter(|place| !self.source.from_start || place.run == self.run.0);
        let url = &self.source.url;
        let unreachable = |why: String| {
            Trouble::of(Problem::platform(
                "flow-source-unavailable",
                format!("the database {url} cannot be reached: {why}"),
            ))
        };
        let stream = dial(url.host(), url.port(), self.source.allow_private, CONNECT)
            .await
            .map_err(unreachable)?;
        let trust = dial_tls().map_err(unreachable)?;
        let after = place.as_ref().map(|place| place.after.as_str());
        let most = most.min(self.rows);
        let page = query_page(&self.source, Box::new(stream), trust, after, most)
            .await
            .map_err(trouble)?;
        let place = page.cursor.map(|after| Place {
            after,
            run: self.run.0,
        });
        let cursor = place.map(|place| serde_json::to_vec(&place)).transpose();
        let cursor = cursor.map_err(|_| {
            Trouble::Final(Problem::host(
                "flow-cursor-unreadable",
                "the place is no JSON",
            ))
        })?;
        Ok(Fetched {
            records: page.records.into_iter().filter_map(raw).collect(),
            cursor,
            last: page.last,
            origin: url.to_string().into_bytes(),
            ..Fetched::default()
        })
    }
}

impl Source for Database {
    fn next<'a>(
        &'a mut self,
        cursor: Option<&'a [u8]>,
        _number: u32,
        most: usize,
    ) -> BoxFuture<'a, Result<Fetched, Trouble>> {
        Box::pin(self.page(cursor, most))
    }
}
