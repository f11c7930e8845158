//! When the token server fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use crossdock_stand_ins::{Misbehaviour, Times};
use rand::RngExt;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::grants::Shops;
use crate::soak::stream;

/// From when to when it failed.
#[derive(Debug, Clone, Copy)]
pub struct Stretch {
    pub from: Instant,
    pub to: Instant,
}

/// The stretches to come.
pub struct Weather(JoinHandle<Vec<Stretch>>);

impl Weather {
    /// Fine for two to ten lifetimes, then bad for half of one to two.
    pub fn start(
        shops: Arc<Shops>,
        lifetime: Duration,
        seed: u64,
        stop: CancellationToken,
    ) -> Self {
        Self(tokio::spawn(async move {
            let mut rng = stream(seed, 3_001);
            let mut stretches = Vec::new();
            loop {
                let fine = lifetime.mul_f64(rng.random_range(2.0..10.0));
                let bad = lifetime.mul_f64(rng.random_range(0.5..2.0));
                let wrong = match rng.random_range(0..3_u32) {
                    0 => Misbehaviour::Http500,
                    1 => Misbehaviour::ResetBeforeApplying,
                    _ => Misbehaviour::Html,
                };
                if stop
                    .run_until_cancelled(tokio::time::sleep(fine))
                    .await
                    .is_none()
                {
                    return stretches;
                }
                let from = Instant::now();
                shops.stand_ins.misbehave("oauth", wrong, Times::Always);
                // A stretch ends even if the month does.
                tokio::time::sleep(bad).await;
                shops.stand_ins.behave("oauth");
                let to = Instant::now();
                stretches.push(Stretch { from, to });
            }
        }))
    }

    /// The stretches that there were.
    pub async fn ended(self) -> anyhow::Result<Vec<Stretch>> {
        self.0.await.context("the weather ended early")
    }
}
