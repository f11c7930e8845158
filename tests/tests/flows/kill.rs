//! A host that is killed at any moment: no record is lost, none is queued twice.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use crossdock_tests::process::Serving;
use crossdock_tests::recorder::Recorder;
use crossdock_tests::wait::until;

use crate::setting::{Erp, bed, flow, items, tenant};

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_killed_again_and_again_sends_every_record_to_each_shop_once() {
    const RECORDS: usize = 240;
    const KILLS: u64 = 6;
    let (erp, mini) = (Erp::start().await, Recorder::start().await);
    for number in 0..RECORDS {
        erp.change(&format!("s{number}"), 69, number as u64);
    }
    let bed = bed();
    let source = r#"{ connection = "pending", operation = "read", input = { count = 10 }, records = "/reply/records", cursor = { from = "/reply/position", to = "/position", start = 0 } }"#;
    let targets = r#"[ { connection = "mini", operation = "keyed", script = "update.jq" } ]"#;
    let flow = flow("every = \"1s\"\nmissed = \"all\"", source, targets, "");
    bed.put_tenant(
        "acme",
        "tenant.toml",
        &tenant(&erp, &[("mini", &mini)], &flow),
    );
    for kill in 0..KILLS {
        let host = Serving::start(Path::new(&bed.path("")))
            .await
            .checked()
            .await;
        let wanted = RECORDS * (kill as usize + 1) / (KILLS as usize + 2);
        until("some records to be asked for", || {
            (erp.server.count() >= wanted).then_some(())
        })
        .await;
        tokio::time::sleep(Duration::from_millis(kill * 7)).await;
        host.kill().await;
    }
    let host = Serving::start(Path::new(&bed.path("")))
        .await
        .checked()
        .await;
    until("every record to arrive", || {
        let skus: Vec<String> = items(&mini)
            .iter()
            .map(|item| item["sku"].to_string())
            .collect();
        let distinct: BTreeSet<&String> = skus.iter().collect();
        (distinct.len() == RECORDS).then_some(())
    })
    .await;
    // A request that was under way at a kill leaves again, since it may be
    // repeated; but each record was queued once.
    let client = host.client();
    let listed = client.get("/v1/acme/deliveries?connection=mini&limit=1000");
    let listed = listed.await.expect("the list");
    let queued = listed["items"].as_array().expect("items").len();
    assert_eq!(queued, RECORDS);
}
