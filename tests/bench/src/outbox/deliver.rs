//! How fast what waits is delivered to a platform that takes 50 rows and answers
//! at once.

use std::time::Duration;

use super::Scale;
use super::setting::{Platform, ROWS, bed, fill, serve, tenant};
use crate::figures::{Figures, Goal};

/// Rows that wait.
const WAITING: u64 = 200_000;

pub async fn measure(figures: &mut Figures, scale: Scale) -> anyhow::Result<()> {
    let waiting = scale.rows(WAITING);
    figures.section(&format!(
        "Outbox: {waiting} waiting rows to a platform that takes {ROWS} at once"
    ));
    let more = format!("settings = {{ batch_size = {ROWS} }}\nlimits = {{ concurrency = 16 }}");
    for tenants in [1, 8] {
        let platform = Platform::start(Duration::ZERO).await?;
        let bed = bed(tenants, &platform, &more);
        let names: Vec<String> = (0..tenants).map(tenant).collect();
        fill(&bed, &names, waiting)?;
        let (host, _) = serve(&bed).await?;
        platform.until_rows(waiting).await?;
        let rate = platform.rows() as f64 / platform.busy().as_secs_f64();
        let name = format!("outbox, delivered, connections: {tenants}");
        figures.add(&name, rate, "items/s");
        let rows = platform.rows() as f64 / platform.requests() as f64;
        figures.add(format!("{name}, rows a request"), rows, "rows");
        figures.goal(&format!("{name} (items/s)"), rate, Goal::AtLeast(10_000.0));
        host.kill().await;
    }
    Ok(())
}
