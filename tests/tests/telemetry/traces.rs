//! Spans at a collector, and `traceparent` on its way through.

use std::collections::BTreeSet;

use crossdock_tests::recorder::Recorder;
use crossdock_tests::wait::{until, until_async};

use crate::collector::{Collector, Span};
use crate::setting::{bed, call, item_is, page, put_tenant, queue, serve};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

fn traceparent(sampled: bool) -> String {
    format!("00-{TRACE}-{CALLER}-0{}", u8::from(sampled))
}

fn names(spans: &[Span]) -> BTreeSet<&str> {
    spans.iter().map(|span| &*span.name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_one_trace_below_its_callers_span() {
    let collector = Collector::start().await;
    let platform = Recorder::start().await;
    let more = "mappings.keyed = \"map.jq\"\n";
    let bed = bed(&platform, &collector.settings(), more);
    bed.put_tenant("acme", "map.jq", ".");
    put_tenant(&bed, &platform, "acme", more);
    let host = serve(&bed).await;
    let client = host.client().with_header("traceparent", traceparent(true));
    let report = call(&client, r#"{"sku":"1"}"#).await;
    assert_eq!(report["status"], "accepted", "{report}");
    let delivery = collector
        .span("the delivery's span", |span| span.name == "delivery")
        .await;
    assert_eq!((&*delivery.trace, &*delivery.parent), (TRACE, CALLER));
    let said = |key: &str| delivery.attributes[key].clone();
    assert_eq!(said("crossdock.tenant"), "acme");
    assert_eq!(said("crossdock.operation"), "keyed");
    assert_eq!(said("crossdock.items"), "1");
    assert_eq!(said("crossdock.status"), "accepted");
    assert_eq!(delivery.status, 0);
    let below = collector.below(&delivery, 6).await;
    let expected = ["http", "map", "parse", "script", "sign", "turn"];
    assert_eq!(names(&below), BTreeSet::from(expected));
    assert!(below.iter().all(|span| span.trace == TRACE), "{below:?}");
    let http = below.iter().find(|span| span.name == "http").unwrap();
    assert_eq!(http.attributes["http.response.status_code"], "200");
    assert_eq!(http.attributes["http.request.method"], "POST");
    assert!(http.attributes["url.full"].starts_with(&platform.base_url()));
    // Nobody has said that the platform may know of it.
    assert_eq!(platform.last().header("traceparent"), None);
    assert_eq!(platform.last().header("tracestate"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_is_told_of_the_trace_only_where_its_connection_says_so() {
    let collector = Collector::start().await;
    let platform = Recorder::start().await;
    let bed = bed(
        &platform,
        &collector.settings(),
        "send_traceparent = true\n",
    );
    let host = serve(&bed).await;
    let client = host.client().with_header("traceparent", traceparent(true));
    call(&client, r#"{"sku":"1"}"#).await;
    let http = collector
        .span("the request's span", |span| span.name == "http")
        .await;
    let told = platform.last().header("traceparent").map(str::to_owned);
    assert_eq!(told, Some(format!("00-{TRACE}-{}-01", http.id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_traces_nothing_passes_the_callers_trace_on_as_it_is() {
    let platform = Recorder::start().await;
    let bed = bed(&platform, "", "send_traceparent = true\n");
    let host = serve(&bed).await;
    for sampled in [true, false] {
        let client = host
            .client()
            .with_header("traceparent", traceparent(sampled));
        call(&client, r#"{"sku":"1"}"#).await;
        let told = platform.last().header("traceparent").map(str::to_owned);
        assert_eq!(told, Some(traceparent(sampled)));
    }
    call(&host.client(), r#"{"sku":"1"}"#).await;
    assert_eq!(platform.last().header("traceparent"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_traceparent_is_ignored_and_the_call_is_a_trace_of_its_own() {
    let collector = Collector::start().await;
    let platform = Recorder::start().await;
    let bed = bed(&platform, &collector.settings(), "");
    let host = serve(&bed).await;
    for wrong in [
        "",
        "nonsense",
        "00-0-0-01",
        &traceparent(true).to_uppercase(),
    ] {
        let client = host.client().with_header("traceparent", wrong);
        let report = call(&client, r#"{"sku":"1"}"#).await;
        assert_eq!(report["status"], "accepted", "{report}");
    }
    let deliveries = until("four traces", || {
        let spans = collector.spans().into_iter();
        let of: Vec<Span> = spans.filter(|span| span.name == "delivery").collect();
        (of.len() == 4).then_some(of)
    })
    .await;
    assert!(deliveries.iter().all(|span| span.parent.is_empty()));
    let traces: BTreeSet<&str> = deliveries.iter().map(|span| &*span.trace).collect();
    assert_eq!(traces.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_batch_is_a_trace_that_names_its_deliveries() {
    let collector = Collector::start().await;
    let platform = Recorder::start().await;
    let bed = bed(&platform, &collector.settings(), "");
    let host = serve(&bed).await;
    let client = host.client();
    let id = queue(&client, r#"{"sku":"1"}"#).await;
    item_is(&client, &id, "accepted").await;
    let batch = collector
        .span("the batch's span", |span| span.name == "batch")
        .await;
    assert_eq!(batch.attributes["crossdock.delivery"], id);
    assert_eq!(batch.parent, "");
    let below = collector.below(&batch, 5).await;
    assert_eq!(
        names(&below),
        BTreeSet::from(["http", "map", "parse", "sign", "turn"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_is_of_traces_that_begin_here_and_a_callers_word_counts() {
    let collector = Collector::start().await;
    let platform = Recorder::start().await;
    let settings = collector.settings() + "sample_ratio = 0.0\n";
    let bed = bed(&platform, &settings, "");
    let host = serve(&bed).await;
    call(&host.client(), r#"{"sku":"1"}"#).await;
    let unsampled = host.client().with_header("traceparent", traceparent(false));
    call(&unsampled, r#"{"sku":"1"}"#).await;
    let sampled = host.client().with_header("traceparent", traceparent(true));
    call(&sampled, r#"{"sku":"1"}"#).await;
    // The last one is there, and what came before is not.
    collector
        .span("the sampled one", |span| span.parent == CALLER)
        .await;
    let of = collector.spans();
    assert_eq!(of.iter().filter(|span| span.name == "delivery").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_not_there_costs_one_line_of_the_log() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let platform = Recorder::start().await;
    let settings = format!("[telemetry]\nendpoint = \"http://{address}\"\n");
    let bed = bed(&platform, &settings, "");
    let host = serve(&bed).await;
    let client = host.client();
    for _ in 0..5 {
        let report = call(&client, r#"{"sku":"1"}"#).await;
        assert_eq!(report["status"], "accepted", "{report}");
    }
    until_async("spans to be lost", async || {
        let lost = page(&client)
            .await
            .number("crossdock_spans_lost_total", &[])?;
        (lost > 0.0).then_some(())
    })
    .await;
    call(&client, r#"{"sku":"1"}"#).await;
    host.terminate().await;
    let ended = host.ended().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines = ended.stderr.matches("takes no traces").count();
    assert_eq!(lines, 1, "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_sent_when_the_host_ends() {
    let collector = Collector::start().await;
    let platform = Recorder::start().await;
    let bed = bed(&platform, &collector.settings(), "");
    let host = serve(&bed).await;
    call(&host.client(), r#"{"sku":"1"}"#).await;
    host.terminate().await;
    assert_eq!(host.ended().await.code, Some(0));
    let spans = collector.spans();
    assert!(names(&spans).contains("delivery"), "{spans:?}");
}
