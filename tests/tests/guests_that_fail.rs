//! Whatever an adapter does at run time is its own fault, costs the delivery it
//! did it in, and nothing else.
//!
//! All calls of a test go to one generation of one adapter; the setting `mode`
//! of a connection says how it fails there.

use std::time::{Duration, Instant};

use crossdock::host::Host;
use crossdock::problem::Blame;
use crossdock::report::{ItemReport, ItemStatus, Report};
use crossdock_tests::bed::{Bed, call, connection, deliver};
use crossdock_tests::guests;
use crossdock_tests::recorder::{Recorded, Recorder};

/// Low, so that the endless ones end soon; the others need a few milliseconds.
const DEADLINE: Duration = Duration::from_millis(150);

/// Follow-up requests that are allowed below.
const FOLLOW_UPS: usize = 3;

/// Two documents that fit into one request.
const TWO: &str = r#"[{"n":1},{"n":2}]"#;

/// Keeps the guest busy for longer than any deadline.
const ENDLESS: &str = r#"{"spin":100000000000000}"#;

fn bed(deadline: Duration) -> Bed {
    let bed = Bed::new();
    bed.put_plugin("test", &guests::test_adapter("normal", "g1"));
    bed.configure(&format!(
        "[limits]\nguest_deadline_ms = {}\nguest_instances = 64\nfollow_up_requests = {FOLLOW_UPS}\n",
        deadline.as_millis()
    ));
    bed
}

/// A connection whose adapter does what `mode` says, two documents a request.
fn failing(mode: &str, base_url: &str) -> String {
    let settings = format!("settings = {{ mode = \"{mode}\", per_request = 2 }}");
    connection(mode, "test-adapter", base_url, &settings)
}

async fn echo(host: &Host, tenant: &str, connection: &str, body: &str) -> Report {
    deliver(host, call(tenant, connection, "echo", body)).await
}

fn outcome(item: &ItemReport) -> (ItemStatus, Option<&str>, Option<Blame>) {
    (item.status, item.code.as_deref(), item.blame)
}

/// (mode, status, code, requests that arrive). Everything before the request
/// leaves is `failed`; afterwards the platform may have applied it: `unknown`.
const FAILURES: [(&str, ItemStatus, &str, usize); 25] = {
    use ItemStatus::{Failed, Unknown};
    [
        ("trap-in-map", Failed, "adapter-trap", 0),
        ("endless-map", Failed, "adapter-deadline", 0),
        ("memory-bomb-map", Failed, "adapter-memory", 0),
        ("huge-output-map", Failed, "adapter-output", 0),
        ("keys-in-map", Failed, "adapter-fault", 0),
        ("index-missing", Failed, "adapter-broken-promise", 0),
        ("index-twice", Failed, "adapter-broken-promise", 0),
        ("index-out-of-range", Failed, "adapter-broken-promise", 0),
        ("absolute-url-path", Failed, "invalid-request", 0),
        ("protocol-relative-path", Failed, "invalid-request", 0),
        ("dotted-path", Failed, "invalid-request", 0),
        ("bad-header", Failed, "invalid-request", 0),
        ("host-header", Failed, "invalid-request", 0),
        ("bad-method", Failed, "invalid-request", 0),
        ("trap-in-sign", Failed, "adapter-trap", 0),
        ("endless-sign", Failed, "adapter-deadline", 0),
        ("undeclared-secret", Failed, "adapter-fault", 0),
        ("undeclared-secret-edit", Failed, "adapter-fault", 0),
        ("leak-signature-in-error", Failed, "adapter-fault", 0),
        ("leak-signature-in-name", Failed, "adapter-fault", 0),
        ("trap-in-parse", Unknown, "adapter-trap", 1),
        ("endless-parse", Unknown, "adapter-deadline", 1),
        ("wrong-outcome-count", Unknown, "adapter-broken-promise", 1),
        ("invalid-result", Unknown, "adapter-broken-promise", 1),
        (
            "next-forever",
            Unknown,
            "too-many-follow-ups",
            1 + FOLLOW_UPS,
        ),
    ]
};

/// Failures after which an instance must not be used again.
const DISCARDED: [&str; 5] = [
    "adapter-trap",
    "adapter-deadline",
    "adapter-memory",
    "adapter-output",
    "adapter-broken-promise",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_failure_is_the_adapters_and_costs_one_delivery() {
    let platform = Recorder::start().await;
    let bed = bed(DEADLINE);
    std::fs::write(bed.path("secret"), "a secret for signing").expect("the secret's file");
    let secret = format!(
        "secrets = {{ secret = {{ file = \"{}\" }} }}",
        bed.path("secret").display()
    );
    let base_url = platform.base_url();
    let mut tenant = connection("good", "test-adapter", &base_url, "");
    for (mode, ..) in FAILURES {
        tenant += &format!("{}{secret}\n", failing(mode, &base_url));
    }
    bed.put_tenant("acme", "tenant.toml", &tenant);
    let good = connection("good", "test-adapter", &base_url, "");
    bed.put_tenant("other", "tenant.toml", &good);
    let host = bed.host_unwatched().await;
    // Both tenants have a warm instance from here on.
    for name in ["acme", "other"] {
        assert_eq!(echo(&host, name, "good", TWO).await.items[0].code, None);
    }

    for (mode, status, code, requests) in FAILURES {
        let (sent, warm) = (platform.count(), host.warm_instances().0);
        let report = echo(&host, "acme", mode, TWO).await;
        for item in &report.items {
            let expected = (status, Some(code), Some(Blame::Adapter));
            assert_eq!(outcome(item), expected, "{mode}: {item:?}");
        }
        assert_eq!(report.items.len(), 2, "{mode}");
        assert_eq!(platform.count() - sent, requests, "{mode}");
        assert_eq!(report.requests.len(), requests, "{mode}");
        // The warm instance did it; a sound one comes back.
        let lost = warm - host.warm_instances().0;
        assert_eq!(lost, usize::from(DISCARDED.contains(&code)), "{mode}");

        for tenant in ["acme", "other"] {
            let report = echo(&host, tenant, "good", TWO).await;
            for item in &report.items {
                let expected = (ItemStatus::Accepted, None, None);
                assert_eq!(outcome(item), expected, "{tenant} after {mode}: {item:?}");
            }
        }
    }
    assert_eq!(
        host.plugins()[0].serving.as_ref().map(|it| it.number),
        Some(1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_closed_outside_of_sign() {
    let platform = Recorder::start().await;
    let bed = bed(DEADLINE);
    let tenant = failing("keys-in-map", &platform.base_url());
    bed.put_tenant("acme", "tenant.toml", &tenant);
    let host = bed.host_unwatched().await;
    let report = echo(&host, "acme", "keys-in-map", "{}").await;
    assert_eq!(
        report.items[0].message.as_deref(),
        Some("keys in map gave KeyError::NotPermitted")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_call_ends_at_its_deadline() {
    let platform = Recorder::start().await;
    let bed = bed(DEADLINE);
    let tenant = failing("endless-map", &platform.base_url());
    bed.put_tenant("acme", "tenant.toml", &tenant);
    let host = bed.host_unwatched().await;
    let started = Instant::now();
    let report = echo(&host, "acme", "endless-map", TWO).await;
    let took = started.elapsed();
    // Guest time counts while the guest runs, so a busy machine takes longer.
    assert!(took >= DEADLINE * 9 / 10, "{took:?}");
    assert!(took < DEADLINE * 20, "{took:?}");
    let message = report.items[0].message.as_deref().unwrap_or_default();
    assert!(
        message.contains("longer than the 150 ms that it may"),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_fails_costs_its_delivery_and_its_instance() {
    let platform = Recorder::start().await;
    let bed = bed(DEADLINE);
    let settings = "settings = { mode = \"counter\" }";
    let shop = connection("shop", "test-adapter", &platform.base_url(), settings);
    bed.put_tenant("acme", "tenant.toml", &shop);
    let host = bed.host_unwatched().await;
    let calls = |request: Recorded| request.header("x-instance-calls").map(str::to_owned);

    for expected in ["1", "2"] {
        echo(&host, "acme", "shop", "{}").await;
        assert_eq!(calls(platform.last()).as_deref(), Some(expected));
    }
    let report = echo(&host, "acme", "shop", ENDLESS).await;
    let expected = (
        ItemStatus::Failed,
        Some("adapter-deadline"),
        Some(Blame::Adapter),
    );
    assert_eq!(outcome(&report.items[0]), expected);
    assert_eq!(platform.count(), 2);
    // The same connection goes on, with an instance that has seen nothing yet.
    let report = echo(&host, "acme", "shop", "{}").await;
    assert_eq!(report.items[0].status, ItemStatus::Accepted);
    assert_eq!(calls(platform.last()).as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_never_serves_two_tenants() {
    let platform = Recorder::start().await;
    let bed = bed(DEADLINE);
    let settings = "settings = { mode = \"counter\" }";
    let shop = connection("shop", "test-adapter", &platform.base_url(), settings);
    for tenant in ["acme", "other"] {
        bed.put_tenant(tenant, "tenant.toml", &shop);
    }
    let host = bed.host_unwatched().await;
    for (tenant, expected) in [
        ("acme", "1"),
        ("acme", "2"),
        ("other", "1"),
        ("acme", "3"),
        ("other", "2"),
    ] {
        echo(&host, tenant, "shop", "{}").await;
        let request = platform.last();
        assert_eq!(
            request.header("x-instance-calls"),
            Some(expected),
            "{tenant}"
        );
    }
}

/// One thread for everything: an endless guest that kept it would be seen.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_endless_guest_does_not_hold_up_another_tenant() {
    let platform = Recorder::start().await;
    let bed = bed(Duration::from_secs(2));
    for tenant in ["acme", "other"] {
        let shop = connection("shop", "test-adapter", &platform.base_url(), "");
        bed.put_tenant(tenant, "tenant.toml", &shop);
    }
    let host = bed.host_unwatched().await;
    let endless = tokio::spawn({
        let host = host.clone();
        async move { echo(&host, "acme", "shop", ENDLESS).await }
    });
    for _ in 0..20 {
        let report = echo(&host, "other", "shop", "{}").await;
        assert_eq!(report.items[0].status, ItemStatus::Accepted);
    }
    assert!(
        !endless.is_finished(),
        "20 calls took longer than its deadline"
    );
    let report = endless.await.expect("a report");
    assert_eq!(report.items[0].code.as_deref(), Some("adapter-deadline"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_log_lines_is_cut_and_harms_nobody() {
    let platform = Recorder::start().await;
    // 20,000 lines take their time.
    let bed = bed(Duration::from_secs(2));
    let tenant = failing("log-flood", &platform.base_url());
    bed.put_tenant("acme", "tenant.toml", &tenant);
    let host = bed.host_unwatched().await;
    let report = echo(&host, "acme", "log-flood", TWO).await;
    assert_eq!(report.items[0].status, ItemStatus::Accepted);
    let log = serde_json::to_string(&report.log).expect("JSON");
    assert!(log.len() < 256 << 10, "{} bytes", log.len());
    let last = report.log.last().map(|line| line.message.as_str());
    assert_eq!(last, Some("19936 more lines of the adapter were not kept"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_fails_as_the_call_would_and_sends_nothing() {
    let platform = Recorder::start().await;
    let bed = bed(DEADLINE);
    let tenant: String = ["trap-in-map", "bad-header", "trap-in-sign"]
        .map(|mode| failing(mode, &platform.base_url()))
        .concat();
    bed.put_tenant("acme", "tenant.toml", &tenant);
    let host = bed.host_unwatched().await;
    for (mode, code) in [
        ("trap-in-map", "adapter-trap"),
        ("bad-header", "invalid-request"),
        ("trap-in-sign", "adapter-trap"),
    ] {
        let problem = host.dry_run(call("acme", mode, "echo", TWO)).await;
        let problem = problem.expect_err("a problem");
        assert_eq!(
            (problem.blame, &*problem.code),
            (Blame::Adapter, code),
            "{mode}"
        );
    }
    assert_eq!(platform.count(), 0);
}
