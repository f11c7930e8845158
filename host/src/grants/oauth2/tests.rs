//! What a token server gets to see, and what follows from what it answers.

mod answers;
mod server;

use std::collections::BTreeMap;

use tokio::net::TcpListener;

use super::*;
use crate::config::TokenPlace;
use crate::http::ClientOptions;
use server::Server;

/// Longest that any test waits.
const BOUND: Duration = Duration::from_secs(20);

fn client() -> Client {
    Client::new(ClientOptions {
        allow_private: true,
        response_body: 256 << 10,
        timeout: BOUND,
        ..ClientOptions::default()
    })
    .unwrap()
}

async fn obtain(config: &OAuth2Config, ask: Ask) -> Result<Tokens, NotGranted> {
    let secrets = BTreeMap::from([
        (
            "client-secret".to_owned(),
            Secret::new("s3/cr+et=&%".into()),
        ),
        ("first".to_owned(), Secret::new("first-refr3sh".into())),
    ]);
    let oauth2 = OAuth2 {
        config,
        client: &client(),
        secrets: &secrets,
    };
    oauth2.obtain(ask, Instant::now() + BOUND).await
}

fn refresh() -> Ask {
    Ask::Refresh {
        refresh: Secret::new("refr3sh/+=".into()),
    }
}

fn pairs(body: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect()
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.into(), value.into())
}

const GIVEN: &str = r#"{"access_token": "t0ken", "token_type": "Bearer", "expires_in": 7200}"#;

fn clients() -> OAuth2Grant {
    OAuth2Grant::ClientCredentials
}

#[tokio::test]
async fn a_first_token_is_asked_for_with_the_clients_own_credentials() {
    let server = Server::answering("200 OK", "content-type: application/json\r\n", GIVEN).await;
    let mut config = server.config(clients());
    let tokens = obtain(&config, Ask::First).await.unwrap();
    assert_eq!(tokens.token.expose(), "t0ken");
    assert_eq!(tokens.expires_in, Some(Duration::from_secs(7200)));
    assert!(tokens.refresh.is_none() && tokens.scopes.is_none() && tokens.account.is_none());
    let (head, body) = server.asked().remove(0);
    let lower = head.to_ascii_lowercase();
    assert!(head.starts_with("POST /token HTTP/1.1"), "{head}");
    assert!(lower.contains("accept: application/json"), "{head}");
    assert!(lower.contains("user-agent: crossdock/"), "{head}");
    assert!(
        lower.contains("content-type: application/x-www-form-urlencoded"),
        "{head}"
    );
    // RFC 6749 §2.3.1: both parts are form-encoded before they are joined.
    let encoded = crate::plugin::edits::basic_credentials("app+7", "s3%2Fcr%2Bet%3D%26%25");
    assert!(head.contains(&format!("Basic {encoded}")), "{head}");
    assert_eq!(
        pairs(&body),
        [
            pair("grant_type", "client_credentials"),
            pair("scope", "read write"),
            pair("audience", "a&b"),
        ]
    );

    config.client_auth = ClientAuth::Body;
    config.format = TokenFormat::Json;
    obtain(&config, Ask::First).await.unwrap();
    let (head, body) = server.asked().remove(1);
    assert!(
        !head.to_ascii_lowercase().contains("authorization"),
        "{head}"
    );
    assert!(
        head.to_ascii_lowercase()
            .contains("content-type: application/json"),
        "{head}"
    );
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    let expected = serde_json::json!({
        "grant_type": "client_credentials", "scope": "read write", "audience": "a&b",
        "client_id": "app 7", "client_secret": "s3/cr+et=&%",
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn a_code_goes_with_its_verifier_and_where_the_person_came_back() {
    let given = r#"{"access_token": "t0ken", "refresh_token": "n3xt", "expires_in": "3600", "scope": "read"}"#;
    let server = Server::answering("200 OK", "", given).await;
    let authorize_url = Url::parse("https://a.example/authorize").unwrap();
    let mut config = server.config(OAuth2Grant::AuthorizationCode { authorize_url });
    config.secret = None;
    let back = Url::parse("https://hub.example/v1/acme/shop/oauth/callback").unwrap();
    let tokens = obtain(
        &config,
        Ask::Code {
            code: Secret::new("c0de".into()),
            verifier: Some(Secret::new("v3rifier".into())),
            redirect: Some(back.clone()),
        },
    )
    .await
    .unwrap();
    assert_eq!(tokens.refresh.unwrap().expose(), "n3xt");
    assert_eq!(tokens.scopes.as_deref(), Some("read"));
    let (head, body) = server.asked().remove(0);
    assert!(
        !head.to_ascii_lowercase().contains("authorization"),
        "{head}"
    );
    assert_eq!(
        pairs(&body),
        [
            pair("grant_type", "authorization_code"),
            pair("code", "c0de"),
            pair("code_verifier", "v3rifier"),
            pair("redirect_uri", back.as_str()),
            pair("client_id", "app 7"),
            pair("audience", "a&b"),
        ]
    );
    let without = obtain(&config, Ask::First).await;
    assert!(matches!(without, Err(NotGranted::Refused { .. })));
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_refresh_token_is_the_files_first_and_then_the_one_that_was_given() {
    let server = Server::answering("200 OK", "", GIVEN).await;
    let refresh_token = "first".to_owned();
    let config = server.config(OAuth2Grant::RefreshToken { refresh_token });
    obtain(&config, Ask::First).await.unwrap();
    obtain(&config, refresh()).await.unwrap();
    let asked = server.asked();
    for (index, token) in ["first-refr3sh", "refr3sh/+="].iter().enumerate() {
        assert_eq!(
            pairs(&asked[index].1),
            [
                pair("grant_type", "refresh_token"),
                pair("refresh_token", token),
                pair("audience", "a&b"),
            ]
        );
    }
}

/// What kind of no it is, its code and its words.
fn no(result: Result<Tokens, NotGranted>) -> (&'static str, String, String) {
    match result {
        Ok(tokens) => panic!("{tokens:?}"),
        Err(NotGranted::Refused { code, message }) => ("refused", code, message),
        Err(NotGranted::Later { code, message, .. }) => ("later", code, message),
        Err(NotGranted::Unknown { code, message }) => ("unknown", code, message),
        Err(NotGranted::Broken(problem)) => ("broken", problem.code.into(), problem.detail),
    }
}

#[tokio::test]
async fn what_was_sent_is_taken_out_of_what_a_server_says() {
    let said = r#"{"error":"invalid_grant","error_description":"refr3sh/+= of s3/cr+et=&% and refr3sh%2F%2B%3D\u001b[2J\n is no good"}"#;
    let server = Server::answering("400 Bad Request", "", said).await;
    let (_, _, message) = no(obtain(&server.config(clients()), refresh()).await);
    assert!(message.contains("is no good"), "{message}");
    assert!(
        !message.contains("refr3sh") && !message.contains("s3/cr"),
        "{message}"
    );
    let long = format!(
        r#"{{"error":"invalid_grant","error_description":"{}"}}"#,
        "x".repeat(9000)
    );
    let server = Server::answering("400 Bad Request", "", &long).await;
    let (_, _, message) = no(obtain(&server.config(clients()), refresh()).await);
    assert!(message.len() < 400, "{message}");
}

#[tokio::test]
async fn whether_anything_was_sent_decides_what_is_lost() {
    let server = Server::answering("200 OK", "", GIVEN).await;
    let mut config = server.config(clients());
    // Nobody listens there any more.
    drop(server);
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    config.token_url.set_port(Some(port)).unwrap();
    let (was, code, _) = no(obtain(&config, refresh()).await);
    assert_eq!((was, &*code), ("later", "platform-unreachable"));

    for answer in [
        Vec::new(),
        b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"access".to_vec(),
        [
            &b"HTTP/1.1 200 OK\r\ncontent-length: 400000\r\n\r\n"[..],
            &vec![b'x'; 400_000],
        ]
        .concat(),
    ] {
        let server = Server::raw(answer).await;
        let (was, code, _) = no(obtain(&server.config(clients()), refresh()).await);
        assert_eq!((was, &*code), ("unknown", "platform-no-answer"));
        assert_eq!(server.asked().len(), 1);
    }
}

#[test]
fn a_person_is_sent_with_a_challenge_and_the_state() {
    let config = OAuth2Config {
        grant: OAuth2Grant::AuthorizationCode {
            authorize_url: Url::parse("https://a.example/authorize?shop=7").unwrap(),
        },
        token_url: Url::parse("https://a.example/token").unwrap(),
        client_id: "app 7".into(),
        secret: None,
        client_auth: ClientAuth::Basic,
        scopes: vec!["read".into(), "write".into()],
        parameters: BTreeMap::from([("access_type".into(), "offline".into())]),
        format: TokenFormat::Form,
        place: TokenPlace::Bearer,
    };
    let back = Url::parse("https://hub.example/v1/acme/shop/oauth/callback").unwrap();
    let (url, verifier) = authorize_url(&config, Some(&back), "st4te").unwrap();
    let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    for (name, value) in [
        ("shop", "7"),
        ("response_type", "code"),
        ("client_id", "app 7"),
        ("state", "st4te"),
        ("redirect_uri", back.as_str()),
        ("scope", "read write"),
        ("access_type", "offline"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(query.get(name).map(String::as_str), Some(value), "{url}");
    }
    use base64::Engine as _;
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(verifier.expose().as_bytes());
    let challenge = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest);
    assert_eq!(query["code_challenge"], challenge);
    let (_, other) = authorize_url(&config, None, "st4te").unwrap();
    assert_ne!(verifier.expose(), other.expose());
    let without = OAuth2Config {
        grant: clients(),
        ..config
    };
    assert!(authorize_url(&without, None, "st4te").is_none());
}
