//! The outbox through the host as a process, over HTTP: how fast it takes in and
//! delivers, what folding and batching spare a platform, and what a backlog costs.
//!
//! The folder of it all is the system's for temporary files (`TMPDIR`): what a
//! sync takes there is measured first, since everything depends on it.

mod backlog;
mod deliver;
mod intake;
mod setting;
mod spare;

use std::time::Duration;

use crate::figures::Figures;

/// How much of everything: 1 is what the goals are about.
#[derive(Debug, Clone, Copy)]
pub struct Scale(pub f64);

impl Scale {
    /// A number of rows, at least 100.
    fn rows(self, full: u64) -> u64 {
        ((full as f64 * self.0) as u64).max(100)
    }

    /// How long something is measured, at least half a second.
    fn time(self, full: Duration) -> Duration {
        full.mul_f64(self.0).max(Duration::from_millis(500))
    }
}

pub async fn measure(figures: &mut Figures, scale: Scale) -> anyhow::Result<()> {
    intake::measure(figures, scale).await?;
    deliver::measure(figures, scale).await?;
    spare::measure(figures, scale).await?;
    backlog::measure(figures, scale).await
}
