//! When a document may leave, and when again. It decides and sends nothing.
//!
//! A document may leave when those of its chain before it are settled and its
//! own pause is over. Where the order of everything counts, all that is open
//! leaves together, and a pause of one is a pause of all.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::{Duration, Instant};

use rand::RngExt;

use super::order::Flow;
use super::outcome::Attempted;
use crate::report::{ItemReport, ItemStatus};

/// First pause between two attempts; it doubles with each, and a random part
/// keeps callers that failed together from coming back together.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Longest pause the host chooses by itself.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The documents of one delivery on their way.
pub struct Policy {
    attempts: u32,
    deadline: Instant,
    /// Whether the order of everything counts.
    full: bool,
    courses: Vec<Course>,
    /// What waits behind each chain's first open document.
    behind: Vec<VecDeque<usize>>,
    ready: Vec<usize>,
    waiting: BinaryHeap<Reverse<(Instant, usize)>>,
    /// Where the order of everything counts: when it goes on.
    gate: Option<Instant>,
}

/// How far one document is.
#[derive(Default)]
struct Course {
    chain: Option<usize>,
    /// Attempts begun.
    attempts: u32,
    /// An earlier attempt may have been applied.
    uncertain: bool,
    /// Set when it is settled.
    report: Option<ItemReport>,
}

impl Policy {
    /// For so many documents, each of which has so many attempts.
    pub fn new(flow: Flow, documents: usize, attempts: u32, deadline: Instant) -> Self {
        let mut policy = Self {
            attempts,
            deadline,
            full: flow == Flow::Full,
            courses: Vec::new(),
            behind: Vec::new(),
            ready: Vec::new(),
            waiting: BinaryHeap::new(),
            gate: None,
        };
        policy.courses.resize_with(documents, Course::default);
        match flow {
            Flow::Free | Flow::Full => policy.ready.extend(0..documents),
            Flow::Chains(chains) => {
                let length = chains.iter().max().map_or(0, |last| last + 1);
                let mut heads = vec![false; length];
                policy.behind.resize_with(length, VecDeque::new);
                for (document, chain) in chains.into_iter().enumerate().take(documents) {
                    policy.courses[document].chain = Some(chain);
                    match std::mem::replace(&mut heads[chain], true) {
                        false => policy.ready.push(document),
                        true => policy.behind[chain].push_back(document),
                    }
                }
            }
        }
        policy
    }

    /// Whether requests go one after the other.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// What may leave now, in the order of the documents; it is then under way.
    pub fn leave(&mut self, now: Instant) -> Vec<usize> {
        if self.gate.is_some_and(|gate| gate > now) {
            return Vec::new();
        }
        self.gate = None;
        while let Some(&Reverse((due, document))) = self.waiting.peek()
            && due <= now
        {
            self.waiting.pop();
            self.ready.push(document);
        }
        let mut leaving = std::mem::take(&mut self.ready);
        leaving.sort_unstable();
        leaving
    }

    /// When something may leave next, as far as it does not depend on what is
    /// under way.
    pub fn next_due(&self) -> Option<Instant> {
        let waiting = self.waiting.peek().map(|Reverse((due, _))| *due);
        self.gate.or(waiting)
    }

    /// These documents leave in one request. Gives the number of the attempt.
    pub fn begin(&mut self, documents: &[usize]) -> u32 {
        let mut attempt = 1;
        for &document in documents {
            let course = &mut self.courses[document];
            course.attempts += 1;
            attempt = attempt.max(course.attempts);
        }
        attempt
    }

    /// These did not leave after all: something before them has to go again.
    pub fn hold_back(&mut self, documents: impl IntoIterator<Item = usize>) {
        self.ready.extend(documents);
    }

    /// What became of the documents of one request. Says whether one of them
    /// goes again.
    pub fn attempted(
        &mut self,
        documents: &[usize],
        attempted: Vec<Attempted>,
        now: Instant,
    ) -> bool {
        let attempt = documents
            .iter()
            .map(|&document| self.courses[document].attempts);
        // One for all: what left together comes back together.
        let pause = backoff(attempt.max().unwrap_or(1));
        let mut any = false;
        for (&document, attempted) in documents.iter().zip(attempted) {
            match attempted {
                Attempted::Final(report) => self.finish(document, report),
                Attempted::Again { after, otherwise } => {
                    let pause = after.map_or(pause, |asked| asked.max(pause));
                    any |= self.again(document, pause, otherwise, now);
                }
            }
        }
        any
    }

    /// Lets a document go again, unless attempts or time are used up.
    fn again(
        &mut self,
        document: usize,
        pause: Duration,
        otherwise: ItemReport,
        now: Instant,
    ) -> bool {
        let course = &mut self.courses[document];
        // A pause of years has no end that a clock could tell.
        let due = now.checked_add(pause).filter(|due| *due < self.deadline);
        let Some(due) = due.filter(|_| course.attempts < self.attempts) else {
            let report = ItemReport {
                goes_again: true,
                ..otherwise
            };
            self.finish(document, report);
            return false;
        };
        course.uncertain |= otherwise.status == ItemStatus::Unknown;
        if self.full {
            self.ready.push(document);
            self.gate = Some(self.gate.map_or(due, |gate| gate.max(due)));
        } else {
            self.waiting.push(Reverse((due, document)));
        }
        true
    }

    /// Settles a document for good, and lets the next of its chain leave. That
    /// the last attempt failed, or was refused, says nothing about an earlier
    /// one that may have been applied.
    pub fn finish(&mut self, document: usize, mut report: ItemReport) {
        let course = &mut self.courses[document];
        let useless = matches!(report.status, ItemStatus::Failed | ItemStatus::Rejected);
        if course.uncertain && useless {
            report.status = ItemStatus::Unknown;
            let last = report.message.take().unwrap_or_default();
            report.message = Some(format!(
                "an earlier attempt may have been applied; of the last one: {last}"
            ));
        }
        course.report = Some(report);
        let chain = course.chain.and_then(|chain| self.behind.get_mut(chain));
        self.ready.extend(chain.and_then(VecDeque::pop_front));
    }

    /// The last report of each document.
    pub fn into_reports(self) -> Vec<Option<ItemReport>> {
        self.courses
            .into_iter()
            .map(|course| course.report)
            .collect()
    }
}

fn backoff(attempt: u32) -> Duration {
    let pause = FIRST_PAUSE
        .saturating_mul(1 << attempt.saturating_sub(1).min(16))
        .min(LONGEST_PAUSE);
    pause.mul_f64(rand::rng().random_range(0.5..1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn policy(flow: Flow, documents: usize) -> Policy {
        Policy::new(flow, documents, 3, Instant::now() + HOUR)
    }

    fn done(status: ItemStatus) -> Attempted {
        Attempted::Final(ItemReport::new(0, status))
    }

    fn again(after: Option<Duration>, otherwise: ItemStatus) -> Attempted {
        Attempted::Again {
            after,
            otherwise: ItemReport::new(0, otherwise),
        }
    }

    fn status(policy: Policy, document: usize) -> ItemStatus {
        let report = policy.into_reports().swap_remove(document);
        report.expect("a report").status
    }

    #[test]
    fn two_documents_of_one_key_are_never_overtaken() {
        let mut policy = policy(Flow::Chains(vec![0, 0, 1, 0]), 4);
        let now = Instant::now();
        assert_eq!(policy.leave(now), [0, 2]);
        policy.begin(&[0]);
        assert!(policy.attempted(&[0], vec![again(None, ItemStatus::Unknown)], now));
        assert_eq!(policy.leave(now), [0; 0]);
        // Only when the first is settled, the second leaves.
        let due = policy.next_due().unwrap();
        assert_eq!(policy.leave(due), [0]);
        policy.begin(&[0]);
        assert!(!policy.attempted(&[0], vec![done(ItemStatus::Accepted)], due));
        assert_eq!(policy.leave(due), [1]);
        policy.attempted(&[1], vec![done(ItemStatus::Rejected)], due);
        assert_eq!(policy.leave(due), [3]);
        assert_eq!(policy.next_due(), None);
    }

    #[test]
    fn one_long_pause_gives_up_nobody_else() {
        for flow in [Flow::Free, Flow::Full, Flow::Chains(vec![0, 1])] {
            let mut policy = policy(flow.clone(), 2);
            let now = Instant::now();
            policy.leave(now);
            policy.begin(&[0, 1]);
            let attempted = vec![
                again(Some(2 * HOUR), ItemStatus::Failed),
                again(None, ItemStatus::Failed),
            ];
            assert!(policy.attempted(&[0, 1], attempted, now), "{flow:?}");
            let due = policy.next_due().expect("the other one's pause");
            assert!(due < now + FIRST_PAUSE, "{flow:?}");
            assert_eq!(policy.leave(due), [1], "{flow:?}");
            assert_eq!(status(policy, 0), ItemStatus::Failed, "{flow:?}");
        }
    }

    #[test]
    fn where_all_order_counts_one_pause_holds_back_the_rest() {
        let mut policy = policy(Flow::Full, 3);
        let now = Instant::now();
        assert_eq!(policy.leave(now), [0, 1, 2]);
        policy.begin(&[0]);
        assert!(policy.attempted(&[0], vec![again(None, ItemStatus::Unknown)], now));
        policy.hold_back([1, 2]);
        assert_eq!(policy.leave(now), [0; 0]);
        let due = policy.next_due().unwrap();
        assert_eq!(policy.leave(due), [0, 1, 2]);
        // What did not leave has used up no attempt.
        assert_eq!(policy.begin(&[0]), 2);
        assert_eq!(policy.begin(&[1]), 1);
    }

    #[test]
    fn a_refusal_after_an_attempt_that_may_have_been_applied_is_unknown() {
        for last in [ItemStatus::Rejected, ItemStatus::Failed] {
            let mut policy = policy(Flow::Free, 1);
            let now = Instant::now();
            policy.begin(&[0]);
            policy.attempted(&[0], vec![again(None, ItemStatus::Unknown)], now);
            let mut refused = ItemReport::new(0, last);
            refused.message = Some("there is no such lock".into());
            policy.attempted(&[0], vec![Attempted::Final(refused)], now);
            let report = policy.into_reports().remove(0).unwrap();
            assert_eq!(report.status, ItemStatus::Unknown);
            assert_eq!(
                report.message.unwrap(),
                "an earlier attempt may have been applied; of the last one: there is no such lock"
            );
        }
        // One that was certainly not applied leaves no doubt.
        let mut policy = policy(Flow::Free, 1);
        let now = Instant::now();
        policy.begin(&[0]);
        policy.attempted(&[0], vec![again(None, ItemStatus::Failed)], now);
        policy.attempted(&[0], vec![done(ItemStatus::Rejected)], now);
        assert_eq!(status(policy, 0), ItemStatus::Rejected);
    }

    #[test]
    fn attempts_are_counted_by_document() {
        let mut policy = policy(Flow::Free, 1);
        let mut now = Instant::now();
        for attempt in 1..=3 {
            assert_eq!(policy.begin(&[0]), attempt);
            let again = policy.attempted(&[0], vec![again(None, ItemStatus::Failed)], now);
            assert_eq!(again, attempt < 3);
            now = policy.next_due().unwrap_or(now);
            policy.leave(now);
        }
        assert_eq!(status(policy, 0), ItemStatus::Failed);
    }
}
