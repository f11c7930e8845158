//! Flows that are asked for as soon as they serve, and before.

use std::path::Path;

use crossdock_tests::process::Serving;
use crossdock_tests::recorder::Recorder;
use crossdock_tests::wait::{until, until_async};
use http::{Method, StatusCode};

use crate::setting::{Erp, PENDING, bed, flow, quantities, tenant};

const TARGETS: &str = r#"[ { connection = "mini", operation = "keyed", script = "update.jq" } ]"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_runs_from_the_moment_on_at_which_its_tenant_serves() {
    let (erp, mini) = (Erp::start().await, Recorder::start().await);
    let bed = bed();
    let first = flow("", PENDING, TARGETS, "");
    let shops = [("mini", &mini)];
    bed.put_tenant("acme", "tenant.toml", &tenant(&erp, &shops, &first));
    let host = bed.host().await;
    assert!(host.snapshot().tenants.contains_key("acme"));
    let host = host.with_outbox().await;
    let host = host.unwrap_or_else(|problem| panic!("{problem}"));
    let flows = host.flows().expect("it has flows");
    let run = flows.run("acme", "stock", "the test").await;
    assert!(run.is_ok(), "{run:?}");

    // So it is with one that is added while the host runs, however often.
    let mut text = tenant(&erp, &shops, &first);
    for number in 0..5 {
        let name = format!("more-{number}");
        text += &first.replace("[flows.stock]", &format!("[flows.{name}]"));
        bed.put_tenant("acme", "tenant.toml", &text);
        until("the flow to serve", || {
            let tenants = &host.snapshot().tenants;
            tenants["acme"].flows.contains_key(&*name).then_some(())
        })
        .await;
        let run = flows.run("acme", &name, "the test").await;
        assert!(run.is_ok(), "{run:?}");
    }
    let unknown = flows.run("acme", "stok", "the test").await.unwrap_err();
    assert_eq!(unknown.code, "unknown-flow", "{unknown}");
    let unknown = flows.run("acne", "stock", "the test").await.unwrap_err();
    assert_eq!(unknown.code, "unknown-tenant", "{unknown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_a_flow_before_its_tenant_serves_is_told_to_come_back() {
    let (erp, mini) = (Erp::start().await, Recorder::start().await);
    erp.change("1", 69, 7);
    let bed = bed();
    bed.configure("limits.startup_wait_ms = 0\n");
    let flow = flow("", PENDING, TARGETS, "");
    let text = tenant(&erp, &[("mini", &mini)], &flow);
    bed.put_tenant("acme", "tenant.toml", &text);
    let host = Serving::start(Path::new(&bed.path(""))).await;
    let client = host.client();
    until_async("the run", async || {
        for (method, path) in [
            (Method::GET, "/v1/acme/flows"),
            (Method::GET, "/v1/acme/flows/stock"),
            (Method::POST, "/v1/acme/flows/stock/run"),
        ] {
            let asked = client.send(method.clone(), path, Some("")).await;
            let (status, answer) = asked.expect("an answer");
            if status == StatusCode::SERVICE_UNAVAILABLE {
                assert_eq!(answer["code"], "tenant-loading", "{path}: {answer}");
                return None;
            }
            assert!(status.is_success(), "{method} {path}: {answer}");
        }
        Some(())
    })
    .await;
    until("the shop to have it", || {
        (quantities(&mini) == [("1".into(), 7)]).then_some(())
    })
    .await;
}
