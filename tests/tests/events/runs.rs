//! Runs of flows that begin and end, as server-sent events.

use crossdock_tests::bed::Bed;
use crossdock_tests::client::Client;
use crossdock_tests::process::Serving;
use crossdock_tests::recorder::Recorder;
use crossdock_tests::wait::until_async;
use http::StatusCode;
use serde_json::Value;

use crate::setting::{Stream, bed, serve};

const EVENTS: &str = "/v1/acme/flows/events";

const FLOW: &str = r#"
[flows.stock]
from = { folder = "in" }
to = [ { connection = "shop", operation = "keyed" } ]
"#;

/// A host whose tenant has a flow that is run when somebody asks, and a file for it.
async fn begin(platform: &Recorder) -> (Bed, Serving) {
    let bed = bed(platform, "");
    let file = bed.path("tenants/acme/tenant.toml");
    let text = std::fs::read_to_string(file).expect("the tenant's file");
    let folder = bed.path("tenants/acme/in");
    std::fs::create_dir(&folder).expect("a folder");
    let file = folder.join("a.ndjson");
    std::fs::write(&file, "{\"sku\":\"1\",\"repeatable\":true}\n").expect("a file");
    let opened = std::fs::File::options().write(true).open(&file);
    let past = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
    let opened = opened.expect("it is there");
    opened.set_modified(past).expect("a time");
    bed.put_tenant("acme", "tenant.toml", &format!("{text}{FLOW}"));
    let host = serve_flow(&bed).await;
    (bed, host)
}

async fn serve_flow(bed: &Bed) -> Serving {
    let host = serve(bed, &["acme"]).await;
    let client = host.client();
    until_async("the flow to be there", async || {
        client.get("/v1/acme/flows/stock").await.ok()
    })
    .await;
    host
}

async fn run(client: &Client) -> Value {
    let begun = client.post("/v1/acme/flows/stock/run", "").await;
    begun.expect("a run")["run"].clone()
}

async fn next(stream: &mut Stream) -> Value {
    let told = stream.next().await.expect("an event");
    assert_eq!(told.name, "");
    told.data.expect("a run")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_told_when_it_begins_and_with_its_counts_when_it_ends() {
    let platform = Recorder::start().await;
    let (bed, host) = begin(&platform).await;
    let client = host.client();
    let mut stream = Stream::open(&host.base_url, EVENTS, None).await;
    let failed = format!("{EVENTS}?flow=stock&state=failed");
    let mut failures = Stream::open(&host.base_url, &failed, None).await;
    let number = run(&client).await;
    let begun = next(&mut stream).await;
    assert_eq!(
        (&begun["tenant"], &begun["flow"], &begun["event"]),
        (&"acme".into(), &"stock".into(), &"begun".into()),
        "{begun}"
    );
    assert_eq!(
        (&begun["run"], &begun["state"]),
        (&number, &"running".into())
    );
    let place = stream.last.clone();
    let ended = next(&mut stream).await;
    assert_eq!((&ended["run"], &ended["state"]), (&number, &"done".into()));
    let counts = &ended["counts"];
    assert_eq!(
        (&counts["in"], &counts["accepted"]),
        (&1.into(), &1.into()),
        "{ended}"
    );

    // Whoever comes back with an id is told what came after it.
    let mut again = Stream::open(&host.base_url, EVENTS, place.as_deref()).await;
    assert_eq!(next(&mut again).await, ended);
    let oldest = format!("{EVENTS}?from=oldest");
    let mut oldest = Stream::open(&host.base_url, &oldest, None).await;
    assert_eq!(next(&mut oldest).await, begun);

    // A run that fails says why, also to whoever wants nothing else.
    std::fs::remove_dir_all(bed.path("tenants/acme/in")).expect("it is gone");
    let number = run(&client).await;
    let told = next(&mut failures).await;
    assert_eq!((&told["run"], &told["event"]), (&number, &"ended".into()));
    assert!(told["problem"]["code"].is_string(), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_back_after_a_restart_is_told_that_there_may_be_more() {
    let platform = Recorder::start().await;
    let (bed, host) = begin(&platform).await;
    let mut stream = Stream::open(&host.base_url, EVENTS, None).await;
    run(&host.client()).await;
    next(&mut stream).await;
    let place = stream.last.clone();
    host.kill().await;
    let host = serve_flow(&bed).await;
    let mut stream = Stream::open(&host.base_url, EVENTS, place.as_deref()).await;
    let told = stream.next().await.expect("an event");
    assert_eq!(told.name, "missed");
    let detail = told.data.expect("why")["detail"].to_string();
    assert!(detail.contains("/runs`"), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_runs_is_its_tenants_and_its_ids_are_no_others() {
    let platform = Recorder::start().await;
    let (_bed, host) = begin(&platform).await;
    let mut stream = Stream::open(&host.base_url, EVENTS, None).await;
    run(&host.client()).await;
    next(&mut stream).await;
    let id = stream.last.clone();
    for (path, after, status) in [
        ("/v1/acme/deliveries/events", id.as_deref(), 400),
        (EVENTS, Some("not an id"), 400),
        ("/v1/acme/flows/events?state=waiting", None, 400),
        ("/v1/acme/flows/events?tenant=acme", None, 400),
        ("/v1/nobody/flows/events", None, 404),
    ] {
        let refused = Stream::ask(&host.base_url, path, after).await.err();
        let (found, told) = refused.expect("a refusal");
        assert_eq!(
            found,
            StatusCode::from_u16(status).unwrap(),
            "{path}: {told}"
        );
    }
}
