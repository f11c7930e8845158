//! A call's body, within bounds on its size, its time and the memory of all.

use std::io;
use std::time::Duration;

use async_compression::tokio::bufread::GzipDecoder;
use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, StatusCode};
use futures_util::TryStreamExt;
use http_body_util::{BodyExt, BodyStream};
use tokio::io::{AsyncRead, AsyncReadExt, BufReader};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::io::StreamReader;

use super::problem::Refused;
use super::query::is_gzip;
use crate::budget::{Budget, Share};
use crate::problem::Problem;
use crate::text::without_mark;

/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);

/// How long nothing of it may arrive.
const PAUSE_TIME: Duration = Duration::from_secs(10);

/// How long a caller waits for memory.
const MEMORY_TIME: Duration = Duration::from_secs(5);

/// What a body of unknown length takes at first, and what is read of a packed
/// one at once.
const STEP: usize = 64 << 10;

/// Why a body was not read.
enum Unread {
    TooLarge,
    Late,
    Broken,
    Coding,
    NoMemory,
}

impl Unread {
    fn refused(self, most: usize) -> Refused {
        match self {
            Self::TooLarge => Refused::from(Problem::caller(
                "body-too-large",
                format!(
                    "the body has more than {most} bytes, which `[limits] request_body_mb` allows; split the items over several calls"
                ),
            )),
            Self::Late => Refused::new(
                StatusCode::REQUEST_TIMEOUT,
                Problem::caller(
                    "body-timeout",
                    format!(
                        "the body took longer than {} s, or paused for {} s",
                        BODY_TIME.as_secs(),
                        PAUSE_TIME.as_secs()
                    ),
                ),
            ),
            Self::Broken => Refused::bad_request(
                "incomplete-body",
                "the connection ended before the body did",
            ),
            Self::Coding => Refused::bad_request(
                "invalid-content-encoding",
                "the body is not what its `Content-Encoding: gzip` says, or it is cut short",
            ),
            Self::NoMemory => Refused::busy(
                "the calls being received and worked on hold as much memory as `[limits] calls_memory_mb` allows; nothing was sent, try again later",
            ),
        }
    }
}

/// Reads a body of at most `most` bytes, unpacked. The share has to be kept for
/// as long as what is made of the body.
pub(super) async fn read(
    body: Body,
    headers: &HeaderMap,
    most: usize,
    memory: &Budget,
) -> Result<(Bytes, Share), Refused> {
    let gzip = is_gzip(headers)?;
    let length = announced(headers, most)?;
    // How far a packed body unpacks is not known before.
    let first = if gzip { most } else { length.unwrap_or(STEP) };
    let share = memory.take(first, MEMORY_TIME).await;
    let Ok(mut share) = share else {
        return Err(Unread::NoMemory.refused(most));
    };
    let until = Instant::now() + BODY_TIME;
    let read = if gzip {
        timeout_at(until, unpack(body, most)).await
    } else {
        timeout_at(until, collect(body, length, most, &mut share)).await
    };
    let bytes = read
        .unwrap_or(Err(Unread::Late))
        .map_err(|unread| unread.refused(most))?;
    let skip = bytes.len() - without_mark(&bytes).len();
    let bytes = bytes.slice(skip..);
    share.shrink_to(bytes.len());
    Ok((bytes, share))
}

/// Reads a body of at most `most` bytes as it came, byte for byte: what it was signed
/// as.
pub(super) async fn raw(
    body: Body,
    headers: &HeaderMap,
    most: usize,
    memory: &Budget,
) -> Result<(Bytes, Share), Refused> {
    let length = announced(headers, most)?;
    let share = memory.take(length.unwrap_or(STEP), MEMORY_TIME).await;
    let Ok(mut share) = share else {
        return Err(Unread::NoMemory.refused(most));
    };
    let until = Instant::now() + BODY_TIME;
    let read = timeout_at(until, collect(body, length, most, &mut share)).await;
    let bytes = read
        .unwrap_or(Err(Unread::Late))
        .map_err(|unread| unread.refused(most))?;
    Ok((bytes, share))
}

/// The length that a body says of itself, if that is not too much already.
fn announced(headers: &HeaderMap, most: usize) -> Result<Option<usize>, Refused> {
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    match announced.map(usize::try_from) {
        Some(Ok(length)) if length <= most => Ok(Some(length)),
        Some(_) => Err(Unread::TooLarge.refused(most)),
        None => Ok(None),
    }
}

/// The next part, if it does not keep anybody waiting for too long.
async fn next(body: &mut Body) -> Result<Option<Bytes>, Unread> {
    loop {
        let frame = timeout(PAUSE_TIME, body.frame()).await;
        match frame.map_err(|_| Unread::Late)? {
            None => return Ok(None),
            Some(Err(_)) => return Err(Unread::Broken),
            Some(Ok(frame)) => {
                // Trailers say nothing about the items.
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

async fn collect(
    mut body: Body,
    length: Option<usize>,
    most: usize,
    share: &mut Share,
) -> Result<Bytes, Unread> {
    let Some(first) = next(&mut body).await? else {
        return Ok(Bytes::new());
    };
    // Most bodies come in one piece.
    if Some(first.len()) == length {
        return Ok(first);
    }
    let mut bytes = Vec::with_capacity(length.unwrap_or(STEP).max(first.len()));
    let mut part = Some(first);
    while let Some(data) = part {
        let size = bytes.len() + data.len();
        if size > most {
            return Err(Unread::TooLarge);
        }
        // Room for the next parts as well, so that it is rarely asked for.
        let wanted = if size > share.bytes() { size * 2 } else { 0 };
        if !share.grow_to(wanted.min(most)) && !share.grow_to(size) {
            return Err(Unread::NoMemory);
        }
        bytes.extend_from_slice(&data);
        part = next(&mut body).await?;
    }
    Ok(bytes.into())
}

async fn unpack(body: Body, most: usize) -> Result<Bytes, Unread> {
    let packed = BodyStream::new(body)
        .try_filter_map(|frame| async move { Ok(frame.into_data().ok()) })
        .map_err(|_| io::Error::from(io::ErrorKind::ConnectionAborted));
    let packed = std::pin::pin!(packed);
    // What is packed has the bound of what is unpacked: a stream of empty
    // members unpacks to nothing.
    let mut packed = StreamReader::new(packed).take(most as u64 + 1);
    let mut unpacked = Vec::new();
    let done = {
        let mut decoder = GzipDecoder::new(BufReader::new(&mut packed));
        // RFC 1952 §2.2: several members are one stream.
        decoder.multiple_members(true);
        fill(&mut decoder, &mut unpacked, most).await
    };
    if packed.limit() == 0 {
        return Err(Unread::TooLarge);
    }
    done.map(|()| unpacked.into())
}

async fn fill(
    decoder: &mut (impl AsyncRead + Unpin),
    unpacked: &mut Vec<u8>,
    most: usize,
) -> Result<(), Unread> {
    loop {
        unpacked.reserve(STEP.min(most + 1 - unpacked.len().min(most)));
        let read = timeout(PAUSE_TIME, decoder.read_buf(unpacked)).await;
        match read.map_err(|_| Unread::Late)? {
            Ok(0) => return Ok(()),
            Ok(_) if unpacked.len() > most => return Err(Unread::TooLarge),
            Ok(_) => tokio::task::coop::consume_budget().await,
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {
                return Err(Unread::Broken);
            }
            Err(_) => return Err(Unread::Coding),
        }
    }
}
