//! RFC 6749 with PKCE, RFC 7636.

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use common::*;
use crossdock_stand_ins::platforms::oauth::{Use, Validity};
use crossdock_stand_ins::{Breach, Options, StandIns};
use sha2::{Digest, Sha256};
use url::form_urlencoded::{Serializer, byte_serialize};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// Of the verifier above; both are the RFC's own.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const BACK: &str = "https://host.example/v1/a/b/oauth/callback";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn form(pairs: &[(&str, &str)]) -> String {
    let mut form = Serializer::new(String::new());
    form.extend_pairs(pairs).finish()
}

fn basic(id: &str, secret: &str) -> String {
    let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let text = format!("{}:{}", encode(id), encode(secret));
    format!("Basic {}", STANDARD.encode(text))
}

fn shop_app() -> String {
    basic("shop app:1", "s3cret+/% &=:x")
}

async fn token(stand_ins: &StandIns, authorization: &str, pairs: &[(&str, &str)]) -> Reply {
    let headers = [FORM, ("authorization", authorization)];
    send(stand_ins, "oauth", "POST", "/token", &headers, form(pairs)).await
}

async fn code(stand_ins: &StandIns, client: &str) -> String {
    let query = form(&[
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", BACK),
        ("scope", "write_inventory"),
        ("state", "0123456789abcdef"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    let path = format!("/authorize?{query}");
    let reply = send(stand_ins, "oauth", "GET", &path, &[], "").await;
    assert_eq!(reply.status, 302);
    let location = reply.headers["location"].to_str().expect("text");
    let location = url::Url::parse(location).expect("an address");
    let value = |wanted: &str| {
        let mut pairs = location.query_pairs();
        let pair = pairs.find(|(name, _)| name == wanted);
        pair.map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    assert_eq!(value("state"), "0123456789abcdef");
    value("code")
}

#[test]
fn the_rfcs_own_challenge_is_that_of_its_verifier() {
    let hash = Sha256::digest(VERIFIER.as_bytes());
    assert_eq!(URL_SAFE_NO_PAD.encode(hash), CHALLENGE);
}

#[tokio::test]
async fn a_code_works_once_and_its_tokens_are_taken_back_at_the_second_use() {
    let stand_ins = start().await;
    let code = code(&stand_ins, "shop app:1").await;
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ];
    let reply = token(&stand_ins, &shop_app(), &pairs).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.headers["cache-control"], "no-store");
    let first = reply.json();
    assert_eq!(first["token_type"], "Bearer");
    assert_eq!(first["expires_in"], 7200);
    let access = first["access_token"].as_str().expect("a token").to_owned();
    assert!(matches!(
        stand_ins.oauth().validity(&access),
        Validity::Valid { .. }
    ));
    let again = token(&stand_ins, &shop_app(), &pairs).await;
    assert_eq!(
        (again.status, &again.json()["error"]),
        (400, &"invalid_grant".into())
    );
    assert_eq!(stand_ins.oauth().validity(&access), Validity::Revoked);
    assert_eq!(stand_ins.violations("oauth"), []);
}

#[tokio::test]
async fn a_verifier_that_is_not_the_challenges_is_refused() {
    let stand_ins = start().await;
    let code = code(&stand_ins, "public").await;
    let other = "a".repeat(43);
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", BACK),
        ("code_verifier", &*other),
        ("client_id", "public"),
    ];
    let reply = send(&stand_ins, "oauth", "POST", "/token", &[FORM], form(&pairs)).await;
    assert_eq!(reply.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn a_refresh_token_works_once_and_every_use_is_counted() {
    for (grace, second, uses) in [(0, 400, Use::Spent), (60_000, 200, Use::Repeated)] {
        let mut options = Options::default();
        options.oauth.grace_ms = grace;
        options.oauth.reuse_revokes = false;
        let stand_ins = start_with(options).await;
        let issued = stand_ins.oauth().grant("shop app:1", "write_inventory");
        let refresh = issued.refresh.expect("a refresh token");
        let pairs = [
            ("grant_type", "refresh_token"),
            ("refresh_token", &*refresh),
        ];
        let first = token(&stand_ins, &shop_app(), &pairs).await;
        assert_eq!(first.status, 200);
        let again = token(&stand_ins, &shop_app(), &pairs).await;
        assert_eq!(again.status, second);
        if second == 200 {
            assert_eq!(again.json()["access_token"], first.json()["access_token"]);
        }
        let all = stand_ins.oauth().uses();
        assert_eq!(all[0].uses, [Use::Rotated, uses]);
        assert_eq!(all[1].uses, []);
    }
}

#[tokio::test]
async fn tokens_expire_and_are_taken_back() {
    let stand_ins = start().await;
    let issued = stand_ins.oauth().grant("shop app:1", "write_inventory");
    let authorization = format!("Bearer {}", issued.access);
    let ask = async || {
        let headers = [("authorization", &*authorization)];
        send(&stand_ins, "oauth", "GET", "/resource", &headers, "")
            .await
            .status
    };
    assert_eq!(ask().await, 200);
    stand_ins.oauth().expire_access();
    assert_eq!(ask().await, 401);
    assert_eq!(
        stand_ins.oauth().validity(&issued.access),
        Validity::Expired
    );
    stand_ins.oauth().revoke("shop app:1");
    assert_eq!(
        stand_ins.oauth().validity(&issued.access),
        Validity::Revoked
    );
}

#[tokio::test]
async fn each_departure_from_the_rfc_is_named() {
    let stand_ins = start().await;
    let machine = basic("machine", "machine secret/+=");
    let good = [("grant_type", "client_credentials")];
    assert_eq!(token(&stand_ins, &machine, &good).await.status, 200);
    let bare = format!("Basic {}", STANDARD.encode("machine:machine secret/+="));
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], u16, &'a str, Breach);
    let cases: [Case; 9] = [
        (&bare, &good, 401, "invalid_client", Breach::Credentials),
        (
            &basic("machine", "no"),
            &good,
            401,
            "invalid_client",
            Breach::Credentials,
        ),
        (
            &basic("nobody", "x"),
            &good,
            401,
            "invalid_client",
            Breach::Credentials,
        ),
        (
            &machine,
            &[],
            400,
            "unsupported_grant_type",
            Breach::Enumeration,
        ),
        (
            &machine,
            &[good[0], good[0]],
            400,
            "invalid_request",
            Breach::Unknown,
        ),
        (
            &machine,
            &[good[0], ("x", "1")],
            400,
            "invalid_request",
            Breach::Unknown,
        ),
        (
            &machine,
            &[good[0], ("scope", "")],
            400,
            "invalid_request",
            Breach::Missing,
        ),
        (
            &machine,
            &[good[0], ("scope", "all")],
            400,
            "invalid_scope",
            Breach::Enumeration,
        ),
        (
            &machine,
            &[("grant_type", "refresh_token"), ("refresh_token", "x")],
            400,
            "unauthorized_client",
            Breach::Enumeration,
        ),
    ];
    for (authorization, pairs, status, error, breach) in cases {
        let reply = token(&stand_ins, authorization, pairs).await;
        assert_eq!(reply.status, status, "{pairs:?}");
        assert_eq!(reply.json()["error"], error, "{pairs:?}");
        assert_eq!(breaches(&stand_ins, "oauth"), [breach], "{pairs:?}");
    }
}
