//! One span of a delivery. Where nothing is traced it is nothing, and costs
//! nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderMap;
use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt, Tracer,
};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::{SdkTracer, Span as SdkSpan};

use super::incoming;

/// A span, which ends with the last copy of it.
#[derive(Clone, Default)]
pub struct Span(Option<Arc<Named>>);

struct Named {
    context: SpanContext,
    /// Nothing where it is not recorded: somebody else's span, or one that the
    /// sample left out.
    recorded: Option<Recorded>,
}

struct Recorded {
    tracer: SdkTracer,
    // Setting an attribute needs it whole. Requests of one delivery that are
    // under way at once have spans of their own, so nobody waits here.
    span: Mutex<SdkSpan>,
}

impl Span {
    /// Somebody else's.
    pub(super) fn remote(context: Option<SpanContext>) -> Self {
        Self(context.map(|context| {
            Arc::new(Named {
                context,
                recorded: None,
            })
        }))
    }

    /// The first one of this host, below `self` if that is one.
    pub(super) fn begin(&self, tracer: &SdkTracer, name: &'static str) -> Self {
        self.below(tracer, name, SpanKind::Server)
    }

    /// One inside of it.
    pub fn child(&self, name: &'static str) -> Self {
        let Some(named) = &self.0 else {
            return Self::default();
        };
        let Some(recorded) = &named.recorded else {
            // What the sample left out stays out, down to the platform.
            return self.clone();
        };
        let kind = match name {
            "http" => SpanKind::Client,
            _ => SpanKind::Internal,
        };
        self.below(&recorded.tracer, name, kind)
    }

    fn below(&self, tracer: &SdkTracer, name: &'static str, kind: SpanKind) -> Self {
        let mut above = Context::new();
        if let Some(named) = &self.0 {
            above = above.with_remote_span_context(named.context.clone());
        }
        let builder = SpanBuilder::from_name(name).with_kind(kind);
        let span = tracer.build_with_context(builder, &above);
        let context = span.span_context().clone();
        let recorded = span.is_recording().then(|| Recorded {
            tracer: tracer.clone(),
            span: Mutex::new(span),
        });
        Self(Some(Arc::new(Named { context, recorded })))
    }

    /// Whether it is recorded: what only goes into it need not be made otherwise.
    pub fn is_recorded(&self) -> bool {
        self.recorded().is_some()
    }

    /// Adds something that is known of it. No secrets: it leaves the host.
    pub fn set(&self, key: &'static str, value: impl Into<Value>) {
        if let Some(mut span) = self.recorded() {
            span.set_attribute(KeyValue::new(key, value));
        }
    }

    /// It did not succeed. No secrets, again.
    pub fn failed(&self, why: &str) {
        if let Some(mut span) = self.recorded() {
            span.set_status(Status::error(why.to_owned()));
        }
    }

    /// Names it in a request's headers.
    pub fn write(&self, headers: &mut HeaderMap) {
        if let Some(named) = &self.0 {
            incoming::write(&named.context, headers);
        }
    }

    fn recorded(&self) -> Option<MutexGuard<'_, SdkSpan>> {
        let recorded = self.0.as_ref()?.recorded.as_ref()?;
        Some(recorded.span.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
