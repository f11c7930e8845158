//! A swap never drops or breaks a call.

use std::time::Duration;

use crossdock_tests::swap::{Plan, median_and_worst, swap_under_load};

#[tokio::test(flavor = "multi_thread")]
async fn no_call_fails_while_adapter_and_script_are_replaced() {
    let plan = Plan {
        clients: 8,
        calls: 6000,
        adapter_swaps: 6,
        script_swaps: 6,
    };
    let seen = swap_under_load(plan).await;
    let (adapter, adapter_worst) = median_and_worst(&seen.adapter_swaps);
    let (script, script_worst) = median_and_worst(&seen.script_swaps);
    println!(
        "{} calls from {} clients, {} wrong",
        seen.calls,
        plan.clients,
        seen.wrong.len()
    );
    println!(
        "adapter file renamed to first call on it: median {adapter:?}, worst {adapter_worst:?}"
    );
    println!("script file renamed to first call on it: median {script:?}, worst {script_worst:?}");
    assert!(
        seen.wrong.is_empty(),
        "{:?}",
        &seen.wrong[..seen.wrong.len().min(5)]
    );
    assert!(seen.calls >= 5000);
    assert_eq!((seen.adapter_swaps.len(), seen.script_swaps.len()), (6, 6));
    // The goal is 150 ms on a quiet machine; a busy one gets room.
    assert!(adapter_worst < Duration::from_secs(5) && script_worst < Duration::from_secs(5));
}
