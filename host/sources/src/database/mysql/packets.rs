//! Packets on a stream, within bounds.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::{DatabaseUrl, Stream, said};
use crate::failure::Failure;
use crate::rows::MOST_RECORD;

/// Bytes of a packet: a row of texts, and room.
const MOST: usize = 4 * MOST_RECORD;

pub(super) struct Packets {
    pub(super) stream: Box<dyn Stream>,
    pub(super) url: DatabaseUrl,
    pub(super) number: u8,
}

impl Packets {
    fn gone(&self, error: &std::io::Error) -> Failure {
        Failure::io(&format!("the database {} is gone", self.url), error)
    }

    /// What the server says that can't be.
    pub(super) fn nonsense(&self, what: &str) -> Failure {
        Failure::unavailable(format!(
            "the database {} answers what MySQL's protocol doesn't have: {what}",
            self.url
        ))
    }

    pub(super) async fn read(&mut self) -> Result<Vec<u8>, Failure> {
        let mut header = [0; 4];
        let read = self.stream.read_exact(&mut header).await;
        read.map_err(|error| self.gone(&error))?;
        let length = u32::from_le_bytes([header[0], header[1], header[2], 0]) as usize;
        if header[3] != self.number {
            return Err(self.nonsense("a packet is missing"));
        }
        self.number = self.number.wrapping_add(1);
        if length > MOST {
            return Err(Failure::setting(format!(
                "a row of the query has more than {MOST} bytes: leave large columns out of it"
            )));
        }
        let mut packet = vec![0; length];
        let read = self.stream.read_exact(&mut packet).await;
        read.map_err(|error| self.gone(&error))?;
        if packet.first() == Some(&0xff) {
            return Err(self.refused(&packet));
        }
        Ok(packet)
    }

    pub(super) async fn write(&mut self, packet: &[u8]) -> Result<(), Failure> {
        // The server's own bound is higher than what is ever asked.
        let length = u32::try_from(packet.len()).unwrap_or(u32::MAX);
        if length >= 0xff_ffff {
            return Err(Failure::setting("the query is too long"));
        }
        let mut all = length.to_le_bytes()[..3].to_vec();
        all.push(self.number);
        all.extend_from_slice(packet);
        self.number = self.number.wrapping_add(1);
        let wrote = self.stream.write_all(&all).await;
        wrote.map_err(|error| self.gone(&error))?;
        let flushed = self.stream.flush().await;
        flushed.map_err(|error| self.gone(&error))
    }

    /// What the server refuses.
    fn refused(&self, packet: &[u8]) -> Failure {
        let mut rest = Fields(packet.get(1..).unwrap_or_default());
        let code = rest.number(2).unwrap_or(0);
        let text = String::from_utf8_lossy(rest.0);
        // The state's sign and five letters.
        let text = match text.strip_prefix('#') {
            Some(state) => state.get(5..).unwrap_or_default(),
            None => &text,
        };
        let sentence = format!("the database {} says: {} ({code})", self.url, said(text));
        match code {
            // Too many connections, shutting down, timeouts, deadlocks, lost.
            1040
            | 1053
            | 1129
            | 1152..=1161
            | 1203
            | 1205
            | 1213
            | 1226
            | 1317
            | 1969
            | 3024
            | 4031 => Failure::unavailable(sentence),
            _ => Failure::setting(sentence),
        }
    }
}

/// What is left of a packet.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn number(&mut self, bytes: usize) -> Option<u64> {
        let taken = self.take(bytes)?;
        let number = taken.iter().rev();
        Some(number.fold(0, |number, byte| (number << 8) | u64::from(*byte)))
    }

    /// A text up to a zero, or to the end.
    pub(super) fn text(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|byte| *byte == 0);
        let text = &self.0[..end.unwrap_or(self.0.len())];
        self.0 = &self.0[(text.len() + 1).min(self.0.len())..];
        text
    }

    /// A number that says itself how long it is.
    pub(super) fn length(&mut self) -> Option<u64> {
        match self.number(1)? {
            0xfc => self.number(2),
            0xfd => self.number(3),
            0xfe => self.number(8),
            0xfb | 0xff => None,
            short => Some(short),
        }
    }

    /// A text with its length before it.
    pub(super) fn counted(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.length()?).ok()?;
        self.take(length)
    }

    /// A value of a row; none is NULL.
    pub(super) fn value(&mut self) -> Option<Option<&'a [u8]>> {
        if self.0.first() == Some(&0xfb) {
            self.take(1)?;
            return Some(None);
        }
        self.counted().map(Some)
    }
}
