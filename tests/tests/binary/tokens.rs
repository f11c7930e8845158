//! Who may call the host.

use crossdock_tests::process::{Serving, run};
use http::{Method, StatusCode};

use crate::{RECORDS, shop};

struct Token {
    text: String,
    hash: String,
}

/// As `crossdock token new` makes it.
async fn new_token() -> Token {
    let folder = std::env::temp_dir();
    let made = run(&folder, &["token", "new", "--json"]).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let made = made.json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    Token {
        text: text("token"),
        hash: text("hash"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_token_is_shown_with_the_line_to_paste() {
    let made = run(&std::env::temp_dir(), &["token", "new"]).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let token = made.stdout.lines().next().unwrap();
    assert!(token.starts_with("cd_"), "{token}");
    for line in ["tokens = [\"sha256:", "admin_tokens = [\"sha256:"] {
        assert!(made.stdout.contains(line), "{}", made.stdout);
    }
    assert_eq!(made.stdout.matches(token).count(), 1);
    assert_ne!(new_token().await.text, new_token().await.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_token_opens_its_own_doors_only() {
    let (tenant, admin, stranger) = (new_token().await, new_token().await, new_token().await);
    let (bed, platforms) = shop(&format!("tokens = [{:?}]\n", tenant.hash)).await;
    bed.configure(&format!("server.admin_tokens = [{:?}]\n", admin.hash));
    let host = Serving::start(&bed.path("")).await.checked().await;
    assert!(host.banner.contains("callers need a bearer token"));

    let call = (Method::POST, "/v1/acme/shop/stock.update", Some(RECORDS));
    let plugins = (Method::GET, "/v1/plugins", None);
    let tenants = (Method::GET, "/v1/tenants", None);
    let nobody = (Method::POST, "/v1/nobody/shop/stock.update", Some(RECORDS));
    const NO: StatusCode = StatusCode::UNAUTHORIZED;
    const YES: StatusCode = StatusCode::OK;
    for (who, token, statuses) in [
        ("nobody", None, [NO, NO, NO, NO]),
        ("a stranger", Some(&stranger), [NO, NO, NO, NO]),
        ("the tenant", Some(&tenant), [YES, NO, NO, NO]),
        ("the admin", Some(&admin), [NO, YES, YES, NO]),
    ] {
        let client = host.client();
        let client = match token {
            Some(token) => client.with_token(&*token.text),
            None => client,
        };
        for ((method, path, body), expected) in [&call, &plugins, &tenants, &nobody]
            .into_iter()
            .zip(statuses)
        {
            let answer = client.send(method.clone(), path, *body).await;
            let (status, body) = answer.unwrap();
            assert_eq!(status, expected, "{who} at {path}: {body}");
        }
        // Health is for whoever starts the host.
        assert!(client.get("/healthz").await.is_ok());
    }
    assert_eq!(platforms.counters("lingzhi").received, 1);

    let list = ["plugin", "list", "--url", &host.base_url];
    let refused = run(&bed.path(""), &list).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("CROSSDOCK_TOKEN"), "{refused:?}");
    let mut command = crossdock_tests::process::crossdock(&bed.path(""), &list);
    command.env("CROSSDOCK_TOKEN", &admin.text);
    let listed = crossdock_tests::process::finish(command, "").await;
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert!(listed.stdout.contains("lingzhi"), "{listed:?}");
}
