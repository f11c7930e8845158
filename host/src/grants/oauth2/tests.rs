//! What a token server gets to see, and what follows from what it answers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::config::TokenPlace;
use crate::http::ClientOptions;

/// Longest that any test waits.
const BOUND: Duration = Duration::from_secs(20);

/// A token server that gives the same answer to whatever it is asked.
struct Server {
    url: Url,
    /// Head and body of each request.
    asked: Arc<Mutex<Vec<(String, String)>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn answering(status: &str, headers: &str, body: &str) -> Self {
        let answer = format!(
            "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        Self::raw(answer.into_bytes()).await
    }

    /// Writes these bytes, whatever they are, and closes.
    async fn raw(answer: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = asked.clone();
        let task = tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut read = Vec::new();
                let request = loop {
                    let mut piece = [0; 4096];
                    match socket.read(&mut piece).await {
                        Ok(size) if size > 0 => read.extend_from_slice(&piece[..size]),
                        _ => break None,
                    }
                    if let Some(request) = whole(&read) {
                        break Some(request);
                    }
                };
                kept.lock().unwrap().extend(request);
                // A client that has read enough may have gone.
                let _ = socket.write_all(&answer).await;
                let _ = socket.shutdown().await;
            }
        });
        Self {
            url: Url::parse(&url).unwrap(),
            asked,
            task,
        }
    }

    fn asked(&self) -> Vec<(String, String)> {
        self.asked.lock().unwrap().clone()
    }

    fn config(&self, grant: OAuth2Grant) -> OAuth2Config {
        OAuth2Config {
            grant,
            token_url: self.url.clone(),
            client_id: "app 7".into(),
            secret: Some("client-secret".into()),
            client_auth: ClientAuth::Basic,
            scopes: vec!["read".into(), "write".into()],
            parameters: BTreeMap::from([("audience".into(), "a&b".into())]),
            format: TokenFormat::Form,
            place: TokenPlace::Bearer,
        }
    }
}

/// Head and body of a request, once all of it is there.
fn whole(read: &[u8]) -> Option<(String, String)> {
    let text = String::from_utf8(read.to_vec()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let head = head.to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
    (body.len() >= length).then(|| (text.split_once("\r\n\r\n").unwrap().0.into(), body.into()))
}

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
            pair("client_id", "app 7"),
            pair("redirect_uri", back.as_str()),
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

#[tokio::test]
async fn an_answer_is_read_as_leniently_as_there_is_one_way_to_read_it() {
    let refresh_lives = |tokens: &Tokens| tokens.refresh_expires_in.map(|time| time.as_secs());
    for (answer, expires, refreshes, scopes) in [
        (r#"{"access_token":"t0ken"}"#, None, None, None),
        (
            r#"{"access_token":"t0ken","token_type":null,"expires_in":null,"refresh_token":null,"scope":null}"#,
            None,
            None,
            None,
        ),
        (
            r#"{"access_token":"t0ken","scope":"a,b","expires_in":86399}"#,
            Some(86399),
            None,
            Some("a,b"),
        ),
        (
            r#"{"access_token":"t0ken","expires_in":"7200","refresh_token_expires_in":" 60 "}"#,
            Some(7200),
            Some(60),
            None,
        ),
        (
            r#"{"access_token":"t0ken","expires_in":7200.9,"refresh_expires_in":5}"#,
            Some(7200),
            Some(5),
            None,
        ),
        (
            r#"{"access_token":"t0ken","expires_in":0}"#,
            None,
            None,
            None,
        ),
        (
            r#"{"access_token":"t0ken","expires_in":-1,"scope":["a","b"]}"#,
            None,
            None,
            Some("a b"),
        ),
        (
            r#"{"access_token":"t0ken","expires_in":"soon","scope":7}"#,
            None,
            None,
            None,
        ),
        (
            r#"{"access_token":"t0ken","expires_in":1e300}"#,
            Some(316_224_000),
            None,
            None,
        ),
        (
            r#"{"access_token":"t0ken","refresh_token":"","error":null,"user":{"id":[1]},"error_description":"x"}"#,
            None,
            None,
            None,
        ),
        (r#"{"access_token":"t0ken","error":""}"#, None, None, None),
    ] {
        // The name of the content's type, and statuses such as 201, say nothing.
        let server = Server::answering("201 Created", "content-type: text/html\r\n", answer).await;
        let tokens = obtain(&server.config(clients()), Ask::First).await;
        let tokens = tokens.unwrap_or_else(|error| panic!("{answer}: {error:?}"));
        assert_eq!(tokens.token.expose(), "t0ken");
        assert_eq!(
            tokens.expires_in.map(|time| time.as_secs()),
            expires,
            "{answer}"
        );
        assert_eq!(refresh_lives(&tokens), refreshes, "{answer}");
        assert_eq!(tokens.scopes.as_deref(), scopes, "{answer}");
        assert!(tokens.refresh.is_none(), "{answer}");
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
async fn a_refusal_says_whether_a_person_or_time_is_needed() {
    let json = "content-type: application/json\r\n";
    for (status, headers, body, kind, code) in [
        (
            "400 Bad Request",
            json,
            r#"{"error":"invalid_grant"}"#,
            "refused",
            "invalid_grant",
        ),
        (
            "401 Unauthorized",
            json,
            r#"{"error":"invalid_client"}"#,
            "refused",
            "invalid_client",
        ),
        (
            "403 Forbidden",
            json,
            r#"{"error":"unauthorized_client"}"#,
            "refused",
            "unauthorized_client",
        ),
        (
            "400 Bad Request",
            "",
            r#"{"error":"made_up"}"#,
            "refused",
            "made_up",
        ),
        (
            "200 OK",
            json,
            r#"{"error":"bad_verification_code"}"#,
            "refused",
            "bad_verification_code",
        ),
        (
            "400 Bad Request",
            json,
            r#"{"error":"temporarily_unavailable"}"#,
            "later",
            "temporarily_unavailable",
        ),
        (
            "400 Bad Request",
            json,
            r#"{"error":"slow_down"}"#,
            "later",
            "slow_down",
        ),
        (
            "429 Too Many Requests",
            json,
            r#"{"error":"invalid_request"}"#,
            "later",
            "invalid_request",
        ),
        (
            "400 Bad Request",
            json,
            r#"{"error":"server_error"}"#,
            "unknown",
            "server_error",
        ),
        (
            "500 Internal Server Error",
            json,
            r#"{"error":"invalid_grant"}"#,
            "unknown",
            "invalid_grant",
        ),
        (
            "503 Service Unavailable",
            "",
            "",
            "later",
            "platform-answer",
        ),
        (
            "404 Not Found",
            "content-type: text/html\r\n",
            "<html>gone</html>",
            "later",
            "platform-answer",
        ),
        (
            "302 Found",
            "location: https://b.example\r\n",
            "",
            "later",
            "platform-answer",
        ),
        (
            "502 Bad Gateway",
            "",
            "<html>",
            "unknown",
            "platform-answer",
        ),
        ("408 Request Timeout", "", "", "unknown", "platform-answer"),
        (
            "200 OK",
            "",
            "<html>sign in</html>",
            "unknown",
            "platform-answer",
        ),
        ("200 OK", json, "", "unknown", "platform-answer"),
        ("200 OK", json, "[]", "unknown", "platform-answer"),
        (
            "200 OK",
            json,
            r#"{"access_token":7}"#,
            "unknown",
            "platform-answer",
        ),
        (
            "200 OK",
            json,
            r#"{"access_token":""}"#,
            "unknown",
            "platform-answer",
        ),
        (
            "200 OK",
            json,
            r#"{"access_token":"t0ken\nx"}"#,
            "unknown",
            "platform-answer",
        ),
        (
            "200 OK",
            json,
            r#"{"access_token":"t0ken","refresh_token":"n3\nxt"}"#,
            "unknown",
            "platform-answer",
        ),
        (
            "200 OK",
            json,
            r#"{"access_token":"t0ken","token_type":"DPoP"}"#,
            "unknown",
            "platform-answer",
        ),
    ] {
        let server = Server::answering(status, headers, body).await;
        let (was, named, message) = no(obtain(&server.config(clients()), refresh()).await);
        assert_eq!((was, &*named), (kind, code), "{status} {body}: {message}");
        assert!(message.starts_with("the token server"), "{message}");
        assert!(
            !message.contains("t0ken") && !message.contains("n3"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn how_long_to_wait_is_heard() {
    let server = Server::answering("429 Too Many Requests", "retry-after: 17\r\n", "").await;
    let Err(NotGranted::Later { after, .. }) = obtain(&server.config(clients()), Ask::First).await
    else {
        panic!();
    };
    assert_eq!(after, Some(Duration::from_secs(17)));
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
