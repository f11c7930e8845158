//! Renewals: ahead of expiry, in a call, after a crash, while nobody answers.

use std::time::Duration;

use crossdock_stand_ins::platforms::oauth::Use;
use crossdock_stand_ins::{Misbehaviour, Moment, Plan, Times};
use crossdock_tests::grants::{self, Shops, Way};
use crossdock_tests::process::Serving;
use crossdock_tests::wait::{until, until_async};
use tokio::task::JoinSet;

use super::{living, nobody_complains, nothing_shows, ready, said, until_state};

const HOUR: u64 = 3_600_000;

/// How often a refresh token of the shop was used in this way.
fn used(shops: &Shops, how: Use) -> usize {
    let uses = shops.stand_ins.oauth().uses();
    let all = uses.iter().flat_map(|token| &token.uses);
    all.filter(|it| **it == how).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_renewed_ahead_of_its_expiry_without_any_call() {
    let ways = [Way::Code, Way::Client];
    let shops = Shops::new(living(2_000), &ways, "");
    let serving = ready(&shops, &ways).await;
    let host = serving.client();
    until("four renewals", || {
        (used(&shops, Use::Rotated) >= 4).then_some(())
    })
    .await;
    for (item, way) in (1..).zip(ways) {
        let (status, code) = grants::deliver(&host, way.name(), item, 1)
            .await
            .expect("an answer");
        assert_eq!((&*status, &*code), ("accepted", ""));
    }
    // Each refresh token once, and no call with one that was over.
    assert_eq!(used(&shops, Use::Spent), 0);
    let refused = shops.stand_ins.requests("shopify");
    let refused = refused.iter().filter(|it| it.verdict.status == Some(401));
    assert_eq!(refused.count(), 0);
    nobody_complains(&shops);
    nothing_shows(&shops, &[&said(&host, "shop").await]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_over_early_is_renewed_once_for_all_callers() {
    let ways = [Way::Code, Way::Client];
    let shops = Shops::new(living(HOUR), &ways, "");
    let serving = ready(&shops, &ways).await;
    for way in ways {
        let before = shops.stand_ins.oauth().issued();
        shops.stand_ins.oauth().expire_access();
        let mut callers = JoinSet::new();
        for item in 100..120 {
            let host = serving.client();
            callers.spawn(async move { grants::deliver(&host, way.name(), item, 9).await });
        }
        while let Some(delivered) = callers.join_next().await {
            let delivered = delivered.expect("an end").expect("an answer");
            assert_eq!((&*delivered.0, &*delivered.1), ("accepted", ""));
        }
        let after = shops.stand_ins.oauth().issued();
        assert_eq!(after - before, 1, "{}", way.name());
        for item in 100..120 {
            assert_eq!(shops.stock(item), Some(9));
        }
    }
    nobody_complains(&shops);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_refused_though_it_is_new_is_not_renewed_again_and_again() {
    let shops = Shops::new(living(HOUR), &[Way::Client], "");
    let serving = ready(&shops, &[Way::Client]).await;
    let host = serving.client();
    let refuse = Misbehaviour::Answer {
        status: 401,
        content_type: "application/json".into(),
        body: "{\"errors\":\"no\"}".into(),
    };
    shops.stand_ins.misbehave("shopify", refuse, Times::Always);
    let before = shops.stand_ins.oauth().issued();
    for item in 1..=5 {
        let (_, code) = grants::deliver(&host, "machine", item, 1)
            .await
            .expect("an answer");
        assert!(!code.is_empty());
    }
    let renewed = shops.stand_ins.oauth().issued() - before;
    assert!(renewed <= 5, "{renewed} renewals for five calls");
    let asked = shops.stand_ins.counters("shopify").received;
    assert!(asked <= 10, "{asked} requests for five calls");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_server_that_is_down_for_a_while_costs_no_call() {
    // Long enough that the stretch ends before the token does.
    let shops = Shops::new(living(8_000), &[Way::Code], "");
    let serving = ready(&shops, &[Way::Code]).await;
    let host = serving.client();
    shops
        .stand_ins
        .misbehave("oauth", Misbehaviour::Http500, Times::Always);
    until_state(&host, "shop", "failing").await;
    let (status, code) = grants::deliver(&host, "shop", 1, 1)
        .await
        .expect("an answer");
    assert_eq!((&*status, &*code), ("accepted", ""));
    shops.stand_ins.behave("oauth");
    until_state(&host, "shop", "ready").await;
    let (status, code) = grants::deliver(&host, "shop", 1, 2)
        .await
        .expect("an answer");
    assert_eq!((&*status, &*code), ("accepted", ""));
    assert_eq!(used(&shops, Use::Spent), 0);
    nothing_shows(&shops, &[&said(&host, "shop").await]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_takes_the_token_that_was_kept() {
    let shops = Shops::new(living(HOUR), &[Way::Code], "");
    let serving = ready(&shops, &[Way::Code]).await;
    serving.kill().await;
    let serving = Serving::start(&shops.bed.path("")).await.checked().await;
    let host = serving.client();
    until_state(&host, "shop", "ready").await;
    let (status, _) = grants::deliver(&host, "shop", 1, 1)
        .await
        .expect("an answer");
    assert_eq!(status, "accepted");
    assert_eq!(shops.stand_ins.oauth().issued(), 1);
    nothing_shows(&shops, &[&said(&host, "shop").await]);
}

/// Kills the host after the token server has rotated the refresh token and
/// before it has answered.
async fn kill_in_a_renewal(shops: &Shops, serving: Serving) -> Serving {
    let late = Misbehaviour::Slow(Duration::from_secs(30));
    let plan = Plan {
        moment: Some(Moment::AfterApplying),
        ..Plan::new(late)
    };
    shops.stand_ins.misbehave_as("oauth", plan);
    let rotated = used(shops, Use::Rotated);
    let host = serving.client();
    let asked = tokio::spawn(async move {
        // Never answered: the host is killed.
        let _ = host
            .post(&grants::credentials("shop", "/renew"), "{}")
            .await;
    });
    until("the server to have rotated", || {
        (used(shops, Use::Rotated) > rotated).then_some(())
    })
    .await;
    serving.kill().await;
    asked.abort();
    Serving::start(&shops.bed.path("")).await.checked().await
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_in_a_renewal_the_old_token_is_used_and_a_person_is_asked_for() {
    let mut options = living(HOUR);
    // A second use then says that somebody else has the token.
    options.oauth.reuse_revokes = false;
    let shops = Shops::new(options, &[Way::Code], "");
    let serving = ready(&shops, &[Way::Code]).await;
    let serving = kill_in_a_renewal(&shops, serving).await;
    let host = serving.client();
    // What it had still works, and is used.
    let (status, code) = grants::deliver(&host, "shop", 1, 1)
        .await
        .expect("an answer");
    assert_eq!((&*status, &*code), ("accepted", ""));
    until_state(&host, "shop", "needs-person").await;
    assert_eq!(used(&shops, Use::Spent), 1);
    grants::authorise(&host, &serving.base_url, "shop")
        .await
        .expect("a new grant");
    until_state(&host, "shop", "ready").await;
    nothing_shows(&shops, &[&said(&host, "shop").await]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_in_a_renewal_a_forgiving_server_costs_nobody_anything() {
    let mut options = living(HOUR);
    options.oauth.grace_ms = 60_000;
    let shops = Shops::new(options, &[Way::Code], "");
    let serving = ready(&shops, &[Way::Code]).await;
    let serving = kill_in_a_renewal(&shops, serving).await;
    let host = serving.client();
    until_async("the renewal to be made good", async || {
        (used(&shops, Use::Repeated) == 1).then_some(())
    })
    .await;
    until_state(&host, "shop", "ready").await;
    let (status, _) = grants::deliver(&host, "shop", 1, 1)
        .await
        .expect("an answer");
    assert_eq!(status, "accepted");
    assert_eq!(used(&shops, Use::Spent), 0);
}
