//! The leaky bucket of calculated costs.

use std::time::Instant;

#[derive(Debug)]
pub struct Bucket {
    most: f64,
    rate: f64,
    points: f64,
    at: Instant,
}

impl Bucket {
    pub fn new(most: f64, rate: f64) -> Self {
        Self {
            most,
            rate,
            points: most,
            at: Instant::now(),
        }
    }

    /// Points that are there now.
    pub fn available(&mut self) -> f64 {
        let now = Instant::now();
        let back = now.duration_since(self.at).as_secs_f64() * self.rate;
        self.points = (self.points + back).min(self.most);
        self.at = now;
        self.points
    }

    /// Takes points; false, with nothing taken, if there are fewer.
    pub fn take(&mut self, points: f64) -> bool {
        let enough = self.available() >= points;
        if enough {
            self.points -= points;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_taken_than_is_there() {
        let mut bucket = Bucket::new(15.0, 0.0);
        assert!(bucket.take(10.0));
        assert!(!bucket.take(10.0));
        assert!(bucket.take(5.0));
    }
}
