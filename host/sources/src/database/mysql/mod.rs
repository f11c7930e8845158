//! A page of MySQL and MariaDB.
//!
//! Their protocol is spoken here, as far as a query needs it: values come as the
//! texts that the server writes, with all their digits.
//!
//! | module | responsibility |
//! |---|---|
//! | `packets` | packets on a stream, within bounds |
//! | `login` | who asks |
//! | `results` | a query's columns and rows |
//! | `values` | texts to JSON, cursors to SQL |

mod login;
mod packets;
mod results;
mod values;

use std::sync::Arc;

use rustls::ClientConfig;

use super::{QueryPage, Rows, Stream, inner};
use crate::failure::Failure;
use crate::settings::DatabaseSource;

pub(super) async fn page(
    source: &DatabaseSource,
    stream: Box<dyn Stream>,
    trust: Arc<ClientConfig>,
    after: Option<&str>,
    most: usize,
) -> Result<QueryPage, Failure> {
    let mut session = login::login(&source.url, stream, trust).await?;
    let time = source.timeout.as_millis().clamp(1, i32::MAX as u128);
    // Each of them has its own bound of time.
    let bound = match session.maria() {
        true => format!("max_statement_time = {}.{:03}", time / 1000, time % 1000),
        false => format!("max_execution_time = {time}"),
    };
    for set in [
        "SET NAMES utf8mb4",
        "SET SESSION time_zone = '+00:00'",
        "SET SESSION TRANSACTION READ ONLY",
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        &format!("SET SESSION {bound}"),
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    ] {
        session.query(set, |_, _| Ok(())).await?;
    }
    let query = inner(source)?;
    let column = format!("q.`{}`", source.cursor.replace('`', "``"));
    let from = format!("FROM (\n{query}\n) AS q");
    // What kind of values the column has, to compare them as what they are.
    let columns = session
        .query(&format!("SELECT {column} {from} LIMIT 0"), |_, _| Ok(()))
        .await?;
    let kind = columns
        .first()
        .ok_or_else(|| Failure::unavailable("the database gave no columns"))?
        .clone();
    let literal = |value: &str| values::literal(&kind, value);
    let mut wanted = match after {
        Some(after) => format!("{column} > {}", literal(after)?),
        None => format!("{column} IS NOT NULL"),
    };
    let mut end: Option<String> = None;
    let offset = most - 1;
    let ask =
        format!("SELECT {column} {from} WHERE {wanted} ORDER BY {column} LIMIT 1 OFFSET {offset}");
    session
        .query(&ask, |_, row| {
            end = row.first().and_then(|value| values::plain(*value));
            Ok(())
        })
        .await?;
    if let Some(end) = &end {
        wanted = format!("{wanted} AND {column} <= {}", literal(end)?);
    }
    let mut rows = Rows::new(most);
    let limit = rows.limit();
    let ask = format!("SELECT q.*, {column} {from} WHERE {wanted} ORDER BY {column} LIMIT {limit}");
    let mut cursor = None;
    session
        .query(&ask, |columns, row| {
            let (last, row) = row
                .split_last()
                .ok_or_else(|| Failure::unavailable("the database gave a row without values"))?;
            rows.add(source, values::record(columns, row))?;
            cursor = values::plain(*last);
            Ok(())
        })
        .await?;
    session.end().await;
    Ok(QueryPage {
        last: end.is_none(),
        records: rows.records,
        cursor,
    })
}
