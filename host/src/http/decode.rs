//! Content codings (RFC 9110 §8.4) of answers: gzip, deflate, br.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use async_compression::tokio::bufread::{BrotliDecoder, DeflateDecoder, GzipDecoder, ZlibDecoder};
use bytes::{BufMut, Bytes};
use encoding_rs::Encoding;
use futures_util::{Stream, StreamExt};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader, ReadBuf};
use tokio_util::io::StreamReader;

use super::SendErrorKind;
use super::body::{Unreadable, reserve_within};

/// What the client offers; exactly what [`codings`] reads.
pub(super) const ACCEPTED: &str = "gzip, deflate, br";

/// Most codings of one answer. Servers use one, a proxy may add another; each
/// is a decoder's memory.
const MAX_CODINGS: usize = 3;

/// Most bytes decoded before other tasks get their turn.
const STRIDE: usize = 32 * 1024;

/// One content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    /// RFC 9110 says zlib; some servers send raw deflate.
    Deflate,
    Brotli,
}

/// The codings of an answer, in the order in which they were applied.
pub(super) fn codings(headers: &HeaderMap) -> Result<Vec<Coding>, Unreadable> {
    let refuse = |message: String| Unreadable::new(SendErrorKind::Decode, message);
    let mut codings = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        let value = value
            .to_str()
            .map_err(|_| refuse("the answer's content-encoding is not ASCII".to_owned()))?;
        for token in value.split(',').map(str::trim) {
            let coding = match token.to_ascii_lowercase().as_str() {
                "" | "identity" => continue,
                // Some servers name the text's encoding here, or that there is none.
                label if label == "none" || Encoding::for_label(label.as_bytes()).is_some() => {
                    continue;
                }
                "gzip" | "x-gzip" => Coding::Gzip,
                "deflate" => Coding::Deflate,
                "br" => Coding::Brotli,
                unknown => {
                    let name: String = unknown.chars().take(32).collect();
                    return Err(refuse(format!(
                        "the answer's content-encoding `{name}` was not asked for; \
                         only {ACCEPTED} can be read"
                    )));
                }
            };
            codings.push(coding);
        }
    }
    if codings.len() > MAX_CODINGS {
        return Err(refuse(format!(
            "the answer has {} content codings, more than the {MAX_CODINGS} that are undone",
            codings.len()
        )));
    }
    Ok(codings)
}

type Reader<'a> = Box<dyn AsyncRead + Send + Unpin + 'a>;

/// Undoes `codings`, the last one first. Neither what goes into nor what comes
/// out of any of them may be longer than `limit`.
pub(super) async fn decode(
    mut chunks: impl Stream<Item = Result<Bytes, Unreadable>> + Send + Unpin,
    codings: &[Coding],
    limit: usize,
) -> Result<Bytes, Unreadable> {
    let mut reader: Reader<'_> = Box::new(StreamReader::new(&mut chunks));
    for coding in codings.iter().rev() {
        let input = BufReader::new(Capped {
            inner: reader,
            left: limit,
            limit,
        });
        reader = undo(*coding, input).await?;
    }
    let mut decoded = Vec::new();
    loop {
        reserve_within(&mut decoded, 1, limit.max(STRIDE));
        let room = (decoded.capacity() - decoded.len()).min(STRIDE);
        if reader.read_buf(&mut (&mut decoded).limit(room)).await? == 0 {
            break;
        }
        if decoded.len() > limit {
            return Err(Unreadable::too_large(limit));
        }
        tokio::task::coop::consume_budget().await;
    }
    drop(reader);
    // A decoder stops at the end of its data. The message has to end, too:
    // otherwise it is incomplete, and its connection can't be used again.
    while let Some(rest) = chunks.next().await {
        rest?;
    }
    Ok(decoded.into())
}

async fn undo<'a>(coding: Coding, mut input: BufReader<Capped<'a>>) -> io::Result<Reader<'a>> {
    Ok(match coding {
        Coding::Gzip => {
            // Some gateways undo the coding and leave its name. Gzip begins with
            // two bytes that no text begins with (RFC 1952 §2.3.1).
            if input.fill_buf().await?.first().is_none_or(is_gzip) {
                Box::new(Members {
                    member: Some(GzipDecoder::new(input)),
                })
            } else {
                Box::new(input)
            }
        }
        Coding::Deflate => {
            // RFC 1950 §2.2: a zlib stream begins with compression method 8 in
            // the low and a window of at most 2^15 in the high four bits. As the
            // beginning of raw deflate that would be a stored block with padding
            // that isn't zero, which no encoder writes.
            let zlib = input
                .fill_buf()
                .await?
                .first()
                .is_some_and(|first| first & 0x0f == 8 && first >> 4 <= 7);
            if zlib {
                Box::new(ZlibDecoder::new(input))
            } else {
                Box::new(DeflateDecoder::new(input))
            }
        }
        Coding::Brotli => Box::new(BrotliDecoder::new(input)),
    })
}

fn is_gzip(first: &u8) -> bool {
    *first == 0x1f
}

/// Several gzip members are one stream (RFC 1952 §2.2). What follows the last one
/// and is none is left out, as gzip itself does: the data before it was complete,
/// and its checksum right.
struct Members<'a> {
    member: Option<GzipDecoder<BufReader<Capped<'a>>>>,
}

impl AsyncRead for Members<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        while let Some(member) = &mut self.member {
            ready!(Pin::new(&mut *member).poll_read(cx, buf))?;
            if buf.filled().len() > before || buf.remaining() == 0 {
                break;
            }
            let rest = ready!(Pin::new(member.get_mut()).poll_fill_buf(cx))?;
            let more = rest.first().is_some_and(is_gzip);
            self.member = self
                .member
                .take()
                .filter(|_| more)
                .map(|member| GzipDecoder::new(member.into_inner()));
        }
        Poll::Ready(Ok(()))
    }
}

/// A reader that fails, instead of ending, after `limit` bytes.
struct Capped<'a> {
    inner: Reader<'a>,
    left: usize,
    limit: usize,
}

impl AsyncRead for Capped<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        let read = buf.filled().len() - before;
        match self.left.checked_sub(read) {
            Some(left) => {
                self.left = left;
                Poll::Ready(Ok(()))
            }
            None => Poll::Ready(Err(Unreadable::too_large(self.limit).into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::tests::compress;

    const TEXT: &[u8] = "{\"名\":\"苹果\",\"n\":12345678901234567890}".as_bytes();

    async fn undo_all(bytes: &[u8], codings: &[Coding], limit: usize) -> Result<Bytes, Unreadable> {
        // One byte at a time: no decoder may depend on where a chunk ends.
        let chunks = bytes
            .iter()
            .map(|byte| Ok(Bytes::copy_from_slice(&[*byte])));
        decode(futures_util::stream::iter(chunks), codings, limit).await
    }

    fn headers(values: &[&'static str]) -> HeaderMap {
        values
            .iter()
            .map(|value| (CONTENT_ENCODING, http::HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn codings_are_read_from_every_header_line() {
        use Coding::{Brotli, Deflate, Gzip};
        for (values, expected) in [
            (&[][..], vec![]),
            (&["identity"], vec![]),
            (&["GZip"], vec![Gzip]),
            (&["deflate , br"], vec![Deflate, Brotli]),
            (&["x-gzip", "identity,deflate"], vec![Gzip, Deflate]),
            (&["UTF-8"], vec![]),
            (&["gbk", "none"], vec![]),
        ] {
            assert_eq!(codings(&headers(values)).unwrap(), expected, "{values:?}");
        }
        for values in [
            &["zstd"][..],
            &["gzip;q=1"],
            &["gzip,gzip,gzip,gzip"],
            &["gzip", "compress"],
        ] {
            assert_eq!(
                codings(&headers(values)).unwrap_err().kind,
                SendErrorKind::Decode
            );
        }
    }

    #[tokio::test]
    async fn every_coding_and_any_order_of_them_is_undone() {
        use Coding::{Brotli, Deflate, Gzip};
        let zlib = compress::zlib(TEXT).await;
        let raw = compress::deflate(TEXT).await;
        let gzip = compress::gzip(TEXT).await;
        let br = compress::brotli(TEXT).await;
        for (bytes, codings) in [
            (zlib.clone(), vec![Deflate]),
            (raw.clone(), vec![Deflate]),
            (gzip.clone(), vec![Gzip]),
            (br.clone(), vec![Brotli]),
            (compress::brotli(&gzip).await, vec![Gzip, Brotli]),
            (
                compress::gzip(&compress::deflate(&br).await).await,
                vec![Brotli, Deflate, Gzip],
            ),
        ] {
            assert_eq!(
                undo_all(&bytes, &codings, 1000).await.unwrap(),
                TEXT,
                "{codings:?}"
            );
        }
    }

    #[tokio::test]
    async fn several_gzip_members_are_one_stream() {
        let twice = [compress::gzip(TEXT).await, compress::gzip(TEXT).await].concat();
        let decoded = undo_all(&twice, &[Coding::Gzip], 1000).await.unwrap();
        assert_eq!(decoded, [TEXT, TEXT].concat());
    }

    #[tokio::test]
    async fn what_follows_the_last_gzip_member_is_left_out() {
        for rest in [&b"\0\0\0\0"[..], b"<!-- 3 ms -->", b"\r\n"] {
            let bytes = [&compress::gzip(TEXT).await, rest].concat();
            let decoded = undo_all(&bytes, &[Coding::Gzip], 1000).await.unwrap();
            assert_eq!(decoded, TEXT);
        }
    }

    #[tokio::test]
    async fn text_that_is_only_called_gzip_is_text() {
        let decoded = undo_all(TEXT, &[Coding::Gzip], 1000).await.unwrap();
        assert_eq!(decoded, TEXT);
    }

    #[tokio::test]
    async fn the_bound_holds_at_its_last_byte_and_between_codings() {
        for (length, fits) in [(499, true), (500, true), (501, false)] {
            let bytes = compress::brotli(&vec![b'x'; length]).await;
            let result = undo_all(&bytes, &[Coding::Brotli], 500).await;
            assert_eq!(result.is_ok(), fits, "{length}");
            if let Err(error) = result {
                assert_eq!(error.kind, SendErrorKind::TooLarge);
            }
        }
        // A megabyte of empty gzip members decodes to nothing.
        let empty = compress::gzip(b"").await;
        let inner = empty.repeat(1_000_000 / empty.len());
        let outer = compress::gzip(&inner).await;
        assert!(outer.len() < 50_000);
        let result = undo_all(&outer, &[Coding::Gzip, Coding::Gzip], 50_000).await;
        assert_eq!(result.unwrap_err().kind, SendErrorKind::TooLarge);
    }

    #[tokio::test]
    async fn what_is_broken_or_cut_short_is_not_an_answer() {
        let gzip = compress::gzip(TEXT).await;
        let mut flipped = gzip.clone();
        flipped[15] ^= 0xff;
        for (bytes, coding) in [
            (&gzip[..gzip.len() - 1], Coding::Gzip),
            (&flipped, Coding::Gzip),
            (&gzip[..5], Coding::Gzip),
            (TEXT, Coding::Deflate),
            (b"\xff\xff\xff", Coding::Brotli),
        ] {
            let error = undo_all(bytes, &[coding], 1000).await.unwrap_err();
            assert_eq!(error.kind, SendErrorKind::Decode, "{coding:?}");
        }
    }
}
