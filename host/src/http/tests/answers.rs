//! What goes out, and what comes back, in every shape a platform may give it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, HeaderName};
use http::{HeaderValue, Method, StatusCode};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use super::compress;
use super::server::{Server, answer, client, options, read_request};
use crate::http::{Client, ClientOptions, Reached, SendErrorKind};

fn small_client(response_body: usize) -> Client {
    Client::new(ClientOptions {
        response_body,
        ..options()
    })
    .unwrap()
}

#[tokio::test]
async fn a_request_goes_out_byte_for_byte() {
    let (tell, mut requests) = mpsc::channel(8);
    let server = Server::start(move |mut tcp, _| {
        let tell = tell.clone();
        async move {
            while let Some(request) = read_request(&mut tcp).await {
                tell.send(request).await.unwrap();
                tcp.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                    .await
                    .unwrap();
            }
        }
    })
    .await;
    let client = client();
    let address = server.address;

    let mut request = server.request(Method::POST, "/a%2Fb/?z=1&a=%E5%BA%93&z=2");
    for (name, value) in [
        ("x-b", "2"),
        ("content-type", "application/json"),
        ("x-a", "1"),
    ] {
        request.headers.append(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    request
        .headers
        .append("x-a", HeaderValue::from_bytes("名".as_bytes()).unwrap());
    request.body =
        Bytes::from_static("{\"id\": 1234567890123456789,\"a\":\"^^^\\u0000\"}".as_bytes());
    client.send(request).await.unwrap();
    let expected = format!(
        "POST /a%2Fb/?z=1&a=%E5%BA%93&z=2 HTTP/1.1\r\nx-b: 2\r\ncontent-type: application/json\r\n\
         x-a: 1\r\nx-a: 名\r\naccept-encoding: gzip, deflate, br\r\nhost: {address}\r\n\
         content-length: 43\r\n\r\n{{\"id\": 1234567890123456789,\"a\":\"^^^\\u0000\"}}"
    );
    assert_eq!(
        String::from_utf8(requests.recv().await.unwrap()).unwrap(),
        expected
    );

    let mut request = server.request(Method::GET, "/");
    request
        .headers
        .insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    client.send(request).await.unwrap();
    assert_eq!(
        String::from_utf8(requests.recv().await.unwrap()).unwrap(),
        format!("GET / HTTP/1.1\r\naccept-encoding: identity\r\nhost: {address}\r\n\r\n")
    );
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let server = Server::answering(
        answer(
            "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\n",
            b"moved",
        ),
        true,
    )
    .await;
    let answer = server.get(&client()).await.unwrap();
    assert_eq!(
        (answer.status, &answer.body[..]),
        (StatusCode::FOUND, &b"moved"[..])
    );
    assert_eq!(answer.headers["location"], "http://169.254.169.254/");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn an_error_status_is_an_answer() {
    let server = Server::answering(answer("HTTP/1.1 503 Busy\r\n", b"<html>"), true).await;
    let answer = server.get(&client()).await.unwrap();
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.body, "<html>");
}

#[tokio::test]
async fn every_content_coding_is_undone() {
    let text = "{\"名\":1}".repeat(5000).into_bytes();
    for (name, body) in [
        ("gzip", compress::gzip(&text).await),
        ("deflate", compress::zlib(&text).await),
        ("deflate", compress::deflate(&text).await),
        ("BR", compress::brotli(&text).await),
        ("identity", text.clone()),
        (
            "deflate, gzip",
            compress::gzip(&compress::zlib(&text).await).await,
        ),
        (
            "gzip\r\ncontent-encoding: br",
            compress::brotli(&compress::gzip(&text).await).await,
        ),
    ] {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {name}\r\n");
        let server = Server::answering(answer(&head, &body), true).await;
        let client = client();
        for _ in 0..2 {
            assert_eq!(server.get(&client).await.unwrap().body, text, "{name}");
        }
        assert_eq!(
            server.connections(),
            1,
            "{name}: the connection was not used again"
        );
    }
}

#[tokio::test]
async fn a_chunked_coded_answer_leaves_the_connection_usable() {
    let text = vec![b'x'; 100_000];
    for (name, body) in [
        ("gzip", compress::gzip(&text).await),
        ("br", compress::brotli(&text).await),
    ] {
        let mut bytes = format!(
            "HTTP/1.1 200 OK\r\ncontent-encoding: {name}\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        .into_bytes();
        for piece in body.chunks(7) {
            bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            bytes.extend_from_slice(piece);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\nx-trailer: 1\r\n\r\n");
        let server = Server::answering(bytes, true).await;
        let client = client();
        for _ in 0..2 {
            assert_eq!(server.get(&client).await.unwrap().body, text);
        }
        assert_eq!(server.connections(), 1);
    }
}

#[tokio::test]
async fn an_unreadable_answer_leaves_the_outcome_open() {
    let broken = compress::gzip(b"text").await[..15].to_vec();
    for bytes in [
        answer("HTTP/1.1 200 OK\r\ncontent-encoding: zstd\r\n", b"x"),
        answer(
            "HTTP/1.1 200 OK\r\ncontent-encoding: br\r\n",
            b"\xff\xffnot brotli at all",
        ),
        answer("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n", &broken),
        answer(
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip,gzip,gzip,gzip\r\n",
            b"x",
        ),
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n".to_vec(),
    ] {
        let server = Server::answering(bytes, false).await;
        let error = server.get(&client()).await.unwrap_err();
        assert_eq!(
            (error.kind, error.reached),
            (SendErrorKind::Decode, Reached::MaybeApplied),
            "{}",
            error.message
        );
    }
}

#[tokio::test]
async fn an_answer_without_a_body_is_empty_whatever_its_headers_say() {
    for (method, bytes) in [
        (
            Method::GET,
            &b"HTTP/1.1 204 No Content\r\ncontent-encoding: gzip\r\n\r\n"[..],
        ),
        (
            Method::GET,
            b"HTTP/1.1 304 Not Modified\r\ncontent-length: 99999999\r\n\r\n",
        ),
        (
            Method::HEAD,
            b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\ncontent-encoding: br\r\n\r\n",
        ),
        (
            Method::GET,
            b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\ncontent-encoding: gzip\r\n\r\n",
        ),
    ] {
        let server = Server::answering(bytes, true).await;
        let client = client();
        for _ in 0..2 {
            let answer = client
                .send(server.request(method.clone(), "/"))
                .await
                .unwrap();
            assert!(answer.body.is_empty());
        }
        assert_eq!(server.connections(), 1);
    }
}

#[tokio::test]
async fn interim_answers_are_skipped() {
    let server = Server::answering(
        &b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n\
           HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"[..],
        true,
    )
    .await;
    let answer = server.post(&client(), "x").await.unwrap();
    assert_eq!(
        (answer.status, &answer.body[..]),
        (StatusCode::OK, &b"ok"[..])
    );
}

#[tokio::test]
async fn interim_answers_without_end_run_out_of_time() {
    let server = Server::start(|mut tcp, _| async move {
        read_request(&mut tcp).await.unwrap();
        while tcp
            .write_all(b"HTTP/1.1 102 Processing\r\n\r\n")
            .await
            .is_ok()
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let client = Client::new(ClientOptions {
        timeout: Duration::from_millis(200),
        ..options()
    })
    .unwrap();
    let error = server.get(&client).await.unwrap_err();
    assert_eq!(
        (error.kind, error.reached),
        (SendErrorKind::Timeout, Reached::MaybeApplied)
    );
}

#[tokio::test]
async fn headers_without_end_are_cut_off() {
    for line in [b"x: y\r\n".repeat(100), vec![b'x'; 1000]] {
        let server = Server::start(move |mut tcp, _| {
            let line = line.clone();
            async move {
                read_request(&mut tcp).await.unwrap();
                tcp.write_all(b"HTTP/1.1 200 OK\r\n").await.unwrap();
                while tcp.write_all(&line).await.is_ok() {}
            }
        })
        .await;
        let error = server.get(&client()).await.unwrap_err();
        assert_eq!(
            (error.kind, error.reached),
            (SendErrorKind::TooLarge, Reached::MaybeApplied),
            "{}",
            error.message
        );
    }
}

#[tokio::test]
async fn a_huge_answer_is_not_read_beyond_the_bound() {
    const CHUNK: usize = 64 << 10;
    for head in [
        "HTTP/1.1 200 OK\r\ncontent-length: 52428800\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
    ] {
        let chunked = head.contains("chunked");
        let written = Arc::new(AtomicUsize::new(0));
        let (count, done) = (Arc::clone(&written), Arc::new(tokio::sync::Notify::new()));
        let tell = Arc::clone(&done);
        let server = Server::start(move |mut tcp, _| {
            let (count, tell) = (Arc::clone(&count), Arc::clone(&tell));
            async move {
                read_request(&mut tcp).await.unwrap();
                tcp.write_all(head.as_bytes()).await.unwrap();
                let mut chunk = if chunked {
                    b"10000\r\n".to_vec()
                } else {
                    Vec::new()
                };
                chunk.extend_from_slice(&[b'x'; CHUNK]);
                if chunked {
                    chunk.extend_from_slice(b"\r\n");
                }
                for _ in 0..(50 << 20) / CHUNK {
                    if tcp.write_all(&chunk).await.is_err() {
                        break;
                    }
                    count.fetch_add(CHUNK, Ordering::SeqCst);
                }
                tell.notify_one();
            }
        })
        .await;
        let error = server.get(&small_client(1 << 20)).await.unwrap_err();
        assert_eq!(
            (error.kind, error.reached),
            (SendErrorKind::TooLarge, Reached::MaybeApplied),
            "{}",
            error.message
        );
        done.notified().await;
        // The bound, and what the kernel's buffers hold.
        let written = written.load(Ordering::SeqCst);
        assert!(written < 20 << 20, "{written} bytes were taken");
    }
}

#[tokio::test]
async fn the_bound_holds_for_the_decoded_answer() {
    let zeros = vec![0; 64 << 20];
    for (name, bomb) in [
        ("gzip", compress::gzip(&zeros).await),
        ("br", compress::brotli(&zeros).await),
    ] {
        assert!(bomb.len() < 1 << 20);
        let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {name}\r\n");
        let server = Server::answering(answer(&head, &bomb), true).await;
        let error = server.get(&small_client(1 << 20)).await.unwrap_err();
        assert_eq!(
            (error.kind, error.reached),
            (SendErrorKind::TooLarge, Reached::MaybeApplied)
        );
    }
    let server = Server::answering(answer("HTTP/1.1 200 OK\r\n", &[b'x'; 1000]), true).await;
    assert!(server.get(&small_client(1000)).await.is_ok());
    assert!(server.get(&small_client(999)).await.is_err());
}

#[tokio::test]
async fn a_content_length_that_lies_is_not_believed() {
    // Too long: the answer is cut where it says, and what follows is not taken
    // for the answer to the next request.
    let server = Server::answering(
        &b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"[..],
        true,
    )
    .await;
    let client = client();
    for _ in 0..10 {
        match server.get(&client).await {
            Ok(answer) => assert_eq!(answer.body, "ok"),
            Err(error) => assert_eq!(error.kind, SendErrorKind::ConnectionLost),
        }
    }
    // Too short: the connection ends first.
    let server = Server::answering(
        &b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok"[..],
        false,
    )
    .await;
    let error = server.get(&client).await.unwrap_err();
    assert_eq!(
        (error.kind, error.reached),
        (SendErrorKind::ConnectionLost, Reached::MaybeApplied)
    );
    // Two that differ: RFC 9112 §6.3 calls it an error.
    let server = Server::answering(
        &b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok1"[..],
        false,
    )
    .await;
    assert_eq!(
        server.get(&client).await.unwrap_err().reached,
        Reached::MaybeApplied
    );
}

#[tokio::test]
async fn many_requests_at_once_share_one_client() {
    let server = Server::answering(answer("HTTP/1.1 200 OK\r\n", b"ok"), true).await;
    let client = client();
    let all = (0..200).map(|_| server.post(&client, "x"));
    for answer in futures_util::future::join_all(all).await {
        assert_eq!(answer.unwrap().body, "ok");
    }
}
