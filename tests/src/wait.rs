//! Waiting for a condition within a bound, instead of sleeping and hoping.

use std::time::{Duration, Instant};

/// Longest a test waits for anything.
pub const BOUND: Duration = Duration::from_secs(20);

/// Looks every millisecond until `look` finds something.
///
/// # Panics
/// When it has found nothing after [`BOUND`].
pub async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        pause(what, started, BOUND).await;
    }
}

/// The same for what has to be asked for.
///
/// # Panics
/// When it has found nothing after [`BOUND`].
pub async fn until_async<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    until_within(what, BOUND, look).await
}

/// The same within another bound, for what takes longer on a machine that has much
/// else to do.
///
/// # Panics
/// When it has found nothing by then.
pub async fn until_within<T>(
    what: &str,
    bound: Duration,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        pause(what, started, bound).await;
    }
}

async fn pause(what: &str, started: Instant, bound: Duration) {
    assert!(started.elapsed() < bound, "waited {bound:?} for {what}");
    tokio::time::sleep(Duration::from_millis(1)).await;
}
