//! What needs a person, and what waits for one.

use crossdock_tests::grants::{self, Shops, Way};
use crossdock_tests::wait::{until, until_async};

use super::{living, nobody_complains, nothing_shows, ready, said, until_state};
use crossdock_tests::process::Serving;

const HOUR: u64 = 3_600_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_refresh_needs_a_person_and_queued_records_wait_for_it() {
    let shops = Shops::new(living(HOUR), &[Way::Code], "");
    let serving = ready(&shops, &[Way::Code]).await;
    let host = serving.client();
    shops.stand_ins.oauth().revoke(Way::Code.client());
    for item in 1..=20 {
        grants::queue(&host, "shop", item, 4)
            .await
            .expect("taken in");
    }
    until_state(&host, "shop", "needs-person").await;
    let standing = grants::standing(&host, "shop").await.expect("an answer");
    assert_eq!(standing["failure"]["code"], "invalid_grant", "{standing}");
    let (_, _, metrics) = host.text("/metrics").await.expect("metrics");
    assert!(
        metrics
            .lines()
            .any(|line| line.starts_with("crossdock_grants")
                && line.contains("needs-person")
                && line.ends_with(" 1")),
        "{metrics}"
    );
    let (_, _, readiness) = host.text("/readyz").await.expect("readiness");
    assert!(readiness.contains("needs-person"), "{readiness}");
    // Nothing is hammered while nobody comes.
    let asked = shops.stand_ins.counters("shopify").received;
    assert!(asked <= 25, "{asked} requests for 20 records");
    assert_eq!(shops.stock(1), None);

    grants::authorise(&host, &serving.base_url, "shop")
        .await
        .expect("a new grant");
    until("all records to arrive", || {
        (1..=20)
            .all(|item| shops.stock(item) == Some(4))
            .then_some(())
    })
    .await;
    until_state(&host, "shop", "ready").await;
    nobody_complains(&shops);
    nothing_shows(&shops, &[&said(&host, "shop").await, &readiness, &metrics]);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_queued_before_the_first_authorization_go_after_it() {
    let shops = Shops::new(living(HOUR), &[Way::Code], "");
    let serving = Serving::start(&shops.bed.path("")).await.checked().await;
    let host = serving.client();
    grants::queue(&host, "shop", 1, 6).await.expect("taken in");
    until_async("the record to wait", async || {
        let connections = host.get("/v1/acme/connections").await.ok()?;
        connections
            .to_string()
            .contains("not-authorized")
            .then_some(())
    })
    .await;
    assert_eq!(shops.stand_ins.counters("shopify").received, 0);
    grants::authorise(&host, &serving.base_url, "shop")
        .await
        .expect("a grant");
    until("the record to arrive", || {
        (shops.stock(1) == Some(6)).then_some(())
    })
    .await;
}
