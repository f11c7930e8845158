//! What one delivery may take: documents, and memory from its items to its
//! answer.
//!
//! Each part of a delivery is bounded, but parts multiply: ten thousand items,
//! each with an error that quotes it. So whatever a delivery keeps is counted
//! here, against its own bound and against that of all calls together, and what
//! goes beyond is not kept: an item is then reported in short, by its status and
//! code.

use std::sync::{Arc, Mutex, PoisonError};

use super::Share;
use crate::config::HostLimits;
use crate::report::ItemReport;

/// Memory that is taken at once of what all calls have together: taking each
/// report's by itself would be many times the work.
const STEP: usize = 64 << 10;

/// What is left of a delivery's bounds. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Documents that its items may become.
    pub documents: usize,
    memory: Arc<Mutex<Memory>>,
}

#[derive(Debug)]
struct Memory {
    used: usize,
    most: usize,
    /// Of what all calls have together; nothing where nobody else calls.
    share: Option<Share>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self::of(&HostLimits::default(), None)
    }
}

impl Bounds {
    /// The bounds of a new delivery, with its share of what all calls have.
    pub fn of(limits: &HostLimits, share: Option<Share>) -> Self {
        Self {
            documents: limits.documents_per_call,
            memory: Arc::new(Mutex::new(Memory {
                used: 0,
                most: limits.call_memory,
                share,
            })),
        }
    }

    /// Counts memory that is kept until the answer, if there is room for it.
    #[must_use]
    pub fn take(&self, bytes: usize) -> bool {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let used = memory.used.saturating_add(bytes);
        let fits = used <= memory.most
            && memory
                .share
                .as_mut()
                .is_none_or(|share| share.grow_to(used.next_multiple_of(STEP)));
        if fits {
            memory.used = used;
        }
        fits
    }

    /// Memory that was taken and is not kept after all.
    pub fn give_back(&self, bytes: usize) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.used = memory.used.saturating_sub(bytes);
    }

    /// Counts a report that is kept. If there is no room for it, its texts go.
    pub fn keep(&self, report: &mut ItemReport) {
        if !self.take(report.weight()) {
            report.shorten();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;
    use crate::problem::Problem;
    use crate::report::ItemStatus;

    #[test]
    fn ten_thousand_long_faults_are_reported_within_the_memory_of_a_call() {
        let limits = HostLimits {
            call_memory: 4 << 20,
            ..HostLimits::default()
        };
        let bounds = Bounds::of(&limits, None);
        let reports: Vec<ItemReport> = (0..10_000)
            .map(|index| {
                let problem = Problem::adapter("adapter-fault", "x".repeat(4 << 10)).at("/a");
                let mut report = ItemReport::failed(index, problem);
                bounds.keep(&mut report);
                report
            })
            .collect();
        let texts: usize = reports.iter().map(ItemReport::weight).sum();
        assert!(texts <= (4 << 20) + 10_000 * 2 * 64, "{texts}");
        assert!(!reports[0].shortened && reports[0].message.is_some());
        let last = reports.last().expect("the last");
        assert!(last.shortened && last.message.is_none());
        assert_eq!(last.code.as_deref(), Some("adapter-fault"));
        assert_eq!((last.index, last.status), (9_999, ItemStatus::Failed));
        let json = serde_json::to_value(last).expect("JSON");
        assert_eq!(json["shortened"], true);
        assert!(
            serde_json::to_value(&reports[0])
                .expect("JSON")
                .get("shortened")
                .is_none()
        );
    }

    #[test]
    fn all_calls_together_have_a_bound_that_is_given_back() {
        let all = Budget::new(3 * STEP);
        let bounds = || {
            let share = all.try_take(0).expect("nothing");
            Bounds::of(&HostLimits::default(), Some(share))
        };
        let (first, second) = (bounds(), bounds());
        assert!(first.take(STEP + 1) && second.take(10));
        assert!(!second.take(STEP));
        assert!(second.take(STEP - 10));
        drop(first);
        assert!(second.take(STEP));
        drop(second);
        assert_eq!(all.used(), 0);
    }
}
