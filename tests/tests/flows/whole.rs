//! Records from their source, step by step, to every target, and back.

use crossdock_tests::recorder::{Recorder, Reply};
use serde_json::json;

use crate::setting::{
    CONFIRM, Erp, PENDING, STEPS, bed, flow, host, items, quantities, run, tenant,
};

const TARGETS: &str = r#"[
  { connection = "mini", operation = "keyed", script = "update.jq" },
  { connection = "douyin", operation = "keyed", script = "update.jq", when = ".shop_id == 69" },
]"#;

#[tokio::test(flavor = "multi_thread")]
async fn stock_goes_through_a_step_to_two_shops_and_the_erp_is_told_of_each_article() {
    let (erp, mini, douyin) = (
        Erp::start().await,
        Recorder::start().await,
        Recorder::start().await,
    );
    erp.change("1", 69, 7);
    erp.change("2", 70, 8);
    let bed = bed();
    let flow = flow("", PENDING, TARGETS, &format!("confirm = {CONFIRM}"));
    bed.put_tenant(
        "acme",
        "tenant.toml",
        &tenant(&erp, &[("mini", &mini), ("douyin", &douyin)], &flow),
    );
    let host = host(&bed).await;
    let shown = run(&host).await;
    assert_eq!(shown.state, "done", "{shown:?}");
    assert_eq!(quantities(&mini), [("1".into(), 7), ("2".into(), 8)]);
    assert_eq!(quantities(&douyin), [("1".into(), 7)]);
    let counts = &shown.counts;
    let found = (
        counts.incoming,
        counts.sent,
        counts.skipped,
        counts.accepted,
        counts.confirmed,
    );
    assert_eq!(found, (2, 3, 1, 3, 2), "{shown:?}");
    crossdock_tests::wait::until("the ERP to be told", || {
        (erp.stock().confirmed.len() == 2).then_some(())
    })
    .await;
    let mut told = erp.stock().confirmed.clone();
    told.sort_by_key(|told| told["sku"].to_string());
    let accepted = |target: &str| json!({"target": target, "status": "accepted"});
    assert_eq!(
        told[0]["told"],
        json!([accepted("mini"), accepted("douyin")])
    );
    let skipped = json!({"target": "douyin", "status": "skipped"});
    assert_eq!(told[1]["told"], json!([accepted("mini"), skipped]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_shop_refuses_is_told_to_the_erp_and_counted() {
    let erp = Erp::start().await;
    let mini = Recorder::answering(|_| {
        Reply::json(r#"{"outcome":"rejected","code":"E7","message":"no such article"}"#)
    })
    .await;
    erp.change("1", 69, 7);
    let bed = bed();
    bed.put_tenant(
        "acme",
        "confirm.jq",
        "{sku: .record.sku, repeatable: true, told: .outcomes}",
    );
    let targets = r#"[ { connection = "mini", operation = "keyed", script = "update.jq" } ]"#;
    let flow = flow("", PENDING, targets, &format!("confirm = {CONFIRM}"));
    bed.put_tenant(
        "acme",
        "tenant.toml",
        &tenant(&erp, &[("mini", &mini)], &flow),
    );
    let host = host(&bed).await;
    let shown = run(&host).await;
    assert_eq!(
        (shown.counts.refused, shown.counts.confirmed),
        (1, 1),
        "{shown:?}"
    );
    crossdock_tests::wait::until("the ERP to be told", || {
        (!erp.stock().confirmed.is_empty()).then_some(())
    })
    .await;
    let told = erp.stock().confirmed[0]["told"][0].clone();
    assert_eq!(
        (&told["status"], &told["code"], &told["message"]),
        (&json!("rejected"), &json!("E7"), &json!("no such article"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_moves_page_by_page_and_the_next_run_goes_on_behind_it() {
    let (erp, mini) = (Erp::start().await, Recorder::start().await);
    for number in 0..7 {
        erp.change(&format!("s{number}"), 69, number);
    }
    let bed = bed();
    let source = r#"{ connection = "pending", operation = "read", input = { count = 3 }, records = "/reply/records", cursor = { from = "/reply/position", to = "/position", start = 0 } }"#;
    let targets = r#"[ { connection = "mini", operation = "keyed", script = "update.jq" } ]"#;
    bed.put_tenant(
        "acme",
        "tenant.toml",
        &tenant(&erp, &[("mini", &mini)], &flow("", source, targets, "")),
    );
    let host = host(&bed).await;
    let first = run(&host).await;
    assert_eq!(
        (first.state, first.pages, first.counts.incoming),
        ("done", 3, 7),
        "{first:?}"
    );
    let shown = host.flows().unwrap().show("acme", "stock").await.unwrap();
    assert_eq!(
        shown.cursor.as_deref().map(|cursor| cursor.get()),
        Some("7")
    );
    erp.change("s7", 69, 99);
    let second = run(&host).await;
    assert_eq!(second.counts.incoming, 1, "{second:?}");
    assert_eq!(items(&mini).len(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_the_requests_and_changes_nothing() {
    let (erp, mini) = (Erp::start().await, Recorder::start().await);
    erp.change("1", 69, 7);
    erp.change("2", 69, 8);
    let bed = bed();
    let targets = r#"[ { connection = "mini", operation = "keyed", script = "update.jq" } ]"#;
    bed.put_tenant(
        "acme",
        "tenant.toml",
        &tenant(&erp, &[("mini", &mini)], &flow("", PENDING, targets, "")),
    );
    let host = host(&bed).await;
    let flows = host.flows().unwrap();
    let dry = flows.run_dry("acme", "stock", 1).await.unwrap();
    assert_eq!(
        (dry.given.len(), dry.targets[0].items.len()),
        (1, 1),
        "{dry:?}"
    );
    let requests = &dry.targets[0].requests.as_ref().expect("requests").requests;
    assert!(
        requests[0]
            .body
            .as_ref()
            .unwrap()
            .contains("\"quantity\":7"),
        "{requests:?}"
    );
    assert_eq!(mini.count(), 0);
    assert!(
        flows
            .runs("acme", "stock", None, 10)
            .await
            .unwrap()
            .runs
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_ends_before_a_step_that_may_change_something_and_says_so() {
    let (erp, mini) = (Erp::start().await, Recorder::start().await);
    erp.change("1", 69, 7);
    let bed = bed();
    let targets = r#"[ { connection = "mini", operation = "keyed", script = "update.jq" } ]"#;
    let writes =
        r#", { connection = "mini", operation = "keyed", script = "item.jq", as = "written" } ]"#;
    let steps = format!("{}{writes}", STEPS.trim_end_matches(" ]"));
    let flow = flow("", PENDING, targets, "").replace(STEPS, &steps);
    bed.put_tenant(
        "acme",
        "tenant.toml",
        &tenant(&erp, &[("mini", &mini)], &flow),
    );
    let host = host(&bed).await;
    let flows = host.flows().unwrap();
    let dry = flows.run_dry("acme", "stock", 1).await.unwrap();
    let record = dry.records[0].get();
    assert!(record.contains("\"quantity\":7"), "{dry:?}");
    assert!(!record.contains("written"), "{dry:?}");
    assert!(dry.targets.is_empty(), "{dry:?}");
    let why = dry.not_asked.expect("it says so");
    assert_eq!(why.code, "flow-dry-run-changes");
    assert!(
        why.detail
            .starts_with("step 2, operation `keyed` of connection `mini`,"),
        "{why}"
    );
    assert_eq!(mini.count(), 0);
}
