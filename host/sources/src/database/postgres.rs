//! A page of PostgreSQL.

use std::error::Error;
use std::sync::Arc;

use bytes::BytesMut;
use futures_util::StreamExt;
use rustls::ClientConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_postgres::config::SslMode;

use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, NoTls};

use super::{QueryPage, Rows, Stream, inner, said, tls};
use crate::failure::Failure;
use crate::settings::DatabaseSource;

/// Asks whether the server goes on encrypted.
const ENCRYPT: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

pub(super) async fn page(
    source: &DatabaseSource,
    mut stream: Box<dyn Stream>,
    trust: Arc<ClientConfig>,
    after: Option<&str>,
    most: usize,
) -> Result<QueryPage, Failure> {
    let url = &source.url;
    if url.tls() {
        let gone = |error| Failure::io(&format!("the database {url} is gone"), &error);
        stream.write_all(&ENCRYPT).await.map_err(gone)?;
        stream.flush().await.map_err(gone)?;
        let answer = stream.read_u8().await.map_err(gone)?;
        if answer != b'S' {
            return Err(Failure::setting(format!(
                "the database {url} has no TLS: have it turned on, or set `sslmode=disable` in the URL if nobody can listen in between"
            )));
        }
        stream = tls::wrap(url, stream, trust).await?;
    }
    let mut config = Config::new();
    config
        .user(&url.user)
        .password(url.password())
        .dbname(&url.database)
        .application_name("crossdock")
        // It is encrypted already, or not at all.
        .ssl_mode(SslMode::Disable);
    let (client, connection) = config
        .connect_raw(stream, NoTls)
        .await
        .map_err(|error| failed(source, &error))?;
    tokio::select! {
        biased;
        page = ask(source, &client, after, most) => page,
        ended = connection => Err(match ended {
            Ok(()) => Failure::unavailable(format!("the database {url} ended the connection")),
            Err(error) => failed(source, &error),
        }),
    }
}

async fn ask(
    source: &DatabaseSource,
    client: &Client,
    after: Option<&str>,
    most: usize,
) -> Result<QueryPage, Failure> {
    let failed = |error| failed(source, &error);
    let query = inner(source)?;
    let column = source.cursor.replace('"', "\"\"");
    let column = format!("q.\"{column}\"");
    client
        .batch_execute(&format!(
            "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; \
             SET LOCAL statement_timeout = {}; SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'",
            source.timeout.as_millis().clamp(1, i32::MAX as u128)
        ))
        .await
        .map_err(failed)?;

    let after = after.map(Text);
    let mut bound: Vec<&(dyn ToSql + Sync)> = Vec::new();
    let mut behind = format!("{column} IS NOT NULL");
    if let Some(after) = &after {
        bound.push(after);
        behind = format!("{column} > $1");
    }
    let end = format!(
        "SELECT {column}::text FROM (\n{query}\n) AS q WHERE {behind} ORDER BY {column} LIMIT 1 OFFSET {}",
        most - 1
    );
    let end = client.query_opt(&end, &bound).await.map_err(failed)?;
    let end: Option<String> = match &end {
        Some(row) => row.try_get(0).map_err(failed)?,
        None => None,
    };
    let upper = end.as_deref().map(Text);
    let mut until = String::new();
    if let Some(upper) = &upper {
        bound.push(upper);
        until = format!(" AND {column} <= ${}", bound.len());
    }
    let mut rows = Rows::new(most);
    let page = format!(
        "SELECT pg_catalog.row_to_json(q)::text, {column}::text FROM (\n{query}\n) AS q WHERE {behind}{until} ORDER BY {column} LIMIT {}",
        rows.limit()
    );
    let statement = client.prepare(&page).await.map_err(failed)?;
    let found = client.query_raw(&statement, bound.iter().copied());
    let mut found = std::pin::pin!(found.await.map_err(failed)?);
    let mut cursor = None;
    while let Some(row) = found.next().await {
        let row = row.map_err(failed)?;
        let record: String = row.try_get(0).map_err(failed)?;
        rows.add(source, record)?;
        cursor = row.try_get(1).map_err(failed)?;
    }
    Ok(QueryPage {
        last: end.is_none(),
        records: rows.records,
        cursor,
    })
}

/// A value as text, whatever its type is.
#[derive(Debug)]
struct Text<'a>(&'a str);

impl ToSql for Text<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

fn failed(source: &DatabaseSource, error: &tokio_postgres::Error) -> Failure {
    let url = &source.url;
    let Some(refused) = error.as_db_error() else {
        let mut why = error.to_string();
        if let Some(cause) = error.source() {
            why = format!("{why}: {cause}");
        }
        return Failure::unavailable(format!(
            "the database {url} cannot be asked: {}",
            said(&why)
        ));
    };
    let text = format!("the database {url} says: {}", said(refused.message()));
    // Classes of conditions: no connection, no resources, an operator's doing, a
    // conflict; what is left is wrong until a person changes it.
    match &refused.code().code()[..2] {
        "08" | "40" | "53" | "55" | "57" | "58" => Failure::unavailable(text),
        _ => Failure::setting(text),
    }
}
