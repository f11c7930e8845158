//! A client's socket, with bounds on how slow the client may be.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::connections::Connection;

/// What is still read of a request that was refused, so that a client that
/// writes everything before it reads gets to see why.
const LINGER_BYTES: usize = 64 << 20;

/// How long that may take.
const LINGER_TIME: Duration = Duration::from_secs(2);

/// How slow a client may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// From the first byte of a head to its last.
    pub head: Duration,
    /// How long a client may read nothing of an answer that is ready.
    pub reading: Duration,
}

/// A stream that fails when its client takes no byte of an answer for some
/// time, or does not come to the end of a head; and that closes such that the
/// client can read the last answer.
pub(super) struct Wire<T> {
    stream: T,
    connection: Arc<Connection>,
    patience: Patience,
    /// Runs while a write waits.
    waiting: Option<Pin<Box<Sleep>>>,
    /// Runs while a head arrives: the head of the request after so many.
    head: Option<(u64, Pin<Box<Sleep>>)>,
    closing: Closing,
}

/// How far closing is.
enum Closing {
    Open,
    /// Ours is closed; theirs is read until it is closed, or these run out.
    Lingering(usize, Pin<Box<Sleep>>),
    Closed,
}

impl<T> Wire<T> {
    /// Wraps a socket that was accepted just now.
    pub fn new(stream: T, connection: Arc<Connection>, patience: Patience) -> Self {
        Self {
            stream,
            connection,
            patience,
            waiting: None,
            head: None,
            closing: Closing::Open,
        }
    }

    /// Passes a write's result on, and counts the time while there is none.
    fn bounded<R>(
        &mut self,
        context: &mut Context<'_>,
        result: Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        if result.is_ready() {
            if self.waiting.take().is_some() {
                self.connection.set_writing(false);
            }
            return result;
        }
        let patience = self.patience.reading;
        let connection = &self.connection;
        let waiting = self.waiting.get_or_insert_with(|| {
            connection.set_writing(true);
            Box::pin(sleep(patience))
        });
        ready!(waiting.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the client does not read its answer",
        )))
    }

    /// Whether a part of a head has arrived and the rest has not.
    fn is_in_head(&self) -> bool {
        let requests = self.connection.requests();
        !self.connection.is_busy() && self.head.as_ref().is_some_and(|(of, _)| *of == requests)
    }

    /// Fails when a head takes too long.
    fn check_head(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if !self.is_in_head() {
            self.head = None;
        }
        if let Some((_, time)) = &mut self.head
            && time.as_mut().poll(context).is_ready()
        {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the client does not come to the end of its request's head",
            ));
        }
        Ok(())
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Wire<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check_head(context)?;
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() > before && !self.connection.is_busy() && self.head.is_none() {
            let time = Box::pin(sleep(self.patience.head));
            self.head = Some((self.connection.requests(), time));
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.bounded(context, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.bounded(context, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(context);
        self.bounded(context, result)
    }

    /// Closing a socket with unread bytes in it makes the system throw away
    /// what the client has not read yet: the answer that says why.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            match &mut this.closing {
                Closing::Open => {
                    let result = Pin::new(&mut this.stream).poll_shutdown(context);
                    ready!(this.bounded(context, result))?;
                    let asked_to = this.connection.leave().is_cancelled();
                    let unread = this.connection.is_unread() || this.is_in_head();
                    this.closing = if unread && !asked_to {
                        Closing::Lingering(LINGER_BYTES, Box::pin(sleep(LINGER_TIME)))
                    } else {
                        Closing::Closed
                    };
                }
                Closing::Lingering(left, time) => {
                    let mut scratch = [0; 16 << 10];
                    let mut buffer = ReadBuf::new(&mut scratch);
                    let read = match Pin::new(&mut this.stream).poll_read(context, &mut buffer) {
                        Poll::Ready(Ok(())) => buffer.filled().len(),
                        Poll::Ready(Err(_)) => 0,
                        Poll::Pending => {
                            ready!(time.as_mut().poll(context));
                            0
                        }
                    };
                    match left.checked_sub(read) {
                        Some(rest) if read > 0 => *left = rest,
                        _ => this.closing = Closing::Closed,
                    }
                }
                Closing::Closed => return Poll::Ready(Ok(())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::connections::Connections;
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    const BOUND: Duration = Duration::from_secs(10);

    fn wire(buffer: usize, head: u64, reading: u64) -> (Wire<DuplexStream>, DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(buffer);
        let place = Connections::new(1, 1).admit([127, 0, 0, 1].into()).unwrap();
        let patience = Patience {
            head: Duration::from_millis(head),
            reading: Duration::from_millis(reading),
        };
        (
            Wire::new(ours, place.connection().clone(), patience),
            theirs,
        )
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_ends_the_write() {
        let (mut wire, _theirs) = wire(8, 60_000, 20);
        let result = tokio::time::timeout(BOUND, wire.write_all(&[0; 64])).await;
        let error = result.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(!wire.connection.is_idle());
    }

    #[tokio::test]
    async fn a_head_that_trickles_in_ends_the_connection() {
        let (mut wire, mut theirs) = wire(1024, 50, 60_000);
        let trickling = tokio::spawn(async move {
            while theirs.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        let reading = async {
            let mut bytes = [0; 16];
            loop {
                match wire.read(&mut bytes).await {
                    Ok(0) => panic!("it was closed"),
                    Ok(_) => {}
                    Err(error) => return error,
                }
            }
        };
        let error = tokio::time::timeout(BOUND, reading).await.unwrap();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(wire);
        trickling.await.unwrap();
    }

    #[tokio::test]
    async fn time_between_requests_is_not_time_of_a_head() {
        let (mut wire, mut theirs) = wire(1024, 10, 60_000);
        theirs.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let mut bytes = [0; 64];
        assert_ne!(wire.read(&mut bytes).await.unwrap(), 0);
        wire.connection.begin();
        wire.connection.finish();
        let later = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            theirs.write_all(b"GET").await.unwrap();
            theirs
        });
        let read = tokio::time::timeout(BOUND, wire.read(&mut bytes)).await;
        assert_eq!(read.unwrap().unwrap(), 3);
        drop(later.await.unwrap());
    }
}
