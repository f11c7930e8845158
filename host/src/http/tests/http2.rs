//! HTTP/2 answers that prove that a request was not processed, and those that don't.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{HeaderMap, Method};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::certificates::{Identity, acceptor};
use super::server::{Server, options};
use crate::http::{Client, ClientOptions, Outgoing, Reached, SendErrorKind};

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn rst(stream: u32, code: u32) -> Vec<u8> {
    frame(3, 0, stream, &code.to_be_bytes())
}

fn goaway(last: u32, code: u32) -> Vec<u8> {
    frame(7, 0, 0, &[last.to_be_bytes(), code.to_be_bytes()].concat())
}

/// `:status: 200`, and the end of the stream if `last`.
fn headers(stream: u32, last: bool) -> Vec<u8> {
    frame(1, 4 | u8::from(last), stream, &[0x88])
}

fn data(stream: u32, bytes: &[u8], last: bool) -> Vec<u8> {
    frame(0, u8::from(last), stream, bytes)
}

async fn next_frame(tls: &mut TlsStream<TcpStream>) -> Option<(u8, u8, u32)> {
    let mut head = [0; 9];
    tls.read_exact(&mut head).await.ok()?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; length as usize];
    tls.read_exact(&mut payload).await.ok()?;
    let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
    Some((head[3], head[4], stream))
}

/// Answers each request's stream with the frames that `reply` gives for it and
/// for the 0-based number of the request, once it has ended.
async fn server(
    reply: impl Fn(u32, usize) -> (Vec<u8>, bool) + Clone + Send + 'static,
) -> (Server, Client) {
    let identity = Identity::new();
    let acceptor = acceptor(&identity, &[b"h2"]);
    let requests = Arc::new(AtomicUsize::new(0));
    let server = Server::start(move |tcp, _| {
        let (acceptor, reply, requests) = (acceptor.clone(), reply.clone(), Arc::clone(&requests));
        async move {
            let mut tls = acceptor.accept(tcp).await.unwrap();
            let mut preface = [0; 24];
            tls.read_exact(&mut preface).await.unwrap();
            tls.write_all(&frame(4, 0, 0, &[])).await.unwrap();
            while let Some((kind, flags, stream)) = next_frame(&mut tls).await {
                let ends = matches!(kind, 0 | 1) && flags & 1 == 1;
                if kind == 4 && flags == 0 {
                    tls.write_all(&frame(4, 1, 0, &[])).await.unwrap();
                } else if ends {
                    let (frames, close) = reply(stream, requests.fetch_add(1, Ordering::SeqCst));
                    if tls.write_all(&frames).await.is_err() || close {
                        let _ = tls.shutdown().await;
                        break;
                    }
                }
            }
        }
    })
    .await;
    let client = Client::new(ClientOptions {
        extra_roots: Some(identity.ca),
        ..options()
    })
    .unwrap();
    (server, client)
}

fn post(server: &Server) -> Outgoing {
    Outgoing {
        method: Method::POST,
        uri: format!("https://localhost:{}/x", server.address.port())
            .parse()
            .unwrap(),
        headers: HeaderMap::new(),
        body: Bytes::from_static(b"x"),
    }
}

#[tokio::test]
async fn what_the_platform_says_it_did_not_process_was_not_sent() {
    type Reply = fn(u32) -> (Vec<u8>, bool);
    let cases: [(&str, Reply, Reached); 8] = [
        (
            "REFUSED_STREAM",
            |stream| (rst(stream, 7), false),
            Reached::NotSent,
        ),
        (
            "GOAWAY below the stream",
            |_| (goaway(0, 0), true),
            Reached::NotSent,
        ),
        (
            "ENHANCE_YOUR_CALM below the stream",
            |_| (goaway(0, 11), true),
            Reached::NotSent,
        ),
        (
            "ENHANCE_YOUR_CALM of the stream",
            |stream| (rst(stream, 11), false),
            Reached::MaybeApplied,
        ),
        (
            "INTERNAL_ERROR",
            |stream| (rst(stream, 2), false),
            Reached::MaybeApplied,
        ),
        (
            "CANCEL",
            |stream| (rst(stream, 8), false),
            Reached::MaybeApplied,
        ),
        (
            "GOAWAY at the stream, then the end",
            |stream| (goaway(stream, 0), true),
            Reached::MaybeApplied,
        ),
        (
            "GOAWAY with an error at the stream",
            |stream| (goaway(stream, 2), true),
            Reached::MaybeApplied,
        ),
    ];
    for (what, reply, reached) in cases {
        let (server, client) = server(move |stream, _| reply(stream)).await;
        let error = client.send(post(&server)).await.unwrap_err();
        assert_eq!(
            (error.kind, error.reached),
            (SendErrorKind::ConnectionLost, reached),
            "{what}: {}",
            error.message
        );
        for inner in ["http2 error", "stream error", "client error", "SendRequest"] {
            assert!(!error.message.contains(inner), "{what}: {}", error.message);
        }
    }
}

#[tokio::test]
async fn a_refused_stream_is_taken_the_next_time() {
    let (server, client) = server(|stream, number| match number {
        0 => (rst(stream, 7), false),
        1 => (goaway(0, 0), true),
        _ => (
            [headers(stream, false), data(stream, b"ok", true)].concat(),
            false,
        ),
    })
    .await;
    for _ in 0..2 {
        assert_eq!(
            client.send(post(&server)).await.unwrap_err().reached,
            Reached::NotSent
        );
    }
    assert_eq!(client.send(post(&server)).await.unwrap().body, "ok");
}

#[tokio::test]
async fn an_answer_below_a_goaway_is_read() {
    let (server, client) = server(|stream, _| {
        let frames = [
            headers(stream, false),
            goaway(stream, 0),
            data(stream, b"ok", true),
        ];
        (frames.concat(), true)
    })
    .await;
    for _ in 0..3 {
        assert_eq!(client.send(post(&server)).await.unwrap().body, "ok");
    }
}

#[tokio::test]
async fn an_answer_whose_stream_is_ended_early_is_not_taken_for_whole() {
    // `content-length: 9` (static name 28, value "9").
    let head = |stream| frame(1, 4, stream, &[0x88, 0x0f, 0x0d, 0x01, b'9']);
    for code in [0, 2, 8] {
        let (server, client) = server(move |stream, _| {
            let frames = [
                head(stream),
                data(stream, b"half", false),
                rst(stream, code),
            ];
            (frames.concat(), false)
        })
        .await;
        let error = client.send(post(&server)).await.unwrap_err();
        assert_eq!(
            (error.kind, error.reached),
            (SendErrorKind::ConnectionLost, Reached::MaybeApplied),
            "{code}: {}",
            error.message
        );
    }
}

#[tokio::test]
async fn a_platform_that_wants_http_1_1_gets_it() {
    let identity = Identity::new();
    let h2 = acceptor(&identity, &[b"h2", b"http/1.1"]);
    let server = Server::start(move |tcp, _| {
        let h2 = h2.clone();
        async move {
            let mut tls = h2.accept(tcp).await.unwrap();
            if tls.get_ref().1.alpn_protocol() == Some(b"h2") {
                tls.read_exact(&mut [0; 24]).await.unwrap();
                tls.write_all(&frame(4, 0, 0, &[])).await.unwrap();
                while let Some((kind, _, stream)) = next_frame(&mut tls).await {
                    if kind == 1 {
                        tls.write_all(&rst(stream, 13)).await.unwrap();
                    }
                }
            } else {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\nx") {
                    assert!(tls.read_buf(&mut request).await.unwrap() > 0);
                }
                tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                    .await
                    .unwrap();
            }
        }
    })
    .await;
    let client = Client::new(ClientOptions {
        extra_roots: Some(identity.ca),
        ..options()
    })
    .unwrap();
    // The first one already, and the others without asking again.
    assert_eq!(client.send(post(&server)).await.unwrap().body, "ok");
    assert_eq!(server.connections(), 2);
    assert_eq!(client.send(post(&server)).await.unwrap().body, "ok");
}
