//! Everything together, in small: `cargo xtask soak --flows` does the same for
//! longer.

use std::time::Duration;

use crossdock_tests::soak::host_binary;
use crossdock_tests::stock::Stock;

#[tokio::test(flavor = "multi_thread")]
async fn under_kills_and_misbehaviour_every_shop_ends_with_the_stock_of_the_erp() {
    let stock = Stock {
        binary: host_binary(),
        articles: 60,
        rounds: 5,
        kills: 3,
        seed: 17,
        calm: false,
        // It takes a tenth of this on a machine that does nothing else.
        patience: Duration::from_secs(300),
        tells: true,
    };
    let found = stock.run().await.unwrap();
    println!("{found}");
    found.hold().unwrap();
    assert_eq!(found.kills, 3);
    assert!(found.met >= 2, "{found}");
    assert!(found.misbehaved > 10, "{found}");
    assert!(found.confirmations >= 60, "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_goes_wrong_nothing_is_sent_twice() {
    let stock = Stock {
        binary: host_binary(),
        articles: 40,
        rounds: 4,
        kills: 0,
        seed: 18,
        calm: true,
        // It takes a tenth of this on a machine that does nothing else.
        patience: Duration::from_secs(300),
        tells: true,
    };
    let found = stock.run().await.unwrap();
    println!("{found}");
    found.hold().unwrap();
    assert_eq!((found.sent_again, found.misbehaved), (0, 0), "{found}");
    // Each change is confirmed once, too.
    assert_eq!(found.confirmations, found.changes, "{found}");
}
