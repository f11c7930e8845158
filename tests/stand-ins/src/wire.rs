//! The socket and the bodies that misbehave on it.
//!
//! hyper writes well-formed answers and closes connections politely. A reset
//! and a body that stops half-way need a hand on the socket itself: [`Wire`] is
//! what the service and the socket of one connection share.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// One connection's switchboard.
#[derive(Debug, Default)]
pub struct Wire {
    reset: AtomicBool,
    /// How often everything written so far has reached the kernel.
    flushes: AtomicU64,
    /// Whether a body waits for the next flush; spares every other request the wake.
    awaited: AtomicBool,
    flushed: AtomicWaker,
}

impl Wire {
    /// From now on closing this connection means a TCP reset.
    pub fn reset(&self) {
        self.reset.store(true, Ordering::Release);
    }

    fn is_reset(&self) -> bool {
        self.reset.load(Ordering::Acquire)
    }
}

/// The service's way to end a connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the stand-in ends this connection without an answer")]
pub struct Aborted;

/// The accepted socket.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    wire: Arc<Wire>,
}

impl Socket {
    pub fn new(stream: TcpStream, wire: Arc<Wire>) -> Self {
        Self { stream, wire }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.wire.is_reset() {
            // With a linger time of zero the kernel sends RST instead of FIN.
            // A socket the other side has closed already refuses the option,
            // and needs no reset any more.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.stream).poll_flush(cx);
        if matches!(done, Poll::Ready(Ok(()))) {
            self.wire.flushes.fetch_add(1, Ordering::AcqRel);
            if self.wire.awaited.load(Ordering::Acquire) {
                self.wire.flushed.wake();
            }
        }
        done
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.wire.is_reset() {
            // A shutdown would send FIN before the reset.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// White space is legal before any JSON text.
static PADDING: [u8; 65_536] = [b' '; 65_536];

/// An answer's body.
#[derive(Debug)]
pub enum WireBody {
    /// All of it, at once.
    Whole(Bytes),
    /// The first half of what the headers announce; then the connection ends.
    Cut {
        half: Bytes,
        announced: u64,
        wire: Arc<Wire>,
        written_at: Option<u64>,
    },
    /// So many bytes of white space in chunks, then the body.
    Padded { padding: u64, rest: Bytes },
}

impl WireBody {
    /// Half of `body` under its full length.
    pub fn cut(body: &Bytes, wire: Arc<Wire>) -> Self {
        wire.awaited.store(true, Ordering::Release);
        Self::Cut {
            half: body.slice(..body.len() / 2),
            announced: body.len() as u64,
            wire,
            written_at: None,
        }
    }
}

impl Body for WireBody {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        match &mut *self {
            Self::Whole(body)
            | Self::Padded {
                padding: 0,
                rest: body,
            } => {
                let body = std::mem::take(body);
                Poll::Ready((!body.is_empty()).then(|| Ok(Frame::data(body))))
            }
            Self::Cut {
                half,
                wire,
                written_at,
                ..
            } => {
                if !half.is_empty() {
                    return Poll::Ready(Some(Ok(Frame::data(std::mem::take(half)))));
                }
                // An error now would throw away what hyper still has in its
                // buffer, so it waits for the flush that follows.
                wire.flushed.register(cx.waker());
                let flushes = wire.flushes.load(Ordering::Acquire);
                match *written_at {
                    Some(before) if flushes > before => Poll::Ready(Some(Err(Aborted))),
                    Some(_) => Poll::Pending,
                    None => {
                        *written_at = Some(flushes);
                        Poll::Pending
                    }
                }
            }
            Self::Padded { padding, .. } => {
                let length = (*padding).min(PADDING.len() as u64);
                *padding -= length;
                // At most 65,536, so it fits.
                let chunk = Bytes::from_static(&PADDING[..length as usize]);
                Poll::Ready(Some(Ok(Frame::data(chunk))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_empty(),
            Self::Cut { .. } => false,
            Self::Padded { padding, rest } => *padding == 0 && rest.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => SizeHint::with_exact(body.len() as u64),
            Self::Cut { announced, .. } => SizeHint::with_exact(*announced),
            Self::Padded { .. } => SizeHint::default(),
        }
    }
}
