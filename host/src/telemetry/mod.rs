//! What the host tells of itself: numbers for Prometheus, spans for a collector.
//!
//! | part | what it does |
//! |---|---|
//! | [`catalogue`] | every metric: name, kind, labels, meaning |
//! | [`counts`] | counters and histograms without a lock |
//! | [`meters`] | what is counted about a connection and an operation |
//! | [`flow_meters`] | what is counted about a flow |
//! | [`metrics`] | all meters of a host, with a bound on how many have names |
//! | [`page`] | `GET /metrics` |
//! | [`process`] | what the system knows of this process |
//! | [`observed`] | what one delivery counts, and its steps |
//! | [`incoming`] | W3C `traceparent`, in and out |
//! | [`span`], [`traces`] | spans, and the bounded queue through which they leave |
//! | `collector` | the way to the collector |
//!
//! It calls nobody above it. Whoever does something worth counting holds a
//! handle, which it got with what it works on.

pub mod catalogue;
mod collector;
pub mod counts;
pub mod flow_meters;
pub mod incoming;
pub mod meters;
pub mod metrics;
pub mod observed;
pub mod page;
pub mod process;
pub mod span;
pub mod traces;

use std::sync::Arc;
use std::time::Duration;

use metrics::Metrics;
use traces::{Settings, Spans, Traces};

/// Connections with names of their own, where the file says nothing.
pub const MOST_CONNECTIONS: usize = 500;

/// What a host counts and traces. Cloning gives the same.
#[derive(Debug, Clone, Default)]
pub struct Telemetry {
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Where spans begin, if anywhere.
    pub traces: Option<Arc<Traces>>,
    /// What became of spans.
    pub spans: Arc<Spans>,
}

impl Telemetry {
    /// With names for so many connections, and traces if there are settings for
    /// them. Those need a tokio runtime.
    ///
    /// # Errors
    /// What is wrong with the settings of traces, in one sentence.
    pub fn start(connections: usize, traces: Option<&Settings>) -> Result<Self, String> {
        let spans = Arc::<Spans>::default();
        let traces = match traces {
            Some(settings) => Some(Arc::new(Traces::start(settings, spans.clone())?)),
            None => None,
        };
        Ok(Self {
            metrics: Arc::new(Metrics::new(connections)),
            traces,
            spans,
        })
    }

    /// Sends the spans that wait, for at most so long.
    pub async fn finish(&self, patience: Duration) {
        if let Some(traces) = &self.traces {
            traces.finish(patience).await;
        }
    }
}
