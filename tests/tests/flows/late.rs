//! What a platform does only after it was waited for: the source hears of it, and
//! it is remembered.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossdock_tests::process::Serving;
use crossdock_tests::recorder::{Recorder, Reply};
use crossdock_tests::wait::{until, until_async};
use serde_json::{Value, json};

use crate::setting::{Erp, PENDING, bed, ended, flow, host, quantities, run, tenant};

const TARGETS: &str = r#"[
  { connection = "mini", operation = "keyed", script = "update.jq" },
  { connection = "douyin", operation = "keyed", script = "update.jq", when = ".shop_id == 69" },
]"#;

const SOON: &str = r#"changes_only = true
confirm = { connection = "confirm", operation = "keyed", script = "confirm.jq", wait = "1s" }"#;

/// A shop that takes nothing while it is closed.
async fn closed_shop() -> (Recorder, Arc<AtomicBool>) {
    let closed = Arc::new(AtomicBool::new(true));
    let now = closed.clone();
    let shop = Recorder::answering(move |_| match now.load(Ordering::Relaxed) {
        true => Reply::json(r#"{"outcome":"retry","after_ms":200}"#),
        false => Reply::json("{}"),
    });
    (shop.await, closed)
}

/// The articles that the ERP was told of, and what it was told.
fn told(erp: &Erp) -> Vec<(String, Value)> {
    let stock = erp.stock();
    let told = stock.confirmed.iter();
    let told = told.map(|told| {
        let sku = told["sku"].as_str().unwrap_or_default();
        (sku.to_owned(), told["told"].clone())
    });
    told.collect()
}

fn outcome(target: &str, status: &str) -> Value {
    json!({"target": target, "status": status})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_works_after_the_wait_is_confirmed_then_and_holds_up_no_other() {
    let (erp, mini) = (Erp::start().await, Recorder::start().await);
    let (douyin, closed) = closed_shop().await;
    erp.stock().keeps_pending = true;
    erp.change("1", 69, 7);
    erp.change("2", 70, 8);
    let bed = bed();
    let shops = [("mini", &mini), ("douyin", &douyin)];
    let text = tenant(&erp, &shops, &flow("", PENDING, TARGETS, SOON));
    bed.put_tenant("acme", "tenant.toml", &text);
    let host = host(&bed).await;
    let first = crate::setting::begin(&host).await;

    // Article 2 goes to one shop only, and that has it.
    until("the ERP to be told of what is known", || {
        (!told(&erp).is_empty()).then_some(())
    })
    .await;
    let skipped = outcome("douyin", "skipped");
    let of_two = json!([outcome("mini", "accepted"), skipped]);
    assert_eq!(told(&erp), [("2".into(), of_two.clone())]);
    let flows = host.flows().unwrap();
    let shown = flows.run_report("acme", "stock", first).await.unwrap();
    assert_eq!(shown.state, "waiting", "{shown:?}");

    closed.store(false, Ordering::Relaxed);
    let shown = ended(&host, first).await;
    let of_one = json!([outcome("mini", "accepted"), outcome("douyin", "accepted")]);
    assert_eq!(told(&erp), [("2".into(), of_two), ("1".into(), of_one)]);
    let counts = &shown.counts;
    let found = (
        counts.sent,
        counts.accepted,
        counts.waiting,
        counts.confirmed,
    );
    assert_eq!(found, (3, 3, 0, 2), "{shown:?}");

    // The ERP lists both again, and every shop has what it lists.
    let again = run(&host).await;
    assert_eq!((again.counts.sent, again.counts.unchanged), (0, 3));
    assert_eq!(quantities(&mini).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_before_a_kill_is_not_told_again_and_the_rest_is() {
    let (erp, mini) = (Erp::start().await, Recorder::start().await);
    let (douyin, closed) = closed_shop().await;
    erp.change("1", 69, 7);
    erp.change("2", 70, 8);
    let bed = bed();
    let shops = [("mini", &mini), ("douyin", &douyin)];
    let text = tenant(&erp, &shops, &flow("", PENDING, TARGETS, SOON));
    bed.put_tenant("acme", "tenant.toml", &text);
    let serve = async || {
        let serving = Serving::start(Path::new(&bed.path(""))).await;
        serving.checked().await
    };
    let host = serve().await;
    let begun = host.client().post("/v1/acme/flows/stock/run", "").await;
    let run = begun.expect("a run")["run"].as_u64().expect("its number");
    until("the ERP to be told of what is known", || {
        (told(&erp).len() == 1).then_some(())
    })
    .await;
    host.kill().await;

    closed.store(false, Ordering::Relaxed);
    let host = serve().await;
    let client = host.client();
    let shown = until_async("the run to end", async || {
        let path = format!("/v1/acme/flows/stock/runs/{run}");
        let shown = client.get(&path).await.ok()?;
        (shown["state"] == "done").then_some(shown)
    })
    .await;
    let articles: Vec<String> = told(&erp).into_iter().map(|(sku, _)| sku).collect();
    // A kill cuts off an answer at most, and whoever may be told twice is.
    let again = articles.iter().filter(|sku| *sku == "2").count();
    assert!((1..=2).contains(&again), "{articles:?}");
    assert_eq!(articles.last().map(String::as_str), Some("1"));
    assert_eq!(shown["counts"]["confirmed"], 2, "{shown}");
    host.kill().await;
}

/// What a source does not take is no confirmation.
#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_that_the_source_refuses_or_a_script_fails_on_is_counted() {
    let (erp, mini) = (Erp::start().await, Recorder::start().await);
    erp.change("1", 69, 7);
    erp.change("2", 69, 8);
    erp.change("3", 69, 9);
    let bed = bed();
    let script = r#"if .record.sku == "1" then error("no number")
      elif .record.sku == "2" then {sku: "refused"}
      else {sku: .record.sku, repeatable: true} end"#;
    bed.put_tenant("acme", "confirm.jq", script);
    let targets = r#"[ { connection = "mini", operation = "keyed", script = "update.jq" } ]"#;
    let text = tenant(&erp, &[("mini", &mini)], &flow("", PENDING, targets, SOON));
    bed.put_tenant("acme", "tenant.toml", &text);
    let host = host(&bed).await;
    let shown = run(&host).await;
    let counts = (shown.counts.confirmed, shown.counts.unconfirmed);
    assert_eq!(counts, (1, 2), "{shown:?}");
    assert_eq!(told(&erp).len(), 1);
}
