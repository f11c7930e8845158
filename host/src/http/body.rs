//! The request's bytes going out, and the answer's coming in within its bound.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_util::{Stream, StreamExt};
use hyper::body::{Body, Frame, SizeHint};

use super::decode::{Coding, decode};
use super::{Reached, SendErrorKind, failure};

/// What became of a request's body, and so of the request.
#[derive(Clone)]
pub(super) struct Progress(Arc<AtomicU8>);

/// Hyper has not looked at the body yet.
const WAITING: u8 = 0;
/// Hyper has asked how long the body is: the head is being encoded.
const STARTED: u8 = 1;
/// The body was dropped before hyper looked at it: it can't be sent any more.
const DROPPED: u8 = 2;

impl Progress {
    /// Ask once the call to hyper has ended or its future has been dropped.
    ///
    /// This rests on what happened to the bytes, not on which error came back:
    /// hyper has to ask for the body's length before it can write the head, and
    /// a body that was dropped unasked can't be written later. Where neither is
    /// certain yet, because a connection's task holds the request at this very
    /// moment, the answer is the careful one.
    pub fn reached(&self) -> Reached {
        match self.0.load(Ordering::SeqCst) {
            DROPPED => Reached::NotSent,
            _ => Reached::MaybeApplied,
        }
    }

    /// Whether hyper has begun with the request.
    pub fn started(&self) -> bool {
        self.0.load(Ordering::SeqCst) == STARTED
    }

    fn leave_waiting(&self, state: u8) {
        let _ = self
            .0
            .compare_exchange(WAITING, state, Ordering::SeqCst, Ordering::SeqCst);
    }
}

/// A request's body: all of it at once, and a record of whether it was asked for.
pub(super) struct RequestBody {
    bytes: Option<Bytes>,
    progress: Progress,
}

impl RequestBody {
    pub fn new(bytes: Bytes) -> (Self, Progress) {
        let progress = Progress(Arc::new(AtomicU8::new(WAITING)));
        let body = Self {
            bytes: Some(bytes).filter(|bytes| !bytes.is_empty()),
            progress: progress.clone(),
        };
        (body, progress)
    }

    /// Asked before hyper has the body: no sign of progress.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_none()
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.progress.leave_waiting(STARTED);
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.progress.leave_waiting(STARTED);
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.progress.leave_waiting(STARTED);
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.progress.leave_waiting(DROPPED);
    }
}

/// Why an answer could not be read to its end.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Unreadable {
    pub kind: SendErrorKind,
    pub message: String,
    /// The platform has proved that it did not process the request.
    pub unprocessed: bool,
    /// The platform takes the request over HTTP/1.1 only.
    pub wants_http1: bool,
}

impl Unreadable {
    pub fn new(kind: SendErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            unprocessed: false,
            wants_http1: false,
        }
    }

    /// The same of a request that certainly had no effect.
    pub fn unprocessed(self) -> Self {
        Self {
            unprocessed: true,
            ..self
        }
    }

    pub fn too_large(limit: usize) -> Self {
        Self::new(
            SendErrorKind::TooLarge,
            format!(
                "the answer is larger than the {limit} bytes allowed; \
                 raise response_body_mb or ask for less at once"
            ),
        )
    }
}

/// So that it can pass through readers, and come out again as it was.
impl From<Unreadable> for io::Error {
    fn from(unreadable: Unreadable) -> Self {
        io::Error::other(unreadable)
    }
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        match error.downcast::<Unreadable>() {
            Ok(unreadable) => unreadable,
            Err(error) => {
                tracing::debug!(target: "crossdock::http", %error, "no decoded answer");
                Self::new(
                    SendErrorKind::Decode,
                    "the answer is not compressed as its content-encoding says, or is cut short",
                )
            }
        }
    }
}

/// Reads an answer's body to its end.
///
/// `limit` bounds the bytes on the wire, the bytes between two codings, and the
/// decoded bytes, each by itself. A body that arrives in one piece is handed on
/// without a copy.
pub(super) async fn read<B>(body: B, codings: &[Coding], limit: usize) -> Result<Bytes, Unreadable>
where
    B: Body<Data = Bytes> + Send + Unpin,
    B::Error: Error + 'static,
{
    let declared = body.size_hint();
    // What hyper reports here is `content-length`.
    if declared.lower() > limit as u64 {
        return Err(Unreadable::too_large(limit));
    }
    let mut chunks = Chunks::new(body, limit);
    let Some(first) = chunks.next().await.transpose()? else {
        return Ok(Bytes::new());
    };
    if !codings.is_empty() {
        chunks.put_back(first);
        return decode(chunks, codings, limit).await;
    }
    let Some(second) = chunks.next().await.transpose()? else {
        return Ok(first);
    };
    let expected = declared.exact().map_or(0, |length| length as usize);
    let mut whole = Vec::with_capacity(expected.max(first.len() + second.len()));
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&second);
    drop((first, second));
    while let Some(chunk) = chunks.next().await.transpose()? {
        reserve_within(&mut whole, chunk.len(), limit);
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.into())
}

/// Makes room for `more` bytes, doubling as `Vec` does, but never beyond
/// `limit` unless `more` itself needs it.
pub(super) fn reserve_within(buffer: &mut Vec<u8>, more: usize, limit: usize) {
    let needed = buffer.len() + more;
    if needed > buffer.capacity() {
        let wanted = (buffer.capacity() * 2).min(limit).max(needed);
        buffer.reserve_exact(wanted - buffer.len());
    }
}

/// The data of a body, at most `limit` bytes of it; trailers are left out.
pub(super) struct Chunks<B> {
    body: B,
    put_back: Option<Bytes>,
    left: usize,
    limit: usize,
    /// What the answer says of its length.
    declared: Option<u64>,
}

impl<B: Body> Chunks<B> {
    pub fn new(body: B, limit: usize) -> Self {
        Self {
            declared: body.size_hint().exact(),
            body,
            put_back: None,
            left: limit,
            limit,
        }
    }

    fn put_back(&mut self, chunk: Bytes) {
        self.put_back = Some(chunk);
    }
}

impl<B> Stream for Chunks<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Error + 'static,
{
    type Item = Result<Bytes, Unreadable>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(chunk) = self.put_back.take() {
            return Poll::Ready(Some(Ok(chunk)));
        }
        loop {
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                None => {
                    // An HTTP/2 stream that the platform resets with NO_ERROR ends
                    // here like any other.
                    let read = (self.limit - self.left) as u64;
                    return Poll::Ready(match self.declared.take() {
                        Some(declared) if read < declared => Some(Err(Unreadable::new(
                            SendErrorKind::ConnectionLost,
                            "the answer broke off: it is shorter than it says",
                        ))),
                        _ => None,
                    });
                }
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Poll::Ready(Some(Err(failure::broken_off(&error)))),
            };
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if !data.has_remaining() {
                continue;
            }
            let Some(left) = self.left.checked_sub(data.len()) else {
                return Poll::Ready(Some(Err(Unreadable::too_large(self.limit))));
            };
            self.left = left;
            return Poll::Ready(Some(Ok(data)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{Full, StreamBody};

    fn pieces(
        pieces: Vec<Bytes>,
    ) -> StreamBody<impl Stream<Item = Result<Frame<Bytes>, Infallible>> + Unpin> {
        StreamBody::new(futures_util::stream::iter(
            pieces.into_iter().map(|piece| Ok(Frame::data(piece))),
        ))
    }

    #[tokio::test]
    async fn a_body_in_one_piece_is_not_copied() {
        let body = Bytes::from(vec![7; 5000]);
        let read = read(Full::new(body.clone()), &[], 5000).await.unwrap();
        assert_eq!(read.as_ptr(), body.as_ptr());
    }

    #[tokio::test]
    async fn a_body_in_many_pieces_arrives_in_order_and_within_its_bound() {
        let parts = (0..100u8).map(|i| Bytes::from(vec![i; 100]));
        let whole = parts.clone().flatten().collect::<Vec<_>>();
        assert_eq!(
            read(pieces(parts.clone().collect()), &[], 10_000)
                .await
                .unwrap(),
            whole
        );
        let error = read(pieces(parts.collect()), &[], 9_999).await.unwrap_err();
        assert_eq!(error.kind, SendErrorKind::TooLarge);
    }

    #[test]
    fn a_buffer_never_outgrows_the_limit() {
        let mut buffer = Vec::new();
        for _ in 0..1000 {
            reserve_within(&mut buffer, 1000, 1_000_000);
            buffer.extend_from_slice(&[0; 1000]);
            assert!(buffer.capacity() <= 1_000_000);
        }
    }

    #[test]
    fn a_body_nobody_asked_for_was_not_sent() {
        let (body, progress) = RequestBody::new(Bytes::from_static(b"x"));
        assert_eq!(progress.reached(), Reached::MaybeApplied);
        drop(body);
        assert_eq!(progress.reached(), Reached::NotSent);
    }

    #[test]
    fn a_body_that_was_asked_for_may_have_been_sent() {
        let looks: [fn(&RequestBody); 2] = [
            |body| assert_eq!(body.size_hint().exact(), Some(0)),
            |body| assert!(body.is_end_stream()),
        ];
        for look in looks {
            let (body, progress) = RequestBody::new(Bytes::new());
            look(&body);
            drop(body);
            assert_eq!(progress.reached(), Reached::MaybeApplied);
        }
    }
}
