//! Who may read `/metrics`.

use crossdock::config::{Token, TokenHash};
use crossdock_tests::client::Client;
use crossdock_tests::recorder::Recorder;
use http::StatusCode;

use crate::exposition::Page;
use crate::setting::bed;

/// A free port of this machine.
fn free() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_administrator_reads_them_unless_the_health_listener_is_opened() {
    let platform = Recorder::start().await;
    let token = Token::generate();
    let hash = TokenHash::of(token.expose());
    let health = free();
    for open in [false, true] {
        let text = format!(
            "[server]\nhealth_listen = \"{health}\"\nadmin_tokens = [\"{hash}\"]\n\
             [telemetry]\nmetrics_on_health = {open}\n"
        );
        let bed = bed(&platform, &text, "");
        let host = crossdock_tests::process::Serving::start(&bed.path("")).await;
        let (status, _, _) = host.client().text("/metrics").await.unwrap();
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        let wrong = host.client().with_token("cd_wrong");
        let (status, _, _) = wrong.text("/metrics").await.unwrap();
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        let admin = host.client().with_token(token.expose());
        let (status, _, text) = admin.text("/metrics").await.unwrap();
        assert_eq!(status, StatusCode::OK);
        Page::parse(&text);
        let apart = Client::new(format!("http://{health}"));
        let (status, _, text) = apart.text("/metrics").await.unwrap();
        match open {
            true => {
                assert_eq!(status, StatusCode::OK);
                Page::parse(&text);
            }
            false => assert_eq!(status, StatusCode::NOT_FOUND),
        }
        host.kill().await;
    }
}
