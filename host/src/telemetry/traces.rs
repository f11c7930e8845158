//! Where spans begin, and the bounded queue through which they leave.
//!
//! The queue is this host's own and not the SDK's, so that what was lost is
//! counted, and so that sending runs on the threads that are there: the SDK's
//! has a thread of its own, which knows nothing of the host's HTTP client.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{
    Protocol, RetryPolicy, SpanExporter as OtlpExporter, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    Sampler, SdkTracer, SdkTracerProvider, Span as SdkSpan, SpanData, SpanExporter, SpanProcessor,
};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::collector::Collector;
use super::counts::Counter;

/// Spans that may wait to be sent.
const MOST_WAITING: usize = 4096;

/// Spans of one request to the collector.
const MOST_AT_ONCE: usize = 512;

/// How long a span waits for company.
const GATHER: Duration = Duration::from_secs(1);

/// How often the same spans are sent, and the pause after the first failure; it
/// doubles with each.
const ATTEMPTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Where traces go, and how many.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The URL that spans are posted to.
    pub url: String,
    /// Which part of the traces that begin here is recorded, 0 to 1.
    pub ratio: f64,
}

/// What became of spans.
#[derive(Debug, Default)]
pub struct Spans {
    /// The collector took them.
    pub sent: Counter,
    /// It did not, or there was no room for them.
    pub lost: Counter,
}

/// Traces of one host.
pub struct Traces {
    pub(super) tracer: SdkTracer,
    provider: SdkTracerProvider,
    /// Becomes true when everything was tried to be sent.
    ended: watch::Receiver<bool>,
    closing: Arc<AtomicBool>,
    wake: Arc<tokio::sync::Notify>,
}

impl Traces {
    /// Begins to send. Has to be called within a tokio runtime.
    ///
    /// # Errors
    /// What is wrong with the settings, in one sentence.
    pub fn start(settings: &Settings, spans: Arc<Spans>) -> Result<Self, String> {
        let collector = Collector::new()?;
        let mut exporter = OtlpExporter::builder()
            .with_http()
            .with_http_client(collector.clone())
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(settings.url.clone())
            // It would block a thread between attempts; see `ATTEMPTS`.
            .with_retry_policy(RetryPolicy::disabled())
            .build()
            .map_err(|error| format!("the collector cannot be used: {error}"))?;
        let resource = Resource::builder_empty()
            .with_service_name("crossdock")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        exporter.set_resource(&resource);
        let (sender, receiver) = mpsc::channel(MOST_WAITING);
        let sampler = Sampler::TraceIdRatioBased(settings.ratio);
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::ParentBased(Box::new(sampler)))
            .with_resource(resource)
            .with_span_processor(Waiting {
                sender,
                spans: spans.clone(),
            })
            .build();
        let (end, ended) = watch::channel(false);
        let (closing, wake) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let sending = Sending {
            exporter,
            collector,
            spans,
            receiver,
            closing: closing.clone(),
            wake: Arc::clone(&wake),
        };
        tokio::spawn(async move {
            sending.run().await;
            let _ = end.send(true);
        });
        Ok(Self {
            tracer: provider.tracer("crossdock"),
            provider,
            ended,
            closing,
            wake,
        })
    }

    /// Sends what waits, for at most so long.
    pub async fn finish(&self, patience: Duration) {
        self.closing.store(true, Ordering::Relaxed);
        self.wake.notify_one();
        let mut ended = self.ended.clone();
        let _ = tokio::time::timeout(patience, ended.wait_for(|ended| *ended)).await;
    }
}

impl std::fmt::Debug for Traces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Traces").finish_non_exhaustive()
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        // Nothing of it waits: the queue is closed with its last sender.
        let _ = self.provider.shutdown_with_timeout(Duration::ZERO);
    }
}

/// Where spans wait that have ended.
#[derive(Debug)]
struct Waiting {
    sender: mpsc::Sender<SpanData>,
    spans: Arc<Spans>,
}

impl SpanProcessor for Waiting {
    fn on_start(&self, _: &mut SdkSpan, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        match self.sender.try_send(span) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) => self.spans.lost.one(),
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// The task that empties the queue.
struct Sending {
    exporter: OtlpExporter,
    collector: Collector,
    spans: Arc<Spans>,
    receiver: mpsc::Receiver<SpanData>,
    closing: Arc<AtomicBool>,
    wake: Arc<tokio::sync::Notify>,
}

impl Sending {
    /// Until the host closes, or nobody makes spans any more.
    async fn run(mut self) {
        loop {
            let batch = self.next().await;
            if batch.is_empty() {
                return;
            }
            self.send(batch).await;
        }
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// What waits, and what comes within a moment; nothing at the end.
    async fn next(&mut self) -> Vec<SpanData> {
        let mut batch = Vec::new();
        let first = match self.is_closing() {
            true => self.receiver.try_recv().ok(),
            false => tokio::select! {
                biased;
                first = self.receiver.recv() => first,
                () = self.wake.notified() => self.receiver.try_recv().ok(),
            },
        };
        batch.extend(first);
        let until = Instant::now() + GATHER;
        while !batch.is_empty() && batch.len() < MOST_AT_ONCE {
            let next = match self.is_closing() {
                true => self.receiver.try_recv().ok(),
                false => tokio::select! {
                    next = timeout_at(until, self.receiver.recv()) => next.ok().flatten(),
                    // What is there already goes along.
                    () = self.wake.notified() => self.receiver.try_recv().ok(),
                },
            };
            match next {
                Some(span) => batch.push(span),
                None => break,
            }
        }
        batch
    }

    /// Sends a batch; several times, if the collector is not there. Others wait
    /// in the queue meanwhile, as long as it has room.
    async fn send(&self, batch: Vec<SpanData>) {
        let count = batch.len() as u64;
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=ATTEMPTS {
            match self.exporter.export(batch.clone()).await {
                Ok(()) => {
                    self.spans.sent.add(count);
                    self.collector.tell(None);
                    return;
                }
                Err(error) => self.collector.tell(Some(&error.to_string())),
            }
            // At the end of the host nothing is waited for.
            if attempt == ATTEMPTS || self.is_closing() {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.wake.notified() => {}
            }
            pause *= 2;
        }
        self.spans.lost.add(count);
    }
}
