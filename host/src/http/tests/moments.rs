//! When an answer comes: while the body is still going out, after a reset, in
//! the instant in which the time runs out, byte by byte.

use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::server::{Server, answer, client, options, read_request, reset};
use crate::http::{Client, ClientOptions, Reached, SendErrorKind};

const BIG: usize = 32 << 20;

#[tokio::test]
async fn an_answer_to_half_a_request_is_read() {
    for wait in [true, false] {
        // Like a proxy: 413 at once, and the connection is closed while the body
        // is still being written.
        let server = Server::start(move |mut tcp, _| async move {
            tcp.read_exact(&mut [0; 1000]).await.unwrap();
            tcp.write_all(&answer(
                "HTTP/1.1 413 Too Large\r\nconnection: close\r\n",
                b"too much",
            ))
            .await
            .unwrap();
            if wait {
                let _ = tcp.shutdown().await;
                // Reads on, so that nothing is reset.
                let mut sink = vec![0; 1 << 16];
                while tcp.read(&mut sink).await.is_ok_and(|read| read > 0) {}
            }
        })
        .await;
        let answer = server.post(&client(), vec![b'x'; BIG]).await.unwrap();
        assert_eq!(
            (answer.status, &answer.body[..]),
            (StatusCode::PAYLOAD_TOO_LARGE, &b"too much"[..]),
            "reads on: {wait}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_a_reset_follows_is_read() {
    let server = Server::start(|mut tcp, _| async move {
        read_request(&mut tcp).await.unwrap();
        tcp.write_all(&answer("HTTP/1.1 200 OK\r\n", b"done"))
            .await
            .unwrap();
        reset(tcp);
    })
    .await;
    for _ in 0..20 {
        match server.post(&client(), "x").await {
            Ok(answer) => assert_eq!(answer.body, "done"),
            // The reset may overtake what it follows: then nobody knows.
            Err(error) => assert_eq!(
                (error.kind, error.reached),
                (SendErrorKind::ConnectionLost, Reached::MaybeApplied)
            ),
        }
    }
}

#[tokio::test]
async fn an_answer_in_single_bytes_is_read_within_its_time() {
    let bytes = answer("HTTP/1.1 200 OK\r\n", b"done");
    let server = Server::start(move |mut tcp, _| {
        let bytes = bytes.clone();
        async move {
            tcp.set_nodelay(true).unwrap();
            read_request(&mut tcp).await.unwrap();
            for byte in bytes {
                tcp.write_all(&[byte]).await.unwrap();
                tokio::task::yield_now().await;
            }
        }
    })
    .await;
    assert_eq!(server.post(&client(), "x").await.unwrap().body, "done");

    // Without end, it runs out of time however steadily it comes.
    let server = Server::start(|mut tcp, _| async move {
        read_request(&mut tcp).await.unwrap();
        tcp.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        while tcp.write_all(b"x").await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let client = Client::new(ClientOptions {
        timeout: Duration::from_millis(200),
        response_body: 1 << 30,
        ..options()
    })
    .unwrap();
    let error = server.post(&client, "x").await.unwrap_err();
    assert_eq!(
        (error.kind, error.reached),
        (SendErrorKind::Timeout, Reached::MaybeApplied)
    );
}

#[tokio::test]
async fn a_request_whose_time_is_over_is_never_sent() {
    let server = Server::answering(answer("HTTP/1.1 200 OK\r\n", b"ok"), true).await;
    let client = client();
    // There is an idle connection: nothing would have to be waited for.
    server.post(&client, "first").await.unwrap();
    for late in [Duration::ZERO, Duration::from_secs(1)] {
        let deadline = Instant::now() - late;
        let error = client
            .send_until(server.request(Method::POST, "/x"), deadline)
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind, error.reached),
            (SendErrorKind::Timeout, Reached::NotSent)
        );
    }
}
