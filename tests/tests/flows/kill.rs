//! A host that is killed at any moment: no record is lost, none is queued twice.

use std::collections::BTreeMap;
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
    let _host = Serving::start(Path::new(&bed.path("")))
        .await
        .checked()
        .await;
    until("every record to arrive", || {
        let skus: Vec<String> = items(&mini)
            .iter()
            .map(|item| item["sku"].to_string())
            .collect();
        let distinct: std::collections::BTreeSet<&String> = skus.iter().collect();
        (distinct.len() == RECORDS).then_some(())
    })
    .await;
    // One request may have been under way at each kill: it leaves again with the
    // same item, since it may be repeated. No item is queued twice.
    let mut arrived: BTreeMap<String, usize> = BTreeMap::new();
    for item in items(&mini) {
        *arrived.entry(item["sku"].to_string()).or_default() += 1;
    }
    let again: usize = arrived.values().map(|count| count - 1).sum();
    assert!(again <= KILLS as usize * 8, "{arrived:?}");
}
