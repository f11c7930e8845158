//! Records that cannot go on wait for what is mended, and none is lost.

use crossdock_tests::recorder::Recorder;
use crossdock_tests::wait::until_async;

use crate::setting::{Erp, PENDING, bed, flow, host, quantities, run, tenant};

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
