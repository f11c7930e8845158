//! How far a request got: the difference between "again" and "unknown".

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::server::{PATIENCE, Server, answer, client, options, read_request, reset};
use crate::http::{Client, ClientOptions, Outgoing, Reached, SendError, SendErrorKind};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn body_of(request: Vec<u8>) -> String {
    let text = String::from_utf8(request).unwrap();
    text.rsplit("\r\n").next().unwrap().to_owned()
}

fn what(error: &SendError) -> (SendErrorKind, Reached) {
    (error.kind, error.reached)
}

fn to(url: &str) -> Outgoing {
    Outgoing {
        method: Method::POST,
        uri: url.parse().unwrap(),
        headers: http::HeaderMap::new(),
        body: Bytes::from_static(b"x"),
    }
}

#[tokio::test]
async fn a_refused_port_was_not_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/x?sign=secret", listener.local_addr().unwrap());
    drop(listener);
    let error = client().send(to(&url)).await.unwrap_err();
    assert_eq!(what(&error), (SendErrorKind::Connect, Reached::NotSent));
    assert!(!error.message.contains("secret"), "{}", error.message);
}

#[tokio::test]
async fn a_name_that_does_not_exist_was_not_reached() {
    // RFC 6761: never resolves.
    let error = client()
        .send(to("http://nowhere.invalid/x"))
        .await
        .unwrap_err();
    assert_eq!(what(&error), (SendErrorKind::Resolve, Reached::NotSent));
    assert!(
        error.message.contains("nowhere.invalid"),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn private_addresses_are_refused_by_number_and_by_name() {
    let server = Server::answering(OK, true).await;
    let client = Client::new(ClientOptions {
        allow_private: false,
        ..options()
    })
    .unwrap();
    let port = server.address.port();
    for host in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "127.1",
        "0",
    ] {
        let error = client
            .send(to(&format!("http://{host}:{port}/")))
            .await
            .unwrap_err();
        assert_eq!(
            what(&error),
            (SendErrorKind::RefusedAddress, Reached::NotSent),
            "{host}"
        );
        assert!(error.message.contains("allow_private"), "{}", error.message);
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn time_that_runs_out_while_connecting_leaves_nothing_sent() {
    // A full backlog on Linux drops the handshake: nobody answers.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(Ok(tcp)) = tokio::time::timeout(
        Duration::from_millis(200),
        tokio::net::TcpStream::connect(address),
    )
    .await
    {
        queued.push(tcp);
    }
    let url = format!("http://{address}/");
    let connect = Client::new(ClientOptions {
        connect_timeout: Duration::from_millis(50),
        ..options()
    })
    .unwrap();
    let error = connect.send(to(&url)).await.unwrap_err();
    assert_eq!(what(&error), (SendErrorKind::Connect, Reached::NotSent));
    let total = Client::new(ClientOptions {
        timeout: Duration::from_millis(50),
        ..options()
    })
    .unwrap();
    let error = total.send(to(&url)).await.unwrap_err();
    assert_eq!(what(&error), (SendErrorKind::Timeout, Reached::NotSent));
}

#[tokio::test]
async fn a_reset_right_after_accept_is_never_called_unsent_if_bytes_arrived() {
    for wait_for_bytes in [true, false] {
        for _ in 0..20 {
            let server = Server::start(move |tcp, _| async move {
                if wait_for_bytes {
                    assert_eq!(tcp.peek(&mut [0]).await.unwrap(), 1);
                }
                reset(tcp);
            })
            .await;
            let error = server.post(&client(), "x").await.unwrap_err();
            assert_eq!(error.kind, SendErrorKind::ConnectionLost);
            if wait_for_bytes {
                assert_eq!(error.reached, Reached::MaybeApplied);
            }
        }
    }
}

#[tokio::test]
async fn a_connection_lost_after_the_request_leaves_the_outcome_open() {
    for (rst, part) in [
        (true, &b""[..]),
        (false, b""),
        (false, b"HTTP/1.1 200"),
        (false, b"HTTP/1.1 100 Continue\r\n\r\n"),
        (true, b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"),
        (false, b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"),
        (
            false,
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        ),
    ] {
        let server = Server::start(move |mut tcp, _| async move {
            read_request(&mut tcp).await.unwrap();
            tcp.write_all(part).await.unwrap();
            if rst {
                reset(tcp);
            }
        })
        .await;
        let error = server.post(&client(), "x").await.unwrap_err();
        assert_eq!(
            what(&error),
            (SendErrorKind::ConnectionLost, Reached::MaybeApplied),
            "{part:?}"
        );
        assert_eq!(server.connections(), 1, "sent again: {part:?}");
    }
}

#[tokio::test]
async fn an_answer_that_takes_too_long_leaves_the_outcome_open() {
    for part in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
    ] {
        let server = Server::start(move |mut tcp, _| async move {
            read_request(&mut tcp).await.unwrap();
            tcp.write_all(part).await.unwrap();
            // Until the client gives up and closes.
            assert_eq!(tcp.read(&mut [0]).await.unwrap_or(0), 0);
        })
        .await;
        let client = Client::new(ClientOptions {
            timeout: Duration::from_millis(100),
            ..options()
        })
        .unwrap();
        let error = server.post(&client, "x").await.unwrap_err();
        assert_eq!(
            what(&error),
            (SendErrorKind::Timeout, Reached::MaybeApplied)
        );
    }
}

#[tokio::test]
async fn a_body_the_platform_stops_reading_leaves_the_outcome_open() {
    let server = Server::start(|mut tcp, _| async move {
        tcp.read_exact(&mut [0; 100]).await.unwrap();
        reset(tcp);
    })
    .await;
    let error = server
        .post(&client(), vec![b'x'; 64 << 20])
        .await
        .unwrap_err();
    assert_eq!(
        what(&error),
        (SendErrorKind::ConnectionLost, Reached::MaybeApplied)
    );
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_reused_connection_that_dies_after_the_request_is_not_retried() {
    let server = Server::start(|mut tcp, _| async move {
        read_request(&mut tcp).await.unwrap();
        tcp.write_all(OK).await.unwrap();
        read_request(&mut tcp).await.unwrap();
        reset(tcp);
    })
    .await;
    let client = client();
    server.post(&client, "1").await.unwrap();
    let error = server.post(&client, "2").await.unwrap_err();
    assert_eq!(
        what(&error),
        (SendErrorKind::ConnectionLost, Reached::MaybeApplied)
    );
    assert_eq!(server.connections(), 1);
}

/// The race that can't be decided by looking at it: the platform closes an idle
/// connection while the next request is being put on it. Whatever happens, no
/// request may arrive twice, and one that is called unsent may not arrive at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_connection_closed_while_idle_never_doubles_a_request() {
    let seen = Arc::new(Mutex::new(HashMap::<String, usize>::new()));
    let record = Arc::clone(&seen);
    let server = Server::start(move |mut tcp, number| {
        let record = Arc::clone(&record);
        async move {
            let mut served = 0;
            while let Some(request) = read_request(&mut tcp).await {
                *record.lock().unwrap().entry(body_of(request)).or_default() += 1;
                tcp.write_all(OK).await.unwrap();
                // Each connection closes right after an answer that promised to
                // keep it, some of them with RST, a few only after the second.
                served += 1;
                if served > usize::from(number % 3 == 0) {
                    if number % 2 == 0 {
                        reset(tcp);
                    }
                    break;
                }
            }
        }
    })
    .await;
    let client = client();
    let mut answered = 0;
    for id in (0..1000).map(|number| format!("id{number}")) {
        let result = server.post(&client, id.clone()).await;
        let count = seen.lock().unwrap().get(&id).copied().unwrap_or(0);
        match result {
            Ok(_) => {
                answered += 1;
                assert_eq!(count, 1, "{id}");
            }
            Err(error) if error.reached == Reached::NotSent => assert_eq!(count, 0, "{id}"),
            Err(error) => {
                assert_eq!(
                    error.kind,
                    SendErrorKind::ConnectionLost,
                    "{}",
                    error.message
                );
                assert!(count <= 1, "{id}");
            }
        }
    }
    assert!(answered > 500, "only {answered} answered");
}

/// The other race: the time runs out at the moment in which the request is
/// taken up. One that is called unsent may not arrive later either.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_request_that_ran_out_of_time_unsent_never_arrives() {
    let seen = Arc::new(Mutex::new(HashSet::<String>::new()));
    let open = Arc::new(());
    let (record, guard) = (Arc::clone(&seen), Arc::clone(&open));
    let server = Server::start(move |mut tcp, _| {
        let (record, guard) = (Arc::clone(&record), Arc::clone(&guard));
        async move {
            while let Some(request) = read_request(&mut tcp).await {
                record.lock().unwrap().insert(body_of(request));
                if tcp.write_all(OK).await.is_err() {
                    break;
                }
            }
            drop(guard);
        }
    })
    .await;
    let mut unsent = HashSet::new();
    for round in 0..30 {
        let client = Client::new(ClientOptions {
            timeout: Duration::from_millis(1 + round % 5),
            ..options()
        })
        .unwrap();
        // So many at once that some are cut off in every phase.
        let all = (0..200).map(|number| {
            let (id, client, server) = (format!("id{round}.{number}"), client.clone(), &server);
            async move { (server.post(&client, id.clone()).await, id) }
        });
        for (result, id) in futures_util::future::join_all(all).await {
            if result.is_err_and(|error| error.reached == Reached::NotSent) {
                unsent.insert(id);
            }
        }
    }
    // The clients are gone and with them their connections: once the last
    // handler has ended, everything that was sent has been seen. Two are held
    // here, by `open` and by the acceptor.
    tokio::time::timeout(PATIENCE, async {
        while Arc::strong_count(&open) > 2 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    let seen = seen.lock().unwrap();
    let both: Vec<_> = seen.intersection(&unsent).collect();
    assert!(both.is_empty(), "{both:?}");
    assert!(!seen.is_empty() && !unsent.is_empty());
}

#[tokio::test]
async fn a_connection_known_to_be_closed_is_replaced_without_a_word() {
    let closed = Arc::new(Notify::new());
    let tell = Arc::clone(&closed);
    let server = Server::start(move |mut tcp, number| {
        let tell = Arc::clone(&tell);
        async move {
            read_request(&mut tcp).await.unwrap();
            tcp.write_all(OK).await.unwrap();
            if number == 0 {
                tcp.shutdown().await.unwrap();
                // The client has seen the end and closed its own side.
                assert_eq!(tcp.read(&mut [0]).await.unwrap(), 0);
                tell.notify_one();
            }
        }
    })
    .await;
    let client = client();
    server.post(&client, "1").await.unwrap();
    closed.notified().await;
    server.post(&client, "2").await.unwrap();
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = Server::answering(answer("HTTP/1.1 200 OK\r\n", b"ok"), true).await;
    let client = client();
    for _ in 0..20 {
        assert_eq!(server.post(&client, "x").await.unwrap().body, "ok");
        server.get(&client.clone()).await.unwrap();
    }
    assert_eq!(server.connections(), 1);
}
