//! What belongs to a tenant's connection outlives every swap.

use crossdock::report::ItemStatus;
use crossdock_tests::guests::test_adapter;
use crossdock_tests::live::{Live, Seen, script};
use crossdock_tests::wait::until;

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_secret_is_used_after_every_swap() {
    let live = Live::start().await;
    live.until_seen(&Seen::new("a0", "s0", "t0")).await;
    live.bed
        .put_plugin("test-adapter", &test_adapter("normal", "a1"));
    live.until_seen(&Seen::new("a1", "s0", "t0")).await;
    live.bed.put_tenant("acme", "map.jq", &script("s1"));
    live.until_seen(&Seen::new("a1", "s1", "t0")).await;
    live.bed
        .put_tenant("acme", "tenant.toml", &live.tenant("t1"));
    live.until_seen(&Seen::new("a1", "s1", "t1")).await;
    live.put_secret("the second key");
    until("the new secret to be loaded", || {
        (live.generation() == Some(4)).then_some(())
    })
    .await;
    live.ask().await.unwrap();
    assert_eq!(live.echo.key(), "the second key");
}

/// Whether the connection's own limit lets a call through.
async fn has_a_turn(live: &Live) -> bool {
    let item = live.item().await.unwrap();
    if item.status == ItemStatus::Accepted {
        return true;
    }
    assert_eq!(item.code.as_deref(), Some("no-turn"), "{item:?}");
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_gives_nobody_a_fresh_rate_limit() {
    let mut live = Live::lay_out("limits.call_timeout_ms = 700\n").await;
    const ONE: &str = "limits = { requests_per_minute = 1 }";
    let limited = live.tenant_with("t0", ONE);
    live.bed.put_tenant("acme", "tenant.toml", &limited);
    live.watch().await;
    assert!(has_a_turn(&live).await);
    assert!(!has_a_turn(&live).await);

    live.bed
        .put_plugin("test-adapter", &test_adapter("normal", "a1"));
    until("the new adapter", || {
        let serving = live.plugin("test-adapter")?.serving?;
        (serving.number == 2).then_some(())
    })
    .await;
    assert!(!has_a_turn(&live).await, "after a swap of the adapter");

    let edited = live.tenant_with("t1", ONE);
    live.bed.put_tenant("acme", "tenant.toml", &edited);
    until("the edit", || (live.generation() == Some(2)).then_some(())).await;
    assert!(!has_a_turn(&live).await, "after an edit of the tenant");

    // An edit that is refused changes nothing, its limits included.
    let refused = live
        .tenant_with("t2", "limits = { requests_per_minute = 2 }")
        .replace("\"test-adapter\"", "\"no-adapter\"");
    live.bed.put_tenant("acme", "tenant.toml", &refused);
    until("the bad edit", || {
        let status = live.status("acme")?;
        (!status.problems.is_empty()).then_some(())
    })
    .await;
    let repaired = live.tenant_with("t3", ONE);
    live.bed.put_tenant("acme", "tenant.toml", &repaired);
    until("the repair", || {
        (live.generation() == Some(3)).then_some(())
    })
    .await;
    assert!(!has_a_turn(&live).await, "after a bad edit and its repair");

    // A new limit is a new limiter.
    let raised = live.tenant_with("t4", "limits = { requests_per_minute = 600 }");
    live.bed.put_tenant("acme", "tenant.toml", &raised);
    until("the new limit", || {
        (live.generation() == Some(4)).then_some(())
    })
    .await;
    assert!(has_a_turn(&live).await);
}
