//! Only what changed is sent.

use crossdock_tests::recorder::{Recorder, Reply};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::setting::{Erp, PENDING, bed, flow, host, quantities, run, tenant};

const TARGETS: &str = r#"[ { connection = "mini", operation = "keyed", script = "update.jq" } ]"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_target_has_is_not_sent_again_until_it_changes_or_is_forgotten() {
    let (erp, mini) = (Erp::start().await, Recorder::start().await);
    erp.change("1", 69, 7);
    erp.change("2", 69, 8);
    let bed = bed();
    let flow = flow("", PENDING, TARGETS, "changes_only = true");
    bed.put_tenant(
        "acme",
        "tenant.toml",
        &tenant(&erp, &[("mini", &mini)], &flow),
    );
    let host = host(&bed).await;
    let first = run(&host).await;
    assert_eq!(
        (first.counts.sent, first.counts.unchanged),
        (2, 0),
        "{first:?}"
    );
    let second = run(&host).await;
    assert_eq!(
        (second.counts.sent, second.counts.unchanged),
        (0, 2),
        "{second:?}"
    );
    erp.stock().quantities.insert("2".into(), 9);
    let third = run(&host).await;
    assert_eq!(
        (third.counts.sent, third.counts.unchanged),
        (1, 1),
        "{third:?}"
    );
    let forgotten = host
        .flows()
        .unwrap()
        .resync("acme", "stock", None)
        .await
        .unwrap();
    assert_eq!(forgotten.forgotten, 2);
    let fourth = run(&host).await;
    assert_eq!(
        (fourth.counts.sent, fourth.counts.unchanged),
        (2, 0),
        "{fourth:?}"
    );
    let all = quantities(&mini);
    let all: Vec<(&str, u64)> = all
        .iter()
        .map(|(sku, quantity)| (&**sku, *quantity))
        .collect();
    assert_eq!(all, [("1", 7), ("1", 7), ("2", 8), ("2", 9), ("2", 9)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_target_refused_is_sent_again() {
    let refuses = Arc::new(AtomicBool::new(true));
    let refusing = refuses.clone();
    let erp = Erp::start().await;
    let mini = Recorder::answering(move |_| match refusing.load(Ordering::Relaxed) {
        true => Reply::json(r#"{"outcome":"rejected","code":"E7","message":"no"}"#),
        false => Reply::json("{}"),
    })
    .await;
    erp.change("1", 69, 7);
    let bed = bed();
    let flow = flow("", PENDING, TARGETS, "changes_only = true");
    bed.put_tenant(
        "acme",
        "tenant.toml",
        &tenant(&erp, &[("mini", &mini)], &flow),
    );
    let host = host(&bed).await;
    assert_eq!(run(&host).await.counts.refused, 1);
    refuses.store(false, Ordering::Relaxed);
    let second = run(&host).await;
    assert_eq!(
        (second.counts.sent, second.counts.accepted),
        (1, 1),
        "{second:?}"
    );
}
