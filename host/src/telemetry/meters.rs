//! What is counted about one connection and about one of its operations. The
//! handles are looked up once: with a connection's load, and with a call's route.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::counts::{Counter, Histogram};
use crate::problem::{Blame, Problem};
use crate::report::{DeliveryStatus, ItemReport, ItemStatus, Report};

/// Operations of one connection with names of their own; an adapter with more is
/// unheard of, and they are counted under [`OTHER`].
pub(super) const MOST_OPERATIONS: usize = 32;

/// The name of what has none of its own.
pub const OTHER: &str = "other";

/// Bounds of the time in a sandbox, in seconds.
const GUEST_BOUNDS: &[f64] = &[
    0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0,
];

/// Bounds of what happens on the wire.
const WIRE_BOUNDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// Bounds of waiting in the outbox.
const QUEUE_BOUNDS: &[f64] = &[
    0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 60.0, 300.0, 1800.0, 3600.0, 21_600.0, 86_400.0,
];

/// What takes time in a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The tenant's mapping script.
    Script,
    /// `map`.
    Map,
    /// `sign`.
    Sign,
    /// `parse-response`.
    Parse,
    /// Waiting for the connection's turn.
    Turn,
    /// A request and its answer.
    Http,
}

impl Phase {
    /// Those in a sandbox.
    pub(super) const GUEST: [Self; 4] = [Self::Script, Self::Map, Self::Sign, Self::Parse];

    /// The word of labels and spans.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::Map => "map",
            Self::Sign => "sign",
            Self::Parse => "parse",
            Self::Turn => "turn",
            Self::Http => "http",
        }
    }
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallStatus {
    /// It was answered with a report of this status, or taken in.
    Answered(DeliveryStatus),
    /// It had been taken in before, under the same key.
    Known,
    /// It asked what would be sent.
    DryRun,
    /// It was refused.
    Refused,
}

const CALL_WORDS: [&str; 9] = [
    "accepted", "partial", "rejected", "failed", "unknown", "queued", "known", "dry-run", "refused",
];

impl CallStatus {
    fn place(self) -> usize {
        match self {
            Self::Answered(DeliveryStatus::Accepted) => 0,
            Self::Answered(DeliveryStatus::Partial) => 1,
            Self::Answered(DeliveryStatus::Rejected) => 2,
            Self::Answered(DeliveryStatus::Failed) => 3,
            Self::Answered(DeliveryStatus::Unknown) => 4,
            Self::Answered(DeliveryStatus::Queued) => 5,
            Self::Known => 6,
            Self::DryRun => 7,
            Self::Refused => 8,
        }
    }
}

const ITEM_WORDS: [&str; 8] = [
    "accepted",
    "duplicate",
    "rejected",
    "failed",
    "unknown",
    "partial",
    "queued",
    "skipped",
];

fn item_place(status: ItemStatus) -> usize {
    match status {
        ItemStatus::Accepted => 0,
        ItemStatus::Duplicate => 1,
        ItemStatus::Rejected => 2,
        ItemStatus::Failed => 3,
        ItemStatus::Unknown => 4,
        ItemStatus::Partial => 5,
        ItemStatus::Queued => 6,
        ItemStatus::Skipped => 7,
    }
}

const POSTPONED_WORDS: [&str; 2] = ["again", "held"];

const BLAMES: [Option<Blame>; 6] = [
    None,
    Some(Blame::Caller),
    Some(Blame::Script),
    Some(Blame::Adapter),
    Some(Blame::Platform),
    Some(Blame::Host),
];

fn blame_place(blame: Option<Blame>) -> usize {
    let place = BLAMES.iter().position(|known| *known == blame);
    place.unwrap_or(0)
}

fn blame_word(place: usize) -> &'static str {
    BLAMES
        .get(place)
        .copied()
        .flatten()
        .map_or("none", Blame::as_str)
}

/// A counter for each word and each blame.
#[derive(Debug)]
struct Table<const WORDS: usize>([[Counter; BLAMES.len()]; WORDS]);

impl<const WORDS: usize> Default for Table<WORDS> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Default::default()))
    }
}

impl<const WORDS: usize> Table<WORDS> {
    fn add(&self, word: usize, blame: Option<Blame>, more: u64) {
        let counter = self.0.get(word).and_then(|row| row.get(blame_place(blame)));
        if let Some(counter) = counter {
            counter.add(more);
        }
    }

    /// What was counted, and zeros of what `always` names: a rate needs to have
    /// seen a counter before it rises for the first time.
    fn read(&self, words: [&'static str; WORDS], always: &[(&str, &str)]) -> Vec<Counted> {
        let mut read = Vec::new();
        for (word, row) in words.into_iter().zip(&self.0) {
            for (blame, counter) in row.iter().enumerate() {
                let (blame, count) = (blame_word(blame), counter.get());
                if count > 0 || always.contains(&(word, blame)) {
                    read.push((word, blame, count));
                }
            }
        }
        read
    }
}

/// A word, a blame, a number.
pub(super) type Counted = (&'static str, &'static str, u64);

/// What is counted about an operation of a connection.
#[derive(Debug, Default)]
pub struct OperationMeter {
    calls: Table<{ CALL_WORDS.len() }>,
    items: Table<{ ITEM_WORDS.len() }>,
    postponed: Table<{ POSTPONED_WORDS.len() }>,
}

impl OperationMeter {
    /// A call was answered.
    pub fn call(&self, status: CallStatus, blame: Option<Blame>) {
        self.calls.add(status.place(), blame, 1);
    }

    /// A call was refused.
    pub fn refused(&self, problem: &Problem) {
        self.call(CallStatus::Refused, Some(problem.blame));
    }

    /// A call was delivered, or nothing was sent. The blame is that of its first
    /// item that has any.
    pub fn answered(&self, answer: &Result<Report, Problem>) {
        match answer {
            Ok(report) => {
                let blame = report.items.iter().find_map(|item| item.blame);
                self.call(CallStatus::Answered(report.status), blame);
                self.items(&report.items);
            }
            Err(problem) => self.refused(problem),
        }
    }

    /// It is known what became of an item.
    pub fn item(&self, status: ItemStatus, blame: Option<Blame>) {
        self.items.add(item_place(status), blame, 1);
    }

    /// The same of every item of a report.
    pub fn items(&self, reports: &[ItemReport]) {
        for report in reports {
            self.item(report.status, report.blame);
        }
    }

    /// An attempt did not end a queued item; whether it is held or goes again.
    pub fn postponed(&self, held: bool, blame: Option<Blame>) {
        self.postponed.add(usize::from(held), blame, 1);
    }

    pub(super) fn read_calls(&self) -> Vec<Counted> {
        const ALWAYS: &[(&str, &str)] = &[("accepted", "none"), ("refused", "caller")];
        self.calls.read(CALL_WORDS, ALWAYS)
    }

    pub(super) fn read_items(&self) -> Vec<Counted> {
        const ALWAYS: &[(&str, &str)] = &[
            ("accepted", "none"),
            ("rejected", "platform"),
            ("failed", "platform"),
            ("unknown", "platform"),
            ("unknown", "host"),
        ];
        self.items.read(ITEM_WORDS, ALWAYS)
    }

    pub(super) fn read_postponed(&self) -> Vec<Counted> {
        self.postponed.read(POSTPONED_WORDS, &[])
    }
}

/// What is counted about a connection.
#[derive(Debug)]
pub struct ConnectionMeter {
    guest: [Histogram; Phase::GUEST.len()],
    pub(super) turn: Histogram,
    pub(super) http: Histogram,
    pub(super) queued: Histogram,
    /// By attempt (first, again) and answer (none, 1xx to 5xx).
    requests: [[Counter; 6]; 2],
    /// Answers in which the platform asked for a pause.
    pub throttles: Counter,
    operations: ArcSwap<BTreeMap<Arc<str>, Arc<OperationMeter>>>,
}

impl Default for ConnectionMeter {
    fn default() -> Self {
        Self {
            guest: std::array::from_fn(|_| Histogram::new(GUEST_BOUNDS)),
            turn: Histogram::new(WIRE_BOUNDS),
            http: Histogram::new(WIRE_BOUNDS),
            queued: Histogram::new(QUEUE_BOUNDS),
            requests: Default::default(),
            throttles: Counter::default(),
            operations: ArcSwap::default(),
        }
    }
}

impl ConnectionMeter {
    /// The meter of an operation, made when it is called for the first time.
    pub fn operation(&self, name: &str) -> Arc<OperationMeter> {
        if let Some(known) = self.operations.load().get(name) {
            return known.clone();
        }
        self.operations.rcu(|operations| {
            let mut operations = BTreeMap::clone(operations);
            let name = match operations.len() < MOST_OPERATIONS {
                true => name,
                false => OTHER,
            };
            operations.entry(name.into()).or_default();
            operations
        });
        let operations = self.operations.load();
        let known = operations.get(name).or_else(|| operations.get(OTHER));
        known.cloned().unwrap_or_default()
    }

    /// A request was sent; `status` is that of its answer, if one came.
    pub fn request(&self, attempt: u32, status: Option<u16>) {
        let answer = status.map_or(0, |status| usize::from(status / 100).min(5));
        let of_attempt = self.requests.get(usize::from(attempt > 1));
        if let Some(counter) = of_attempt.and_then(|of| of.get(answer)) {
            counter.one();
        }
    }

    /// A queued item waited so long for its first attempt.
    pub fn queued_for(&self, waited: Duration) {
        self.queued.observe(waited);
    }

    pub(super) fn phase(&self, phase: Phase) -> &Histogram {
        let [script, map, sign, parse] = &self.guest;
        match phase {
            Phase::Script => script,
            Phase::Map => map,
            Phase::Sign => sign,
            Phase::Parse => parse,
            Phase::Turn => &self.turn,
            Phase::Http => &self.http,
        }
    }

    pub(super) fn read_requests(&self) -> Vec<Counted> {
        const ANSWERS: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];
        let mut read = Vec::new();
        for (attempt, of_attempt) in ["first", "again"].into_iter().zip(&self.requests) {
            for (answer, counter) in ANSWERS.into_iter().zip(of_attempt) {
                if counter.get() > 0 || (attempt, answer) == ("first", "2xx") {
                    read.push((attempt, answer, counter.get()));
                }
            }
        }
        read
    }

    pub(super) fn read_operations(&self) -> Vec<(Arc<str>, Arc<OperationMeter>)> {
        let operations = self.operations.load();
        let pairs = operations.iter();
        pairs
            .map(|(name, meter)| (name.clone(), meter.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_keeps_its_meter_and_too_many_share_one() {
        let connection = ConnectionMeter::default();
        let first = connection.operation("stock.update");
        first.call(CallStatus::Refused, Some(Blame::Caller));
        assert!(Arc::ptr_eq(&first, &connection.operation("stock.update")));
        for number in 1..MOST_OPERATIONS {
            connection.operation(&format!("o{number}"));
        }
        let (one, other) = (connection.operation("late"), connection.operation("later"));
        assert!(Arc::ptr_eq(&one, &other));
        assert_eq!(connection.read_operations().len(), MOST_OPERATIONS + 1);
    }

    #[test]
    fn calls_and_items_are_counted_by_word_and_blame() {
        let meter = OperationMeter::default();
        meter.call(
            CallStatus::Answered(DeliveryStatus::Unknown),
            Some(Blame::Host),
        );
        meter.call(CallStatus::DryRun, None);
        meter.item(ItemStatus::Accepted, None);
        meter.item(ItemStatus::Accepted, None);
        meter.postponed(true, Some(Blame::Script));
        let counted = |all: Vec<Counted>| -> Vec<Counted> {
            all.into_iter().filter(|(_, _, count)| *count > 0).collect()
        };
        let calls = counted(meter.read_calls());
        assert_eq!(calls, [("unknown", "host", 1), ("dry-run", "none", 1)]);
        assert_eq!(counted(meter.read_items()), [("accepted", "none", 2)]);
        assert_eq!(meter.read_postponed(), [("held", "script", 1)]);
        // What an alarm is about is there before it happens.
        let unknown = ("unknown", "platform", 0);
        assert!(meter.read_items().contains(&unknown));
    }

    #[test]
    fn requests_are_counted_by_attempt_and_answer() {
        let meter = ConnectionMeter::default();
        for (attempt, status) in [
            (1, Some(200)),
            (2, Some(204)),
            (3, None),
            (1, Some(503)),
            (1, Some(999)),
        ] {
            meter.request(attempt, status);
        }
        let expected = [
            ("first", "2xx", 1),
            ("first", "5xx", 2),
            ("again", "none", 1),
            ("again", "2xx", 1),
        ];
        assert_eq!(meter.read_requests(), expected);
    }
}
