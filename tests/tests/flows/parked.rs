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
    bed.put_tenant("acme", "secret.txt", "s");
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
