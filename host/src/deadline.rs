//! The one deadline of a delivery.
//!
//! Until the deadline, requests may leave and answers may arrive. What has
//! arrived by then is still read, and named by the tenant's reply script, within
//! a short time of its own, so that no known outcome is lost. Every wait of a
//! delivery goes through here or names its own bound.

use std::time::{Duration, Instant};

/// Time after the deadline in which an answer that has arrived is still read.
pub const READING: Duration = Duration::from_secs(1);

/// Whether it has passed.
pub fn passed(deadline: Instant) -> bool {
    Instant::now() >= deadline
}

/// The work's result, if it is there by the deadline. Of work that would begin
/// after it, nothing is done: a timer alone would let it run up to its first
/// wait.
pub async fn within<T>(deadline: Instant, work: impl Future<Output = T>) -> Option<T> {
    if passed(deadline) {
        return None;
    }
    tokio::time::timeout_at(deadline.into(), work).await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_begins_after_the_deadline() {
        let mut begun = false;
        let late = within(Instant::now(), async { begun = true }).await;
        assert_eq!((late, begun), (None, false));
        let soon = Instant::now() + Duration::from_secs(60);
        assert_eq!(within(soon, async { 7 }).await, Some(7));
        let bound = Instant::now() + Duration::from_millis(1);
        assert_eq!(within(bound, std::future::pending::<()>()).await, None);
    }
}
