//! What `/metrics` looks at besides what is counted: gauges of this moment.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use tokio::sync::Semaphore;

use super::Host;
use crate::config::TelemetryConfig;
use crate::grants::Grants;
use crate::log;
use crate::plugin::verify::Kind;
use crate::problem::Problem;
use crate::serving::snapshot::Snapshot;
use crate::telemetry::Telemetry;
use crate::telemetry::page::{self, FlowMoment, Gate, Moment, Waiting};
use crate::telemetry::process::Process;

/// How long what was read of the outbox is shown again: that costs what is open
/// in it, and whoever asks more often shall not make it busy.
const FRESH: Duration = Duration::from_secs(5);

/// What a host counts and traces, as its file wants it.
pub(super) fn started(config: &TelemetryConfig) -> Result<Telemetry, Problem> {
    Telemetry::start(config.connections, config.traces.as_ref())
        .map_err(|detail| Problem::host("telemetry-failed", format!("`[telemetry]`: {detail}")))
}

impl Host {
    /// What it counts and traces.
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Everything it counts, as Prometheus reads it.
    ///
    /// # Errors
    /// If it cannot be put together.
    pub async fn metrics(&self) -> Result<String, Problem> {
        self.scrape.page(self).await
    }
}

/// Whether queued requests of each connection may leave, and how many do.
fn gates(snapshot: &Snapshot) -> Vec<Gate> {
    let tenants = snapshot.tenants.values();
    let connections = tenants.flat_map(|tenant| {
        let connections = tenant.connections.values();
        connections.map(|connection| (tenant.config.name.clone(), connection))
    });
    let gates = connections.map(|(tenant, connection)| {
        let shown = connection.channel.shown();
        let paused = connection.channel.is_paused();
        Gate {
            tenant,
            connection: connection.config.name.clone(),
            state: match shown.state {
                "open" | "slowed" if paused => "paused",
                state => state,
            },
            allowed: shown.allowed as u64,
            under_way: shown.under_way as u64,
        }
    });
    gates.collect()
}

/// What is read of the outbox's file.
type Kept = (Waiting, Vec<FlowMoment>);

/// The way to read it.
pub(super) struct Scrape {
    waiting: ArcSwapOption<(Instant, Kept)>,
    /// One reads at a time.
    turn: Semaphore,
}

impl Default for Scrape {
    fn default() -> Self {
        Self {
            waiting: ArcSwapOption::empty(),
            turn: Semaphore::new(1),
        }
    }
}

impl Scrape {
    /// The page of a host.
    pub async fn page(&self, host: &Host) -> Result<String, Problem> {
        let moment = self.moment(host).await;
        let metrics = host.telemetry().metrics.clone();
        // Some milliseconds with many connections, and files of the system.
        let written = tokio::task::spawn_blocking(move || {
            let process = Process::read();
            page::write(&metrics, Moment { process, ..moment })
        });
        let failed = || Problem::host("internal-error", "the metrics cannot be written");
        written.await.map_err(|_| failed())?.map_err(|_| failed())
    }

    async fn moment(&self, host: &Host) -> Moment {
        let plugins = host.plugins();
        let tenants = host.tenants();
        let count = |number: usize| number as u64;
        let generations = plugins.iter().filter_map(|plugin| plugin.serving.as_ref());
        let generations = generations.map(|serving| {
            let kind = match serving.kind {
                Kind::Adapter => "adapter",
                Kind::ScriptEngine => "script-engine",
                Kind::LanguageRuntime => "language-runtime",
            };
            (serving.name.clone(), kind, serving.number)
        });
        let (adapters, scripts) = host.warm_instances();
        let spans = &host.telemetry().spans;
        let (outbox, flows) = self.kept(host).await.unzip();
        Moment {
            version: env!("CARGO_PKG_VERSION"),
            gates: gates(&host.snapshot()),
            grants: host.grants.as_ref().map(Grants::moment).unwrap_or_default(),
            outbox,
            flows: flows.unwrap_or_default(),
            generations: generations.collect(),
            plugins: (
                count(plugins.iter().filter(|p| p.serving.is_some()).count()),
                count(plugins.iter().filter(|p| p.refused.is_some()).count()),
            ),
            tenants: (
                count(tenants.iter().filter(|t| t.generation.is_some()).count()),
                count(tenants.iter().filter(|t| !t.problems.is_empty()).count()),
            ),
            warm: (count(adapters), count(scripts)),
            warm_script_bytes: count(host.warm_script_bytes()),
            guest_time: host.loader.guest_time(),
            memory: (count(host.memory().used()), count(host.memory().total())),
            log_lost: log::health().lost,
            recordings_lost: host.recordings_dropped(),
            spans: (spans.sent.get(), spans.lost.get()),
            process: None,
        }
    }

    /// What waits in the outbox, and for flows; what was read a moment ago, if it was.
    async fn kept(&self, host: &Host) -> Option<Kept> {
        let outbox = host.outbox().ok()?;
        let known = || {
            let known = self.waiting.load();
            let known = known.as_ref().filter(|known| known.0.elapsed() < FRESH);
            known.map(|known| known.1.clone())
        };
        if let Some(known) = known() {
            return Some(known);
        }
        let _turn = self.turn.acquire().await;
        if let Some(known) = known() {
            return Some(known);
        }
        let flows = match host.flows() {
            Ok(flows) => flows.moment().await,
            Err(_) => Vec::new(),
        };
        let kept = (outbox.waiting().await, flows);
        self.waiting
            .store(Some(Arc::new((Instant::now(), kept.clone()))));
        Some(kept)
    }
}
