//! Grants end to end: the real binary, a token server, a shop that takes no
//! token but a valid one, and a person who agrees.
//!
//! | module | what is in it |
//! |---|---|
//! | `alarms` | what somebody has to know of, and where it is told |
//! | `doudian` | a platform's own way, which its adapter maps and signs |
//! | `authorising` | how a connection gets its first token |
//! | `renewing` | ahead of expiry, in a call, after a crash, while the token server is down |
//! | `waiting` | what needs a person, and what waits for one |
//! | `month` | a month of short tokens under load, made short |

mod alarms;
mod authorising;
mod doudian;
mod month;
mod renewing;
mod waiting;

use crossdock_stand_ins::Options;
use crossdock_tests::client::Client;
use crossdock_tests::grants::{self, Shops, Way};
use crossdock_tests::process::Serving;
use crossdock_tests::wait::until_async;

/// Options with access tokens that live so many milliseconds.
fn living(ms: u64) -> Options {
    let mut options = Options::default();
    options.oauth.access_lifetime_ms = ms;
    options
}

/// Waits until the host says that a connection's grant is in a state.
async fn until_state(host: &Client, connection: &str, wanted: &str) {
    until_async(&format!("{connection} to be {wanted}"), async || {
        (grants::state(host, connection).await == wanted).then_some(())
    })
    .await;
}

/// A host over these ways, all authorised.
async fn ready(shops: &Shops, ways: &[Way]) -> Serving {
    let serving = Serving::start(&shops.bed.path("")).await.checked().await;
    let host = serving.client();
    for way in ways {
        if matches!(way, Way::Code | Way::CodeInBody | Way::CodePublic) {
            grants::authorise(&host, &serving.base_url, way.name())
                .await
                .unwrap_or_else(|error| panic!("{}: {error:#}", way.name()));
        }
        until_state(&host, way.name(), "ready").await;
    }
    serving
}

/// Nothing that came to the servers was against a document.
fn nobody_complains(shops: &Shops) {
    assert_eq!(shops.stand_ins.violations("oauth"), []);
    assert_eq!(shops.stand_ins.violations("shopify"), []);
}

/// No token in any file, nor in what these texts say.
fn nothing_shows(shops: &Shops, said: &[&str]) {
    let shown = shops.shown_in_files();
    assert!(shown.is_empty(), "{shown:#?}");
    let leaks = shops.leaks();
    for text in said {
        leaks.none_in("what was said", text.as_bytes());
    }
}

/// Everything that a host says of itself.
async fn said(host: &Client, connection: &str) -> String {
    let mut all = String::new();
    for path in [
        &*grants::credentials(connection, ""),
        "/metrics",
        "/readyz",
        "/v1/tenants",
        "/v1/acme/connections",
        "/v1/acme/deliveries",
    ] {
        let (_, _, text) = host.text(path).await.expect("an answer");
        all.push_str(&text);
    }
    all
}
