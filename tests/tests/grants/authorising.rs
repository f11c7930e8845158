//! How a connection gets its first token.

use crossdock_tests::grants::{self, Shops, Way};
use crossdock_tests::process::{Serving, run};

use super::{living, nobody_complains, nothing_shows, ready, said, until_state};

const HOUR: u64 = 3_600_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_person_agrees_once_and_calls_are_made() {
    let shops = Shops::new(living(HOUR), &[Way::Code], "");
    let serving = Serving::start(&shops.bed.path("")).await.checked().await;
    let host = serving.client();
    until_state(&host, "shop", "missing").await;
    let (status, code) = grants::deliver(&host, "shop", 1, 5)
        .await
        .expect("an answer");
    assert_eq!(code, "not-authorized", "{status}");
    assert_eq!(shops.stand_ins.counters("shopify").received, 0);

    let callback = grants::agree(&host, "shop").await.expect("a way back");
    let (status, page) = grants::call_back(&serving.base_url, &callback)
        .await
        .expect("a page");
    assert_eq!(status, 200, "{page}");
    assert!(!page.contains("<script"), "{page}");
    until_state(&host, "shop", "ready").await;
    let (status, code) = grants::deliver(&host, "shop", 1, 5)
        .await
        .expect("an answer");
    assert_eq!((&*status, &*code), ("accepted", ""));
    assert_eq!(shops.stock(1), Some(5));

    // The same way back a second time is nobody's.
    let (status, again) = grants::call_back(&serving.base_url, &callback)
        .await
        .expect("a page");
    assert!(status.is_client_error(), "{status}: {again}");
    until_state(&host, "shop", "ready").await;
    let standing = grants::standing(&host, "shop").await.expect("an answer");
    assert!(
        standing["scopes"]
            .as_str()
            .is_some_and(|it| it.contains("write_inventory")),
        "{standing}"
    );
    assert!(standing["expires_ms"].is_u64(), "{standing}");
    nobody_complains(&shops);
    nothing_shows(&shops, &[&said(&host, "shop").await, &page, &again]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_of_proving_a_client_works_against_a_strict_server() {
    let ways = [
        Way::Code,
        Way::CodeInBody,
        Way::CodePublic,
        Way::Client,
        Way::Shopify,
    ];
    let shops = Shops::new(living(HOUR), &ways, "");
    let serving = ready(&shops, &ways).await;
    let host = serving.client();
    for (item, way) in (1..).zip(ways) {
        let delivered = grants::deliver(&host, way.name(), item, 3).await;
        let (status, code) = delivered.expect("an answer");
        assert_eq!((&*status, &*code), ("accepted", ""), "{}", way.name());
        assert_eq!(shops.stock(item), Some(3));
    }
    nobody_complains(&shops);
    nothing_shows(&shops, &[&said(&host, "shop").await]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_nobody_began_is_refused_and_uses_no_code() {
    let shops = Shops::new(living(HOUR), &[Way::Code], "");
    let serving = Serving::start(&shops.bed.path("")).await.checked().await;
    let host = serving.client();
    let mut callback = grants::agree(&host, "shop").await.expect("a way back");
    let code = callback
        .query_pairs()
        .find(|(name, _)| name == "code")
        .map(|(_, code)| code.into_owned())
        .expect("a code");
    callback
        .query_pairs_mut()
        .clear()
        .append_pair("code", &code)
        .append_pair("state", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    let (status, page) = grants::call_back(&serving.base_url, &callback)
        .await
        .expect("a page");
    assert!(status.is_client_error(), "{status}: {page}");
    until_state(&host, "shop", "missing").await;
    assert_eq!(shops.stand_ins.oauth().issued(), 0);
    nothing_shows(&shops, &[&page]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_says_no_leaves_the_connection_without_a_token() {
    let mut options = living(HOUR);
    options.oauth.denies = true;
    let shops = Shops::new(options, &[Way::Code], "");
    let serving = Serving::start(&shops.bed.path("")).await.checked().await;
    let host = serving.client();
    let callback = grants::agree(&host, "shop").await.expect("a way back");
    let (status, page) = grants::call_back(&serving.base_url, &callback)
        .await
        .expect("a page");
    assert!(status.is_client_error(), "{status}: {page}");
    until_state(&host, "shop", "missing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_forgets_and_the_command_shows_it() {
    let shops = Shops::new(living(HOUR), &[Way::Code], "");
    let serving = ready(&shops, &[Way::Code]).await;
    let host = serving.client();
    let folder = shops.bed.path("");
    let at = serving.base_url.as_str();
    let shown = run(
        &folder,
        &[
            "connection",
            "status",
            "acme",
            "shop",
            "--url",
            at,
            "--json",
        ],
    )
    .await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert_eq!(shown.json()["state"], "ready", "{shown:?}");
    let revoked = run(
        &folder,
        &["connection", "revoke", "acme", "shop", "--url", at],
    )
    .await;
    assert_eq!(revoked.code, Some(0), "{revoked:?}");
    let (_, code) = grants::deliver(&host, "shop", 1, 5)
        .await
        .expect("an answer");
    assert_eq!(code, "not-authorized");
    nothing_shows(&shops, &[&shown.stdout, &shown.stderr, &revoked.stdout]);
}
