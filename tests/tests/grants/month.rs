//! A few days of the month; all of it is `cargo xtask soak --credentials`.

use std::time::Duration;

use crossdock_tests::month::Month;
use crossdock_tests::soak::host_binary;

#[tokio::test(flavor = "multi_thread")]
async fn days_of_short_tokens_under_load_and_kills_lose_no_call_and_show_no_token() {
    let month = Month {
        binary: host_binary(),
        lifetimes: 15,
        lifetime: Duration::from_secs(2),
        kills: 4,
        seed: 7,
        patience: Duration::from_secs(120),
        tells: false,
    };
    let found = month.run().await.expect("it can be done");
    println!("{found}");
    found.hold().expect("nothing lost and nothing shown");
    assert!(found.renewals > 5, "{found}");
    assert!(found.delivered > 100, "{found}");
}
