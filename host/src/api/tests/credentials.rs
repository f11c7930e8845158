//! Credentials over HTTP, and the page that platforms send a person back to.

use super::contract::{conforms, describes};
use super::*;
use crate::grants::FailureShown;

const AT: &str = "/v1/acme/shop/credentials";
const BACK: &str = "/v1/acme/shop/oauth/callback";

/// Only `shop` has a grant.
pub fn granting(connection: &str) -> Result<CredentialsShown, Problem> {
    if connection != "shop" {
        return Err(Problem::caller("no-grant", "nothing is granted to it"));
    }
    Ok(CredentialsShown {
        connection: "shop".into(),
        state: "failing",
        account: Some("shop 7".into()),
        scopes: Some("read write".into()),
        expires_ms: Some(1),
        refresh_expires_ms: Some(2),
        renewed_ms: Some(3),
        renewals: 4,
        failure: Some(FailureShown {
            blame: crate::problem::Blame::Platform,
            code: "platform-unreachable".into(),
            message: "no answer".into(),
            since_ms: 5,
            next_ms: Some(6),
        }),
    })
}

/// The same without what was granted.
pub fn revoked(shown: CredentialsShown) -> CredentialsShown {
    CredentialsShown {
        connection: shown.connection,
        state: "revoked",
        account: None,
        scopes: None,
        expires_ms: None,
        refresh_expires_ms: None,
        renewed_ms: None,
        renewals: 0,
        failure: None,
    }
}

/// Only the state `s1` is known, once; the platform takes every code but `bad`.
pub fn taken_back(
    codes: &Mutex<Vec<(String, Option<String>)>>,
    connection: &str,
    code: &str,
    state: &str,
) -> Result<CredentialsShown, Problem> {
    let unknown = || Problem::caller("authorization-unknown", "nobody was sent");
    let shown = granting(connection).map_err(|_| unknown())?;
    let mut codes = codes.lock().unwrap();
    let used = codes
        .iter()
        .any(|(_, known)| known.as_deref() == Some("s1"));
    if state != "s1" || used {
        return Err(unknown());
    }
    codes.push((code.to_owned(), Some(state.to_owned())));
    match code {
        "bad" => Err(Problem::platform("invalid_grant", "the platform refuses")),
        _ => Ok(shown),
    }
}

async fn with_tokens() -> (Running, String) {
    let host = start(Setup {
        tenants: vec![
            ("acme", vec![TokenHash::of("cd_acme")]),
            ("other", vec![TokenHash::of("cd_other")]),
        ],
        admin: vec![TokenHash::of("cd_admin")],
        ..Setup::default()
    })
    .await;
    (host, "Bearer cd_acme".to_owned())
}

#[tokio::test]
async fn they_are_shown_begun_brought_renewed_and_forgotten() {
    let (host, bearer) = with_tokens().await;
    let headers = [("authorization", &*bearer)];
    let shown = host.get(AT, &headers).await;
    conforms("Credentials", &shown.json());
    describes("Credentials", &shown.json());
    assert_eq!(shown.headers["cache-control"], "no-store");
    let begun = host.post(&format!("{AT}/authorize"), &headers, "").await;
    conforms("Authorizing", &begun.json());
    describes("Authorizing", &begun.json());
    let code = format!("{AT}/code");
    let brought = host.post(&code, &headers, r#"{"code": "c0de"}"#).await;
    conforms("Credentials", &brought.json());
    host.post(&code, &headers, r#"{"code": "c1", "state": "s1"}"#)
        .await;
    let codes = host.fake.0.codes.lock().unwrap().clone();
    let expected = [
        ("c0de".to_owned(), None),
        ("c1".to_owned(), Some("s1".to_owned())),
    ];
    assert_eq!(codes, expected);
    let renewed = host.post(&format!("{AT}/renew"), &headers, "").await;
    conforms("Credentials", &renewed.json());
    let request = host.request("DELETE", AT, &headers);
    let revoked = host.send(request.body(Full::default()).unwrap()).await;
    assert_eq!(revoked.json()["state"], "revoked");
    let none = host.get("/v1/acme/other/credentials", &headers).await;
    none.is_problem(422, "no-grant");
}

#[tokio::test]
async fn they_are_open_to_the_tenant_and_to_administrators_only() {
    let (host, _) = with_tokens().await;
    for (method, path) in [
        ("GET", AT.to_owned()),
        ("DELETE", AT.to_owned()),
        ("POST", format!("{AT}/authorize")),
        ("POST", format!("{AT}/code")),
        ("POST", format!("{AT}/renew")),
    ] {
        for (token, status) in [
            ("cd_acme", 0),
            ("cd_admin", 0),
            ("cd_other", 401),
            ("", 401),
        ] {
            let bearer = format!("Bearer {token}");
            let request = host.request(method, &path, &[("authorization", &*bearer)]);
            let answer = host
                .send(request.body(Full::from(r#"{"code":"x"}"#)).unwrap())
                .await;
            let expected = if status == 0 { 200 } else { status };
            assert_eq!(answer.status, expected, "{method} {path} {token}");
        }
    }
}

#[tokio::test]
async fn what_is_no_code_is_refused_and_not_repeated() {
    let (host, bearer) = with_tokens().await;
    let headers = [("authorization", &*bearer)];
    let code = format!("{AT}/code");
    let long = format!(r#"{{"code": "{}"}}"#, "s3cret".repeat(1500));
    for (body, kind) in [
        ("", "invalid-json"),
        ("{}", "invalid-json"),
        (r#"{"code": 7}"#, "invalid-json"),
        (r#"{"code": "s3cret", "extra": 1}"#, "invalid-json"),
        (r#""s3cret""#, "invalid-json"),
        (r#"{"code": ""}"#, "invalid-code"),
        (r#"{"code": "s3cret\n"}"#, "invalid-code"),
        (r#"{"code": "s3cret", "state": "a b"}"#, "invalid-code"),
        (&long, "invalid-code"),
    ] {
        let answer = host.post(&code, &headers, body.to_owned()).await;
        answer.is_problem(400, kind);
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!text.contains("s3cret"), "{text}");
    }
    let huge = format!(r#"{{"code": "{}"}}"#, "x".repeat(20 << 10));
    let answer = host.post(&code, &headers, huge).await;
    answer.is_problem(413, "body-too-large");
    let answer = host.get(&format!("{AT}?code=s3cret"), &headers).await;
    answer.is_problem(400, "invalid-query");
    assert!(host.fake.0.codes.lock().unwrap().is_empty());
}

/// The text of a page, after checking what each of them promises.
fn page(answer: &super::running::Answer) -> String {
    assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["referrer-policy"], "no-referrer");
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    let policy = answer.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(!answer.headers.contains_key("location"));
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(
        !text.contains("<script") && !text.contains("href"),
        "{text}"
    );
    text
}

#[tokio::test]
async fn a_state_opens_the_way_back_once_and_without_a_token() {
    let (host, _) = with_tokens().await;
    let path = format!("{BACK}?code=c0de&state=s1&shop=other&hmac=1");
    let first = host.get(&path, &[]).await;
    assert_eq!(first.status, 200);
    assert!(page(&first).contains("You can close this page"));
    let again = host.get(&path, &[]).await;
    assert_eq!(again.status, 400);
    assert!(page(&again).contains("opened before"));
    let codes = host.fake.0.codes.lock().unwrap().clone();
    assert_eq!(codes, [("c0de".to_owned(), Some("s1".to_owned()))]);
}

#[tokio::test]
async fn whatever_is_not_right_gets_a_page_without_a_word_of_it() {
    let (host, _) = with_tokens().await;
    for (path, status) in [
        (format!("{BACK}?code=c0de&state=wr0ng"), 400),
        (format!("{BACK}?code=c0de"), 400),
        (format!("{BACK}?state=s1"), 400),
        (BACK.to_owned(), 400),
        (format!("{BACK}?code=a&code=c0de&state=s1"), 400),
        (format!("{BACK}?code=c0de&state=s1&state=wr0ng"), 400),
        (format!("{BACK}?code=c0de%0a&state=s1"), 400),
        (format!("{BACK}?code=c0de&state=wr0ng%20"), 400),
        (format!("{BACK}?code={}&state=s1", "c0de".repeat(3000)), 400),
        (
            "/v1/acme/nowhere/oauth/callback?code=c0de&state=s1".to_owned(),
            400,
        ),
        (
            "/v1/n0where/shop/oauth/callback?code=c0de&state=wr0ng".to_owned(),
            400,
        ),
        (format!("{BACK}?error=access_denied&state=s1"), 403),
        (
            format!("{BACK}?error=%3Cscript%3Ewr0ng&error_description=wr0ng&state=s1"),
            403,
        ),
        (format!("{BACK}?error=invalid_scope&state=s1"), 403),
        (
            format!("{BACK}?error=temporarily_unavailable&state=s1"),
            502,
        ),
    ] {
        let answer = host.get(&path, &[]).await;
        assert_eq!(answer.status, status, "{path}");
        let text = page(&answer);
        for sent in ["c0de", "wr0ng", "s1", "acme", "n0where"] {
            assert!(!text.contains(sent), "{path}: {sent}\n{text}");
        }
    }
    assert!(host.fake.0.codes.lock().unwrap().is_empty());
    let refused = host.get(&format!("{BACK}?code=bad&state=s1"), &[]).await;
    assert_eq!(refused.status, 502);
    assert!(page(&refused).contains("did not accept the code"));
}
