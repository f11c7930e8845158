//! A query's columns and rows.

use super::packets::{Fields, Packets};
use crate::failure::Failure;

/// Columns of a result: what the servers allow.
const MOST_COLUMNS: u64 = 4096;

/// A column of a result.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: u8,
    /// Whether its texts are bytes.
    pub(super) bytes: bool,
}

/// A connection that may ask.
pub(super) struct Session {
    packets: Packets,
    version: String,
}

impl Session {
    pub(super) fn new(packets: Packets, version: String) -> Session {
        Session { packets, version }
    }

    pub(super) fn maria(&self) -> bool {
        self.version.contains("MariaDB")
    }

    /// Asks, and hands each row over as it comes. Gives the columns.
    pub(super) async fn query(
        &mut self,
        sql: &str,
        mut with: impl FnMut(&[Column], &[Option<&[u8]>]) -> Result<(), Failure>,
    ) -> Result<Vec<Column>, Failure> {
        let packets = &mut self.packets;
        packets.number = 0;
        let mut ask = vec![3];
        ask.extend_from_slice(sql.as_bytes());
        packets.write(&ask).await?;
        let first = packets.read().await?;
        let count = match first.first() {
            Some(0) => return Ok(Vec::new()),
            // The server asks for a file of this machine.
            Some(0xfb) => return Err(packets.nonsense("it asks for a file")),
            _ => Fields(&first).length(),
        };
        let count = count
            .filter(|count| *count <= MOST_COLUMNS)
            .ok_or_else(|| packets.nonsense("the number of columns"))?;
        let mut columns = Vec::new();
        for _ in 0..count {
            let packet = packets.read().await?;
            let column = column(&packet).ok_or_else(|| packets.nonsense("a column"))?;
            columns.push(column);
        }
        packets.read().await?;
        loop {
            let packet = packets.read().await?;
            if packet.first() == Some(&0xfe) && packet.len() < 9 {
                return Ok(columns);
            }
            let mut fields = Fields(&packet);
            let mut row = Vec::with_capacity(columns.len());
            for _ in &columns {
                row.push(fields.value().ok_or_else(|| packets.nonsense("a row"))?);
            }
            with(&columns, &row)?;
        }
    }

    /// Says goodbye, so that the server doesn't note a connection that broke.
    pub(super) async fn end(mut self) {
        self.packets.number = 0;
        let _ = self.packets.write(&[1]).await;
    }
}

fn column(packet: &[u8]) -> Option<Column> {
    let mut fields = Fields(packet);
    for _ in 0..4 {
        fields.counted()?;
    }
    let name = String::from_utf8_lossy(fields.counted()?).into_owned();
    fields.counted()?;
    fields.length()?;
    let charset = fields.number(2)?;
    fields.take(4)?;
    let kind = fields.number(1)? as u8;
    Some(Column {
        name,
        kind,
        bytes: charset == 63,
    })
}
