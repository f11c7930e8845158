//! Bodies of one item a line (NDJSON): read, cut into pieces and taken in piece
//! by piece, so that a body of any length takes as much memory as one piece.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use async_compression::tokio::bufread::GzipDecoder;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use futures_util::TryStreamExt;
use http_body_util::BodyStream;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncReadExt, BufReader};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::io::StreamReader;

use super::calls::{Answer, json};
use super::problem::{Refused, Stopped, TakenLines};
use super::{App, Service};
use crate::delivery::lines::{self, BadLine, Cut, Piece, Pieces};
use crate::host::Call;
use crate::problem::Problem;

/// Most lines of one body.
const MOST_LINES: u64 = 1_000_000;

/// Most bytes of one body, packed and unpacked.
const MOST_BYTES: u64 = 4 << 30;

/// How long a body may take to arrive and to be taken in.
const BULK_TIME: Duration = Duration::from_secs(30 * 60);

/// How long nothing of it may arrive.
const PAUSE_TIME: Duration = Duration::from_secs(10);

/// How long a piece waits for memory.
const MEMORY_TIME: Duration = Duration::from_secs(5);

/// What is read at once.
const STEP: usize = 64 << 10;

/// A call whose items come one a line.
pub(super) struct Bulk {
    /// The call, without its items.
    pub call: Call,
    /// Where they come from.
    pub body: Body,
    /// Whether that is packed.
    pub gzip: bool,
}

/// The answer when everything was taken in.
#[derive(Serialize)]
struct Accepted {
    deliveries: Vec<TakenLines>,
    items: usize,
}

/// A body that is worked on as a whole: its lines as one JSON array.
pub(super) fn whole(body: &[u8], most: usize) -> Result<Bytes, Refused> {
    match lines::array(body, most) {
        Ok(piece) => Ok(piece.body.into()),
        Err(bad) => Err(bad_line(bad, None, Vec::new())),
    }
}

/// Takes in what comes, piece by piece.
pub(super) async fn take<S: Service>(app: &App<S>, bulk: Bulk) -> Result<Answer, Refused> {
    let _counted = app.begin()?;
    let limits = &app.service.config().limits;
    let cut = Cut::within(limits.items_per_call, limits.request_body);
    // What is not in a piece yet, what is, and what is read of a body at once.
    let held = 2 * cut.bytes + 2 * STEP;
    let memory = app.service.memory();
    let share = memory.take(held.min(memory.total()), MEMORY_TIME).await;
    let _share = share.map_err(|_| {
        Refused::busy(
            "the calls being received and worked on hold as much memory as `[limits] calls_memory_mb` allows; nothing was taken in, try again later",
        )
    })?;
    let mut taking = Taking {
        app,
        call: bulk.call,
        pieces: Pieces::new(cut),
        deliveries: Vec::new(),
        items: 0,
        known: true,
    };
    let source = Source::new(bulk.body, bulk.gzip);
    let whole = timeout_at(Instant::now() + BULK_TIME, taking.all(source)).await;
    let whole = whole.unwrap_or_else(|_| Err(late()));
    match whole {
        Ok(()) => taking.answer(),
        Err(Stop::Line(bad)) => {
            let taken = taking.lines_taken();
            Err(bad_line(bad, Some(taken), taking.deliveries))
        }
        Err(Stop::Other { refused, line }) => {
            let stopped = Stopped {
                line,
                lines_taken: Some(taking.lines_taken()),
                deliveries: taking.deliveries,
            };
            Err(refused.stopped(stopped))
        }
    }
}

/// Why no more was taken in.
enum Stop {
    /// A line is no item.
    Line(BadLine),
    /// Anything else, and the line that it is about.
    Other {
        refused: Box<Refused>,
        line: Option<u64>,
    },
}

impl From<Refused> for Stop {
    fn from(refused: Refused) -> Self {
        Self::Other {
            refused: refused.into(),
            line: None,
        }
    }
}

fn late() -> Stop {
    Stop::from(Refused::new(
        StatusCode::REQUEST_TIMEOUT,
        Problem::caller(
            "body-timeout",
            format!(
                "the body took longer than {} minutes, or paused for {} s",
                BULK_TIME.as_secs() / 60,
                PAUSE_TIME.as_secs()
            ),
        ),
    ))
}

fn too_large(what: impl std::fmt::Display) -> Stop {
    Stop::from(Refused::from(Problem::caller(
        "body-too-large",
        format!("the body has more than {what}; split it over several calls"),
    )))
}

fn bad_line(bad: BadLine, taken: Option<u64>, deliveries: Vec<TakenLines>) -> Refused {
    let BadLine { line, problem } = bad;
    let mut problem = *problem;
    problem.detail = match taken {
        None => format!("line {line}: {}", problem.detail),
        Some(0) => format!("line {line}: {}; nothing was taken in", problem.detail),
        Some(taken) => format!(
            "line {line}: {}; what is before line {} was taken in",
            problem.detail,
            taken + 1
        ),
    };
    Refused::from(problem).stopped(Stopped {
        line: Some(line),
        lines_taken: taken,
        deliveries,
    })
}

/// A body on its way into the outbox.
struct Taking<'a, S> {
    app: &'a App<S>,
    call: Call,
    pieces: Pieces,
    deliveries: Vec<TakenLines>,
    items: usize,
    /// Whether all of it was taken in before.
    known: bool,
}

impl<S: Service> Taking<'_, S> {
    async fn all(&mut self, mut source: Source) -> Result<(), Stop> {
        let mut buffer = vec![0; STEP];
        loop {
            let read = source.read(&mut buffer).await?;
            let part = buffer.get(..read).unwrap_or_default();
            self.pieces.push(part);
            loop {
                // Whoever stops the host does not wait for a body of millions.
                if self.app.ending.is_cancelled() {
                    return Err(Refused::shutting_down().into());
                }
                match self.pieces.next(read == 0).map_err(Stop::Line)? {
                    Some(piece) => self.piece(piece).await?,
                    None => break,
                }
            }
            if self.pieces.line() > MOST_LINES {
                return Err(too_large(format!("{MOST_LINES} lines")));
            }
            if read == 0 {
                return Ok(());
            }
        }
    }

    async fn piece(&mut self, piece: Piece) -> Result<(), Stop> {
        let lines = [piece.first_line(), piece.last_line()];
        let of_all = self.call.idempotency_key.as_deref();
        let call = Call {
            idempotency_key: of_all.map(|key| piece.key(key)),
            body: piece.body.into(),
            ..self.call.clone()
        };
        let queued = Box::pin(self.app.service.queue(call)).await;
        let queued = queued.map_err(|mut problem| {
            let line = problem.item.take().and_then(|item| piece.lines.get(item));
            let line = line.copied();
            problem.detail = format!("lines {} to {}: {}", lines[0], lines[1], problem.detail);
            Stop::Other {
                refused: Box::new(Refused::from(problem)),
                line: Some(line.unwrap_or(lines[0])),
            }
        })?;
        self.items += queued.items;
        self.known &= queued.known;
        self.deliveries.push(TakenLines {
            delivery: queued.delivery,
            lines,
            items: queued.items,
            status: queued.status,
        });
        Ok(())
    }

    fn lines_taken(&self) -> u64 {
        self.deliveries.last().map_or(0, |last| last.lines[1])
    }

    fn answer(self) -> Result<Answer, Refused> {
        if self.deliveries.is_empty() {
            return Err(Refused::from(Problem::caller(
                "no-items",
                "the body has no line with an item; there is nothing to deliver",
            )));
        }
        let mut response = json(&Accepted {
            deliveries: self.deliveries,
            items: self.items,
        })?;
        *response.status_mut() = StatusCode::ACCEPTED;
        Ok(Answer {
            response,
            status: if self.known { "known" } else { "queued" },
            items: self.items,
            delivery: None,
        })
    }
}

/// A body's bytes, unpacked.
struct Source {
    reader: Pin<Box<dyn AsyncRead + Send>>,
    /// Bytes that may still come.
    left: u64,
}

impl Source {
    fn new(body: Body, gzip: bool) -> Self {
        let stream = BodyStream::new(body)
            .try_filter_map(|frame| async move { Ok(frame.into_data().ok()) })
            .map_err(|_| io::Error::from(io::ErrorKind::ConnectionAborted));
        // What is packed has the bound of what is unpacked.
        let packed = StreamReader::new(Box::pin(stream)).take(MOST_BYTES + 1);
        let reader: Pin<Box<dyn AsyncRead + Send>> = match gzip {
            false => Box::pin(packed),
            true => {
                let mut decoder = GzipDecoder::new(BufReader::new(packed));
                decoder.multiple_members(true);
                Box::pin(decoder)
            }
        };
        Self {
            reader,
            left: MOST_BYTES,
        }
    }

    /// The next bytes; none at the end.
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Stop> {
        let read = timeout(PAUSE_TIME, self.reader.read(buffer)).await;
        let read = read.map_err(|_| late())?.map_err(|error| {
            let aborted = error.kind() == io::ErrorKind::ConnectionAborted;
            Stop::from(match aborted {
                true => Refused::bad_request(
                    "incomplete-body",
                    "the connection ended before the body did",
                ),
                false => Refused::bad_request(
                    "invalid-content-encoding",
                    "the body is not what its `Content-Encoding: gzip` says, or it is cut short",
                ),
            })
        })?;
        match self.left.checked_sub(read as u64) {
            Some(left) => self.left = left,
            None => return Err(too_large(format!("{} GiB", MOST_BYTES >> 30))),
        }
        Ok(read)
    }
}
