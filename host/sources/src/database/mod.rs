//! One page of a query, from PostgreSQL and MySQL.
//!
//! A page is one connection and one transaction that reads only. Its end is looked
//! up first, so that rows with the same value in the cursor's column are never cut
//! in two: a page has all of them.
//!
//! | module | responsibility |
//! |---|---|
//! | `url` | where a database is, and as whom it is asked |
//! | `tls` | the encrypted connection |
//! | `postgres` | a page of PostgreSQL |
//! | `mysql` | a page of MySQL and MariaDB, and their protocol |

mod mysql;
mod postgres;
mod tls;
mod url;

use std::sync::Arc;

use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::failure::Failure;
use crate::rows::{MOST_PAGE, MOST_RECORD};
use crate::settings::DatabaseSource;

pub use url::{DatabaseUrl, Kind};

/// Rows beyond a page's size that have the cursor of its last one.
pub const MOST_TIES: usize = 10_000;

/// A connection to a server, before anything was said.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What a query gave.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct QueryPage {
    /// Each row as a JSON object. Numbers have all their digits; days and times are
    /// ISO texts, in UTC; bytes are `\x` and their digits.
    pub records: Vec<String>,
    /// The last row's value in the cursor's column, for the next page; none where
    /// there was no row.
    pub cursor: Option<String>,
    /// Whether there were no rows behind this page.
    pub last: bool,
}

/// Asks for the page behind a cursor, of about `most` rows. `stream` is a
/// connection to the URL's host and port; `tls` says whom to trust. The whole
/// takes no longer than the source's time and ten seconds.
pub async fn query_page(
    source: &DatabaseSource,
    stream: Box<dyn Stream>,
    tls: Arc<ClientConfig>,
    after: Option<&str>,
    most: usize,
) -> Result<QueryPage, Failure> {
    let after = after.or(source.start.as_deref());
    let most = most.clamp(1, MOST_TIES);
    let work = async {
        match source.url.kind() {
            Kind::Postgres => postgres::page(source, stream, tls, after, most).await,
            Kind::Mysql => mysql::page(source, stream, tls, after, most).await,
        }
    };
    let patience = source.timeout + std::time::Duration::from_secs(10);
    match tokio::time::timeout(patience, work).await {
        Ok(page) => page,
        Err(_) => Err(Failure::unavailable(format!(
            "the database {} did not answer within {} s",
            source.url,
            patience.as_secs()
        ))),
    }
}

/// The query, as a table in another one.
fn inner(source: &DatabaseSource) -> Result<&str, Failure> {
    let query = source.query.trim().trim_end_matches(';').trim_end();
    if query.is_empty() || query.contains('\0') {
        return Err(Failure::setting("the query is empty or has a zero byte"));
    }
    Ok(query)
}

/// Rows of a page while they come.
struct Rows {
    most: usize,
    bytes: usize,
    records: Vec<String>,
}

impl Rows {
    fn new(most: usize) -> Rows {
        Rows {
            most,
            bytes: 0,
            records: Vec::new(),
        }
    }

    /// How many are asked for: one more than there may be.
    fn limit(&self) -> usize {
        self.most + MOST_TIES + 1
    }

    fn add(&mut self, source: &DatabaseSource, record: String) -> Result<(), Failure> {
        let column = &source.cursor;
        if record.len() > MOST_RECORD {
            let at = self.records.len() + 1;
            return Err(Failure::setting(format!(
                "row {at} of the page has more than {MOST_RECORD} bytes: leave large columns out of the query"
            )));
        }
        self.bytes += record.len();
        if self.bytes > 4 * MOST_PAGE {
            return Err(Failure::setting(format!(
                "a page of the query has more than {} MiB: set a smaller `page`",
                (4 * MOST_PAGE) >> 20
            )));
        }
        if self.records.len() + 1 == self.limit() {
            return Err(Failure::setting(format!(
                "more than {MOST_TIES} rows have the same value in column {column:?}, so a page would have no end: take a column whose values differ"
            )));
        }
        self.records.push(record);
        Ok(())
    }
}

/// What a server said, on one line and not without end.
fn said(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|one| if one.is_control() { ' ' } else { one })
        .take(300)
        .collect();
    line
}
