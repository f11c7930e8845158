//! Whether answers can be dated.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The first second of the year 10000, from 1970 on.
const YEAR_10000: u64 = 253_402_300_800;

/// HTTP has no form for a date before 1970 or after 9999, and hyper, which dates
/// every answer, panics over one.
pub(super) fn can_be_written(now: SystemTime) -> bool {
    now.duration_since(UNIX_EPOCH)
        // It looks again within a second.
        .is_ok_and(|age| age + Duration::from_secs(2) < Duration::from_secs(YEAR_10000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_beyond_the_year_9999_or_before_1970_is_noticed() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert!(can_be_written(SystemTime::now()));
        assert!(can_be_written(at(0)));
        assert!(can_be_written(at(YEAR_10000 - 10)));
        assert!(!can_be_written(at(YEAR_10000 - 1)));
        assert!(!can_be_written(at(YEAR_10000)));
        assert!(!can_be_written(at(u64::from(u32::MAX) << 20)));
        assert!(!can_be_written(UNIX_EPOCH - Duration::from_secs(1)));
    }
}
