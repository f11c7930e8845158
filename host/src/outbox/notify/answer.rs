//! What an answer says about going on, and how long to wait.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use rand::RngExt;

use crate::http::{Answer, SendError, retry_after};

/// The pause after the first failure; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Longest pause the host chooses by itself.
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// Longest pause that a receiver may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(60 * 60);

/// What follows from an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Follows {
    /// The message was taken.
    Taken,
    /// The receiver wants nothing any more.
    Gone,
    /// It goes again, not before the receiver wants it.
    Again {
        /// Why, for people.
        why: String,
        /// What the receiver asked for.
        asked: Duration,
    },
}

impl Follows {
    /// Of a message that can go nowhere.
    pub(super) fn nowhere() -> Self {
        Self::Again {
            why: "`[notify] url` is none that can be called".into(),
            asked: Duration::ZERO,
        }
    }
}

/// What follows. Whatever is no success is tried again, as the receiver may be
/// mended.
pub(super) fn follows(answer: Result<Answer, SendError>, now_s: u64) -> Follows {
    match answer {
        Ok(answer) if answer.status.is_success() => Follows::Taken,
        Ok(answer) if answer.status == StatusCode::GONE => Follows::Gone,
        Ok(answer) => {
            let redirected = match answer.status.is_redirection() {
                true => ", which is not followed: put the new address into `url`",
                false => "",
            };
            Follows::Again {
                why: format!("it answers HTTP {}{redirected}", answer.status.as_u16()),
                asked: asked(&answer.headers, now_s),
            }
        }
        Err(error) => Follows::Again {
            why: error.message,
            asked: Duration::ZERO,
        },
    }
}

/// `Retry-After`, in seconds or as a date.
fn asked(headers: &HeaderMap, now_s: u64) -> Duration {
    let asked = retry_after(headers, now_s).unwrap_or_default();
    asked.min(LONGEST_ASKED)
}

/// The pause after so many failures: a random part of one that doubles, and at
/// least what was asked for.
pub(crate) fn pause(failures: u32, asked: Duration) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let chosen = doubled
        .min(LONGEST_PAUSE)
        .mul_f64(rand::rng().random_range(0.0..1.0));
    chosen.max(asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use http::header::RETRY_AFTER;

    fn answer(status: u16, retry_after: Option<&'static str>) -> Follows {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(value));
        }
        let answer = Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body: bytes::Bytes::new(),
            elapsed: Duration::ZERO,
        };
        follows(Ok(answer), 784_111_770)
    }

    #[test]
    fn only_a_success_is_one_and_only_gone_is_the_end() {
        for status in [200, 202, 204] {
            assert_eq!(answer(status, None), Follows::Taken);
        }
        assert_eq!(answer(410, None), Follows::Gone);
        for status in [301, 400, 401, 404, 409, 429, 500, 503] {
            assert!(
                matches!(answer(status, None), Follows::Again { .. }),
                "{status}"
            );
        }
    }

    #[test]
    fn a_receiver_may_ask_for_a_pause_within_a_bound() {
        for (value, seconds) in [
            ("7", 7),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 7),
            ("Sun, 06 Nov 1994 08:49:00 GMT", 0),
            ("99999999", 3600),
            ("soon", 0),
        ] {
            let Follows::Again { asked, .. } = answer(503, Some(value)) else {
                panic!("{value}");
            };
            assert_eq!(asked, Duration::from_secs(seconds), "{value}");
        }
    }

    #[test]
    fn pauses_grow_to_a_bound_and_are_never_shorter_than_asked() {
        let asked = Duration::from_secs(3);
        for failures in [1, 2, 10, 40, u32::MAX] {
            let longest = FIRST_PAUSE
                .saturating_mul(1 << (failures - 1).min(16))
                .min(LONGEST_PAUSE);
            for _ in 0..100 {
                assert!(pause(failures, Duration::ZERO) <= longest);
                assert!(pause(failures, asked) >= asked);
            }
        }
    }
}
