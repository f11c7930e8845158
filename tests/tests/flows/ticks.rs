//! Runs by the clock, paused and resumed.

use crossdock_tests::recorder::Recorder;
use crossdock_tests::wait::until_async;

use crate::setting::{Erp, PENDING, bed, flow, host, tenant};

const TARGETS: &str = r#"[ { connection = "mini", operation = "keyed", script = "update.jq" } ]"#;

#[tokio::test(flavor = "multi_thread")]
async fn each_tick_has_one_run_and_none_while_it_is_paused() {
    let (erp, mini) = (Erp::start().await, Recorder::start().await);
    erp.change("1", 69, 7);
    let bed = bed();
    let flow = flow("every = \"1s\"", PENDING, TARGETS, "");
    bed.put_tenant(
        "acme",
        "tenant.toml",
        &tenant(&erp, &[("mini", &mini)], &flow),
    );
    let host = host(&bed).await;
    let flows = host.flows().unwrap();
    let runs = until_async("three runs", async || {
        let runs = flows.runs("acme", "stock", None, 100).await.ok()?.runs;
        (runs.len() >= 3).then_some(runs)
    })
    .await;
    let mut ticks: Vec<u64> = runs
        .iter()
        .map(|run| run.tick_ms.expect("a tick"))
        .collect();
    assert!(ticks.iter().all(|tick| tick % 1000 == 0), "{ticks:?}");
    let all = ticks.len();
    ticks.dedup();
    assert_eq!(ticks.len(), all);

    let paused = flows.pause("acme", "stock").await.unwrap();
    assert!(["paused", "running"].contains(&paused.state), "{paused:?}");
    until_async("it to be paused", async || {
        let list = flows.list("acme").await.ok()?;
        (list.flows[0].state == "paused").then_some(())
    })
    .await;
    let refused = flows.run("acme", "stock", "the test").await.unwrap_err();
    assert_eq!(refused.code, "flow-paused");
    let before = flows.runs("acme", "stock", None, 1).await.unwrap().runs[0].run;
    flows.resume("acme", "stock").await.unwrap();
    until_async("it to run again", async || {
        let runs = flows.runs("acme", "stock", None, 1).await.ok()?.runs;
        (runs[0].run > before).then_some(())
    })
    .await;
}
