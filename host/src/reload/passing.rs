//! What may pass by itself: files that cannot be read now, a host that is too
//! busy now. It is neither "gone" nor final, and is tried again by itself.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use crate::clock::{millis, now_ms};

/// The first pause before something is tried again; each next is twice as long.
const FIRST: Duration = Duration::from_millis(500);

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(60);

/// When something that failed is tried again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backoff {
    failures: u32,
    /// The moment.
    pub at: Instant,
    at_ms: u64,
}

/// The same for the interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Retry {
    /// How often it has failed in a row.
    pub failures: u32,
    /// When it is tried again, Unix milliseconds.
    pub at_ms: u64,
}

impl Backoff {
    /// After one more failure.
    pub fn after(before: Option<Backoff>) -> Self {
        let failures = before.map_or(0, |before| before.failures).saturating_add(1);
        let doubled = FIRST * 2_u32.saturating_pow((failures - 1).min(16));
        let pause = doubled.min(LONGEST);
        Self {
            failures,
            at: Instant::now() + pause,
            at_ms: now_ms().saturating_add(millis(pause)),
        }
    }

    /// For the interfaces.
    pub fn shown(self) -> Retry {
        Retry {
            failures: self.failures,
            at_ms: self.at_ms,
        }
    }
}

/// Something that is there, as far as one can tell, and cannot be read now.
#[derive(Debug, Clone)]
pub(super) struct Unreadable {
    reason: String,
    since_ms: u64,
    /// When it is looked at again.
    pub retry: Backoff,
}

impl Unreadable {
    /// It could not be read once more.
    pub fn again(before: Option<&Self>, reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            since_ms: before.map_or_else(now_ms, |before| before.since_ms),
            retry: Backoff::after(before.map(|before| before.retry)),
        }
    }

    /// For the interfaces.
    pub fn shown(&self, path: &Path) -> Unwatched {
        Unwatched {
            path: path.to_owned(),
            reason: self.reason.clone(),
            since_ms: self.since_ms,
        }
    }

    /// Since when, Unix milliseconds.
    pub fn since_ms(&self) -> u64 {
        self.since_ms
    }
}

/// A folder or file that is not followed as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unwatched {
    /// Which.
    pub path: PathBuf,
    /// Why, in one sentence.
    pub reason: String,
    /// Since when, Unix milliseconds.
    pub since_ms: u64,
}

/// What the host knows about a path.
#[derive(Debug)]
pub(super) enum Presence {
    /// It is there.
    There,
    /// Nothing has this name.
    Gone,
    /// The system does not say.
    Unknown(io::Error),
}

impl Presence {
    /// Of what is at a path, links followed.
    pub fn of(path: &Path) -> Self {
        Self::from_result(path.metadata())
    }

    fn from_result(result: io::Result<Metadata>) -> Self {
        match result {
            Ok(_) => Self::There,
            Err(error) if is_gone(&error) => Self::Gone,
            Err(error) => Self::Unknown(error),
        }
    }
}

/// Whether an error says that nothing has this name.
pub(super) fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound() {
        let mut backoff = None;
        for pause in [500, 1000, 2000, 4000, 8000, 16000, 32000]
            .into_iter()
            .chain([60_000; 33])
            .map(Duration::from_millis)
        {
            let before = Instant::now();
            let next = Backoff::after(backoff);
            assert!(before + pause <= next.at && next.at <= Instant::now() + pause);
            backoff = Some(next);
        }
        assert_eq!(backoff.map(|backoff| backoff.shown().failures), Some(40));
    }

    #[test]
    fn only_a_missing_name_is_gone() {
        use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied, TimedOut};
        for kind in [NotFound, NotADirectory] {
            assert!(is_gone(&kind.into()));
        }
        for kind in [PermissionDenied, TimedOut] {
            assert!(!is_gone(&kind.into()));
        }
        // EMFILE, EIO, ESTALE.
        for code in [24, 5, 116] {
            assert!(!is_gone(&io::Error::from_raw_os_error(code)));
        }
    }
}
