//! Whatever a platform does, the report says what is known and what is not, and
//! a request that may have been applied is repeated only where that is harmless.
//!
//! Both tables run against the lingzhi stand-in, which counts what it applied.
//! Its own adapter's requests are repeatable; for the others the test adapter
//! sends the same rows and says that they are not.

use std::time::{Duration, Instant};

use crossdock::host::Host;
use crossdock::problem::Blame;
use crossdock::report::{ItemStatus, Report};
use crossdock_stand_ins::platforms::lingzhi::PATH;
use crossdock_stand_ins::{Misbehaviour, Options, Refusal, StandIns, Times};
use crossdock_tests::bed::{Bed, call, connection, deliver};
use crossdock_tests::guests;
use crossdock_tests::recorder::{Recorder, Reply};
use futures_util::future::join_all;
use tokio::net::TcpListener;

/// Long enough for every prompt answer of a busy machine.
const TIMEOUT: Duration = Duration::from_millis(2000);

/// Longer than any test waits.
const SLOW: Duration = Duration::from_secs(3600);

/// A document of lingzhi's adapter, and the row that it becomes.
const DOCUMENT: &str = r#"{"sku":"1^^^a","quantity":3,"location":"s"}"#;
const ROW: &str = r#"{"type":"normal","key":"1^^^a","stock":3,"store_code":"s"}"#;

/// What became of one item: status, code, whose fault, requests sent, requests
/// applied.
type Outcome = (ItemStatus, Option<&'static str>, Option<Blame>, usize, u64);

struct Case {
    fault: Misbehaviour,
    /// The platform does it every time.
    always: Outcome,
    /// It does it once.
    once: Outcome,
}

fn case(fault: Misbehaviour, always: Outcome, once: Outcome) -> Case {
    Case {
        fault,
        always,
        once,
    }
}

/// The same, however often the platform does it: there is only one attempt.
fn single(fault: Misbehaviour, outcome: Outcome) -> Case {
    case(fault, outcome, outcome)
}

fn answer(status: u16) -> Misbehaviour {
    Misbehaviour::Answer {
        status,
        content_type: "text/plain".into(),
        body: "as told".into(),
    }
}

const THROTTLED: Misbehaviour = Misbehaviour::Throttled { retry_after: 1 };

fn refuse() -> Misbehaviour {
    Misbehaviour::Refuse(Refusal::new(7, "没有这个商品"))
}

/// Accepted after so many requests, of which so many were applied.
const fn accepted(requests: usize, applied: u64) -> Outcome {
    (ItemStatus::Accepted, None, None, requests, applied)
}

const fn platform(
    status: ItemStatus,
    code: &'static str,
    requests: usize,
    applied: u64,
) -> Outcome {
    (status, Some(code), Some(Blame::Platform), requests, applied)
}

/// Three attempts where another one may help; nothing is lost by repeating.
fn repeatable() -> Vec<Case> {
    use ItemStatus::{Failed, Rejected, Unknown};
    use Misbehaviour as M;
    let unauthenticated = (Failed, Some("http-401"), Some(Blame::Host), 1, 0);
    vec![
        case(
            M::Http500,
            platform(Unknown, "http-500", 3, 0),
            accepted(2, 1),
        ),
        case(
            answer(503),
            platform(Unknown, "http-503", 3, 0),
            accepted(2, 1),
        ),
        case(
            M::ResetBeforeApplying,
            platform(Unknown, "connection-lost", 3, 0),
            accepted(2, 1),
        ),
        case(
            M::ResetAfterApplying,
            platform(Unknown, "connection-lost", 3, 3),
            accepted(2, 2),
        ),
        case(
            M::Slow(SLOW),
            platform(Unknown, "timeout", 3, 3),
            accepted(2, 2),
        ),
        case(
            M::Truncated,
            platform(Unknown, "connection-lost", 3, 3),
            accepted(2, 2),
        ),
        case(
            M::Html,
            platform(Unknown, "unreadable-answer", 3, 0),
            accepted(2, 1),
        ),
        case(
            M::EmptyBody,
            platform(Unknown, "unreadable-answer", 3, 0),
            accepted(2, 1),
        ),
        case(
            THROTTLED,
            platform(Failed, "http-429", 3, 0),
            accepted(2, 1),
        ),
        case(
            M::ThrottledByPlatform,
            platform(Failed, "http-429", 3, 0),
            accepted(2, 1),
        ),
        // The same answer would come again.
        single(M::Huge, platform(Unknown, "answer-too-large", 1, 1)),
        single(M::Redirect, platform(Failed, "redirected", 1, 0)),
        single(refuse(), platform(Rejected, "7", 1, 0)),
        single(answer(404), platform(Rejected, "http-404", 1, 0)),
        single(answer(401), unauthenticated),
    ]
}

/// One attempt, unless the platform says that it has not looked at the request.
fn not_repeatable() -> Vec<Case> {
    use ItemStatus::{Failed, Rejected, Unknown};
    use Misbehaviour as M;
    let unauthenticated = (Failed, Some("http-401"), Some(Blame::Host), 1, 0);
    vec![
        single(M::Http500, platform(Unknown, "http-500", 1, 0)),
        single(answer(503), platform(Unknown, "http-503", 1, 0)),
        single(
            M::ResetBeforeApplying,
            platform(Unknown, "connection-lost", 1, 0),
        ),
        single(
            M::ResetAfterApplying,
            platform(Unknown, "connection-lost", 1, 1),
        ),
        single(M::Slow(SLOW), platform(Unknown, "timeout", 1, 1)),
        single(M::Truncated, platform(Unknown, "connection-lost", 1, 1)),
        single(M::Html, platform(Unknown, "unreadable-answer", 1, 0)),
        single(M::EmptyBody, platform(Unknown, "unreadable-answer", 1, 0)),
        case(
            THROTTLED,
            platform(Failed, "http-429", 3, 0),
            accepted(2, 1),
        ),
        case(
            M::ThrottledByPlatform,
            platform(Failed, "http-429", 3, 0),
            accepted(2, 1),
        ),
        single(M::Huge, platform(Unknown, "answer-too-large", 1, 1)),
        single(M::Redirect, platform(Unknown, "redirected", 1, 0)),
        // The test adapter's own way to be refused.
        single(
            M::Answer {
                status: 200,
                content_type: "application/json".into(),
                body: r#"{"outcome":"rejected","code":"7","message":"no"}"#.into(),
            },
            platform(Rejected, "7", 1, 0),
        ),
        single(answer(404), platform(Rejected, "http-404", 1, 0)),
        single(answer(401), unauthenticated),
    ]
}

/// How a table's rows are sent.
#[derive(Clone, Copy)]
struct Sender {
    adapter: &'static str,
    operation: &'static str,
    document: &'static str,
}

const LINGZHI: Sender = Sender {
    adapter: "lingzhi",
    operation: "stock.update",
    document: DOCUMENT,
};

const ONCE_ONLY: Sender = Sender {
    adapter: "test-adapter",
    operation: "echo",
    document: ROW,
};

impl Sender {
    fn connection(self, name: &str, base_url: &str) -> String {
        let mut more = format!(
            "limits = {{ timeout_ms = {}, response_body_mb = 1, concurrency = 1 }}\n",
            TIMEOUT.as_millis()
        );
        if self.adapter == "test-adapter" {
            more += &format!("settings = {{ path = \"{PATH}\", json_only = true }}\n");
        }
        connection(name, self.adapter, base_url, &more)
    }

    async fn deliver(self, host: &Host, name: &str) -> Report {
        deliver(host, call("acme", name, self.operation, self.document)).await
    }
}

fn bed() -> Bed {
    let bed = Bed::with_plugins(&["lingzhi"]);
    bed.put_plugin("test", &guests::test_adapter("normal", "g1"));
    bed.configure("[limits]\nguest_instances = 128\n");
    bed
}

/// Every row at stand-ins of its own, all at the same time.
async fn outcomes_are(sender: Sender, cases: Vec<Case>) {
    let rows: Vec<(Misbehaviour, Times, Outcome)> = cases
        .into_iter()
        .flat_map(|case| {
            let always = (case.fault.clone(), Times::Always, case.always);
            [always, (case.fault, Times::Once, case.once)]
        })
        .collect();
    let mut platforms = Vec::new();
    let mut tenant = String::new();
    for (number, (fault, times, _)) in rows.iter().enumerate() {
        let platform = StandIns::start(Options::default())
            .await
            .expect("stand-ins");
        platform.misbehave("lingzhi", fault.clone(), *times);
        tenant += &sender.connection(&format!("c{number}"), &platform.base_url("lingzhi"));
        platforms.push(platform);
    }
    let bed = bed();
    bed.put_tenant("acme", "tenant.toml", &tenant);
    let host = bed.host_unwatched().await;
    let names: Vec<String> = (0..rows.len()).map(|number| format!("c{number}")).collect();
    let reports = join_all(names.iter().map(|name| sender.deliver(&host, name))).await;
    for ((fault, times, expected), (report, platform)) in
        rows.iter().zip(reports.iter().zip(&platforms))
    {
        let item = &report.items[0];
        let counters = platform.counters("lingzhi");
        let found = (
            item.status,
            item.code.as_deref(),
            item.blame,
            report.requests.len(),
            counters.applied,
        );
        assert_eq!(found, *expected, "{fault:?} {times:?}: {item:?}");
        // What is reported is what was there, attempt by attempt.
        assert_eq!(counters.received, expected.3 as u64, "{fault:?} {times:?}");
        let attempts: Vec<u32> = report.requests.iter().map(|it| it.attempt).collect();
        let counted: Vec<u32> = (1..).take(attempts.len()).collect();
        assert_eq!(attempts, counted, "{fault:?} {times:?}");
        assert_eq!(platform.redirects_followed(), 0);
        assert!(platform.violations("lingzhi").is_empty(), "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeatable_request_is_repeated_until_its_outcome_is_known() {
    outcomes_are(LINGZHI, repeatable()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_may_have_been_applied_is_not_repeated_unless_it_may() {
    outcomes_are(ONCE_ONLY, not_repeatable()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_failure_does_not_hide_an_attempt_that_may_have_been_applied() {
    let platform = StandIns::start(Options::default())
        .await
        .expect("stand-ins");
    let bed = bed();
    let tenant = LINGZHI.connection("shop", &platform.base_url("lingzhi"));
    bed.put_tenant("acme", "tenant.toml", &tenant);
    let host = bed.host_unwatched().await;
    platform.misbehave("lingzhi", Misbehaviour::ResetAfterApplying, Times::Once);
    let throttled = Misbehaviour::Throttled { retry_after: 0 };
    platform.misbehave("lingzhi", throttled, Times::Always);
    let report = LINGZHI.deliver(&host, "shop").await;
    let item = &report.items[0];
    let found = (item.status, item.code.as_deref(), report.requests.len());
    assert_eq!(
        found,
        (ItemStatus::Unknown, Some("http-429"), 3),
        "{item:?}"
    );
    assert_eq!(platform.counters("lingzhi").applied, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_left_is_tried_again_whether_repeatable_or_not() {
    // A port that was free a moment ago, and that nobody listens on.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    drop(listener);
    let bed = bed();
    let base_url = format!("http://{address}");
    let tenant = LINGZHI.connection("always", &base_url) + &ONCE_ONLY.connection("once", &base_url);
    bed.put_tenant("acme", "tenant.toml", &tenant);
    let host = bed.host_unwatched().await;
    for (sender, name) in [(LINGZHI, "always"), (ONCE_ONLY, "once")] {
        let report = sender.deliver(&host, name).await;
        let item = &report.items[0];
        let found = (item.status, item.code.as_deref(), item.blame);
        let expected = (
            ItemStatus::Failed,
            Some("connect-failed"),
            Some(Blame::Platform),
        );
        assert_eq!(found, expected, "{name}: {item:?}");
        assert_eq!(report.requests.len(), 3, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_that_outlasts_the_call_is_reported_and_not_waited_for() {
    let platform = StandIns::start(Options::default())
        .await
        .expect("stand-ins");
    let hour = Misbehaviour::Throttled { retry_after: 3600 };
    platform.misbehave("lingzhi", hour, Times::Once);
    let bed = bed();
    let tenant = LINGZHI.connection("shop", &platform.base_url("lingzhi"));
    bed.put_tenant("acme", "tenant.toml", &tenant);
    let host = bed.host_unwatched().await;
    let started = Instant::now();
    let report = LINGZHI.deliver(&host, "shop").await;
    let item = &report.items[0];
    assert_eq!(
        (item.status, item.code.as_deref(), item.retry_after_ms),
        (ItemStatus::Failed, Some("http-429"), Some(3_600_000))
    );
    // The whole connection keeps the pause: the next call does not even ask.
    let report = LINGZHI.deliver(&host, "shop").await;
    let item = &report.items[0];
    assert_eq!(
        (item.status, item.code.as_deref(), item.blame),
        (ItemStatus::Failed, Some("throttled"), Some(Blame::Platform))
    );
    assert_eq!(report.requests.len(), 0);
    assert_eq!(platform.counters("lingzhi").received, 1);
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_address_is_refused_unless_the_connection_allows_it() {
    let platform = StandIns::start(Options::default())
        .await
        .expect("stand-ins");
    let bed = bed();
    let tenant = LINGZHI.connection("shop", &platform.base_url("lingzhi"));
    let tenant = tenant.replace("allow_private = true", "allow_private = false");
    bed.put_tenant("acme", "tenant.toml", &tenant);
    let host = bed.host_unwatched().await;
    let report = LINGZHI.deliver(&host, "shop").await;
    let item = &report.items[0];
    assert_eq!(
        (item.status, item.code.as_deref(), item.blame),
        (
            ItemStatus::Failed,
            Some("address-refused"),
            Some(Blame::Host)
        )
    );
    assert_eq!(platform.counters("lingzhi").received, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_items_of_a_failed_request_fail() {
    // One request an item; the second one is answered with an error.
    let platform = Recorder::answering(|request| match request.text().contains("\"n\":2") {
        true => Reply::text(500, "no"),
        false => Reply::json("{}"),
    })
    .await;
    let bed = bed();
    let tenant = connection("shop", "test-adapter", &platform.base_url(), "");
    bed.put_tenant("acme", "tenant.toml", &tenant);
    let host = bed.host_unwatched().await;
    let items = r#"[{"n":1},{"n":2},{"n":3}]"#;
    let report = deliver(&host, call("acme", "shop", "echo", items)).await;
    let statuses: Vec<_> = report.items.iter().map(|item| item.status).collect();
    use ItemStatus::{Accepted, Unknown};
    assert_eq!(statuses, [Accepted, Unknown, Accepted]);
    assert_eq!(platform.count(), 3);
}

/// Of a request that must not be repeated, `retry` promises that it was not
/// applied. Of one that may, it does not: who sends a change anew, under another
/// key, would make it twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_retry_that_is_given_up_is_unknown_where_it_may_have_been_applied() {
    let platform = StandIns::start(Options::default())
        .await
        .expect("stand-ins");
    let busy = Misbehaviour::Answer {
        status: 200,
        content_type: "application/json".into(),
        body: r#"{"outcome":"retry","code":"7","message":"busy"}"#.into(),
    };
    platform.misbehave("lingzhi", busy, Times::Always);
    let bed = bed();
    let tenant = ONCE_ONLY.connection("shop", &platform.base_url("lingzhi"));
    bed.put_tenant("acme", "tenant.toml", &tenant);
    let host = bed.host_unwatched().await;
    for (repeatable, status) in [(true, ItemStatus::Unknown), (false, ItemStatus::Failed)] {
        let document = format!(r#"{{"key":"1","repeatable":{repeatable}}}"#);
        let report = deliver(&host, call("acme", "shop", "echo", &document)).await;
        let item = &report.items[0];
        let found = (item.status, item.code.as_deref(), report.requests.len());
        assert_eq!(found, (status, Some("7"), 3), "{repeatable}: {item:?}");
    }
}
