//! What follows from an answer, of any kind that servers give.

use super::*;

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
