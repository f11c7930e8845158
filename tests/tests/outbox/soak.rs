//! Everything together, in small: `cargo xtask soak` does the same for longer.

use std::time::Duration;

use crossdock_tests::soak::{Soak, host_binary};

#[tokio::test(flavor = "multi_thread")]
async fn under_kills_and_misbehaving_platforms_everything_that_is_told_is_true() {
    let soak = Soak {
        binary: host_binary(),
        items: 2_000,
        kills: 6,
        seed: 17,
        // It takes a tenth of this on a machine that does nothing else.
        patience: Duration::from_secs(300),
        tells: false,
    };
    let found = soak.run().await.unwrap();
    println!("{found}");
    found.hold().unwrap();
    assert!(found.kills + found.kills_at_start >= 6, "{found}");
    for state in ["accepted", "superseded", "rejected"] {
        assert!(found.states.contains_key(state), "none is {state}: {found}");
    }
}
