//! Futures that are charged for the processor time they use themselves, and
//! not for what the rest of the host does meanwhile.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use cpu_time::ThreadTime;

/// How many times its own time a future may take in all. Beyond that the host
/// is too busy to say anything about it.
const WALL: u32 = 4;

/// Why a future did not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Late {
    /// It used up its own processor time.
    Spent,
    /// It did not get that much in several times as long: others kept it
    /// waiting.
    Starved,
}

/// Runs a future for at most `own` processor time, and for at most four times
/// as long by the clock.
///
/// # Errors
/// Which of the two ran out. The future is dropped then.
pub async fn within<F: Future>(own: Duration, future: F) -> Result<F::Output, Late> {
    bounded(own, own * WALL, future).await
}

async fn bounded<F: Future>(own: Duration, wall: Duration, future: F) -> Result<F::Output, Late> {
    let mut future = pin!(future);
    let mut clock = pin!(tokio::time::sleep(wall));
    let mut spent = Duration::ZERO;
    poll_fn(|context| {
        let before = ThreadTime::try_now();
        let polled = future.as_mut().poll(context);
        // A system without such a clock has the other bound only.
        spent += before
            .and_then(|before| before.try_elapsed())
            .unwrap_or_default();
        match polled {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending if spent >= own => Poll::Ready(Err(Late::Spent)),
            Poll::Pending => clock.as_mut().poll(context).map(|()| Err(Late::Starved)),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const OWN: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn what_ends_in_time_gives_its_answer() {
        assert_eq!(within(OWN, async { 7 }).await, Ok(7));
    }

    #[tokio::test]
    async fn a_future_that_works_for_too_long_is_told_so() {
        let busy = async {
            loop {
                let started = Instant::now();
                while started.elapsed() < Duration::from_millis(1) {
                    std::hint::spin_loop();
                }
                tokio::task::yield_now().await;
            }
        };
        // By the clock there is no end to it: this machine may be busy.
        let late = bounded(OWN, Duration::from_secs(3600), busy).await;
        assert_eq!(late, Err::<(), _>(Late::Spent));
    }

    #[tokio::test]
    async fn waiting_for_others_is_not_its_own_time() {
        // However late the two clocks ring, what is done is done.
        let waiting = tokio::time::sleep(OWN * 2);
        assert_eq!(within(OWN, waiting).await, Ok(()));
        let for_ever = std::future::pending::<()>();
        assert_eq!(within(OWN, for_ever).await, Err(Late::Starved));
    }
}
