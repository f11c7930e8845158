//! What is queued: totals, changes and locks, each with a number of its own by
//! which it is found at the platform.

use rand::RngExt;
use rand::rngs::StdRng;

use super::{LOCKED, STORE, stream};

/// Clients that queue at the same time. Each has things of its own, so that the
/// order of its records is the order of everything about them.
pub const CLIENTS: u64 = 12;

/// Articles of each client of which totals, and changes, are queued.
const TOTALS: u64 = 16;
const CHANGES: u64 = 8;

/// Taken away from a stock by a change that the platform always refuses.
pub const TOO_MUCH: i64 = 1_000_000_000_000_000;

/// Which operation of which connection takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Totals, many to a request.
    Total,
    /// Totals and changes of one article, one to a request.
    Change,
    /// Locks, which must not be repeated.
    Lock,
}

impl Kind {
    /// Its path below the tenant.
    pub fn path(self) -> &'static str {
        match self {
            Self::Total => "dingliyun/stock.update",
            Self::Change => "fengchao/stock.update",
            Self::Lock => "dingliyun/order.lock",
        }
    }

    /// Most records of one delivery.
    fn most(self) -> u64 {
        match self {
            Self::Total => 40,
            Self::Change => 10,
            Self::Lock => 5,
        }
    }
}

/// What a record does to its thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It is so many now: the record's number.
    Set,
    /// So many more: the record's number.
    Add,
    /// More less than there are, which is always refused.
    TakeTooMuch,
    /// One is held for an order.
    Lock,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Which operation takes it.
    pub kind: Kind,
    /// What it is about: an article, or an order.
    pub key: String,
    /// What it does.
    pub effect: Effect,
    /// No other record has it, and a later one of the same client a greater one.
    pub number: u64,
}

impl Record {
    /// As it is queued.
    pub fn json(&self) -> String {
        let Self { key, number, .. } = self;
        match (self.kind, self.effect) {
            (Kind::Total, _) => {
                format!(r#"{{"sku":"{key}","location":"{STORE}","quantity":{number}}}"#)
            }
            (Kind::Lock, _) => format!(
                r#"{{"order_id":"{key}","store_id":"{STORE}","request_id":"{number}","items":[{{"sku_id":"{LOCKED}","qty":1}}]}}"#
            ),
            (Kind::Change, Effect::Set) => format!(r#"{{"sku":"{key}","quantity":{number}}}"#),
            (Kind::Change, Effect::TakeTooMuch) => {
                let less = -TOO_MUCH - *number as i64;
                format!(r#"{{"sku":"{key}","quantity":{less},"mode":"adjust"}}"#)
            }
            // Half of them have an id of their own, the others get the host's.
            (Kind::Change, _) if number.is_multiple_of(2) => format!(
                r#"{{"sku":"{key}","quantity":{number},"mode":"adjust","idempotency_key":"change-{number}"}}"#
            ),
            (Kind::Change, _) => {
                format!(r#"{{"sku":"{key}","quantity":{number},"mode":"adjust"}}"#)
            }
        }
    }
}

/// The records of one client, a delivery at a time.
pub struct Source {
    client: u64,
    rng: StdRng,
    /// Records made so far.
    made: u64,
    /// How many are to be made, at least.
    wanted: u64,
}

impl Source {
    /// The share of one client of so many records.
    pub fn new(client: u64, items: usize, seed: u64) -> Self {
        Self {
            client,
            rng: stream(seed, client),
            made: 0,
            wanted: (items as u64).div_ceil(CLIENTS),
        }
    }

    fn record(&mut self, kind: Kind) -> Record {
        self.made += 1;
        let number = self.made * CLIENTS + self.client;
        let mut one_of = |keys: u64| self.rng.random_range(0..keys) * CLIENTS + self.client;
        let (key, effect) = match kind {
            Kind::Total => (format!("t-{}", one_of(TOTALS)), Effect::Set),
            Kind::Change => {
                let key = format!("c-{}", one_of(CHANGES));
                let effect = match self.rng.random_range(0..20) {
                    0..8 => Effect::Set,
                    8..19 => Effect::Add,
                    _ => Effect::TakeTooMuch,
                };
                (key, effect)
            }
            // Some orders are locked several times, one lock after the other.
            Kind::Lock => (format!("o-{}-{}", self.client, self.made / 3), Effect::Lock),
        };
        Record {
            kind,
            key,
            effect,
            number,
        }
    }
}

impl Iterator for Source {
    type Item = (Kind, Vec<Record>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.made >= self.wanted {
            return None;
        }
        // By records, half are totals, three tenths changes, a fifth locks.
        let kind = match self.rng.random_range(0..100) {
            0..20 => Kind::Total,
            20..58 => Kind::Change,
            _ => Kind::Lock,
        };
        let count = self.rng.random_range(1..=kind.most());
        Some((kind, (0..count).map(|_| self.record(kind)).collect()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_seed_makes_the_same_records_and_each_has_its_number() {
        let all = |seed| -> Vec<Record> {
            let clients = (0..CLIENTS).flat_map(|client| Source::new(client, 5_000, seed));
            clients.flat_map(|(_, records)| records).collect()
        };
        let records = all(7);
        assert_eq!(records, all(7));
        assert_ne!(records, all(8));
        let mut numbers: Vec<u64> = records.iter().map(|record| record.number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), records.len());
        assert!(records.len() >= 5_000);
        let mut kinds: BTreeMap<Kind, usize> = BTreeMap::new();
        for record in &records {
            *kinds.entry(record.kind).or_default() += 1;
            assert!(serde_json::from_str::<serde_json::Value>(&record.json()).is_ok());
        }
        assert!(kinds[&Kind::Total] > kinds[&Kind::Change], "{kinds:?}");
        assert!(kinds[&Kind::Lock] > records.len() / 10, "{kinds:?}");
    }
}
