//! What one delivery counts and which trace it is in: looked up once, with its
//! route.

use std::sync::Arc;
use std::time::Instant;

use super::incoming::Incoming;
use super::meters::{ConnectionMeter, OperationMeter, Phase};
use super::span::Span;
use super::traces::Traces;
use crate::report::RequestReport;

/// What all deliveries of a connection count, and where their spans begin.
#[derive(Debug, Clone, Default)]
pub struct ObservedConnection {
    /// The connection's meter.
    pub meter: Arc<ConnectionMeter>,
    /// Nothing where nothing is traced.
    pub traces: Option<Arc<Traces>>,
}

/// The meters and the span of a delivery.
#[derive(Clone)]
pub struct Observed {
    /// Its connection's.
    pub connection: Arc<ConnectionMeter>,
    /// Its operation's.
    pub operation: Arc<OperationMeter>,
    /// Its span, once it has begun; before, its caller's.
    pub span: Span,
    traces: Option<Arc<Traces>>,
}

impl Observed {
    /// For a call of an operation.
    pub fn new(connection: &ObservedConnection, operation: &str) -> Self {
        Self {
            operation: connection.meter.operation(operation),
            connection: connection.meter.clone(),
            span: Span::default(),
            traces: connection.traces.clone(),
        }
    }

    /// In the caller's trace, if it named one.
    pub fn within(self, incoming: Incoming) -> Self {
        Self {
            span: Span::remote(incoming.context()),
            ..self
        }
    }

    /// Begins the delivery's span. It ends with the last copy of what this gives.
    pub fn begin(self, name: &'static str) -> Self {
        let span = match &self.traces {
            Some(traces) => self.span.begin(&traces.tracer, name),
            None => self.span,
        };
        Self { span, ..self }
    }

    /// Begins a step of it.
    pub fn step(&self, phase: Phase) -> Step<'_> {
        Step {
            connection: &self.connection,
            phase,
            span: self.span.child(phase.as_str()),
            began: Instant::now(),
        }
    }
}

impl std::fmt::Debug for Observed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observed").finish_non_exhaustive()
    }
}

/// A step that is under way. Dropping it ends it, however it came to that.
pub struct Step<'a> {
    connection: &'a ConnectionMeter,
    phase: Phase,
    /// What a collector is told of it.
    pub span: Span,
    began: Instant,
}

impl Step<'_> {
    /// What came of a request, which is over.
    pub fn sent(self, report: &RequestReport) {
        self.connection.request(report.attempt, report.status);
        if !self.span.is_recorded() {
            return;
        }
        self.span.set("http.request.method", report.method.clone());
        self.span.set("url.full", report.url.clone());
        let resent = i64::from(report.attempt.saturating_sub(1));
        self.span.set("http.request.resend_count", resent);
        if let Some(status) = report.status {
            self.span
                .set("http.response.status_code", i64::from(status));
        }
        match (&report.error, report.status) {
            (Some(error), _) => self.span.failed(error),
            (None, Some(status @ 400..)) => self.span.failed(&format!("HTTP {status}")),
            _ => {}
        }
    }
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        self.connection
            .phase(self.phase)
            .observe(self.began.elapsed());
    }
}
