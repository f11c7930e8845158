//! One connection as hyper uses it, and what is known about it when it fails.
//!
//! Hyper gives up on a connection whose write side fails, and what the platform
//! had answered before it closed (413 to a body that is too large, a TLS alert)
//! is lost with it. Here a failed write ends writing only: what can still be read
//! is read. And what hyper's errors no longer say is kept beside them: which TLS
//! alert came, and how the answer began.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::AlertDescription;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// Bytes of an answer that is no HTTP which an error repeats.
const BEGINNING: usize = 60;

/// No alert. Alerts are one byte.
const NO_ALERT: u16 = u16::MAX;

/// What is known about a connection, whatever became of it. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Fate(Arc<Known>);

struct Known {
    /// The alert with which the server ended the handshake after the client had
    /// taken it for complete.
    alert: AtomicU16,
    /// The server has sent something on top of TLS.
    heard: AtomicBool,
    /// The first bytes that came, if they came after the first request.
    beginning: OnceLock<Box<[u8]>>,
    /// The bytes in `beginning` belong to an earlier answer.
    over: AtomicBool,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            alert: AtomicU16::new(NO_ALERT),
            heard: AtomicBool::new(false),
            beginning: OnceLock::new(),
            over: AtomicBool::new(false),
        }
    }
}

impl Fate {
    /// The alert with which the server refused the client. In TLS 1.3 the
    /// client's part of the handshake comes last (RFC 8446 §2), so that a server
    /// which wants a certificate refuses it after the first request was written.
    /// It has read none of it by then: nothing is decrypted before the handshake
    /// is over. An alert after the server has sent data proves nothing.
    pub fn refusal(&self) -> Option<AlertDescription> {
        let alert = u8::try_from(self.0.alert.load(Ordering::SeqCst)).ok()?;
        (!self.0.heard.load(Ordering::SeqCst)).then(|| AlertDescription::from(alert))
    }

    /// How the first answer of the connection begins, if that is the one in question.
    pub fn beginning(&self) -> Option<&[u8]> {
        let over = self.0.over.load(Ordering::SeqCst);
        self.0
            .beginning
            .get()
            .map(|bytes| &bytes[..])
            .filter(|_| !over)
    }

    fn hear(&self, bytes: &[u8]) {
        self.0.heard.store(true, Ordering::SeqCst);
        let end = bytes.len().min(BEGINNING);
        self.0
            .beginning
            .get_or_init(|| bytes.get(..end).unwrap_or_default().into());
    }
}

/// What hyper reads and writes.
pub(super) type Stream = TokioIo<Transport>;

/// TCP, with or without TLS.
pub(super) struct Transport {
    inner: Inner,
    fate: Fate,
}

enum Inner {
    Plain(Wire),
    Tls(Box<TlsStream<Wire>>),
}

impl Transport {
    pub fn plain(tcp: TcpStream) -> Self {
        let wire = Wire::new(tcp);
        Self {
            fate: wire.fate.clone(),
            inner: Inner::Plain(wire),
        }
    }

    pub fn tls(tls: TlsStream<Wire>) -> Self {
        Self {
            fate: tls.get_ref().0.fate.clone(),
            inner: Inner::Tls(Box::new(tls)),
        }
    }
}

impl Connection for Transport {
    fn connected(&self) -> Connected {
        let connected = Connected::new().extra(self.fate.clone());
        match &self.inner {
            Inner::Tls(tls) if tls.get_ref().1.alpn_protocol() == Some(b"h2") => {
                connected.negotiated_h2()
            }
            _ => connected,
        }
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let result = match &mut this.inner {
            Inner::Plain(wire) => ready!(Pin::new(wire).poll_read(cx, buf)),
            Inner::Tls(tls) => ready!(Pin::new(tls.as_mut()).poll_read(cx, buf)),
        };
        if let Err(error) = &result
            && let Some(rustls::Error::AlertReceived(alert)) = super::tls_failure::inner(error)
        {
            this.fate
                .0
                .alert
                .store(u8::from(*alert).into(), Ordering::SeqCst);
        }
        let read = buf.filled().get(before..).unwrap_or_default();
        if !read.is_empty() {
            this.fate.hear(read);
        }
        Poll::Ready(result)
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().inner {
            Inner::Plain(wire) => Pin::new(wire).poll_write(cx, bytes),
            Inner::Tls(tls) => Pin::new(tls.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().inner {
            Inner::Plain(wire) => Pin::new(wire).poll_write_vectored(cx, bytes),
            Inner::Tls(tls) => Pin::new(tls.as_mut()).poll_write_vectored(cx, bytes),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.inner {
            Inner::Plain(wire) => wire.is_write_vectored(),
            Inner::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().inner {
            Inner::Plain(wire) => Pin::new(wire).poll_flush(cx),
            Inner::Tls(tls) => Pin::new(tls.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().inner {
            Inner::Plain(wire) => Pin::new(wire).poll_shutdown(cx),
            Inner::Tls(tls) => Pin::new(tls.as_mut()).poll_shutdown(cx),
        }
    }
}

/// TCP whose reading outlives its writing.
pub(super) struct Wire {
    tcp: TcpStream,
    fate: Fate,
    /// Something was written since something was last read.
    asked: bool,
    /// Why writing ended. What is written afterwards is thrown away; it is
    /// reported once there is nothing left to read.
    broken: Option<io::Error>,
}

impl Wire {
    pub fn new(tcp: TcpStream) -> Self {
        Self {
            tcp,
            fate: Fate::default(),
            asked: false,
            broken: None,
        }
    }

    /// The bytes count as written: hyper goes on to read.
    fn wrote(&mut self, result: io::Result<usize>, all: usize) -> io::Result<usize> {
        match result {
            Ok(written) => {
                self.asked = true;
                Ok(written)
            }
            Err(error) => {
                self.broken = Some(error);
                Ok(all)
            }
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let result = ready!(Pin::new(&mut this.tcp).poll_read(cx, buf));
        if buf.filled().len() > before {
            // An answer that comes after a second request isn't the first one.
            if this.asked && this.fate.0.beginning.get().is_some() {
                this.fate.0.over.store(true, Ordering::SeqCst);
            }
            this.asked = false;
        } else if result.is_ok()
            && let Some(error) = this.broken.take()
        {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(result)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.broken.is_some() {
            return Poll::Ready(Ok(bytes.len()));
        }
        let result = ready!(Pin::new(&mut this.tcp).poll_write(cx, bytes));
        Poll::Ready(this.wrote(result, bytes.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let all = bytes.iter().map(|slice| slice.len()).sum();
        if this.broken.is_some() {
            return Poll::Ready(Ok(all));
        }
        let result = ready!(Pin::new(&mut this.tcp).poll_write_vectored(cx, bytes));
        Poll::Ready(this.wrote(result, all))
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_shutdown(cx)
    }
}
