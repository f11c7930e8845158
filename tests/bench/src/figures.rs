//! Measured values, their ratios and their goals.

use std::time::{Duration, Instant};

use serde::Serialize;

/// How long one figure is measured for.
const MEASURE: Duration = Duration::from_millis(600);

/// Batches a measurement is cut into: the median of their means is quoted, so
/// that a pause of the machine does not count.
const BATCHES: usize = 15;

#[derive(Serialize)]
struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
}

/// Everything measured in this run.
#[derive(Default)]
pub struct Figures {
    all: Vec<Figure>,
    goals: Vec<(String, f64, Goal)>,
}

/// What a figure should be.
#[derive(Clone, Copy)]
pub enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

impl Figures {
    /// Says what follows.
    pub fn section(&self, title: &str) {
        println!("\n── {title}");
    }

    /// Adds and prints a figure.
    pub fn add(&mut self, name: impl Into<String>, value: f64, unit: &'static str) -> f64 {
        let name = name.into();
        println!("{name:<58} {value:>10.2} {unit}");
        self.all.push(Figure { name, value, unit });
        value
    }

    /// Adds a ratio of two figures of this run.
    pub fn ratio(&mut self, name: impl Into<String>, above: f64, below: f64) -> f64 {
        self.add(name, above / below, "ratio")
    }

    /// Holds a figure against its goal at the end.
    pub fn goal(&mut self, name: &str, value: f64, goal: Goal) {
        self.goals.push((name.to_owned(), value, goal));
    }

    /// Which goals were reached.
    pub fn print_goals(&self) {
        self.section("Goals");
        for (name, value, goal) in &self.goals {
            let (reached, wanted) = match goal {
                Goal::AtMost(most) => (value <= most, format!("at most {most}")),
                Goal::AtLeast(least) => (value >= least, format!("at least {least}")),
            };
            let word = if reached { "reached" } else { "missed" };
            println!("{word:<8} {name:<50} {value:>9.2}, {wanted}");
        }
    }

    /// Writes every figure as `{name, value, unit}`.
    pub fn write(&self, file: &std::path::Path) -> anyhow::Result<()> {
        std::fs::write(file, serde_json::to_string_pretty(&self.all)?)?;
        Ok(())
    }
}

/// How many runs make a batch, found by trying.
fn batch_size(one: Duration) -> u32 {
    let batch = MEASURE / BATCHES as u32;
    u32::try_from(batch.as_nanos() / one.as_nanos().max(1))
        .unwrap_or(u32::MAX)
        .clamp(1, 1_000_000)
}

fn median(mut means: Vec<f64>) -> f64 {
    means.sort_by(f64::total_cmp);
    means[means.len() / 2]
}

/// Microseconds per run of some work.
pub fn time(mut work: impl FnMut()) -> f64 {
    let warm = Instant::now();
    let mut runs = 0;
    while warm.elapsed() < MEASURE / 4 {
        work();
        runs += 1;
    }
    let size = batch_size(warm.elapsed() / runs);
    let means = (0..BATCHES)
        .map(|_| {
            let started = Instant::now();
            for _ in 0..size {
                work();
            }
            started.elapsed().as_secs_f64() * 1e6 / f64::from(size)
        })
        .collect();
    median(means)
}

/// Microseconds per run of some asynchronous work.
pub async fn time_async(mut work: impl AsyncFnMut()) -> f64 {
    let warm = Instant::now();
    let mut runs = 0;
    while warm.elapsed() < MEASURE / 4 {
        work().await;
        runs += 1;
    }
    let size = batch_size(warm.elapsed() / runs);
    let mut means = Vec::with_capacity(BATCHES);
    for _ in 0..BATCHES {
        let started = Instant::now();
        for _ in 0..size {
            work().await;
        }
        means.push(started.elapsed().as_secs_f64() * 1e6 / f64::from(size));
    }
    median(means)
}
