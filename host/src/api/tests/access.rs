//! Who may ask what.

use super::super::auth::Access;
use super::*;

const STOCK: &str = "/v1/acme/shop/stock.update";

fn hash(token: &str) -> Vec<TokenHash> {
    vec![TokenHash::of("cd_unused"), TokenHash::of(token)]
}

async fn start_with_tokens() -> Running {
    start(Setup {
        admin: hash("cd_admin"),
        tenants: vec![
            ("acme", hash("cd_acme")),
            ("other", hash("cd_other")),
            ("open", Vec::new()),
        ],
        ..Setup::default()
    })
    .await
}

#[tokio::test]
async fn a_token_opens_its_own_tenant_and_nothing_else() {
    let host = start_with_tokens().await;
    for (path, token, status) in [
        (STOCK, "cd_acme", 200),
        (STOCK, "cd_other", 401),
        (STOCK, "cd_admin", 401),
        (STOCK, "cd_wrong", 401),
        ("/v1/other/shop/stock.update", "cd_other", 200),
        ("/v1/other/shop/stock.update", "cd_acme", 401),
        ("/v1/nobody/shop/stock.update", "cd_acme", 401),
    ] {
        let bearer = format!("Bearer {token}");
        let answer = host.post(path, &[("authorization", &bearer)], "{}").await;
        assert_eq!(answer.status, status, "{path} {token}");
    }
    for (path, token, status) in [
        ("/v1/plugins", "cd_admin", 200),
        ("/v1/tenants", "cd_admin", 200),
        ("/v1/plugins", "cd_acme", 401),
        ("/v1/tenants", "cd_acme", 401),
    ] {
        let bearer = format!("Bearer {token}");
        let answer = host.get(path, &[("authorization", &bearer)]).await;
        assert_eq!(answer.status, status, "{path} {token}");
    }
}

#[tokio::test]
async fn flows_are_open_to_their_tenant_and_to_an_administrator() {
    let host = start_with_tokens().await;
    for (path, token, status) in [
        // Who was let in is told that this host runs none.
        ("/v1/acme/flows", "cd_acme", 501),
        ("/v1/acme/flows", "cd_admin", 501),
        ("/v1/acme/flows/stock/runs/7", "cd_acme", 501),
        ("/v1/acme/flows", "cd_other", 401),
        ("/v1/acme/flows/stock", "cd_wrong", 401),
        ("/v1/nobody/flows", "cd_acme", 401),
    ] {
        let bearer = format!("Bearer {token}");
        let answer = host.get(path, &[("authorization", &bearer)]).await;
        assert_eq!(answer.status, status, "{path} {token}");
    }
    let other = [("authorization", "Bearer cd_other")];
    for what in [
        "run",
        "pause",
        "resume",
        "resync",
        "parked/retry",
        "parked/discard",
    ] {
        let path = format!("/v1/acme/flows/stock/{what}");
        let answer = host.post(&path, &other, "").await;
        answer.is_problem(401, "unauthorized");
        let answer = host.post(&path, &[], "").await;
        answer.is_problem(401, "unauthorized");
    }
}

#[tokio::test]
async fn without_a_token_only_health_answers() {
    let host = start_with_tokens().await;
    let answer = host.post(STOCK, &[], "{}").await;
    answer.is_problem(401, "unauthorized");
    assert_eq!(answer.headers["www-authenticate"], "Bearer");
    for path in ["/v1/plugins", "/v1/tenants"] {
        host.get(path, &[]).await.is_problem(401, "unauthorized");
    }
    let retire = host.post("/v1/plugins/lingzhi/retire", &[], "").await;
    retire.is_problem(401, "unauthorized");
    for path in ["/healthz", "/readyz", "/openapi.json"] {
        assert_eq!(host.get(path, &[]).await.status, 200, "{path}");
    }
    assert!(host.fake.calls().is_empty());
}

#[tokio::test]
async fn a_tenant_that_does_not_exist_looks_like_a_wrong_token() {
    let host = start_with_tokens().await;
    for headers in [&[][..], &[("authorization", "Bearer cd_wrong")]] {
        let known = host.post(STOCK, headers, "{}").await;
        let unknown = host
            .post("/v1/nobody/shop/stock.update", headers, "{}")
            .await;
        assert_eq!(known.status, unknown.status);
        assert_eq!(known.body, unknown.body);
    }
}

#[tokio::test]
async fn while_a_tenant_is_loading_whoever_is_refused_is_told_to_come_back_and_learns_nothing() {
    let host = start_with_tokens().await;
    host.fake.0.loading.store(true, Ordering::Relaxed);
    let mut answers = BTreeSet::new();
    for tenant in ["acme", "nobody"] {
        for headers in [
            &[][..],
            &[("authorization", "Bearer cd_wrong")],
            &[("authorization", "Bearer cd_other")],
        ] {
            let stock = format!("/v1/{tenant}/shop/stock.update");
            let called = host.post(&stock, headers, "{}").await;
            let listed = host.get(&format!("/v1/{tenant}/deliveries"), headers).await;
            let events = format!("/v1/{tenant}/deliveries/events");
            let listened = host.get(&events, headers).await;
            let connections = format!("/v1/{tenant}/connections");
            let connections = host.get(&connections, headers).await;
            let flows = host.get(&format!("/v1/{tenant}/flows"), headers).await;
            let run = format!("/v1/{tenant}/flows/stock/run");
            let run = host.post(&run, headers, "").await;
            let runs = format!("/v1/{tenant}/flows/events");
            let runs = host.get(&runs, headers).await;
            let credentials = format!("/v1/{tenant}/shop/credentials");
            let credentials = host.get(&credentials, headers).await;
            let posted = format!("/v1/{tenant}/flows/stock");
            let posted = host.post(&posted, headers, "{}").await;
            let pushed = format!("/v1/{tenant}/shop/inbound");
            let pushed = host.post(&pushed, headers, "{}").await;
            for answer in [
                called,
                listed,
                listened,
                connections,
                flows,
                run,
                runs,
                credentials,
                posted,
                pushed,
            ] {
                answer.is_problem(503, "tenant-loading");
                assert!(answer.headers.contains_key("retry-after"));
                answers.insert(answer.body);
            }
        }
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    // Whose token is known goes on, and an administrator's is known from the start.
    let right = [("authorization", "Bearer cd_acme")];
    assert_eq!(host.post(STOCK, &right, "{}").await.status, 200);
    let wrong = [("authorization", "Bearer cd_wrong")];
    host.get("/v1/plugins", &wrong)
        .await
        .is_problem(401, "unauthorized");
    host.fake.0.loading.store(false, Ordering::Relaxed);
    host.post(STOCK, &wrong, "{}")
        .await
        .is_problem(401, "unauthorized");
}

#[tokio::test]
async fn an_adapter_is_retired_by_an_admin() {
    let host = start_with_tokens().await;
    let admin = [("authorization", "Bearer cd_admin")];
    let answer = host.post("/v1/plugins/lingzhi/retire", &admin, "").await;
    assert_eq!(answer.json()["retired"], "lingzhi");
    let answer = host.post("/v1/plugins/nothing/retire", &admin, "").await;
    answer.is_problem(404, "unknown-plugin");
}

#[tokio::test]
async fn a_tenant_without_tokens_is_called_from_this_machine_only() {
    let host = start_with_tokens().await;
    let answer = host.post("/v1/open/shop/stock.update", &[], "{}").await;
    assert_eq!(answer.status, 200);
    let uri = STOCK.parse().unwrap();
    let here = Access::new(([127, 0, 0, 1], 80).into(), host.fake.config(), true).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("host", "127.0.0.1".parse().unwrap());
    // Nobody is said to have a token who showed none.
    let opened = here.tenant_or_admin(&uri, &headers, Some(&[]), || true);
    assert_eq!(
        opened.unwrap().by(),
        "somebody on this machine, without a token"
    );

    let config = host.fake.config();
    let everywhere = ([0, 0, 0, 0], 80).into();
    let access = Access::new(everywhere, config, true).unwrap();
    let refused = access.tenant(&uri, &HeaderMap::new(), Some(&[]), || true);
    assert_eq!(refused.unwrap_err().status, 401);
}

#[tokio::test]
async fn without_any_token_a_web_page_or_a_proxy_gets_nothing() {
    let host = start_open().await;
    for (name, value, code) in [
        ("origin", "https://example.com", "cross-origin"),
        ("origin", "null", "cross-origin"),
        ("host", "rebound.example.com", "foreign-host"),
        ("host", "127.0.0.1.example.com:8080", "foreign-host"),
        ("x-forwarded-for", "203.0.113.9", "proxied"),
        ("forwarded", "for=203.0.113.9", "proxied"),
    ] {
        let headers = [(name, value)];
        host.post(STOCK, &headers, "{}").await.is_problem(403, code);
        host.get("/v1/plugins", &headers)
            .await
            .is_problem(403, code);
        host.post("/v1/plugins/lingzhi/retire", &headers, "")
            .await
            .is_problem(403, code);
    }
    assert!(host.fake.calls().is_empty());
    for name in ["localhost", "localhost:8080", "127.0.0.1", "[::1]:9"] {
        let answer = host.post(STOCK, &[("host", name)], "{}").await;
        assert_eq!(answer.status, 200, "{name}");
    }
}

#[tokio::test]
async fn with_a_token_origin_and_host_do_not_matter() {
    let host = start_with_tokens().await;
    let headers = [
        ("authorization", "Bearer cd_acme"),
        ("origin", "https://example.com"),
        ("host", "api.example.com"),
        ("x-forwarded-for", "203.0.113.9"),
    ];
    assert_eq!(host.post(STOCK, &headers, "{}").await.status, 200);
}

#[tokio::test]
async fn without_an_admin_token_only_a_host_without_any_token_shows_what_is_loaded() {
    let host = start_open().await;
    assert_eq!(host.get("/v1/plugins", &[]).await.status, 200);
    // An unknown tenant is no secret here.
    let answer = host.post("/v1/nobody/shop/x", &[], "{}").await;
    assert_eq!(answer.status, 200);

    let host = start(Setup {
        tenants: vec![("acme", hash("cd_acme"))],
        ..Setup::default()
    })
    .await;
    let headers = [("authorization", "Bearer cd_acme")];
    let answer = host.get("/v1/plugins", &headers).await;
    answer.is_problem(403, "no-admin-token");
    let answer = host.post("/v1/nobody/shop/x", &[], "{}").await;
    answer.is_problem(401, "unauthorized");
}

#[test]
fn a_host_without_tokens_that_others_could_reach_does_not_start() {
    let open = Fake::new(Setup::default());
    for (address, starts) in [
        ("127.0.0.1:80", true),
        ("[::1]:80", true),
        ("0.0.0.0:80", false),
        ("[::]:80", false),
        ("192.0.2.1:80", false),
    ] {
        let address = address.parse().unwrap();
        let result = Access::new(address, open.config(), false);
        assert_eq!(result.is_ok(), starts, "{address}");
        if let Err(problem) = result {
            assert!(problem.detail.contains("crossdock token new"));
        }
        assert!(Access::new(address, open.config(), true).is_ok());
    }
}
