//! What a guest writes to stdout and stderr: kept up to a bound for each call,
//! and dropped beyond it. A guest that talks too much loses lines, nothing else.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError};

/// Bytes kept of one stream between two times that the host takes them, which it
/// does after every call.
const MOST_BYTES: usize = 256 << 10;

/// Bytes a guest may write at once.
const AT_ONCE: usize = 64 << 10;

/// One stream. Clones are the same stream.
#[derive(Clone, Default)]
pub(super) struct Output(Arc<Mutex<Written>>);

#[derive(Default)]
struct Written {
    bytes: Vec<u8>,
    /// Lines that had no room.
    dropped: usize,
}

impl Output {
    fn add(&self, bytes: &[u8]) {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MOST_BYTES.saturating_sub(written.bytes.len());
        let (kept, lost) = bytes.split_at(bytes.len().min(room));
        written.bytes.extend_from_slice(kept);
        if !lost.is_empty() {
            // What ends without a line break is a line, too, or the rest of one.
            let lines = lost.iter().filter(|byte| **byte == b'\n').count();
            written.dropped += lines.max(1);
        }
    }

    /// What was kept since the last time, and how many lines were not.
    pub fn take(&self) -> (Vec<u8>, usize) {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let dropped = std::mem::take(&mut written.dropped);
        (std::mem::take(&mut written.bytes), dropped)
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl OutputStream for Output {
    fn write(&mut self, bytes: bytes::Bytes) -> Result<(), StreamError> {
        self.add(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StreamError> {
        Ok(())
    }

    fn check_write(&mut self) -> Result<usize, StreamError> {
        Ok(AT_ONCE)
    }
}

#[async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Output {
    fn poll_write(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.add(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chatty_guest_loses_lines_and_nothing_else() {
        let mut stream = Output::default();
        let line = [b"x".repeat(99), b"\n".to_vec()].concat();
        // Far more than one instance's life of it held before.
        for _call in 0..3000 {
            assert!(stream.check_write().is_ok_and(|room| room >= line.len()));
            stream.write(line.clone().into()).unwrap();
            assert_eq!(stream.take(), (line.clone(), 0));
        }
        let all = MOST_BYTES / line.len();
        for _ in 0..all + 10 {
            stream.write(line.clone().into()).unwrap();
        }
        let (kept, dropped) = stream.take();
        assert_eq!(kept.len(), MOST_BYTES);
        assert_eq!(dropped, 10);
        assert_eq!(stream.take(), (Vec::new(), 0));
    }
}
