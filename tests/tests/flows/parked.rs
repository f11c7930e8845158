//! Records that cannot go on wait for what is mended, and none is lost.

use std::path::Path;

use crossdock_tests::bed::Bed;
use crossdock_tests::client::Client;
use crossdock_tests::process::{self, Ended, Serving};
use crossdock_tests::recorder::Recorder;
use crossdock_tests::wait::until_async;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::setting::{Erp, PENDING, bed, ended, flow, held_up, host, quantities, run, tenant};

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_a_script_fails_on_is_parked_and_sent_once_the_script_is_mended() {
    let (erp, mini, douyin) = (
        Erp::start().await,
        Recorder::start().await,
        Recorder::start().await,
    );
    erp.change("1", 69, 7);
    erp.change("bad", 69, 8);
    let bed = bed();
    let fails = r#"if .sku == "bad" then error("no colour") else {sku, quantity: .stock.reply.quantity, repeatable: true} end"#;
    bed.put_tenant("acme", "mini.jq", fails);
    let targets = r#"[
      { connection = "mini", operation = "keyed", script = "mini.jq" },
      { connection = "douyin", operation = "keyed", script = "update.jq" },
    ]"#;
    let flow = flow("", PENDING, targets, "");
    bed.put_tenant(
        "acme",
        "tenant.toml",
        &tenant(&erp, &[("mini", &mini), ("douyin", &douyin)], &flow),
    );
    let host = host(&bed).await;
    let first = run(&host).await;
    assert_eq!(
        (first.counts.sent, first.counts.parked),
        (3, 1),
        "{first:?}"
    );
    let flows = host.flows().unwrap();
    let shown = flows.show("acme", "stock").await.unwrap();
    let parked = &shown.parked_records[0];
    assert_eq!(parked.target.as_deref(), Some("mini"));
    let problem = parked.problem.as_ref().expect("why");
    assert!(problem.detail.contains("no colour"), "{problem:?}");

    // Nothing was mended: it stays.
    erp.stock().pending.clear();
    assert_eq!(run(&host).await.counts.sent, 0);
    bed.put_tenant(
        "acme",
        "mini.jq",
        "{sku, quantity: .stock.reply.quantity, repeatable: true}",
    );
    until_async("the parked record to be sent", async || {
        let run = run(&host).await;
        (run.counts.sent == 1).then_some(())
    })
    .await;
    let shown = flows.show("acme", "stock").await.unwrap();
    assert_eq!(shown.flow.parked, 0, "{shown:?}");
    assert_eq!(quantities(&mini), [("1".into(), 7), ("bad".into(), 8)]);
    assert_eq!(quantities(&douyin).len(), 2, "it was not sent there again");
}

/// What a script makes may be no document for the operation: that is the script's
/// fault like any other, and a dry run shows it.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_its_operation_is_parked_and_sent_once_the_script_is_mended() {
    let (erp, mini) = (Erp::start().await, Recorder::start().await);
    erp.change("1", 69, 7);
    erp.change("2", 69, 8);
    let bed = bed();
    let with = |output: &str| {
        format!(
            r#"{{algorithm: "md5", messages: [[{{text: .sku}}, {{secret: "secret"}}]], output: (if .sku == "2" then "{output}" else "hex" end)}}"#
        )
    };
    bed.put_tenant("acme", "vector.jq", &with("hexx"));
    let targets = r#"[ { connection = "mini", operation = "vector", script = "vector.jq" } ]"#;
    bed.put_tenant("acme", "secret.txt", "a-secret-of-the-shop");
    let shop = "[connections.mini]\n";
    let text = tenant(&erp, &[("mini", &mini)], &flow("", PENDING, targets, ""));
    let signed = format!("{shop}secrets = {{ secret = {{ file = \"secret.txt\" }} }}\n");
    let text = text.replace(shop, &signed);
    bed.put_tenant("acme", "tenant.toml", &text);
    let host = host(&bed).await;
    let flows = host.flows().unwrap();
    let dry = flows.run_dry("acme", "stock", 5).await.unwrap();
    let shown = &dry.targets[0];
    let problem = &shown.problems[0];
    assert_eq!((shown.items.len(), shown.problems.len()), (1, 1));
    assert_eq!(&*problem.code, "invalid-document");
    assert_eq!(problem.pointer.as_deref(), Some("/output"));
    let place = problem.place.as_ref().expect("the script");
    assert!(place.file.ends_with("vector.jq"), "{place:?}");

    let first = run(&host).await;
    let counts = (first.counts.sent, first.counts.parked, first.counts.refused);
    assert_eq!(counts, (1, 1, 0), "{first:?}");
    erp.stock().pending.clear();
    bed.put_tenant("acme", "vector.jq", &with("HEX"));
    until_async("the parked record to be sent", async || {
        let run = run(&host).await;
        (run.counts.accepted == 1).then_some(())
    })
    .await;
    assert_eq!(flows.show("acme", "stock").await.unwrap().flow.parked, 0);
}

const TARGETS: &str = r#"[ { connection = "mini", operation = "keyed", script = "update.jq" } ]"#;

/// An ERP with such articles of which it does not know some yet, and a tenant whose
/// flow asks it.
async fn unknown(skus: &[&str], unknown: &[&str]) -> (Erp, Recorder, Bed) {
    let (erp, mini) = (Erp::start().await, Recorder::start().await);
    for sku in skus {
        erp.change(sku, 69, 7);
    }
    let unknown = unknown.iter().map(|sku| (*sku).to_owned());
    erp.stock().unknown = unknown.collect();
    let bed = bed();
    let text = tenant(&erp, &[("mini", &mini)], &flow("", PENDING, TARGETS, ""));
    bed.put_tenant("acme", "tenant.toml", &text);
    (erp, mini, bed)
}

/// A host over it, as a process.
async fn serving(bed: &Bed) -> (Serving, Client) {
    let host = Serving::start(Path::new(&bed.path(""))).await;
    let client = host.client();
    until_async("the flow to be there", async || {
        let flows = client.get("/v1/acme/flows").await.ok()?;
        (flows["flows"][0]["flow"] == "stock").then_some(())
    })
    .await;
    (host, client)
}

async fn post(client: &Client, what: &str) -> (StatusCode, Value) {
    let path = format!("/v1/acme/flows/stock/{what}");
    client.send(Method::POST, &path, None).await.expect("JSON")
}

/// Waits until everything is known of a run.
async fn whole(client: &Client, begun: &Value) -> Value {
    let run = begun["run"].as_u64();
    let run = run.unwrap_or_else(|| panic!("no run: {begun}"));
    let path = format!("/v1/acme/flows/stock/runs/{run}");
    until_async("the run to end", async || {
        let run = client.get(&path).await.ok()?;
        (run["state"] == "done").then_some(run)
    })
    .await
}

/// Begins a run, and waits until everything is known of it.
async fn once(client: &Client) -> Value {
    let (status, begun) = post(client, "run").await;
    assert_eq!(status, StatusCode::ACCEPTED, "{begun}");
    whole(client, &begun).await
}

/// A command that asks the host about the tenant's flows.
async fn ask(bed: &Bed, host: &Serving, arguments: &[&str]) -> Ended {
    let whose = ["--tenant", "acme", "--url", &host.base_url];
    let arguments = [&["flows"], arguments, &whose[..]].concat();
    process::run(&bed.path(""), &arguments).await
}

/// The numbers of what is parked.
async fn parked(client: &Client) -> Vec<u64> {
    let flow = client.get("/v1/acme/flows/stock").await.expect("the flow");
    let records = flow["parked_records"].as_array().expect("a list").iter();
    records
        .map(|record| record["id"].as_u64().expect("a number"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_parked_goes_again_when_a_person_asks_for_it() {
    let (erp, mini, bed) = unknown(&["1", "2"], &["2"]).await;
    let (_host, client) = serving(&bed).await;
    let first = once(&client).await;
    let counts = (&first["counts"]["sent"], &first["counts"]["parked"]);
    assert_eq!(counts, (&json!(1), &json!(1)), "{first}");
    let numbers = parked(&client).await;
    assert_eq!(numbers.len(), 1);

    // The ERP does not know it yet: it is parked again, under another number.
    erp.stock().pending.clear();
    let (status, retried) = post(&client, &format!("parked/retry?id={}", numbers[0])).await;
    assert_eq!(status, StatusCode::OK, "{retried}");
    assert_eq!(retried["retried"], 1, "{retried}");
    let again = whole(&client, &retried).await;
    assert_eq!(again["counts"]["parked"], 1, "{again}");
    let cause = again["cause"].as_str().unwrap_or_default();
    assert!(cause.starts_with("somebody "), "{again}");
    let next = parked(&client).await;
    assert!(next.len() == 1 && next != numbers, "{next:?}, {numbers:?}");

    for (path, status, code) in [
        (
            &*format!("parked/retry?id={}", numbers[0]),
            404,
            "unknown-parked-record",
        ),
        ("parked/discard?id=0", 404, "unknown-parked-record"),
        ("parked/retry?id=", 400, "invalid-query"),
        ("parked/discard?ids=1", 400, "invalid-query"),
    ] {
        let (found, problem) = post(&client, path).await;
        let found = (found.as_u16(), &problem["code"]);
        assert_eq!(found, (status, &json!(code)), "{path}: {problem}");
    }

    // It knows it now, which the host does not see.
    erp.stock().unknown.clear();
    let untouched = once(&client).await;
    assert_eq!(untouched["counts"]["sent"], 0, "{untouched}");
    // While the flow is paused, no run begins: the next one takes it.
    post(&client, "pause").await;
    let (_, retried) = post(&client, "parked/retry").await;
    assert_eq!(retried, json!({"retried": 1}));
    post(&client, "resume").await;
    let sent = once(&client).await;
    assert_eq!(sent["counts"]["sent"], 1, "{sent}");
    assert_eq!(quantities(&mini), [("1".into(), 7), ("2".into(), 7)]);
    assert_eq!(parked(&client).await, [0_u64; 0]);
    let (_, nothing) = post(&client, "parked/retry").await;
    assert_eq!(nothing, json!({"retried": 0}));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_parked_is_given_up_when_a_person_says_so() {
    let (erp, mini, bed) = unknown(&["1", "2", "3", "4"], &["2", "3", "4"]).await;
    let (host, client) = serving(&bed).await;
    once(&client).await;
    erp.stock().pending.clear();
    let numbers = parked(&client).await;
    assert_eq!(numbers.len(), 3);
    let (status, discarded) = post(&client, &format!("parked/discard?id={}", numbers[0])).await;
    assert_eq!(status, StatusCode::OK, "{discarded}");
    assert_eq!(discarded, json!({"discarded": 1}));
    assert_eq!(parked(&client).await, numbers[1..]);

    // The same from a shell.
    let shown = ask(&bed, &host, &["show", "stock"]).await;
    let line = format!("\nparked {}, ", numbers[1]);
    assert!(shown.stdout.contains(&line), "{shown:?}");
    let gone = numbers[0].to_string();
    let refused = ask(&bed, &host, &["discard", "stock", "--id", &gone]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let why = format!("flow `stock` has no parked record {gone}, or none any more");
    assert!(refused.stderr.contains(&why), "{refused:?}");
    erp.stock().unknown.clear();
    let one = numbers[1].to_string();
    let retried = ask(&bed, &host, &["retry", "stock", "--id", &one, "--json"]).await;
    assert_eq!(retried.code, Some(0), "{retried:?}");
    let sent = whole(&client, &retried.json()).await;
    assert_eq!(sent["counts"]["sent"], 1, "{sent}");
    let discarded = ask(&bed, &host, &["discard", "stock"]).await;
    assert_eq!(discarded.code, Some(0), "{discarded:?}");
    assert_eq!(discarded.stdout, "1 parked record was given up\n");
    let none = ask(&bed, &host, &["retry", "stock"]).await;
    assert!(
        none.stdout.starts_with("no parked record goes again: "),
        "{none:?}"
    );
    assert_eq!(once(&client).await["counts"]["sent"], 0);
    assert_eq!(quantities(&mini), [("1".into(), 7), ("3".into(), 7)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_on_its_way_in_a_page_is_neither_given_up_nor_taken_twice() {
    let (erp, mini, bed) = unknown(&["1"], &["1"]).await;
    let host = host(&bed).await;
    assert_eq!(run(&host).await.counts.parked, 1);
    {
        let mut stock = erp.stock();
        stock.pending.clear();
        stock.unknown.clear();
        stock.closed = true;
    }
    let flows = host.flows().unwrap();
    let retried = flows.retry_parked("acme", "stock", None, "the test").await;
    let retried = retried.unwrap();
    assert_eq!(retried.retried, 1);
    held_up(&host).await;
    let number = flows.show("acme", "stock").await.unwrap().parked_records[0].id;
    for one in [None, Some(number)] {
        let discarded = flows.discard_parked("acme", "stock", one).await.unwrap();
        assert_eq!(discarded.discarded, 0, "{one:?}");
        let again = flows.retry_parked("acme", "stock", one, "the test").await;
        assert_eq!(again.unwrap().retried, 0, "{one:?}");
    }
    erp.stock().closed = false;
    let sent = ended(&host, retried.run.expect("a run")).await;
    assert_eq!((sent.counts.sent, sent.counts.parked), (1, 0), "{sent:?}");
    assert_eq!(quantities(&mini), [("1".into(), 7)]);
}
