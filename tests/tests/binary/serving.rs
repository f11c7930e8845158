//! The host, from its first line to its exit code.

use std::fs;
use std::time::{Duration, Instant};

use crossdock_stand_ins::{Misbehaviour, Times};
use crossdock_tests::client::Client;
use crossdock_tests::guests::{plugin, rebuilt};
use crossdock_tests::process::{Serving, run};
use crossdock_tests::wait::{until, until_async};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{RECORDS, shop};

const CALL: &str = "/v1/acme/shop/stock.update";

#[tokio::test(flavor = "multi_thread")]
async fn records_go_in_and_outcomes_come_out() {
    let (bed, platforms) = shop("").await;
    let host = Serving::start(&bed.path("")).await.checked().await;
    for part in ["lingzhi", "acme", "shop", "no tokens are configured"] {
        assert!(host.banner.contains(part), "{}", host.banner);
    }
    assert!(!host.banner.contains('\x1b'), "{}", host.banner);

    let client = host.client();
    assert_eq!(client.get("/healthz").await.unwrap()["status"], "ok");
    let ready = client.get("/readyz").await.unwrap();
    assert_eq!(ready["plugins"], json!({"serving": 2, "refused": 0}));
    assert_eq!(ready["tenants"], json!({"serving": 1, "refused": 0}));

    let dry = format!("{CALL}?dry_run=true");
    let dry = client.post(&dry, RECORDS).await.unwrap();
    assert_eq!(dry["dry_run"], true);
    let body = dry["requests"][0]["body"].as_str().unwrap();
    assert!(body.contains("3539925204033339668^^^红"), "{body}");
    assert_eq!(platforms.counters("lingzhi").received, 0);

    let report = client.post(CALL, RECORDS).await.unwrap();
    assert_eq!(report["status"], "accepted", "{report}");
    assert_eq!(report["items"].as_array().unwrap().len(), 2);
    assert_eq!(report["requests"][0]["status"], 200);
    assert!(platforms.violations("lingzhi").is_empty());

    let (status, problem) = client
        .send(Method::POST, "/v1/acme/other/stock.update", Some("{}"))
        .await
        .unwrap();
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(problem["code"], "unknown-connection");
    assert_eq!(problem["blame"], "caller");

    let ended = terminated(host).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

async fn terminated(host: Serving) -> crossdock_tests::process::Ended {
    host.terminate().await;
    host.ended().await
}

/// A call that the platform takes `slow` to answer, once it has arrived there.
async fn in_flight(
    host: &Serving,
    platforms: &crossdock_stand_ins::StandIns,
    slow: Duration,
) -> tokio::task::JoinHandle<anyhow::Result<(StatusCode, Value)>> {
    platforms.misbehave("lingzhi", Misbehaviour::Slow(slow), Times::Once);
    let client = host.client();
    let call = tokio::spawn(async move { client.send(Method::POST, CALL, Some(RECORDS)).await });
    until("the call to reach the platform", || {
        (platforms.counters("lingzhi").received > 0).then_some(())
    })
    .await;
    call
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminated_host_finishes_what_it_has_begun() {
    let (bed, platforms) = shop("").await;
    let host = Serving::start(&bed.path("")).await.checked().await;
    let base_url = host.base_url.clone();
    let call = in_flight(&host, &platforms, Duration::from_secs(1)).await;
    let ended = terminated(host).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let (status, report) = call.await.unwrap().unwrap();
    assert_eq!(status, StatusCode::OK);
    assert_eq!(report["status"], "accepted", "{report}");
    assert!(Client::new(base_url).get("/healthz").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_outlasts_the_bound_is_cut_off_and_the_exit_code_says_so() {
    let (bed, platforms) = shop("").await;
    bed.configure("limits.shutdown_ms = 200\n");
    let host = Serving::start(&bed.path("")).await.checked().await;
    let call = in_flight(&host, &platforms, Duration::from_secs(20)).await;
    let started = Instant::now();
    let ended = terminated(host).await;
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("cut off"), "{}", ended.stderr);
    assert!(call.await.unwrap().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn plugin_list_says_why_a_file_is_refused_while_the_old_generation_serves() {
    let (bed, platforms) = shop("").await;
    let host = Serving::start(&bed.path("")).await.checked().await;
    let client = host.client();
    let good = plugin("lingzhi");
    let path = bed.plugin_path("lingzhi");
    fs::write(&path, &good[..good.len() / 2]).unwrap();
    let refused = until_async("the refusal", async || {
        let plugins = client.get("/v1/plugins").await.ok()?;
        let all = plugins["plugins"].as_array()?;
        let refused = all.iter().find(|plugin| !plugin["refused"].is_null())?;
        Some(refused.clone())
    })
    .await;
    assert_eq!(refused["serving"]["name"], "lingzhi");
    assert_eq!(refused["refused"]["step"], "parse");

    let arguments = ["plugin", "list", "--url", &host.base_url];
    let list = run(&bed.path(""), &arguments).await;
    assert_eq!(list.code, Some(0), "{list:?}");
    let reason = refused["refused"]["reason"].as_str().unwrap();
    for part in ["serving, newest file refused", "at step `parse`"] {
        assert!(list.stdout.contains(part), "{}", list.stdout);
    }
    assert!(list.stdout.contains(&reason[..20]), "{}", list.stdout);
    let json = run(&bed.path(""), &[&arguments[..], &["--json"]].concat()).await;
    assert_eq!(json.json(), client.get("/v1/plugins").await.unwrap());

    let report = client.post(CALL, RECORDS).await.unwrap();
    assert_eq!(report["status"], "accepted", "{report}");
    let tenants = client.get("/v1/tenants").await.unwrap();
    assert_eq!(tenants["tenants"][0]["generation"], 1);

    bed.put_plugin("lingzhi", &rebuilt(&good, "repaired"));
    until_async("the repaired file to serve", async || {
        let plugins = client.get("/v1/plugins").await.ok()?;
        let all = plugins["plugins"].as_array()?;
        let lingzhi = all.iter().find(|plugin| plugin["serving"]["number"] == 2)?;
        lingzhi["refused"].is_null().then_some(())
    })
    .await;
    let list = run(&bed.path(""), &arguments).await;
    assert!(!list.stdout.contains("refused"), "{}", list.stdout);
    assert!(platforms.violations("lingzhi").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vanished_plugin_is_retired_over_http() {
    let (bed, _platforms) = shop("").await;
    let host = Serving::start(&bed.path("")).await.checked().await;
    let client = host.client();
    let retire = || client.send(Method::POST, "/v1/plugins/lingzhi/retire", None);
    let (status, problem) = retire().await.unwrap();
    assert!(status.is_client_error(), "{status}");
    assert_eq!(problem["code"], "plugin-present");
    fs::remove_file(bed.plugin_path("lingzhi")).unwrap();
    until_async("the file to be missed", async || {
        let (status, _) = retire().await.ok()?;
        status.is_success().then_some(())
    })
    .await;
    let (_, problem) = client
        .send(Method::POST, CALL, Some(RECORDS))
        .await
        .unwrap();
    assert_eq!(problem["code"], "adapter-retired");
}
