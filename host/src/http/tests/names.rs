//! Names with addresses of one family or of both, against real servers on them.

use http::{HeaderMap, Method};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::server::{Server, options, read_request};
use crate::http::resolve::Resolver;
use crate::http::{Client, ClientOptions, Outgoing, Reached, SendErrorKind};

/// Answers with the address on which it was called.
async fn server(address: &str) -> Server {
    let listener = TcpListener::bind(address).await.unwrap();
    Server::on(listener, |mut tcp, _| async move {
        let own = tcp.local_addr().unwrap().ip().to_string();
        let answer = super::server::answer("HTTP/1.1 200 OK\r\n", own.as_bytes());
        while read_request(&mut tcp).await.is_some() {
            tcp.write_all(&answer).await.unwrap();
        }
    })
}

fn client(names: &[(&str, &[&str])], options: ClientOptions) -> Client {
    Client::resolving(options, Resolver::of(names)).unwrap()
}

fn get(name: &str, port: u16) -> Outgoing {
    Outgoing {
        method: Method::GET,
        uri: format!("http://{name}:{port}/").parse().unwrap(),
        headers: HeaderMap::new(),
        body: bytes::Bytes::new(),
    }
}

#[tokio::test]
async fn a_name_with_ipv6_only_is_reached() {
    let server = server("[::1]:0").await;
    let client = client(&[("six.example", &["::1"])], options());
    let answer = client.send(get("six.example", server.address.port()));
    assert_eq!(answer.await.unwrap().body, "::1");
}

#[tokio::test]
async fn a_name_with_both_is_reached_by_whichever_answers() {
    let both: &[&str] = &["::1", "127.0.0.1"];
    for address in ["[::1]:0", "127.0.0.1:0"] {
        let server = server(address).await;
        for names in [both, &["127.0.0.1", "::1"]] {
            let client = client(&[("both.example", names)], options());
            let answer = client.send(get("both.example", server.address.port()));
            let own = server.address.ip().to_string();
            assert_eq!(answer.await.unwrap().body, own);
        }
    }
}

#[tokio::test]
async fn a_family_that_leads_nowhere_does_not_keep_the_other_from_being_tried() {
    // Discard-only (RFC 6666): no router passes it on.
    let names: Vec<String> = (1..=9).map(|n| format!("100::{n}")).collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.push("127.0.0.1");
    let server = server("127.0.0.1:0").await;
    let client = client(&[("both.example", &names)], options());
    let answer = client.send(get("both.example", server.address.port()));
    assert_eq!(answer.await.unwrap().body, "127.0.0.1");
}

#[tokio::test]
async fn a_name_with_public_and_private_addresses_is_not_reached_at_the_private_ones() {
    let server = server("127.0.0.1:0").await;
    let options = ClientOptions {
        allow_private: false,
        connect_timeout: std::time::Duration::from_millis(50),
        ..options()
    };
    let names: &[(&str, &[&str])] = &[("mixed.example", &["127.0.0.1"])];
    let client = client(names, options);
    let answer = client.send(get("mixed.example", server.address.port()));
    let error = answer.await.unwrap_err();
    assert_eq!(
        (error.kind, error.reached),
        (SendErrorKind::RefusedAddress, Reached::NotSent)
    );
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_request_comes_from_the_address_that_the_connection_names() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server::on(listener, |mut tcp, _| async move {
        let peer = tcp.peer_addr().unwrap().ip().to_string();
        read_request(&mut tcp).await.unwrap();
        let answer = super::server::answer("HTTP/1.1 200 OK\r\n", peer.as_bytes());
        tcp.write_all(&answer).await.unwrap();
    });
    let from = |address: &str| ClientOptions {
        bind_address: Some(address.parse().unwrap()),
        ..options()
    };
    let names: &[(&str, &[&str])] = &[("both.example", &["::1", "127.0.0.1"])];
    let request = || get("both.example", server.address.port());
    let answer = client(names, from("127.0.0.9")).send(request()).await;
    assert_eq!(answer.unwrap().body, "127.0.0.9");
    let strange = client(names, from("192.0.2.1")).send(request()).await;
    let error = strange.unwrap_err();
    assert_eq!(
        (error.kind, error.reached),
        (SendErrorKind::Shortage, Reached::NotSent)
    );
    assert!(error.message.contains("bind_address"), "{}", error.message);
    let names: &[(&str, &[&str])] = &[("six.example", &["::1"])];
    let other = client(names, from("127.0.0.9"))
        .send(get("six.example", 1))
        .await;
    let error = other.unwrap_err();
    assert!(error.message.contains("IPv6"), "{}", error.message);
}

#[tokio::test]
async fn a_name_that_moved_is_looked_up_again() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    let server = server("127.0.0.1:0").await;
    let moved = Arc::new(AtomicBool::new(false));
    let seen = moved.clone();
    let resolver = Resolver::asking(move |_| {
        // Nobody listens on ::1 at that port.
        let address = if seen.load(Ordering::SeqCst) {
            "127.0.0.1"
        } else {
            "::1"
        };
        let address = std::net::SocketAddr::new(address.parse().unwrap(), 0);
        Box::pin(std::future::ready(Ok([address].into())))
    });
    let client = Client::resolving(options(), resolver).unwrap();
    let request = || get("moving.example", server.address.port());
    assert!(client.send(request()).await.is_err());
    moved.store(true, Ordering::SeqCst);
    assert_eq!(client.send(request()).await.unwrap().body, "127.0.0.1");
}
