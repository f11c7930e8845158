//! Answers that are not as they should be: one line for each, and what becomes
//! of it. The table in docs/operations.md says the same.

use http::{Method, StatusCode};

use super::compress;
use super::server::{Server, client};
use crate::http::{Reached, SendErrorKind};

/// What becomes of an answer.
enum Becomes {
    /// It is read as this body.
    Body(&'static str),
    /// It is read, with this header.
    Header(&'static str, &'static [u8]),
    /// The outcome stays open.
    Open(SendErrorKind),
}

use Becomes::{Body, Header, Open};

fn cases() -> Vec<(&'static str, Vec<u8>, Becomes)> {
    let plain = |what, bytes: &str, becomes| (what, bytes.as_bytes().to_vec(), becomes);
    let many = |lines: usize| {
        let lines: String = (0..lines).map(|line| format!("x-{line}: y\r\n")).collect();
        format!("HTTP/1.1 200 OK\r\n{lines}content-length: 2\r\n\r\nok")
    };
    let long = |bytes: usize| {
        let value = "y".repeat(bytes);
        format!("HTTP/1.1 200 OK\r\nx: {value}\r\ncontent-length: 2\r\n\r\nok")
    };
    vec![
        // The head.
        plain(
            "no reason phrase",
            "HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok",
            Body("ok"),
        ),
        plain(
            "no reason phrase, a space",
            "HTTP/1.1 200 \r\ncontent-length: 2\r\n\r\nok",
            Body("ok"),
        ),
        (
            "a reason phrase in GBK",
            b"HTTP/1.1 200 \xb3\xc9\xb9\xa6\r\ncontent-length: 2\r\n\r\nok".to_vec(),
            Body("ok"),
        ),
        plain(
            "a status nobody knows",
            "HTTP/1.1 799 Hm\r\ncontent-length: 2\r\n\r\nok",
            Body("ok"),
        ),
        plain(
            "empty lines before the status",
            "\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            Body("ok"),
        ),
        plain(
            "LF for CRLF",
            "HTTP/1.1 200 OK\ncontent-length: 2\n\nok",
            Body("ok"),
        ),
        plain(
            "spaces before the colon",
            "HTTP/1.1 200 OK\r\ncontent-length : 2\r\n\r\nok",
            Body("ok"),
        ),
        plain(
            "no space after the colon",
            "HTTP/1.1 200 OK\r\ncontent-length:2\r\n\r\nok",
            Body("ok"),
        ),
        plain(
            "a folded header",
            "HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 2\r\n\r\nok",
            Header("x", b"a b"),
        ),
        (
            "a value in Latin-1",
            b"HTTP/1.1 200 OK\r\nx: caf\xe9\r\ncontent-length: 2\r\n\r\nok".to_vec(),
            Header("x", b"caf\xe9"),
        ),
        plain(
            "a value in UTF-8",
            "HTTP/1.1 200 OK\r\nx: 苹果\r\ncontent-length: 2\r\n\r\nok",
            Header("x", "苹果".as_bytes()),
        ),
        plain(
            "a control character in a value",
            "HTTP/1.1 200 OK\r\nx: a\u{1}b\r\ncontent-length: 2\r\n\r\nok",
            Body("ok"),
        ),
        plain(
            "a name that is none",
            "HTTP/1.1 200 OK\r\n库存: 1\r\ncontent-length: 2\r\n\r\nok",
            Body("ok"),
        ),
        plain(
            "a line without a colon",
            "HTTP/1.1 200 OK\r\nnonsense\r\ncontent-length: 2\r\n\r\nok",
            Body("ok"),
        ),
        plain("a header of 100 KB", &long(100_000), Body("ok")),
        plain(
            "a header of 1 MB",
            &long(1_000_000),
            Open(SendErrorKind::TooLarge),
        ),
        plain("250 headers", &many(250), Body("ok")),
        plain("300 headers", &many(300), Open(SendErrorKind::TooLarge)),
        plain(
            "another protocol",
            "SSH-2.0-OpenSSH_9.6\r\n\r\n",
            Open(SendErrorKind::Decode),
        ),
        plain("HTTP/0.9", "<html>ok</html>", Open(SendErrorKind::Decode)),
        plain(
            "HTTP/2 in words",
            "HTTP/2 200 OK\r\ncontent-length: 2\r\n\r\nok",
            Open(SendErrorKind::Decode),
        ),
        // How long the body is.
        plain(
            "no length, until it closes",
            "HTTP/1.1 200 OK\r\n\r\nok",
            Body("ok"),
        ),
        plain(
            "HTTP/1.0, until it closes",
            "HTTP/1.0 200 OK\r\n\r\nok",
            Body("ok"),
        ),
        plain(
            "HTTP/1.0 with a length",
            "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
            Body("ok"),
        ),
        plain(
            "HTTP/1.0 that keeps alive",
            "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok",
            Body("ok"),
        ),
        plain(
            "HTTP/1.0 in chunks",
            "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            Open(SendErrorKind::Decode),
        ),
        plain(
            "the same length twice",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nok",
            Body("ok"),
        ),
        plain(
            "the same length twice in a line",
            "HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\n\r\nok",
            Body("ok"),
        ),
        plain(
            "two lengths",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok",
            Open(SendErrorKind::Decode),
        ),
        plain(
            "a length that is none",
            "HTTP/1.1 200 OK\r\ncontent-length: two\r\n\r\nok",
            Open(SendErrorKind::Decode),
        ),
        plain(
            "length and chunks",
            "HTTP/1.1 200 OK\r\ncontent-length: 99\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            Body("ok"),
        ),
        plain(
            "longer than it says",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok and more",
            Body("ok"),
        ),
        plain(
            "shorter than it says",
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok",
            Open(SendErrorKind::ConnectionLost),
        ),
        plain(
            "chunk extensions",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;a=b\r\nok\r\n0;c\r\n\r\n",
            Body("ok"),
        ),
        plain(
            "trailers",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-sum: 1\r\n\r\n",
            Body("ok"),
        ),
        plain(
            "chunk sizes with zeros and spaces",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0002 \r\nok\r\n0\r\n\r\n",
            Body("ok"),
        ),
        plain(
            "chunks without their end",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n",
            Open(SendErrorKind::ConnectionLost),
        ),
        plain(
            "chunks that are none",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nok, all of it",
            Open(SendErrorKind::Decode),
        ),
        plain(
            "chunks with LF for CRLF",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\nok\n0\n\n",
            Open(SendErrorKind::Decode),
        ),
        // Answers before the answer, and answers without a body.
        plain(
            "100",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            Body("ok"),
        ),
        plain(
            "103",
            "HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            Body("ok"),
        ),
        plain(
            "102 twice",
            "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            Body("ok"),
        ),
        plain(
            "101",
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
            Open(SendErrorKind::Decode),
        ),
        plain(
            "204 with a body",
            "HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\nok",
            Body(""),
        ),
        plain(
            "304 with a body",
            "HTTP/1.1 304 Not Modified\r\ncontent-length: 2\r\n\r\nok",
            Body(""),
        ),
        plain(
            "204 with a coding nobody knows",
            "HTTP/1.1 204 No Content\r\ncontent-encoding: zstd\r\n\r\n",
            Body(""),
        ),
        // Content codings.
        plain(
            "an empty body, coded",
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 0\r\n\r\n",
            Body(""),
        ),
        plain(
            "empty chunks, coded",
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            Body(""),
        ),
        plain(
            "gzip in name only",
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nok",
            Body("ok"),
        ),
        plain(
            "deflate in name only",
            "HTTP/1.1 200 OK\r\ncontent-encoding: deflate\r\ncontent-length: 4\r\n\r\n\u{7f}\u{7f}ok",
            Open(SendErrorKind::Decode),
        ),
        plain(
            "identity",
            "HTTP/1.1 200 OK\r\ncontent-encoding: Identity\r\ncontent-length: 2\r\n\r\nok",
            Body("ok"),
        ),
        plain(
            "a charset for a coding",
            "HTTP/1.1 200 OK\r\ncontent-encoding: UTF-8\r\ncontent-length: 2\r\n\r\nok",
            Body("ok"),
        ),
        plain(
            "no coding in words",
            "HTTP/1.1 200 OK\r\ncontent-encoding: none\r\ncontent-length: 2\r\n\r\nok",
            Body("ok"),
        ),
        plain(
            "a coding nobody asked for",
            "HTTP/1.1 200 OK\r\ncontent-encoding: zstd\r\ncontent-length: 2\r\n\r\nok",
            Open(SendErrorKind::Decode),
        ),
    ]
}

/// Those that have to be compressed first.
async fn coded() -> Vec<(&'static str, Vec<u8>, Becomes)> {
    let gzip = compress::gzip(b"ok").await;
    let half = compress::gzip(b"o").await;
    let more = compress::gzip(b"k").await;
    let answer = |coding: &str, body: &[u8]| {
        super::server::answer(
            &format!("HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\n"),
            body,
        )
    };
    vec![
        ("x-gzip", answer("x-gzip", &gzip), Body("ok")),
        ("GZIP", answer("GZIP", &gzip), Body("ok")),
        (
            "deflate as zlib",
            answer("deflate", &compress::zlib(b"ok").await),
            Body("ok"),
        ),
        (
            "deflate raw",
            answer("deflate", &compress::deflate(b"ok").await),
            Body("ok"),
        ),
        (
            "gzip in members",
            answer("gzip", &[half, more].concat()),
            Body("ok"),
        ),
        (
            "gzip and garbage",
            answer("gzip", &[&gzip[..], b"\0\0junk"].concat()),
            Body("ok"),
        ),
        (
            "gzip cut short",
            answer("gzip", &gzip[..gzip.len() - 3]),
            Open(SendErrorKind::Decode),
        ),
        (
            "two codings",
            answer(
                "br, gzip",
                &compress::gzip(&compress::brotli(b"ok").await).await,
            ),
            Body("ok"),
        ),
        (
            "gzip and a charset",
            answer("gzip, utf-8", &gzip),
            Body("ok"),
        ),
    ]
}

#[tokio::test]
async fn what_can_be_read_in_one_way_is_read() {
    let mut wrong = Vec::new();
    for (what, bytes, becomes) in cases().into_iter().chain(coded().await) {
        let server = Server::answering(bytes, false).await;
        let result = server.post(&client(), "x").await;
        let holds = match (&becomes, &result) {
            (Body(expected), Ok(answer)) => answer.body == *expected,
            (Header(name, value), Ok(answer)) => {
                answer.headers[*name].as_bytes() == *value && answer.body == "ok"
            }
            (Open(kind), Err(error)) => {
                (error.kind, error.reached) == (*kind, Reached::MaybeApplied)
            }
            _ => false,
        };
        if !holds {
            wrong.push(format!("{what}: {result:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn head_has_no_body_whatever_its_headers_say() {
    for head in [
        "content-length: 99999999\r\ncontent-encoding: br\r\n",
        "transfer-encoding: chunked\r\n",
        "content-encoding: zstd\r\n",
    ] {
        let server = Server::answering(format!("HTTP/1.1 200 OK\r\n{head}\r\n"), true).await;
        let client = client();
        for _ in 0..2 {
            let answer = client
                .send(server.request(Method::HEAD, "/"))
                .await
                .unwrap();
            assert_eq!(answer.status, StatusCode::OK);
            assert!(answer.body.is_empty());
        }
        assert_eq!(server.connections(), 1, "{head}");
    }
}

#[tokio::test]
async fn no_failure_is_told_in_a_librarys_words() {
    for (bytes, says) in [
        (
            &b"SSH-2.0-OpenSSH_9.6\r\n\r\n"[..],
            "it begins with `SSH-2.0-OpenSSH_9.6",
        ),
        (b"\x15\x03\x01\x00\x02\x02\x28", "base_url needs https://"),
        (b"", "closed the connection without an answer"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok",
            "broke off",
        ),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx",
            "chunks",
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 2\r\n\r\n\xff\xff",
            "content-encoding",
        ),
    ] {
        let server = Server::answering(bytes, false).await;
        let error = server.post(&client(), "x").await.unwrap_err();
        assert!(error.message.contains(says), "{}", error.message);
        for inner in [
            "hyper",
            "client error",
            "SendRequest",
            "message completed",
            "os error",
            "parsed",
        ] {
            assert!(!error.message.contains(inner), "{}", error.message);
        }
    }
}
