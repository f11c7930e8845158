//! One item a line: over HTTP and from a file.

use std::fs;

use crossdock_tests::bed::{Bed, connection};
use crossdock_tests::client::Client;
use crossdock_tests::guests::test_adapter;
use crossdock_tests::process::{Serving, run};
use crossdock_tests::recorder::{Recorder, Reply};
use crossdock_tests::wait::until_async;
use http::{Method, StatusCode};
use serde_json::{Value, json};

const QUEUE: &str = "/v1/acme/shop/keyed?queue=true";

/// Lines of some 200 bytes.
fn lines(count: usize) -> String {
    let line = |number| {
        format!(
            "{{\"sku\":\"{number}\",\"text\":\"{}\"}}\n",
            "x".repeat(170)
        )
    };
    (0..count).map(line).collect()
}

async fn bed(platform: &Recorder) -> Bed {
    let bed = Bed::new();
    bed.share_compiled_code();
    bed.configure("");
    bed.put_plugin("test-adapter", &test_adapter("normal", "a0"));
    let text = connection("shop", "test-adapter", &platform.base_url(), "");
    bed.put_tenant("acme", "tenant.toml", &text);
    bed
}

async fn ready(host: &Serving) -> Client {
    let client = host.client().with_lines();
    until_async("the tenant to serve", async || {
        let ready = client.get("/readyz").await.ok()?;
        (ready["tenants"]["serving"] == 1).then_some(())
    })
    .await;
    client
}

async fn queued(client: &Client, body: &str) -> (StatusCode, Value) {
    let sent = client.send(Method::POST, QUEUE, Some(body)).await;
    sent.expect("an answer")
}

/// The whole host, with the deliveries that it begins meanwhile, stays within a bound.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_200000_lines_is_taken_in_within_bounded_memory() {
    let platform = Recorder::answering(|_| Reply::json("{}")).await;
    let bed = bed(&platform).await;
    let host = Serving::start(&bed.path("")).await.checked().await;
    let client = ready(&host).await;
    let before = host.peak_memory_mib();
    // The same in small first: what a call and a delivery take.
    let (status, answer) = queued(&client, &lines(20_000)).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    let small = host.peak_memory_mib();
    let body = lines(200_000);
    let started = std::time::Instant::now();
    let (status, answer) = queued(&client, &body).await;
    let took = started.elapsed();
    let large = host.peak_memory_mib();
    println!(
        "{} MiB in 200000 lines were taken in within {took:?}; the host's peak: {before} MiB before, {small} MiB with 20000 lines, {large} MiB with all",
        body.len() >> 20
    );
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    assert_eq!(answer["items"], 200_000);
    assert_eq!(answer["deliveries"].as_array().map(Vec::len), Some(200));
    // What was queued is delivered meanwhile, which takes memory, too.
    assert!(large < 300, "{large} MiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_line_of_a_body_is_named_and_the_mended_body_goes_on() {
    let platform = Recorder::answering(|_| Reply::json("{}")).await;
    let bed = bed(&platform).await;
    let host = Serving::start(&bed.path("")).await;
    let client = ready(&host).await.with_header("idempotency-key", "night-1");
    let bad = format!("{}nonsense\n{}", lines(1500), lines(500));
    let (status, problem) = queued(&client, &bad).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
    assert_eq!(problem["line"], 1501, "{problem}");
    assert_eq!(problem["lines_taken"], 1000, "{problem}");
    let first = problem["deliveries"][0]["delivery"].clone();
    let mended = bad.replace("nonsense", r#"{"sku":"mended"}"#);
    let (status, answer) = queued(&client, &mended).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    assert_eq!(answer["deliveries"][0]["delivery"], first, "{answer}");
    assert_eq!(answer["deliveries"][2]["lines"], json!([2001, 2001]));
    assert_eq!(answer["items"], 2001);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_line_of_a_file_is_named_with_what_was_delivered_before() {
    let platform = Recorder::answering(|_| Reply::json("{}")).await;
    let bed = bed(&platform).await;
    let text = format!("{}nonsense\n{}", lines(1500), lines(5));
    fs::write(bed.path("stock.ndjson"), &text).unwrap();
    let call = ["call", "acme", "shop", "keyed", "--input", "stock.ndjson"];
    let ended = run(&bed.path(""), &call).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let says = "stock.ndjson, line 1501: it is not JSON";
    assert!(ended.stderr.contains(says), "{}", ended.stderr);
    let told = "what became of lines 1 to 1000 is told above";
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
    let reports: Vec<Value> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("a report a line"))
        .collect();
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0]["lines"], json!([1, 1000]));

    fs::write(
        bed.path("stock.ndjson"),
        text.replace("nonsense", r#"{"sku":"mended"}"#),
    )
    .unwrap();
    let ended = run(&bed.path(""), &call).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout.lines().count(), 2);
}
