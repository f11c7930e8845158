//! Numbers that only rise, and how durations are spread. Counting is adding to
//! an atomic number: nobody waits for whoever reads, and reading stops nobody.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A number that rises.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn one(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How often something took how long. A scrape that reads it while others count
/// may see a duration in one of its numbers and not yet in another; the next one
/// sees it in all.
#[derive(Debug)]
pub struct Histogram {
    /// Upper bounds in seconds, rising.
    bounds: &'static [f64],
    /// One for each bound, and one for what is longer.
    counts: Box<[Counter]>,
    /// Their sum.
    nanos: Counter,
}

impl Histogram {
    /// Nothing counted yet.
    pub fn new(bounds: &'static [f64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| Counter::default());
        Self {
            bounds,
            counts: counts.collect(),
            nanos: Counter::default(),
        }
    }

    /// It took so long.
    pub fn observe(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let place = self.bounds.partition_point(|bound| *bound < seconds);
        if let Some(count) = self.counts.get(place) {
            count.one();
        }
        let nanos = u64::try_from(took.as_nanos());
        self.nanos.add(nanos.unwrap_or(u64::MAX));
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.counts.iter().all(|count| count.get() == 0)
    }

    /// Sum in seconds, number, and how many in each bucket alone.
    pub fn read(&self) -> (f64, u64, Vec<(f64, u64)>) {
        let ends = self.bounds.iter().copied().chain([f64::INFINITY]);
        let counts = self.counts.iter().map(Counter::get);
        let buckets: Vec<(f64, u64)> = ends.zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = Duration::from_nanos(self.nanos.get()).as_secs_f64();
        (sum, count, buckets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_counted_in_the_first_bucket_that_holds_it() {
        let histogram = Histogram::new(&[0.001, 0.01, 1.0]);
        assert!(histogram.is_empty());
        for micros in [0, 999, 1000, 1001, 1_000_000, 1_000_001] {
            histogram.observe(Duration::from_micros(micros));
        }
        assert!(!histogram.is_empty());
        let (sum, count, buckets) = histogram.read();
        let expected = [(0.001, 3), (0.01, 1), (1.0, 1), (f64::INFINITY, 1)];
        assert_eq!(buckets, expected);
        assert_eq!(count, 6);
        assert!((sum - 2.003_001).abs() < 1e-9, "{sum}");
    }

    #[test]
    fn counting_from_several_threads_loses_nothing() {
        let histogram = Histogram::new(&[1.0]);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        histogram.observe(Duration::from_millis(1));
                    }
                });
            }
        });
        assert_eq!(histogram.read().1, 4000);
    }
}
