//! How serving ends.

use super::*;

async fn served(host: Running) -> usize {
    tokio::time::timeout(BOUND, host.served)
        .await
        .expect("it ends")
        .unwrap()
}

/// Calls a slow connection and waits until the host is at it.
async fn begin(host: &Running) -> tokio::task::JoinHandle<StatusCode> {
    let uri = format!("{}/v1/acme/slow/stock.update", host.base);
    let request = Request::post(uri).body(Full::from("{}")).unwrap();
    let answer = host.client.request(request);
    let call = tokio::spawn(async move { answer.await.unwrap().status() });
    host.fake.until_begun().await;
    call
}

#[tokio::test]
async fn a_host_without_calls_ends_at_once() {
    let host = start_open().await;
    assert_eq!(host.get("/readyz", &[]).await.json()["status"], "ready");
    host.stop.cancel();
    assert_eq!(served(host).await, 0);
}

#[tokio::test]
async fn calls_in_flight_finish_while_new_ones_are_turned_away() {
    let host = start_open().await;
    let call = begin(&host).await;
    host.stop.cancel();
    let ready = async {
        while host.get("/readyz", &[]).await.status != 503 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, ready).await.expect("in time");
    assert_eq!(host.get("/healthz", &[]).await.status, 200);
    let refused = host.post("/v1/acme/shop/stock.update", &[], "{}").await;
    refused.is_problem(503, "shutting-down");
    assert_eq!(refused.headers["connection"], "close");
    assert!(!host.served.is_finished());

    host.fake.release();
    assert_eq!(call.await.unwrap(), 200);
    assert_eq!(served(host).await, 0);
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_cut_off_and_counted() {
    let host = start(Setup {
        limits: HostLimits {
            shutdown: Duration::from_millis(10),
            ..HostLimits::default()
        },
        tenants: vec![("acme", Vec::new())],
        ..Setup::default()
    })
    .await;
    let _call = begin(&host).await;
    host.stop.cancel();
    assert_eq!(served(host).await, 1);
}

#[tokio::test]
async fn a_second_signal_does_not_wait() {
    let host = start_open().await;
    let _call = begin(&host).await;
    host.stop.cancel();
    host.cut.cancel();
    assert_eq!(served(host).await, 1);
}
